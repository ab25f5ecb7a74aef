"""Gemini's `generateContent`, which Vertex has, too."""

import re
from collections.abc import Iterator
from typing import Any, Required, TypedDict

from google.genai import types

from providers import schema, script
from providers.fake import Fake, Json, Refusal, Reply, Request, event

SIGNATURE = "CsEBAdHtim9xYw=="
# What Google's documents offer for a call that another provider made.
NO_SIGNATURE = "skip_thought_signature_validator"
HOLDERS = ("text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode")


class GenerateContent(TypedDict, total=False):
    """The request, made of the types that the package publishes."""

    contents: Required[list[types.Content]]
    systemInstruction: types.Content
    tools: list[types.Tool]
    toolConfig: types.ToolConfig
    generationConfig: types.GenerationConfig
    safetySettings: list[types.SafetySetting]
    cachedContent: str
    labels: dict[str, str]


class EmbedContent(TypedDict, total=False):
    """One text to embed."""

    model: Required[str]
    content: Required[types.Content]
    taskType: str
    title: str
    outputDimensionality: int


class BatchEmbedContents(TypedDict):
    """Several texts to embed."""

    requests: list[EmbedContent]


class Gemini(Fake):
    """Gemini."""

    name = "gemini"
    key = "AIzaFakeGeminiKey"
    key_header = ("x-goog-api-key", "")
    base_path = "/v1beta"
    models = ("gemini-3.5-flash", "gemini-2.5-flash", "gemini-embedding-001")

    def reply(self, request: Request) -> Reply:
        """The answer to a chat or to an embedding."""
        found = re.fullmatch(re.escape(self.base_path) + r"/models/([^/:]+):(\w+)", request.path)
        if not found or found[1] not in self.models:
            raise Refusal(f"{request.path} is not found", 404)
        model, call = found.groups()
        if request.query != ({"alt": "sse"} if call == "streamGenerateContent" else {}):
            raise Refusal(f"there is more or less in the address than there should be: {request.query}")
        return self.call(model, call, request.body)

    def call(self, model: str, call: str, body: Json) -> Reply:
        """The answer of one call of the interface."""
        if call == "batchEmbedContents":
            return Reply(embeddings(model, body))
        if call not in ("generateContent", "streamGenerateContent"):
            raise Refusal(f"{call} is not found", 404)
        schema.check(body, GenerateContent)
        check_contents(body["contents"], model)
        check_config(body, model)
        answer = script.answer(read(body))
        if call == "generateContent":
            return Reply(whole(model, answer))
        return Reply(events=stream(model, answer))

    def error(self, status: int, message: str) -> Json:
        """Google's error."""
        words = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 404: "NOT_FOUND"}
        return {"error": {"code": status, "message": message, "status": words.get(status, "UNKNOWN")}}


def is_third(model: str) -> bool:
    """Whether the model demands its signatures back."""
    return model.startswith("gemini-3")


def check_contents(contents: list[Json], model: str) -> None:
    """The user begins, and right after a turn with calls comes one with their results, as many and by name."""
    if not contents:
        raise Refusal("GenerateContentRequest.contents: contents is not specified")
    calls: list[str] = []
    for index, content in enumerate(contents):
        parts = content.get("parts") or []
        if content.get("role") not in ("user", "model") or not parts:
            raise Refusal(f"contents[{index}]: a content has a role and parts")
        for part in parts:
            if sum(holder in part for holder in HOLDERS) != 1:
                raise Refusal(f"contents[{index}].parts: required oneof field 'data' must have one initialized field")
        results = [part["functionResponse"]["name"] for part in parts if "functionResponse" in part]
        if results != calls:
            raise Refusal("the number of function response parts must equal that of function call parts")
        called = [part for part in parts if "functionCall" in part]
        if called and is_third(model) and called[0].get("thoughtSignature") not in (SIGNATURE, NO_SIGNATURE):
            raise Refusal("Function call is missing a thought_signature in functionCall parts")
        if called and (index == 0 or content["role"] != "model"):
            raise Refusal("a function call turn comes immediately after a user turn or a function response turn")
        calls = [part["functionCall"]["name"] for part in called]
    if calls or contents[0]["role"] != "user":
        raise Refusal("please ensure that the conversation begins with the user and does not end in a call")


