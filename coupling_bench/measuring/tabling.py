"""A measurement as plain aligned tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Record = dict[str, Any]

CHECKPOINTS = {
    "loss": "L, nats/sequence", "reward": "J", "mean_at_1_robust": "mean@1 robust",
    "mean_at_1_strict": "mean@1 strict", "mcc": "MCC", "accuracy": "accuracy",
}  # fmt: skip
MISSING = "-"
MOSTLY = 0.5


def table(measurement: Record) -> str:
    """Return the section ``measurement`` of a record as text: checkpoints, changes, bounds."""
    rows = measurement["checkpoints"]
    parts = [_heading(measurement), aligned(_checkpoints(rows)), *_warnings(rows)]
    if measurement["pairs"]:
        parts += [aligned(_changes(measurement["pairs"])), aligned(_bounds(measurement["pairs"]))]
        parts.append(_legend(measurement["pairs"]))
    return "\n\n".join(parts)


def _warnings(rows: list[Record]) -> list[str]:
    """Return a line for each checkpoint whose probability lies mostly outside the answers."""
    return [
        f"{row['name']} says something else than the answers with probability "
        f"{row['other_mass']:.2f}: its accuracy is among the answers alone, and divergences and "
        "bounds say next to nothing of it. Ask it otherwise: --prompt-template, --prompts"
        for row in rows
        if row["other_mass"] is not None and row["other_mass"] > MOSTLY
    ]


def _heading(measurement: Record) -> str:
    where = f"{measurement['task']}, {measurement['split']}, {measurement['items']} items"
    known = {
        "L*": measurement["optimal_loss"],
        "J of the demonstrations": measurement["demonstrator_reward"],
        "J of the best constant answer": measurement["majority_reward"],
    }
    levels = [f"{name} {_number(value)}" for name, value in known.items() if value is not None]
    return f"{where}: {', '.join(levels)}.\n{measurement['note']}"


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as lines with columns of equal width; the first row is the heading."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
    return "\n".join(lines)


def _checkpoints(rows: list[Record]) -> list[list[str]]:
    shown = {key: name for key, name in CHECKPOINTS.items() if any(row[key] for row in rows)}
    heading = ["checkpoint", *shown.values(), "other mass"]
    cells = [
        [row["name"], *(_interval(row[key]) for key in shown), _number(row["other_mass"])]
        for row in rows
    ]
    return [heading, *cells]


def _legend(pairs: list[Record]) -> str:
    """Return what the bounds say, and what the divergences are not."""
    bounds = {b["name"]: f"{b['says']} ({b['source']})" for p in pairs for b in p["bounds"]}
    biases = {kl["estimator"]: kl["bias"] for pair in pairs for kl in pair["kl"]}
    kls = {f"KL, {name or 'not known'}": bias for name, bias in biases.items()}
    return "\n".join(f"{name}: {said}." for name, said in {**bounds, **kls}.items())


def _changes(pairs: list[Record]) -> list[list[str]]:
    heading = ["from", "to", "dL, nats/sequence", "dJ", "KL(to || from)", "KL(from || to)", "KL"]
    cells = [
        [
            pair["first"],
            pair["second"],
            _interval(pair["loss_change"], "+"),
            _interval(pair["reward_change"], "+"),
            *(_interval(kl) for kl in pair["kl"]),
            pair["kl"][0]["estimator"] or MISSING,
        ]
        for pair in pairs
    ]
    return [heading, *cells]


def _bounds(pairs: list[Record]) -> list[list[str]]:
    heading = ["from", "to", "bound", "state", "limit", "observed", "slack", "remark"]
    cells = [
        [
            pair["first"],
            pair["second"],
            bound["name"],
            bound["state"],
            _number(bound["limit"]),
            _number(bound["observed"]),
            _number(bound["slack"]),
            bound["note"],
        ]
        for pair in pairs
        for bound in pair["bounds"]
    ]
    return [heading, *cells]


def _interval(measured: Record | None, sign: str = "-") -> str:
    """Return an estimate with its interval; a dash where there is none."""
    if measured is None or measured["estimate"] is None:
        return MISSING
    low, high = measured["interval"]
    left = "(-inf" if low is None else f"[{_number(low, 3, sign)}"
    right = "inf)" if high is None else f"{_number(high, 3, sign)}]"
    return f"{_number(measured['estimate'], 4, sign)} {left}, {right}"


def _number(value: float | None, digits: int = 4, sign: str = "-") -> str:
    """Return a number, with z to say that what rounds to zero has no sign."""
    return MISSING if value is None else f"{value:{sign}z.{digits}f}"
