"""Demonstrations that the policy itself finds likely: SFT on them is nearly on-policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from coupling_bench.stages.own_answers import SCORED_TOGETHER, answer_logps


def places(
    model: Any, tokenizer: Any, prompts: Sequence[str], demonstrations: Sequence[str], share: float
) -> list[int]:
    """Return the prompts whose demonstrations are the most likely, in their own order.

    Args:
        model: the policy; it is put into evaluation mode.
        tokenizer: the model's.
        prompts: P texts.
        demonstrations: one answer to each.
        share: how many of the P, rounded; one at least.
    """
    model.eval()
    logps: list[float] = []
    for begin in range(0, len(prompts), SCORED_TOGETHER):
        some = slice(begin, begin + SCORED_TOGETHER)
        of_some = answer_logps(model, tokenizer, prompts[some], [demonstrations[some]])
        logps += of_some[:, 0].tolist()
    by_likelihood = sorted(range(len(logps)), key=lambda place: -logps[place])
    return sorted(by_likelihood[: max(round(share * len(logps)), 1)])
