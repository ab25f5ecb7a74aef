"""Whether programs end in silence, and every request with them, while streams and calls are under way."""

import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from machine import say
from sdk.clients import Clients
from systems import PATIENCE, Upstream

STREAMS, CALLS = 8, 4
CHUNK_DELAY_MS = 10
LANES = 2
CLOSED_LOOP = "Event loop is closed"

# title, language, program, and how many calls wait beside the streams
KINDS = [
    ("Python: asyncio.run ends", "python", "ends/loop", CALLS),
    ("Python: exit, streams of a loop", "python", "ends/exit_async", 0),
    ("Python: exit, streams in threads", "python", "ends/exit_sync", CALLS),
    ("Node: process.exit", "node", "ends/exit", CALLS),
    ("Node: worker.terminate", "node", "ends/terminate", CALLS),
]


def measure(root, work, binaries, chunks, languages, runs):
    """Runs every program so many times, two at a time; each lane has an upstream of its own, which it can question."""
    upstreams = []
    try:
        for core in range(LANES):
            folder = work / f"lane-{core}"
            folder.mkdir(mode=0o700)
            upstreams.append(Upstream(core, folder, binaries, chunks))
            upstreams[-1].start()
        found = {}
        with ThreadPoolExecutor(LANES) as lanes:
            for title, language, program, calls in KINDS:
                if language not in languages:
                    continue
                say(f"{runs} ends: {title}")
                # What a lane is told is the same for all of its runs.
                shares = [runs // LANES + (lane < runs % LANES) for lane in range(LANES)]
                work_of = [
                    lanes.submit(repeat, Clients(root, core, work, upstream), language, program, calls, share)
                    for core, (upstream, share) in enumerate(zip(upstreams, shares, strict=True))
                ]
                found[title] = summarise([outcome for lane in work_of for outcome in lane.result()])
        return found
    finally:
        for upstream in upstreams:
            upstream.stop()


def repeat(clients, language, program, calls, times):
    clients.upstream.delay(0, CHUNK_DELAY_MS)
    told = clients.told("behest", streams=STREAMS, calls=calls, chunk_delay_ms=CHUNK_DELAY_MS)
    command = clients.command(language, program, told)
    return [end_once(clients, command, calls) for _ in range(times)]


def end_once(clients, command, calls):
    """One program's end: what it printed, how it ended, and the requests that the upstream still has afterwards."""
    upstream = clients.upstream
    upstream.delay(0, CHUNK_DELAY_MS)
    before = upstream.stats()
    try:
        ended = subprocess.run(
            ["taskset", "-c", str(clients.core), *command],
            check=False,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env=clients.environment,
        )
    except subprocess.TimeoutExpired:
        return {"printed": "", "status": "did not end", "open": 0, "began": False}
    deadline = time.monotonic() + PATIENCE
    while (stats := upstream.stats())["open"] and time.monotonic() < deadline:
        time.sleep(0.001)
    return {
        "printed": ended.stderr + ended.stdout,
        "status": ended.returncode,
        "open": stats["open"],
        "began": stats["streams"] - before["streams"] == STREAMS,
    }


def summarise(outcomes):
    """Counts, and the first few texts."""
    printed = [outcome["printed"] for outcome in outcomes if outcome["printed"]]
    return {
        "runs": len(outcomes),
        "printed": len(printed),
        "closed_loop": sum(CLOSED_LOOP in text for text in printed),
        "failed": sum(outcome["status"] != 0 or not outcome["began"] for outcome in outcomes),
        "left_open": sum(outcome["open"] > 0 for outcome in outcomes),
        "texts": [text[:2000] for text in printed[:3]],
        "statuses": sorted({json.dumps(outcome["status"]) for outcome in outcomes}),
    }
