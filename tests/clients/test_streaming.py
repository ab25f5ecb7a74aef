"""Streamed answers through OpenAI's package."""

import asyncio
import json
import time

import httpx
from openai import AsyncOpenAI, OpenAI

from gateway import Gateway
from test_chat import HELLO, WEATHER


def test_the_pieces_join_to_the_plain_answer(client: OpenAI) -> None:
    plain = client.chat.completions.create(model="default", messages=HELLO)
    chunks = list(client.chat.completions.create(model="default", messages=HELLO, stream=True))
    assert len(chunks) > 1
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert {chunk.model for chunk in chunks} == {"local/echo"}
    assert len({chunk.id for chunk in chunks}) == 1
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == plain.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_usage_stays_away_unless_asked_for(client: OpenAI) -> None:
    chunks = list(client.chat.completions.create(model="default", messages=HELLO, stream=True))
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)


def test_usage_comes_last_when_asked_for_and_carries_the_cost(client: OpenAI) -> None:
    plain = client.chat.completions.create(model="default", messages=HELLO)
    *_, last = client.chat.completions.create(
        model="default", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    assert last.choices == []
    assert last.usage.total_tokens == plain.usage.total_tokens
    assert last.model_extra["behest"]["cost_usd"] == 0


def test_a_streamed_tool_call_assembles(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model="default", messages=HELLO, tools=[WEATHER], tool_choice="required", stream=True
    )
    names, arguments, finish = "", "", None
    for chunk in stream:
        choice = chunk.choices[0]
        finish = choice.finish_reason or finish
        for call in choice.delta.tool_calls or []:
            assert call.index == 0
            names += call.function.name or ""
            arguments += call.function.arguments or ""
    assert names == "get_weather"
    assert isinstance(json.loads(arguments), dict)
    assert finish == "tool_calls"


def test_the_stream_helper_of_the_package_accumulates(client: OpenAI) -> None:
    with client.chat.completions.stream(model="local/echo", messages=HELLO) as stream:
        for _ in stream:
            pass
        completion = stream.get_final_completion()
    assert "hello there" in completion.choices[0].message.content


def test_the_asynchronous_client_streams_too(gateway: Gateway) -> None:
    async def read() -> str:
        async with AsyncOpenAI(base_url=gateway.base_url, api_key=gateway.api_key, max_retries=0) as client:
            stream = await client.chat.completions.create(model="default", messages=HELLO, stream=True)
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    assert "hello there" in asyncio.run(read())


def test_the_answer_is_an_event_stream_with_its_trace(client: OpenAI) -> None:
    with client.chat.completions.with_streaming_response.create(
        model="default", messages=HELLO, stream=True
    ) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["x-request-id"] == response.headers["x-trace-id"]
        text = b"".join(response.iter_bytes())
    assert text.endswith(b"data: [DONE]\n\n")


def test_a_stream_that_is_left_is_recorded_once_and_the_gateway_goes_on(
    client: OpenAI, http: httpx.Client, user: str
) -> None:
    caller = client.with_options(default_headers={"X-End-User-Id": user})
    long = [{"role": "user", "content": "word " * 20_000}]
    with caller.chat.completions.create(model="default", messages=long, stream=True) as stream:
        next(iter(stream))

    def requests() -> int:
        report = http.get("/v1/usage", headers={"X-End-User-Id": user})
        assert report.status_code == 200, report.text
        return report.json()["totals"]["requests"]

    # The gateway learns of the hang-up from the network, so its record may come a moment later.
    deadline = time.monotonic() + 30
    while requests() == 0:
        assert time.monotonic() < deadline, "a cancelled stream left no record"
        time.sleep(0.05)
    assert caller.chat.completions.create(model="default", messages=HELLO).choices
    assert requests() == 2
