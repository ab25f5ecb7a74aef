"""The names of the packages before 1.5. Each tells once that it is deprecated, and by what it is replaced."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from behest import _native
from behest._json import decode_plain, encode
from behest._warnings import tell_once

_ERRORS = "behest._legacy_errors"
_CLIENTS = "behest._legacy_clients"

# Name: the module that has it, and what to use in its place.
_NAMES = {
    "AuthenticationError": (_ERRORS, "BehestAuthError"),
    "BehestClient": (_CLIENTS, "Behest or SyncBehest, or openai.OpenAI with the gateway's base URL"),
    "BehestSigningClient": (_CLIENTS, "Behest or SyncBehest with the private key as key"),
    "BudgetExceededError": (_ERRORS, "BehestQuotaError"),
    "ContentBlockedError": (_ERRORS, "BehestBlockedError"),
    "PIIBlockedError": (_ERRORS, "BehestBlockedError"),
    "RateLimitError": (_ERRORS, "BehestRateLimitError"),
    "ServerError": (_ERRORS, "BehestServerError"),
    "TokenExpiredError": (_ERRORS, 'BehestAuthError with the code "token_expired"'),
    "ValidationError": (_ERRORS, "BehestBadRequestError"),
    "parse_error_response": (_ERRORS, "classify_http_error"),
    "sign_behest_jwt": (__name__, "Behest(key=...).auth.mint"),
}

# They were imported by the package itself, and each tells for itself that it is deprecated.
_MODULES = frozenset({"client", "errors", "signing", "v1_5"})


def find(name: str) -> Any:
    """What the deprecated name stands for."""
    if name in _MODULES:
        return import_module(f"behest.{name}")
    if name not in _NAMES:
        raise AttributeError(f"module 'behest' has no attribute {name!r}")
    module, instead = _NAMES[name]
    tell_once(f"{name} is deprecated: use {instead}", depth=2)
    return getattr(import_module(module), name)


def sign_behest_jwt(
    *,
    private_key_pem: str,
    key_id: str,
    tenant_id: str,
    project_id: str,
    user_id: str,
    expires_in: int = 3600,
    issuer: str = "behest",
    audience: str = "behest",
) -> dict[str, Any]:
    """Signs a token with the eight claims that the packages before 1.5 signed.

    Gives `access_token`, `expires_at` (seconds since 1970) and `expires_in` (seconds).

    Raises:
        BehestError: With the code `invalid_signing_key` for a key or a `key_id` that is none.
    """
    options = {
        "signing_key_pem": private_key_pem,
        "key_id": key_id,
        "tenant_id": tenant_id,
        "project_id": project_id,
        "user_id": user_id,
        "ttl": expires_in,
        "issuer": issuer,
        "audience": audience,
    }
    signed: dict[str, Any] = decode_plain(_native.sign_legacy(encode(options)))
    claims: dict[str, Any] = decode_plain(_native.decode_token(signed["access_token"]))
    return {**signed, "expires_at": claims["exp"]}
