"""The table of verdicts, for a terminal: aligned lines, of pieces that may have a colour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coupling_bench.claims import chance_words

Markup = Mapping[str, bool]
Line = list[tuple[str, Markup]]
"""Pieces of text, each with how it is shown."""
Row = Mapping[str, Any]
PLAIN: Markup = {}
MARKUP: dict[str, Markup] = {
    "passed": {"green": True},
    "failed": {"red": True},
    "xfailed": {"yellow": True},
    "skipped": {"cyan": True},
}
"""Colours by what pytest was told, as pytest has them."""
NEEDED = {
    "increase_by": ">",
    "decrease_by": "<",
    "equal_within": "within",
    "not_increase_by": "<",
    "not_decrease_by": ">",
}
COLUMNS = ("claim", "verdict", "effect", "interval", "margin", "seeds", "unit")
NUMBERS = ("effect", "interval", "margin", "seeds")
"""Columns that are read downwards, from the right."""


def verdict_table(
    claims: list[dict[str, Any]], *, width: int | None = None, detailed: bool = False
) -> list[list[Line]]:
    """Return the table of verdicts: its heading and then each claim, as one or more lines.

    Args:
        claims: as the record has them.
        width: of the terminal: where a row is longer, the claim stands on a line of its own. None:
            one line a claim whatever its length, for files and pipes.
        detailed: each seed's effect, and what could have been detected, on one more line.
    """
    several = len({setting(claim) for claim in claims}) > 1
    cells = [_cells(claim, several) for claim in claims]
    heading = {name: name for name in COLUMNS}
    widths = {name: max(len(row[name]) for row in (heading, *cells)) for name in COLUMNS}
    folded = width is not None and sum(widths.values()) + 2 * (len(COLUMNS) - 1) > width
    lines = [_lines(heading, widths, PLAIN, folded)]
    for claim, row in zip(claims, cells, strict=True):
        found = _lines(row, widths, MARKUP.get(claim["outcome"], PLAIN), folded)
        lines.append([*found, [(_seeds_line(claim), PLAIN)]] if detailed else found)
    return lines


def _lines(row: Mapping[str, str], widths: Mapping[str, int], markup: Markup, folded: bool):
    """Return one row of the table, the claim's sentence on a line of its own if ``folded``."""
    padded = {
        name: text.rjust(widths[name]) if name in NUMBERS else text.ljust(widths[name])
        for name, text in row.items()
    }
    rest = "  ".join(padded[name] for name in COLUMNS[2:]).rstrip()
    verdict = [(padded["verdict"], markup), (f"  {rest}", PLAIN)]
    if folded:
        return [[(row["claim"], PLAIN)], [("  ", PLAIN), *verdict]]
    return [[(f"{padded['claim']}  ", PLAIN), *verdict]]


def _cells(claim: Row, several: bool) -> dict[str, str]:
    """Return the texts of a claim's row; with its model and task if there are ``several``."""
    bound = f"{NEEDED[claim['direction']]} {claim['margin']:+.3f}"
    return {
        "claim": claim["claim"] + (f" [{setting(claim)}]" if several else ""),
        "verdict": _verdict_words(claim),
        "effect": f"{claim['effect']:+.4f}",
        "interval": _interval(*claim["interval"]),
        "margin": bound.replace("within +", "within "),
        "seeds": str(len(claim["seeds"])),
        "unit": claim["unit"],
    }


def setting(claim: Row) -> str:
    """Return what a claim was judged on: model, task and scale."""
    return f"{claim['model']} on {claim['task']}, {claim['scale']}"


def _interval(low: float | None, high: float | None) -> str:
    left = "-inf" if low is None else f"{low:+.4f}"
    return f"[{left}, {'+inf' if high is None else f'{high:+.4f}'}]"


def _verdict_words(claim: Row) -> str:
    """Return a verdict, and what was accepted before where that matters for pytest."""
    verdict, accepted = claim["verdict"], claim["accepted"]
    if verdict is None:
        return "none (smoke)"
    said = ["reversed"] * claim["reversed"]
    if accepted not in (None, verdict):
        said.append(f"was {accepted}{chance_words(claim)}")
    elif accepted == verdict != "supported":
        said.append("accepted")
    return verdict + (f" ({', '.join(said)})" if said else "")


def _seeds_line(claim: Row) -> str:
    values = ", ".join(
        f"{seed}: {value:+.4f}"
        for seed, value in zip(claim["seeds"], claim["per_seed"], strict=True)
    )
    least = claim["smallest_detectable_effect"]
    could = "" if least is None else f"; smallest detectable effect {least:.4f}"
    return f"    by seed {values}{could}; {claim['cites']}"
