"""Speed: how ours compares with plain TRL, and how the cost of both grows."""

from html import escape
from pathlib import Path
from typing import Any

from coupling_bench.report.drawing import frame
from coupling_bench.report.measured import AXES, FIELDS, read
from coupling_bench.report.tables import grouped
from coupling_bench.report.text import capitalized, listed, times

ARMS = {
    "ours": ("ours", "var(--link)", "circle", "solid"),
    "plain": ("plain TRL", "var(--muted)", "square-open", "dash"),
}
GROUPS = {"sft": "SFT", "rl": "RL", "grpo": "GRPO"}
PANEL_ON_PAPER = 300
PLAIN = "plain TRL"

Record = dict[str, Any]


def view(folder: Path) -> Record:
    """The section on speed as the page's template takes it, from the files in a folder."""
    found: dict[str, list[Record]] = {}
    problems = []
    for name in FIELDS:
        try:
            found[name] = read(folder / name)
        except ValueError as error:
            problems.append(f"{name} is not shown: it {error}.")
    rows = found.get("perf.json", [])
    return {
        "problems": problems,
        "summary": summary(rows) if rows else None,
        "groups": [
            (GROUPS.get(group.lower(), group), [_benchmark(row) for row in here])
            for (group,), here in grouped(rows, "group").items()
        ],
        "panels": panels(found.get("scaling.json", [])),
    }


def summary(rows: list[Record]) -> str:
    """What the benchmarks show, in numbers alone."""
    ratios = [row["ratio"] for row in rows if row["against"] == PLAIN]
    ends = (min(ratios), max(ratios)) if ratios else ()
    span = " to ".join(dict.fromkeys(times(ratio) for ratio in ends))
    passed = sum(row["passed"] for row in rows)
    aims = [row for row in rows if row["target"]]
    reached = sum(row["ratio"] >= row["target"] for row in aims)
    text = f"Tests passed: {passed} of {len(rows)}."
    text = f"Plain TRL takes {span} the time of ours. {text}" if ratios else text
    return f"{text} Targets reached: {reached} of {len(aims)}." if aims else text


def _benchmark(row: Record) -> Record:
    """A benchmark with what the page says of it beside what was measured."""
    under = "" if row["ratio"] >= row["gate"] else "below its "
    aims = [f"{under}gate {times(row['gate'])}"]
    if row["target"]:
        reached = "reached" if row["ratio"] >= row["target"] else "missed"
        aims.append(f"target {times(row['target'])} {reached}")
    ours, plain = row["ours_peak_bytes"], row["plain_peak_bytes"]
    return {
        **row,
        "mark": ("supported", "passed") if row["passed"] else ("refuted", "failed"),
        "aims": aims,
        "other": row["against"] if row["against"] != PLAIN else None,
        "needs_more_memory": bool(ours and plain and ours > plain),
        "shares": [
            row[bound] / row["ours_seconds"] if row[bound] else None
            for bound in ("bare_seconds", "floor_seconds")
        ],
    }


def panels(rows: list[Record]) -> list[Record]:
    """One panel an axis and thing measured, axes in a fixed order, points from left to right."""
    rows = sorted(rows, key=lambda row: (list(AXES).index(row["axis"]), row["x"]))
    found: list[Record] = []
    for (axis, what, unit), points in grouped(rows, "axis", "what", "unit").items():
        reading = growth(AXES[axis], points)
        found.append({
            "id": f"scaling-{len(found) + 1}", "axis": AXES[axis], "what": what, "unit": unit,
            "points": points, "reading": reading, "plot": draw(AXES[axis], unit, points),
            "text": f"Line chart of {what}, {unit}, by {AXES[axis]}. {reading}",
        })  # fmt: skip
    return found


def growth(axis: str, points: list[Record]) -> str:
    """A panel in one sentence: what more of its axis costs each arm."""
    grown: dict[str, list[str]] = {}
    for arm, (name, *_) in ARMS.items():
        known = [(point["x"], cost) for point in points if (cost := point[f"{arm}_seconds"])]
        if known and known[-1][0] > known[0][0]:
            more, cost = (last / first for first, last in zip(known[0], known[-1], strict=True))
            grown.setdefault(times(more), []).append(f"{name} takes {times(cost)} the time")
    # Where plain TRL was not run over the whole axis, each arm answers for its own part.
    parts = [f"with {more} the {axis}, {listed(costs)}" for more, costs in grown.items()]
    return f"{capitalized('; '.join(parts))}." if parts else "One point alone shows no growth."


def draw(axis: str, unit: str, points: list[Record]) -> Record:
    """The figure of a panel: plotly's traces and layout, as plain data."""
    costs = {arm: [point[f"{arm}_seconds"] for point in points] for arm in ARMS}
    places = [point["x"] for point in points]
    # plotly reads tags in a title; a unit from the file must stay a unit.
    layout = frame(axis, escape(unit), height=260)
    layout["xaxis"] |= {**scale(places), "tickformat": "~s"}
    if len(set(places)) <= 6:
        layout["xaxis"]["tickvals"] = sorted(set(places))
    layout["yaxis"] |= scale([cost for arm in ARMS for cost in costs[arm] if cost])
    traces = [
        {
            "type": "scatter", "mode": "lines+markers", "x": places, "y": costs[arm],
            "line": {"color": colour, "width": 1.75, "dash": dash},
            "marker": {"color": colour, "symbol": symbol, "size": 8},
            "hovertemplate": f"{name}<br>{axis} %{{x}}<br>%{{y:.3~g}} s<extra></extra>",
        }
        for arm, (name, colour, symbol, dash) in ARMS.items()
        if any(costs[arm])
    ]  # fmt: skip
    return {"data": traces, "layout": layout, "paper": PANEL_ON_PAPER}


def scale(values: list[float]) -> Record:
    """An axis for some values: logarithmic if they span more than a decade, else from zero."""
    if max(values) > 10 * min(values):
        # Left to itself, plotly labels all nine lines of a decade, one over the other.
        ticks = "D2" if max(values) < 1000 * min(values) else 1
        return {"type": "log", "tickformat": "~g", "dtick": ticks}
    return {"rangemode": "tozero", "tickformat": "~g"}
