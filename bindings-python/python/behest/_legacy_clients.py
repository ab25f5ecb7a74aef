"""The clients of the packages before 1.5: OpenAI's own, pointed at a gateway."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import openai

from behest._errors import BehestConfigError
from behest._legacy import sign_behest_jwt

_HOSTED = "https://api.behest.ai"


def _with_version(base_url: str | None) -> str:
    """The base URL as OpenAI's package needs it; the same variable serves the present client, which strips `/v1`."""
    address = (base_url or os.environ.get("BEHEST_BASE_URL") or _HOSTED).strip().rstrip("/")
    return address if address.endswith("/v1") else f"{address}/v1"


class BehestClient(openai.OpenAI):
    """OpenAI's client with an API key of Behest's, and an end user for all its calls."""

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
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
        base_url: str | None = None,
        default_user_id: str | None = None,
        token_ttl: int = 300,
        **options: Any,
    ) -> None:
        self._signing = {
            "private_key_pem": signing_key_pem,
            "key_id": key_id,
            "tenant_id": tenant_id,
            "project_id": project_id,
        }
        self._default_user_id = default_user_id or "anonymous"
        self._token_ttl = token_ttl
        super().__init__(api_key=self.sign_token()["access_token"], base_url=_with_version(base_url), **options)

    def sign_token(self, *, user_id: str | None = None, ttl: int | None = None) -> dict[str, Any]:
        """A token for an end user: `access_token`, `expires_at` (seconds since 1970) and `expires_in` (seconds)."""
        return sign_behest_jwt(
            **self._signing, user_id=user_id or self._default_user_id, expires_in=ttl or self._token_ttl
        )
