"""What calls raise. Which class a failure gets is the core's decision; the classes are here."""

from __future__ import annotations

import json
from typing import Any, ClassVar


class BehestError(Exception):
    """Anything that goes wrong with a call. Its text says what to do.

    `status` is the HTTP status, or the one that usually goes with the failure, or None; `code` is a stable name to
    branch on; `trace_id` is the gateway's name for the call, to quote to its operator; `raw` is the answer's body as it
    came; `param` may name the option or field that is wrong, `details` has the numbers of a limit; `retry_after` is how
    many seconds to wait, where the gateway says.

    Example:
        ```python
        from behest import BehestError

        try:
            await client.threads.get("no-such-thread", user_id="ann")
        except BehestError as error:
            assert (error.status, error.code) == (404, "not_found")
        ```
    """

    _status: ClassVar[int | None] = None
    _code: ClassVar[str] = "error"

    def __init__(
        self,
        message: str = "",
        *,
        status: int | None = None,
        code: str | None = None,
        trace_id: str | None = None,
        raw: Any = None,
        param: str | None = None,
        details: Any = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status: int | None = self._status if status is None else status
        self.code: str = code or self._code
        self.trace_id = trace_id
        self.raw = raw
        self.param = param
        self.details = details
        self.retry_after = retry_after

    @property
    def message(self) -> str:
        """What went wrong, and what to do."""
        return str(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r}, status={self.status}, code={self.code!r})"


class BehestAuthError(BehestError):
    """401 and 403: the key or the token is not accepted, or not for this."""

    _status = 401
    _code = "invalid_token"


class BehestQuotaError(BehestError):
    """402: requests per day, tokens or money are used up; `details` says which limit, and when it starts anew."""

    _status = 402
    _code = "quota_exceeded"


class BehestRateLimitError(BehestError):
    """429: too many calls at a time; `retry_after` is how many seconds to wait."""

    _status = 429
    _code = "rate_limited"


class BehestBadRequestError(BehestError):
    """400 and 422: the call is wrong as it was made; `param` may say where. Also raised before anything is sent."""

    _status = 400
    _code = "validation_error"


class BehestBlockedError(BehestError):
    """451: the PII Shield or the Sentinel refused the text; `details` says why, never what."""

    _status = 451
    _code = "content_blocked"


class BehestServerError(BehestError):
    """5xx, no connection, no answer in time, or an answer that broke off."""

    _status = 500
    _code = "server_error"


class BehestConfigError(BehestError):
    """The client cannot be made: no key, or an option that is none. Nothing was sent."""

    _code = "bad_value"


_CLASSES: dict[str, type[BehestError]] = {
    "auth": BehestAuthError,
    "quota": BehestQuotaError,
    "rate_limit": BehestRateLimitError,
    "bad_request": BehestBadRequestError,
    "blocked": BehestBlockedError,
    "server": BehestServerError,
    "config": BehestConfigError,
}


def from_json(text: str) -> BehestError:
    """The exception for an error of the core, which calls this with the error's JSON."""
    told: dict[str, Any] = json.loads(text)
    kind = _CLASSES.get(told.pop("kind"), BehestError)
    return kind(told.pop("message"), **told)


def closed(what: str) -> BehestError:
    """The exception for using what was closed."""
    return BehestError(f"{what} was closed", code="closed")
