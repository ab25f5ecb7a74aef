"""Cohere's chat, version 2."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any, Required

from cohere.v2.client import V2Client
from typing_extensions import TypedDict

from providers import schema, script
from providers.fake import Fake, Json, Refusal, Reply, Request, event
from providers.openai import check_conversation, name_of, parts_of, picture, text_of


def body_of(call: Callable[..., Any], **more: object) -> type:
    """The body of a call: the package has no type for it, only parameters, which say which ones must be there."""
    kinds: dict[str, Any] = {}
    for name, parameter in inspect.signature(call).parameters.items():
        if name not in ("self", "request_options"):
            # The package marks what may be left out by a default of its own.
            kinds[name] = (
                Required[parameter.annotation] if parameter.default is parameter.empty else parameter.annotation
            )
    return TypedDict("Body", {**kinds, **more}, total=False)


CHAT = body_of(V2Client.chat, stream=bool)
EMBED = body_of(V2Client.embed)


class Cohere(Fake):
    """Cohere."""

    name = "cohere"
    key = "fakecoherekey0123456789"
    models = ("command-a-plus-05-2026", "embed-v4.0")

    def reply(self, request: Request) -> Reply:
        """The answer to a chat or to an embedding."""
        body = request.body
        if request.path not in ("/v2/chat", "/v2/embed") or request.query:
            raise Refusal(f"there is nothing at {request.path}", 404)
        if body.get("model") not in self.models:
            raise Refusal(f"model '{body.get('model')}' not found", 404)
        if request.path == "/v2/embed":
            return Reply(embeddings(body))
        schema.check(body, CHAT)
        check(body)
        answer = script.answer(read(body))
        return Reply(events=stream(answer)) if body.get("stream") else Reply(whole(answer))

    def error(self, status: int, message: str) -> Json:
        """Cohere's error."""
        return {"id": "fake", "message": message}


def check(body: Json) -> None:
    """What the types do not tell."""
    check_conversation(body["messages"])
    if not body["messages"] or body["messages"][-1]["role"] not in ("user", "tool"):
        raise Refusal("the last message must be of the user or a tool")
    for name, least, most in (
        ("p", 0.01, 0.99),
        ("k", 0, 500),
        ("frequency_penalty", 0, 1),
        ("presence_penalty", 0, 1),
    ):
        if not least <= body.get(name, least) <= most:
            raise Refusal(f"{name} must be from {least} to {most}")
    format = body.get("response_format") or {}
    if format.get("type") == "json_object" and (body.get("tools") or body.get("documents")):
        raise Refusal("response_format cannot be used with tools or documents")
    if body.get("tool_choice") and not body.get("tools"):
        raise Refusal("tool_choice is for requests with tools")


def read(body: Json) -> script.Ask:
    """What the request says."""
    messages = body["messages"]
    users = [message for message in messages if message["role"] == "user"]
    results = []
    for message in reversed(messages):
        if message["role"] != "tool":
            break
        results.insert(0, result(message["content"]))
    return script.Ask(
        prompt=text_of(users[-1]["content"]),
        pictures=tuple(
            picture(part) for each in users for part in parts_of(each["content"]) if part["type"] == "image_url"
        ),
        tools=tuple(name_of(tool) for tool in body.get("tools", ()) if body.get("tool_choice") != "NONE"),
        results=tuple(results),
        schema=(body.get("response_format") or {}).get("json_schema"),
        thinks=(body.get("thinking") or {}).get("type") == "enabled",
    )


def result(content: str | list[Json]) -> str:
    """What a tool said: text, or documents."""
    if isinstance(content, str):
        return content
    return "".join(
        part["text"] if part["type"] == "text" else str(next(iter(part["document"]["data"].values())))
        for part in content
    )


def whole(answer: script.Answer) -> Json:
    """The whole answer."""
    message: Json = {"role": "assistant", "content": contents(answer)}
    if answer.calls:
        message["tool_plan"] = "I look it up."
        message["tool_calls"] = [call_of(call, call.text) for call in answer.calls]
    return {"id": "fake", "finish_reason": finish(answer), "message": message, "usage": usage(answer)}


def contents(answer: script.Answer) -> list[Json]:
    """What the model says in words."""
    said = [{"type": "thinking", "thinking": answer.thoughts}] if answer.thoughts else []
    return said + ([{"type": "text", "text": answer.text}] if answer.text else [])


def call_of(call: script.Call, arguments: str) -> Json:
    """A call of a tool."""
    return {"id": f"{call.name}_{call.id}", "type": "function", "function": {"name": call.name, "arguments": arguments}}


def finish(answer: script.Answer) -> str:
    """Why it ended: there is no word for a refusal."""
    return "TOOL_CALL" if answer.calls else "COMPLETE"


def usage(answer: script.Answer) -> Json:
    """What it used; thoughts are not told apart. The tokens that are not billed are of the template."""
    output = answer.output + answer.reasoning
    return {
        "billed_units": {"input_tokens": answer.input, "output_tokens": output},
        "tokens": {"input_tokens": answer.input + 400, "output_tokens": output + 2},
        "cached_tokens": answer.cached,
    }


def stream(answer: script.Answer) -> Iterator[str]:
    """The same in pieces."""

    def named(kind: str, **data: object) -> str:
        return event({"type": kind, **data}, kind)

    def delta(**message: object) -> Json:
        return {"message": message}

    empty = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    yield named("message-start", id="fake", delta=delta(**empty))
    index = -1
    for index, part in enumerate(contents(answer)):
        kind = part["type"]
        yield named("content-start", index=index, delta=delta(content={"type": kind, kind: ""}))
        for piece in script.slices(part[kind]):
            yield named("content-delta", index=index, delta=delta(content={kind: piece}))
        yield named("content-end", index=index)
    if answer.calls:
        yield named("tool-plan-delta", delta=delta(tool_plan="I look "))
        yield named("tool-plan-delta", delta=delta(tool_plan="it up."))
    for place, call in enumerate(answer.calls):
        yield named("tool-call-start", index=place, delta=delta(tool_calls=call_of(call, "")))
        for piece in script.slices(call.text):
            piece_of = {"function": {"arguments": piece}}
            yield named("tool-call-delta", index=place, delta=delta(tool_calls=piece_of))
        yield named("tool-call-end", index=place)
    yield named("message-end", delta={"finish_reason": finish(answer), "usage": usage(answer)})


def embeddings(body: Json) -> Json:
    """A vector for each text."""
    schema.check(body, EMBED)
    texts = body.get("texts") or [part["text"] for each in body["inputs"] for part in each["content"]]
    if not 1 <= len(texts) <= 96:
        raise Refusal("there must be 1 to 96 texts")
    vectors = [script.embedding(text, body.get("output_dimension") or 8) for text in texts]
    meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 7 * len(texts)}}
    return {"id": "fake", "embeddings": {"float": vectors}, "texts": texts, "meta": meta}
