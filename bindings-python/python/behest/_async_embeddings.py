"""The embeddings of `Behest`. A test keeps them in step with those of `SyncBehest`."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Literal

from behest import _calls
from behest._async_groups import _Group

if TYPE_CHECKING:
    from behest import types


class AsyncEmbeddings(_Group):
    """Vectors of texts."""

    __slots__ = ()

    def create(
        self,
        *,
        input: _calls.EmbeddingInput,
        model: str | None = None,
        dimensions: int | None = None,
        encoding_format: Literal["float", "base64"] | None = None,
        user_id: str | None = None,
        session_id: str | None = None,
        tier: int | str | None = None,
        token: str | None = None,
        tags: Mapping[str, str] | None = None,
        timeout: float | None = None,
        max_retries: int | None = None,
        headers: Mapping[str, str] | None = None,
        **body: Any,
    ) -> Coroutine[Any, Any, types.Embeddings]:
        """Turns texts into vectors, one for each, in their order.

        Every other keyword is a parameter of OpenAI's embeddings or of the provider's own, such as `input_type`, and is
        passed on as it is.

        Args:
            input: A text, or several; or the same as token ids, for providers that take them.
            model: The model; the project's own when not said.
            dimensions: How long the vectors are to be, for models that can shorten them.
            encoding_format: `float`, which is meant when not said, or `base64`, which a program decodes itself.
            user_id: The end user that the call is for. The client's default when not said.
            session_id: The session to charge.
            tier: The end user's entitlement: a number or a name.
            token: A token of your own, used as it is.
            tags: Labels for the cost reports.
            timeout: How many seconds the call may take, retries included.
            max_retries: How often a call that failed for a passing reason is tried again.
            headers: More headers.

        Raises:
            BehestError: One of its kinds; see `BehestError`.

        Example:
            ```python
            answer = await client.embeddings.create(input=["The sky is blue", "Grass is green"], user_id="ann")
            assert [row.index for row in answer.data] == [0, 1]
            assert len(answer.data[0].embedding) == len(answer.data[1].embedding)
            ```
        """
        options = {
            "user_id": user_id,
            "session_id": session_id,
            "tier": tier,
            "token": token,
            "tags": tags,
            "timeout": timeout,
            "max_retries": max_retries,
            "headers": headers,
        }
        return self._channel.ask(_calls.embeddings(input, model, dimensions, encoding_format, body, options))
