"""The examples in the docstrings run."""

import ast
import asyncio
import inspect
import re
import textwrap
from collections.abc import Iterator
from types import CodeType
from typing import Any

import pytest

import behest
from behest import AsyncStream, Behest, Stream, SyncBehest, types

KEY = f"behest_sk_live_{'0' * 32}"
BLOCK = re.compile(r"^( *)```python\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
CLASSES = [Behest, SyncBehest, Stream, AsyncStream, *[getattr(types, name) for name in types.__all__]]


def groups(client: Behest | SyncBehest) -> list[Any]:
    completions, rest = client.chat.completions, [client.threads, client.usage, client.models]
    return [client.auth, completions, client.embeddings, *rest]


def documented() -> Iterator[tuple[str, Any]]:
    for name in behest.__all__:
        yield name, getattr(behest, name)
    for client in (Behest(key=KEY), SyncBehest(key=KEY)):
        for kind in [*CLASSES, *[type(group) for group in groups(client)]]:
            for name, member in vars(kind).items():
                if not name.startswith("_"):
                    yield f"{kind.__name__}.{name}", getattr(member, "__func__", member)


def examples(documentation: str) -> list[str]:
    """The programs in a docstring, whatever their indentation."""
    return [textwrap.dedent(program) for _, program in BLOCK.findall(documentation)]


EXAMPLES = {
    f"{name} {number}": program
    for name, value in documented()
    if not isinstance(value, str)
    for number, program in enumerate(examples(inspect.getdoc(value) or ""))
}


def compiled(program: str) -> CodeType:
    return compile(program, "example", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_every_call_has_an_example() -> None:
    for client in (Behest(key=KEY), SyncBehest(key=KEY)):
        for group in groups(client):
            for name in vars(type(group)):
                if not name.startswith("_"):
                    assert f"{type(group).__name__}.{name} 0" in EXAMPLES


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs(example: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has a gateway of its own, so that none sees what another one left."""
    code = compiled(EXAMPLES[example])

    async def asynchronous() -> None:
        async with Behest() as client:
            await eval(code, {"client": client})

    with SyncBehest.local(port=0) as client:
        assert client.gateway
        monkeypatch.setenv("BEHEST_KEY", client.gateway.api_key)
        monkeypatch.setenv("BEHEST_BASE_URL", client.gateway.base_url)
        if code.co_flags & inspect.CO_COROUTINE:
            asyncio.run(asynchronous())
        else:
            eval(code, {"client": client})
