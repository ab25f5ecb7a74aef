"""A gateway whose answers the test writes: for what the real one will not do on demand."""

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

WAIT_SECONDS = 60


class Exchange:
    """One request, and the ways to answer it."""

    def __init__(
        self,
        head: str,
        headers: dict[str, str],
        body: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.method, self.path, _ = head.split(" ", 2)
        self.headers = headers
        self.body = body
        self._reader = reader
        self._writer = writer

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def token(self) -> str:
        return self.headers["authorization"].removeprefix("Bearer ")

    async def answer(self, body: Any, status: int = 200, **headers: str) -> None:
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        await self._write_head(status, {"content-length": str(len(text)), **headers})
        await self._write(text)

    async def refuse(self, status: int, code: str, **headers: str) -> None:
        await self.answer({"error": {"code": code, "message": f"refused: {code}", "details": {}}}, status, **headers)

    async def begin(self, **headers: str) -> None:
        """Begins a stream, which ends with the connection."""
        await self._write_head(200, {"content-type": "text/event-stream", "connection": "close", **headers})

    async def event(self, data: Any) -> None:
        await self._write(f"data: {json.dumps(data)}\n\n".encode())

    async def chunk(self, text: str) -> None:
        choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
        await self.event(
            {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
        )

    async def done(self) -> None:
        await self._write(b"data: [DONE]\n\n")

    async def closed(self) -> None:
        """Waits until the client has gone."""
        while await self._reader.read(65536):
            pass

    def reset(self) -> None:
        """Breaks the connection as a crash would."""
        linger = struct.pack("ii", 1, 0)
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._writer.transport.abort()

    async def _write_head(self, status: int, headers: dict[str, str]) -> None:
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self._write("\r\n".join([f"HTTP/1.1 {status} Scripted", *lines, "", ""]).encode())

    async def _write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()


Handler = Callable[[Exchange], Awaitable[None]]


class Server:
    """Answers chat completions as the test's handler does, and mints a token of its own for each mint."""

    def __init__(self, chat: Handler) -> None:
        self.chat = chat
        self.requests: list[Exchange] = []
        self.mints: list[dict[str, Any]] = []
        self.mint_answer: dict[str, Any] = {}
        self.loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None

    @property
    def base_url(self) -> str:
        assert self._server
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    @property
    def options(self) -> dict[str, Any]:
        """What a client of this server is made with."""
        return {"key": f"behest_sk_live_{'0' * 32}", "base_url": self.base_url}

    @property
    def environment(self) -> dict[str, str]:
        """The same for a program."""
        return {"BEHEST_KEY": self.options["key"], "BEHEST_BASE_URL": self.base_url}

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=4096)

    def shut(self) -> None:
        """Takes no more connections."""
        if self._server:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := (await reader.readline()).decode().strip():
                headers = {}
                while line := (await reader.readline()).decode().strip():
                    name, value = line.split(":", 1)
                    headers[name.lower()] = value.strip()
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                exchange = Exchange(head, headers, body, reader, writer)
                if exchange.path == "/v1/auth/mint":
                    await self._mint(exchange)
                    continue
                self.requests.append(exchange)
                await self.chat(exchange)
                if headers.get("accept") == "text/event-stream":
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # The client or the test is gone.
            pass
        finally:
            writer.close()

    async def _mint(self, exchange: Exchange) -> None:
        asked = exchange.json
        self.mints.append(asked)
        token = f"token-{len(self.mints)}-of-{asked['user_id']}"
        minted = {
            "jwt": token,
            "access_token": token,
            "token_type": "Bearer",
            "project_id": "p",
            "ttl": asked["ttl"],
            "expires_in": asked["ttl"],
            "expires_at": "2100-01-01T00:00:00Z",
            "session_id": asked.get("session_id") or f"session-{len(self.mints)}",
        }
        await exchange.answer(minted | self.mint_answer)


@contextmanager
def serving(chat: Handler) -> Iterator[Server]:
    """Runs a server in a thread of its own."""
    server = Server(chat)
    opened = threading.Event()

    def run() -> None:
        asyncio.set_event_loop(server.loop)
        server.loop.run_until_complete(server.open())
        opened.set()
        server.loop.run_forever()
        server.shut()
        tasks = asyncio.all_tasks(server.loop)
        for task in tasks:
            task.cancel()
        server.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        server.loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert opened.wait(WAIT_SECONDS)
    try:
        yield server
    finally:
        server.loop.call_soon_threadsafe(server.loop.stop)
        thread.join()


def completion(text: str, **fields: Any) -> dict[str, Any]:
    """A whole answer."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], **fields}


class Counter:
    """Counts what happens in the server's thread, for a test that waits for it in its own."""

    def __init__(self) -> None:
        self._happened = threading.Semaphore(0)

    def add(self) -> None:
        self._happened.release()

    def wait(self, times: int = 1) -> None:
        for _ in range(times):
            assert self._happened.acquire(timeout=WAIT_SECONDS), "it did not happen"

    async def happened(self, times: int = 1) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self.wait, times)


class Endless:
    """A handler whose streams begin with `pieces` and then wait: it counts those that began, and those that closed."""

    def __init__(self, pieces: int = 1) -> None:
        self.begun = Counter()
        self.closed = Counter()
        self._pieces = pieces

    async def __call__(self, exchange: Exchange) -> None:
        try:
            await exchange.begin()
            for number in range(self._pieces):
                await exchange.chunk(f"{number} ")
            self.begun.add()
            await exchange.closed()
        finally:
            # A client may go while it is written to.
            self.closed.add()


HELLO = [{"role": "user", "content": "Hello"}]
