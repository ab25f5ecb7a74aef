"""What all fakes are: a server on loopback with one key, that keeps what it saw."""

import contextlib
import hashlib
import json
import random
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from providers import schema

Json = dict[str, Any]
# What a client of the gateway may send to the gateway and nothing of which may reach a provider.
CLIENTS_OWN = ("x-end-user-id", "x-session-id", "x-thread-id", "x-tenant-id", "x-project-id", "x-tier", "cookie")
CLIENTS_KEY = "behest_sk_"


class Refusal(Exception):
    """The provider does not take the request."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Request:
    """What came."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Json


@dataclass(frozen=True)
class Reply:
    """What goes back: a document, or the events of a stream."""

    body: Json | None = None
    events: Iterable[str] = ()


class Fake:
    """One provider. A subclass says how it is called and what it answers."""

    name: ClassVar[str]
    key: ClassVar[str]
    models: ClassVar[tuple[str, ...]]
    base_path: ClassVar[str] = ""
    key_header: ClassVar[tuple[str, str]] = ("authorization", "Bearer ")

    def __init__(self, origin: str) -> None:
        self.base_url = origin + self.base_path
        self.seen: list[Request] = []

    def reply(self, request: Request) -> Reply:
        """The answer to a request whose credential is right."""
        raise NotImplementedError

    def error(self, status: int, message: str) -> Json:
        """An error in the provider's form."""
        raise NotImplementedError

    def settings(self) -> str:
        """The lines for the gateway's configuration file."""
        models = json.dumps(self.models)
        return (
            f'[providers.{self.name}]\nbase_url = "{self.base_url}"\nlocal = true\n'
            f'api_key_env = "{self.key_variable}"\nmodels = {models}\n'
        )

    def environment(self) -> dict[str, str]:
        """The variables that those lines name."""
        return {self.key_variable: self.key}

    @property
    def key_variable(self) -> str:
        """The variable that holds the key; none that `scripts/without-providers` clears."""
        return f"FAKE_{self.name.upper()}_KEY"

    def credential(self) -> str:
        """What is to stand in the header of the key."""
        return self.key_header[1] + self.key

    def answer(self, request: Request) -> Reply:
        """Checks what is the same for all, and answers."""
        name, wanted = self.key_header[0], self.credential()
        if request.headers.get(name) != wanted:
            raise Refusal(f"the key is to stand in {name}", 401)
        everything = [request.path, *request.query.values(), *request.headers.values()]
        if any(CLIENTS_KEY in text for text in everything) or any(own in request.headers for own in CLIENTS_OWN):
            raise Refusal("something of the client's own came through")
        others = {"authorization", "x-api-key", "api-key", "x-goog-api-key"} - {name}
        if others & request.headers.keys() or any(self.key in text for text in everything[: 1 + len(request.query)]):
            raise Refusal("the key is in more places than it should be")
        if request.headers.get("content-type") != "application/json":
            raise Refusal("the body is to be application/json", 415)
        try:
            return self.reply(request)
        except schema.Mismatch as error:
            raise Refusal(str(error), 422 if self.name in ("mistral", "cohere") else 400) from error


def event(data: Json | str, name: str | None = None) -> str:
    """One server-sent event."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return (f"event: {name}\n" if name else "") + f"data: {text}\n\n"


def pieces(events: Iterable[str]) -> Iterator[bytes]:
    """The bytes of a stream, cut in odd places that the bytes themselves decide."""
    text = "".join(events).encode()
    lengths = random.Random(hashlib.sha256(text).digest())
    while text:
        length = lengths.choice((1, 2, 3, 5, 7, 61, 509))
        yield text[:length]
        text = text[length:]


def handler(fake: Fake) -> type[BaseHTTPRequestHandler]:
    """The handler of a fake's requests."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length", 0)))
            try:
                address = urlsplit(self.path)
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = {} if headers.get("content-type", "").startswith("application/x-www-form") else json.loads(raw)
                body = body or dict(parse_qsl(raw.decode()))
                request = Request(address.path, dict(parse_qsl(address.query)), headers, body)
                fake.seen.append(request)
                reply = fake.answer(request)
            except Refusal as refusal:
                self.document(refusal.status, fake.error(refusal.status, str(refusal)))
            else:
                if reply.body is not None:
                    self.document(200, reply.body)
                else:
                    self.stream(reply.events)

        def document(self, status: int, body: Json) -> None:
            data = json.dumps(body, ensure_ascii=False).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def stream(self, events: Iterable[str]) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/event-stream; charset=utf-8")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for piece in pieces(events):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, format: str, *arguments: object) -> None:
            """Says nothing: a test shows what failed."""

    return Handler


@contextlib.contextmanager
def running(kinds: Iterable[type[Fake]]) -> Iterator[dict[str, Fake]]:
    """Runs fakes, by name."""
    fakes: dict[str, Fake] = {}
    with contextlib.ExitStack() as stack:
        for kind in kinds:
            server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
            fake = kind(f"http://127.0.0.1:{server.server_port}")
            server.RequestHandlerClass = handler(fake)
            stack.enter_context(server)
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            stack.callback(server.shutdown)
            fakes[fake.name] = fake
        yield fakes
