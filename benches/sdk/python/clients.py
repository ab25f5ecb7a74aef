"""The Python clients that are compared, each with the same two things to do.

Every answer is read the way a program reads it, and has to be whole: an answer's text and a stream's chunks are counted.
"""

import json

KEY = f"behest_sk_live_{'0a' * 16}"


class Incomplete(Exception):
    """An answer that lacks something."""


class Task:
    """What a client is told, and what it did."""

    def __init__(self, told):
        self.base_url = told["base_url"]
        self.plain, self.stream = told["plain"], told["stream"]
        self.answer_characters, self.stream_chunks = told["answer_characters"], told["stream_chunks"]
        self.calls = self.streams = self.chunks = 0
        self.stopped = False

    def check_answer(self, text):
        if len(text) != self.answer_characters:
            raise Incomplete(f"an answer of {len(text)} characters")
        self.calls += 1

    def check_stream(self, chunks):
        if chunks != self.stream_chunks:
            raise Incomplete(f"a stream of {chunks} chunks")


class AsyncBehest:
    def __init__(self, task):
        from behest import Behest

        self.task, self.create = task, Behest(key=KEY, base_url=task.base_url).chat.completions.create

    async def call(self):
        answer = await self.create(**self.task.plain)
        self.task.check_answer(answer.choices[0].message.content)

    async def stream(self):
        task, seen = self.task, 0
        chunks = await self.create(**task.stream)
        task.streams += 1
        async for chunk in chunks:
            if chunk.choices:
                _ = chunk.choices[0].delta.content
            seen += 1
            task.chunks += 1
            if task.stopped:
                return
        task.check_stream(seen)


class SyncBehest:
    def __init__(self, task):
        from behest import SyncBehest

        self.task, self.create = task, SyncBehest(key=KEY, base_url=task.base_url).chat.completions.create

    def call(self):
        answer = self.create(**self.task.plain)
        self.task.check_answer(answer.choices[0].message.content)

    def stream(self):
        task, seen = self.task, 0
        chunks = self.create(**task.stream)
        task.streams += 1
        for chunk in chunks:
            if chunk.choices:
                _ = chunk.choices[0].delta.content
            seen += 1
            task.chunks += 1
            if task.stopped:
                return
        task.check_stream(seen)


class AsyncOpenAI(AsyncBehest):
    def __init__(self, task):
        from openai import AsyncOpenAI

        client = AsyncOpenAI(api_key=KEY, base_url=f"{task.base_url}/v1")
        self.task, self.create = task, client.chat.completions.create


class SyncOpenAI(SyncBehest):
    def __init__(self, task):
        from openai import OpenAI

        client = OpenAI(api_key=KEY, base_url=f"{task.base_url}/v1")
        self.task, self.create = task, client.chat.completions.create


def httpx_options(task):
    """As many kept connections as the others keep; httpx keeps 20 when it is not told."""
    import httpx

    return {
        "base_url": task.base_url,
        "headers": {"Authorization": f"Bearer {KEY}"},
        "limits": httpx.Limits(max_connections=1000, max_keepalive_connections=100),
        "timeout": 600,
    }


def data_of(line):
    """A line's JSON; `None` for a line that has none."""
    if not line.startswith("data: ") or line == "data: [DONE]":
        return None
    return json.loads(line[6:])


class AsyncHttpx:
    def __init__(self, task):
        import httpx

        self.task, self.client = task, httpx.AsyncClient(**httpx_options(task))

    async def call(self):
        answer = (await self.client.post("/v1/chat/completions", json=self.task.plain)).raise_for_status().json()
        self.task.check_answer(answer["choices"][0]["message"]["content"])

    async def stream(self):
        task, seen = self.task, 0
        async with self.client.stream("POST", "/v1/chat/completions", json=task.stream) as answer:
            task.streams += 1
            async for line in answer.raise_for_status().aiter_lines():
                if (chunk := data_of(line)) is None:
                    continue
                if chunk["choices"]:
                    _ = chunk["choices"][0]["delta"].get("content")
                seen += 1
                task.chunks += 1
                if task.stopped:
                    return
        task.check_stream(seen)


class SyncHttpx:
    def __init__(self, task):
        import httpx

        self.task, self.client = task, httpx.Client(**httpx_options(task))

    def call(self):
        answer = self.client.post("/v1/chat/completions", json=self.task.plain).raise_for_status().json()
        self.task.check_answer(answer["choices"][0]["message"]["content"])

    def stream(self):
        task, seen = self.task, 0
        with self.client.stream("POST", "/v1/chat/completions", json=task.stream) as answer:
            task.streams += 1
            for line in answer.raise_for_status().iter_lines():
                if (chunk := data_of(line)) is None:
                    continue
                if chunk["choices"]:
                    _ = chunk["choices"][0]["delta"].get("content")
                seen += 1
                task.chunks += 1
                if task.stopped:
                    return
        task.check_stream(seen)


CLIENTS = {
    ("behest", "async"): AsyncBehest,
    ("behest", "sync"): SyncBehest,
    ("openai", "async"): AsyncOpenAI,
    ("openai", "sync"): SyncOpenAI,
    ("httpx", "async"): AsyncHttpx,
    ("httpx", "sync"): SyncHttpx,
}
