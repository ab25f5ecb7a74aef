"""The quickstarts run as written, with only the base URL and the key changed."""

import json
import subprocess
import sys

import pytest

from gateway import ROOT, Gateway

MESSAGE = "Summarize this document"


def run(gateway: Gateway, *command: str) -> str:
    """Runs an example to its end and returns what it printed."""
    finished = subprocess.run(
        command, cwd=ROOT / "examples", env=gateway.environment, check=False, capture_output=True, text=True, timeout=60
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_the_python_quickstart_prints_an_answer(gateway: Gateway) -> None:
    assert MESSAGE in run(gateway, sys.executable, "quickstart.py")


def test_the_python_quickstart_streams_the_same_answer(gateway: Gateway) -> None:
    assert run(gateway, sys.executable, "quickstart_stream.py") == run(gateway, sys.executable, "quickstart.py")


def test_the_curl_quickstart_prints_an_answer_that_names_the_offline_model(gateway: Gateway) -> None:
    answer = json.loads(run(gateway, "sh", "quickstart.sh"))
    assert answer["model"] == "local/echo"
    assert MESSAGE in answer["choices"][0]["message"]["content"]


def test_the_curl_quickstart_streams_events_and_ends_with_done(gateway: Gateway) -> None:
    printed = run(gateway, "sh", "quickstart_stream.sh")
    assert "\r" not in printed
    events = [event for event in printed.split("\n\n") if event and not event.startswith(":")]
    assert all(event.startswith("data: ") for event in events)
    assert events[-1] == "data: [DONE]"
    chunks = [json.loads(event.removeprefix("data: ")) for event in events[:-1]]
    text = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)
    assert MESSAGE in text


@pytest.mark.parametrize("program", ["quickstart.py", "quickstart_stream.py"])
def test_a_python_quickstart_with_a_wrong_key_says_so(gateway: Gateway, program: str) -> None:
    finished = subprocess.run(
        [sys.executable, program],
        cwd=ROOT / "examples",
        env=gateway.environment | {"BEHEST_KEY": "behest_sk_live_" + "0" * 32},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert finished.returncode != 0
    assert "AuthenticationError" in finished.stderr
