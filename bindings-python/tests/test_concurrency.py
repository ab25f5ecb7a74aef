"""Many threads, tasks and users on one client."""

import asyncio
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from behest import Behest, SyncBehest
from loops import LOOPS, in_a_loop
from scripted import HELLO, Exchange, completion, serving

THREADS = 64
STREAMS = 200
USERS = 1000


def test_threads_wait_at_the_same_time() -> None:
    """The server answers nobody before all have asked: a client that held the interpreter would wait for ever."""
    waiting = 0
    everyone = asyncio.Event()

    async def chat(exchange: Exchange) -> None:
        nonlocal waiting
        waiting += 1
        if waiting == THREADS:
            everyone.set()
        await everyone.wait()
        await exchange.answer(completion(exchange.json["messages"][0]["content"]))

    with serving(chat) as server, SyncBehest(**server.options) as client, ThreadPoolExecutor(THREADS) as pool:

        def ask(number: int) -> str | None:
            messages = [{"role": "user", "content": str(number)}]
            return client.chat.completions.create(messages=messages).choices[0].message.content

        assert list(pool.map(ask, range(THREADS))) == [str(number) for number in range(THREADS)]


def test_other_threads_run_while_one_waits() -> None:
    ran = threading.Event()
    loop_of_the_server: list[asyncio.AbstractEventLoop] = []

    async def chat(exchange: Exchange) -> None:
        loop_of_the_server.append(asyncio.get_running_loop())
        # Answered only once a thread of Python ran, which a held interpreter would keep from it.
        threading.Thread(target=ran.set).start()
        await asyncio.get_running_loop().run_in_executor(None, ran.wait)
        await exchange.answer(completion("Hi"))

    with serving(chat) as server, SyncBehest(**server.options) as client:
        assert client.chat.completions.create(messages=HELLO).choices[0].message.content == "Hi"


@pytest.mark.parametrize("loop", LOOPS)
@in_a_loop
async def test_many_streams_run_at_the_same_time(loop: Any) -> None:
    """No stream goes on before all have begun."""
    begun = 0
    everyone = asyncio.Event()

    async def chat(exchange: Exchange) -> None:
        nonlocal begun
        await exchange.begin()
        name = exchange.json["messages"][0]["content"]
        await exchange.chunk(name)
        begun += 1
        if begun == STREAMS:
            everyone.set()
        await everyone.wait()
        for _ in range(3):
            await exchange.chunk(name)
        await exchange.done()

    with serving(chat) as server:
        async with Behest(**server.options) as client:

            async def read(number: int) -> list[str | None]:
                messages = [{"role": "user", "content": str(number)}]
                stream = await client.chat.completions.create(messages=messages, stream=True)
                return [chunk.choices[0].delta.content async for chunk in stream]

            answers = await asyncio.gather(*map(read, range(STREAMS)))
            assert answers == [[str(number)] * 4 for number in range(STREAMS)]


async def tell(exchange: Exchange) -> None:
    """Answers with what the call said about its user, its session and its thread."""
    # Others have a turn in between, as often as the call's own name says.
    for _ in range(len(exchange.headers["x-thread-id"]) % 5):
        await asyncio.sleep(0)
    said = {name: exchange.headers.get(name) for name in ("x-session-id", "x-thread-id")}
    if exchange.json.get("stream"):
        await exchange.begin()
        await exchange.event({"choices": [], "token": exchange.token, **said})
        await exchange.done()
    else:
        await exchange.answer(completion("", token=exchange.token, **said))


@settings(max_examples=3, deadline=None, database=None)
@given(seed=st.integers(0, 2**32), pauses=st.lists(st.integers(0, 3), min_size=1, max_size=8))
def test_users_of_one_client_never_see_each_other(seed: int, pauses: list[int]) -> None:
    """A thousand users, in an order and with pauses that chance makes, plain and streamed, cancelled and not."""
    chance = random.Random(seed)
    order = list(range(USERS)) * 2
    chance.shuffle(order)

    async def ask(client: Behest, place: int, number: int) -> None:
        for _ in range(pauses[place % len(pauses)]):
            await asyncio.sleep(0)
        user, session, thread = f"user-{number}", f"session-{number}", f"thread-{number}"
        call = client.chat.completions.create(
            messages=HELLO, user_id=user, session_id=session, thread_id=thread, stream=chance.random() < 0.5
        )
        if chance.random() < 0.1:
            task = asyncio.create_task(call)
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return
        answer = await call
        if hasattr(answer, "aclose"):
            (answer,) = [chunk async for chunk in answer]
        assert answer["token"].split("-of-")[1] == user
        assert (answer["x-session-id"], answer["x-thread-id"]) == (session, thread)

    async def main(options: dict[str, Any]) -> None:
        async with Behest(**options) as client:
            room = asyncio.Semaphore(100)

            async def within(place: int, number: int) -> None:
                async with room:
                    await ask(client, place, number)

            await asyncio.gather(*(within(place, number) for place, number in enumerate(order)))

    with serving(tell) as server:
        asyncio.run(main(server.options))
        minted = [mint["user_id"] for mint in server.mints]
        assert {mint["session_id"].replace("session", "user") == mint["user_id"] for mint in server.mints} == {True}
        assert set(minted) <= {f"user-{number}" for number in range(USERS)}
