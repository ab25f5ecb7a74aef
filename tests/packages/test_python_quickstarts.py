"""Python programs run on the wheel that pip installed."""

import subprocess

import pytest

import environments
from environments import PROGRAMS, Python
from gateway import STOP_SECONDS, Gateway, read_ready

ANSWER = "You said: Summarize this document\n"


@pytest.mark.parametrize("name", ["chat.py", "chat_sync.py", "stream.py", "stream_sync.py"])
def test_a_quickstart_prints_the_answer(python: Python, gateway: Gateway, name: str) -> None:
    assert python.program(name, env=gateway.settings) == ANSWER


def test_a_token_is_minted_for_a_user_and_opens_the_gateway(python: Python, gateway: Gateway) -> None:
    assert python.program("mint.py", env=gateway.settings) == f"user-1\n{ANSWER}"


def test_the_command_serves_in_a_process_that_used_the_sdk_before(python: Python, gateway: Gateway) -> None:
    data_dir = python.folder / "data"
    process = subprocess.Popen(
        [python.interpreter, PROGRAMS / "serve_beside_the_sdk.py", data_dir],
        env=environments.clean(python.folder, gateway.settings | {"BEHEST_LOG": "debug"}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert read_ready(process)["data_dir"] == str(data_dir)
        process.terminate()
        _, log = process.communicate(timeout=STOP_SECONDS)
    finally:
        process.kill()
    assert process.returncode == 0, log
    assert "panicked" not in log
