"""Programs in processes of their own."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Mapping

SECONDS = 60


def start(program: str, environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """Starts a program; what it prints can be read as it comes."""
    return subprocess.Popen(
        # With every warning: none is to be ours.
        [sys.executable, "-u", "-W", "default", "-c", textwrap.dedent(program)],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(program: str, environment: Mapping[str, str], *, status: int = 0) -> str:
    """Runs a program to its end, which is silent on standard error, and gives what it printed."""
    return finish(start(program, environment), status=status)


def finish(process: subprocess.Popen[str], *, status: int = 0, silent: bool = True) -> str:
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == status, err
    if silent:
        assert err == "", err
    return out


def interrupt(process: subprocess.Popen[str]) -> None:
    """Presses Ctrl-C."""
    process.send_signal(signal.SIGINT)
