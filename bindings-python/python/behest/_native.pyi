from collections.abc import Sequence

def version() -> str:
    """Returns the version of Behest that this module was built from."""

def run_cli(arguments: Sequence[str]) -> int:
    """Runs the `behest` command with the arguments behind its name and returns its exit code."""
