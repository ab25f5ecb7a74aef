"""Embeddings through OpenAI's package, which asks for base64 and decodes it unless told otherwise."""

import asyncio

import httpx
import pytest
from openai import AsyncOpenAI, BadRequestError, OpenAI

from gateway import Gateway

TEXTS = ["The sky is blue", "the SKY is blue!", "Bake a cake"]


def near(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_texts_become_vectors_in_their_order(client: OpenAI) -> None:
    answer = client.embeddings.create(model="text-embedding-3-small", input=TEXTS)
    assert answer.object == "list"
    assert answer.model == "local/echo"
    assert [row.index for row in answer.data] == [0, 1, 2]
    one, same, other = (row.embedding for row in answer.data)
    assert len(one) == 256
    assert near(one, same) == pytest.approx(1, abs=1e-5)
    assert near(one, other) < 0.9
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == 11


def test_floats_that_were_asked_for_are_those_of_base64(client: OpenAI) -> None:
    decoded = client.embeddings.create(model="default", input="The sky is blue", dimensions=64)
    asked = client.embeddings.create(model="default", input="The sky is blue", dimensions=64, encoding_format="float")
    assert len(asked.data[0].embedding) == 64
    assert decoded.data[0].embedding == pytest.approx(asked.data[0].embedding, abs=1e-7)


def test_token_ids_are_texts_too(client: OpenAI) -> None:
    answer = client.embeddings.create(model="default", input=[[1, 2], [3]])
    assert len(answer.data) == 2
    assert answer.usage.prompt_tokens == 3


def test_the_asynchronous_client_gets_the_same(client: OpenAI, gateway: Gateway) -> None:
    async def embed() -> list[float]:
        async with AsyncOpenAI(base_url=gateway.base_url, api_key=gateway.api_key, max_retries=0) as other:
            answer = await other.embeddings.create(model="default", input="one two")
            return answer.data[0].embedding

    assert asyncio.run(embed()) == client.embeddings.create(model="default", input="one two").data[0].embedding


def test_what_is_asked_wrongly_names_the_field(client: OpenAI) -> None:
    with pytest.raises(BadRequestError) as raised:
        client.embeddings.create(model="default", input=[])
    assert raised.value.param == "input"
    with pytest.raises(BadRequestError) as raised:
        client.embeddings.create(model="default", input="a", dimensions=0)
    assert raised.value.param == "dimensions"


def test_embeddings_are_their_users_usage(client: OpenAI, http: httpx.Client, user: str) -> None:
    headers = {"X-End-User-Id": user}
    client.embeddings.create(model="default", input="one two three", extra_headers=headers)
    totals = http.get("/v1/usage", headers=headers).json()["totals"]
    assert (totals["requests"], totals["input_tokens"], totals["output_tokens"]) == (1, 3, 0)
