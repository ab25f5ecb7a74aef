"""Vertex: Gemini's form, called with a token that a service account's signature buys."""

import base64
import json
import pathlib
import re
import secrets
import tempfile
import time
from typing import Required, TypedDict

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from providers import schema, script
from providers.fake import Json, Refusal, Reply, Request
from providers.gemini import Gemini

PROJECT, LOCATION = "fake-project-7", "europe-west4"
EMAIL = f"tests@{PROJECT}.iam.gserviceaccount.com"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
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


class Vertex(Gemini):
    """Vertex, and the server that gives its tokens."""

    name = "vertex"
    key = "ya29.fake-"
    key_header = ("authorization", "Bearer ")
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

    def call(self, model: str, call: str, body: Json) -> Reply:
        """The answer of one call of the interface."""
        if call == "predict":
            return Reply(predictions(body))
        if call == "batchEmbedContents" or re.search(r'"functionResponse": \{[^}]*"id"', json.dumps(body)):
            raise Refusal("only Gemini's own interface has this", 404)
        return super().call(model, call, body)


def decoded(text: str) -> bytes:
    """Base64 without its padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def predictions(body: Json) -> Json:
    """A vector for each text."""
    schema.check(body, Predict)
    dimensions = (body.get("parameters") or {}).get("outputDimensionality", 8)
    statistics = {"truncated": False, "token_count": 7}
    return {
        "predictions": [
            {"embeddings": {"values": script.embedding(each["content"], dimensions), "statistics": statistics}}
            for each in body["instances"]
        ]
    }
