"""What the two clients share: how they are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from behest import _native
from behest._errors import BehestConfigError
from behest._json import decode
from behest._objects import shaped
from behest._options import write_client
from behest._warnings import tell_once
from behest.types import Config, Gateway

if TYPE_CHECKING:
    from typing_extensions import Self

AGENT = f"behest-python/{_native.version()}"


class BaseClient:
    """A gateway, and the right to call it."""

    gateway: Gateway | None
    """The gateway inside this process that `local` made; None for a client of another one."""

    def __init__(
        self,
        *,
        key: str | None = None,
        base_url: str | None = None,
        tenant_id: str | None = None,
        project_id: str | None = None,
        kid: str | None = None,
        default_user_id: str | None = None,
        tier: int | str | None = None,
        ttl: int | None = None,
        issuer: str | None = None,
        audience: str | None = None,
        timeout: float | None = None,
        max_retries: int | None = None,
        default_headers: Mapping[str, str] | None = None,
        api_key: str | None = None,
        warn: Callable[[str], object] | None = None,
        http_client: None = None,
    ) -> None:
        """Makes a client. Nothing is sent yet.

        What is not said comes from the environment, then from the credential that `behest serve` or `behest login` left
        on this machine.

        Args:
            key: An API key (`behest_sk_live_...`), or a private key to sign tokens with: a PEM, base64 of one, or
                either behind `behest_pk_`. Else `BEHEST_KEY`.
            base_url: Where the gateway is. Else `BEHEST_BASE_URL`.
            tenant_id: The tenant that owns the private key. Else `BEHEST_TENANT_ID`.
            project_id: The project to call with a private key. Else `BEHEST_PROJECT_ID`.
            kid: The private key's name. Else `BEHEST_KID`.
            default_user_id: The end user when a call names none. Else `BEHEST_USER_ID`, or `default`.
            tier: The tier when a call names none: a number or a name. Else `BEHEST_TIER`.
            ttl: The lifetime of tokens in seconds, 60 to 86,400. Else `BEHEST_TTL`, or 3,600.
            issuer: The issuer in tokens that are signed here. Else `BEHEST_ISSUER`.
            audience: The audience in tokens that are signed here. Else `BEHEST_AUDIENCE`.
            timeout: How many seconds a call may take, retries included; for a stream, until it begins. 600 when not said.
            max_retries: How often a call that failed for a passing reason is tried again. 2 when not said.
            default_headers: Headers of every call.
            api_key: The old name of `key`.
            warn: Called with the text of a deprecation, in place of `warnings.warn`.
            http_client: Not taken any more: connections are the native client's own.

        Raises:
            BehestConfigError: With the code `missing_env` when there is no key, `bad_key_format` when it is none, and
                `bad_value` when another option is wrong.
        """
        if http_client is not None:
            raise BehestConfigError(
                "http_client is not taken any more: calls are made by Behest's own native client, which reads the "
                "proxy variables of the environment; use timeout, max_retries and default_headers to change it",
                param="http_client",
            )
        if api_key is not None:
            tell_once("api_key is deprecated: use key", warn)
        options = {
            "key": key if key is not None else api_key,
            "base_url": base_url,
            "tenant_id": tenant_id,
            "project_id": project_id,
            "kid": kid,
            "default_user_id": default_user_id,
            "tier": tier,
            "ttl": ttl,
            "issuer": issuer,
            "audience": audience,
            "timeout": timeout,
            "max_retries": max_retries,
            "default_headers": default_headers,
        }
        native = _native.Client(write_client(options), AGENT)
        for notice in native.notices():
            tell_once(notice, warn)
        self._start(native, None)

    def _start(self, native: _native.Client, local: _native.Local | None) -> None:
        """Makes the groups around a native client."""
        raise NotImplementedError

    @classmethod
    def _of(cls, local: _native.Local) -> Self:
        """A client on a gateway inside this process."""
        client = cls.__new__(cls)
        client._start(local.client(), local)
        return client

    @staticmethod
    def _describe(native: _native.Client, local: _native.Local | None) -> tuple[Config, Gateway | None]:
        gateway = None if local is None else shaped(decode(local.describe()), Gateway)
        return shaped(decode(native.config()), Config), gateway

    config: Config
    """What the client runs with; no secret is in it."""

    @property
    def mode(self) -> str:
        """`apiKey` when the gateway mints tokens, `sign` when they are signed here."""
        return self.config.mode

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.config.base_url!r}, mode={self.mode!r})"


def close_at_exit(local: _native.Local) -> None:
    """Closes a gateway whose client was forgotten: its records are committed, its temporary folder is removed."""
    local.close().wait()


def resolve(options: Mapping[str, Any]) -> Config:
    """What a client with these options would run with."""
    plain = dict(options)
    warn, api_key = plain.pop("warn", None), plain.pop("api_key", None)
    plain.pop("http_client", None)
    if api_key is not None:
        tell_once("api_key is deprecated: use key", warn, depth=2)
        if plain.get("key") is None:
            plain["key"] = api_key
    text, notices = _native.resolve_config(write_client(plain))
    for notice in notices:
        tell_once(notice, warn, depth=2)
    return shaped(decode(text), Config)
