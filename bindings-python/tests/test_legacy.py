"""The names of the packages before 1.5 work, and each warns once."""

import time
import warnings
from typing import Any

import httpx
import pytest

import behest
import programs
import signing_keys
from behest import BehestError, SyncBehest, decode_token
from behest._legacy import _NAMES
from gateway import Gateway
from scripted import HELLO

pytestmark = pytest.mark.filterwarnings("ignore:.* is deprecated:DeprecationWarning")


@pytest.fixture(scope="module")
def key(gateway: Gateway) -> signing_keys.SigningKey:
    return signing_keys.create(gateway)


@pytest.mark.parametrize("name", _NAMES)
def test_each_name_warns_once_where_it_is_used(name: str) -> None:
    program = f"""
        import warnings
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            from behest import {name}
            from behest import {name} as again
            assert again is {name}
        caught = [it for it in caught if "{name}" in str(it.message)]
        print(*[(it.category.__name__, it.lineno) for it in caught], caught[0].message)
    """
    out = programs.run(program, {})
    assert out.startswith(f"('DeprecationWarning', 5) {name} is deprecated: use ")


def test_the_legacy_client_is_openais_with_a_user(gateway: Gateway, user: str) -> None:
    for base_url in (gateway.origin, gateway.base_url):
        with behest.BehestClient(api_key=gateway.api_key, base_url=base_url, end_user_id=user, max_retries=0) as client:
            answer = client.chat.completions.create(model="default", messages=HELLO)  # type: ignore[arg-type]
            assert answer.choices[0].message.content == "You said: Hello"
    with SyncBehest(key=gateway.api_key, base_url=gateway.origin) as ours:
        assert ours.usage.get(user_id=user).totals.requests == 2


