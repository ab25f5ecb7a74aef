"""What an asynchronous call returns: something to await, and a helpful message where that was forgotten."""

from __future__ import annotations

import sys
from collections.abc import Coroutine, Generator
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

if TYPE_CHECKING:
    from types import CoroutineType

T_co = TypeVar("T_co", covariant=True)


class Pending(Coroutine[Any, Any, T_co]):
    """A call that is made when it is awaited. It is a coroutine, so `asyncio.create_task` and its like take it.

    Using it like the answer raises an error that says so. One that is never awaited makes Python warn, as of any
    coroutine.
    """

    __slots__ = ("__weakref__", "_call", "_name")

    def __init__(self, name: str, call: Coroutine[Any, Any, T_co]) -> None:
        self._name = name
        self._call = call
        # Python's warning about a coroutine that was never awaited shows this name.
        cast("CoroutineType[Any, Any, T_co]", call).__qualname__ = name

    def __await__(self) -> Generator[Any, Any, T_co]:
        return self._call.__await__()

    def send(self, value: Any, /) -> Any:
        return self._call.send(value)

    def throw(self, *error: Any) -> Any:
        return self._call.throw(*error)

    def close(self) -> None:
        self._call.close()

    def __repr__(self) -> str:
        return f"<{self._advice()}>"

    def _advice(self) -> str:
        return f"{self._name}(...) is not awaited: write `await {self._name}(...)`, or use SyncBehest, which needs none"

    # What follows is hidden from type checkers, which know that a coroutine has none of it.
    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            # asyncio and debuggers look at a coroutine's frame, code and state.
            if name.startswith(("cr_", "__")):
                return getattr(self._call, name)
            raise AttributeError(self._advice())

        def _refuse(self, *_: Any) -> NoReturn:
            raise TypeError(self._advice())

        __getitem__ = __iter__ = __len__ = __contains__ = _refuse
        __aiter__ = __enter__ = __aenter__ = _refuse

        def __bool__(self) -> bool:
            # asyncio asks whether a task has a coroutine, when it describes the task.
            asking = sys._getframe(1).f_globals.get("__name__", "")
            return True if asking.startswith("asyncio.") else self._refuse()
