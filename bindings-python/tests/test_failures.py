"""What the real gateway will not do on demand: failures, and what the client makes of them."""

import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import behest
from behest import BehestError, SyncBehest
from scripted import HELLO, Exchange, Server, completion, serving

Step = Callable[[Exchange], Awaitable[None]]


def refusing(status: int, code: str, **headers: str) -> Step:
    async def step(exchange: Exchange) -> None:
        await exchange.refuse(status, code, **headers)

    return step


async def resetting(exchange: Exchange) -> None:
    exchange.reset()
    raise ConnectionResetError


async def answering(exchange: Exchange) -> None:
    if exchange.json.get("stream"):
        await exchange.begin()
        await exchange.chunk("Hi")
        await exchange.done()
    else:
        await exchange.answer(completion("Hi"))


@contextmanager
def scripted(*steps: Step, **options: Any) -> Iterator[tuple[Server, SyncBehest]]:
    """A server that takes one step for each request, and a client of it."""
    script = iter(steps)

    async def chat(exchange: Exchange) -> None:
        await next(script)(exchange)

    with serving(chat) as server, SyncBehest(**server.options, **options) as client:
        yield server, client


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    "failure",
    [
        refusing(408, "timeout"),
        refusing(429, "rate_limited", retry_after="0"),
        refusing(500, "server_error"),
        refusing(503, "unavailable", retry_after="0"),
        resetting,
    ],
    ids=["408", "429", "500", "503", "reset"],
)
def test_a_passing_failure_is_tried_again_under_one_key(failure: Step, streaming: bool) -> None:
    with scripted(failure, answering) as (server, client):
        answer = client.chat.completions.create(messages=HELLO, stream=streaming)
        if streaming:
            assert [chunk.choices[0].delta.content for chunk in answer] == ["Hi"]
        else:
            assert answer.choices[0].message.content == "Hi"  # type: ignore[union-attr]
        keys = {request.headers["idempotency-key"] for request in server.requests}
        assert (len(server.requests), len(keys)) == (2, 1)
        assert server.requests[0].body == server.requests[1].body


def test_it_is_tried_as_often_as_the_call_says() -> None:
    failure = refusing(503, "unavailable", retry_after="0")
    with scripted(*[failure] * 6, max_retries=1) as (server, client):
        for tries, options in ((2, {}), (1, {"max_retries": 0}), (3, {"max_retries": 2})):
            with pytest.raises(behest.BehestServerError):
                client.chat.completions.create(messages=HELLO, **options)
            assert len(server.requests) == tries
            server.requests.clear()


@pytest.mark.parametrize("header", [{"x_should_retry": "false"}, {"retry_after": "86400"}])
def test_what_the_gateway_says_about_trying_again_is_obeyed(header: dict[str, str]) -> None:
    with scripted(refusing(503, "unavailable", **header)) as (server, client):
        with pytest.raises(behest.BehestServerError) as raised:
            client.chat.completions.create(messages=HELLO, timeout=30)
        assert len(server.requests) == 1
        assert raised.value.retry_after == (86400 if "retry_after" in header else None)


KINDS = [
    (400, "validation_error", behest.BehestBadRequestError),
    (401, "invalid_token", behest.BehestAuthError),
    (402, "quota_exceeded", behest.BehestQuotaError),
    (403, "forbidden", behest.BehestAuthError),
    (404, "not_found", BehestError),
    (409, "conflict", BehestError),
    (422, "validation_error", behest.BehestBadRequestError),
    (429, "rate_limited", behest.BehestRateLimitError),
    (451, "pii_blocked", behest.BehestBlockedError),
    (500, "server_error", behest.BehestServerError),
    (502, "upstream_error", behest.BehestServerError),
    (504, "upstream_timeout", behest.BehestServerError),
]


