"""Serves with the command in a process whose SDK has a log, connections and signal handlers already."""

import sys

from behest import SyncBehest
from behest._native import run_cli

with SyncBehest() as behest:
    behest.models.list()
    sys.exit(run_cli(["serve", "--port", "0", "--json", "--no-profile", "--data-dir", sys.argv[1]]))
