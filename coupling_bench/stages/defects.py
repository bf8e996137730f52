"""Defects planted on purpose: a suite that stays green on them would be blind.

``TrainingSpec.planted`` names one; each is in the one place of the training code where such a
mistake is easily made and nothing crashes. A new defect is one function, one entry in ``DEFECTS``
and one call where it is to bite.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from coupling_bench.fingerprint import address
from coupling_bench.specs import OnlineSpec, SFTSpec, TrainingSpec
from coupling_bench.stages.tokens import Row
from coupling_bench.tasks import Item
from coupling_bench.tasks.shuffling import cycle

REWARD = "reward_of_another_prompt"
"""A completion is judged as if it answered another prompt of the split, always the same one."""
MASK = "mask"
"""The answer is masked out of SFT's loss; its end of sequence is all that is left to learn."""
LABELS = "labels"
"""Each annotator's answer is taken for the next of the closed set: with two they are exchanged."""

DEFECTS: dict[str, type[TrainingSpec]] = {REWARD: OnlineSpec, MASK: SFTSpec, LABELS: SFTSpec}
"""Which stages have the place that a defect is planted in."""


def check(spec: TrainingSpec) -> None:
    """Refuse a defect that is none, or that would change nothing in a stage of this kind.

    Raises:
        ValueError: with the valid names.
    """
    if spec.planted is None:
        return
    valid = [name for name, kind in DEFECTS.items() if isinstance(spec, kind)]
    if spec.planted not in valid:
        near = difflib.get_close_matches(spec.planted, valid, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(
            f"{address(spec)}: planted={spec.planted!r} is no defect of this kind of stage; valid "
            f"names: {', '.join(valid) or 'none'}.{hint}"
        )


def judged(spec: OnlineSpec, items: Sequence[Item]) -> Sequence[Item]:
    """Return whose answer each prompt's completion is taken for by the verifier."""
    if spec.planted != REWARD:
        return items
    return [items[other] for other in cycle(len(items), spec.task.seed)]


def demonstrated(spec: SFTSpec, answers: Sequence[int]) -> Sequence[int]:
    """Return which answer each prompt is shown with, as indices into its candidates.

    Raises:
        ValueError: answers are open, so that there is no other to take.
    """
    if spec.planted != LABELS:
        return answers
    if spec.task.answers is None:
        raise ValueError(
            f"{address(spec)}: planted={LABELS!r} takes another answer of a closed set, and "
            f"{spec.task.name} has none. Plant {MASK!r} instead."
        )
    return [(answer + 1) % len(spec.task.answers) for answer in answers]


def labelled(spec: SFTSpec, rows: Sequence[Row]) -> Sequence[Row]:
    """Return the rows with the labels that the loss sees."""
    if spec.planted != MASK:
        return rows
    return [
        {**row, "labels": [-100] * (len(row["labels"]) - 1) + row["labels"][-1:]} for row in rows
    ]
