"""The `behest` command, as the console script and `python -m behest` start it."""

import signal
import sys

from behest._native import run_cli


def main() -> int:
    """Runs the command with this process's arguments and returns its exit code."""
    # Python's handler would act only once the command has returned. A signal that the parent had ignored stays ignored.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    return run_cli(sys.argv[1:])
