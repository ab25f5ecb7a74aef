"""However a call is left, it is closed at the gateway, and nothing is printed."""

import asyncio
import contextlib
import gc
import threading
import weakref
from typing import Any

import pytest

import programs
from behest import Behest, BehestError, SyncBehest
from loops import LOOPS, in_a_loop
from scripted import HELLO, Counter, Endless, Exchange, serving


class Left(Exception):
    """Thrown by a test."""


class Silent:
    """A handler that never answers: it counts the calls that came, and those that were closed."""

    def __init__(self) -> None:
        self.came = Counter()
        self.closed = Counter()

    async def __call__(self, exchange: Exchange) -> None:
        self.came.add()
        await exchange.closed()
        self.closed.add()


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("loop", LOOPS)
@in_a_loop
async def test_cancelling_a_task_that_waits_for_an_answer(loop: Any, streaming: bool) -> None:
    chat = Silent()
    with serving(chat) as server:
        async with Behest(**server.options) as client:
            task = asyncio.create_task(client.chat.completions.create(messages=HELLO, stream=streaming))
            await chat.came.happened()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await chat.closed.happened()


@pytest.mark.parametrize("loop", LOOPS)
@in_a_loop
async def test_cancelling_a_task_that_waits_for_a_chunk(loop: Any) -> None:
    chat = Endless()
    with serving(chat) as server:
        async with Behest(**server.options) as client:
            stream = await client.chat.completions.create(messages=HELLO, stream=True)
            await anext(stream)
            task = asyncio.create_task(stream.__anext__())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            # The stream is still referred to: it is the cancelling that closes it.
            await chat.closed.happened()
            assert repr(stream) == "<AsyncStream closed>"


@in_a_loop
async def test_a_time_that_is_up() -> None:
    chat = Silent()
    with serving(chat) as server:
        async with Behest(**server.options) as client:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.chat.completions.create(messages=HELLO), 0.2)
            await chat.came.happened()
            await chat.closed.happened()


@in_a_loop
async def test_leaving_an_asynchronous_loop_or_context() -> None:
    chat = Endless(pieces=3)
    with serving(chat) as server:
        async with Behest(**server.options) as client:
            kept = []

            async def opened() -> Any:
                stream = await client.chat.completions.create(messages=HELLO, stream=True)
                kept.append(stream)
                return stream

            async for _ in await opened():
                break
            await chat.closed.happened()

            with contextlib.suppress(Left):
                async for _ in await opened():
                    raise Left
            await chat.closed.happened()

            async with await opened() as stream:
                await anext(stream)
            await chat.closed.happened()

            with contextlib.suppress(Left):
                async with await opened():
                    raise Left
            await chat.closed.happened()

            await (await opened()).aclose()
            await chat.closed.happened()


def test_leaving_a_loop_or_context() -> None:
    chat = Endless(pieces=3)
    with serving(chat) as server, SyncBehest(**server.options) as client:
        kept = []

        def opened() -> Any:
            kept.append(client.chat.completions.create(messages=HELLO, stream=True))
            return kept[-1]

        for _ in opened():
            break
        chat.closed.wait()

        with contextlib.suppress(Left):
            for _ in opened():
                raise Left
        chat.closed.wait()

        with opened() as stream:
            next(stream)
        chat.closed.wait()

        with contextlib.suppress(Left), opened():
            raise Left
        chat.closed.wait()

        opened().close()
        chat.closed.wait()

        pieces = (chunk for chunk in opened())
        next(pieces)
        pieces.close()
        chat.closed.wait()


def test_a_stream_that_nobody_holds_any_more() -> None:
    chat = Endless()
    with serving(chat) as server, SyncBehest(**server.options) as client:
        client.chat.completions.create(messages=HELLO, stream=True)
        chat.closed.wait()

        cycle: list[Any] = [client.chat.completions.create(messages=HELLO, stream=True)]
        cycle.append(cycle)
        chat.begun.wait(2)
        del cycle
        gc.collect()
        chat.closed.wait()


@pytest.mark.parametrize("loop", LOOPS)
@in_a_loop
async def test_calls_that_nobody_holds_any_more(loop: Any) -> None:
    chat = Silent()
    with serving(chat) as server:
        async with Behest(**server.options) as client:
            call = client.chat.completions.create(messages=HELLO)
            call.send(None)
            await chat.came.happened()
            del call
            gc.collect()
            await chat.closed.happened()


