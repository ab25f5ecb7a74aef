"""The two clients."""

from __future__ import annotations

from collections.abc import Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any
from weakref import finalize

from behest._async_embeddings import AsyncEmbeddings
from behest._async_groups import AsyncAuth, AsyncChat, AsyncModels, AsyncThreads, AsyncUsage
from behest._base import BaseClient, close_at_exit
from behest._channel import AsyncChannel, SyncChannel
from behest._local import LocalStart, start_async, start_sync
from behest._sync_embeddings import SyncEmbeddings
from behest._sync_groups import SyncAuth, SyncChat, SyncModels, SyncThreads, SyncUsage
from behest._warnings import tell_once

if TYPE_CHECKING:
    from os import PathLike

    from typing_extensions import Self, Unpack

    from behest import _native, types
    from behest._options import LocalOptions

_MINT_TOKEN = "mint_token is deprecated: use auth.mint(user_id=..., session_id=...)"


class Behest(BaseClient):
    """A gateway, and the right to call it, for asyncio. Every call is awaited.

    One client serves many end users and many tasks at a time; `user_id` says whom each call is for. Tokens are kept for
    each user apart, connections are shared. In the child of a fork it makes connections of its own.

    Example:
        ```python
        from behest import Behest

        async with Behest() as client:
            answer = await client.chat.completions.create(
                messages=[{"role": "user", "content": "Why is the sky blue?"}], user_id="ann"
            )
            print(answer.choices[0].message.content)
        ```
    """

    auth: AsyncAuth
    """Tokens for end users."""
    chat: AsyncChat
    """Conversations with models."""
    embeddings: AsyncEmbeddings
    """Vectors of texts."""
    threads: AsyncThreads
    """Conversations that the gateway remembers."""
    usage: AsyncUsage
    """What was used, and what it cost."""
    models: AsyncModels
    """The models that the project may call."""

    def _start(self, native: _native.Client, local: _native.Local | None) -> None:
        self.config, self.gateway = self._describe(native, local)
        self._local = local
        self._finalizer = None if local is None else finalize(self, close_at_exit, local)
        self._channel = channel = AsyncChannel(native)
        self.auth = AsyncAuth(channel)
        self.chat = AsyncChat(channel)
        self.embeddings = AsyncEmbeddings(channel)
        self.threads = AsyncThreads(channel)
        self.usage = AsyncUsage(channel)
        self.models = AsyncModels(channel)

    @classmethod
    def local(
        cls, data_dir: str | PathLike[str] | None = None, port: int | None = None, **options: Unpack[LocalOptions]
    ) -> LocalStart[Self]:
        """A client on a gateway inside this process: for tests, notebooks and programs that want nothing beside them.

        Await it, or open it with `async with`, which also closes the gateway.

        Args:
            data_dir: Where the gateway keeps its data. A temporary folder, removed at the end, when not said.
            port: Also answer other programs on this port of 127.0.0.1; 0 takes a free one.
            **options: The client's own: see `Behest`.

        Raises:
            BehestConfigError: With the code `local_gateway` when the folder or the port cannot be used.

        Example:
            ```python
            from behest import Behest

            async with Behest.local() as client:
                answer = await client.chat.completions.create(messages=[{"role": "user", "content": "Hello"}])
                assert answer.choices[0].message.content
            ```
        """
        return start_async(cls, data_dir, port, options)

    async def aclose(self) -> None:
        """Lets the connections go, and closes the gateway that `local` made. Can be called again."""
        self._channel.close()
        # Let go of afterwards: who is cancelled here, and who closes meanwhile, can wait for the same end.
        if self._local is not None and self._finalizer is not None and self._finalizer.alive:
            await self._channel.run(self._local.close)
            self._finalizer.detach()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def mint_token(
        self,
        *,
        userId: str | None = None,
        sessionId: str | None = None,
        tier: int | str | None = None,
        ttl: int | None = None,
        role: str | None = None,
    ) -> Coroutine[Any, Any, types.MintResult]:
        """The deprecated name of `auth.mint`."""
        tell_once(_MINT_TOKEN)
        return self.auth.mint(user_id=userId, session_id=sessionId, tier=tier, ttl=ttl, role=role)


class SyncBehest(BaseClient):
    """The twin of `Behest` whose calls wait for the answer. Threads may share one.

    Other threads go on while it waits, and Ctrl-C ends the wait and the call.

    Example:
        ```python
        from behest import SyncBehest

        with SyncBehest() as client:
            answer = client.chat.completions.create(
                messages=[{"role": "user", "content": "Why is the sky blue?"}], user_id="ann"
            )
            print(answer.choices[0].message.content)
        ```
    """

    auth: SyncAuth
    """Tokens for end users."""
    chat: SyncChat
    """Conversations with models."""
    embeddings: SyncEmbeddings
    """Vectors of texts."""
    threads: SyncThreads
    """Conversations that the gateway remembers."""
    usage: SyncUsage
    """What was used, and what it cost."""
    models: SyncModels
    """The models that the project may call."""

    def _start(self, native: _native.Client, local: _native.Local | None) -> None:
        self.config, self.gateway = self._describe(native, local)
        self._local = local
        self._finalizer = None if local is None else finalize(self, close_at_exit, local)
        self._channel = channel = SyncChannel(native)
        self.auth = SyncAuth(channel)
        self.chat = SyncChat(channel)
        self.embeddings = SyncEmbeddings(channel)
        self.threads = SyncThreads(channel)
        self.usage = SyncUsage(channel)
        self.models = SyncModels(channel)

    @classmethod
    def local(
        cls, data_dir: str | PathLike[str] | None = None, port: int | None = None, **options: Unpack[LocalOptions]
    ) -> Self:
        """A client on a gateway inside this process: for tests, notebooks and programs that want nothing beside them.

        Open it with `with`, or close it, which also closes the gateway.

        Args:
            data_dir: Where the gateway keeps its data. A temporary folder, removed at the end, when not said.
            port: Also answer other programs on this port of 127.0.0.1; 0 takes a free one.
            **options: The client's own: see `SyncBehest`.

        Raises:
            BehestConfigError: With the code `local_gateway` when the folder or the port cannot be used.

        Example:
            ```python
            from behest import SyncBehest

            with SyncBehest.local() as client:
                answer = client.chat.completions.create(messages=[{"role": "user", "content": "Hello"}])
                assert answer.choices[0].message.content
            ```
        """
        return start_sync(cls, data_dir, port, options)

    def close(self) -> None:
        """Lets the connections go, and closes the gateway that `local` made. Can be called again."""
        self._channel.close()
        # Let go of afterwards: who is interrupted here, and who closes meanwhile, can wait for the same end.
        if self._local is not None and self._finalizer is not None and self._finalizer.alive:
            self._local.close().wait()
            self._finalizer.detach()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def mint_token(
        self,
        *,
        userId: str | None = None,
        sessionId: str | None = None,
        tier: int | str | None = None,
        ttl: int | None = None,
        role: str | None = None,
    ) -> types.MintResult:
        """The deprecated name of `auth.mint`."""
        tell_once(_MINT_TOKEN)
        return self.auth.mint(user_id=userId, session_id=sessionId, tier=tier, ttl=ttl, role=role)


def local(
    data_dir: str | PathLike[str] | None = None, port: int | None = None, **options: Unpack[LocalOptions]
) -> LocalStart[Behest]:
    """The same as `Behest.local`: a client on a gateway inside this process.

    Example:
        ```python
        import behest

        async with behest.local() as client:
            assert (await client.models.list()).data
        ```
    """
    return Behest.local(data_dir, port, **options)
