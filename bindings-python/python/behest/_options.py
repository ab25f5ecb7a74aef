"""What a program says beside a call, and to make a client; written as the JSON that the core reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from behest._errors import BehestBadRequestError, BehestConfigError, BehestError
from behest._json import encode


class QueryOptions(TypedDict, total=False):
    """What every call takes but the end user and the session."""

    tier: int | str | None
    """The end user's entitlement: a number or a name."""
    token: str | None
    """A token of the caller's own. None is minted then, and a 401 is final."""
    tags: Mapping[str, str] | None
    """Labels for the cost reports."""
    timeout: float | None
    """How many seconds the call may take, retries included; for a stream, until it begins."""
    max_retries: int | None
    """How often a call that failed for a passing reason is tried again."""
    headers: Mapping[str, str] | None
    """More headers."""


class CallOptions(QueryOptions, total=False):
    """What every call takes. Whatever is left out, or None, is the client's own setting."""

    user_id: str | None
    """The end user that the call is for: whose limits, price and history."""
    session_id: str | None
    """The session to charge."""


class ClientOptions(TypedDict, total=False):
    """What a client takes; see `Behest`."""

    key: str | None
    base_url: str | None
    tenant_id: str | None
    project_id: str | None
    kid: str | None
    default_user_id: str | None
    tier: int | str | None
    ttl: int | None
    issuer: str | None
    audience: str | None
    timeout: float | None
    max_retries: int | None
    default_headers: Mapping[str, str] | None
    api_key: str | None
    warn: Callable[[str], object] | None
    http_client: None


class LocalOptions(TypedDict, total=False):
    """What a client on a gateway inside this process takes; see `behest.local`."""

    default_user_id: str | None
    tier: int | str | None
    ttl: int | None
    timeout: float | None
    max_retries: int | None
    default_headers: Mapping[str, str] | None


_QUERY = frozenset(QueryOptions.__annotations__)
_CALL = _QUERY | frozenset(CallOptions.__annotations__)
_CLIENT = frozenset(ClientOptions.__annotations__)
_LOCAL = frozenset(LocalOptions.__annotations__)


def write_call(function: str, options: Mapping[str, Any]) -> bytes:
    """A call's options. Most calls have few, and many have none."""
    _refuse_unknown(function, options, _CALL)
    return write(options)


def check_query(function: str, options: Mapping[str, Any]) -> None:
    """Refuses what is no option of a call that names user and session itself."""
    _refuse_unknown(function, options, _QUERY)


def write_local(function: str, options: Mapping[str, Any]) -> bytes:
    """The options of a gateway inside this process, and of the client on it."""
    _refuse_unknown(function, options, _LOCAL | {"data_dir", "port"})
    return write_client(options)


def check_client(function: str, options: Mapping[str, Any]) -> None:
    """Refuses what is no option of a client, as Python would."""
    _refuse_unknown(function, options, _CLIENT)


def write_client(options: Mapping[str, Any]) -> bytes:
    """The options of a client."""
    return write(options, BehestConfigError)


def write(options: Mapping[str, Any], refusal: type[BehestError] = BehestBadRequestError) -> bytes:
    """What is said of the options; empty where nothing is."""
    said = {name: value for name, value in options.items() if value is not None}
    return encode(said, refusal) if said else b""


def _refuse_unknown(function: str, options: Mapping[str, Any], known: frozenset[str]) -> None:
    for name in options:
        if name not in known:
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}")
