"""Prints the resident memory of a Python process over many calls, and over many streams that are given up."""

import asyncio
import json
import os
import sys
from pathlib import Path

from clients import CLIENTS, Task

PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


async def abandon(task, create, number):
    """Reads one chunk, and leaves the loop or lets the stream go."""
    stream = await create(**task.stream)
    if number % 2:
        async for _ in stream:
            break
    else:
        await anext(stream)


async def run(told, task):
    client = CLIENTS["behest", "async"](task)

    async def call(_):
        await client.call()

    async def stream(number):
        await abandon(task, client.create, number)

    work, numbers = {"calls": call, "streams": stream}[told["work"]], iter(range(told["warm_up"] + told["count"]))
    samples = []

    async def repeat():
        for number in numbers:
            await work(number)
            if number >= told["warm_up"] and (number + 1 - told["warm_up"]) % told["sample_each"] == 0:
                samples.append((number + 1 - told["warm_up"], resident_bytes()))

    await asyncio.gather(*(repeat() for _ in range(told["concurrency"])))
    return samples


def main():
    told = json.loads(sys.argv[1])
    samples = asyncio.new_event_loop().run_until_complete(run(told, Task(told)))
    print(json.dumps(samples), flush=True)
    os._exit(0)


main()
