"""Plain answers through OpenAI's package."""

import json

import pytest
from openai import OpenAI

HELLO = [{"role": "user", "content": "hello there"}]

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gpt-4o", "local/echo", "default", ""])
def test_with_nothing_configured_the_offline_model_answers_every_name(client: OpenAI, model: str) -> None:
    completion = client.chat.completions.create(model=model, messages=HELLO)
    assert completion.object == "chat.completion"
    assert completion.model == "local/echo"
    assert completion.choices[0].message.role == "assistant"
    assert "hello there" in completion.choices[0].message.content
    assert completion.choices[0].finish_reason == "stop"


def test_an_answer_counts_its_tokens(client: OpenAI) -> None:
    usage = client.chat.completions.create(model="default", messages=HELLO).usage
    assert usage.prompt_tokens > 0
    assert usage.completion_tokens > 0
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_the_headers_tell_trace_model_provider_attempts_and_cost(client: OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(model="default", messages=HELLO)
    assert raw.headers["x-trace-id"]
    assert raw.headers["x-request-id"] == raw.headers["x-trace-id"]
    assert raw.headers["x-behest-model"] == "local/echo"
    assert raw.headers["x-behest-provider"] == "local"
    assert raw.headers["x-behest-attempts"] == "1"
    assert float(raw.headers["x-behest-cost-usd"]) == 0
    # The package offers the same id for people to put into a support request.
    assert raw.parse()._request_id == raw.headers["x-request-id"]


def test_a_trace_that_the_caller_began_goes_on(client: OpenAI) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    raw = client.chat.completions.with_raw_response.create(
        model="default", messages=HELLO, extra_headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    )
    assert raw.headers["x-trace-id"] == trace


def test_an_answer_ends_at_max_tokens(client: OpenAI) -> None:
    messages = [{"role": "user", "content": "many words that do not fit into a single token"}]
    completion = client.chat.completions.create(model="default", messages=messages, max_tokens=1)
    assert completion.choices[0].finish_reason == "length"
    assert completion.usage.completion_tokens == 1


def test_json_mode_answers_with_json(client: OpenAI) -> None:
    completion = client.chat.completions.create(
        model="default", messages=HELLO, response_format={"type": "json_object"}
    )
    assert isinstance(json.loads(completion.choices[0].message.content), dict)


def test_a_required_tool_is_called_and_its_result_is_answered(client: OpenAI) -> None:
    messages = [{"role": "user", "content": "What is the weather in Paris?"}]
    first = client.chat.completions.create(
        model="default", messages=messages, tools=[WEATHER], tool_choice="required"
    ).choices[0]
    (call,) = first.message.tool_calls
    assert first.finish_reason == "tool_calls"
    assert call.id
    assert call.function.name == "get_weather"
    assert isinstance(json.loads(call.function.arguments), dict)

    messages += [
        first.message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
    ]
    second = client.chat.completions.create(
        model="default", messages=messages, tools=[WEATHER], tool_choice="none"
    ).choices[0]
    assert second.finish_reason == "stop"
    assert second.message.content


def test_fields_that_the_gateway_does_not_know_do_no_harm(client: OpenAI) -> None:
    completion = client.chat.completions.create(
        model="default", messages=HELLO, extra_body={"a_field_of_tomorrow": {"deep": [1, 2, 3]}}
    )
    assert completion.choices[0].message.content


def test_the_models_are_listed_with_their_owner(client: OpenAI) -> None:
    models = {model.id: model for model in client.models.list()}
    assert models["local/echo"].object == "model"
    assert models["local/echo"].owned_by


def test_a_model_is_found_by_an_id_with_a_slash(client: OpenAI) -> None:
    assert client.models.retrieve("local/echo").id == "local/echo"
