"""Streamed answers: what both kinds share, and the one of `SyncBehest`.

Both are iterators themselves, and hand out an iterator of their own to `for`: when a loop is left, by `break` or by an
exception, that iterator is freed, and its end closes the stream.
"""

from __future__ import annotations

from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING

from behest._errors import BehestError, closed
from behest._json import decode
from behest._objects import Meta, read_meta, shaped
from behest.types import ChatCompletionChunk

if TYPE_CHECKING:
    from typing_extensions import Self

    from behest import _native


class Chunks:
    """The part that needs no waiting: chunks that arrived, and where the stream is."""

    __slots__ = ("__weakref__", "_ended", "_is_closed", "_native", "_ready")

    def __init__(self, native: _native.Stream) -> None:
        self._native = native
        # Read when they are handed out: nobody waits for the reading of what comes after.
        self._ready: deque[str] = deque()
        self._ended = False
        self._is_closed = False

    @property
    def meta(self) -> Meta:
        """What the gateway said about the answer before it began."""
        return read_meta(self._native.meta)

    def _pop(self) -> ChatCompletionChunk:
        return shaped(decode(self._ready.popleft()), ChatCompletionChunk)

    def _take(self, chunks: list[str] | None) -> None:
        if chunks is None:
            self._ended = True
        else:
            self._ready.extend(chunks)

    def _has_ended(self) -> bool:
        """Whether the whole answer was read. One that was given up must not look like that."""
        if self._is_closed:
            raise closed("the stream")
        return self._ended

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, BehestError):
            # Raised once; what comes after it is the end.
            self._ended = not self._is_closed
        elif not isinstance(error, Exception):
            # Who waited was cancelled or interrupted.
            self._close()

    def _close(self) -> None:
        if not self._ended:
            self._is_closed = True
            self._ready.clear()
            self._native.close()

    def __repr__(self) -> str:
        state = "closed" if self._is_closed else "ended" if self._ended else "open"
        return f"<{type(self).__name__} {state}>"


class Stream(Chunks):
    """A streamed answer of `SyncBehest`: an iterator of `ChatCompletionChunk`, and a context manager.

    Leaving a `for` loop ends the answer, also at the gateway. To read on later, ask for chunks with `next(stream)`.
    An error in mid-stream is raised; only a whole answer ends without one. Nothing is tried again once it has begun.

    Example:
        ```python
        with client.chat.completions.create(messages=[{"role": "user", "content": "Hello"}], stream=True) as stream:
            text = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
        assert text
        ```
    """

    __slots__ = ()

    def __iter__(self) -> _Reader:
        return _Reader(self)

    def __next__(self) -> ChatCompletionChunk:
        try:
            while not self._ready:
                if self._has_ended():
                    raise StopIteration
                self._take(self._native.next().wait())
        except BaseException as error:
            self._failed(error)
            raise
        return self._pop()

    def close(self) -> None:
        """Ends the answer, also at the gateway. A stream that was closed before its end raises when it is read."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()


class _Reader:
    """What a `for` loop holds."""

    __slots__ = ("_stream",)

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def __iter__(self) -> _Reader:
        return self

    def __next__(self) -> ChatCompletionChunk:
        return next(self._stream)

    def __del__(self) -> None:
        self._stream.close()
