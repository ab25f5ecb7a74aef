"""OpenAI's package asks every provider through a gateway. The providers are fakes that refuse what the real ones would."""

import json
import re
import struct
from base64 import b64decode
from collections.abc import Iterator

import httpx
import pydantic
import pytest
from openai import APIStatusError, BadRequestError, OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionMessage, ChatCompletionMessageParam, ParsedChatCompletion

import gateway as gateways
from providers import Fake, fake, script
from providers.anthropic import BUDGETED, UNSAMPLED
from providers.gemini import SIGNATURE
from providers.running import NAMES, kinds

PNG = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
ADDRESS = "https://pictures.example/crab.png"
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}

THINKERS_ALOUD = [name for name in NAMES if name not in ("openai", "azure")]
"""Those who tell their thoughts, and not only how many."""
COUNT_THOUGHTS = [name for name in NAMES if name not in ("cohere", "mistral")]
"""Those who tell how many tokens their thoughts took."""
EMBEDDERS = [name for name in NAMES if name != "anthropic"]
"""Those who embed."""


class City(pydantic.BaseModel):
    """What an answer in JSON holds."""

    name: str
    crabs: int
    sights: list[str]


@pytest.fixture(scope="module")
def fakes() -> Iterator[dict[str, Fake]]:
    with fake.running(kinds()) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(fakes: dict[str, Fake]) -> Iterator[gateways.Gateway]:
    """One gateway in front of all of them."""
    settings = "\n".join(each.settings() for each in fakes.values())
    environment = {name: value for each in fakes.values() for name, value in each.environment().items()}
    with gateways.running(settings=settings, environment=environment) as running:
        yield running


@pytest.fixture
def provider(request: pytest.FixtureRequest, fakes: dict[str, Fake]) -> Fake:
    """The provider that this test is about; it has seen nothing yet."""
    each = fakes[request.param]
    each.seen.clear()
    return each


def every(names: list[str]) -> pytest.MarkDecorator:
    """Runs a test for each of these providers."""
    return pytest.mark.parametrize("provider", names, ids=names, indirect=True)


def rules(provider: str) -> dict[str, str]:
    """What becomes of each parameter, as `docs/providers.md` has it."""
    title = {"azure": "Azure OpenAI", "openrouter": "OpenRouter"}.get(provider, provider.capitalize())
    _, _, section = (gateways.ROOT / "docs/providers.md").read_text().partition(f"\n### {title}\n")
    return dict(re.findall(r"^\| `(\w+)` \| (\w+)", section.partition("\n### ")[0], re.MULTILINE))


def model(provider: Fake) -> str:
    return f"{provider.name}/{provider.models[0]}"


def user(text: str, *pictures: str) -> ChatCompletionMessageParam:
    parts = [{"type": "image_url", "image_url": {"url": address}} for address in pictures]
    return {"role": "user", "content": [{"type": "text", "text": text}, *parts] if parts else text}


def streamed(client: OpenAI, **asked: object) -> ParsedChatCompletion:
    """The answer as the package's helper puts it together."""
    with client.chat.completions.stream(**asked, stream_options={"include_usage": True}) as stream:
        for _ in stream:
            pass
        return stream.get_final_completion()


def check_usage(completion: ChatCompletion, cached: int = 0, reasoning: int = 0) -> None:
    usage = completion.usage
    output = script.WORD_TOKENS + reasoning
    assert (usage.prompt_tokens, usage.completion_tokens) == (script.PROMPT_TOKENS, output)
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert (usage.prompt_tokens_details and usage.prompt_tokens_details.cached_tokens or 0) == cached


def both_ways(client: OpenAI, **asked: object) -> ChatCompletion:
    """The plain answer, found to be the streamed one, too."""
    plain = client.chat.completions.create(**asked)
    whole = streamed(client, **asked)
    assert plain.usage == whole.usage
    assert len(plain.choices) == len(whole.choices) == 1
    one, other = plain.choices[0], whole.choices[0]
    assert one.finish_reason == other.finish_reason
    assert (one.message.content or None) == (other.message.content or None)
    assert (one.message.refusal or None) == (other.message.refusal or None)
    assert thoughts(one.message) == thoughts(other.message)
    assert calls(one.message) == calls(other.message)
    return plain


def calls(message: ChatCompletionMessage) -> list[tuple[str, object]]:
    """What is called with what; ids may be other ones each time."""
    return [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or ()]


