"""Anthropic's Messages."""

import json
from collections.abc import Iterator
from typing import TypedDict

from anthropic.types import message_create_params

from providers import schema, script
from providers.fake import Fake, Json, Refusal, Reply, Request, event

SIGNATURE = "EqQBCgIYAhIM"
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
BUDGETED = "claude-sonnet-4-5"
UNSAMPLED = "claude-opus-5"


class Sampling(TypedDict, total=False):
    """What only models before Opus 4.7 take: the package has dropped it from its types."""

    temperature: float
    top_p: float
    top_k: int


class Anthropic(Fake):
    """Anthropic."""

    name = "anthropic"
    key = "sk-ant-fake"
    key_header = ("x-api-key", "")
    models = ("claude-sonnet-4-6", BUDGETED, UNSAMPLED)

    def reply(self, request: Request) -> Reply:
        """The answer to a message."""
        body = request.body
        if request.path != "/v1/messages" or request.query:
            raise Refusal(f"there is nothing at {request.path}", 404)
        if request.headers.get("anthropic-version") != "2023-06-01":
            raise Refusal("anthropic-version: header is required")
        if body.get("model") not in self.models:
            raise Refusal(f"model: {body.get('model')}", 404)
        kinds = message_create_params
        streams = body.get("stream") is True
        sampling = (
            {} if body["model"] == UNSAMPLED else {n: v for n, v in body.items() if n in Sampling.__annotations__}
        )
        schema.check(sampling, Sampling)
        rest = {name: value for name, value in body.items() if name not in sampling}
        schema.check(rest, kinds.MessageCreateParamsStreaming if streams else kinds.MessageCreateParamsNonStreaming)
        check_conversation(body["messages"])
        check_thinking(body)
        answer = script.answer(read(body))
        return Reply(events=stream(body, answer)) if streams else Reply(message(body, answer))

    def error(self, status: int, message: str) -> Json:
        """Anthropic's error."""
        kinds = {401: "authentication_error", 404: "not_found_error"}
        return {"type": "error", "error": {"type": kinds.get(status, "invalid_request_error"), "message": message}}


def check_conversation(messages: list[Json]) -> None:
    """Turns alternate, the user begins, and the results of calls stand first in the turn after them."""
    if not messages or messages[0]["role"] != "user":
        raise Refusal("messages: first message must use the user role")
    calls: list[str] = []
    before = None
    for index, each in enumerate(messages):
        if each["role"] == before:
            raise Refusal(f"messages.{index}: roles must alternate")
        before = each["role"]
        blocks = blocks_of(each["content"])
        if not blocks:
            raise Refusal(f"messages.{index}: all messages must have non-empty content")
        for block in blocks:
            if block["type"] == "text" and not block["text"].strip():
                raise Refusal("messages: text content blocks must contain non-whitespace text")
            if block["type"] == "image" and block["source"].get("media_type", PICTURES[0]) not in PICTURES:
                raise Refusal(f"messages.{index}: a picture is one of {', '.join(PICTURES)}")
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        first = [block["type"] == "tool_result" for block in blocks[: len(results)]]
        if sorted(results) != sorted(calls) or not all(first):
            raise Refusal(f"messages.{index}: `tool_use` ids and the `tool_result` blocks right after them differ")
        calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
    if calls:
        raise Refusal("messages: `tool_use` ids were found without `tool_result` blocks immediately after")


def check_thinking(body: Json) -> None:
    """What thinking asks of the rest of a request."""
    thinking = body.get("thinking") or {"type": "disabled"}
    if thinking["type"] == "disabled":
        return
    if (thinking["type"] == "enabled") != (body["model"] == BUDGETED):
        raise Refusal(f"thinking: {thinking['type']!r} is not supported by this model")
    if thinking["type"] == "enabled" and not 1024 <= thinking["budget_tokens"] < body["max_tokens"]:
        raise Refusal("`max_tokens` must be greater than `thinking.budget_tokens`, which is at least 1024")
    if body.get("temperature", 1) != 1 or "top_k" in body:
        raise Refusal("`temperature` may only be set to 1 when thinking is enabled")
    if (body.get("tool_choice") or {}).get("type") in ("any", "tool"):
        raise Refusal("thinking may not be enabled when tool_choice forces tool use")
    for turn in body["messages"]:
        blocks = blocks_of(turn["content"])
        thoughts = [block for block in blocks if block["type"] == "thinking"]
        if any(block["signature"] != SIGNATURE or block["thinking"] != script.THOUGHTS for block in thoughts):
            raise Refusal("messages: invalid `signature` in `thinking` block")
        called = any(block["type"] == "tool_use" for block in blocks)
        if called and thinking["type"] == "enabled" and not (thoughts and blocks[0]["type"] == "thinking"):
            raise Refusal("messages: expected `thinking` before `tool_use` when thinking is enabled")


