"""Starting a gateway inside this process."""

from __future__ import annotations

import atexit
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from threading import Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from behest import _native
from behest._base import AGENT, BaseClient, close_at_exit
from behest._options import write_local
from behest._pending import Pending

if TYPE_CHECKING:
    from behest._client import Behest

C = TypeVar("C", bound="Behest")
S = TypeVar("S", bound=BaseClient)


class LocalStart(Pending[C]):
    """What `local` returns: await it for a client, or open it with `async with`, which closes the gateway too."""

    __slots__ = ("_client",)

    async def __aenter__(self) -> C:
        self._client = await self
        return self._client

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()


def start_async(
    kind: type[C], data_dir: str | os.PathLike[str] | None, port: int | None, options: Mapping[str, Any]
) -> LocalStart[C]:
    """A client of the class `kind`, to be awaited."""
    return LocalStart("local", _start(kind, _write(data_dir, port, options)))


async def _start(kind: type[C], options: bytes) -> C:
    from behest._bridge import run

    with _starting() as local:
        await run(lambda mailbox, ticket: local.start(options, AGENT, mailbox, ticket))
        return kind._of(local)


def start_sync(
    kind: type[S], data_dir: str | os.PathLike[str] | None, port: int | None, options: Mapping[str, Any]
) -> S:
    """A client of the class `kind`."""
    written = _write(data_dir, port, options)
    with _starting() as local:
        local.start(written, AGENT).wait()
        return kind._of(local)


@contextmanager
def _starting() -> Generator[_native.Local]:
    """A gateway to start and to hand to a client. Leaving early closes it, and so does the program's end before that."""
    local = _native.Local()
    close = partial(close_at_exit, local)
    atexit.register(close)
    try:
        yield local
    except BaseException:
        # Whoever leaves early waits for nothing. A thread does, and the program's end waits for the thread; where the
        # interpreter starts none any more, what is registered above was called already.
        with suppress(RuntimeError):
            Thread(target=close, name="behest-local").start()
        raise
    finally:
        atexit.unregister(close)


def _write(data_dir: str | os.PathLike[str] | None, port: int | None, options: Mapping[str, Any]) -> bytes:
    folder = None if data_dir is None else os.fspath(data_dir)
    return write_local("local", {**options, "data_dir": folder, "port": port})
