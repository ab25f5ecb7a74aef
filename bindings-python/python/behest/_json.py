"""JSON in and out, with one encoder and one decoder for the whole package."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from behest._errors import BehestBadRequestError, BehestError
from behest._objects import Object


def _other(value: Any) -> Any:
    """What is no JSON itself but can become it: pydantic's models, other mappings and sequences, and generators."""
    if dump := getattr(value, "model_dump", None):
        return dump(mode="json", exclude_none=True)
    kind = cast("type[Any]", type(value))
    if issubclass(kind, Mapping):
        return dict(value)
    if issubclass(kind, (Iterator, Sequence)) and not issubclass(kind, (bytes, bytearray, memoryview)):
        return list(value)
    raise TypeError(f"a value of the type {kind.__name__} cannot be sent as JSON")


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_other).encode
_decode = json.JSONDecoder(object_hook=Object).raw_decode
_decode_plain = json.JSONDecoder().raw_decode


def encode(value: Any, refusal: type[BehestError] = BehestBadRequestError) -> bytes:
    """The value as JSON text. What JSON lacks, such as NaN, is a `refusal` that repeats nothing of the value."""
    try:
        return _encode(value).encode()
    except UnicodeEncodeError:
        reason = "a text holds half of a surrogate pair, which is no character"
    except ValueError:
        reason = "JSON has no number that is infinite or NaN, and no value that holds itself"
    # Not within the handler: the error that was caught holds the whole text, prompts and keys included.
    raise refusal(reason)


def text(value: str) -> str:
    """The text as it can be encoded: halves of surrogate pairs, which are no characters, become question marks."""
    return value.encode(errors="replace").decode()


def decode(text: str) -> Any:
    """The value of JSON text, its objects as `Object`."""
    return _decode(text.lstrip())[0]


def decode_plain(text: str) -> Any:
    """The value of JSON text, its objects as plain dicts."""
    return _decode_plain(text.lstrip())[0]
