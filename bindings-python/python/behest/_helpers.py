"""What needs no client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from behest import _native
from behest._base import resolve
from behest._errors import BehestBadRequestError, BehestError
from behest._json import decode_plain, encode, text
from behest._options import check_client

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from behest._options import ClientOptions
    from behest.types import Config


def generate_session_id() -> str:
    """A new session's id: a random UUID.

    Example:
        ```python
        from behest import generate_session_id

        assert len(generate_session_id()) == 36
        ```
    """
    from uuid import uuid4

    return str(uuid4())


def decode_token(token: str) -> dict[str, Any]:
    """The claims of a token. They are not verified: that is the gateway's part.

    Raises:
        BehestBadRequestError: It is no token.

    Example:
        ```python
        from behest import decode_token

        minted = await client.auth.mint(user_id="ann")
        assert decode_token(minted.token)["uid"] == "ann"
        ```
    """
    return decode_plain(_native.decode_token(text(token)))


def detect_mode(key: str) -> str:
    """`apiKey` for an API key, `sign` for a private key.

    Raises:
        BehestConfigError: It is neither.

    Example:
        ```python
        from behest import detect_mode

        assert detect_mode("behest_sk_live_" + 32 * "0") == "apiKey"
        ```
    """
    return _native.detect_mode(text(key))


def resolve_config(**options: Unpack[ClientOptions]) -> Config:
    """What a client with these options would run with, the environment included. No secret is in it.

    Raises:
        BehestConfigError: A client cannot be made of them.

    Example:
        ```python
        from behest import resolve_config

        config = resolve_config(key="behest_sk_live_" + 32 * "0", base_url="http://localhost:8080/v1/")
        assert config.base_url == "http://localhost:8080"
        ```
    """
    check_client("resolve_config", options)
    return resolve(options)


def classify_http_error(
    status: int, headers: Mapping[str, str] | None = None, body: Mapping[str, Any] | str | bytes | None = None
) -> BehestError:
    """The error that a client would raise for this answer. It is returned, not raised.

    Args:
        status: The answer's HTTP status.
        headers: Its headers.
        body: Its body: JSON that was read already, or text.

    Raises:
        BehestBadRequestError: The status is none.

    Example:
        ```python
        from behest import BehestRateLimitError, classify_http_error

        error = classify_http_error(429, {"Retry-After": "7"}, {"error": {"code": "rate_limited"}})
        assert isinstance(error, BehestRateLimitError)
        assert error.retry_after == 7
        ```
    """
    if not 100 <= status <= 999:
        raise BehestBadRequestError("status must be an HTTP status: 100 to 999", param="status")
    if body is None:
        raw = b""
    elif isinstance(body, bytes):
        raw = body
    elif isinstance(body, str):
        raw = body.encode(errors="replace")
    else:
        raw = encode(body)
    return _native.classify(status, [(text(name), text(value)) for name, value in (headers or {}).items()], raw)