def test_the_legacy_client_reads_the_environment(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(behest.BehestConfigError, match="BEHEST_API_KEY is not set"):
        behest.BehestClient()
    monkeypatch.setenv("BEHEST_API_KEY", gateway.api_key)
    monkeypatch.setenv("BEHEST_BASE_URL", gateway.origin)
    with behest.BehestClient() as client:
        assert str(client.base_url) == f"{gateway.base_url}/"
        assert client.models.list().data


def test_the_legacy_signing_client_signs(gateway: Gateway, key: signing_keys.SigningKey) -> None:
    with behest.BehestSigningClient(
        signing_key_pem=key.pem,
        key_id=key.kid,
        tenant_id=gateway.tenant_id,
        project_id=gateway.project_id,
        base_url=gateway.base_url,
        default_user_id="ada",
    ) as client:
        assert client.chat.completions.create(model="default", messages=HELLO).choices  # type: ignore[arg-type]
        signed = client.sign_token(user_id="grace", ttl=600)
        assert (decode_token(signed["access_token"])["uid"], signed["expires_in"]) == ("grace", 600)


def test_a_legacy_token_has_the_eight_claims(gateway: Gateway, key: signing_keys.SigningKey) -> None:
    asked: dict[str, Any] = {
        "key_id": key.kid,
        "tenant_id": gateway.tenant_id,
        "project_id": gateway.project_id,
        "user_id": "ada",
    }
    for pem in (key.pem, key.pkcs1):
        signed = behest.sign_behest_jwt(private_key_pem=pem, **asked)
        claims = decode_token(signed["access_token"])
        assert list(claims) == ["tid", "pid", "uid", "iss", "aud", "iat", "nbf", "exp"]
        assert (claims["iss"], claims["aud"], signed["expires_in"]) == ("behest", "behest", 3600)
        assert abs(signed["expires_at"] - time.time() - 3600) < 60
        with SyncBehest(key=gateway.api_key, base_url=gateway.origin) as client:
            assert client.models.list(token=signed["access_token"]).data
    for wrong in ({"private_key_pem": "x"}, {"private_key_pem": key.pem, "key_id": "other"}):
        with pytest.raises(BehestError) as raised:
            behest.sign_behest_jwt(**{**asked, **wrong})
        assert raised.value.code == "invalid_signing_key"


def legacy(status: int, code: str, **headers: str) -> BehestError:
    """What the legacy parser makes of the gateway's own answer."""
    body = {"error": {"code": code, "message": "no"}, "message": "no", "code": code}
    return behest.parse_error_response(httpx.Response(status, json=body, headers=headers))


def test_a_refusal_becomes_a_legacy_error_of_the_one_hierarchy() -> None:
    for status, code, kind, present in [
        (401, "invalid_token", behest.AuthenticationError, behest.BehestAuthError),
        (401, "token_expired", behest.TokenExpiredError, behest.AuthenticationError),
        (429, "rate_limited", behest.RateLimitError, behest.BehestRateLimitError),
        (400, "validation_error", behest.ValidationError, behest.BehestBadRequestError),
        (401, "BEHEST_AUTH_EXPIRED", behest.TokenExpiredError, behest.AuthenticationError),
        (402, "budget_exceeded", behest.BudgetExceededError, behest.BehestQuotaError),
        (402, "quota_exceeded", behest.BudgetExceededError, behest.BehestQuotaError),
        (451, "pii_blocked", behest.PIIBlockedError, behest.BehestBlockedError),
        (451, "content_blocked", behest.ContentBlockedError, behest.BehestBlockedError),
        (451, "something_else", behest.ContentBlockedError, behest.BehestBlockedError),
        (503, "unavailable", behest.ServerError, behest.BehestServerError),
        (404, "not_found", BehestError, BehestError),
    ]:
        error = legacy(status, code)
        assert type(error) is kind
        assert isinstance(error, present)
        assert (error.status, error.code, str(error)) == (status, code, "no")


def test_a_legacy_error_keeps_its_legacy_words() -> None:
    error: Any = legacy(429, "rate_limited", **{"Retry-After": "7", "X-Request-Id": "abc"})
    assert (error.retry_after_ms, error.request_id, error.response_body["code"]) == (7000, "abc", "rate_limited")
    made: Any = behest.RateLimitError(retry_after_ms=1500, request_id="abc")
    assert (str(made), made.status, made.retry_after_ms, made.trace_id) == ("Rate limited", 429, 2000, "abc")


def test_the_legacy_parser_reads_nested_and_foreign_answers() -> None:
    """The published parser crashed on the first."""
    nested = behest.parse_error_response(
        httpx.Response(401, json={"error": {"code": "token_expired", "message": "no"}})
    )
    assert type(nested) is behest.TokenExpiredError
    foreign = behest.parse_error_response(httpx.Response(502, text="<html>"))
    assert (type(foreign), foreign.raw) == (behest.ServerError, "<html>")


def test_a_name_that_warned_does_not_warn_again() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert behest.ServerError is behest.ServerError


def test_a_401_that_speaks_of_expiry_is_an_expired_token() -> None:
    for status, kind in ((401, behest.TokenExpiredError), (403, behest.AuthenticationError)):
        answer = httpx.Response(status, json={"message": "The token has Expired"})
        assert type(behest.parse_error_response(answer)) is kind


def signing(gateway: Gateway, key: signing_keys.SigningKey, **options: Any) -> "behest.BehestSigningClient":
    return behest.BehestSigningClient(
        signing_key_pem=key.pem,
        key_id=key.kid,
        tenant_id=gateway.tenant_id,
        project_id=gateway.project_id,
        base_url=gateway.base_url,
        **options,
    )


def test_the_legacy_signing_client_signs_anew_before_its_token_ends(
    gateway: Gateway, key: signing_keys.SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    with signing(gateway, key, token_ttl=600) as client:
        now = time.time()
        client.api_key = "kept"
        monkeypatch.setattr(time, "time", lambda: now + 500)
        assert client.auth_headers == {"Authorization": "Bearer kept"}
        monkeypatch.setattr(time, "time", lambda: now + 590)
        signed = client.auth_headers["Authorization"].removeprefix("Bearer ")
        assert decode_token(signed)["uid"] == "anonymous"


def test_legacy_clients_can_be_copied(gateway: Gateway, key: signing_keys.SigningKey, user: str) -> None:
    with (
        behest.BehestClient(api_key=gateway.api_key, base_url=gateway.origin, end_user_id=user) as client,
        signing(gateway, key, default_user_id="ada", token_ttl=600) as signer,
    ):
        for original in (client, signer):
            for again in (original.with_options(timeout=7), original.copy(timeout=7)):
                assert type(again) is type(original)
                assert (again.timeout, again.base_url) == (7, original.base_url)
                assert again.models.list().data
        assert client.copy().default_headers["X-End-User-Id"] == user
        signed = signer.copy().sign_token()
        assert (decode_token(signed["access_token"])["uid"], signed["expires_in"]) == ("ada", 600)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("client", "BehestClient"),
        ("errors", "parse_error_response"),
        ("signing", "sign_behest_jwt"),
        ("v1_5", "Behest"),
    ],
)
def test_each_module_of_old_is_there_and_warns_once(module: str, name: str) -> None:
    program = f"""
        import warnings
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            from behest.{module} import {name}
            import behest
            assert behest.{module}.{name} is {name}
            assert all(hasattr(behest.{module}, each) for each in behest.{module}.__all__)
        print(*[(it.category.__name__, it.lineno, str(it.message)) for it in caught])
    """
    assert programs.run(program, {}).startswith(f"('DeprecationWarning', 5, 'behest.{module} is deprecated: use ")
    attribute = f"""
        import behest, warnings
        warnings.simplefilter("ignore")
        print(behest.{module}.{name}.__name__)
    """
    assert programs.run(attribute, {}) == f"{name}\n"
