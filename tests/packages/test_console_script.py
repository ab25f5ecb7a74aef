"""The wheel alone brings the `behest` command."""

import os
import subprocess

import pytest

from environments import VERSION, Python, attempt, run
from gateway import ROOT, Gateway

# Not those that start as many processes as there are ways to break one: they are about the gateway.
OWN_TESTS = "package(behest-cli) & test(/^(arguments|gateway_serve|help|serve)::/)"


@pytest.fixture(params=["console script", "python -m"])
def command(request: pytest.FixtureRequest, python: Python) -> list[str]:
    """Either way to start it."""
    return [str(python.behest)] if request.param == "console script" else [str(python.interpreter), "-m", "behest"]


def test_it_tells_the_version(python: Python, command: list[str]) -> None:
    assert run(python.folder, *command, "--version") == f"behest {VERSION}\n"


def test_its_help_calls_it_behest(python: Python, command: list[str]) -> None:
    assert "Usage: behest chat [OPTIONS]" in run(python.folder, *command, "chat", "--help")


def test_it_chats(python: Python, command: list[str], gateway: Gateway) -> None:
    assert "It works" in run(python.folder, *command, "chat", "It works", env=gateway.settings)


def test_it_fails_as_the_binary_does(python: Python, command: list[str]) -> None:
    finished = attempt(python.folder, *command, "chat", "Anybody?", env={"BEHEST_BASE_URL": "http://127.0.0.1:9"})
    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr.startswith("error: ")
    assert "Traceback" not in finished.stderr


def test_it_passes_the_tests_of_the_command(python: Python) -> None:
    """Signals, drains, exit codes, what goes to which stream: everything that the binary's own tests look at."""
    subprocess.run(
        ["cargo", "nextest", "run", "--workspace", "--locked", "--filterset", OWN_TESTS],
        cwd=ROOT,
        env=os.environ | {"BEHEST_BIN": str(python.behest)},
        check=True,
    )
