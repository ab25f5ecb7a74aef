"""Runs many streams in one event loop and prints for how long a 1 ms ticker of that loop had to wait at worst."""

import asyncio
import json
import os
import sys
import time

from clients import CLIENTS, Task
from load import between, now

TICK = 0.001
WAVE = 10  # streams opened at a time: a program's requests do not all come in the same instant


class Ticker:
    """Wants to run each millisecond, and notes the time between two of its runs and what of it this thread computed."""

    def __init__(self, loop):
        self.loop, self.gaps = loop, []
        self.last, self.last_cpu = time.perf_counter(), time.thread_time()
        self.tick()

    def tick(self):
        moment, cpu = time.perf_counter(), time.thread_time()
        self.gaps.append((moment - self.last, cpu - self.last_cpu))
        self.last, self.last_cpu = moment, cpu
        self.loop.call_later(TICK, self.tick)

    def take(self):
        gaps, self.gaps = sorted(self.gaps), []
        (longest, computed), (p99, _) = gaps[-1], gaps[int(len(gaps) * 0.99)]
        return {
            "longest_ms": longest * 1e3,
            "longest_computed_ms": computed * 1e3,
            "p99_ms": p99 * 1e3,
            "ticks": len(gaps),
        }


async def run(told, task):
    client = CLIENTS[told["system"], "async"](task)
    # The first call brings the token and whatever else is done once.
    await client.call()

    async def repeat():
        while True:
            await client.stream()

    ticker = Ticker(asyncio.get_running_loop())
    streams = []
    # A client that cannot keep up is measured with the streams that it has by then.
    deadline = time.monotonic() + told["patience"]
    while len(streams) < told["streams"] and time.monotonic() < deadline:
        streams += [asyncio.create_task(repeat()) for _ in range(WAVE)]
        await asyncio.sleep(WAVE * told["open_each"])
    while task.streams < told["streams"] and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    opening, begun, before = ticker.take(), task.streams, now(task)
    await asyncio.sleep(told["seconds"])
    running, after = ticker.take(), now(task)
    for stream in streams:
        # One that is done has failed: none of them ends by itself.
        if stream.done():
            stream.result()
    return {"opening": opening, "running": running, "begun": begun, **between(before, after)}


def main():
    told = json.loads(sys.argv[1])
    figures = asyncio.new_event_loop().run_until_complete(run(told, Task(told)))
    print(json.dumps(figures), flush=True)
    os._exit(0)


main()
