"""The streamed answer of `Behest`. Apart from the other one, because asyncio takes long to import."""

from __future__ import annotations

from asyncio import sleep
from collections.abc import Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any

from behest._bridge import run
from behest._streams import Chunks
from behest.types import ChatCompletionChunk

if TYPE_CHECKING:
    from typing_extensions import Self

    from behest import _native

# So many chunks are handed out without a turn for other tasks.
_AT_ONCE = 64


class AsyncStream(Chunks):
    """A streamed answer of `Behest`: an asynchronous iterator of `ChatCompletionChunk`, and a context manager.

    Leaving an `async for` loop ends the answer, also at the gateway, and so does cancelling the task that waits for a
    chunk. To read on later, ask for chunks with `await anext(stream)`. An error in mid-stream is raised; only a whole
    answer ends without one. Nothing is tried again once it has begun.

    Example:
        ```python
        messages = [{"role": "user", "content": "Hello"}]
        async with await client.chat.completions.create(messages=messages, stream=True) as stream:
            text = ""
            async for chunk in stream:
                text += chunk.choices[0].delta.content or ""
        assert text
        ```
    """

    __slots__ = ("_streak",)

    def __init__(self, native: _native.Stream) -> None:
        super().__init__(native)
        self._streak = 0

    def __aiter__(self) -> _AsyncReader:
        return _AsyncReader(self)

    async def __anext__(self) -> ChatCompletionChunk:
        try:
            self._streak += 1
            if self._streak > _AT_ONCE:
                self._streak = 0
                await sleep(0)
            while not self._ready:
                if self._has_ended():
                    raise StopAsyncIteration
                self._take(await run(self._native.next))
        except BaseException as error:
            self._failed(error)
            raise
        return self._pop()

    async def aclose(self) -> None:
        """Ends the answer, also at the gateway. A stream that was closed before its end raises when it is read."""
        self._close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()


class _AsyncReader:
    """What an `async for` loop holds."""

    __slots__ = ("_stream",)

    def __init__(self, stream: AsyncStream) -> None:
        self._stream = stream

    def __aiter__(self) -> _AsyncReader:
        return self

    def __anext__(self) -> Coroutine[Any, Any, ChatCompletionChunk]:
        return self._stream.__anext__()

    def __del__(self) -> None:
        self._stream._close()
