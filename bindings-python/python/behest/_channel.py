"""How calls leave the two clients: awaited, or waited for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from behest import types
from behest._calls import Call, mint, read_mint
from behest._errors import closed
from behest._pending import Pending
from behest._streams import Stream

if TYPE_CHECKING:
    from behest import _native
    from behest._async_stream import AsyncStream

T = TypeVar("T")


class Channel:
    """A native client, until it is closed."""

    __slots__ = ("_native",)

    def __init__(self, native: _native.Client) -> None:
        self._native: _native.Client | None = native

    @property
    def native(self) -> _native.Client:
        if self._native is None:
            raise closed("the client")
        return self._native

    def close(self) -> None:
        """Lets the connections go. Calls under way end as they would have."""
        self._native = None


class SyncChannel(Channel):
    """Calls that are waited for, without holding the interpreter."""

    __slots__ = ()

    def ask(self, call: Call[T]) -> T:
        text, meta = self.native.call(call.name, call.parameters, call.options).wait()
        return call.read(text, meta)

    def stream(self, call: Call[Any]) -> Stream:
        return Stream(self.native.stream(call.parameters, call.options).wait())

    def mint(self, options: Mapping[str, Any]) -> types.MintResult:
        return read_mint(self.native.mint(mint(options)).wait())


class AsyncChannel(Channel):
    """Calls that are awaited."""

    __slots__ = ("run",)

    def __init__(self, native: _native.Client) -> None:
        # Imported here, because asyncio takes long to import and SyncBehest does without it.
        from behest._bridge import run

        super().__init__(native)
        self.run = run

    def ask(self, call: Call[T]) -> Pending[T]:
        return Pending(call.name, self._ask(call))

    def stream(self, call: Call[Any]) -> Pending[AsyncStream]:
        return Pending(call.name, self._stream(call))

    def mint(self, options: Mapping[str, Any]) -> Pending[types.MintResult]:
        return Pending("auth.mint", self._mint(mint(options)))

    async def _ask(self, call: Call[T]) -> T:
        native = self.native
        text, meta = await self.run(
            lambda mailbox, ticket: native.call(call.name, call.parameters, call.options, mailbox, ticket)
        )
        return call.read(text, meta)

    async def _stream(self, call: Call[Any]) -> AsyncStream:
        from behest._async_stream import AsyncStream

        native = self.native
        return AsyncStream(
            await self.run(lambda mailbox, ticket: native.stream(call.parameters, call.options, mailbox, ticket))
        )

    async def _mint(self, options: bytes) -> types.MintResult:
        native = self.native
        return read_mint(await self.run(lambda mailbox, ticket: native.mint(options, mailbox, ticket)))
