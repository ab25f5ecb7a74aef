"""The groups of calls of `Behest`. A test keeps them in step with those of `SyncBehest`."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Literal, overload

from behest import _calls, types
from behest._objects import Answers

if TYPE_CHECKING:
    from datetime import date

    from typing_extensions import Unpack

    from behest._async_stream import AsyncStream
    from behest._channel import AsyncChannel
    from behest._options import CallOptions, QueryOptions


class _Group:
    __slots__ = ("_channel",)

    def __init__(self, channel: AsyncChannel) -> None:
        self._channel = channel


class AsyncAuth(_Group):
    """Tokens for end users."""

    __slots__ = ()

    def mint(
        self,
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        tier: int | str | None = None,
        ttl: int | None = None,
        role: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Coroutine[Any, Any, types.MintResult]:
        """A new token for one end user, to hand to that user's browser.

        The gateway mints it where the client has an API key; it is signed here where the client has a private key. The
        client's own `timeout`, `max_retries` and `default_headers` hold: it takes none of its own.

        Args:
            user_id: The end user, from your own session, never from the request. The client's default when not said.
            session_id: The session to charge; a new one when not said.
            tier: The end user's entitlement: a number or a name.
            ttl: The token's lifetime in seconds, 60 to 86,400.
            role: `user` when not said.
            tags: Labels for the cost reports.

        Raises:
            BehestAuthError: The key is not accepted, or may not grant the role.
            BehestBadRequestError: An option breaks a rule.

        Example:
            ```python
            minted = await client.auth.mint(user_id="ann", tier="pro", ttl=900)
            assert minted.ttl == 900
            assert minted.token.count(".") == 2
            ```
        """
        return self._channel.mint(
            {"user_id": user_id, "session_id": session_id, "tier": tier, "ttl": ttl, "role": role, "tags": tags}
        )


class AsyncCompletions(_Group):
    """Chat completions."""

    __slots__ = ()

    @overload
    def create(
        self,
        *,
        messages: _calls.Messages,
        model: str | None = None,
        stream: Literal[False] = False,
        user_id: str | None = None,
        session_id: str | None = None,
        thread_id: str | None = None,
        tier: int | str | None = None,
        token: str | None = None,
        tags: Mapping[str, str] | None = None,
        timeout: float | None = None,
        max_retries: int | None = None,
        headers: Mapping[str, str] | None = None,
        **body: Any,
    ) -> Coroutine[Any, Any, types.ChatCompletion]: ...

    @overload
    def create(
        self,
        *,
        messages: _calls.Messages,
        model: str | None = None,
        stream: Literal[True],
        user_id: str | None = None,
        session_id: str | None = None,
        thread_id: str | None = None,
        tier: int | str | None = None,
        token: str | None = None,
        tags: Mapping[str, str] | None = None,
        timeout: float | None = None,
        max_retries: int | None = None,
        headers: Mapping[str, str] | None = None,
        **body: Any,
    ) -> Coroutine[Any, Any, AsyncStream]: ...

    @overload
    def create(
        self,
        *,
        messages: _calls.Messages,
        model: str | None = None,
        stream: bool,
        user_id: str | None = None,
        session_id: str | None = None,
        thread_id: str | None = None,
        tier: int | str | None = None,
        token: str | None = None,
        tags: Mapping[str, str] | None = None,
        timeout: float | None = None,
        max_retries: int | None = None,
        headers: Mapping[str, str] | None = None,
        **body: Any,
    ) -> Coroutine[Any, Any, types.ChatCompletion] | Coroutine[Any, Any, AsyncStream]: ...

    def create(
        self,
        *,
        messages: _calls.Messages,
        model: str | None = None,
        stream: bool = False,
        user_id: str | None = None,
        session_id: str | None = None,
        thread_id: str | None = None,
        tier: int | str | None = None,
        token: str | None = None,
        tags: Mapping[str, str] | None = None,
        timeout: float | None = None,
        max_retries: int | None = None,
        headers: Mapping[str, str] | None = None,
        **body: Any,
    ) -> Coroutine[Any, Any, types.ChatCompletion] | Coroutine[Any, Any, AsyncStream]:
        """Asks a model for an answer, whole or, with `stream=True`, as it arrives.

        Every other keyword is a parameter of OpenAI's chat completions, such as `temperature` or `tools`, and is passed
        on as it is.

        Args:
            messages: The conversation: dicts with `role` and `content`, or what has `model_dump()`.
            model: The model; the project's own when not said.
            stream: Whether the answer is an `AsyncStream` of chunks.
            user_id: The end user that the call is for. The client's default when not said.
            session_id: The session to charge.
            thread_id: The conversation to continue; it is made at its first message, and remembered by the gateway.
            tier: The end user's entitlement: a number or a name.
            token: A token of your own, used as it is.
            tags: Labels for the cost reports.
            timeout: How many seconds the call may take, retries included; for a stream, until it begins.
            max_retries: How often a call that failed for a passing reason is tried again.
            headers: More headers.

        Raises:
            BehestError: One of its kinds; see `BehestError`.

        Example:
            ```python
            answer = await client.chat.completions.create(
                messages=[{"role": "user", "content": "Hello"}], user_id="ann", thread_id="first"
            )
            assert answer.choices[0].message.content == answer["choices"][0]["message"]["content"]
            ```
        """
        options = {
            "user_id": user_id,
            "session_id": session_id,
            "thread_id": thread_id,
            "tier": tier,
            "token": token,
            "tags": tags,
            "timeout": timeout,
            "max_retries": max_retries,
            "headers": headers,
        }
        call = _calls.chat(messages, model, stream, body, options)
        return self._channel.stream(call) if stream else self._channel.ask(call)


class AsyncChat:
    """Conversations with models."""

    __slots__ = ("completions",)

    completions: AsyncCompletions
    """Chat completions."""

    def __init__(self, channel: AsyncChannel) -> None:
        self.completions = AsyncCompletions(channel)


class AsyncThreads(_Group):
    """Conversations that the gateway remembers, each of one end user."""

    __slots__ = ()

    def list(
        self, *, limit: int | None = None, before: str | date | None = None, **options: Unpack[CallOptions]
    ) -> Coroutine[Any, Any, Answers[types.Thread]]:
        """The end user's threads, newest first.

        Args:
            limit: How many at most.
            before: Only those whose last message is older: RFC 3339 text, or a date or datetime.
            **options: See `behest.CallOptions`.

        Example:
            ```python
            messages = [{"role": "user", "content": "Hello"}]
            await client.chat.completions.create(messages=messages, user_id="ann", thread_id="t1")
            threads = await client.threads.list(user_id="ann")
            assert threads[0].id == "t1"
            ```
        """
        return self._channel.ask(_calls.list_threads(limit, before, options))

    def get(self, thread_id: str, **options: Unpack[CallOptions]) -> Coroutine[Any, Any, types.Thread]:
        """One thread.

        Raises:
            BehestError: With the status 404 when the end user has no such thread.

        Example:
            ```python
            messages = [{"role": "user", "content": "Hello"}]
            await client.chat.completions.create(messages=messages, user_id="ann", thread_id="t2")
            thread = await client.threads.get("t2", user_id="ann")
            assert thread.messages_count == 2
            ```
        """
        return self._channel.ask(_calls.get_thread(thread_id, options))

    def messages(
        self, thread_id: str, **options: Unpack[CallOptions]
    ) -> Coroutine[Any, Any, Answers[types.ThreadMessage]]:
        """What was said in a thread, oldest first.

        Raises:
            BehestError: With the status 404 when the end user has no such thread.

        Example:
            ```python
            messages = [{"role": "user", "content": "Hello"}]
            await client.chat.completions.create(messages=messages, user_id="ann", thread_id="t3")
            said = await client.threads.messages("t3", user_id="ann")
            assert [message.role for message in said] == ["user", "assistant"]
            ```
        """
        return self._channel.ask(_calls.thread_messages(thread_id, options))

    def delete(self, thread_id: str, **options: Unpack[CallOptions]) -> Coroutine[Any, Any, None]:
        """Deletes a thread for good.

        Raises:
            BehestError: With the status 404 when the end user has no such thread.

        Example:
            ```python
            messages = [{"role": "user", "content": "Hello"}]
            await client.chat.completions.create(messages=messages, user_id="ann", thread_id="t4")
            await client.threads.delete("t4", user_id="ann")
            ```
        """
        return self._channel.ask(_calls.delete_thread(thread_id, options))


class AsyncUsage(_Group):
    """What was used, and what it cost."""

    __slots__ = ()

    def get(
        self,
        from_: str | date | None = None,
        to: str | date | None = None,
        user_id: str | None = None,
        granularity: str = "day",
        *,
        session_id: str | None = None,
        model: str | None = None,
        group_by: str | None = None,
        as_api_key: bool = False,
        **options: Unpack[QueryOptions],
    ) -> Coroutine[Any, Any, types.UsageReport]:
        """What one end user used; with `as_api_key=True`, the whole project.

        Args:
            from_: The first instant, included: RFC 3339 text, or a date or datetime.
            to: The last instant, excluded.
            user_id: Whose usage. The client's default user when not said.
            granularity: The step of the breakdown: `minute`, `hour` or `day`.
            session_id: Only this session.
            model: Only this model.
            group_by: Also break down by this field.
            as_api_key: Ask with the API key itself, which sees every user of its project.
            **options: See `behest.CallOptions`; the end user and the session are named above.

        Example:
            ```python
            await client.chat.completions.create(messages=[{"role": "user", "content": "Hello"}], user_id="eve")
            report = await client.usage.get(user_id="eve")
            assert report.totals.requests == 1
            ```
        """
        query = {
            "from": from_,
            "to": to,
            "user_id": user_id,
            "granularity": granularity,
            "session_id": session_id,
            "model": model,
            "group_by": group_by,
        }
        return self._channel.ask(_calls.usage(query, as_api_key, options))

    def billing(
        self,
        from_: str | date | None = None,
        to: str | date | None = None,
        *,
        user_id: str | None = None,
        as_api_key: bool = False,
        **options: Unpack[QueryOptions],
    ) -> Coroutine[Any, Any, types.BillingReport]:
        """A bill of one end user's calls; with `as_api_key=True`, of the whole project's.

        Args:
            from_: The first instant, included: RFC 3339 text, or a date or datetime.
            to: The last instant, excluded.
            user_id: Whose calls. The client's default user when not said.
            as_api_key: Ask with the API key itself, which sees every user of its project.
            **options: See `behest.CallOptions`; the end user is named above.

        Example:
            ```python
            bill = await client.usage.billing(as_api_key=True)
            assert bill.platform.cost_usd >= 0
            ```
        """
        return self._channel.ask(_calls.billing(from_, to, as_api_key, user_id, options))


class AsyncModels(_Group):
    """The models that the project may call."""

    __slots__ = ()

    def list(self, **options: Unpack[CallOptions]) -> Coroutine[Any, Any, types.ModelList]:
        """All of them.

        Example:
            ```python
            models = await client.models.list()
            assert models.data[0].id
            ```
        """
        return self._channel.ask(_calls.list_models(options))

    def get(self, model: str, **options: Unpack[CallOptions]) -> Coroutine[Any, Any, types.Model]:
        """One of them.

        Raises:
            BehestError: With the status 404 when there is no such model.

        Example:
            ```python
            first = (await client.models.list()).data[0]
            assert (await client.models.get(first.id)).id == first.id
            ```
        """
        return self._channel.ask(_calls.get_model(model, options))

    def retrieve(self, model: str, **options: Unpack[CallOptions]) -> Coroutine[Any, Any, types.Model]:
        """The same as `get`, under the name that it has in OpenAI's package.

        Example:
            ```python
            first = (await client.models.list()).data[0]
            assert (await client.models.retrieve(first.id)).owned_by == first.owned_by
            ```
        """
        return self.get(model, **options)
