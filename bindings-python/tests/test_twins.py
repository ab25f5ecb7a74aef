"""`Behest` and `SyncBehest` have the same names with the same parameters and the same documentation."""

import inspect
import typing
from typing import Any

import pytest

import behest
from behest import AsyncStream, Behest, Stream, SyncBehest, types

KEY = f"behest_sk_live_{'0' * 32}"
GROUPS = ["auth", "chat", "chat.completions", "embeddings", "threads", "usage", "models"]
# By its name in the asynchronous half.
NAMES = {
    "aclose": "close",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
}


def members(kind: type) -> dict[str, Any]:
    """The public names of a class and of its bases, and the protocols that it implements."""
    return {
        NAMES.get(name, name): inspect.getattr_static(kind, name)
        for name in dir(kind)
        if not name.startswith("_") or name in NAMES or name in NAMES.values()
    }


def parameters(member: Any) -> list[tuple[str, Any, Any, Any]]:
    function = getattr(member, "__func__", member)
    if not callable(function):
        return []
    return [(it.name, it.kind, it.default, it.annotation) for it in inspect.signature(function).parameters.values()][1:]


def in_step(one: type, other: type) -> None:
    ours, theirs = members(one), members(other)
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert parameters(ours[name]) == parameters(theirs[name]), name
        if not name.startswith("_"):
            words = [(getattr(it, "__doc__", None) or "").split("Example:")[0] for it in (ours[name], theirs[name])]
            alike = [text.replace("an `AsyncStream`", "a `Stream`").replace("async with", "with") for text in words]
            if name != "local":
                assert alike[0] == alike[1], name


def test_the_clients_are_in_step() -> None:
    in_step(Behest, SyncBehest)
    assert inspect.signature(Behest) == inspect.signature(SyncBehest)


@pytest.mark.parametrize("path", GROUPS)
def test_their_groups_are_in_step(path: str) -> None:
    one: Any = Behest(key=KEY)
    other: Any = SyncBehest(key=KEY)
    for name in path.split("."):
        one, other = getattr(one, name), getattr(other, name)
    in_step(type(one), type(other))


def test_their_streams_are_in_step() -> None:
    in_step(AsyncStream, Stream)


def test_local_is_a_name_of_the_module_too() -> None:
    assert parameters(Behest.local) == parameters(SyncBehest.local)
    assert inspect.signature(behest.local).parameters == inspect.signature(Behest.local).parameters


def test_every_public_name_is_documented() -> None:
    names = {name: getattr(behest, name) for name in behest.__all__} | {
        name: getattr(types, name) for name in types.__all__
    }
    for name, value in names.items():
        if isinstance(value, str):
            continue
        assert inspect.getdoc(value), name
        # The methods of a typed dict are dict's.
        if inspect.isclass(value) and not typing.is_typeddict(value):
            for attribute, member in members(value).items():
                inherited = attribute.startswith("_") or hasattr(dict, attribute) or hasattr(Exception, attribute)
                if callable(getattr(member, "__func__", member)) and not inherited:
                    assert inspect.getdoc(member), f"{name}.{attribute}"
