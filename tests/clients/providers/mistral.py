"""Mistral: OpenAI's form, where thoughts are parts of the content and what is not known is refused."""

import re
from collections.abc import Iterator

from mistralai.client.models import ChatCompletionRequest, EmbeddingRequest

from providers import schema, script
from providers.fake import Json, Refusal, event
from providers.openai import OpenAI

CALL_ID = re.compile(r"[A-Za-z0-9]{9}")


class Mistral(OpenAI):
    """Mistral."""

    name = "mistral"
    key = "fakemistralkey0123456789"
    models = ("mistral-medium-latest", "mistral-embed")

    def check_request(self, body: Json) -> None:
        """Checks the fields against the published types."""
        schema.check(body, ChatCompletionRequest)

    def check_rules(self, body: Json) -> None:
        """Checks what the types do not tell."""
        messages = body["messages"]
        for message in messages:
            ids = [call.get("id", "") for call in message.get("tool_calls") or ()]
            ids += [message["tool_call_id"]] if message["role"] == "tool" else []
            for id in ids:
                if not CALL_ID.fullmatch(id):
                    raise Refusal(f"the id of a call was {id!r} but must be a-z, A-Z, 0-9, with a length of 9")
        last = messages[-1]
        if last["role"] not in ("user", "tool") and not (last["role"] == "assistant" and last.get("prefix")):
            raise Refusal(f"the last message must be of the user or a tool, not of the role {last['role']}")
        if any(message.get("prefix") for message in messages[:-1]):
            raise Refusal("only the last message is a prefix")

    def said(self, answer: script.Answer) -> Json:
        """What it says in words, whole."""
        if not answer.thoughts:
            return {"content": answer.text}
        words = [{"type": "text", "text": answer.text}] if answer.text else []
        return {"content": [thought(answer.thoughts), *words]}

    def words(self, answer: script.Answer) -> Iterator[Json]:
        """The chunks of what it says in words."""
        yield from ({"content": [thought(piece)]} for piece in script.slices(answer.thoughts))
        yield from ({"content": piece} for piece in script.slices(answer.text))

    def ending(self, body: Json, last: Json, usage: Json) -> Iterator[str]:
        """The last chunk has the usage."""
        yield event({**last, "usage": usage})

    def usage(self, answer: script.Answer) -> Json:
        """What it used: thoughts are not counted apart."""
        usage = super().usage(answer)
        del usage["completion_tokens_details"]
        return usage

    def check_embeddings(self, body: Json) -> None:
        """Checks the fields against the published types."""
        schema.check(body, EmbeddingRequest)

    def error(self, status: int, message: str) -> Json:
        """Mistral's error."""
        return {"object": "error", "message": message, "type": "invalid_request_error", "param": None, "code": None}


def thought(text: str) -> Json:
    """A thought."""
    return {"type": "thinking", "thinking": [{"type": "text", "text": text}]}
