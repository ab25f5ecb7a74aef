"""From the figures of a bench to its tables; pure but for the facts about the machine."""

from statistics import median

NAMES = {"direct": "direct", "nginx": "nginx", "behest": "Behest"}
LOWEST_NGINX = 20_000  # requests/s
LOWEST_NGINX_SHARE = 0.4  # of direct


def summarise(results):
    """The median over the rounds of every figure; what is added over direct is taken round by round."""
    return {name: {measure: median(values) for measure, values in measures(results, name).items()} for name in results}


def measures(results, name):
    legs, direct = results[name]["legs"], results["direct"]["legs"]
    closed = legs["closed"]
    found = {
        "requests_per_second": [run["requests_per_second"] for run in closed],
        "requests_per_cpu_second": [run["ok"] / max(run["cpu_seconds"], 0.01) for run in closed],
        "resident_idle_mb": [results[name]["resident_idle_mb"]],
        "resident_after_mb": [results[name]["resident_after_mb"]],
        "later_start_ms": [seconds * 1e3 for seconds in results[name]["later_starts"]],
    }
    if "first_start" in results[name]:
        found["first_start_ms"] = [results[name]["first_start"] * 1e3]
    for leg, kind in (("open", "latency"), ("open_50ms", "latency"), ("stream", "first_byte")):
        found |= latencies(leg, legs[leg], kind, direct[leg] if name != "direct" else None)
    for leg, base, kind in (("translated", "open", "latency"), ("translated_stream", "stream", "first_byte")):
        if leg in legs:
            found |= latencies(leg, legs[leg], kind, legs[base])
    return found


def latencies(leg, runs, kind, bases):
    """The percentiles of each run, and what they are above those of the same round's run in `bases`."""
    found = {}
    for percentile in ("p50", "p99"):
        found[f"{leg}_{percentile}"] = [run[kind][percentile] for run in runs]
        if bases is not None:
            pairs = zip(runs, bases, strict=True)
            found[f"{leg}_added_{percentile}"] = [run[kind][percentile] - base[kind][percentile] for run, base in pairs]
    return found


ROWS = [  # measure, title, decimals
    ("requests_per_second", "requests/s, closed loop", 0),
    ("requests_per_cpu_second", "requests per CPU second of the server", 0),
    ("open_p50", "p50, µs", 0),
    ("open_p99", "p99, µs", 0),
    ("open_added_p50", "added p50, µs", 0),
    ("open_added_p99", "added p99, µs", 0),
    ("translated_p50", "p50, translated, µs", 0),
    ("translated_p99", "p99, translated, µs", 0),
    ("translated_added_p50", "added by translation over pass-through, p50, µs", 0),
    ("translated_added_p99", "added by translation over pass-through, p99, µs", 0),
    ("open_50ms_p50", "p50 before a 50 ms upstream, µs", 0),
    ("open_50ms_p99", "p99 before a 50 ms upstream, µs", 0),
    ("open_50ms_added_p50", "added p50 before a 50 ms upstream, µs", 0),
    ("open_50ms_added_p99", "added p99 before a 50 ms upstream, µs", 0),
    ("stream_p50", "first streamed byte, p50, µs", 0),
    ("stream_p99", "first streamed byte, p99, µs", 0),
    ("stream_added_p50", "added to the first streamed byte, p50, µs", 0),
    ("stream_added_p99", "added to the first streamed byte, p99, µs", 0),
    ("translated_stream_p50", "first streamed byte, translated, p50, µs", 0),
    ("translated_stream_p99", "first streamed byte, translated, p99, µs", 0),
    ("translated_stream_added_p50", "added by translation to the first streamed byte, p50, µs", 0),
    ("translated_stream_added_p99", "added by translation to the first streamed byte, p99, µs", 0),
    ("resident_idle_mb", "resident memory idle, MB", 1),
    ("resident_after_mb", "resident memory after the run, MB", 1),
    ("first_start_ms", "first start to first answer, ms", 1),
    ("later_start_ms", "later start to first answer, ms", 1),
]


def figures_table(summary):
    names = list(summary)
    ratios = [
        (name, base) for name, base in (("nginx", "direct"), ("behest", "direct"), ("behest", "nginx")) if name in names
    ]
    head = ["", *(NAMES[name] for name in names), *(f"{NAMES[name]} / {NAMES[base]}" for name, base in ratios)]
    rows = []
    for measure, title, decimals in ROWS:
        values = {name: summary[name].get(measure) for name in names}
        if any(value is not None for value in values.values()):
            shown = ["–" if value is None else f"{value:,.{decimals}f}" for value in values.values()]
            rows.append([title, *shown, *(ratio(values[name], values[base]) for name, base in ratios)])
    return markdown(head, rows)


def ratio(value, base):
    return "–" if value is None or base is None or base <= 0 else f"{value / base:.2f}"


def goals_table(summary):
    behest, nginx = summary["behest"], summary["nginx"]
    share = behest["requests_per_second"] / nginx["requests_per_second"]
    goals = [("requests/s, as a share of nginx", share, 0.33, share >= 0.33, "at least")]
    for title, measure, limit in (
        ("added p50, µs", "open_added_p50", nginx["open_added_p50"] + 150),
        ("added to the first streamed byte, p50, µs", "stream_added_p50", nginx["stream_added_p50"] + 150),
        ("resident memory after the run, MB", "resident_after_mb", 50),
        ("later start to first answer, ms", "later_start_ms", 100),
    ):
        goals.append((title, behest[measure], limit, behest[measure] <= limit, "at most"))
    rows = [
        [title, f"{value:,.2f}", f"{bound} {limit:,.2f}", "yes" if met else "NO"]
        for title, value, limit, met, bound in goals
    ]
    return markdown(["goal", "Behest", "to reach", "reached"], rows)


def void_reasons(summary):
    """Why nginx was too slow for its figure to be a yardstick."""
    nginx, direct = summary["nginx"]["requests_per_second"], summary["direct"]["requests_per_second"]
    reasons = []
    if nginx < LOWEST_NGINX:
        reasons.append(f"nginx made {nginx:,.0f} requests/s, below {LOWEST_NGINX:,}")
    if nginx < LOWEST_NGINX_SHARE * direct:
        reasons.append(f"nginx made {nginx / direct:.2f} of direct, below {LOWEST_NGINX_SHARE}")
    return reasons


def markdown(head, rows):
    """A table that reads well as text, too: columns padded, numbers to the right."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]

    def line(cells):
        padded = [
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    rule = [("-" * width if column == 0 else "-" * (width - 1) + ":") for column, width in enumerate(widths)]
    return "\n".join([line(head), line(rule), *map(line, rows)])
