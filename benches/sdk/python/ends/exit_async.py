"""The interpreter exits while streams of an event loop that nobody closed are under way."""

import asyncio
import json
import sys

from upstream import wait_for_open

from behest import Behest

told = json.loads(sys.argv[1])
kept = []


async def main():
    client = Behest(key=told["key"], base_url=told["base_url"])
    for _ in range(told["streams"]):
        stream = await client.chat.completions.create(**told["stream"])
        await anext(stream)
        kept.append(stream)
    await asyncio.to_thread(wait_for_open, told["base_url"], told["streams"])


loop = asyncio.new_event_loop()
loop.run_until_complete(main())
sys.exit(0)
