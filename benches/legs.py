"""What every leg of the gateway's bench asks for, and how fast."""

from typing import NamedTuple

from bodies import PLAIN, STREAM, translated

CHUNK_DELAY_MS = 5
RATE = 200
STREAM_RATE = 50


class Leg(NamedTuple):
    """One kind of load."""

    name: str
    body: dict
    rate: int | None  # requests/s; `None` for a closed loop
    delay_ms: int = 0  # before the answer
    chunk_delay_ms: int = 0  # between the events of a stream
    connections: int | None = None  # as many as the caller says when absent
    translated: bool = False  # for Behest only, which alone translates


# In this order in every round: what is compared to another leg comes right after it.
ROUND = [
    Leg("closed", PLAIN, None),
    Leg("open", PLAIN, RATE),
    Leg("translated", translated(PLAIN), RATE, translated=True),
    Leg("open_50ms", PLAIN, RATE, delay_ms=50),
    Leg("stream", STREAM, STREAM_RATE, chunk_delay_ms=CHUNK_DELAY_MS),
    Leg("translated_stream", translated(STREAM), STREAM_RATE, chunk_delay_ms=CHUNK_DELAY_MS, translated=True),
]

# One stream has 32 waits and takes 2.4 s.
STREAMS_300 = Leg("streams_300", STREAM, None, chunk_delay_ms=75, connections=300)
