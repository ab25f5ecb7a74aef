"""Asks one address with one client, again and again, and prints what was done in the measured time and what it cost."""

import asyncio
import json
import os
import resource
import sys
import threading
import time

from clients import CLIENTS, Task


def now(task):
    """Where the count stands, and the CPU time of all threads of this process so far."""
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": time.perf_counter(),
        "cpu_seconds": spent.ru_utime + spent.ru_stime,
        "calls": task.calls,
        "chunks": task.chunks,
    }


def between(before, after):
    return {name: after[name] - before[name] for name in before}


async def measure_async(task, work, told):
    async def repeat():
        while not task.stopped:
            await work()

    workers = [asyncio.create_task(repeat()) for _ in range(told["concurrency"])]
    await asyncio.sleep(told["warm_up"])
    before = now(task)
    await asyncio.sleep(told["seconds"])
    after = now(task)
    for worker in workers:
        # One that is done has failed: none of them ends by itself.
        if worker.done():
            worker.result()
    return between(before, after)


def measure_sync(task, work, told):
    failures = []

    def repeat():
        try:
            while not task.stopped:
                work()
        except Exception as error:  # noqa: BLE001, whatever it is, the main thread raises it
            failures.append(error)

    for _ in range(told["concurrency"]):
        threading.Thread(target=repeat, daemon=True).start()
    time.sleep(told["warm_up"])
    before = now(task)
    time.sleep(told["seconds"])
    after = now(task)
    if failures:
        raise failures[0]
    return between(before, after)


def main():
    told = json.loads(sys.argv[1])
    task = Task(told)
    if told["mode"] == "async":

        async def run():
            client = CLIENTS[told["system"], "async"](task)
            return await measure_async(task, getattr(client, told["work"]), told)

        loop = asyncio.new_event_loop()
        figures = loop.run_until_complete(run())
    else:
        client = CLIENTS[told["system"], "sync"](task)
        figures = measure_sync(task, getattr(client, told["work"]), told)
    print(json.dumps(figures), flush=True)
    # How clients end is another measurement's business.
    os._exit(0)


if __name__ == "__main__":
    main()
