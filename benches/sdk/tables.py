"""From what the SDK bench measured to its tables; pure."""

from statistics import median

from sdk.measurements import SYSTEMS, kinds, per_second, slope
from table import markdown, ratio

LOAD_ROWS = [  # leg, what is counted, by which time, title
    ("calls", "calls", "seconds", "calls/s"),
    ("calls", "calls", "cpu_seconds", "calls per CPU second"),
    ("flat", "chunks", "seconds", "chunks/s"),
    ("flat", "chunks", "cpu_seconds", "chunks per CPU second"),
    ("paced", "chunks", "cpu_seconds", "chunks per CPU second, paced"),
]
START_ROWS = [("import_ms", "import, ms"), ("first_call_ms", "import to first answer, ms")]
MEGABYTE = 1e6
MOST_HOLD_MS = 5
MOST_IMPORT_MS = 50
# What a process may grow by over all of its calls, and still be called flat.
FLAT_MEGABYTES = 2


def report(outcome):
    """Everything as Markdown that also reads well in a terminal."""
    facts = outcome["facts"]
    parts = [f"**PROBLEM: {problem}.**" for problem in outcome["problems"]]
    parts.append(
        f"{facts['date']}, commit {facts['commit']}, profile {facts['profile']}; {facts['machine']}.\n"
        f"{facts['versions']}.\nMedians; rounds: {facts['rounds']}, of {facts['seconds']} s a leg. "
        f"Answer {facts['answer_characters']} characters, stream {facts['stream_chunks']} chunks."
    )
    languages = facts["languages"]
    parts += [figures(outcome, language) for language in languages]
    parts += [table for table in (hold_table(outcome), memory_table(outcome), ends_table(outcome)) if table]
    parts.append(goals_table(outcome))
    return "\n\n".join(part for part in parts if part)


def figures(outcome, language):
    """The figures of one language's clients, side by side."""
    names, rows = SYSTEMS[language], []
    for _, mode in kinds([language]):
        prefix = f"{mode}: " if language == "python" else ""
        for leg, counted, by, title in LOAD_ROWS:
            values = [load_figure(outcome, language, mode, name, leg, counted, by) for name in names]
            rows.append(row(prefix + title, values, 0))
        for measure, title in START_ROWS:
            runs = [outcome["starts"].get(f"{language} {mode} {name} {measure}") for name in names]
            rows.append(row(prefix + title, [median(run) if run else None for run in runs], 1))
        minted = outcome["mint"].get(f"{language} {mode}")
        value = per_second([minted], "mints", "seconds") if minted else None
        rows.append(row(prefix + "tokens signed here/s", [value, None, None], 0))
    rows = [cells for cells in rows if any(cell != "–" for cell in cells[1:])]
    heads = [f"Behest / {name}" for name in names[1:]]
    return markdown([language.capitalize(), "Behest", *names[1:], *heads], rows) if rows else ""


def load_figure(outcome, language, mode, name, leg, counted, by):
    runs = outcome["load"].get(f"{language} {mode} {name} {leg}")
    return per_second(runs, counted, by) if runs else None


def row(title, values, decimals):
    shown = ["–" if value is None else f"{value:,.{decimals}f}" for value in values]
    return [title, *shown, *(ratio(values[0], value) for value in values[1:])]


def hold_table(outcome):
    if not outcome["hold"]:
        return ""
    rows = []
    for title, part, measure in (
        ("longest hold, ms", "running", "longest_ms"),
        ("what the loop's thread computed of it, ms", "running", "longest_computed_ms"),
        ("99th percentile, ms", "running", "p99_ms"),
        ("longest hold while they are opened, ms", "opening", "longest_ms"),
    ):
        values = [median(run[part][measure] for run in runs) for runs in outcome["hold"].values()]
        rows.append([title, *(f"{value:,.1f}" for value in values)])
    begun = [median(run["begun"] for run in runs) for runs in outcome["hold"].values()]
    rows.append(["streams that had begun", *(f"{value:,.0f}" for value in begun)])
    for title, counted, decimals in (("chunks/s", "chunks", 0), ("CPU of a core", "cpu_seconds", 2)):
        values = [per_second(runs, counted, "seconds") for runs in outcome["hold"].values()]
        rows.append([title, *(f"{value:,.{decimals}f}" for value in values)])
    return markdown(["asyncio with 1,000 streams", "Behest", "AsyncOpenAI"], rows)


def memory_table(outcome):
    if not outcome["memory"]:
        return ""
    rows = []
    for title, found in outcome["memory"].items():
        samples = found["samples"]
        language, work = title.split()
        named = f"{language.capitalize()}: {samples[-1][0]:,} {'calls' if work == 'calls' else 'abandoned streams'}"
        first, last = samples[0][1] / MEGABYTE, samples[-1][1] / MEGABYTE
        rows.append([named, f"{first:.1f}", f"{last:.1f}", f"{slope(samples):,.0f}"])
    return markdown(["Resident memory", "first, MB", "last, MB", "slope, bytes each"], rows)


def ends_table(outcome):
    if not outcome["ends"]:
        return ""
    rows = [
        [title, *(str(found[name]) for name in ("runs", "printed", "closed_loop", "failed", "left_open"))]
        for title, found in outcome["ends"].items()
    ]
    head = ["Ends with streams under way", "runs", "printed something", "`Event loop is closed`", "failed", "left open"]
    return markdown(head, rows)


def goals(outcome):
    """Title, figure, bound, whether it is the least or the most, for whatever was measured."""
    found = []

    def share(title, language, mode, leg, counted, least):
        values = [
            load_figure(outcome, language, mode, name, leg, counted, "cpu_seconds") for name in ("behest", "openai")
        ]
        if None not in values:
            found.append((title, values[0] / values[1], least, "at least"))

    for mode in ("async", "sync"):
        share(f"Python {mode}: calls per CPU second, of openai's", "python", mode, "calls", "calls", 3)
        share(f"Python {mode}: chunks per CPU second, of openai's", "python", mode, "flat", "chunks", 4)
    share("Node: calls per CPU second, of openai's", "node", "async", "calls", "calls", 1)
    share("Node: chunks per CPU second, of openai's", "node", "async", "flat", "chunks", 1)
    if imports := outcome["starts"].get("python async behest import_ms"):
        found.append(("Python: import, ms", median(imports), MOST_IMPORT_MS, "at most"))
    if holds := outcome["hold"].get("behest"):
        longest = median(run["running"]["longest_ms"] for run in holds)
        found.append(("asyncio's longest hold, ms", longest, MOST_HOLD_MS, "at most"))
    for title, memory in outcome["memory"].items():
        samples = memory["samples"]
        grown = slope(samples) * samples[-1][0] / MEGABYTE
        found.append((f"memory, {title}: growth over the run, MB", grown, FLAT_MEGABYTES, "at most"))
    if outcome["ends"]:
        bad = sum(
            end[name] for end in outcome["ends"].values() for name in ("printed", "closed_loop", "failed", "left_open")
        )
        runs = sum(end["runs"] for end in outcome["ends"].values())
        found.append((f"ends that were not silent and whole, of {runs}", bad, 0, "at most"))
    return found


def goals_table(outcome):
    rows = [
        [
            title,
            f"{value:,.2f}",
            f"{bound} {limit:,.2f}",
            "yes" if (value >= limit if bound == "at least" else value <= limit) else "NO",
        ]
        for title, value, limit, bound in goals(outcome)
    ]
    return markdown(["goal", "Behest", "to reach", "reached"], rows) if rows else ""
