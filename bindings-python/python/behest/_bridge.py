"""How asyncio waits for native calls.

Tokio's threads put tickets of finished calls into a mailbox, whose file descriptor the event loop watches. So nothing
but the loop itself ever touches it, and a loop that is closed is simply not told any more.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from behest._native import Mailbox

if TYPE_CHECKING:
    from behest._native import Operation

# So many calls are finished in one callback; then the loop has a turn for others.
_AT_ONCE = 64
# In seconds.
_FOREVER = 10 * 365 * 86_400


class Bridge:
    """The mailbox of one event loop, and the futures that wait for it."""

    __slots__ = ("__weakref__", "_last", "_loop", "_waiting", "mailbox")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.mailbox = Mailbox()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._last = 0
        self._loop = weakref.ref(loop)
        try:
            loop.add_reader(self.mailbox.fileno(), self._drain)
        except (NotImplementedError, ValueError):
            _watch(loop, self)

    def ticket(self) -> int:
        """A number for a new call."""
        self._last += 1
        return self._last

    def expect(self, loop: asyncio.AbstractEventLoop, ticket: int) -> asyncio.Future[None]:
        """What is done when the call is."""
        self._waiting[ticket] = future = loop.create_future()
        return future

    def forget(self, ticket: int) -> None:
        """Nobody waits for the call any more."""
        self._waiting.pop(ticket, None)

    def _drain(self) -> None:
        tickets = self.mailbox.take(_AT_ONCE)
        for ticket in tickets:
            future = self._waiting.pop(ticket, None)
            if future is not None and not future.done():
                future.set_result(None)
        if len(tickets) == _AT_ONCE and (loop := self._loop()) is not None:
            loop.call_soon(self._drain)


# Weak on both sides: a bridge is kept by its loop, which watches for it. So everything that waited goes with a loop that
# is closed, whatever was left under way in it.
_bridges: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, weakref.ref[Bridge]] = weakref.WeakKeyDictionary()


def _bridge_of(loop: asyncio.AbstractEventLoop) -> Bridge:
    known = _bridges.get(loop)
    bridge = None if known is None else known()
    if bridge is None:
        bridge = Bridge(loop)
        _bridges[loop] = weakref.ref(bridge)
    return bridge


async def run(start: Callable[[Mailbox, int], Operation]) -> Any:
    """The result of the call that `start` starts. Leaving early, in whatever way, cancels the call."""
    loop = asyncio.get_running_loop()
    bridge = _bridge_of(loop)
    ticket = bridge.ticket()
    operation = start(bridge.mailbox, ticket)
    try:
        if not operation.done():
            await bridge.expect(loop, ticket)
        return operation.result()
    finally:
        operation.cancel()
        bridge.forget(ticket)


def _watch(loop: asyncio.AbstractEventLoop, bridge: Bridge) -> None:
    """Has a thread wait for the mailbox, for loops that cannot watch a file descriptor, such as Windows' proactor."""
    thread = threading.Thread(
        target=_knock, args=(bridge.mailbox, weakref.ref(loop), weakref.ref(bridge)), name="behest-bridge", daemon=True
    )
    thread.start()
    # What keeps the bridge until the loop is closed.
    loop.call_later(_FOREVER, bridge._drain)
    # Also at the interpreter's exit, so that the thread is gone before the interpreter is.
    weakref.finalize(loop, _dismiss, bridge.mailbox, thread)


def _knock(
    mailbox: Mailbox, loop_reference: weakref.ref[asyncio.AbstractEventLoop], bridge_reference: weakref.ref[Bridge]
) -> None:
    while mailbox.wait():
        loop, bridge = loop_reference(), bridge_reference()
        if loop is None or bridge is None:
            return
        try:
            loop.call_soon_threadsafe(bridge._drain)
        except RuntimeError:
            # The loop is closed, and with it everybody who waited.
            return
        # Not kept while waiting.
        del loop, bridge


def _dismiss(mailbox: Mailbox, thread: threading.Thread) -> None:
    mailbox.close()
    # A collection may run in any thread, even in this one.
    if thread is not threading.current_thread():
        thread.join()
