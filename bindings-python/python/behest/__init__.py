"""The Python SDK of Behest, the AI backend for applications.

`Behest` is the client for asyncio, `SyncBehest` its twin that waits; `behest.local()` gives one on a gateway inside the
process. See `docs/python.md`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from behest._client import Behest, SyncBehest, local
from behest._errors import (
    BehestAuthError,
    BehestBadRequestError,
    BehestBlockedError,
    BehestConfigError,
    BehestError,
    BehestQuotaError,
    BehestRateLimitError,
    BehestServerError,
)
from behest._helpers import classify_http_error, decode_token, detect_mode, generate_session_id, resolve_config
from behest._native import version
from behest._options import CallOptions, ClientOptions
from behest._streams import Stream
from behest.types import (
    BillingReport,
    ChatCompletion,
    ChatCompletionChunk,
    Config,
    Embeddings,
    Gateway,
    Meta,
    MintResult,
    Model,
    ModelList,
    Thread,
    ThreadMessage,
    UsageReport,
)

if TYPE_CHECKING:
    from behest._async_stream import AsyncStream
    from behest._legacy import sign_behest_jwt as sign_behest_jwt
    from behest._legacy_clients import BehestClient as BehestClient
    from behest._legacy_clients import BehestSigningClient as BehestSigningClient
    from behest._legacy_errors import AuthenticationError as AuthenticationError
    from behest._legacy_errors import BudgetExceededError as BudgetExceededError
    from behest._legacy_errors import ContentBlockedError as ContentBlockedError
    from behest._legacy_errors import PIIBlockedError as PIIBlockedError
    from behest._legacy_errors import RateLimitError as RateLimitError
    from behest._legacy_errors import ServerError as ServerError
    from behest._legacy_errors import TokenExpiredError as TokenExpiredError
    from behest._legacy_errors import ValidationError as ValidationError
    from behest._legacy_errors import parse_error_response as parse_error_response

__version__ = version()

__all__ = [
    "AsyncStream",
    "Behest",
    "BehestAuthError",
    "BehestBadRequestError",
    "BehestBlockedError",
    "BehestConfigError",
    "BehestError",
    "BehestQuotaError",
    "BehestRateLimitError",
    "BehestServerError",
    "BillingReport",
    "CallOptions",
    "ChatCompletion",
    "ChatCompletionChunk",
    "ClientOptions",
    "Config",
    "Embeddings",
    "Gateway",
    "Meta",
    "MintResult",
    "Model",
    "ModelList",
    "Stream",
    "SyncBehest",
    "Thread",
    "ThreadMessage",
    "UsageReport",
    "__version__",
    "classify_http_error",
    "decode_token",
    "detect_mode",
    "generate_session_id",
    "local",
    "resolve_config",
    "version",
]


def __getattr__(name: str) -> Any:
    if name == "AsyncStream":
        # It brings asyncio along, which a program of SyncBehest does without.
        from behest._async_stream import AsyncStream

        return AsyncStream
    from behest._legacy import find

    return find(name)
