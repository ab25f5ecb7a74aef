"""The clients of the packages before 1.5: OpenAI's own, pointed at a gateway."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import openai

from behest._errors import BehestConfigError
from behest._legacy import sign_behest_jwt

if TYPE_CHECKING:
    from typing_extensions import Self

_HOSTED = "https://api.behest.ai"


def _with_version(base_url: object) -> str:
    """The base URL as OpenAI's package needs it; the same variable serves the present client, which strips `/v1`."""
    address = str(base_url or os.environ.get("BEHEST_BASE_URL") or _HOSTED).strip().rstrip("/")
    return address if address.endswith("/v1") else f"{address}/v1"


class BehestClient(openai.OpenAI):
    """OpenAI's client with an API key of Behest's, and an end user for all its calls."""

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: object = None,
        end_user_id: str | None = None,
        default_headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        key = api_key or os.environ.get("BEHEST_API_KEY") or os.environ.get("BEHEST_KEY")
        if not key:
            raise BehestConfigError("BEHEST_API_KEY is not set: set it, or pass api_key=...", code="missing_env")
        user = {"X-End-User-Id": end_user_id} if end_user_id else {}
        super().__init__(
            api_key=key,
            base_url=_with_version(base_url),
            default_headers={**user, **(default_headers or {})},
            **options,
        )


class BehestSigningClient(openai.OpenAI):
    """OpenAI's client with tokens that a private key of the tenant signs here.

    Its own calls are made with a token for `default_user_id` that is signed anew when it is needed; `sign_token` gives
    tokens for others.
    """

    def __init__(
        self,
        *,
        signing_key_pem: str,
        key_id: str,
        tenant_id: str,
        project_id: str,
        base_url: object = None,
        default_user_id: str | None = None,
        token_ttl: int = 300,
        **options: Any,
    ) -> None:
        self._signing: dict[str, Any] = {
            "signing_key_pem": signing_key_pem,
            "key_id": key_id,
            "tenant_id": tenant_id,
            "project_id": project_id,
            "default_user_id": default_user_id or "anonymous",
            "token_ttl": token_ttl,
        }
        # A copy brings the token of the client that it is made of; here each signs its own.
        options["api_key"] = self._sign_own()
        super().__init__(base_url=_with_version(base_url), **options)

    @property
    def auth_headers(self) -> dict[str, str]:
        """The header of each call, with a token that is signed anew when a tenth of its life is left."""
        if time.time() >= self._signs_again_at:
            self.api_key = self._sign_own()
        return super().auth_headers

    def _sign_own(self) -> str:
        signed = self.sign_token()
        self._signs_again_at = signed["expires_at"] - signed["expires_in"] / 10
        return signed["access_token"]

    def copy(self, **changes: Any) -> Self:
        """The same client with other options."""
        extra: dict[str, Any] = {**self._signing, **changes.pop("_extra_kwargs", {})}
        return super().copy(_extra_kwargs=extra, **changes)

    with_options = copy

    def sign_token(self, *, user_id: str | None = None, ttl: int | None = None) -> dict[str, Any]:
        """A token for an end user: `access_token`, `expires_at` (seconds since 1970) and `expires_in` (seconds)."""
        return sign_behest_jwt(
            private_key_pem=self._signing["signing_key_pem"],
            key_id=self._signing["key_id"],
            tenant_id=self._signing["tenant_id"],
            project_id=self._signing["project_id"],
            user_id=user_id or self._signing["default_user_id"],
            expires_in=ttl or self._signing["token_ttl"],
        )
