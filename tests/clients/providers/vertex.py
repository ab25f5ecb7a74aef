"""Vertex: Gemini's form, called with a token that a service account's signature buys."""

import base64
import json
import pathlib
import secrets
import tempfile
import time
from dataclasses import replace
from typing import Required, TypedDict

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from google.genai import types

from providers import schema, script
from providers.fake import Json, Refusal, Reply, Request
from providers.gemini import Gemini

PROJECT, LOCATION = "fake-project-7", "europe-west4"
EMAIL = f"tests@{PROJECT}.iam.gserviceaccount.com"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
EMBEDDING = ("predict", "embedContent", "batchEmbedContents")
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Instance(TypedDict, total=False):
    """One text to embed."""

    content: Required[str]
    task_type: str
    title: str


class Parameters(TypedDict, total=False):
    """How texts are embedded."""

    autoTruncate: bool
    outputDimensionality: int


class Predict(TypedDict, total=False):
    """Several texts to embed."""

    instances: Required[list[Instance]]
    parameters: Parameters


class EmbedContentConfig(TypedDict, total=False):
    """How texts are embedded by Gemini's models."""

    taskType: str
    title: str
    outputDimensionality: int
    autoTruncate: bool


class EmbedContent(TypedDict, total=False):
    """One text for a model of Gemini's."""

    content: Required[types.Content]
    embedContentConfig: EmbedContentConfig


class BatchEmbedContents(TypedDict):
    """Several of them."""

    requests: list[EmbedContent]


class Vertex(Gemini):
    """Vertex, and the server that gives its tokens."""

    name = "vertex"
    key = "ya29.fake-"
    key_header = ("authorization", "Bearer ")
    models = ("gemini-3.5-flash", "gemini-2.5-flash", "gemini-embedding-001", "text-embedding-005")
    base_path = f"/v1/projects/{PROJECT}/locations/{LOCATION}/publishers/google"

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self.token_url = f"{origin}/token"
        self.base_url = origin
        self.tokens: set[str] = set()
        self.private_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.folder = tempfile.TemporaryDirectory(prefix="behest-vertex-")

    def settings(self) -> str:
        """The lines for the gateway's configuration file, and the service account that they name."""
        pem = self.private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        account = {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": "fake-key-1",
            "private_key": pem.decode(),
            "client_email": EMAIL,
            "token_uri": self.token_url,
        }
        file = pathlib.Path(self.folder.name) / "account.json"
        file.write_text(json.dumps(account))
        return (
            f'[providers.vertex]\nbase_url = "{self.base_url}"\nlocal = true\ncredentials_file = "{file}"\n'
            f'location = "{LOCATION}"\nmodels = {json.dumps(self.models)}\n'
        )

    def environment(self) -> dict[str, str]:
        """No variables: the file holds the key."""
        return {}

    def answer(self, request: Request) -> Reply:
        """A token, or the answer to a request that shows one."""
        if request.path == "/token":
            return Reply(self.token(request))
        return super().answer(request)

    def credential(self) -> str:
        """The newest token; one is not asked for each call."""
        return self.key_header[1] + (max(self.tokens, default="none"))

    def token(self, request: Request) -> Json:
        """Checks the assertion as Google does."""
        if request.body.get("grant_type") != GRANT:
            raise Refusal("unsupported_grant_type")
        head, claims, signature = request.body["assertion"].split(".")
        try:
            self.private_key.public_key().verify(
                decoded(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256()
            )
        except InvalidSignature as error:
            raise Refusal("invalid_grant: Invalid JWT Signature.") from error
        said, now = json.loads(decoded(claims)), time.time()
        if json.loads(decoded(head)).get("alg") != "RS256" or said["iss"] != EMAIL or said["aud"] != self.token_url:
            raise Refusal("invalid_grant: Invalid JWT")
        if said["scope"] != SCOPE or not now - 60 < said["iat"] < now + 60 or not 0 < said["exp"] - said["iat"] <= 3600:
            raise Refusal("invalid_grant: Invalid JWT: scope or times")
        token = f"{self.key}{len(self.tokens):04}{secrets.token_hex(8)}"
        self.tokens.add(token)
        return {"access_token": token, "expires_in": 3599, "token_type": "Bearer"}

    def reply(self, request: Request) -> Reply:
        """The answer to a call. Google's package makes the calls of Gemini's embeddings in a version of their own."""
        is_newer = request.path.endswith((":embedContent", ":batchEmbedContents"))
        if is_newer != request.path.startswith("/v1beta1/"):
            raise Refusal(f"{request.path} is not found", 404)
        return super().reply(replace(request, path=request.path.replace("/v1beta1/", "/v1/", 1)))

    def call(self, model: str, call: str, body: Json) -> Reply:
        """The answer of one call of the interface."""
        if call in EMBEDDING and ("gemini" in model) == (call == "predict"):
            raise Refusal(f"Precondition check failed: {call} is not for {model}")
        if call == "predict":
            return Reply(predictions(body))
        if call == "embedContent":
            schema.check(body, EmbedContent)
            return Reply({"embedding": vector(body), "usageMetadata": {"promptTokenCount": 7}, "truncated": False})
        if call == "batchEmbedContents":
            schema.check(body, BatchEmbedContents)
            vectors = [vector(each) for each in body["requests"]]
            return Reply({"embeddings": vectors, "usageMetadata": {"promptTokenCount": 7 * len(vectors)}})
        return super().call(model, call, body)


def decoded(text: str) -> bytes:
    """Base64 without its padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def vector(request: Json) -> Json:
    """What a model of Gemini's makes of a text."""
    text = "".join(part["text"] for part in request["content"]["parts"])
    return {"values": script.embedding(text, request.get("embedContentConfig", {}).get("outputDimensionality", 8))}


def predictions(body: Json) -> Json:
    """A vector for each text."""
    schema.check(body, Predict)
    if not 1 <= len(body["instances"]) <= 250:
        raise Refusal("there must be 1 to 250 instances")
    dimensions = (body.get("parameters") or {}).get("outputDimensionality", 8)
    statistics = {"truncated": False, "token_count": 7}
    return {
        "predictions": [
            {"embeddings": {"values": script.embedding(each["content"], dimensions), "statistics": statistics}}
            for each in body["instances"]
        ]
    }
