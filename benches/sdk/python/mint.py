"""Prints how many tokens a second are signed without a gateway, and the same by CPU second."""

import asyncio
import json
import os
import resource
import sys
import time


def cpu_seconds():
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime


async def mint_async(options, seconds):
    from behest import Behest

    client, minted = Behest(**options), 0
    await client.auth.mint(user_id="bench")
    began, cpu = time.perf_counter(), cpu_seconds()
    while time.perf_counter() < began + seconds:
        await client.auth.mint(user_id="bench")
        minted += 1
    return {"mints": minted, "seconds": time.perf_counter() - began, "cpu_seconds": cpu_seconds() - cpu}


def mint_sync(options, seconds):
    from behest import SyncBehest

    client, minted = SyncBehest(**options), 0
    client.auth.mint(user_id="bench")
    began, cpu = time.perf_counter(), cpu_seconds()
    while time.perf_counter() < began + seconds:
        client.auth.mint(user_id="bench")
        minted += 1
    return {"mints": minted, "seconds": time.perf_counter() - began, "cpu_seconds": cpu_seconds() - cpu}


def main():
    told = json.loads(sys.argv[1])
    if told["mode"] == "async":
        figures = asyncio.new_event_loop().run_until_complete(mint_async(told["options"], told["seconds"]))
    else:
        figures = mint_sync(told["options"], told["seconds"])
    print(json.dumps(figures), flush=True)
    os._exit(0)


main()