def thoughts(message: ChatCompletionMessage) -> str:
    return getattr(message, "reasoning_content", None) or ""


@every(NAMES)
def test_plain(client: OpenAI, provider: Fake) -> None:
    asked = {"model": model(provider), "messages": [{"role": "system", "content": "Be brief."}, user("hello 🦀")]}
    answer = client.chat.completions.with_raw_response.create(**asked, temperature=0.5, max_completion_tokens=2000)
    completion = answer.parse()
    assert completion.choices[0].message.content == script.GREETING + "hello 🦀"
    assert completion.choices[0].finish_reason == "stop"
    assert answer.headers["x-behest-provider"] == provider.name
    check_usage(completion)


@every(NAMES)
def test_stream(client: OpenAI, provider: Fake) -> None:
    completion = both_ways(client, model=model(provider), messages=[user("hello 🦀")])
    assert completion.choices[0].message.content == script.GREETING + "hello 🦀"
    check_usage(completion)


@every(NAMES)
def test_tools(client: OpenAI, provider: Fake) -> None:
    check_round_trip(client, provider, "How is the weather?", ["Paris"])


@every(NAMES)
def test_parallel_tools(client: OpenAI, provider: Fake) -> None:
    check_round_trip(client, provider, "How is the weather in both?", list(script.CITIES))


def check_round_trip(client: OpenAI, provider: Fake, prompt: str, cities: list[str]) -> None:
    """From the question over the calls and their results to the answer, plain and streamed."""
    asked = {"model": model(provider), "tools": [WEATHER]}
    messages: list[object] = [user(prompt)]
    completion = both_ways(client, **asked, messages=messages)
    choice = completion.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert calls(choice.message) == [("weather", {"city": city}) for city in cities]
    ids = [call.id for call in choice.message.tool_calls or ()]
    assert len(set(ids)) == len(cities)
    check_usage(completion)

    messages.append(choice.message)
    for id, degrees in zip(ids, ("19 °C", "23 °C"), strict=False):
        messages.append({"role": "tool", "tool_call_id": id, "content": degrees})
    final = both_ways(client, **asked, messages=messages)
    assert final.choices[0].finish_reason == "stop"
    wanted = "; ".join(("19 °C", "23 °C")[: len(cities)])
    assert final.choices[0].message.content == f"The tools said: {wanted}"


@every(NAMES)
def test_chosen_tools(client: OpenAI, provider: Fake) -> None:
    """Whatever the choice of tools, it is said in words that the provider takes."""
    other = {"type": "function", "function": {"name": "now"}}
    weather = {"type": "function", "function": {"name": "weather"}}
    for choice, called in (("auto", True), ("none", False), ("required", True), (weather, True)):
        asked = {"model": model(provider), "messages": [user("How is the weather?")], "tools": [WEATHER, other]}
        completion = client.chat.completions.create(**asked, tool_choice=choice)
        assert bool(completion.choices[0].message.tool_calls) == called, choice


@every(NAMES)
def test_images(client: OpenAI, provider: Fake) -> None:
    completion = both_ways(client, model=model(provider), messages=[user("What is this?", PNG, ADDRESS)])
    assert completion.choices[0].message.content == f"I see 2 pictures: image/png, {ADDRESS}"


@every(NAMES)
def test_json_schema(client: OpenAI, provider: Fake) -> None:
    asked = {"model": model(provider), "messages": [user("Which city?")], "response_format": City}
    plain = client.chat.completions.parse(**asked).choices[0].message.parsed
    assert plain == City(name="Ōsaka 🦀", crabs=7, sights=["Ōsaka 🦀"])
    assert streamed(client, **asked).choices[0].message.parsed == plain


@every(NAMES)
def test_reasoning(client: OpenAI, provider: Fake) -> None:
    asked = {"model": model(provider), "messages": [user("Is 91 a prime?")], "reasoning_effort": "high"}
    completion = both_ways(client, **asked)
    message = completion.choices[0].message
    assert message.content == script.GREETING + "Is 91 a prime?"
    assert thoughts(message) == (script.THOUGHTS if provider.name in THINKERS_ALOUD else "")
    check_usage(completion, reasoning=script.THOUGHT_TOKENS)
    if provider.name in COUNT_THOUGHTS:
        assert completion.usage.completion_tokens_details.reasoning_tokens == script.THOUGHT_TOKENS