def read(body: Json) -> script.Ask:
    """What the request says."""
    users = [turn for turn in body["messages"] if turn["role"] == "user"]
    words = [blocks for turn in users if (blocks := [b for b in blocks_of(turn["content"]) if b["type"] == "text"])]
    blocks = [block for turn in users for block in blocks_of(turn["content"])]
    results = [block for block in blocks_of(users[-1]["content"]) if block["type"] == "tool_result"]
    choice = (body.get("tool_choice") or {}).get("type")
    return script.Ask(
        prompt="".join(block["text"] for block in words[-1]) if words else "",
        pictures=tuple(picture(block["source"]) for block in blocks if block["type"] == "image"),
        tools=tuple(tool["name"] for tool in body.get("tools", ()) if choice != "none"),
        results=tuple("".join(b["text"] for b in blocks_of(result.get("content", ""))) for result in results),
        schema=((body.get("output_config") or {}).get("format") or {}).get("schema"),
        thinks=(body.get("thinking") or {}).get("type") in ("enabled", "adaptive"),
    )


def blocks_of(content: str | list[Json]) -> list[Json]:
    """The content as a list."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def picture(source: Json) -> str:
    """Where a picture is, or what kind it is."""
    return source["media_type"] if source["type"] == "base64" else source["url"]


def blocks(answer: script.Answer) -> list[Json]:
    """What the model says."""
    said: list[Json] = []
    if answer.thoughts:
        said.append({"type": "thinking", "thinking": answer.thoughts, "signature": SIGNATURE})
    if answer.text:
        said.append({"type": "text", "text": answer.text})
    for call in answer.calls:
        said.append({"type": "tool_use", "id": f"toolu_{call.id}", "name": call.name, "input": call.arguments})
    return said


def message(body: Json, answer: script.Answer) -> Json:
    """The whole answer."""
    reason = "refusal" if answer.refused else "tool_use" if answer.calls else "end_turn"
    return {
        "id": "msg_fake",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": blocks(answer),
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": usage(answer),
    }


def usage(answer: script.Answer) -> Json:
    """What it used. What the cache gave is not in `input_tokens`; thoughts are in `output_tokens`."""
    return {
        "input_tokens": answer.input - answer.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": answer.cached,
        "output_tokens": answer.output + answer.reasoning,
        "output_tokens_details": {"thinking_tokens": answer.reasoning},
    }


def stream(body: Json, answer: script.Answer) -> Iterator[str]:
    """The same in pieces."""

    def named(data: Json) -> str:
        return event(data, data["type"])

    whole = message(body, answer)
    begin = {**whole, "content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 1}}
    yield named({"type": "message_start", "message": begin})
    for index, block in enumerate(whole["content"]):
        empty, deltas = unfold(block)
        yield named({"type": "content_block_start", "index": index, "content_block": empty})
        yield named({"type": "ping"})
        for delta in deltas:
            yield named({"type": "content_block_delta", "index": index, "delta": delta})
        yield named({"type": "content_block_stop", "index": index})
    end = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    yield named({"type": "message_delta", "delta": end, "usage": whole["usage"]})
    yield named({"type": "message_stop"})


def unfold(block: Json) -> tuple[Json, list[Json]]:
    """A block as it begins, and what comes to it."""
    match block["type"]:
        case "thinking":
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in script.slices(block["thinking"])]
            sign = {"type": "signature_delta", "signature": block["signature"]}
            return {**block, "thinking": "", "signature": ""}, [*deltas, sign]
        case "text":
            return {**block, "text": ""}, [
                {"type": "text_delta", "text": piece} for piece in script.slices(block["text"])
            ]
        case _:
            text = json.dumps(block["input"], ensure_ascii=False)
            pieces = ["", *script.slices(text)]
            return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
