"""The errors of the packages before 1.5, where programs of that time look for them."""

from __future__ import annotations

from behest._errors import BehestError
from behest._legacy_errors import (
    AuthenticationError,
    BudgetExceededError,
    ContentBlockedError,
    PIIBlockedError,
    RateLimitError,
    ServerError,
    TokenExpiredError,
    ValidationError,
    parse_error_response,
)
from behest._warnings import tell_once

__all__ = [
    "AuthenticationError",
    "BehestError",
    "BudgetExceededError",
    "ContentBlockedError",
    "PIIBlockedError",
    "RateLimitError",
    "ServerError",
    "TokenExpiredError",
    "ValidationError",
    "parse_error_response",
]

tell_once("behest.errors is deprecated: use the errors of behest")
