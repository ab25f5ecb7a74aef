"""The native half of `behest`. Private: what people import is in `behest` itself.

Calls, answers and errors cross as JSON. Each call is an `Operation`; with a mailbox, its ticket is put there when it is
done, and without one, `Operation.wait` waits for it.
"""

from collections.abc import Sequence
from typing import Any, final

from behest._errors import BehestError

__all__ = [
    "Client",
    "Local",
    "Mailbox",
    "Operation",
    "Stream",
    "classify",
    "decode_token",
    "detect_mode",
    "resolve_config",
    "run_cli",
    "sign_legacy",
    "version",
]

def version() -> str:
    """The version of Behest that this module was built from."""

def run_cli(arguments: Sequence[str]) -> int:
    """Runs the `behest` command with the arguments behind its name, and returns its exit code."""

def decode_token(token: str) -> str:
    """A token's claims as JSON, unverified."""

def detect_mode(key: str) -> str:
    """`apiKey` or `sign`."""

def resolve_config(options: bytes) -> tuple[str, list[str]]:
    """What a client with these options would run with, as JSON; and what should be changed."""

def classify(status: int, headers: list[tuple[str, str]], body: bytes) -> BehestError:
    """The exception for an answer."""

def sign_legacy(options: bytes) -> str:
    """A token with the legacy claims, as JSON."""

@final
class Mailbox:
    """The mailbox of one event loop."""

    def __new__(cls) -> Mailbox: ...
    def fileno(self) -> int:
        """The file descriptor that is readable while there are tickets; -1 where there are no descriptors to watch."""

    def take(self, limit: int) -> list[int]:
        """Takes at most `limit` tickets. Whoever gets that many asks again."""

    def wait(self) -> bool:
        """Waits for the bell, and says whether it was rung; else the mailbox is closed."""

    def close(self) -> None:
        """Ends `wait` for good."""

@final
class Operation:
    """A call under way. Dropping it cancels the call."""

    def done(self) -> bool:
        """Whether the result is there."""

    def result(self) -> Any:
        """The result, once; an error is raised."""

    def wait(self) -> Any:
        """Waits for the result without holding the interpreter. A signal's exception cancels the call."""

    def cancel(self) -> None:
        """Ends the call, also at the gateway."""

@final
class Stream:
    """A streamed answer. Dropping it cancels the call at the gateway."""

    @property
    def meta(self) -> str:
        """What the gateway says about the answer, as JSON."""

    def next(self, mailbox: Mailbox | None = None, ticket: int = 0) -> Operation:
        """Asks for all the chunks that are there, or for the next one; `None` is the end."""

    def close(self) -> None:
        """Ends the call, also at the gateway."""

@final
class Client:
    """A client of a gateway."""

    def __new__(cls, options: bytes, agent: str) -> Client: ...
    def config(self) -> str:
        """What it runs with, as JSON without a secret."""

    def notices(self) -> list[str]:
        """What the program, or its environment, should change."""

    def call(
        self, name: str, parameters: bytes, options: bytes, mailbox: Mailbox | None = None, ticket: int = 0
    ) -> Operation:
        """Asks; the result is the answer, and what the gateway says about it."""

    def stream(self, body: bytes, options: bytes, mailbox: Mailbox | None = None, ticket: int = 0) -> Operation:
        """Asks for a streamed chat completion; the result is a `Stream`."""

    def mint(self, options: bytes, mailbox: Mailbox | None = None, ticket: int = 0) -> Operation:
        """Asks for a token; the result is JSON."""

@final
class Local:
    """A gateway inside this process."""

    def __new__(cls) -> Local: ...
    def start(self, options: bytes, agent: str, mailbox: Mailbox | None = None, ticket: int = 0) -> Operation:
        """Starts it, also when nobody waits for that any more."""

    def describe(self) -> str:
        """What to tell about it, as JSON, its secrets included."""

    def client(self) -> Client:
        """A client on it."""

    def close(self, mailbox: Mailbox | None = None, ticket: int = 0) -> Operation:
        """Closes it, after its start where that is under way, and also when nobody waits for that any more."""