@pytest.mark.parametrize(("status", "code", "kind"), KINDS)
def test_each_refusal_has_its_class(status: int, code: str, kind: type[BehestError]) -> None:
    refusal = refusing(status, code, x_trace_id="abc", retry_after="7")
    with scripted(refusal, max_retries=0) as (_, client), pytest.raises(BehestError) as raised:
        client.chat.completions.create(messages=HELLO, token="a-token-of-ones-own")
    error = raised.value
    assert type(error) is kind
    assert (error.status, error.code, error.trace_id) == (status, code, "abc")
    assert error.raw["error"]["message"] == str(error) == error.message
    assert error.details == {}
    if isinstance(error, behest.BehestRateLimitError):
        assert error.retry_after == 7


@pytest.mark.parametrize("streaming", [False, True])
def test_a_token_that_expires_in_the_middle_is_replaced_once(streaming: bool) -> None:
    expired = refusing(401, "token_expired")
    with scripted(answering, expired, answering, expired, expired) as (server, client):
        client.chat.completions.create(messages=HELLO, user_id="ann")
        client.chat.completions.create(messages=HELLO, user_id="ann", stream=streaming)
        assert [request.token for request in server.requests] == [
            "token-1-of-ann",
            "token-1-of-ann",
            "token-2-of-ann",
        ]
        with pytest.raises(behest.BehestAuthError):
            client.chat.completions.create(messages=HELLO, user_id="ann")
        assert [request.token for request in server.requests[3:]] == ["token-2-of-ann", "token-3-of-ann"]


def test_a_clock_that_is_wrong_does_not_matter() -> None:
    """Tokens are kept by how long they live, not by when the gateway's clock says that they end."""
    with scripted(*[answering] * 6) as (server, client):
        for clock in ("1999-01-01T00:00:00Z", "2099-01-01T00:00:00Z"):
            server.mint_answer = {"expires_at": clock}
            for _ in range(3):
                client.chat.completions.create(messages=HELLO, user_id=clock)
        assert len(server.mints) == 2


def test_a_token_is_minted_anew_when_little_of_it_is_left() -> None:
    with scripted(answering, answering) as (server, client):
        server.mint_answer = {"ttl": 60}
        for _ in range(2):
            client.chat.completions.create(messages=HELLO)
        assert len(server.mints) == 2


def test_an_answer_that_takes_too_long() -> None:
    async def never(exchange: Exchange) -> None:
        await exchange.closed()

    with scripted(never) as (_, client):
        with pytest.raises(behest.BehestServerError, match="no answer within") as raised:
            client.chat.completions.create(messages=HELLO, timeout=0.2, token="mine")
        assert raised.value.code == "timeout"


def test_no_connection_names_the_gateway() -> None:
    with serving(answering) as server:
        options = server.options
    with SyncBehest(**options, max_retries=0) as client, pytest.raises(behest.BehestServerError) as raised:
        client.models.list()
    assert raised.value.code == "network_error"
    assert options["base_url"] in str(raised.value)


def test_an_answer_that_is_no_json() -> None:
    async def page(exchange: Exchange) -> None:
        await exchange.answer(b"<html>hello</html>")

    with scripted(page) as (_, client), pytest.raises(behest.BehestServerError) as raised:
        client.chat.completions.create(messages=HELLO)
    assert raised.value.code == "bad_answer"


def test_everything_of_a_call_reaches_the_gateway() -> None:
    with scripted(answering, default_headers={"x-of-all": "1"}) as (server, client):
        client.chat.completions.create(
            messages=HELLO,
            model="m",
            user_id="ann",
            session_id="s",
            thread_id="t",
            tier="pro",
            tags={"team": "red"},
            headers={"x-of-one": "2"},
            temperature=0.5,
            tools=None,
        )
        (request,) = server.requests
        assert json.loads(request.body) == {"messages": HELLO, "model": "m", "temperature": 0.5, "tools": None}
        names = ("x-session-id", "x-thread-id", "x-of-all", "x-of-one", "user-agent")
        assert [request.headers[name] for name in names] == ["s", "t", "1", "2", f"behest-python/{behest.__version__}"]
        (mint,) = server.mints
        assert (mint["user_id"], mint["session_id"], mint["tier"], mint["tags"]) == ("ann", "s", "pro", {"team": "red"})
