"""TypeScript programs run on the packages that npm installed, as ES modules and as CommonJS."""

import json
import pathlib

import pytest

import environments
from environments import OPERATING_SYSTEM, Node, Tarballs
from gateway import Gateway

ANSWER = "You said: Summarize this document"


@pytest.fixture(scope="module")
def complaints(node: Node) -> str:
    """What the compiler says about all programs at its strictest."""
    return node.compile()


def test_the_types_pass_the_strictest_check_and_catch_mistakes(complaints: str) -> None:
    assert complaints == ""


@pytest.mark.usefixtures("complaints")
@pytest.mark.parametrize("name", ["quickstart.mjs", "quickstart.cjs"])
def test_a_quickstart_runs_as_both_kinds_of_module(node: Node, gateway: Gateway, name: str) -> None:
    said = json.loads(node.program(name, env=gateway.settings))
    assert said == {"user": "user-1", "answer": ANSWER, "streamed": ANSWER, "status": 401}


def test_on_a_processor_without_a_package_the_error_says_which_one_is_missing(node: Node) -> None:
    says = node.program("without_native.cjs", "riscv64")
    assert says.count(f"no native module for {OPERATING_SYSTEM} on riscv64") == 2
    assert f"install @behest/client-ts-{OPERATING_SYSTEM}-riscv64" in says


def test_where_npm_left_the_platform_package_out_the_error_says_what_to_do(
    tarballs: Tarballs, tmp_path: pathlib.Path
) -> None:
    environments.install(tmp_path, "--omit=optional", tarballs.main)
    says = Node(tmp_path).program("without_native.cjs")
    assert f"install @behest/client-ts-{OPERATING_SYSTEM}-" in says
    assert "--omit=optional" in says
