"""Errors of every class: what they carry, and that they travel between processes."""

import pickle
from typing import Any

import pytest

import behest
from behest import BehestError, classify_http_error, decode_token

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
