"""What an output says: strict and robust parsing of a closed set of answers.

The trap that both parsers must avoid: "unacceptable" contains "acceptable", so a search for the
last occurrence of either label as a substring answers "acceptable" whenever any label occurs, and
accuracy falls to the majority rate.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

REWARD_RIGHT = 1.0
REWARD_WRONG = -1.0


def parse_strict(text: str, answers: Sequence[str]) -> int | None:
    """Return the index of the answer that ``text`` is, to the letter, or None.

    This is the parser of the reward in RL training, which the paper calls "strict on the format".
    """
    return answers.index(text) if text in answers else None


def parse_robust(text: str, answers: Sequence[str]) -> int | None:
    """Return the index of the answer that occurs last in ``text`` as a word, or None.

    This is the parser of the paper's evaluation (arXiv:2601.07389v1, section 5): the whole output
    is searched for either label and the last one counts. Case is ignored.
    """
    return _last_answer(text, tuple(answers))


@lru_cache(maxsize=4096)  # short outputs repeat each other
def _last_answer(text: str, answers: tuple[str, ...]) -> int | None:
    longest_first = sorted(answers, key=len, reverse=True)
    pattern = r"(?<!\w)(" + "|".join(map(re.escape, longest_first)) + r")(?!\w)"
    found = re.findall(pattern, text, flags=re.IGNORECASE)
    return [a.lower() for a in answers].index(found[-1].lower()) if found else None
