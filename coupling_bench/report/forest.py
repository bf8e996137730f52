"""The forest plot: every effect with its interval, against the margin that its claim names.

Effects of one unit share a figure. Those of a unit that hardly any claim has stand together in
another one, as multiples of their margins.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from coupling_bench.report.charts import Axis, Chart, Series, chart, is_skewed
from coupling_bench.report.claims import groups, sentences, setting, settings
from coupling_bench.report.drawing import PAPER
from coupling_bench.report.strips import wrapped
from coupling_bench.report.text import counted, is_number, signed

LEAST = 3
"""Claims of one unit that make a figure of their own."""
MARKS = {
    "supported": ("yes", "circle"),
    "refuted": ("no", "square"),
    "inconclusive": ("open", "diamond"),
    "not applicable": ("muted", "cross"),
}
NO_MARK = ("muted", "triangle-up")
SIDES = {
    "increase_by": ["right"],
    "not_decrease_by": ["right"],
    "decrease_by": ["left"],
    "not_increase_by": ["left"],
    "equal_within": ["right", "left"],
}
"""On which side of its margin, or margins, an effect has to lie."""
ARROWS = {"right": "\N{RIGHTWARDS ARROW}", "left": "\N{LEFTWARDS ARROW}"}
LINE, NAME, GAP = 15, 46, 9
"""Height of a line of text and space between rows, in pixels; letters in a line of a name."""
MOST_NAMED = 12
"""Settings that are named beside their bars; of more, each bar says its own when touched."""
MULTIPLES = "effect, as a multiple of its margin"

Record = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One effect in its figure's unit, at its height."""

    claim: Record
    y: float
    effect: float
    low: float | None
    high: float | None
    margins: list[float]


def charts(claims: list[Record]) -> list[Chart]:
    """A figure for each unit of claims, as `view` gives them, and one for the rest."""
    claims = [claim for _, _, found in groups(claims) for claim in found]
    by_unit: dict[str, list[Record]] = {}
    for sentence in sentences([c for c in claims if is_number(c.get("effect"))]):
        by_unit.setdefault(str(sentence.get("unit") or ""), []).append(sentence)
    alone = {unit for unit, found in by_unit.items() if len(found) < LEAST}
    alone = alone if len(alone) > 1 else set()
    drawn = [
        _forest(f"Effects in {unit}", unit, found)
        for unit, found in by_unit.items()
        if unit not in alone
    ]
    rest = [one for unit in by_unit if unit in alone for one in by_unit[unit]]
    comparable = [one for one in rest if all(_margin(claim) for claim in one["members"])]
    if comparable:
        drawn.append(_forest("Effects in other units", MULTIPLES, comparable, multiples=True))
    if drawn and len(comparable) < len(rest):
        left = counted(len(rest) - len(comparable), "claim")
        drawn[-1].notes.append(
            f"Not drawn: {left} with a margin of zero in a unit of few claims. The table above has "
            "them."
        )
    return drawn


def _margin(claim: Record) -> float:
    """The size of a claim's margin; zero where it has none."""
    margin = claim.get("margin")
    return abs(margin) if is_number(margin) else 0.0


def _forest(title: str, unit: str, found: list[Record], multiples: bool = False) -> Chart:
    where = settings([claim for one in found for claim in one["members"]])
    each = LINE if 1 < len(where) <= MOST_NAMED else 9 if len(where) > 1 else 12
    bars, names, ticks, top = [], [], [], 0.0
    for one in found:
        label = wrapped(one["claim"], NAME)
        names.append((top, label))
        top += LINE * (1 + label.count("\n")) + 3
        for claim in one["members"]:
            bars.append(_bar(claim, top + each / 2, multiples))
            ticks.append((top + each / 2, claim))
            top += each
        top += GAP
    drawn = chart(
        title, _says(found, where), _series(bars, len(where) > 1),
        Axis(title=unit, zero=True, signed=is_skewed([bar.effect for bar in bars])),
        Axis(title=""), height=round(top) + 96, reading=_reading(bars),
    )  # fmt: skip
    plot = drawn.plot or {}
    plot["paper"] = PAPER
    layout = plot["layout"]
    layout["yaxis"] |= {"range": [top, 0], "tickvals": [], "showgrid": False, "title": {"text": ""}}
    layout["margin"] |= {"l": 8, "t": 34}
    layout["annotations"] = [_name(y, label) for y, label in names]
    if 1 < len(where) <= MOST_NAMED:
        layout["margin"]["l"] = 128
        layout["yaxis"] |= {
            "tickvals": [y for y, _ in ticks],
            "ticktext": [escape(_short(setting(claim))) for _, claim in ticks],
            "tickfont": {"size": 10.5}, "automargin": False,
        }  # fmt: skip
    return drawn


