"""The error classes of the packages before 1.5, as kinds of the present ones."""

from __future__ import annotations

from typing import Any, ClassVar

from behest._errors import (
    BehestAuthError,
    BehestBadRequestError,
    BehestBlockedError,
    BehestError,
    BehestQuotaError,
    BehestRateLimitError,
    BehestServerError,
)
from behest._helpers import classify_http_error


class _Legacy(BehestError):
    """Their words: `request_id` for `trace_id`, `response_body` for `raw`."""

    _message: ClassVar[str] = ""

    def __init__(
        self,
        message: str = "",
        *,
        request_id: str | None = None,
        response_body: Any = None,
        retry_after_ms: int | None = None,
        **fields: Any,
    ) -> None:
        if retry_after_ms is not None:
            fields["retry_after"] = -(-retry_after_ms // 1000)
        fields.setdefault("trace_id", request_id)
        fields.setdefault("raw", response_body)
        super().__init__(message or self._message, **fields)

    @property
    def request_id(self) -> str | None:
        return self.trace_id

    @property
    def response_body(self) -> Any:
        return self.raw

    @property
    def retry_after_ms(self) -> int | None:
        """How many milliseconds to wait, where the gateway says."""
        return None if self.retry_after is None else self.retry_after * 1000


class AuthenticationError(_Legacy, BehestAuthError):
    """401: the key or the token is not accepted."""

    _message = "Authentication failed"


class TokenExpiredError(AuthenticationError):
    """401: the token has expired."""

    _message = "Token expired"
    _code = "token_expired"


class RateLimitError(_Legacy, BehestRateLimitError):
    """429: too many calls at a time."""

    _message = "Rate limited"


class ValidationError(_Legacy, BehestBadRequestError):
    """400: the call is wrong as it was made."""

    _message = "Validation failed"


class PIIBlockedError(_Legacy, BehestBlockedError):
    """451: the PII Shield refused the text."""

    _message = "PII blocked"
    _code = "pii_blocked"


class ContentBlockedError(_Legacy, BehestBlockedError):
    """451: the Sentinel refused the text."""

    _message = "Content blocked"


class BudgetExceededError(_Legacy, BehestQuotaError):
    """402: the budget is used up."""

    _message = "Budget exceeded"
    _code = "budget_exceeded"


class ServerError(_Legacy, BehestServerError):
    """5xx."""

    _message = "Server error"


_BY_CODE: dict[str, type[BehestError]] = {
    "BEHEST_AUTH_EXPIRED": TokenExpiredError,
    "token_expired": TokenExpiredError,
    "pii_blocked": PIIBlockedError,
    "content_blocked": ContentBlockedError,
    "budget_exceeded": BudgetExceededError,
}
_BY_CLASS: dict[type[BehestError], type[BehestError]] = {
    BehestAuthError: AuthenticationError,
    BehestQuotaError: BudgetExceededError,
    BehestBlockedError: ContentBlockedError,
    BehestRateLimitError: RateLimitError,
    BehestBadRequestError: ValidationError,
    BehestServerError: ServerError,
}


def parse_error_response(response: Any) -> BehestError:
    """The error for a response of `httpx` or `requests`. It is returned, not raised."""
    error = classify_http_error(response.status_code, dict(response.headers), response.text)
    kind = _BY_CODE.get(error.code) or _BY_CLASS.get(type(error))
    if kind is AuthenticationError and error.status == 401 and "expired" in str(error).lower():
        kind = TokenExpiredError
    return error if kind is None else kind(str(error), **vars(error))
