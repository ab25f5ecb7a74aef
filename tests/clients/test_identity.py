"""Whose call it is: minted tokens as `api_key`, the project's own host, threads of one user."""

import httpx
import openai
import pytest
from openai import OpenAI

from gateway import Gateway
from test_chat import HELLO


def mint(http: httpx.Client, user: str, path: str = "/v1/auth/mint") -> dict[str, object]:
    answer = http.post(path, json={"user_id": user})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("path", ["/v1/auth/mint", "/auth/v1/auth/mint"])
def test_a_mint_answers_in_both_published_forms(http: httpx.Client, gateway: Gateway, user: str, path: str) -> None:
    minted = mint(http, user, path)
    assert minted["jwt"] == minted["access_token"]
    assert minted["token_type"] == "Bearer"
    assert minted["project_id"] == gateway.project_id
    assert minted["ttl"] == minted["expires_in"] == 3600
    assert minted["session_id"]
    assert minted["expires_at"]


def test_a_minted_token_works_as_api_key_and_its_user_wins_over_the_header(
    http: httpx.Client, gateway: Gateway, user: str
) -> None:
    token = mint(http, user)["access_token"]
    client = OpenAI(
        base_url=gateway.base_url,
        api_key=token,
        max_retries=0,
        default_headers={"X-End-User-Id": "somebody-else"},
    )
    assert client.chat.completions.create(model="default", messages=HELLO).choices[0].message.content

    own = client.get("/usage", cast_to=object)
    assert own["totals"]["requests"] == 1
    assert own["totals"]["input_tokens"] > 0


def test_a_user_cannot_read_the_usage_of_another(http: httpx.Client, gateway: Gateway, user: str) -> None:
    client = OpenAI(base_url=gateway.base_url, api_key=mint(http, user)["access_token"], max_retries=0)
    with pytest.raises(openai.PermissionDeniedError) as caught:
        client.get("/usage?user_id=somebody-else", cast_to=object)
    assert caught.value.code == "forbidden"


@pytest.mark.parametrize("reserved", ["admin", "system", "dashboard-service", "", "x" * 256])
def test_a_reserved_or_impossible_user_is_refused(http: httpx.Client, reserved: str) -> None:
    answer = http.post("/v1/auth/mint", json={"user_id": reserved})
    assert answer.status_code == 400
    assert answer.json()["code"] == "validation_error"


def test_the_host_with_the_slug_names_the_project(gateway: Gateway) -> None:
    client = OpenAI(
        base_url=gateway.base_url,
        api_key=gateway.api_key,
        max_retries=0,
        default_headers={"Host": gateway.slug_host},
    )
    assert client.chat.completions.create(model="default", messages=HELLO).choices


def test_an_unknown_slug_is_not_found(gateway: Gateway) -> None:
    client = OpenAI(
        base_url=gateway.base_url,
        api_key=gateway.api_key,
        max_retries=0,
        default_headers={"Host": "quiet-nobody-000.localhost"},
    )
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="default", messages=HELLO)


def test_a_thread_remembers_its_turns_for_its_user_alone(http: httpx.Client, client: OpenAI, user: str) -> None:
    headers = {"X-End-User-Id": user, "X-Thread-Id": "trip:2026"}
    for message in ("first", "second"):
        client.chat.completions.create(
            model="default", messages=[{"role": "user", "content": message}], extra_headers=headers
        )

    mine = {"X-End-User-Id": user}
    (thread,) = http.get("/v1/threads", headers=mine).json()
    assert (thread["id"], thread["messages_count"]) == ("trip:2026", 4)
    messages = http.get("/v1/threads/trip:2026/messages", headers=mine).json()
    assert [message["role"] for message in messages] == ["user", "assistant"] * 2
    assert [message["content"] for message in messages if message["role"] == "user"] == ["first", "second"]

    theirs = {"X-End-User-Id": f"{user}-neighbour"}
    assert http.get("/v1/threads", headers=theirs).json() == []
    assert http.get("/v1/threads/trip:2026", headers=theirs).status_code == 404

    assert http.delete("/v1/threads/trip:2026", headers=mine).status_code == 204
    assert http.get("/v1/threads/trip:2026", headers=mine).status_code == 404
