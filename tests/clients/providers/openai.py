"""OpenAI's form, which three others share but for some words."""

import base64
import struct
import time
from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import Any, ClassVar

from openai.types import embedding_create_params
from openai.types.chat import completion_create_params

from providers import schema, script
from providers.fake import Fake, Json, Refusal, Reply, Request, event


class OpenAI(Fake):
    """OpenAI. Its thoughts stay its own: only their number is told."""

    name = "openai"
    key = "sk-fake-openai"
    base_path = "/v1"
    models = ("gpt-5.2", "text-embedding-3-small")
    dimensions: ClassVar[int] = 8

    def reply(self, request: Request) -> Reply:
        """The answer to a chat or to an embedding."""
        call = self.called(request)
        if call == "/embeddings":
            return Reply(self.embeddings(request.body))
        if call != "/chat/completions":
            raise Refusal(f"there is nothing at {request.path}", 404)
        self.check_request(request.body)
        check_conversation(request.body["messages"])
        self.check_rules(request.body)
        answer = script.answer(self.read(request.body))
        if request.body.get("stream"):
            return Reply(events=self.stream(request.body, answer))
        return Reply(self.completion(request.body, answer))

    def called(self, request: Request) -> str:
        """What is called, once the address and the model are found to be right."""
        if request.query:
            raise Refusal("there is nothing to ask for in the address")
        if request.body.get("model") not in self.models:
            raise Refusal(f"the model {request.body.get('model')!r} does not exist", 404)
        return request.path.removeprefix(self.base_path)

    def check_request(self, body: Json) -> None:
        """Checks the fields against the published types."""
        kinds = completion_create_params
        streams = body.get("stream") is True
        kind = kinds.CompletionCreateParamsStreaming if streams else kinds.CompletionCreateParamsNonStreaming
        schema.check(body, kind)

    def check_rules(self, body: Json) -> None:
        """Checks what the types do not tell."""
        if body.get("stream_options") and not body.get("stream"):
            raise Refusal("`stream_options` is for streams")
        if body.get("tool_choice") is not None and not body.get("tools"):
            raise Refusal("`tool_choice` is for requests with `tools`")
        strict = (body.get("response_format") or {}).get("json_schema", {})
        if strict.get("strict") and strict.get("schema", {}).get("additionalProperties") is not False:
            raise Refusal("a strict schema says `additionalProperties: false`")

    def read(self, body: Json) -> script.Ask:
        """What the request says."""
        messages = body["messages"]
        users = [message for message in messages if message["role"] == "user"]
        parts = [part for message in users for part in parts_of(message["content"])]
        results = takewhile(lambda message: message["role"] == "tool", reversed(messages))
        format = body.get("response_format") or {}
        return script.Ask(
            prompt=text_of(users[-1]["content"]) if users else "",
            pictures=tuple(picture(part) for part in parts if part["type"] == "image_url"),
            tools=tuple(name_of(tool) for tool in body.get("tools", ()) if body.get("tool_choice") != "none"),
            results=tuple(text_of(message["content"]) for message in results)[::-1],
            schema=format.get("json_schema", {}).get("schema") if format.get("type") == "json_schema" else None,
            thinks=self.thinks(body),
        )

    def thinks(self, body: Json) -> bool:
        """Whether the request asks for thoughts."""
        return body.get("reasoning_effort") not in (None, "none")

    def completion(self, body: Json, answer: script.Answer) -> Json:
        """The whole answer."""
        message = {"role": "assistant", **self.said(answer)}
        if answer.calls:
            message["tool_calls"] = [call_of(call) for call in answer.calls]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish(answer)}
        head = self.head(body, "chat.completion")
        return {**head, "choices": [choice], "usage": self.usage(answer)}

    def stream(self, body: Json, answer: script.Answer) -> Iterator[str]:
        """The same in pieces."""
        head = self.head(body, "chat.completion.chunk")
        for delta in self.deltas(answer):
            yield event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        end = {"index": 0, "delta": {}, "finish_reason": self.finish(answer)}
        yield from self.ending(body, {**head, "choices": [end]}, self.usage(answer))
        yield event("[DONE]")

    def ending(self, body: Json, last: Json, usage: Json) -> Iterator[str]:
        """The last chunk, and the one with the usage."""
        yield event(last)
        if (body.get("stream_options") or {}).get("include_usage"):
            yield event({**last, "choices": [], "usage": usage})

    def deltas(self, answer: script.Answer) -> Iterator[Json]:
        """What each chunk adds."""
        yield {"role": "assistant", "content": ""}
        yield from self.words(answer)
        for index, call in enumerate(answer.calls):
            whole = call_of(call)
            yield {"tool_calls": [{"index": index, **whole, "function": {"name": call.name, "arguments": ""}}]}
            for piece in script.slices(call.text):
                yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}

    def words(self, answer: script.Answer) -> Iterator[Json]:
        """The chunks of what it says in words."""
        if answer.refused:
            yield {"refusal": "I cannot help with that."}
        yield from ({"content": piece} for piece in script.slices(answer.text))

    def said(self, answer: script.Answer) -> Json:
        """What it says in words, whole."""
        refusal = "I cannot help with that." if answer.refused else None
        return {"content": answer.text or None, "refusal": refusal}

    def finish(self, answer: script.Answer) -> str:
        """Why it ended."""
        return "tool_calls" if answer.calls else "stop"

    def head(self, body: Json, kind: str) -> Json:
        """What every answer begins with."""
        return {"id": "chatcmpl-fake", "object": kind, "created": int(time.time()), "model": body["model"]}

    def usage(self, answer: script.Answer) -> Json:
        """What it used. Cached and reasoning tokens are parts of the sums."""
        output = answer.output + answer.reasoning
        return {
            "prompt_tokens": answer.input,
            "completion_tokens": output,
            "total_tokens": answer.input + output,
            "prompt_tokens_details": {"cached_tokens": answer.cached, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": answer.reasoning, "audio_tokens": 0},
        }

    def check_embeddings(self, body: Json) -> None:
        """Checks the fields against the published types."""
        schema.check(body, embedding_create_params.EmbeddingCreateParams)

    def embeddings(self, body: Json) -> Json:
        """A vector for each text."""
        self.check_embeddings(body)
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        dimensions = body.get("dimensions") or body.get("output_dimension") or self.dimensions
        vectors: Iterable[Any] = [script.embedding(text, dimensions) for text in texts]
        if body.get("encoding_format") == "base64":
            vectors = [base64.b64encode(struct.pack(f"<{dimensions}f", *vector)).decode() for vector in vectors]
        data = [{"object": "embedding", "index": index, "embedding": each} for index, each in enumerate(vectors)]
        usage = {"prompt_tokens": 7 * len(texts), "total_tokens": 7 * len(texts)}
        return {"object": "list", "data": data, "model": body["model"], "usage": usage}

    def error(self, status: int, message: str) -> Json:
        """OpenAI's error."""
        return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}


