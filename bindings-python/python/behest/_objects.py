"""JSON objects that read as attributes and as mappings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

if TYPE_CHECKING:
    from typing_extensions import Self

T = TypeVar("T")

# Texts that a repr may show: names and states. Everything else may be a prompt, an answer or a secret.
_SHOWN = frozenset(
    {
        "audience",
        "base_url",
        "code",
        "created_at",
        "data_dir",
        "default_user_id",
        "expires_at",
        "finish_reason",
        "from",
        "id",
        "issuer",
        "kid",
        "last_message_at",
        "mode",
        "model",
        "object",
        "owned_by",
        "project_id",
        "provider",
        "role",
        "session_id",
        "slug",
        "tenant_id",
        "tier",
        "timestamp",
        "to",
        "trace_id",
        "type",
    }
)
_LONGEST_SHOWN = 64


def _field(name: str) -> property:
    """A known field. It could be left to `__getattr__`, which would come after a failed look-up that costs far more."""

    def read(answer: Object) -> Any:
        try:
            return answer[name]
        except KeyError:
            # Then `__getattr__` is asked, which knows what is optional.
            raise AttributeError(name) from None

    def write(answer: Object, value: Any) -> None:
        answer[name] = value

    return property(read, write)


class Object(dict[str, Any]):
    """A JSON object: a dict whose keys can also be read as attributes.

    Fields that this version of the package does not know are kept. A field that is named like one of dict's own
    methods, such as `items`, is read as `answer["items"]`.
    """

    __slots__ = ("_meta",)

    _shapes: ClassVar[tuple[tuple[str, type[Object]], ...]] = ()
    """The fields that hold objects, or lists of objects, of a known class."""
    _optional: ClassVar[frozenset[str]] = frozenset()
    """The fields that read as None where the answer leaves them out."""

    if TYPE_CHECKING:
        _meta: Meta | str

    def __init_subclass__(cls, shapes: dict[str, type[Object]] | None = None) -> None:
        cls._shapes = tuple((shapes or {}).items())
        annotations: dict[str, str] = cls.__annotations__
        cls._optional = frozenset(name for name, kind in annotations.items() if kind.endswith("| None"))
        for name in annotations:
            if not hasattr(cls, name):
                setattr(cls, name, _field(name))

    # Hidden from type checkers, so that they find misspelt names.
    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            try:
                return self[name]
            except KeyError:
                if name in self._optional:
                    return None
            there = f"it has {', '.join(self)}" if self else "it is empty"
            raise AttributeError(f"{type(self).__name__} has no {name!r}: {there}")

    def model_dump(self, *, exclude_none: bool = False) -> dict[str, Any]:
        """The object as plain dicts and lists; with `exclude_none` without the fields that are None.

        Example:
            ```python
            answer = await client.models.list()
            assert type(answer.model_dump()) is dict
            ```
        """
        return _plain(self, exclude_none)

    def model_dump_json(self, *, indent: int | None = None, exclude_none: bool = False) -> str:
        """The object as JSON text, on one line when `indent` is not said."""
        from json import dumps

        separators = (",", ":") if indent is None else None
        return dumps(_plain(self, exclude_none), indent=indent, separators=separators, ensure_ascii=False)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={_short(name, value)}' for name, value in self.items())})"

    __str__ = __repr__

    def __copy__(self) -> Self:
        return self._with(self)

    def copy(self) -> Self:
        """A shallow copy of the same class."""
        return self._with(self)

    def _with(self, fields: Object) -> Self:
        new = type(self)(fields)
        if (meta := _meta_of(self)) is not None:
            new._meta = meta
        return new


class Meta(Object):
    """What the gateway says about an answer. A field is None where it did not say.

    `trace_id` is the gateway's name for the call, to quote to its operator; `cost_usd` is in US dollars (in streams the
    last chunk says it instead); `memory` is how many remembered messages were put in front of the request's own, and
    `attempts` how many times a provider was asked.
    """

    __slots__ = ()

    trace_id: str | None
    model: str | None
    provider: str | None
    cost_usd: float | None
    memory: int | None
    attempts: int | None


class Answer(Object):
    """The answer to a call: its fields, and what the gateway says about it in `meta`."""

    __slots__ = ()

    @property
    def meta(self) -> Meta:
        """What the gateway says about the answer. A field of this name is read as `answer["meta"]`."""
        return _read_meta(self)


class Answers(list[T]):
    """The answer to a call that is a list, and what the gateway says about it in `meta`."""

    __slots__ = ("_meta",)

    if TYPE_CHECKING:
        _meta: Meta | str

    @property
    def meta(self) -> Meta:
        """What the gateway says about the answer."""
        return _read_meta(self)

    def __repr__(self) -> str:
        return f"[{len(self)} × {type(self[0]).__name__}]" if self else "[]"

    def model_dump(self, *, exclude_none: bool = False) -> list[Any]:
        """The list with plain dicts in it; with `exclude_none` without the fields that are None."""
        return _plain(self, exclude_none)


def shaped(value: Any, kind: type[Object]) -> Any:
    """The value, its objects turned into the classes that their places say. What has another form stays as it is."""
    if type(value) is Object:
        value.__class__ = kind
        for name, inner in kind._shapes:
            if (part := value.get(name)) is not None:
                shaped(part, inner)
    elif type(value) is list:
        for item in cast("list[Any]", value):
            shaped(item, kind)
    return cast("Any", value)


def _meta_of(answer: Object | Answers[Any]) -> Meta | str | None:
    try:
        return object.__getattribute__(answer, "_meta")
    except AttributeError:
        return None


def _read_meta(answer: Answer | Answers[Any]) -> Meta:
    meta = _meta_of(answer)
    if isinstance(meta, str):
        answer._meta = meta = read_meta(meta)
    return meta or Meta()


def read_meta(text: str) -> Meta:
    """What the gateway says about an answer, from its JSON."""
    from behest._json import decode_plain

    return Meta(decode_plain(text))


def _plain(value: Any, exclude_none: bool) -> Any:
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value).items()
        return {name: _plain(part, exclude_none) for name, part in fields if not (exclude_none and part is None)}
    if isinstance(value, list):
        return [_plain(part, exclude_none) for part in cast("list[Any]", value)]
    return value


def _short(name: str, value: Any) -> str:
    if isinstance(value, str):
        shown = name in _SHOWN and len(value) <= _LONGEST_SHOWN
        return repr(value) if shown else f"<{len(value)} characters>"
    if isinstance(value, list):
        return f"[{len(cast('list[Any]', value))}]"
    if isinstance(value, dict):
        return f"{type(cast('object', value)).__name__}(...)" if value else "{}"
    return repr(value)
