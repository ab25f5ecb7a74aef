"""The examples' pinned packages are those that the tests run them with; the browser tests drive the examples."""

import json
import re

import gateway

EXAMPLES = gateway.ROOT / "examples"
VERSION = re.search(r'^version = "(.+)"$', (gateway.ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]


def pins(path: str) -> set[str]:
    return set(re.findall(r"^[\w-]+==\S+$", (gateway.ROOT / path).read_text(), re.MULTILINE))


def test_the_fastapi_example_names_what_the_tests_install_and_this_version() -> None:
    example = pins("examples/fastapi/requirements.txt")
    assert f"behest-ai=={VERSION}" in example
    assert example - {f"behest-ai=={VERSION}"} <= pins("tests/clients/requirements.txt")


def test_the_express_example_pins_what_it_uses_and_takes_the_package_of_this_tree() -> None:
    dependencies = json.loads((EXAMPLES / "node-express/package.json").read_text())["dependencies"]
    assert dependencies.pop("@behest/client-ts") == "file:../../bindings-node"
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in dependencies.values()), dependencies
