"""What a program that is about to end must wait for, so that its end finds everything under way."""

import json
import time
import urllib.request

PATIENCE = 20  # seconds

# Neither a proxy nor whatever else the environment may say.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(base_url, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    with _opener.open(urllib.request.Request(f"{base_url}{path}", data), timeout=PATIENCE) as answer:
        return json.loads(answer.read())


def hold_answers(base_url, chunk_delay_ms):
    """From now on no answer begins; streams that have begun go on."""
    ask(base_url, "/settings", {"delay_ms": 600_000, "chunk_delay_ms": chunk_delay_ms})


def wait_for_open(base_url, count):
    """Waits until so many requests are open."""
    deadline = time.monotonic() + PATIENCE
    while (seen := ask(base_url, "/stats")["open"]) != count:
        if time.monotonic() > deadline:
            raise SystemExit(f"{seen} requests are open, and not {count}")
        time.sleep(0.002)
