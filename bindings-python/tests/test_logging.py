"""The package is silent, unless `BEHEST_LOG` asks; and what it says then holds no secret and no prompt."""

import programs
from scripted import Exchange, completion, serving

CANARY = "canary-in-a-coal-mine"
PROGRAM = f"""
    import sys
    from behest import BehestError, SyncBehest
    client = SyncBehest()
    messages = [{{"role": "user", "content": "{CANARY}"}}]
    client.chat.completions.create(messages=messages, user_id="ann")
    list(client.chat.completions.create(messages=messages, user_id="ann", stream=True))
    client.chat.completions.create(messages=messages, token="{CANARY}", headers={{"x-secret": "{CANARY}"}})
    try:
        client.chat.completions.create(messages=messages, user_id="admin", metadata={{"secret": "{CANARY}"}})
    except BehestError as error:
        print(repr(error), error)
"""


class Flaky:
    """Fails at every other call, so that there is something to tell."""

    def __init__(self) -> None:
        self.calls = 0

    async def __call__(self, exchange: Exchange) -> None:
        self.calls += 1
        if self.calls % 2:
            await exchange.refuse(503, "unavailable", retry_after="0")
        elif exchange.json.get("stream"):
            await exchange.begin()
            await exchange.chunk(CANARY)
            await exchange.done()
        else:
            await exchange.answer(completion(CANARY))


def test_it_is_silent() -> None:
    with serving(Flaky()) as server:
        assert CANARY not in programs.run(PROGRAM, server.environment)


def test_a_trace_holds_no_secret_and_no_prompt() -> None:
    with serving(Flaky()) as server:
        process = programs.start(PROGRAM, server.environment | {"BEHEST_LOG": "trace"})
        out, err = process.communicate(timeout=programs.SECONDS)
        assert process.returncode == 0, err
        assert "trying the call again" in err
        for secret in (CANARY, server.options["key"], "token-1-of-ann"):
            assert secret not in out + err
