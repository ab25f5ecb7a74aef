"""A gateway inside the process."""

import asyncio
import json
import pathlib
import threading
import urllib.request
from typing import Any

import pytest

import behest
import programs
from behest import Behest, BehestConfigError, BehestError, SyncBehest
from loops import LOOPS, in_a_loop
from scripted import HELLO


@pytest.mark.parametrize("loop", LOOPS)
@in_a_loop
async def test_it_is_awaited_or_opened(loop: Any) -> None:
    async with behest.local() as client:
        assert type(client) is Behest
        answer = await client.chat.completions.create(messages=HELLO)
        assert answer.choices[0].message.content == "You said: Hello"
        assert client.gateway
        folder = pathlib.Path(client.gateway.data_dir)
        assert folder.exists()
    assert not folder.exists()
    with pytest.raises(BehestError, match="the client was closed"):
        await client.models.list()

    client = await behest.local(default_user_id="ann")
    assert client.config.default_user_id == "ann"
    await client.aclose()
    await client.aclose()


def test_it_has_a_synchronous_twin() -> None:
    with SyncBehest.local(ttl=120) as client:
        assert client.auth.mint().ttl == 120
        stream = client.chat.completions.create(messages=HELLO, stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "You said: Hello"


def test_what_it_remembers_stays_in_a_folder_of_ones_own(tmp_path: pathlib.Path) -> None:
    for count in (2, 4):
        with SyncBehest.local(data_dir=tmp_path) as client:
            client.chat.completions.create(messages=HELLO, user_id="ann", thread_id="t")
            assert client.threads.get("t", user_id="ann").messages_count == count


def test_it_listens_on_a_port_where_that_is_wanted() -> None:
    with SyncBehest.local(port=0) as client:
        gateway = client.gateway
        assert gateway
        request = urllib.request.Request(
            f"{gateway.base_url}/v1/models", headers={"Authorization": f"Bearer {gateway.api_key}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert json.load(answer)["data"][0]["id"] == client.models.list().data[0].id
        with SyncBehest(key=gateway.api_key, base_url=gateway.base_url) as another:
            assert another.chat.completions.create(messages=HELLO).meta.provider == "local"


def test_its_repr_shows_no_secret() -> None:
    with SyncBehest.local() as client:
        gateway = client.gateway
        assert gateway
        for secret in (gateway.api_key, gateway.admin_secret):
            assert secret
            assert secret not in repr(gateway) + repr(client) + str(vars(client))


def test_what_it_cannot_do_is_told(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(BehestConfigError) as raised:
        SyncBehest.local(data_dir=file)
    assert raised.value.code == "local_gateway"
    with pytest.raises(TypeError, match="unexpected keyword argument 'key'"):
        SyncBehest.local(key="x")  # type: ignore[call-arg]


def test_one_that_was_forgotten_is_closed_at_the_end_of_the_program() -> None:
    out = programs.run(
        """
        from behest import SyncBehest
        client = SyncBehest.local()
        client.chat.completions.create(messages=[{"role": "user", "content": "Hello"}])
        print(client.gateway.data_dir)
        """,
        {},
    )
    assert not pathlib.Path(out.strip()).exists()


def test_one_that_nobody_holds_any_more_is_closed() -> None:
    client = SyncBehest.local()
    assert client.gateway
    folder = pathlib.Path(client.gateway.data_dir)
    del client
    assert not folder.exists()


def test_it_closes_with_live_streams_in_silence() -> None:
    programs.run(
        """
        import asyncio, behest
        async def main():
            async with behest.local() as client:
                messages = [{"role": "user", "content": "Hello " * 50}]
                streams = [await client.chat.completions.create(messages=messages, stream=True) for _ in range(10)]
                for stream in streams:
                    await anext(stream)
        asyncio.run(main())
        """,
        {},
    )


@in_a_loop
async def test_a_close_that_was_cancelled_can_be_waited_for_again() -> None:
    client = await behest.local()
    assert client.gateway
    closing = asyncio.ensure_future(client.aclose())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    await client.aclose()
    assert not pathlib.Path(client.gateway.data_dir).exists()


@in_a_loop
async def test_whoever_closes_too_waits_for_the_same_end() -> None:
    client = await behest.local()
    assert client.gateway
    folder = pathlib.Path(client.gateway.data_dir)
    first, second = (asyncio.ensure_future(client.aclose()) for _ in range(2))
    for closing in asyncio.as_completed([first, second]):
        await closing
        assert not folder.exists()


def test_threads_that_close_at_the_same_time_wait_for_the_same_end() -> None:
    client = SyncBehest.local()
    assert client.gateway
    folder = pathlib.Path(client.gateway.data_dir)
    left: list[bool] = []

    def close() -> None:
        client.close()
        left.append(folder.exists())

    threads = [threading.Thread(target=close) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert left == [False] * 4


@pytest.mark.parametrize(
    "leave",
    [
        # The start was cancelled, at any point of it.
        "starting.cancel()",
        # Nobody cancels: the program leaves with the start under way.
        "sys.exit()",
    ],
)
def test_a_start_that_is_cut_short_leaves_nothing_behind(leave: str, tmp_path: pathlib.Path) -> None:
    for seconds in (0, 0.02, 0.05, 0.1):
        programs.run(
            f"""
            import asyncio, sys, behest
            async def main():
                starting = asyncio.ensure_future(behest.local().__aenter__())
                await asyncio.sleep({seconds})
                {leave}
            asyncio.run(main())
            """,
            {"TMPDIR": str(tmp_path)},
        )
        assert not list(tmp_path.iterdir())
