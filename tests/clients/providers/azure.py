"""Azure OpenAI: OpenAI's form, where the model is a deployment that stands in the address."""

import re
from collections.abc import Iterator

from providers import script
from providers.fake import Json, Refusal, Request
from providers.openai import OpenAI


class Azure(OpenAI):
    """Azure OpenAI. What it does not want to say, it filters."""

    name = "azure"
    key = "fakeazurekey0123456789"
    base_path = ""
    models = ("our-gpt", "our-embedding")
    key_header = ("api-key", "")

    def called(self, request: Request) -> str:
        """What is called, once the deployment and the version are found to be right."""
        found = re.fullmatch(r"/openai/deployments/([^/]+)(/.*)", request.path)
        if not found or found[1] not in self.models:
            raise Refusal(f"there is no deployment at {request.path}", 404)
        if not re.fullmatch(r"\d{4}-\d\d-\d\d(-preview)?", request.query.get("api-version", "")):
            raise Refusal("the address needs an `api-version`", 404)
        return found[2]

    def finish(self, answer: script.Answer) -> str:
        """Why it ended."""
        return "content_filter" if answer.refused else super().finish(answer)

    def said(self, answer: script.Answer) -> Json:
        """What it says in words, whole."""
        return {"content": answer.text or None, "refusal": None}

    def words(self, answer: script.Answer) -> Iterator[Json]:
        """The chunks of what it says in words."""
        yield from ({"content": piece} for piece in script.slices(answer.text))
