"""Completions that branch from a prompt which is computed once.

Short answers to one prompt repeat each other, so a batch of them is a tree: the prompt is its
trunk, and completions that begin alike share a branch until they differ. Keys and values of a
prefix are computed once and copied to the branches that need them; a completion that has ended
costs nothing more.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer
from transformers.generation import (
    LogitsProcessorList,
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

ATTENTION = ("sdpa", "eager")
"""Attention implementations whose masks were tested with a cache behind a left-padded prompt."""


def obstacle(model: PreTrainedModel) -> str | None:
    """Return why completions of ``model`` cannot branch from a shared prompt; None if they can."""
    config = model.config
    kinds = {type(layer) for layer in DynamicCache(config=config).layers} - {DynamicLayer}
    if kinds:
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        return f"its cache has layers of another kind ({names})"
    if config._attn_implementation not in ATTENTION:
        return f"attention {config._attn_implementation!r} is not one of {', '.join(ATTENTION)}"
    takes = inspect.signature(model.base_model.forward).parameters
    missing = [name for name in ("position_ids", "past_key_values") if name not in takes]
    return f"the model takes no {missing[0]}" if missing else None


def pad_left(rows: Sequence[Sequence[int]], padding: int, device: Any) -> tuple[Tensor, Tensor]:
    """Return ``(N, width)`` token ids, padded on the left, and their mask of ones and zeros."""
    width = max(len(row) for row in rows)
    ids = [[padding] * (width - len(row)) + list(row) for row in rows]
    mask = [[0] * (width - len(row)) + [1] * len(row) for row in rows]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


def pad_right(rows: Sequence[Sequence[int]], padding: int, device: Any) -> tuple[Tensor, Tensor]:
    """Return ``(N, width)`` token ids, padded on the right, and their mask of ones and zeros."""
    width = max(len(row) for row in rows)
    ids = [list(row) + [padding] * (width - len(row)) for row in rows]
    mask = [[1] * len(row) + [0] * (width - len(row)) for row in rows]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


def warpers(
    *, temperature: float, top_p: float = 1.0, top_k: int | None = 0, min_p: float | None = None
) -> LogitsProcessorList:
    """Return what ``generate`` of transformers does to logits before it samples, in its order."""
    chosen = LogitsProcessorList()
    if temperature != 1.0:
        chosen.append(TemperatureLogitsWarper(temperature))
    if top_k:
        chosen.append(TopKLogitsWarper(top_k))
    if top_p < 1.0:
        chosen.append(TopPLogitsWarper(top_p))
    if min_p is not None:
        chosen.append(MinPLogitsWarper(min_p))
    return chosen


@dataclass
class Trunk:
    """Prompts, computed: what every completion of them starts from."""

    cache: DynamicCache
    logits: Tensor
    """``(P, V)`` of the token after each prompt, in fp32, or fp64 if the model is."""
    mask: Tensor
    """``(P, width)`` of ones and zeros: prompts are padded on the left."""

    @property
    def lengths(self) -> Tensor:
        """Tokens of each prompt ``(P,)``: the position of the token after it."""
        return self.mask.sum(dim=1)


def at_least_fp32(logits: Tensor) -> Tensor:
    """Return logits in fp32, or as they are where they are more precise."""
    return logits if logits.dtype == torch.float64 else logits.float()


def trunk(model: PreTrainedModel, prompts: Sequence[Sequence[int]], padding: int) -> Trunk:
    """Compute each prompt once; ``padding`` is the token id to pad with."""
    ids, mask = pad_left(prompts, padding, model.device)
    cache = DynamicCache(config=model.config)
    logits = model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=(mask.cumsum(dim=1) - 1).clamp(min=0),
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    ).logits[:, -1]
    return Trunk(cache, at_least_fp32(logits), mask)


def branch(cache: DynamicCache, parents: Tensor | None = None) -> DynamicCache:
    """Return keys and values of the rows ``parents``, or of all, and leave ``cache`` as it is."""
    grown = copy.copy(cache)
    grown.layers = [copy.copy(layer) for layer in cache.layers]
    if parents is not None:
        grown.batch_select_indices(parents)
    return grown


def answer_logps(
    model: PreTrainedModel,
    start: Trunk,
    answers: Sequence[Sequence[Sequence[int]]],
    temperatures: Sequence[float] = (1.0,),
) -> Tensor:
    """Return ``(K, P, A)``: log pi(answer | prompt) in nats, logits divided by each temperature.

    Args:
        model: the model that ``start`` was computed with.
        start: the P prompts.
        answers: for each of A answers its token ids after each prompt, the end of sequence
            included; of a closed set they are the same after every prompt.
        temperatures: the K divisors of the logits.
    """
    scores = []
    for after_prompt in answers:
        # What predicts the answer's tokens: the prompt, then all of them but the last.
        targets, labelled = pad_right(after_prompt, 0, start.mask.device)
        logits = start.logits[:, None]
        if targets.shape[1] > 1:
            places = torch.arange(targets.shape[1] - 1, device=targets.device)
            rest = model(
                input_ids=targets[:, :-1],
                attention_mask=torch.cat([start.mask, torch.ones_like(targets[:, :-1])], dim=1),
                position_ids=start.lengths[:, None] + places,
                past_key_values=branch(start.cache),
                use_cache=True,
            ).logits
            logits = torch.cat([logits, at_least_fp32(rest)], dim=1)
        scores.append(sum_logps(logits, targets, labelled, temperatures))
    return torch.stack(scores, dim=2)


def sum_logps(
    logits: Tensor, targets: Tensor, labelled: Tensor, temperatures: Sequence[float]
) -> Tensor:
    """Return ``(K, P)``: the log-probability of each row's labelled targets, in nats.

    Args:
        logits: ``(P, T, V)`` that predict the targets.
        targets: ``(P, T)`` token ids.
        labelled: ``(P, T)`` ones and zeros.
        temperatures: the K divisors of the logits.
    """
    # Of labelled rows alone, and as a matrix: so logsumexp takes two thirds of its time.
    there = labelled.bool()
    rows = logits[there]
    chosen = rows.gather(1, targets[there][:, None]).squeeze(1)
    found = torch.zeros(len(temperatures), *targets.shape, dtype=torch.float64, device=rows.device)
    for place, t in enumerate(temperatures):
        found[place, there] = (chosen / t - (rows / t).logsumexp(dim=1)).double()
    return found.sum(dim=2)


@torch.no_grad()
def sample(
    model: PreTrainedModel,
    start: Trunk,
    copies: Sequence[int],
    *,
    max_new_tokens: int,
    ends: Sequence[int],
    warp: Callable[..., Tensor],
) -> list[list[int]]:
    """Sample ``copies[i]`` independent completions of each prompt, as ``generate`` would.

    Completions that have begun alike are one row of the batch until they differ: each row's next
    tokens are drawn together from its one distribution. Draws come from torch's global generator.

    Args:
        model: the model that ``start`` was computed with.
        start: the prompts.
        copies: how many completions of each prompt, at least one.
        max_new_tokens: a completion without an end is cut there.
        ends: token ids that end a completion; the end is part of it.
        warp: from ``warpers``.

    Returns:
        Token ids, the completions of the first prompt first.
    """
    device = start.mask.device
    end_ids = torch.tensor(list(ends), device=device)
    cache, logits, mask, place = start.cache, start.logits, start.mask, start.lengths
    row = torch.arange(len(mask), device=device).repeat_interleave(
        torch.tensor(list(copies), device=device)
    )
    alive = torch.arange(len(row), device=device)  # completions that have not ended
    tokens = torch.full((len(row), max_new_tokens), -1, device=device)
    for step in range(max_new_tokens):
        # None of the warpers looks at what was said before.
        drawn = _draw(torch.softmax(warp(tokens, logits), dim=-1), row)
        tokens[alive, step] = drawn
        going = ~torch.isin(drawn, end_ids)
        if step + 1 == max_new_tokens or not going.any():
            break
        alive, begun = alive[going], torch.stack([row[going], drawn[going]], dim=1)
        branches, row = torch.unique(begun, dim=0, return_inverse=True)
        parents, ids = branches.split(1, dim=1)
        parents = parents.squeeze(1)
        cache = branch(cache, parents)
        mask = torch.cat([mask[parents], mask.new_ones(len(parents), 1)], dim=1)
        logits = model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=place[parents, None],
            past_key_values=cache,
            use_cache=True,
        ).logits[:, -1]
        logits, place = logits.float(), place[parents] + 1
    return [[token for token in line if token >= 0] for line in tokens.tolist()]


class Branching:
    """A batch of prompts that is computed once, for every answer and every sample."""

    def __init__(
        self, model: Any, prompts: Sequence[Sequence[int]], padding: int, ends: Sequence[int]
    ):
        """Compute the prompts; ``padding`` and ``ends`` are token ids."""
        self.model, self.ends = model, ends
        self.trunk = trunk(model, prompts, padding)

    def score(
        self, answers: Sequence[Sequence[Sequence[int]]], temperatures: Sequence[float]
    ) -> Tensor:
        """Return ``(K, P, A)``: log pi(answer | prompt), as ``answer_logps``."""
        return answer_logps(self.model, self.trunk, answers, temperatures)

    def sample(self, copies: int, tokens: int, temperature: float, top_p: float) -> list[list[int]]:
        """Sample ``copies`` completions of each prompt."""
        return sample(
            self.model,
            self.trunk,
            [copies] * len(self.trunk.mask),
            max_new_tokens=tokens,
            ends=self.ends,
            warp=warpers(temperature=temperature, top_p=top_p),
        )


def _draw(probabilities: Tensor, row: Tensor) -> Tensor:
    """Return one independent draw a completion, from the distribution of its row."""
    counts = torch.bincount(row, minlength=len(probabilities))
    draws = torch.multinomial(probabilities, int(counts.max()), replacement=True)
    order = torch.argsort(row, stable=True)
    rank = torch.empty_like(row)
    first = counts.cumsum(0) - counts
    rank[order] = torch.arange(len(row), device=row.device) - first[row[order]]
    return draws[row, rank]


def prefix_cache(
    model: PreTrainedModel, ids: Tensor, mask: Tensor, positions: Tensor
) -> DynamicCache:
    """Return keys and values of prefixes, with gradient where that is enabled; no head is run.

    Args:
        model: a causal language model.
        ids: ``(N, width)`` token ids, padded on the left.
        mask: ``(N, width)`` ones and zeros.
        positions: ``(width,)`` of the columns.
    """
    cache = DynamicCache(config=model.config)
    model.base_model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=positions.expand_as(ids),
        past_key_values=cache,
        use_cache=True,
    )
    return cache
