"""The classes of what calls answer.

Each is a dict with its fields as attributes too, and keeps the fields that it does not name here. A field whose type
ends in `| None` reads as None where the answer leaves it out.
"""

from __future__ import annotations

from typing import Any

from behest._objects import Answer, Answers, Meta, Object

__all__ = [
    "Answer",
    "Answers",
    "BilledModel",
    "BillingReport",
    "BillingSide",
    "BillingWindow",
    "ChatCompletion",
    "ChatCompletionChunk",
    "Choice",
    "ChunkChoice",
    "Config",
    "Delta",
    "Embedding",
    "Embeddings",
    "EmbeddingsUsage",
    "Gateway",
    "Message",
    "Meta",
    "MintResult",
    "Model",
    "ModelCapabilities",
    "ModelList",
    "Object",
    "Thread",
    "ThreadMessage",
    "ToolCall",
    "ToolFunction",
    "Usage",
    "UsageBucket",
    "UsageReport",
    "UsageTotals",
]


class ToolFunction(Object):
    """The function that a model wants called, and with what."""

    __slots__ = ()

    name: str | None
    arguments: str | None


class ToolCall(Object, shapes={"function": ToolFunction}):
    """A call that a model wants made. In a stream it comes in pieces that share an `index`."""

    __slots__ = ()

    id: str | None
    type: str | None
    index: int | None
    function: ToolFunction | None


class Message(Object, shapes={"tool_calls": ToolCall}):
    """One message of a conversation."""

    __slots__ = ()

    role: str
    content: str | None
    refusal: str | None
    tool_calls: list[ToolCall] | None


class Usage(Object):
    """The tokens of one call: `prompt_tokens` includes cached ones, `completion_tokens` reasoning."""

    __slots__ = ()

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: dict[str, Any] | None
    completion_tokens_details: dict[str, Any] | None


class Choice(Object, shapes={"message": Message}):
    """One of the answers in a completion."""

    __slots__ = ()

    index: int
    message: Message
    finish_reason: str | None
    logprobs: dict[str, Any] | None


class ChatCompletion(Answer, shapes={"choices": Choice, "usage": Usage}):
    """A whole answer of a model."""

    __slots__ = ()

    id: str
    object: str
    created: int
    model: str
    choices: list[Choice]
    usage: Usage | None
    system_fingerprint: str | None
    service_tier: str | None


class Delta(Object, shapes={"tool_calls": ToolCall}):
    """What is new in one piece of a streamed answer."""

    __slots__ = ()

    role: str | None
    content: str | None
    refusal: str | None
    tool_calls: list[ToolCall] | None


class EmbeddingsUsage(Object):
    """The tokens of one call. Nothing comes out, so the two are the same."""

    __slots__ = ()

    prompt_tokens: int
    total_tokens: int


class Embedding(Object):
    """The vector of one text: numbers, or text where `encoding_format="base64"` was asked for."""

    __slots__ = ()

    object: str
    index: int
    embedding: list[float]


class Embeddings(Answer, shapes={"data": Embedding, "usage": EmbeddingsUsage}):
    """The vectors of some texts, in their order."""

    __slots__ = ()

    object: str
    data: list[Embedding]
    model: str
    usage: EmbeddingsUsage | None


class ChunkChoice(Object, shapes={"delta": Delta}):
    """One piece of one of the answers in a stream."""

    __slots__ = ()

    index: int
    delta: Delta
    finish_reason: str | None
    logprobs: dict[str, Any] | None


class ChatCompletionChunk(Object, shapes={"choices": ChunkChoice, "usage": Usage}):
    """One piece of a streamed answer. The one that carries `usage`, where that was asked for, has no choices."""

    __slots__ = ()

    id: str
    object: str
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: Usage | None
    system_fingerprint: str | None
    service_tier: str | None


class Thread(Answer):
    """A conversation that the gateway remembers. Instants are RFC 3339 texts."""

    __slots__ = ()

    id: str
    title: str | None
    created_at: str
    last_message_at: str
    messages_count: int


class ThreadMessage(Object, shapes={"tool_calls": ToolCall}):
    """One message of a thread. `incomplete` is True where the answer was cut off."""

    __slots__ = ()

    id: str
    role: str
    content: Any
    created_at: str
    incomplete: bool | None
    tool_calls: list[ToolCall] | None


class UsageTotals(Object):
    """Sums over calls. `cost_usd`, in US dollars, lacks the `unpriced_requests`, whose price is unknown."""

    __slots__ = ()

    requests: int
    tokens: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    unpriced_requests: int
    estimated_requests: int


class UsageBucket(UsageTotals):
    """The sums of one step of time, or of one `group` in it."""

    __slots__ = ()

    timestamp: str
    group: str | None


class UsageReport(Answer, shapes={"totals": UsageTotals, "breakdown": UsageBucket}):
    """What was used: over the whole time, and by step of time, oldest first."""

    __slots__ = ()

    totals: UsageTotals
    breakdown: list[UsageBucket]


class BillingWindow(Object):
    """The time that a bill covers: from `window["from"]`, included, to `window.to`, excluded."""

    __slots__ = ()

    to: str


class BilledModel(UsageTotals):
    """What one model cost."""

    __slots__ = ()

    model: str


class BillingSide(UsageTotals, shapes={"by_model": BilledModel}):
    """One side of a bill, also by model, dearest first."""

    __slots__ = ()

    by_model: list[BilledModel]


class BillingReport(Answer, shapes={"window": BillingWindow, "platform": BillingSide, "byok": BillingSide}):
    """A bill: calls paid with the platform's keys, and with the customer's own."""

    __slots__ = ()

    project_id: str
    window: BillingWindow
    platform: BillingSide
    byok: BillingSide


class ModelCapabilities(Answer):
    """What a model can do, as far as the gateway's catalogue says."""

    __slots__ = ()

    tools: bool
    parallel_tools: bool
    images: bool
    audio: bool
    documents: bool
    json_schema: bool
    reasoning: bool
    prompt_caching: bool


class Model(Answer, shapes={"capabilities": ModelCapabilities}):
    """A model that the project may call."""

    __slots__ = ()

    id: str
    object: str
    created: int
    owned_by: str
    context_length: int | None
    max_output_tokens: int | None
    capabilities: ModelCapabilities | None


class ModelList(Answer, shapes={"data": Model}):
    """The models that the project may call."""

    __slots__ = ()

    object: str
    data: list[Model]


class MintResult(Object):
    """A token for one end user, safe to hand to that user's browser. Its repr does not show the token.

    `ttl` is in seconds, `expires_at` an RFC 3339 text.
    """

    __slots__ = ()

    token: str
    session_id: str
    ttl: int
    expires_at: str


class Config(Object):
    """What a client runs with; no secret is in it. `ttl` and `timeout` are in seconds."""

    __slots__ = ()

    mode: str
    base_url: str
    tenant_id: str | None
    project_id: str | None
    kid: str | None
    default_user_id: str
    tier: int | str | None
    ttl: int
    issuer: str
    audience: str
    timeout: float
    max_retries: int


class Gateway(Object):
    """A gateway inside this process. Its repr does not show the API key and the admin secret."""

    __slots__ = ()

    base_url: str
    slug_url: str
    api_key: str
    admin_secret: str
    tenant_id: str
    project_id: str
    slug: str
    data_dir: str
