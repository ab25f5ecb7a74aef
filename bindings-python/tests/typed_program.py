"""What type checkers know of the package: checked by them, never run."""

import asyncio
from typing import Any

from pydantic import BaseModel
from typing_extensions import assert_type

import behest
from behest import AsyncStream, Behest, ChatCompletion, ChatCompletionChunk, MintResult, Stream, SyncBehest
from behest.types import Answers, Model, Thread, ThreadMessage, Usage, UsageReport


class UserMessage(BaseModel):
    role: str
    content: str


HELLO = [{"role": "user", "content": "Hello"}]


async def asynchronous(client: Behest, streaming: bool) -> None:
    answer = await client.chat.completions.create(messages=HELLO, temperature=0.5)
    assert_type(answer, ChatCompletion)
    assert_type(answer.choices[0].message.content, str | None)
    assert_type(answer.usage, Usage | None)
    assert_type(answer.meta.cost_usd, float | None)
    assert_type(answer["choices"], Any)
    stream = await client.chat.completions.create(messages=HELLO, stream=True)
    assert_type(stream, AsyncStream)
    async with stream:
        async for chunk in stream:
            assert_type(chunk, ChatCompletionChunk)
            assert_type(chunk.choices[0].delta.content, str | None)
    assert_type(await client.chat.completions.create(messages=HELLO, stream=streaming), ChatCompletion | AsyncStream)
    task = asyncio.create_task(client.threads.list(user_id="ann"))
    assert_type(await task, Answers[Thread])
    assert_type(await client.auth.mint(user_id="ann", tier="pro"), MintResult)
    async with behest.local(port=0) as local:
        assert_type(local, Behest)
    assert_type(await Behest.local(), Behest)


def synchronous(client: SyncBehest, streaming: bool) -> None:
    assert_type(client.chat.completions.create(messages=HELLO), ChatCompletion)
    stream = client.chat.completions.create(messages=HELLO, stream=True)
    assert_type(stream, Stream)
    assert_type([chunk.id for chunk in stream], list[str])
    assert_type(client.chat.completions.create(messages=HELLO, stream=streaming), ChatCompletion | Stream)
    assert_type(client.threads.messages("t", user_id="ann"), Answers[ThreadMessage])
    assert_type(client.usage.get(user_id="ann", granularity="hour"), UsageReport)
    assert_type(client.models.get("m"), Model)
    with SyncBehest.local() as local:
        assert_type(local, SyncBehest)
    client.chat.completions.create(messages=[UserMessage(role="user", content="Hello")])
    # Each of these is a mistake, and an ignored one that is none would be told.
    client.threads.list(nonsense=1)  # pyright: ignore[reportCallIssue]
    SyncBehest(nonsense=1)  # pyright: ignore[reportCallIssue]
    choice = client.chat.completions.create(messages=HELLO).choices[0]
    print(choice.mesage)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