def leave_a_call_in(loop: asyncio.AbstractEventLoop, chat: Silent, options: dict[str, Any]) -> Any:
    """Closes the loop while a call is under way in it."""

    async def call() -> None:
        client = Behest(**options)
        loop.create_task(client.chat.completions.create(messages=HELLO))
        await chat.came.happened()

    loop.run_until_complete(call())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    return loop


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_that_is_closed_takes_everything_with_it(loop: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Even where nobody cancelled its tasks, of which asyncio then complains."""
    chat = Silent()
    with serving(chat) as server:
        reference = weakref.ref(leave_a_call_in(loop(), chat, server.options))
        gc.collect()
        chat.closed.wait()
        assert reference() is None
        assert {record.message.partition("\n")[0] for record in caplog.records} <= {
            "Task was destroyed but it is pending!"
        }


def test_another_thread_closes_a_stream_that_is_being_read() -> None:
    chat = Endless()
    with serving(chat) as server, SyncBehest(**server.options) as client:
        stream = client.chat.completions.create(messages=HELLO, stream=True)
        next(stream)
        raised = []

        def read() -> None:
            try:
                next(stream)
            except BehestError as error:
                raised.append(error)

        reader = threading.Thread(target=read)
        reader.start()
        stream.close()
        reader.join()
        chat.closed.wait()
        assert ["closed" in str(error) for error in raised] == [True]


# Each of these programs leaves calls or streams under way in its own way.
ASYNCHRONOUS = """
    import asyncio, sys
    from behest import Behest
    HELLO = [{"role": "user", "content": "Hello"}]

    async def read(client, first):
        stream = await client.chat.completions.create(messages=HELLO, stream=True)
        async for chunk in stream:
            first.release()

    async def streams(client, count):
        first = asyncio.Semaphore(0)
        tasks = [asyncio.create_task(read(client, first)) for _ in range(count)]
        for _ in range(count):
            await first.acquire()
        return tasks
"""
ENDINGS = {
    "the loop ends": """
        async def main():
            await streams(Behest(), 10)
        asyncio.run(main())
    """,
    "the program raises": """
        async def main():
            await streams(Behest(), 10)
            sys.exit(0)
        asyncio.run(main())
    """,
    "the loop is closed with streams that nobody reads": """
        kept = []
        async def main():
            client = Behest()
            for _ in range(10):
                kept.append(await client.chat.completions.create(messages=HELLO, stream=True))
                await anext(kept[-1])
        asyncio.run(main())
    """,
    "another loop follows": """
        client = Behest()
        async def main(count):
            await streams(client, count)
        asyncio.run(main(4))
        asyncio.run(main(6))
    """,
    "a thread's loop is left running": """
        import threading
        ready = threading.Event()
        async def main():
            kept = await streams(Behest(), 10)
            ready.set()
            await asyncio.gather(*kept)
        threading.Thread(target=lambda: asyncio.run(main()), daemon=True).start()
        ready.wait()
    """,
    "a client closes in between": """
        async def main():
            async with Behest() as client:
                await streams(client, 10)
        asyncio.run(main())
    """,
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_a_program_ends_with_live_streams_in_silence(ending: str) -> None:
    chat = Endless()
    with serving(chat) as server:
        programs.run(programs.textwrap.dedent(ASYNCHRONOUS) + programs.textwrap.dedent(ending), server.environment)
        chat.closed.wait(10)


SYNCHRONOUS = """
    import threading
    from behest import SyncBehest
    HELLO = [{"role": "user", "content": "Hello"}]
    client = SyncBehest()
    first = threading.Semaphore(0)

    def read():
        for chunk in client.chat.completions.create(messages=HELLO, stream=True):
            first.release()

    for _ in range(10):
        threading.Thread(target=read, daemon=True).start()
    for _ in range(10):
        first.acquire()
"""


def test_a_program_ends_while_its_threads_read_in_silence() -> None:
    chat = Endless()
    with serving(chat) as server:
        programs.run(SYNCHRONOUS, server.environment)
        chat.closed.wait(10)


def test_ctrl_c_ends_a_call_that_waits() -> None:
    chat = Silent()
    with serving(chat) as server:
        process = programs.start(
            """
            from behest import SyncBehest
            try:
                SyncBehest().chat.completions.create(messages=[{"role": "user", "content": "Hello"}])
            except KeyboardInterrupt:
                print("interrupted")
            """,
            server.environment,
        )
        chat.came.wait()
        programs.interrupt(process)
        assert programs.finish(process) == "interrupted\n"
        chat.closed.wait()
