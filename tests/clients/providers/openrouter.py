"""OpenRouter: OpenAI's form with the thoughts told, in words and in the form of whoever thought them."""

from collections.abc import Iterator

from openrouter.components import ChatRequest

from providers import schema, script
from providers.fake import Json
from providers.openai import OpenAI

# What OpenRouter's pages describe and its package has no field for.
DESCRIBED = ("verbosity", "transforms", "route")


class OpenRouter(OpenAI):
    """OpenRouter."""

    name = "openrouter"
    key = "sk-or-v1-fake"
    base_path = "/api/v1"
    models = ("anthropic/claude-sonnet-4.5", "openai/text-embedding-3-small")

    def check_request(self, body: Json) -> None:
        """Checks the fields against the published types."""
        schema.check({name: value for name, value in body.items() if name not in DESCRIBED}, ChatRequest)

    def thinks(self, body: Json) -> bool:
        """Whether the request asks for thoughts."""
        return (body.get("reasoning") or {}).get("effort") not in (None, "none") or super().thinks(body)

    def said(self, answer: script.Answer) -> Json:
        """What it says in words, whole."""
        return {**super().said(answer), **(thought(answer.thoughts) if answer.thoughts else {"reasoning": None})}

    def words(self, answer: script.Answer) -> Iterator[Json]:
        """The chunks of what it says in words."""
        yield from ({"content": "", **thought(piece)} for piece in script.slices(answer.thoughts))
        yield from super().words(answer)


def thought(text: str) -> Json:
    """A thought, told twice."""
    detail = {"type": "reasoning.text", "text": text, "format": "anthropic-claude-v1", "index": 0}
    return {"reasoning": text, "reasoning_details": [detail]}
