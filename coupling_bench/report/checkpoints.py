"""Checkpoints measured side by side: the section of `coupling-bench measure`."""

from html import escape
from typing import Any

from coupling_bench.report.drawing import DASHES, PAPER, SYMBOLS, frame
from coupling_bench.report.text import counted, is_number, listed, number

MEASURES = {
    "loss": "SFT loss L, nats/\u200bsequence",
    "reward": "reward J at temperature 1",
    "mean_at_1_robust": "mean@1, robust",
    "mean_at_1_strict": "mean@1, strict",
    "mcc": "MCC",
    "accuracy": "accuracy",
}
LEVELS = {
    "optimal_loss": ("y", "L*, lowest reachable", "dot"),
    "demonstrator_reward": ("x", "J of the demonstrations", "dot"),
    "majority_reward": ("x", "best constant answer", "dashdot"),
}
STATES = {
    "holds": "supported",
    "broken": "refuted",
    "inconclusive": "inconclusive",
    "not applicable": "not-applicable",
}
"""The mark of each state of a bound."""
CHANGES = ("loss_change", "reward_change")

Record = dict[str, Any]


def view(record: Record) -> Record | None:
    """The section as the page's template takes it; None for a record of the suites."""
    found = record.get("measurement")
    if not found:
        return None
    rows = found["checkpoints"]
    return {
        **found,
        "measures": {k: name for k, name in MEASURES.items() if any(row.get(k) for row in rows)},
        "summary": summary(found),
        "pairs": pairs(found["pairs"]),
        "biases": {kl["estimator"]: kl["bias"] for pair in found["pairs"] for kl in pair["kl"]},
        "levels": [
            (name, found[key], DASHES[dash])
            for key, (_, name, dash) in LEVELS.items()
            if is_number(found.get(key))
        ],
        "plot": {"id": "plane", **draw(found)},
    }


def summary(measurement: Record) -> str:
    """What was done and what came out, in numbers alone."""
    told = [
        f"{row['name']} has L {number(row['loss']['estimate'])} and J "
        f"{number(row['reward']['estimate'])}"
        for row in measurement["checkpoints"]
    ]
    return (
        f"{counted(len(told), 'checkpoint')} on {measurement['task']}, "
        f"{counted(measurement['items'], 'item')}: {listed(told)}."
    )


def pairs(rows: list[Record]) -> list[Record]:
    """Pairs with the drawings of their changes, one scale a column, and the marks of bounds."""
    scales = {key: _scale([row[key] for row in rows]) for key in CHANGES}
    return [
        {
            **row,
            "strips": {key: _strip(row[key], scales[key]) for key in CHANGES},
            "bounds": [
                {**bound, "mark": (STATES.get(bound["state"], "none"), bound["state"])}
                for bound in row["bounds"]
            ],
        }
        for row in rows
    ]


def _scale(changes: list[Record]) -> tuple[float, float] | None:
    """The ends of zero and of all that is known of some changes; None where that is one point."""
    values = [v for c in changes for v in (c["estimate"], *(c["interval"] or ())) if is_number(v)]
    low, high = min([0.0, *values]), max([0.0, *values])
    return (low, high) if low < high else None


def _strip(change: Record, ends: tuple[float, float] | None) -> Record | None:
    """Places, in percent of a strip's width, of zero, of a change and of its interval."""
    if ends is None or not is_number(change["estimate"]):
        return None

    def place(value: float) -> float:
        return round(3 + 94 * (value - ends[0]) / (ends[1] - ends[0]), 2)

    low, high = change["interval"] or (None, None)
    return {
        "zero": place(0.0),
        "margins": [],
        "low": place(low) if is_number(low) else 0,
        "high": place(high) if is_number(high) else 100,
        "effect": place(change["estimate"]),
        "seeds": [],
    }


def draw(measurement: Record) -> Record:
    """Every checkpoint as a point: reward to the right, SFT loss upwards, intervals as bars."""
    rows = [
        row
        for row in measurement["checkpoints"]
        if is_number(row["loss"]["estimate"]) and is_number(row["reward"]["estimate"])
    ]
    layout = frame("expected reward J at temperature 1", "SFT loss L, nats/sequence")
    levels = [
        _level(axis, measurement[key], dash)
        for key, (axis, _, dash) in LEVELS.items()
        if is_number(measurement.get(key))
    ]
    legend = {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"}
    return {
        "data": [_point(row, SYMBOLS[n % len(SYMBOLS)]) for n, row in enumerate(rows)],
        "layout": {**layout, "shapes": levels, "showlegend": True, "legend": legend},
        "paper": PAPER,
    }


def _point(row: Record, symbol: str) -> Record:
    # plotly reads tags in a text; a name from the record must stay a name.
    name = escape(row["name"])
    return {
        "type": "scatter", "mode": "markers", "name": name,
        "x": [row["reward"]["estimate"]], "y": [row["loss"]["estimate"]],
        "error_x": _bars(row["reward"]), "error_y": _bars(row["loss"]),
        "marker": {"color": "var(--sft)", "symbol": symbol, "size": 9},
        "hovertemplate": f"{name}<br>J %{{x:.3f}}<br>L %{{y:.3f}}<extra></extra>",
    }  # fmt: skip


def _bars(measured: Record) -> Record:
    """The bars from an estimate to the ends of its interval; none where they are not known."""
    middle, (low, high) = measured["estimate"], measured["interval"] or (None, None)
    return {
        "type": "data", "symmetric": False, "color": "var(--muted)", "thickness": 1, "width": 3,
        "array": [high - middle if is_number(high) else 0],
        "arrayminus": [middle - low if is_number(low) else 0],
    }  # fmt: skip


def _level(axis: str, value: float, dash: str) -> Record:
    other = "y" if axis == "x" else "x"
    return {
        "type": "line", f"{axis}0": value, f"{axis}1": value, f"{other}0": 0, f"{other}1": 1,
        f"{other}ref": "paper", "line": {"color": "var(--muted)", "width": 1.5, "dash": dash},
    }  # fmt: skip
