"""What each call asks and how its answer is read, once for both clients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from behest import types
from behest._json import decode, encode
from behest._objects import Answer, Answers, Object, shaped
from behest._options import check_query, write, write_call

if TYPE_CHECKING:
    from datetime import date

T = TypeVar("T")
A = TypeVar("A", bound=Answer)
O = TypeVar("O", bound=Object)


class CanDump(Protocol):
    """What can write itself as JSON, such as a model of pydantic's."""

    def model_dump(self, *, mode: str, exclude_none: bool) -> Any: ...


Messages = Iterable[Mapping[str, Any] | CanDump]
"""A conversation: dicts with `role` and `content`, or what has `model_dump()`; a list, or what yields them."""


EmbeddingInput = str | Iterable[str] | Iterable[int] | Iterable[Iterable[int]]
"""What is to be embedded: a text or several, or the same as token ids."""


class Call(Generic[T]):
    """One call of the core's: its name, its parameters and options as JSON, and how to read the answer's JSON."""

    __slots__ = ("name", "options", "parameters", "read")

    def __init__(self, name: str, parameters: bytes, options: bytes, read: Callable[[str, str], T]) -> None:
        self.name = name
        self.parameters = parameters
        self.options = options
        self.read = read


def _one(kind: type[A]) -> Callable[[str, str], A]:
    def read(text: str, meta: str) -> A:
        answer: A = shaped(decode(text), kind)
        # An answer that is no object at all is somebody else's, and is handed on as it is.
        if type(answer) is kind:
            answer._meta = meta
        return answer

    return read


def _list(kind: type[O]) -> Callable[[str, str], Answers[O]]:
    def read(text: str, meta: str) -> Answers[O]:
        answers: Answers[O] = Answers(shaped(decode(text), kind))
        answers._meta = meta
        return answers

    return read


def _nothing(text: str, meta: str) -> None:
    return None


_completion = _one(types.ChatCompletion)
_embeddings = _one(types.Embeddings)
_thread = _one(types.Thread)
_threads = _list(types.Thread)
_messages = _list(types.ThreadMessage)
_report = _one(types.UsageReport)
_bill = _one(types.BillingReport)
_models = _one(types.ModelList)
_model = _one(types.Model)


def chat(
    messages: Any, model: str | None, stream: bool, body: Mapping[str, Any], options: Mapping[str, Any]
) -> Call[types.ChatCompletion]:
    """A chat completion. What the package does not know of the body goes as it is."""
    whole: dict[str, Any] = {"messages": messages}
    if model is not None:
        whole["model"] = model
    if stream:
        whole["stream"] = True
    whole.update(body)
    return Call("chat.completions.create", encode(whole), write(options), _completion)


def embeddings(
    input: Any,
    model: str | None,
    dimensions: int | None,
    encoding_format: str | None,
    body: Mapping[str, Any],
    options: Mapping[str, Any],
) -> Call[types.Embeddings]:
    """Vectors of texts. What the package does not know of the body goes as it is."""
    known = {"model": model, "dimensions": dimensions, "encoding_format": encoding_format}
    whole = {"input": input, **{name: value for name, value in known.items() if value is not None}, **body}
    return Call("embeddings.create", encode(whole), write(options), _embeddings)


def list_threads(
    limit: int | None, before: str | date | None, options: Mapping[str, Any]
) -> Call[Answers[types.Thread]]:
    parameters = write({"limit": limit, "before": _instant(before)})
    return Call("threads.list", parameters, write_call("threads.list", options), _threads)


def get_thread(thread_id: str, options: Mapping[str, Any]) -> Call[types.Thread]:
    return Call("threads.get", encode({"id": thread_id}), write_call("threads.get", options), _thread)


def thread_messages(thread_id: str, options: Mapping[str, Any]) -> Call[Answers[types.ThreadMessage]]:
    return Call("threads.messages", encode({"id": thread_id}), write_call("threads.messages", options), _messages)


def delete_thread(thread_id: str, options: Mapping[str, Any]) -> Call[None]:
    return Call("threads.delete", encode({"id": thread_id}), write_call("threads.delete", options), _nothing)


def usage(query: Mapping[str, Any], as_api_key: bool, options: Mapping[str, Any]) -> Call[types.UsageReport]:
    """`user_id` names whose usage, and so whose token asks for it."""
    parameters = write({**query, "from": _instant(query["from"]), "to": _instant(query["to"])})
    return Call("usage.get", parameters, _as(as_api_key, query["user_id"], "usage.get", options), _report)


def billing(
    from_: str | date | None, to: str | date | None, as_api_key: bool, user_id: str | None, options: Mapping[str, Any]
) -> Call[types.BillingReport]:
    parameters = write({"from": _instant(from_), "to": _instant(to)})
    return Call("usage.billing", parameters, _as(as_api_key, user_id, "usage.billing", options), _bill)


def list_models(options: Mapping[str, Any]) -> Call[types.ModelList]:
    return Call("models.list", b"", write_call("models.list", options), _models)


def get_model(model: str, options: Mapping[str, Any]) -> Call[types.Model]:
    return Call("models.get", encode({"id": model}), write_call("models.get", options), _model)


def _as(as_api_key: bool, user_id: str | None, function: str, options: Mapping[str, Any]) -> bytes:
    check_query(function, options)
    return write({**options, "user_id": user_id, "as_api_key": as_api_key or None})


def _instant(value: str | date | None) -> str | None:
    """A date or a datetime as RFC 3339 text; a datetime without a zone is in the local one, as everywhere in Python."""
    if value is None or isinstance(value, str):
        return value
    from datetime import datetime

    if isinstance(value, datetime) and value.tzinfo is None:
        value = value.astimezone()
    return value.isoformat()


def mint(options: Mapping[str, Any]) -> bytes:
    return write(options)


def read_mint(text: str) -> types.MintResult:
    return shaped(decode(text), types.MintResult)
