"""Every call of both clients, against a real gateway."""

import base64
from collections import deque
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from behest import Behest, BehestBadRequestError, BehestError, SyncBehest, types
from loops import in_a_loop
from scripted import HELLO


def test_an_answer_reads_as_attributes_and_as_mappings(client: SyncBehest, user: str) -> None:
    answer = client.chat.completions.create(messages=HELLO, user_id=user)
    assert answer.choices[0].message.content == "You said: Hello"
    assert answer["choices"][0]["message"]["content"] == "You said: Hello"
    assert type(answer) is types.ChatCompletion
    assert type(answer.choices[0]) is types.Choice
    assert type(answer.choices[0].message) is types.Message
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_the_gateways_words_about_an_answer_stand_beside_it(client: SyncBehest, user: str) -> None:
    meta = client.chat.completions.create(messages=HELLO, user_id=user).meta
    assert (meta.provider, meta.attempts, meta.model) == ("local", 1, "local/echo")
    assert len(meta.trace_id or "") == 32


@pytest.mark.parametrize("kind", [tuple, iter, deque, lambda messages: (message for message in messages)])
def test_a_conversation_may_be_a_generator_or_another_sequence(client: SyncBehest, user: str, kind: Any) -> None:
    answer = client.chat.completions.create(messages=kind(HELLO), user_id=user)
    assert answer.choices[0].message.content == "You said: Hello"


def test_bytes_are_no_conversation(client: SyncBehest) -> None:
    with pytest.raises(TypeError, match="of the type bytes cannot be sent"):
        client.chat.completions.create(messages=b"Hello")  # type: ignore[call-overload]


def test_an_answer_arrives_in_chunks(client: SyncBehest, user: str) -> None:
    stream = client.chat.completions.create(messages=HELLO, user_id=user, stream=True)
    assert stream.meta.provider == "local"
    chunks = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "You said: Hello"
    assert {type(chunk) for chunk in chunks} == {types.ChatCompletionChunk}
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_parameters_go_as_they_are(client: SyncBehest, user: str) -> None:
    stream = client.chat.completions.create(
        messages=HELLO, user_id=user, stream=True, stream_options={"include_usage": True}, temperature=0.5
    )
    *_, last = stream
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.completion_tokens > 0


def test_a_thread_is_remembered_listed_and_deleted(client: SyncBehest, user: str) -> None:
    client.chat.completions.create(messages=HELLO, user_id=user, thread_id="first")
    second = client.chat.completions.create(messages=HELLO, user_id=user, thread_id="first")
    assert second.meta.memory == 2

    threads = client.threads.list(user_id=user)
    assert [type(thread) for thread in threads] == [types.Thread]
    assert len(threads.meta.trace_id or "") == 32
    assert client.threads.get("first", user_id=user).messages_count == 4
    said = client.threads.messages("first", user_id=user)
    assert [message.role for message in said] == ["user", "assistant", "user", "assistant"]
    assert type(said[0]) is types.ThreadMessage

    assert client.threads.delete("first", user_id=user) is None
    with pytest.raises(BehestError) as raised:
        client.threads.get("first", user_id=user)
    assert (raised.value.status, raised.value.code) == (404, "not_found")


def test_threads_are_listed_in_pages(client: SyncBehest, user: str) -> None:
    for name in ("one", "two", "three"):
        client.chat.completions.create(messages=HELLO, user_id=user, thread_id=name)
    first = client.threads.list(limit=2, user_id=user)
    assert [thread.id for thread in first] == ["three", "two"]
    assert [thread.id for thread in client.threads.list(before=first[-1].last_message_at, user_id=user)] == ["one"]


def test_usage_is_the_users_own_and_the_keys_the_projects(client: SyncBehest, user: str) -> None:
    client.chat.completions.create(messages=HELLO, user_id=user)
    now = datetime.now(UTC)
    for begin in (
        None,
        date.today() - timedelta(days=1),
        now - timedelta(hours=1),
        datetime.now() - timedelta(hours=1),
    ):
        report = client.usage.get(begin, now + timedelta(hours=1), user_id=user, granularity="hour")
        assert report.totals.requests == 1
        assert type(report.breakdown[0]) is types.UsageBucket
    everyone = client.usage.get(as_api_key=True)
    assert everyone.totals.requests >= 1

    bill = client.usage.billing(user_id=user)
    assert bill.platform.requests == 1
    assert type(bill.platform.by_model[0]) is types.BilledModel
    assert bill.window["from"] < bill.window.to


def test_one_user_does_not_see_anothers_usage_by_a_token(client: SyncBehest, user: str) -> None:
    token = client.auth.mint(user_id=user).token
    with pytest.raises(BehestError) as raised:
        client.usage.get(user_id="somebody-else", token=token)
    assert raised.value.status == 403


