"""The prior-only control: prompts change places, and everything else stays where it was.

What is demonstrated, true and rewarded is then independent of the sentence that is shown, so that
nothing but the answers' frequencies can be learnt.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from coupling_bench.tasks import Item, Task


def cycle(size: int, seed: int) -> list[int]:
    """Return a random permutation of ``range(size)`` that leaves no place as it was.

    One cycle through all places, uniform among such (S. Sattolo, "An algorithm to generate a random
    cyclic permutation", 1986). It depends on size and seed alone. A single place stays.
    """
    draw = random.Random(f"cycle/{size}/{seed}")
    places = list(range(size))
    for last in range(size - 1, 0, -1):
        other = draw.randrange(last)
        places[last], places[other] = places[other], places[last]
    return places


def shuffled(task: Task) -> Task:
    """Return ``task`` whose items show the prompts of other items of their split.

    Splits that hold the same items, as SFT and RL may, still do.
    """
    seed = task.spec.seed
    return replace(task, splits={name: _swap(items, seed) for name, items in task.splits.items()})


def _swap(items: Sequence[Item], seed: int) -> tuple[Item, ...]:
    others = cycle(len(items), seed)
    return tuple(
        replace(item, shown=items[other]) for item, other in zip(items, others, strict=True)
    )
