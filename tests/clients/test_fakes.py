"""The fakes refuse what the providers would: without that, the tests that lean on them would prove little."""

import base64
import json
import time
from collections.abc import Iterator

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from providers import ALL, Fake, fake, vertex
from providers.gemini import NO_SIGNATURE

HELLO = [{"role": "user", "content": "hello"}]
OPENAI_CALL = {
    "role": "assistant",
    "tool_calls": [{"id": "call00000", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}
GEMINI_HELLO = [{"role": "user", "parts": [{"text": "hello"}]}]
GEMINI_CALL = {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "AAAA"}]}

UNSIGNED = {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}, "thoughtSignature": NO_SIGNATURE}]}

# (provider, what of a right request is changed, what it is told)
WRONG = [
    ("openai", {"model": "gpt-2"}, "does not exist"),
    ("openai", {"top_k": 5}, "'top_k' is not known here"),
    ("openai", {"temperature": "warm"}, "is to be a number"),
    ("openai", {"stream_options": {"include_usage": True}}, "for streams"),
    ("openai", {"messages": [*HELLO, OPENAI_CALL, *HELLO]}, "no result of"),
    ("openai", {"messages": [{"role": "wizard", "content": "hello"}]}, "'wizard' is none of"),
    ("openai", {"messages": [{"role": "user", "content": [{"type": "text", "words": "hello"}]}]}, "not known here"),
    ("azure", {"top_k": 5}, "'top_k' is not known here"),
    ("openrouter", {"usage": {"include": True}}, "'usage' is not known here"),
    ("mistral", {"max_completion_tokens": 5}, "not known here"),
    ("mistral", {"messages": [*HELLO, {"role": "assistant", "content": "x"}]}, "the last message must be"),
    ("mistral", {"messages": [{"role": "developer", "content": "x"}, *HELLO]}, "'developer' is none of"),
    ("anthropic", {"max_tokens": None}, "is to be a whole number"),
    ("anthropic", {"messages": [{"role": "assistant", "content": "x"}]}, "must use the user role"),
    ("anthropic", {"messages": [*HELLO, *HELLO]}, "roles must alternate"),
    ("anthropic", {"seed": 5}, "'seed' is not known here"),
    ("anthropic", {"thinking": {"type": "enabled", "budget_tokens": 5000}}, "not supported by this model"),
    (
        "anthropic",
        {"model": "claude-sonnet-4-5", "thinking": {"type": "enabled", "budget_tokens": 5000}},
        "must be greater than",
    ),
    (
        "anthropic",
        {
            "messages": [
                *HELLO,
                {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]},
            ]
        },
        "without `tool_result`",
    ),
    ("gemini", {"contents": []}, "contents is not specified"),
    ("gemini", {"messages": []}, "'messages' is not known here"),
    ("gemini", {"contents": [*GEMINI_HELLO, UNSIGNED, *GEMINI_HELLO]}, "must equal"),
    ("gemini", {"contents": [*GEMINI_HELLO, GEMINI_CALL]}, "missing a thought_signature"),
    ("gemini", {"generationConfig": {"topK": "many"}}, "is to be a number"),
    ("cohere", {"top_p": 0.5}, "'top_p' is not known here"),
    ("cohere", {"p": 1}, "p must be from"),
    ("cohere", {"tool_choice": "ANY"}, "'ANY' is none of"),
]


@pytest.fixture(scope="module")
def fakes() -> Iterator[dict[str, Fake]]:
    with fake.running(ALL) as running:
        yield running


def path(provider: Fake) -> str:
    return {
        "anthropic": "/v1/messages",
        "gemini": f"/models/{provider.models[0]}:generateContent",
        "cohere": "/v2/chat",
        "azure": f"/openai/deployments/{provider.models[0]}/chat/completions?api-version=2024-10-21",
    }.get(provider.name, "/chat/completions")


def ask(provider: Fake, change: dict[str, object], headers: dict[str, str] | None = None) -> httpx.Response:
    body: dict[str, object] = {"model": provider.models[0], "messages": HELLO}
    if provider.name == "anthropic":
        body["max_tokens"] = 4096
    if provider.name == "gemini":
        body = {"contents": GEMINI_HELLO}
    right = {provider.key_header[0]: provider.credential(), "anthropic-version": "2023-06-01"}
    return httpx.post(provider.base_url + path(provider), json=body | change, headers=headers or right)


CALLED = [kind.name for kind in ALL if kind.name != "vertex"]


@pytest.mark.parametrize("name", CALLED)
def test_a_right_request_is_answered(fakes: dict[str, Fake], name: str) -> None:
    assert ask(fakes[name], {}).status_code == 200


@pytest.mark.parametrize("name", CALLED)
def test_a_wrong_key_is_refused_and_so_is_one_in_the_wrong_place(fakes: dict[str, Fake], name: str) -> None:
    provider = fakes[name]
    elsewhere = "authorization" if provider.key_header[0] != "authorization" else "x-api-key"
    right = {provider.key_header[0]: provider.credential(), "anthropic-version": "2023-06-01"}
    assert ask(provider, {}, {elsewhere: provider.key}).status_code == 401
    assert ask(provider, {}, {**right, elsewhere: provider.key}).status_code == 400
    assert ask(provider, {}, {**right, "x-end-user-id": "somebody"}).status_code == 400
    assert ask(provider, {}, {**right, "user-agent": "behest_sk_live_0"}).status_code == 400


@pytest.mark.parametrize(("name", "change", "told"), WRONG, ids=lambda value: value if isinstance(value, str) else "")
def test_a_wrong_request_is_refused(fakes: dict[str, Fake], name: str, change: dict[str, object], told: str) -> None:
    answer = ask(fakes[name], change)
    assert 400 <= answer.status_code < 500
    assert told in answer.text


def test_vertex_sells_its_token_for_a_signature_only(fakes: dict[str, Fake]) -> None:
    provider = fakes["vertex"]
    assert isinstance(provider, vertex.Vertex)

    def encoded(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    def buy(**changed: object) -> httpx.Response:
        now = int(time.time())
        claims = {"iss": vertex.EMAIL, "scope": vertex.SCOPE, "aud": provider.token_url, "iat": now, "exp": now + 3600}
        signed = ".".join(encoded(json.dumps(each).encode()) for each in ({"alg": "RS256"}, claims | changed))
        signature = provider.private_key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        form = {"grant_type": vertex.GRANT, "assertion": f"{signed}.{encoded(signature)}"}
        return httpx.post(provider.token_url, data=form)

    assert buy(aud="https://elsewhere.example").status_code == 400
    token = buy().json()["access_token"]
    url = f"{provider.base_url}{provider.base_path}/models/{provider.models[0]}:generateContent"
    for given, status in ((token, 200), ("ya29.another", 401)):
        headers = {"authorization": f"Bearer {given}"}
        assert httpx.post(url, json={"contents": GEMINI_HELLO}, headers=headers).status_code == status
    predict = url.replace(f"{provider.models[0]}:generateContent", f"{provider.models[-1]}:predict")
    body = {"instances": [{"content": "one"}]}
    answer = httpx.post(predict, json=body, headers={"authorization": f"Bearer {token}"})
    assert len(answer.json()["predictions"][0]["embeddings"]["values"]) == 8
    another = predict.replace("text-embedding-005", "gemini-embedding-001")
    answer = httpx.post(another, json=body, headers={"authorization": f"Bearer {token}"})
    assert "predict is not for gemini-embedding-001" in answer.text
