"""What the SDK bench measures, but for how clients end."""

from statistics import median

from machine import say

SYSTEMS = {"python": ["behest", "openai", "httpx"], "node": ["behest", "openai", "fetch"]}
MODES = {"python": ["async", "sync"], "node": ["async"]}

# leg: what is done, the delay between chunks in ms, and how many at a time; where the mode is sync, each is a thread.
LEGS = {
    "calls": ("call", 0, {"async": 64, "sync": 8}),
    "flat": ("stream", 0, {"async": 16, "sync": 4}),
    "paced": ("stream", 20, {"async": 100, "sync": 100}),
}
IMPORTS = {
    "behest": "from behest import Behest",
    "openai": "from openai import AsyncOpenAI",
    "httpx": "from httpx import AsyncClient",
}
HOLD = {"streams": 1000, "open_each": 0.002, "patience": 10}
HOLD_CHUNK_DELAY_MS = 50
# work: how much of it comes before the first sample (V8 sizes its heap by then), how much is done at a time, and the delay
# between chunks in ms.
MEMORY = {"calls": (60_000, 64, 0), "streams": (15_000, 20, 20)}
SAMPLES = 20


def kinds(languages):
    return [(language, mode) for language in languages for mode in MODES[language]]


def load(clients, languages, legs, rounds, warm_up, seconds):
    """Every leg of every client, turn by turn. The key is language, mode, system and leg."""
    found = {}
    for number in range(rounds):
        for language, mode in kinds(languages):
            for leg in legs:
                work, chunk_delay, concurrency = LEGS[leg]
                clients.upstream.delay(0, chunk_delay)
                # Each round begins with another one, so that no client is always measured first.
                names = SYSTEMS[language]
                shift = number % len(names)
                for system in names[shift:] + names[:shift]:
                    say(f"round {number + 1} of {rounds}: {language} {mode}, {leg}, {system}")
                    told = clients.told(
                        system, mode=mode, work=work, concurrency=concurrency[mode], warm_up=warm_up, seconds=seconds
                    )
                    run = clients.run(language, "load", told)
                    found.setdefault(f"{language} {mode} {system} {leg}", []).append(run)
    return found


def starts(clients, languages, times):
    """The milliseconds of imports and of first calls, each in a fresh process."""
    clients.upstream.delay(0, 0)
    found = {}

    def note(key, value):
        found.setdefault(key, []).append(value)

    # The first one of each compiles and caches what is imported.
    for number in range(times + 1):
        say(f"starts: {number} of {times}")
        kept = note if number else lambda *_: None
        if "python" in languages:
            for system in SYSTEMS["python"]:
                kept(f"python async {system} import_ms", python_import(clients, IMPORTS[system]))
                for mode in MODES["python"]:
                    told = clients.told(system, mode=mode)
                    kept(f"python {mode} {system} first_call_ms", clients.run("python", "first_call", told))
        if "node" in languages:
            for system in SYSTEMS["node"]:
                told = clients.told(system)
                for name, value in clients.run("node", "first_call", told).items():
                    kept(f"node async {system} {name}", value)
    return found


def python_import(clients, line):
    program = f"import time; began = time.perf_counter(); {line}; print((time.perf_counter() - began) * 1e3)"
    return float(clients.output([clients.python, "-c", program]))


def mint(clients, languages, seconds):
    """Tokens signed one after the other, without a gateway."""
    options = {"key": new_private_key(clients), "kid": "sk_bench"}
    found = {}
    for language, mode in kinds(languages):
        say(f"mint by local signing: {language} {mode}")
        ids = ("tenant_id", "project_id", "base_url") if language == "python" else ("tenantId", "projectId", "baseUrl")
        named = dict(zip(ids, ("bench", "bench", f"http://{clients.upstream.address}"), strict=True))
        told = clients.told("behest", mode=mode, options=options | named, seconds=seconds)
        found[f"{language} {mode}"] = clients.run(language, "mint", told)
    return found


def new_private_key(clients):
    program = (
        'const { privateKey } = require("node:crypto").generateKeyPairSync("rsa", { modulusLength: 2048 });'
        'console.log(privateKey.export({ type: "pkcs8", format: "pem" }))'
    )
    return clients.output(["node", "-e", program])


def hold(clients, rounds, seconds):
    """The longest time that an event loop was held while it ran many streams."""
    clients.upstream.delay(0, HOLD_CHUNK_DELAY_MS)
    # Both cores: an event loop that waits for its own process's other threads is not held.
    cores = f"{clients.core},{clients.upstream.core}"
    found = {}
    for _ in range(rounds):
        for system in ("behest", "openai"):
            say(f"hold of the event loop: {system}")
            told = clients.told(system, seconds=seconds, **HOLD)
            found.setdefault(system, []).append(clients.run("python", "hold", told, 60, cores))
    return found


def memory(clients, languages, counts):
    """Resident memory over many calls, and over many streams that are given up."""
    found = {}
    for language in languages:
        for work, (warm_up, concurrency, chunk_delay) in MEMORY.items():
            say(f"memory: {language}, {counts[work]:,} {work}")
            clients.upstream.delay(0, chunk_delay)
            told = clients.told(
                "behest",
                mode="async",
                work=work,
                count=counts[work],
                warm_up=min(warm_up, counts[work]),
                concurrency=concurrency,
                sample_each=counts[work] // SAMPLES,
            )
            samples = sorted(clients.run(language, "memory", told, patience=180))
            found[f"{language} {work}"] = {"samples": samples, "open_afterwards": clients.upstream.stats()["open"]}
    return found


def slope(samples):
    """Bytes a piece of work, by least squares."""
    middle = sum(count for count, _ in samples) / len(samples)
    level = sum(resident for _, resident in samples) / len(samples)
    spread = sum((count - middle) ** 2 for count, _ in samples)
    return sum((count - middle) * (resident - level) for count, resident in samples) / spread


def per_second(runs, counted, by):
    """The median over the rounds of what was counted, by the seconds or the CPU seconds."""
    return median(run[counted] / max(run[by], 1e-3) for run in runs)
