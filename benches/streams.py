"""300 streams at once: that none of them loses an event, and what memory they take."""

import threading
import time

from legs import STREAMS_300
from machine import say
from table import NAMES, markdown

AT_ONCE = STREAMS_300.connections
SAMPLE_EACH = 0.5  # seconds
SETTLE = 2  # seconds after the last stream


class Memory:
    """The resident memory of a process at the begin of something, and the highest seen until its end."""

    def __init__(self, child):
        self.child, self.over = child, threading.Event()
        self.before = self.highest = None
        self.sampling = threading.Thread(target=self.sample, daemon=True)

    def __enter__(self):
        self.before = self.highest = self.child.resident_mb()
        self.sampling.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.sampling.join()

    def sample(self):
        while not self.over.wait(SAMPLE_EACH):
            self.highest = max(self.highest, self.child.resident_mb())


def measure(systems, load, seconds):
    """Each system with that many streams, one system after the other; `load` runs a leg and tells what it saw."""
    found = {}
    for system in systems:
        say(f"{AT_ONCE} streams at once for {seconds} s: {system.name}")
        with Memory(system.child) as memory:
            run = load(system, STREAMS_300, seconds)
            time.sleep(SETTLE)
        after = system.child.resident_mb()
        run["resident_mb"] = {"before": memory.before, "highest": memory.highest, "after": after}
        found[system.name] = run
    return found


def problems(found):
    """Streams that did not come to their end, and those that differ from each other or from what was sent."""
    wrong = []
    for name, run in found.items():
        title = f"{name}, {AT_ONCE} streams at once"
        if run["errors"]:
            wrong.append(f"{title}: bad answers {run['errors']}")
        if not run["ok"]:
            wrong.append(f"{title}: none was completed")
            continue
        wrong += [
            f"{title}: they should be all alike, and had {span(run[what])} {what}"
            for what in ("events", "bytes")
            if run[what]["least"] != run[what]["most"]
        ]
        # Would not be seen above if it happened to each of them.
        if run["events"] != found["direct"]["events"]:
            sent = found["direct"]["events"]
            wrong.append(f"{title}: {span(run['events'])} events came of {span(sent) if sent else 'an unknown number'}")
    return wrong


def span(seen):
    least, most = seen["least"], seen["most"]
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def streams_table(found):
    """What was seen, one column a system."""
    rows = {"streams completed": lambda run: f"{run['ok']:,}"}
    for what in ("events", "bytes"):
        rows[f"{what} in a stream"] = lambda run, what=what: span(run[what]) if run[what] else "–"
    for percentile in ("p50", "p99"):
        rows[f"first byte, {percentile}, µs"] = lambda run, at=percentile: f"{run['first_byte'][at]:,.0f}"
    for when, title in (("before", "before"), ("highest", "at its highest"), ("after", f"{SETTLE} s after")):
        rows[f"resident memory {title}, MB"] = lambda run, when=when: f"{run['resident_mb'][when]:.1f}"
    head = [f"{AT_ONCE} streams at once", *(NAMES[name] for name in found)]
    return markdown(head, [[title, *(show(run) for run in found.values())] for title, show in rows.items()])