def check_conversation(messages: list[Json]) -> None:
    """Every call has its result right after it, and every result its call."""
    open_calls: set[str] = set()
    for message in messages:
        if message["role"] == "tool":
            if message["tool_call_id"] not in open_calls:
                raise Refusal(f"the result of {message['tool_call_id']!r} follows no call of it")
            open_calls.remove(message["tool_call_id"])
        elif open_calls:
            raise Refusal(f"there is no result of {sorted(open_calls)}")
        elif message["role"] == "assistant":
            open_calls = {call["id"] for call in message.get("tool_calls") or ()}
    if open_calls:
        raise Refusal(f"there is no result of {sorted(open_calls)}")


def parts_of(content: str | list[Json] | None) -> list[Json]:
    """The content as a list."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else content or []


def text_of(content: str | list[Json] | None) -> str:
    """The words of the content."""
    return "".join(part["text"] for part in parts_of(content) if part["type"] == "text")


def picture(part: Json) -> str:
    """Where a picture is, or what kind it is."""
    address = part["image_url"]
    return script.picture(address if isinstance(address, str) else address["url"])


def name_of(tool: Json) -> str:
    """The name of a tool."""
    return tool["function"]["name"]


def call_of(call: script.Call) -> Json:
    """A call of a tool."""
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.text}}
