"""The names of version 1.5, where programs of that time look for them."""

from __future__ import annotations

from behest import (
    Behest,
    BehestAuthError,
    BehestBadRequestError,
    BehestConfigError,
    BehestError,
    BehestQuotaError,
    BehestRateLimitError,
    BehestServerError,
    classify_http_error,
    decode_token,
    detect_mode,
    generate_session_id,
    resolve_config,
)
from behest._warnings import tell_once

__all__ = [
    "Behest",
    "BehestAuthError",
    "BehestBadRequestError",
    "BehestConfigError",
    "BehestError",
    "BehestQuotaError",
    "BehestRateLimitError",
    "BehestServerError",
    "classify_http_error",
    "decode_token",
    "detect_mode",
    "generate_session_id",
    "resolve_config",
]

tell_once("behest.v1_5 is deprecated: use behest")
