"""Event loops for tests."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop


class Proactor(asyncio.SelectorEventLoop):
    """A loop that cannot watch file descriptors, as Windows' own."""

    def add_reader(self, *_: Any) -> None:
        raise NotImplementedError

    # What the loop itself needs to be woken by other threads.
    def _make_self_pipe(self) -> None:
        super_add = asyncio.SelectorEventLoop._add_reader
        self._add_reader = functools.partial(super_add, self)
        super()._make_self_pipe()


LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [asyncio.SelectorEventLoop, uvloop.new_event_loop, Proactor]


def in_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Makes a test of a coroutine function; where it takes a `loop`, it is run in one that the loop makes."""

    @functools.wraps(test)
    def run(*arguments: Any, **fixtures: Any) -> None:
        factory = fixtures.get("loop")
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(test(*arguments, **fixtures))

    return run