@every(NAMES)
def test_reasoning_with_tools(client: OpenAI, provider: Fake) -> None:
    """Thoughts go back in the conversation as the provider wants them, or not at all."""
    asked = {"model": model(provider), "tools": [WEATHER], "reasoning_effort": "low"}
    message = client.chat.completions.create(**asked, messages=[user("Weather?")]).choices[0].message
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "19 °C"}
    final = client.chat.completions.create(**asked, messages=[user("Weather?"), message, result])
    assert final.choices[0].message.content == "The tools said: 19 °C"


@every(NAMES)
def test_cached_usage(client: OpenAI, provider: Fake) -> None:
    completion = both_ways(client, model=model(provider), messages=[user("hello again")])
    check_usage(completion, cached=script.CACHED_TOKENS)


@every([name for name in NAMES if name not in ("cohere", "mistral")])
def test_refusals(client: OpenAI, provider: Fake) -> None:
    """A provider that will not answer says so; Cohere and Mistral have no word for it."""
    asked = {"model": model(provider), "messages": [user("something forbidden")]}
    choice = client.chat.completions.create(**asked).choices[0]
    # The package's helper for streams raises an error of its own at a filter.
    refusal, reason = "", None
    for chunk in client.chat.completions.create(**asked, stream=True):
        refusal += chunk.choices[0].delta.refusal or ""
        reason = chunk.choices[0].finish_reason or reason
    assert (choice.message.refusal or "", choice.finish_reason) == (refusal, reason)
    if provider.name in ("openai", "openrouter"):
        assert (refusal, reason) == ("I cannot help with that.", "stop")
    else:
        assert (refusal, reason) == ("", "content_filter")


@every(NAMES)
def test_dropped_parameters(client: OpenAI, provider: Fake) -> None:
    """What the rules of `docs/providers.md` drop is named, and nothing else."""
    told = rules(provider.name)
    more = {"seed": 7, "logit_bias": {"7": 1}, "user": "u", "verbosity": "low", "presence_penalty": 0.5}
    dropped = {name for name in more if told.get(name) == "dropped"}
    asked = {"model": model(provider), "messages": [user("hello")], **more}
    answer = client.chat.completions.with_raw_response.create(**asked)
    header = answer.headers.get("x-behest-dropped-params", "")
    assert set(filter(None, header.split(", "))) == dropped
    body = provider.seen[-1].body
    assert not dropped & body.keys()


@every(NAMES)
def test_the_providers_own_refusal_comes_through(client: OpenAI, provider: Fake) -> None:
    """The message is the provider's, without its key."""
    asked = {"model": model(provider), "messages": [user("hello")]}
    with pytest.raises(APIStatusError) as caught:
        client.chat.completions.create(**asked, extra_body={"no_such_parameter": 1})
    assert caught.value.status_code == (422 if provider.name in ("cohere", "mistral") else 400)
    assert "no_such_parameter" in str(caught.value)
    assert provider.key not in str(caught.value)


@every(["anthropic"])
def test_models_that_take_no_sampling_are_spared_it(client: OpenAI, provider: Fake) -> None:
    asked = {"model": f"anthropic/{UNSAMPLED}", "messages": [user("hello")], "temperature": 0.5, "top_p": 0.9}
    answer = client.chat.completions.with_raw_response.create(**asked)
    assert answer.headers["x-behest-dropped-params"] == "temperature, top_p"


@every(["anthropic"])
def test_a_budget_of_thinking_stays_below_the_answers_bound(client: OpenAI, provider: Fake) -> None:
    asked = {"model": f"anthropic/{BUDGETED}", "messages": [user("Is 91 a prime?")], "reasoning_effort": "high"}
    for bound in ({}, {"max_completion_tokens": 8000}):
        completion = client.chat.completions.create(**asked, **bound, temperature=0.3)
        assert thoughts(completion.choices[0].message) == script.THOUGHTS
    # Below it there is no room for a thought.
    answer = client.chat.completions.with_raw_response.create(**asked, max_completion_tokens=1500)
    assert answer.headers["x-behest-dropped-params"] == "reasoning_effort"
    assert thoughts(answer.parse().choices[0].message) == ""


@every([name for name in NAMES if name in ("gemini", "vertex")])
def test_a_signature_goes_back_on_its_call(client: OpenAI, provider: Fake) -> None:
    asked = {"model": model(provider), "tools": [WEATHER]}
    message = streamed(client, **asked, messages=[user("Weather?")]).choices[0].message
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "19 °C"}
    client.chat.completions.create(**asked, messages=[user("Weather?"), message.model_dump(), result])
    parts = provider.seen[-1].body["contents"][1]["parts"]
    assert parts[0]["thoughtSignature"] == SIGNATURE


