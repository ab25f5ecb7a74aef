"""JSON in and out, with one encoder and one decoder for the whole package."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from behest._objects import Object


def _other(value: Any) -> Any:
    """What is no JSON itself but says how to become it: pydantic's models, and mappings that are no dict."""
    if dump := getattr(value, "model_dump", None):
        return dump(mode="json", exclude_none=True)
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, Any]", value))
    raise TypeError(f"a value of the type {type(value).__name__} cannot be sent as JSON")


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_other).encode
_decode = json.JSONDecoder(object_hook=Object).raw_decode
_decode_plain = json.JSONDecoder().raw_decode


def encode(value: Any) -> bytes:
    """The value as JSON text. Numbers that JSON lacks, such as NaN, are a ValueError."""
    return _encode(value).encode()


def decode(text: str) -> Any:
    """The value of JSON text, its objects as `Object`."""
    return _decode(text.lstrip())[0]


def decode_plain(text: str) -> Any:
    """The value of JSON text, its objects as plain dicts."""
    return _decode_plain(text.lstrip())[0]
