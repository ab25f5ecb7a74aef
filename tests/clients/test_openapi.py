"""The OpenAPI document is valid, and a client that a public generator makes from it can call the gateway."""

import importlib
import json
import pathlib
import subprocess
import sys
import types
import typing

import httpx
import openapi_spec_validator
import pytest

from gateway import Gateway

PACKAGE = "generated_behest_client"


@pytest.fixture(scope="module")
def document(gateway: Gateway) -> dict[str, typing.Any]:
    # Open to everyone, so without a credential.
    answer = httpx.get(f"{gateway.origin}/openapi.json")
    assert answer.status_code == 200
    return answer.json()


@pytest.fixture(scope="module")
def generated(
    document: dict[str, typing.Any], tmp_path_factory: pytest.TempPathFactory
) -> typing.Iterator[pathlib.Path]:
    """The folder of a freshly generated client, on the import path."""
    folder = tmp_path_factory.mktemp("openapi")
    (folder / "openapi.json").write_text(json.dumps(document))
    finished = subprocess.run(
        [pathlib.Path(sys.executable).with_name("openapi-python-client"), "generate"]
        + ["--path", folder / "openapi.json", "--meta", "none", "--output-path", folder / PACKAGE],
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    sys.path.insert(0, str(folder))
    yield folder / PACKAGE
    sys.path.remove(str(folder))


def operation(generated: pathlib.Path, method: str, path: str) -> types.ModuleType:
    """Finds the generated module of an operation, whatever its tag and id are."""
    for file in sorted(generated.glob("api/**/*.py")):
        text = file.read_text()
        if f'"method": "{method}"' in text and f'"url": "{path}"' in text:
            parts = file.relative_to(generated.parent).with_suffix("").parts
            return importlib.import_module(".".join(parts))
    raise AssertionError(f"the generated client has no call for {method} {path}")


def client(gateway: Gateway) -> typing.Any:
    module = importlib.import_module(f"{PACKAGE}.client")
    return module.AuthenticatedClient(base_url=gateway.origin, token=gateway.api_key)


def body(module: types.ModuleType, value: dict[str, typing.Any]) -> typing.Any:
    """Builds the generated class of the request body."""
    hint = typing.get_type_hints(module.sync_detailed)["body"]
    for candidate in typing.get_args(hint) or (hint,):
        if hasattr(candidate, "from_dict"):
            return candidate.from_dict(value)
    return value


def test_the_document_is_valid_openapi_3_1(document: dict[str, typing.Any]) -> None:
    assert document["openapi"].startswith("3.1")
    openapi_spec_validator.validate(document)


def test_the_generated_client_chats(generated: pathlib.Path, gateway: Gateway) -> None:
    chat = operation(generated, "post", "/v1/chat/completions")
    request = {"model": "gemini-2.5-flash", "messages": [{"role": "user", "content": "hello there"}]}
    answer = chat.sync_detailed(client=client(gateway), body=body(chat, request))
    assert answer.status_code == 200
    assert "hello there" in json.loads(answer.content)["choices"][0]["message"]["content"]


def test_the_generated_client_lists_the_models(generated: pathlib.Path, gateway: Gateway) -> None:
    models = operation(generated, "get", "/v1/models")
    answer = models.sync_detailed(client=client(gateway))
    assert answer.status_code == 200
    assert "local/echo" in {model["id"] for model in json.loads(answer.content)["data"]}