def check_config(body: Json, model: str) -> None:
    """What of the configuration goes with what."""
    config = body.get("generationConfig") or {}
    thinking = config.get("thinkingConfig") or {}
    if "thinkingBudget" in thinking and "thinkingLevel" in thinking:
        raise Refusal("You can only set only one of thinking budget and thinking level")
    if "thinkingLevel" in thinking and not is_third(model):
        raise Refusal("Thinking level is not supported for this model")
    if "responseJsonSchema" in config and config.get("responseMimeType") != "application/json":
        raise Refusal("a schema needs the response mime type application/json")
    calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    if calling.get("allowedFunctionNames") and calling.get("mode") not in ("ANY", "VALIDATED"):
        raise Refusal("Function calling mode must be ANY or VALIDATED with allowed function names")


def read(body: Json) -> script.Ask:
    """What the request says."""
    users = [content["parts"] for content in body["contents"] if content["role"] == "user"]
    words = [parts for parts in users if any("text" in part for part in parts)]
    parts = [part for parts in users for part in parts]
    config = body.get("generationConfig") or {}
    mode = ((body.get("toolConfig") or {}).get("functionCallingConfig") or {}).get("mode")
    functions = [f for tool in body.get("tools", ()) for f in tool.get("functionDeclarations", ())]
    return script.Ask(
        prompt="".join(part.get("text", "") for part in words[-1]) if words else "",
        pictures=tuple(picture(part) for part in parts if "inlineData" in part or "fileData" in part),
        tools=tuple(function["name"] for function in functions if mode != "NONE"),
        results=tuple(result(part) for part in users[-1] if "functionResponse" in part),
        schema=config.get("responseJsonSchema"),
        thinks=(config.get("thinkingConfig") or {}).get("includeThoughts") is True,
    )


def picture(part: Json) -> str:
    """Where a picture is, or what kind it is."""
    return part["inlineData"]["mimeType"] if "inlineData" in part else part["fileData"]["fileUri"]


def result(part: Json) -> str:
    """What a tool said."""
    response: dict[str, Any] = part["functionResponse"]["response"]
    return str(response.get("output", response))


def parts(answer: script.Answer) -> list[Json]:
    """What the model says."""
    said: list[Json] = [{"text": answer.thoughts, "thought": True}] if answer.thoughts else []
    said += [{"text": answer.text}] if answer.text else []
    said += [{"functionCall": {"name": call.name, "args": call.arguments}} for call in answer.calls]
    for part in said:
        if "functionCall" in part:
            part["thoughtSignature"] = SIGNATURE
            break
    return said


def whole(model: str, answer: script.Answer) -> Json:
    """The whole answer."""
    return chunk(model, parts(answer), usage(answer), "SAFETY" if answer.refused else "STOP")


def stream(model: str, answer: script.Answer) -> Iterator[str]:
    """The same in pieces."""
    early = {"promptTokenCount": answer.input, "totalTokenCount": answer.input}
    for part in parts(answer):
        if "functionCall" in part:
            yield event(chunk(model, [part], early))
        else:
            for piece in script.slices(part["text"]):
                yield event(chunk(model, [{**part, "text": piece}], early))
    last = [] if answer.refused else [{"text": ""}]
    yield event(chunk(model, last, usage(answer), "SAFETY" if answer.refused else "STOP"))


def chunk(model: str, said: list[Json], used: Json, reason: str | None = None) -> Json:
    """An answer, or a piece of one."""
    candidate: Json = {"index": 0, "content": {"role": "model", "parts": said}}
    if reason:
        candidate["finishReason"] = reason
    return {"candidates": [candidate], "usageMetadata": used, "modelVersion": model, "responseId": "fake"}


def usage(answer: script.Answer) -> Json:
    """What it used. The cache's tokens are in the prompt's; thoughts are beside the candidates'."""
    used = {
        "promptTokenCount": answer.input,
        "candidatesTokenCount": answer.output,
        "totalTokenCount": answer.input + answer.output + answer.reasoning,
    }
    used |= {"cachedContentTokenCount": answer.cached} if answer.cached else {}
    return used | ({"thoughtsTokenCount": answer.reasoning} if answer.reasoning else {})


def embeddings(model: str, body: Json) -> Json:
    """A vector for each text."""
    schema.check(body, BatchEmbedContents)
    vectors = []
    for request in body["requests"]:
        if request["model"] != f"models/{model}":
            raise Refusal("the model of each request must be that of the address")
        text = "".join(part["text"] for part in request["content"]["parts"])
        vectors.append({"values": script.embedding(text, request.get("outputDimensionality", 8))})
    return {"embeddings": vectors, "usageMetadata": {"promptTokenCount": 7 * len(vectors)}}