@every([name for name in NAMES if name not in ("openai", "azure")])
def test_a_conversation_that_others_began_goes_on(client: OpenAI, provider: Fake, fakes: dict[str, Fake]) -> None:
    """With their thoughts, signatures and ids, as when a fallback takes over."""
    messages: list[object] = []
    for other in fakes.values():
        asked = {"model": model(other), "tools": [WEATHER], "reasoning_effort": "high"}
        question = user(f"{other.name}, how is the weather in both?")
        message = client.chat.completions.create(**asked, messages=[question]).choices[0].message
        results = [{"role": "tool", "tool_call_id": call.id, "content": "19 °C"} for call in message.tool_calls]
        messages += [question, message, *results, {"role": "assistant", "content": "19 °C"}]
    messages.append(user("Thanks. How is the weather?"))
    asked = {"model": model(provider), "messages": messages, "tools": [WEATHER]}
    assert both_ways(client, **asked).choices[0].finish_reason == "tool_calls"


@every(EMBEDDERS)
def test_embeddings(client: OpenAI, provider: Fake) -> None:
    """In their order, of the length that was asked for, and the same in base64."""
    asked = {"model": f"{provider.name}/{provider.models[-1]}", "input": ["one", "two 🦀"], "dimensions": 256}
    floats = client.embeddings.create(**asked, encoding_format="float")
    assert [each.index for each in floats.data] == [0, 1]
    for each, text in zip(floats.data, asked["input"], strict=True):
        assert each.embedding == pytest.approx(script.embedding(text, 256), abs=1e-6)
    raw = client.embeddings.with_raw_response.create(**asked, encoding_format="base64").http_response.json()
    first = b64decode(raw["data"][0]["embedding"])
    assert struct.unpack(f"<{len(first) // 4}f", first) == pytest.approx(floats.data[0].embedding, abs=1e-6)
    assert floats.usage.total_tokens == floats.usage.prompt_tokens == 14


@every(["vertex"])
def test_embeddings_of_geminis_models_have_calls_of_their_own(client: OpenAI, provider: Fake) -> None:
    asked = {"model": "vertex/gemini-embedding-001", "dimensions": 256, "encoding_format": "float"}
    for texts, call in ((["one"], "embedContent"), (["one", "two 🦀"], "batchEmbedContents")):
        answer = client.embeddings.create(**asked, input=texts, extra_body={"task_type": "CLUSTERING"})
        for each, text in zip(answer.data, texts, strict=True):
            assert each.embedding == pytest.approx(script.embedding(text, 256), abs=1e-6)
        assert answer.usage.total_tokens == 7 * len(texts)
        assert provider.seen[-1].path.endswith(f"/v1beta1{provider.base_path[3:]}/models/gemini-embedding-001:{call}")


@every(["mistral"])
def test_probabilities_and_tiers_reach_mistral(client: OpenAI, provider: Fake) -> None:
    asked = {"model": model(provider), "messages": [user("hello")], "logprobs": True, "top_logprobs": 2}
    for tier, sent in (("auto", "auto"), ("default", "standard_only")):
        answer = client.chat.completions.with_raw_response.create(**asked, service_tier=tier)
        assert "x-behest-dropped-params" not in answer.headers
        body = provider.seen[-1].body
        assert (body["logprobs"], body["top_logprobs"], body["service_tier"]) == (True, 2, sent)
    answer = client.chat.completions.with_raw_response.create(**asked, service_tier="flex")
    assert answer.headers["x-behest-dropped-params"] == "service_tier"


@every(["anthropic"])
def test_no_embeddings(client: OpenAI, provider: Fake) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.embeddings.create(model=model(provider), input="one")
    assert "embeddings" in str(caught.value)


def test_the_ledger_adds_up_what_the_providers_said(http: httpx.Client, client: OpenAI, fakes: dict[str, Fake]) -> None:
    headers = {"X-End-User-Id": "adds-up"}
    for each in fakes.values():
        client.chat.completions.create(model=model(each), messages=[user("hello again")], extra_headers=headers)
    answer = http.get("/v1/usage", params={"user_id": "adds-up"}, headers=headers)
    tokens = answer.json()["totals"]["tokens"]
    assert tokens == len(fakes) * (script.PROMPT_TOKENS + script.WORD_TOKENS)