def test_texts_become_vectors(client: SyncBehest, user: str) -> None:
    answer = client.embeddings.create(input=["The sky is blue", "the SKY is blue"], dimensions=64, user_id=user)
    assert type(answer) is types.Embeddings
    assert type(answer.data[0]) is types.Embedding
    assert [row.index for row in answer.data] == [0, 1]
    assert len(answer.data[0].embedding) == 64
    assert answer.data[0].embedding == answer.data[1].embedding
    assert (answer.usage and answer.usage.prompt_tokens, answer.meta.provider) == (8, "local")
    assert client.usage.get(user_id=user).totals.input_tokens == 8


def test_texts_may_come_from_a_generator_and_vectors_as_base64(client: SyncBehest, user: str) -> None:
    texts = (text for text in ("a", "b"))
    answer = client.embeddings.create(input=texts, encoding_format="base64", user_id=user)
    for row in answer.data:
        assert len(base64.b64decode(str(row.embedding))) == 4 * 256
    tokens = client.embeddings.create(input=[[1, 2], [3]], user_id=user)
    assert len(tokens.data) == 2


@in_a_loop
async def test_texts_become_vectors_in_a_loop(options: dict[str, Any], user: str) -> None:
    async with Behest(**options) as client:
        answer = await client.embeddings.create(input="The sky is blue", user_id=user)
        assert len(answer.data[0].embedding) == 256
        with pytest.raises(BehestBadRequestError) as raised:
            await client.embeddings.create(input=[], user_id=user)
        assert raised.value.param == "input"


def test_models_are_listed(client: SyncBehest) -> None:
    models = client.models.list()
    assert type(models.data[0]) is types.Model
    assert client.models.get(models.data[0].id) == client.models.retrieve(models.data[0].id)


def test_a_token_is_minted_and_used(client: SyncBehest, user: str) -> None:
    minted = client.auth.mint(user_id=user, session_id="s", tier="pro", ttl=900, tags={"team": "red"})
    assert type(minted) is types.MintResult
    assert (minted.ttl, minted.session_id) == (900, "s")
    client.chat.completions.create(messages=HELLO, token=minted.token, thread_id="mine")
    assert [thread.id for thread in client.threads.list(user_id=user)] == ["mine"]


@in_a_loop
async def test_the_asynchronous_client_makes_the_same_calls(options: dict[str, Any], user: str) -> None:
    async with Behest(**options) as client:
        answer = await client.chat.completions.create(messages=HELLO, user_id=user, thread_id="t")
        assert answer.choices[0].message.content == "You said: Hello"
        stream = await client.chat.completions.create(messages=HELLO, user_id=user, thread_id="t", stream=True)
        assert stream.meta.memory == 2
        assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == "You said: Hello"
        assert (await client.threads.get("t", user_id=user)).messages_count == 4
        assert [thread.id for thread in await client.threads.list(user_id=user)] == ["t"]
        assert len(await client.threads.messages("t", user_id=user)) == 4
        assert (await client.usage.get(user_id=user)).totals.requests == 2
        assert (await client.usage.billing(user_id=user)).platform.requests == 2
        models = await client.models.list()
        assert await client.models.get(models.data[0].id) == await client.models.retrieve(models.data[0].id)
        assert (await client.auth.mint(user_id=user, ttl=60)).ttl == 60
        assert await client.threads.delete("t", user_id=user) is None


class Written:
    """Like a model of pydantic's."""

    def model_dump(self, *, mode: str, exclude_none: bool) -> dict[str, Any]:
        assert (mode, exclude_none) == ("json", True)
        return {"role": "user", "content": "Hello"}


def test_values_that_can_write_themselves_are_sent(client: SyncBehest, user: str) -> None:
    first = client.chat.completions.create(messages=[Written()], user_id=user)
    # An answer's message goes back as it came.
    answer = client.chat.completions.create(messages=[*HELLO, first.choices[0].message, *HELLO], user_id=user)
    assert answer.choices[0].message.content == "You said: Hello"


def test_what_is_no_json_is_refused_before_anything_is_sent(client: SyncBehest) -> None:
    with pytest.raises(TypeError, match="a value of the type object cannot be sent as JSON"):
        client.chat.completions.create(messages=HELLO, metadata=object())


def test_an_unknown_option_is_refused_as_python_would(client: SyncBehest) -> None:
    with pytest.raises(TypeError, match=r"threads.list\(\) got an unexpected keyword argument 'nonsense'"):
        client.threads.list(nonsense=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="nonsense"):
        client.auth.mint(nonsense=1)  # type: ignore[call-arg]


def test_a_wrong_option_is_told_by_name_and_never_by_value(client: SyncBehest) -> None:
    with pytest.raises(BehestBadRequestError) as raised:
        client.chat.completions.create(messages=HELLO, user_id="admin")
    assert raised.value.param == "user_id"
    with pytest.raises(BehestBadRequestError, match="must be text, not a number") as raised:
        client.threads.get(20251125)  # type: ignore[arg-type]
    assert "20251125" not in str(raised.value)


def test_a_closed_client_says_so(options: dict[str, Any]) -> None:
    client = SyncBehest(**options)
    client.close()
    client.close()
    with pytest.raises(BehestError, match="the client was closed"):
        client.models.list()
