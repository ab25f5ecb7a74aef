"""`asyncio.run` ends while streams are being read, while others are only held, and while calls wait.

The process goes on, and sees that every request has ended at the upstream.
"""

import asyncio
import json
import sys

from upstream import hold_answers, wait_for_open

from behest import Behest

told = json.loads(sys.argv[1])
base_url, streams, calls = told["base_url"], told["streams"], told["calls"]
kept = []


async def read(stream):
    async for _ in stream:
        pass


async def main():
    client = Behest(key=told["key"], base_url=base_url)
    create = client.chat.completions.create
    opened = [await create(**told["stream"]) for _ in range(streams)]
    for number, stream in enumerate(opened):
        await anext(stream)
        kept.append(asyncio.create_task(read(stream)) if number % 2 else stream)
    hold_answers(base_url, told["chunk_delay_ms"])
    kept.extend(asyncio.create_task(create(**told["plain"])) for _ in range(calls))
    await asyncio.to_thread(wait_for_open, base_url, streams + calls)


asyncio.run(main())
kept.clear()
wait_for_open(base_url, 0)
