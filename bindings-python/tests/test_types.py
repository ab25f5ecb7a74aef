"""Type checkers agree with the package, strictly; and the stubs agree with the native module."""

import pathlib
import subprocess
import sys

PACKAGE = pathlib.Path(__file__).parents[1]


def check(*command: str) -> None:
    finished = subprocess.run(
        [sys.executable, "-m", *command], cwd=PACKAGE, check=False, capture_output=True, text=True, timeout=110
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_pyright_is_content_in_its_strict_mode() -> None:
    check("basedpyright")


def test_the_stubs_are_those_of_what_is_there() -> None:
    check(
        "mypy.stubtest", "behest", "--allowlist", "tests/stubtest_allowlist.txt", "--mypy-config-file", "pyproject.toml"
    )
