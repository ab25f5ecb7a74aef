"""Refusals arrive as the error classes of OpenAI's package, with the code, the advice and the trace."""

import httpx
import openai
import pytest
from openai import OpenAI

from gateway import Gateway
from test_chat import HELLO


@pytest.mark.parametrize("key", ["behest_sk_live_" + "0" * 32, "sk-of-somebody-else", "a.b.c"])
def test_a_wrong_key_is_an_authentication_error(gateway: Gateway, key: str) -> None:
    client = OpenAI(base_url=gateway.base_url, api_key=key)
    with pytest.raises(openai.AuthenticationError) as caught:
        client.chat.completions.create(model="default", messages=HELLO)
    assert caught.value.status_code == 401
    assert caught.value.code == "invalid_token"
    assert caught.value.request_id == caught.value.response.headers["x-trace-id"]
    assert key not in str(caught.value)


def test_a_wrong_key_is_the_same_error_before_a_stream(gateway: Gateway) -> None:
    client = OpenAI(base_url=gateway.base_url, api_key="behest_sk_live_" + "0" * 32)
    with pytest.raises(openai.AuthenticationError):
        client.chat.completions.create(model="default", messages=HELLO, stream=True)


@pytest.mark.parametrize(
    "body",
    [
        {"model": 5},
        {"messages": "hello"},
        {"stream": "yes"},
        {"max_tokens": "many"},
    ],
    ids=lambda body: next(iter(body)),
)
def test_a_field_of_the_wrong_type_is_a_bad_request_that_names_it(client: OpenAI, body: dict[str, object]) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="default", messages=HELLO, extra_body=body)
    assert caught.value.code == "validation_error"
    assert next(iter(body)) in caught.value.message
    assert caught.value.request_id


def test_a_thread_without_a_user_is_refused_with_the_missing_header_named(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="default", messages=HELLO, extra_headers={"X-Thread-Id": "trip"})
    assert "x-end-user-id" in caught.value.message.lower()


def test_an_unknown_path_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.get("/nothing-here", cast_to=object)
    assert caught.value.code == "not_found"


@pytest.mark.parametrize(
    ("headers", "content", "status", "code"),
    [
        ({"Authorization": ""}, b"{}", 401, "missing_credentials"),
        ({}, b'{"messages": [', 400, "validation_error"),
        ({}, b"\xff\xfe", 400, "validation_error"),
    ],
    ids=["no credential", "half a body", "no UTF-8"],
)
def test_every_error_has_the_one_body(
    http: httpx.Client, headers: dict[str, str], content: bytes, status: int, code: str
) -> None:
    answer = http.post("/v1/chat/completions", headers={"Content-Type": "application/json"} | headers, content=content)
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body["error"]["code"] == body["code"] == code
    assert body["error"]["message"] == body["message"] != ""
    assert body["retryable"] is False
    assert answer.headers["x-request-id"] == answer.headers["x-trace-id"]
