"""Prints how many milliseconds pass from the import of a client to its first answer, in a process that is new."""

import time

began = time.perf_counter()

import asyncio
import json
import os
import sys

from clients import CLIENTS, Task


async def call(told, task):
    await CLIENTS[told["system"], "async"](task).call()


def main():
    told = json.loads(sys.argv[1])
    task = Task(told)
    if told["mode"] == "async":
        asyncio.new_event_loop().run_until_complete(call(told, task))
    else:
        CLIENTS[told["system"], "sync"](task).call()
    print((time.perf_counter() - began) * 1e3, flush=True)
    os._exit(0)


main()
