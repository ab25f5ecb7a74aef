"""Answers are dicts, with attributes, that keep what they do not know."""

import copy
import json
import pickle

import pytest

from behest import SyncBehest
from behest.types import ChatCompletion, Config
from scripted import HELLO, Exchange, completion, serving

UNKNOWN = {"nested": [{"deep": True}]}


@pytest.fixture(scope="module")
def answer() -> ChatCompletion:
    async def chat(exchange: Exchange) -> None:
        body = completion("A secret " * 20, brand_new=UNKNOWN, meta="a field")
        await exchange.answer(body, x_trace_id="abc", x_behest_cost_usd="0.25")

    with serving(chat) as server, SyncBehest(**server.options) as client:
        return client.chat.completions.create(messages=HELLO)


def test_unknown_fields_are_kept(answer: ChatCompletion) -> None:
    assert answer.brand_new.nested[0].deep is True  # type: ignore[attr-defined]
    assert answer["brand_new"] == UNKNOWN


def test_the_gateways_words_do_not_hide_a_field_of_their_name(answer: ChatCompletion) -> None:
    assert (answer.meta.trace_id, answer.meta.cost_usd) == ("abc", 0.25)
    assert answer["meta"] == "a field"


def test_a_known_field_that_is_left_out_is_none_and_a_misspelt_one_is_an_error(answer: ChatCompletion) -> None:
    message = answer.choices[0].message
    assert message.tool_calls is None
    with pytest.raises(AttributeError, match="Message has no 'contents': it has role, content"):
        message.contents  # type: ignore[attr-defined]  # noqa: B018
    assert not hasattr(message, "contents")
    with pytest.raises(KeyError):
        message["tool_calls"]


def test_it_becomes_plain_dicts_and_json(answer: ChatCompletion) -> None:
    plain = answer.model_dump()
    assert type(plain) is dict
    assert type(plain["choices"][0]["message"]) is dict
    assert plain == answer
    assert json.loads(json.dumps(answer)) == json.loads(answer.model_dump_json()) == plain


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it)), lambda it: it.copy()]
)
def test_copies_and_pickles_are_the_same(answer: ChatCompletion, again: object) -> None:
    twin = again(answer)  # type: ignore[operator]
    assert twin == answer
    assert type(twin) is type(answer)
    assert type(twin.choices[0].message) is type(answer.choices[0].message)
    assert twin.meta == answer.meta


def test_its_repr_is_short_and_shows_no_conversation(answer: ChatCompletion) -> None:
    assert "secret" not in repr(answer) + repr(answer.choices[0]) + str(answer.choices[0].message)
    assert repr(answer.choices[0].message) == "Message(role='assistant', content=<180 characters>)"
    assert len(repr(answer)) < 300


def test_fields_without_a_value_can_be_left_out_and_the_text_be_indented() -> None:
    whole = ChatCompletion({"id": "a", "usage": None, "choices": [{"index": 0, "finish_reason": None}]})
    assert whole.model_dump() == whole
    short = {"id": "a", "choices": [{"index": 0}]}
    assert whole.model_dump(exclude_none=True) == short
    assert whole.model_dump_json(indent=2, exclude_none=True) == json.dumps(short, indent=2)


def test_the_repr_of_a_configuration_shows_whose_tokens_it_makes() -> None:
    config = Config({"issuer": "https://me.example", "audience": "gateway"})
    assert repr(config) == "Config(issuer='https://me.example', audience='gateway')"
