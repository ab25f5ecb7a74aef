"""After a fork the child calls on connections of its own, and the parent's go on."""

import os
import sys

import pytest

import programs
from scripted import Counter, Exchange, completion, serving

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

HEAD = """
    import os, sys, warnings
    from behest import Behest, SyncBehest
    warnings.filterwarnings("ignore", message=".*multi-threaded, use of fork")
    HELLO = [{"role": "user", "content": "Hello"}]

    def child(work):
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            work()
            # The whole way out: what the child inherited is freed there.
            sys.exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
"""


class Halves:
    """Streams that give one chunk, and a second one when a plain call has come."""

    def __init__(self) -> None:
        self.plain = Counter()

    async def __call__(self, exchange: Exchange) -> None:
        if exchange.json.get("stream"):
            await exchange.begin()
            await exchange.chunk("one")
            await self.plain.happened()
            await exchange.chunk("two")
            await exchange.done()
        else:
            await exchange.answer(completion("from the child"))
            self.plain.add()


def run(program: str) -> str:
    with serving(Halves()) as server:
        return programs.run(programs.textwrap.dedent(HEAD) + programs.textwrap.dedent(program), server.environment)


def test_the_child_calls_and_the_parents_stream_goes_on() -> None:
    out = run("""
        client = SyncBehest()
        stream = client.chat.completions.create(messages=HELLO, stream=True)
        print(next(stream).choices[0].delta.content)

        def work():
            print(client.chat.completions.create(messages=HELLO).choices[0].message.content)
            try:
                next(stream)
            except RuntimeError as error:
                print(error)
            stream.close()

        child(work)
        print(next(stream).choices[0].delta.content, list(stream))
    """)
    assert out.splitlines() == [
        "one",
        "from the child",
        "this stream belongs to the process that made it: make another one after a fork",
        "two []",
    ]


def test_the_child_of_an_asynchronous_program_runs_a_loop_of_its_own() -> None:
    out = run("""
        import asyncio

        async def call(client):
            answer = await client.chat.completions.create(messages=HELLO)
            print(answer.choices[0].message.content)

        async def main():
            client = Behest()
            stream = await client.chat.completions.create(messages=HELLO, stream=True)
            print((await anext(stream)).choices[0].delta.content)
            waiting = asyncio.create_task(stream.__anext__())
            await asyncio.sleep(0)

            def work():
                asyncio.events._set_running_loop(None)
                asyncio.run(call(client))
                os._exit(0)

            child(work)
            print((await waiting).choices[0].delta.content)

        asyncio.run(main())
    """)
    assert out.splitlines() == ["one", "from the child", "two"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere multiprocessing does not fork")
def test_a_pool_of_forked_workers_calls() -> None:
    out = run("""
        import multiprocessing
        client = SyncBehest()
        client.auth.mint(user_id="ann")

        def ask(number):
            return client.chat.completions.create(messages=HELLO).choices[0].message.content

        with multiprocessing.get_context("fork").Pool(4) as pool:
            print(pool.map(ask, range(8)))
    """)
    assert out == f"{['from the child'] * 8}\n"


def test_a_gateway_in_the_parent_is_not_the_childs() -> None:
    out = run("""
        from behest import BehestConfigError
        with SyncBehest.local() as client:
            client.models.list()

            def work():
                try:
                    client.models.list()
                except BehestConfigError as error:
                    print(error)
                client.close()

            child(work)
            print(len(client.models.list().data))
    """)
    assert out.splitlines() == ["this client is for the process that made it: make another one here", "1"]


def test_threads_of_the_child_are_all_told_that_the_gateway_is_not_theirs() -> None:
    out = run("""
        import threading
        from behest import BehestConfigError
        # Threads take turns wherever they can.
        sys.setswitchinterval(1e-6)
        with SyncBehest.local() as client:

            def work():
                refused = []

                def ask():
                    for _ in range(300):
                        try:
                            client.models.list()
                        except BehestConfigError as error:
                            refused.append(error)

                threads = [threading.Thread(target=ask) for _ in range(8)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                print(len(refused))

            child(work)
    """)
    assert out == "2400\n"