def _bar(claim: Record, y: float, multiples: bool) -> Bar:
    low, high = claim.get("interval") or (None, None)
    scale = _margin(claim) if multiples else 1.0
    margin = claim.get("margin")
    margins = [margin] if is_number(margin) else []
    if claim.get("direction") == "equal_within" and margins:
        margins = [-abs(margins[0]), abs(margins[0])]
    return Bar(
        claim=claim, y=y, effect=claim["effect"] / scale,
        low=low / scale if is_number(low) else None,
        high=high / scale if is_number(high) else None,
        margins=[value / scale for value in margins],
    )  # fmt: skip


def _series(bars: Sequence[Bar], names_settings: bool) -> list[Series]:
    """Margins, their arrows, and effects by verdict; an unknown end reaches over all others."""
    known = [v for bar in bars for v in (bar.effect, bar.low, bar.high, *bar.margins)]
    ends = [value for value in known if is_number(value)] + [0.0]
    spare = (max(ends) - min(ends)) * 0.04
    low, high = min(ends) - spare, max(ends) + spare
    found = [_margins(bars), *_arrows(bars)]
    for verdict, (tone, mark) in (*MARKS.items(), (None, NO_MARK)):
        here = [bar for bar in bars if _kind(bar.claim) == verdict]
        found.append(Series(
            name=verdict or "no verdict", tone=tone, mark=mark, size=9, whole=True,
            x=[bar.effect for bar in here], y=[bar.y for bar in here],
            texts=[_said(bar.claim, names_settings) for bar in here],
            spans=[(low if bar.low is None else bar.low, high if bar.high is None else bar.high)
                   for bar in here],
        ))  # fmt: skip
    return found


def _kind(claim: Record) -> str | None:
    return claim.get("verdict") if claim.get("verdict") in MARKS else None


def _margins(bars: Sequence[Bar]) -> Series:
    """Every margin as an upright stroke, by marks that are strokes."""
    places = [(margin, bar.y) for bar in bars for margin in bar.margins]
    return Series(
        name="margin", tone="ink", mark="line-ns-open", size=14, whole=True,
        x=[x for x, _ in places], y=[y for _, y in places],
    )  # fmt: skip


def _arrows(bars: Sequence[Bar]) -> list[Series]:
    """At every margin an arrow to the side of it on which the claim is supported."""
    places: dict[str, list[tuple[float, float]]] = {side: [] for side in ARROWS}
    for bar in bars:
        sides = SIDES.get(str(bar.claim.get("direction")), [])
        for margin, side in zip(bar.margins, sides, strict=False):
            places[side].append((margin, bar.y))
    return [
        Series(
            name="supported on this side", tone="ink", mark=None, letter=ARROWS[side], size=11,
            letter_side=side, keyed=False, whole=True,
            x=[x for x, _ in found], y=[y for _, y in found],
        )
        for side, found in places.items()
    ]  # fmt: skip


def _said(claim: Record, names_setting: bool) -> str:
    told = [_short(setting(claim))] if names_setting else []
    return "; ".join([claim["claim"], *told])


def _short(where: tuple[str, ...]) -> str:
    """A setting in so few letters that it fits beside its bar."""
    told = ", ".join(where[:2])
    return told if len(told) <= 19 else told[:18] + "\N{HORIZONTAL ELLIPSIS}"


def _name(y: float, label: str) -> Record:
    """A claim's sentence above its bars."""
    return {
        "x": 0, "xref": "paper", "xanchor": "left", "y": y, "yanchor": "top", "align": "left",
        "text": escape(label).replace("\n", "<br>"), "showarrow": False, "font": {"size": 12},
    }  # fmt: skip


def _says(found: list[Record], where: list[tuple[str, ...]]) -> str:
    on = f", on {len(where)} pairs of model and task" if len(where) > 1 else ""
    return f"{counted(len(found), 'claim').capitalize()}{on}."


def _reading(bars: Sequence[Bar]) -> str:
    """The first effects in words; the table of verdicts has them all."""
    told = [
        f"{bar.claim['claim']}: {signed(bar.effect)}, {bar.claim['mark'][1]}" for bar in bars[:12]
    ]
    return "; ".join(told)
