"""Chat while reports over a million records run: whether its calls wait for them."""

import subprocess
import threading
from contextlib import contextmanager
from statistics import median

from bodies import PLAIN
from legs import RATE, Leg
from machine import say
from systems import Behest, BenchError, call_json
from table import markdown

RECORDS = 1_000_000
PATIENCE = 600  # seconds
READERS = 2
LEG = Leg("beside_reports", PLAIN, RATE)
# The whole month of the records, once from the sums and once, by thread, from every single record.
MONTH = "from=2026-01-01T00:12:34Z&to=2026-01-31T00:10:30Z"
# Both have few rows: who reads the answers is on the load's core.
REPORTS = {"by team": "granularity=day&group_by=tag:team", "of each record": "granularity=day&group_by=thread"}


class WithHistory(Behest):
    """A gateway whose project has a month of records."""

    def __init__(self, *place):
        super().__init__(*place, name="history")

    def begin(self, body, binaries, records):
        self.start_to_first_answer(body)
        project = self.mint()
        self.stop()
        say(f"filling a ledger with {records:,} records")
        fill = [binaries / "ledger", "--database", self.work / "data/behest.db", "--fill", project]
        command = [*map(str, fill), "--records", str(records)]
        filled = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE)
        if filled.returncode != 0:
            raise BenchError(f"the ledger was not filled: {filled.stderr.strip()}")
        self.start_to_first_answer(body)

    def report(self, query):
        call_json(self.address, "GET", f"/v1/usage?{MONTH}&{query}",
                  headers={"Authorization": f"Bearer {self.api_key}"})  # fmt: skip


@contextmanager
def asked_without_pause(gateway, query):
    """As many readers as the gateway lets read at once; gives the number of their answers, once they have stopped."""
    stop, answers = threading.Event(), []

    def ask():
        while not stop.is_set():
            gateway.report(query)
            answers.append(query)

    readers = [threading.Thread(target=ask, daemon=True) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    try:
        yield answers
    finally:
        stop.set()
        for reader in readers:
            reader.join()


def measure(gateway, load, rounds, warm_up, seconds):
    """Runs of chat alone and beside each report, round by round."""
    found = {name: [] for name in ("alone", *REPORTS)}
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}: chat without reports")
        load(gateway, LEG, warm_up)
        found["alone"].append(load(gateway, LEG, seconds))
        for name, query in REPORTS.items():
            say(f"round {number + 1} of {rounds}: chat beside reports {name}")
            with asked_without_pause(gateway, query) as answers:
                run = load(gateway, LEG, seconds)
                run["reports"] = len(answers)
            found[name].append(run)
    return found


def problems(found):
    return [
        f"chat beside reports, {name}: bad answers {run['errors']}"
        for name, runs in found.items()
        for run in runs
        if run["errors"]
    ]


def reports_table(found):
    rows = []
    for name, runs in found.items():
        shown = [f"{median(run['latency'][at] for run in runs):,.0f}" for at in ("p50", "p99")]
        answered = "–" if name == "alone" else f"{median(run['reports'] for run in runs):,.0f}"
        title = "alone" if name == "alone" else f"beside reports {name}"
        rows.append([title, *shown, answered])
    return markdown([f"chat at {RATE} requests/s, µs", "p50", "p99", "reports read"], rows)
