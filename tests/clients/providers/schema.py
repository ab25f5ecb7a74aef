"""Checks JSON against the types of a provider's package, and refuses what they do not know.

The packages are made for writing requests and are lenient when they read: typed dictionaries take unknown keys, models of
some keep them, and open enumerations take every word. A provider's server is none of that, so the types are walked here.
"""

import base64
import binascii
import enum
import functools
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Union

import pydantic
import typing_extensions

# How the packages say "a word that we do not know yet" and "not given".
LENIENT = ("Unrecognized", "Unknown", "Unset")
WRAPPERS = (
    typing.Required,
    typing.NotRequired,
    typing_extensions.Required,
    typing_extensions.NotRequired,
    typing_extensions.ReadOnly,
)
SIMPLE = {str: "text", bool: "a boolean", int: "a whole number", float: "a number", type(None): "null"}


class Mismatch(Exception):
    """What is wrong, and where."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.place = place


def check(value: object, kind: object, place: str = "body") -> None:
    """Raises `Mismatch` unless the value is of the kind, down to the last field."""
    kind = plain(kind)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any or kind is object:
        return
    if origin is Union or origin is types.UnionType:
        check_union(value, arguments, place)
    elif origin is Literal:
        if value not in arguments:
            raise Mismatch(place, f"{value!r} is none of {', '.join(map(repr, arguments))}")
    elif kind in SIMPLE:
        if not is_simple(value, kind):
            raise Mismatch(place, f"is to be {SIMPLE[kind]}")
    elif kind is bytes:
        check_base64(value, place)
    elif typing_extensions.is_typeddict(kind) or (isinstance(kind, type) and issubclass(kind, pydantic.BaseModel)):
        check_object(value, kind, place)
    elif isinstance(kind, type) and issubclass(kind, enum.Enum):
        if value not in [member.value for member in kind]:
            raise Mismatch(place, f"{value!r} is no {kind.__name__}")
    elif isinstance(origin or kind, type) and issubclass(origin or kind, Mapping):
        if not isinstance(value, dict):
            raise Mismatch(place, "is to be an object")
        for name, item in value.items():
            check(item, arguments[1] if arguments else Any, f"{place}.{name}")
    elif isinstance(origin or kind, type) and issubclass(origin or kind, Iterable):
        if not isinstance(value, list):
            raise Mismatch(place, "is to be a list")
        for index, item in enumerate(value):
            check(item, arguments[0] if arguments else Any, f"{place}[{index}]")
    else:
        raise TypeError(f"{place}: {kind!r} is a kind that this check does not know")


def plain(kind: object) -> object:
    """The kind without what is said about it."""
    while True:
        if typing.get_origin(kind) in (Annotated, *WRAPPERS):
            kind = typing.get_args(kind)[0]
        elif isinstance(kind, typing_extensions.TypeAliasType):
            kind = kind.__value__
        elif isinstance(typing.get_origin(kind), typing_extensions.TypeAliasType):
            kind = typing.get_origin(kind).__value__[typing.get_args(kind)]
        elif hasattr(kind, "__supertype__"):
            kind = kind.__supertype__
        else:
            return kind


def is_simple(value: object, kind: object) -> bool:
    """JSON's truths are no numbers, and its whole numbers are numbers."""
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def check_base64(value: object, place: str) -> None:
    """In either alphabet: Google's servers take both."""
    try:
        base64.b64decode(value, altchars=b"-_" if set(value) & {"-", "_"} else None, validate=True)
    except (TypeError, ValueError, binascii.Error) as error:
        raise Mismatch(place, "is to be base64") from error


def check_union(value: object, kinds: tuple[object, ...], place: str) -> None:
    """The error is that of the kind that the value came nearest to."""
    kinds = [kind for kind in map(plain, kinds) if not getattr(kind, "__name__", "").startswith(LENIENT)]
    if any(typing.get_origin(kind) is Literal for kind in kinds):
        kinds = [kind for kind in kinds if kind is not Any]
    errors = []
    for kind in kinds:
        try:
            return check(value, kind, place)
        except Mismatch as error:
            errors.append(error)
    raise max(errors, key=lambda error: len(error.place))


@functools.cache
def fields(kind: type) -> dict[str, tuple[object, bool]]:
    """The fields of an object by their names in JSON: what they hold, and whether they must be there."""
    if typing_extensions.is_typeddict(kind):
        hints = typing_extensions.get_type_hints(kind, include_extras=True)
        return {name: (hint, name in kind.__required_keys__) for name, hint in hints.items()}
    return {field.alias or name: (field.annotation, field.is_required()) for name, field in kind.model_fields.items()}


def check_object(value: object, kind: type, place: str) -> None:
    if not isinstance(value, dict):
        raise Mismatch(place, "is to be an object")
    known = fields(kind)
    # A wrong tag tells more than whatever else is wrong with an object of another kind.
    for name in sorted(value, key=lambda name: name not in ("type", "role")):
        if name not in known:
            raise Mismatch(f"{place}.{name}" if tagged(value, known) else place, f"{name!r} is not known here")
        nested = f"{place}.{name}" if tagged(value, known) or name not in ("type", "role") else place
        check(value[name], known[name][0], nested)
    for name, (_, required) in known.items():
        if required and name not in value:
            raise Mismatch(f"{place}.{name}", "is missing")


def tagged(value: dict[str, Any], known: dict[str, tuple[object, bool]]) -> bool:
    """Whether the object says of itself that it is of this kind."""
    for tag in ("type", "role"):
        kind = plain(known[tag][0]) if tag in known else None
        literals = [kind, *map(plain, typing.get_args(kind))]
        words = [word for each in literals if typing.get_origin(each) is Literal for word in typing.get_args(each)]
        if words and value.get(tag) not in words:
            return False
    return True
