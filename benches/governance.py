"""What limits, budgets and reservations cost: the same gateway without them and with all of them, turn by turn."""

from statistics import median

from bodies import prompt_of
from legs import RATE, Leg
from machine import say
from systems import Behest
from table import markdown

PROMPTS = (100, 8_000)  # tokens, about
MOST_ADDED = 150  # µs
LEAST_SHARE = 0.75  # of the requests/s without
OFF = "\n[limits]\nenabled = false\n"
MOST = 1_000_000_000_000
TIER = {"rpm_limit": MOST, "requests_per_day": MOST, "tokens_per_day": MOST, "tokens_per_month": MOST,
        "concurrency_limit": MOST}  # fmt: skip
SETTINGS = {"rpm_limit": MOST, "concurrency_limit": MOST, "tokens_per_day": MOST}
BUDGETS = {"project": "month", "user": "day", "session": "total", "tag": "day", "model": "month"}


def legs():
    for tokens in PROMPTS:
        body = prompt_of(tokens)
        yield tokens, Leg(f"governance_{tokens}_closed", body, None), Leg(f"governance_{tokens}_open", body, RATE)


class Ungoverned(Behest):
    """Nothing is counted beforehand; an API key asks."""

    def __init__(self, *place):
        super().__init__(*place, name="off", limits=OFF)

    def begin(self, body):
        self.start_to_first_answer(body)


class Governed(Behest):
    """Every layer there is holds for a user of a tier, and none of them is reached."""

    def __init__(self, *place):
        tier = "".join(f"{name} = {value}\n" for name, value in TIER.items())
        limits = f'\n[[tiers]]\nproject = "*"\nname = "bench"\n{tier}'
        for scope, window in BUDGETS.items():
            limits += f'\n[[budgets]]\nproject = "*"\nname = "{scope}"\nscope = "{scope}"\nwindow = "{window}"\nlimit_usd = 9000000\n'
            limits += 'tag = "team"\n' if scope == "tag" else ""
        super().__init__(*place, name="on", limits=limits)

    def begin(self, body):
        self.start_to_first_answer(body)
        project = self.mint(session_id="bench", tier="bench", tags={"team": "bench"})
        self.control("PUT", f"/v1/projects/{project}/settings", SETTINGS)
        self.control("POST", f"/v1/projects/{project}/deploy")


def measure(off, on, load, rounds, warm_up, seconds):
    """Figures of each prompt, round by round; `load` runs a leg and tells what it saw."""
    found = {tokens: [] for tokens in PROMPTS}
    for number in range(rounds):
        for tokens, closed, opened in legs():
            # Each round begins with the other one.
            turns = (off, on) if number % 2 == 0 else (on, off)
            runs = {system.name: {} for system in turns}
            for leg in (closed, opened):
                for system in turns:
                    say(f"round {number + 1} of {rounds}: {leg.name}, {system.name}")
                    load(system, leg, warm_up)
                    runs[system.name]["open" if leg.rate else "closed"] = load(system, leg, seconds)
            found[tokens].append(runs)
    return found


def problems(found):
    return [
        f"governance {name}, {tokens} tokens, {leg}: bad answers {run['errors']}"
        for tokens, rounds in found.items()
        for runs in rounds
        for name, legs in runs.items()
        for leg, run in legs.items()
        if run["errors"]
    ]


def figures(rounds):
    """The medians over the rounds; differences and shares are taken round by round."""

    def of(name, take):
        return median(take(runs[name]) for runs in rounds)

    def rate(legs):
        return legs["closed"]["requests_per_second"]

    def cpu(legs):
        return legs["closed"]["cpu_seconds"] / max(legs["closed"]["ok"], 1) * 1e6

    def latency(percentile):
        return lambda legs: legs["open"]["latency"][percentile]

    takes = {"rate": rate, "cpu": cpu, "p50": latency("p50"), "p99": latency("p99")}
    found = {measure: (of("off", take), of("on", take)) for measure, take in takes.items()}
    found["share"] = median(rate(runs["on"]) / rate(runs["off"]) for runs in rounds)
    for percentile in ("p50", "p99"):
        take = latency(percentile)
        found[f"added_{percentile}"] = median(take(runs["on"]) - take(runs["off"]) for runs in rounds)
    return found


def tables(found):
    """What was seen, then what there is to reach."""
    rows, goals = [], []
    for tokens, rounds in found.items():
        seen = figures(rounds)
        title = f"prompt of {tokens:,} tokens"
        for measure, what in (("rate", "requests/s, closed loop"), ("cpu", "CPU of a request in the closed loop, µs"),
                              ("p50", "p50, µs"), ("p99", "p99, µs")):  # fmt: skip
            off, on = seen[measure]
            rows.append([f"{title}: {what}", f"{off:,.0f}", f"{on:,.0f}", f"{on - off:+,.0f}", f"{on / off:.2f}"])
        added, share = seen["added_p50"], seen["share"]
        for goal in (
            ("added p50, µs", f"{added:,.0f}", f"at most {MOST_ADDED}", added <= MOST_ADDED),
            ("requests/s, on / off", f"{share:.2f}", f"at least {LEAST_SHARE}", share >= LEAST_SHARE),
        ):
            goals.append([f"{title}: {goal[0]}", *goal[1:3], "yes" if goal[3] else "NO"])
    return [
        markdown(["governance", "off", "on", "on - off", "on / off"], rows),
        markdown(["goal of governance", "measured", "to reach", "reached"], goals),
    ]
