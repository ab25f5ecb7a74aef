"""Streams end once: whole, by an error, or because they were left."""

import asyncio
from typing import Any

import pytest

from behest import Behest, BehestError, BehestServerError, SyncBehest
from loops import LOOPS, in_a_loop
from scripted import HELLO, Counter, Endless, Exchange, serving


def texts(chunks: Any) -> list[str]:
    return [chunk.choices[0].delta.content for chunk in chunks]


async def whole(exchange: Exchange) -> None:
    await exchange.begin(x_trace_id="abc")
    for text in ("a", "b", "c"):
        await exchange.chunk(text)
    await exchange.done()


async def blocked(exchange: Exchange) -> None:
    await exchange.begin()
    await exchange.chunk("a")
    await exchange.event({"error": {"code": "content_blocked", "message": "refused", "details": {"category": "x"}}})


async def broken(exchange: Exchange) -> None:
    await exchange.begin()
    await exchange.chunk("a")


async def reset(exchange: Exchange) -> None:
    await exchange.begin()
    await exchange.chunk("a")
    exchange.reset()


def test_a_whole_answer_ends_without_an_error() -> None:
    with serving(whole) as server, SyncBehest(**server.options) as client:
        stream = client.chat.completions.create(messages=HELLO, stream=True)
        assert stream.meta.trace_id == "abc"
        assert texts(stream) == ["a", "b", "c"]
        assert list(stream) == []
        assert next(stream, None) is None
        assert repr(stream) == "<Stream ended>"


@pytest.mark.parametrize(
    ("chat", "status", "code"),
    [(blocked, 451, "content_blocked"), (broken, 500, "stream_incomplete"), (reset, 500, "stream_incomplete")],
)
def test_a_broken_answer_raises_once_and_is_not_tried_again(chat: Any, status: int, code: str) -> None:
    with serving(chat) as server, SyncBehest(**server.options) as client:
        stream = client.chat.completions.create(messages=HELLO, stream=True)
        assert texts([next(stream)]) == ["a"]
        with pytest.raises(BehestError) as raised:
            next(stream)
        assert (raised.value.status, raised.value.code) == (status, code)
        assert next(stream, None) is None
        assert len(server.requests) == 1


@pytest.mark.parametrize("chat", [blocked, broken, reset])
@in_a_loop
async def test_a_broken_answer_raises_in_asyncio_too(chat: Any) -> None:
    with serving(chat) as server:
        async with Behest(**server.options) as client:
            stream = await client.chat.completions.create(messages=HELLO, stream=True)
            came = []
            with pytest.raises(BehestError):
                async for chunk in stream:
                    came.append(chunk)
            assert texts(came) == ["a"]
            assert await anext(stream, None) is None
            assert len(server.requests) == 1


def test_an_answer_that_was_given_up_does_not_look_whole() -> None:
    with serving(Endless(pieces=2)) as server, SyncBehest(**server.options) as client:
        stream = client.chat.completions.create(messages=HELLO, stream=True)
        for _ in stream:
            break
        with pytest.raises(BehestError, match="the stream was closed"):
            next(stream)


@in_a_loop
async def test_an_answer_can_be_read_on_with_anext() -> None:
    with serving(whole) as server:
        async with Behest(**server.options) as client:
            stream = await client.chat.completions.create(messages=HELLO, stream=True)
            first = await anext(stream)
            rest = [chunk async for chunk in stream]
            assert texts([first, *rest]) == ["a", "b", "c"]


def test_an_error_before_the_first_byte_is_the_calls_own() -> None:
    async def refuse(exchange: Exchange) -> None:
        await exchange.refuse(503, "unavailable")

    with serving(refuse) as server, SyncBehest(**server.options, max_retries=0) as client:
        with pytest.raises(BehestServerError) as raised:
            client.chat.completions.create(messages=HELLO, stream=True)
        assert raised.value.code == "unavailable"


@pytest.mark.parametrize("loop", LOOPS)
@in_a_loop
async def test_a_fast_stream_lets_others_have_a_turn(loop: Any) -> None:
    """A stream whose chunks are all there already must not hold the loop until its end."""
    written = Counter()

    async def flood(exchange: Exchange) -> None:
        await exchange.begin()
        for number in range(1000):
            await exchange.chunk(str(number))
        await exchange.done()
        written.add()

    with serving(flood) as server:
        async with Behest(**server.options) as client:
            stream = await client.chat.completions.create(messages=HELLO, stream=True)
            await written.happened()
            turns = 0
            reading = True

            async def count() -> None:
                nonlocal turns
                while reading:
                    turns += 1
                    await asyncio.sleep(0)

            counting = asyncio.create_task(count())
            assert len([chunk async for chunk in stream]) == 1000
            reading = False
            await counting
            assert turns > 10


@in_a_loop
async def test_two_tasks_do_not_read_one_stream() -> None:
    chat = Endless()
    with serving(chat) as server:
        async with Behest(**server.options) as client:
            stream = await client.chat.completions.create(messages=HELLO, stream=True)
            await anext(stream)
            waiting = asyncio.create_task(stream.__anext__())
            await asyncio.sleep(0)
            with pytest.raises(RuntimeError, match="somebody else is reading"):
                await anext(stream)
            await stream.aclose()
            with pytest.raises(BehestError, match="the stream was closed"):
                await waiting
            await chat.closed.happened()
