"""What a derivation earns and how many of its steps are right: ``7+10=17 17+5=22``.

A completion is text that anybody may have written: it is read by one regular expression, in
numbers of at most four digits, and nothing in it is evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from coupling_bench.answers import REWARD_RIGHT, REWARD_WRONG
from coupling_bench.tasks import Item

_NUMBER = r"(0|[1-9][0-9]{0,3})"
_STEP = re.compile(rf"{_NUMBER}\+{_NUMBER}={_NUMBER}")
LONGEST = 1_000
"""Characters of a completion that are read: far beyond any derivation."""

Step = tuple[int, int, int]
"""(what it adds to, what it adds, what it says that comes of it)."""


def rewards(items: Sequence[Item], completions: Sequence[str]) -> list[float]:
    """Return what each completion earns: right if its last number is the sum of the cards.

    Strict on the format: as many additions as the hand asks for, a blank between two, and nothing
    else. Whether they are right on the way is not asked (see ``share_of_right_steps``).
    """
    return [
        REWARD_RIGHT if _is_right(item.columns["values"], text) else REWARD_WRONG
        for item, text in zip(items, completions, strict=True)
    ]


def share_of_right_steps(values: Sequence[int], completion: str) -> float:
    """Return the share of a completion's steps that are right, 0 to 1.

    A step is right if it adds the next card to what the step before came to, and says their sum; a
    slip is one wrong step, however far it is carried. Cards are taken from the first to the last or
    from the last to the first, whichever fits better. A step that is missing, too many or no step
    at all is wrong.

    Args:
        values: what the cards are worth, in the order of the prompt.
        completion: any text.
    """
    steps = _steps(completion)
    many = max(len(steps), len(values) - 1)
    return max(_right_steps(ordered, steps) for ordered in (values, values[::-1])) / many


def _is_right(values: Sequence[int], completion: str) -> bool:
    steps = _steps(completion)
    if len(steps) != len(values) - 1 or None in steps:
        return False
    last = steps[-1]
    return last is not None and last[2] == sum(values)


def _right_steps(values: Sequence[int], steps: Sequence[Step | None]) -> int:
    total, right = values[0], 0
    for value, step in zip(values[1:], steps, strict=False):
        right += step == (total, value, total + value)
        total = step[2] if step is not None else total + value
    return right


def _steps(completion: str) -> list[Step | None]:
    """Return the steps of a completion; None for a part that is none."""
    parts = completion[:LONGEST].split(" ")
    matches = [_STEP.fullmatch(part) for part in parts]
    return [
        None if match is None else (int(match[1]), int(match[2]), int(match[3]))
        for match in matches
    ]
