"""In which order the stages of a schedule go through demonstrations.

The seed alone says it, so that a stage that was killed, or that follows another, knows its place.
"""

from __future__ import annotations

import random


def places(many: int, *, seed: int, begin: int, count: int) -> list[int]:
    """Return which of ``many`` demonstrations stand at ``count`` places of an endless order.

    Each epoch is a shuffle of its own; a stage that begins where another ended sees the rest of the
    epoch before it sees anything twice.

    Args:
        many: demonstrations that there are.
        seed: of the order.
        begin: place of the first.
        count: how many.

    >>> first = places(5, seed=0, begin=0, count=3)
    >>> sorted(first + places(5, seed=0, begin=3, count=2))
    [0, 1, 2, 3, 4]
    """
    found: list[int] = []
    for epoch in range(begin // many, (begin + count - 1) // many + 1):
        shuffled = list(range(many))
        random.Random(f"demonstrations/{seed}/{epoch}").shuffle(shuffled)
        first = epoch * many
        found += shuffled[max(begin - first, 0) : begin + count - first]
    return found
