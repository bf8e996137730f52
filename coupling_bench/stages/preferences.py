"""Preference pairs that the verifier tells apart: the data that makes DPO a counterpart of RL.

Both learn from the same source, the verifier, on the same prompts; RL asks it about completions of
its own, DPO beforehand and once. A pair is a prompt with an answer that the verifier rewards and
one that it rewards less. Every prompt has at most one, so an epoch sees each prompt once.

Where answers are a closed set, both are of that set: chosen is the best rewarded, rejected one of
the others, drawn where there are several. The demonstrators have no part in it. Where answers are
open, chosen is the demonstrated response, and rejected one completion of the starting policy at
temperature 1; prompts whose completion is rewarded no less than the response, or was cut before
its end, are left out.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from coupling_bench import branching
from coupling_bench.tasks import Item, Task
from coupling_bench.whole_rows import WholeRows

SAMPLED_TOGETHER = 64
"""Prompts whose completions are sampled at a time."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A prompt, by its place in the split, with two answers."""

    place: int
    chosen: str
    rejected: str


def pairs(
    task: Task, items: Sequence[Item], seed: int, sample: Callable[[], Sequence[str | None]]
) -> list[Pair]:
    """Return the pairs of ``items``, in their order.

    Args:
        task: whose verifier prefers.
        items: the prompts.
        seed: of what is drawn from a closed set.
        sample: returns one completion of each prompt, None for one that was cut; called only
            where answers are open.

    Raises:
        ValueError: the verifier tells no two answers of any prompt apart, or gives no number.
    """
    closed = task.spec.answers is not None
    found = _of_closed_set(task, items, seed) if closed else _of_responses(task, items, sample())
    if not found:
        alike = "all answers" if closed else "response and sampled completion"
        raise ValueError(
            f"{task.spec.name}: there is nothing to prefer. The verifier rewards {alike} alike at "
            f"each of the {len(items)} prompts. Look at the verifier, or leave the DPO suites out."
        )
    return found


def sampled(
    model: Any, tokenizer: Any, prompts: Sequence[str], *, max_new_tokens: int, seed: int
) -> list[str | None]:
    """Return one completion of each prompt at temperature 1, the same for the same seed.

    None for a completion that was cut before its end: as an answer that ends there the policy
    never gave it.
    """
    bare = model.get_base_model() if hasattr(model, "peft_config") else model
    kind = WholeRows if branching.obstacle(bare) else branching.Branching
    padding, ends = tokenizer.pad_token_id, [tokenizer.eos_token_id]
    ids = tokenizer(list(prompts))["input_ids"]
    drawn: list[list[int]] = []
    with torch.random.fork_rng(), torch.inference_mode():
        torch.manual_seed(seed)
        for begin in range(0, len(ids), SAMPLED_TOGETHER):
            batch = kind(model, ids[begin : begin + SAMPLED_TOGETHER], padding, ends)
            drawn += batch.sample(1, max_new_tokens, temperature=1.0, top_p=1.0)
    texts = tokenizer.batch_decode(drawn, skip_special_tokens=True)
    cut = [len(ids) >= max_new_tokens and ids[-1] not in ends for ids in drawn]
    return [None if unended else text for text, unended in zip(texts, cut, strict=True)]


def _of_closed_set(task: Task, items: Sequence[Item], seed: int) -> list[Pair]:
    draw = random.Random(f"preferences/{task.spec.name}/{seed}")
    answers = task.spec.answers or ()
    by_item = zip(*(_rewards(task, items, [a] * len(items)) for a in answers), strict=True)
    found = []
    for place, rewards in enumerate(by_item):
        best = [a for a, reward in zip(answers, rewards, strict=True) if reward == max(rewards)]
        others = [answer for answer in answers if answer not in best]
        if others:
            chosen, rejected = draw.choice(best), draw.choice(others)
            found.append(Pair(place=place, chosen=chosen, rejected=rejected))
    return found


def _of_responses(task: Task, items: Sequence[Item], sampled: Sequence[str | None]) -> list[Pair]:
    ended = [(place, text) for place, text in enumerate(sampled) if text is not None]
    asked = [items[place] for place, _ in ended]
    texts, responses = [text for _, text in ended], [task.response(item) for item in asked]
    earned = zip(_rewards(task, asked, responses), _rewards(task, asked, texts), strict=True)
    return [
        Pair(place=place, chosen=response, rejected=text)
        for (place, text), response, (of_response, of_text) in zip(
            ended, responses, earned, strict=True
        )
        if of_text < of_response
    ]


def _rewards(task: Task, items: Sequence[Item], texts: Sequence[str]) -> list[float]:
    rewards = task.rewards(items, texts)
    for text, value in zip(texts, rewards, strict=True):
        if not math.isfinite(value):
            raise ValueError(
                f"{task.spec.name}: the verifier gave {value} to {text[:80]!r}, a finite number "
                "was needed. Look at the verifier."
            )
    return rewards
