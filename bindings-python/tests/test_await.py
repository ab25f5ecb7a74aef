"""Calls of the asynchronous client are coroutines, and help who forgot to await them."""

import asyncio
import gc
import inspect
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from behest import Behest
from loops import in_a_loop
from scripted import HELLO, completion, serving

MISUSES: dict[str, Callable[[Any], Any]] = {
    "attribute": lambda answer: answer.choices,
    "item": lambda answer: answer["choices"],
    "iteration": lambda answer: list(answer),
    "length": len,
    "truth": bool,
    "membership": lambda answer: "choices" in answer,
    "context": lambda answer: answer.__enter__(),
    "asynchronous iteration": lambda answer: answer.__aiter__(),
    "asynchronous context": lambda answer: answer.__aenter__(),
}


@pytest.mark.parametrize("misuse", MISUSES.values(), ids=MISUSES)
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_an_answer_that_was_never_awaited_says_what_to_do(misuse: Callable[[Any], Any]) -> None:
    client = Behest(key=f"behest_sk_live_{'0' * 32}")
    with pytest.raises((TypeError, AttributeError)) as raised:
        misuse(client.chat.completions.create(messages=HELLO))
    assert "await chat.completions.create(...)" in str(raised.value)
    assert "SyncBehest" in str(raised.value)


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_every_call_helps() -> None:
    client = Behest(key=f"behest_sk_live_{'0' * 32}")
    for name, call in {
        "auth.mint": client.auth.mint(),
        "threads.list": client.threads.list(),
        "threads.get": client.threads.get("t"),
        "threads.messages": client.threads.messages("t"),
        "threads.delete": client.threads.delete("t"),
        "usage.get": client.usage.get(),
        "usage.billing": client.usage.billing(),
        "models.list": client.models.list(),
        "models.get": client.models.get("m"),
        "local": Behest.local(),
    }.items():
        assert repr(call).startswith(f"<{name}(...) is not awaited: ")


def test_python_warns_of_a_call_that_was_never_awaited() -> None:
    client = Behest(key=f"behest_sk_live_{'0' * 32}")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        client.models.list()
        gc.collect()
    # Those of other tests may be collected now, too.
    assert "coroutine 'models.list' was never awaited" in [str(warning.message) for warning in caught]


@in_a_loop
async def test_a_call_is_a_coroutine_for_everything_in_asyncio() -> None:
    async def answer(exchange: Any) -> None:
        await exchange.answer(completion("Hi"))

    with serving(answer) as server:
        async with Behest(**server.options) as client:

            def call() -> Any:
                return client.chat.completions.create(messages=HELLO)

            call_made = call()
            assert asyncio.iscoroutine(call_made)
            assert inspect.isawaitable(call_made)
            answers = [
                await call_made,
                await asyncio.create_task(call()),
                await asyncio.ensure_future(call()),
                await asyncio.wait_for(call(), 60),
                await asyncio.shield(call()),
                *await asyncio.gather(call(), call()),
            ]
            async with asyncio.TaskGroup() as group:
                task = group.create_task(call(), name="asked")
                assert "chat.completions.create" in repr(task)
            answers.append(task.result())
            assert [answer.choices[0].message.content for answer in answers] == ["Hi"] * 8


def test_a_call_can_be_the_program() -> None:
    async def answer(exchange: Any) -> None:
        await exchange.answer(completion("Hi"))

    with serving(answer) as server:
        client = Behest(**server.options)
        assert asyncio.run(client.chat.completions.create(messages=HELLO)).choices[0].message.content == "Hi"
