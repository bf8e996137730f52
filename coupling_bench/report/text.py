"""Numbers and names of a record as words: what the page's template prints."""

import json
import re
import sys
from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeGuard

MINUS = "\N{MINUS SIGN}"
MISSING = "\N{EN DASH}"
LARGEST = sys.float_info.max
TIMES = "\N{MULTIPLICATION SIGN}"
NODES = {
    "base": "base model",
    "sft": "SFT",
    "rl": "RL",
    "sft_then_rl": "SFT then RL",
    "rl_then_sft": "RL then SFT",
    "rloo": "RLOO",
    "sft_then_rloo": "SFT then RLOO",
    "rloo_then_sft": "RLOO then SFT",
    "dpo": "DPO",
    "sft_then_dpo": "SFT then DPO",
    "dpo_then_sft": "DPO then SFT",
}
ACRONYMS = {"sft", "rl", "kl", "dpo", "rloo", "grpo", "pear"}
COMPARISONS = {
    "increase_by": "above {}",
    "decrease_by": "below {}",
    "not_increase_by": "not above {}",
    "not_decrease_by": "not below {}",
    "equal_within": "within \N{PLUS-MINUS SIGN}{}",
}


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value of a record is a finite number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return abs(value) <= LARGEST  # an integer beyond it is no float, and NaN is not below it


def number(value: object, sign: str = "-") -> str:
    """A number to three decimals, to more where it would read as zero; a dash for none."""
    if not is_number(value):
        return MISSING
    size = abs(value)
    if value == 0:
        return "0"
    if size >= 1e7:
        text = format(value, f"{sign}.3g")
    elif size >= 1000:
        text = format(value, f"{sign},.0f")
    elif size >= 100:
        text = format(value, f"{sign}.1f")
    elif size >= 0.01:
        text = format(value, f"{sign}.3f")
    else:
        text = format(value, f"{sign}.2g")
    return text.replace("-", MINUS)


def fixed(value: object) -> str:
    """A number to three decimals whatever its size, for columns that are read downwards."""
    if not is_number(value):
        return MISSING
    return f"{value:.3f}".replace("-0.000", "0.000").replace("-", MINUS)


def signed(value: object) -> str:
    """A number with its sign, for a change."""
    return number(value, sign="+")


def sign(value: object) -> str:
    """A sign that is recorded as a number; other values as they are."""
    if is_number(value):
        return "+" if value > 0 else MINUS if value < 0 else "0"
    return plain(value)


def interval(bounds: Iterable[object] | None, sign: str = "+") -> str:
    """An interval, open at the infinite end where a bound is missing."""
    low, high = bounds or (None, None)
    left = f"[{number(low, sign)}" if is_number(low) else f"({MINUS}\N{INFINITY}"
    right = f"{number(high, sign)}]" if is_number(high) else "\N{INFINITY})"
    return f"{left}, {right}"


def ranged(middle: object, low: object, high: object, sign: str = "-") -> str:
    """A mean with the range that it is the mean of; the mean alone where that is one point."""
    told = number(middle, sign)
    return told if low == high else f"{told} ({number(low, sign)} to {number(high, sign)})"


def within(bounds: Iterable[object] | None) -> str:
    """The range that a precondition asks for, in words."""
    low, high = bounds or (None, None)
    if is_number(low) and is_number(high):
        return f"{number(low)} to {number(high)}"
    if is_number(low):
        return f"above {number(low)}"
    return f"below {number(high)}" if is_number(high) else "not required"


def comparison(claim: dict[str, Any]) -> str:
    """What a claim's effect is compared with, in words."""
    margin, direction = claim.get("margin"), claim.get("direction") or ""
    if direction == "equal_within" and is_number(margin):
        return COMPARISONS[direction].format(number(abs(margin)))
    return COMPARISONS.get(direction, "{}").format(signed(margin))


def seconds(value: object) -> str:
    """A duration that a person can read at a glance."""
    if not is_number(value):
        return MISSING
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def times(ratio: float) -> str:
    """How many times as much, to three figures."""
    return (f"{ratio:,.0f}" if ratio >= 1000 else f"{ratio:.3g}") + TIMES


def percent(share: object) -> str:
    """A share as a percentage; a dash for none."""
    if not is_number(share):
        return MISSING
    return (f"{100 * share:,.0f}" if share >= 0.1 else f"{100 * share:.2g}") + "\N{NO-BREAK SPACE}%"


def size(count: object) -> str:
    """A number of bytes that a person can read at a glance."""
    if not is_number(count):
        return MISSING
    for unit, bytes_in_it in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= bytes_in_it:
            return f"{count / bytes_in_it:,.1f} {unit}"
    return f"{count:.0f} B"


def amount(value: float) -> str:
    """A count as it is, with its thousands set apart."""
    return f"{value:,.12g}"


def plain(value: object) -> str:
    """Any value of a record, where nothing is known of its kind."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or isinstance(value, float):
        return f"{value:.6g}".replace("-", MINUS) if is_number(value) else MISSING
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def node(name: object) -> str:
    """The name of a point in a pipeline, of an arm or of a control as the page prints it."""
    spoken = words(re.sub(r"_(\d)p(\d)", r"_\1.\2", plain(name))).split(" ")
    said = (word.upper() if word.strip(",") in ACRONYMS else word for word in spoken)
    return NODES.get(str(name)) or " ".join(said)


def words(name: str) -> str:
    """A field's name as words."""
    return name.replace("_", " ")


def slug(name: str) -> str:
    """A name of ours as an anchor."""
    return name.replace(" ", "-")


def date(moment: str) -> str:
    """The day of an ISO time, or the text itself where it is none."""
    try:
        day = datetime.fromisoformat(moment)
    except ValueError:
        return moment
    return f"{day.day} {day:%B %Y, %H:%M}"


def capitalized(text: str) -> str:
    """Text with a capital first; the rest, such as SFT, stays as it is."""
    return text[:1].upper() + text[1:]


def counted(count: int, noun: str) -> str:
    """A count with its noun: one claim, 2 claims."""
    return f"one {noun}" if count == 1 else f"{count} {noun}s"


def listed(parts: list[str]) -> str:
    """A list as in a sentence: a, b and c."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


FILTERS = {
    name.__name__: name
    for name in (
        amount, capitalized, comparison, date, fixed, interval, node, number, percent, plain,
        seconds, signed, size, slug, times, within, words,
    )
}  # fmt: skip
