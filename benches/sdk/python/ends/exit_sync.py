"""The interpreter exits while threads read streams, while other streams are only held, and while calls wait."""

import json
import sys
import threading

from upstream import hold_answers, wait_for_open

from behest import SyncBehest

told = json.loads(sys.argv[1])
base_url, streams, calls = told["base_url"], told["streams"], told["calls"]
create = SyncBehest(key=told["key"], base_url=base_url).chat.completions.create
kept = []


def read(stream):
    for _ in stream:
        pass


for number in range(streams):
    stream = create(**told["stream"])
    next(stream)
    kept.append(stream)
    if number % 2:
        threading.Thread(target=read, args=(stream,), daemon=True).start()
hold_answers(base_url, told["chunk_delay_ms"])
for _ in range(calls):
    threading.Thread(target=lambda: create(**told["plain"]), daemon=True).start()
wait_for_open(base_url, streams + calls)
sys.exit(0)
