"""Demonstrations by the policy that SFT starts from: it is taught what it would have said itself.

The policy's probabilities of a closed set of answers are exact, and one answer a prompt is drawn
from them by the seed. What little it says besides is left out: the draws are renormalised.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from coupling_bench import branching
from coupling_bench.prompting import answer_ids
from coupling_bench.whole_rows import WholeRows

SCORED_TOGETHER = 128
"""Prompts whose answers are scored at a time."""


def draw(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[str],
    answers: Sequence[Sequence[str]],
    *,
    seed: int,
) -> list[int]:
    """Return one answer of the policy's own for each prompt, an index; the same for the same seed.

    Args:
        model: the policy; it is put into evaluation mode.
        tokenizer: the model's.
        prompts: P texts.
        answers: the closed set after each prompt, ``(P, A)`` texts.
        seed: of the draws.
    """
    model.eval()
    draws = random.Random(f"own answers/{seed}")
    chosen: list[int] = []
    for begin in range(0, len(prompts), SCORED_TOGETHER):
        some = slice(begin, begin + SCORED_TOGETHER)
        logps = answer_logps(
            model, tokenizer, prompts[some], list(zip(*answers[some], strict=True))
        )
        cumulative = logps.softmax(dim=1).cumsum(dim=1)
        for of_prompt in cumulative.tolist():
            place = draws.random() * of_prompt[-1]
            chosen.append(next(a for a, below in enumerate(of_prompt) if place < below))
    return chosen


def answer_logps(
    model: Any, tokenizer: Any, prompts: Sequence[str], answers: Sequence[Sequence[str]]
) -> Tensor:
    """Return ``(P, A)``: log pi(y, end|x) in nats of A answers to each of P prompts."""
    bare = model.get_base_model() if hasattr(model, "peft_config") else model
    kind = WholeRows if branching.obstacle(bare) else branching.Branching
    after = [answer_ids(tokenizer, prompts, of_all) for of_all in answers]
    ids = tokenizer(list(prompts))["input_ids"]
    with torch.inference_mode():
        batch = kind(model, ids, tokenizer.pad_token_id, [tokenizer.eos_token_id])
        return batch.score(after, (1.0,))[0].double()
