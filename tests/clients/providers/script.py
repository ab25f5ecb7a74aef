"""What the model behind every fake says. The same question has the same answer, whoever is asked."""

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

# Words of one, two, three and four bytes a letter, so that a stream that is cut anywhere is cut within letters too.
GREETING = "Grüße aus Ōsaka 🦀, 一二三: "
THOUGHTS = "91 ist 7 × 13 — 素数ではない."
CITIES = ("Paris", "Ōsaka 🦀")

FORBIDDEN = "forbidden"
"""In a prompt: the provider's own refusal."""
BOTH = "both"
"""In a prompt that comes with tools: two calls at once."""
AGAIN = "again"
"""In a prompt: most of it comes from the provider's cache."""

PROMPT_TOKENS, CACHED_TOKENS, WORD_TOKENS, THOUGHT_TOKENS = 100, 64, 20, 8


@dataclass(frozen=True)
class Ask:
    """What a request says, in no provider's words."""

    prompt: str
    pictures: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    schema: dict[str, object] | None = None
    thinks: bool = False


@dataclass(frozen=True)
class Call:
    """A call of a tool."""

    id: str
    name: str
    arguments: dict[str, object]

    @property
    def text(self) -> str:
        """The arguments as JSON's text, with its letters as they are."""
        return json.dumps(self.arguments, ensure_ascii=False)


@dataclass(frozen=True)
class Answer:
    """What the model says."""

    text: str = ""
    thoughts: str = ""
    calls: tuple[Call, ...] = ()
    refused: bool = False
    cached: int = 0
    output: int = WORD_TOKENS
    reasoning: int = 0
    input: int = field(default=PROMPT_TOKENS)


def answer(ask: Ask) -> Answer:
    """The answer."""
    cached = CACHED_TOKENS if AGAIN in ask.prompt else 0
    thoughts, reasoning = (THOUGHTS, THOUGHT_TOKENS) if ask.thinks else ("", 0)
    base = Answer(cached=cached, thoughts=thoughts, reasoning=reasoning)
    if FORBIDDEN in ask.prompt:
        return Answer(refused=True, cached=cached)
    if ask.results:
        return replace(base, text="The tools said: " + "; ".join(ask.results))
    if ask.tools:
        cities = CITIES if BOTH in ask.prompt else CITIES[:1]
        calls = (Call(f"call{index:05}", ask.tools[0], {"city": city}) for index, city in enumerate(cities))
        return replace(base, calls=tuple(calls))
    if ask.schema is not None:
        return replace(base, text=json.dumps(sample(ask.schema), ensure_ascii=False))
    if ask.pictures:
        return replace(base, text=f"I see {len(ask.pictures)} pictures: {', '.join(ask.pictures)}")
    return replace(base, text=GREETING + ask.prompt)


def sample(schema: dict[str, object], root: dict[str, object] | None = None) -> object:
    """Something that fits a JSON Schema."""
    root = root if root is not None else schema
    if reference := schema.get("$ref"):
        target: object = root
        for name in str(reference).removeprefix("#/").split("/"):
            target = target[name]
        return sample(target, root)
    if choices := schema.get("enum"):
        return choices[0]
    match schema.get("type"):
        case "object":
            return {name: sample(inner, root) for name, inner in schema.get("properties", {}).items()}
        case "array":
            return [sample(schema["items"], root)]
        case "integer" | "number":
            return 7
        case "boolean":
            return True
        case _:
            return "Ōsaka 🦀"


def slices(text: str, length: int = 5) -> Iterable[str]:
    """The text in the pieces that a stream brings."""
    return (text[start : start + length] for start in range(0, len(text), length))


def picture(address: str) -> str:
    """How the model names a picture: by the kind that its data says, or as it is addressed."""
    if address.startswith("data:"):
        return address.removeprefix("data:").split(";")[0]
    return address


def embedding(text: str, dimensions: int) -> list[float]:
    """A vector for a text: of length one, and another for another text."""
    seed = [byte + 1 for byte in hashlib.sha256(text.encode()).digest()]
    numbers = [seed[index % len(seed)] * (-1) ** index for index in range(dimensions)]
    length = math.sqrt(sum(number * number for number in numbers))
    return [number / length for number in numbers]
