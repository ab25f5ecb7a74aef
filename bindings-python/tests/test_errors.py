"""Errors of every class: what they carry, and that they travel between processes."""

import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import behest
from behest import BehestError, SyncBehest, classify_http_error, decode_token, detect_mode
from scripted import HELLO

CLASSES: list[tuple[type[BehestError], int | None, str]] = [
    (behest.BehestError, None, "error"),
    (behest.BehestAuthError, 401, "invalid_token"),
    (behest.BehestQuotaError, 402, "quota_exceeded"),
    (behest.BehestRateLimitError, 429, "rate_limited"),
    (behest.BehestBadRequestError, 400, "validation_error"),
    (behest.BehestBlockedError, 451, "content_blocked"),
    (behest.BehestServerError, 500, "server_error"),
    (behest.BehestConfigError, None, "bad_value"),
]


@pytest.mark.parametrize(("kind", "status", "code"), CLASSES)
def test_each_class_is_a_behest_error_with_its_usual_status(
    kind: type[BehestError], status: int | None, code: str
) -> None:
    error = kind("what to do")
    assert isinstance(error, BehestError)
    assert (str(error), error.message, error.status, error.code) == ("what to do", "what to do", status, code)
    assert (error.trace_id, error.raw, error.param, error.details, error.retry_after) == (None,) * 5
    assert repr(error) == f"{kind.__name__}('what to do', status={status}, code={code!r})"


def test_an_error_can_be_pickled() -> None:
    error = behest.BehestRateLimitError("slow down", trace_id="abc", raw={"a": 1}, details={"limit": 3}, retry_after=7)
    twin = pickle.loads(pickle.dumps(error))
    assert type(twin) is type(error)
    assert str(twin) == "slow down"
    assert vars(twin) == vars(error)


NESTED = {"error": {"code": "tier_limit", "message": "no more", "param": "model", "details": {"limit": 3}}}


@pytest.mark.parametrize("body", [NESTED, b'{"error":{"code":"tier_limit"}}', '{"code":"tier_limit"}'])
def test_an_answer_is_classified_whatever_form_its_body_has(body: Any) -> None:
    error = classify_http_error(402, {"X-Trace-Id": "abc"}, body)
    assert type(error) is behest.BehestQuotaError
    assert (error.code, error.trace_id) == ("tier_limit", "abc")


def test_an_answer_is_classified_by_its_status_alone() -> None:
    assert type(classify_http_error(451)) is behest.BehestBlockedError
    assert type(classify_http_error(418)) is BehestError
    error = classify_http_error(422, body=NESTED)
    assert (error.message, error.param, error.details, error.raw) == ("no more", "model", {"limit": 3}, NESTED)


def test_what_is_no_token_is_refused() -> None:
    with pytest.raises(behest.BehestBadRequestError) as raised:
        decode_token("swordfish")
    assert "swordfish" not in str(raised.value)


HALF = "swordfish \udcff"
KEY = "behest_sk_live_" + 32 * "0"


@pytest.mark.parametrize(
    ("kind", "work"),
    [
        (behest.BehestConfigError, lambda client: SyncBehest(key=HALF)),
        (behest.BehestConfigError, lambda client: detect_mode(HALF)),
        (behest.BehestBadRequestError, lambda client: decode_token(HALF)),
        (behest.BehestBadRequestError, lambda client: client.auth.mint(user_id=HALF)),
        (behest.BehestBadRequestError, lambda client: client.models.list(token=HALF)),
        (
            behest.BehestBadRequestError,
            lambda client: client.chat.completions.create(messages=[{"role": "user", "content": HALF}]),
        ),
    ],
)
def test_a_text_that_cannot_be_encoded_is_refused_and_not_repeated(
    kind: type[BehestError], work: Callable[[SyncBehest], object]
) -> None:
    with SyncBehest(key=KEY) as client, pytest.raises(kind) as raised:
        work(client)
    error: BaseException | None = raised.value
    while error is not None:
        assert "swordfish" not in repr(error) + repr(error.args)
        error = error.__context__


def test_an_answer_that_cannot_be_encoded_is_classified() -> None:
    error = classify_http_error(429, {"X-Trace-Id": HALF}, HALF)
    assert type(error) is behest.BehestRateLimitError


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_a_number_that_json_lacks_is_refused(number: float) -> None:
    with pytest.raises(behest.BehestConfigError, match="infinite or NaN"):
        SyncBehest(key=KEY, timeout=number)
    with SyncBehest(key=KEY) as client:
        for options in ({"timeout": number}, {"temperature": number}):
            with pytest.raises(behest.BehestBadRequestError, match="infinite or NaN"):
                client.chat.completions.create(messages=HELLO, **options)  # type: ignore[call-overload]


@pytest.mark.parametrize("status", [-1, 0, 99_999])
def test_what_is_no_status_is_refused(status: int) -> None:
    with pytest.raises(behest.BehestBadRequestError) as raised:
        classify_http_error(status)
    assert raised.value.param == "status"
