"""Completions that branch from a prompt which is computed once.

Short answers to one prompt repeat each other, so a batch of them is a tree: the prompt is its
trunk, and completions that begin alike share a branch until they differ. Keys and values of a
prefix are computed once and copied to the branches that need them; a completion that has ended
costs nothing more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer
from transformers.generation import (
    LogitsProcessorList,
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

if TYPE_CHECKING:
    from torch import Tensor

ATTENTION = ("sdpa", "eager")
"""Attention implementations whose masks were tested with a cache behind a left-padded prompt."""


def obstacle(model: PreTrainedModel) -> str | None:
    """Return why completions of ``model`` cannot branch from a shared prompt; None if they can."""
    config = model.config
    cache = DynamicCache(config=config)
    if any(type(layer) is not DynamicLayer for layer in cache.layers):
        kinds = sorted({type(layer).__name__ for layer in cache.layers} - {"DynamicLayer"})
        return f"its cache has layers of another kind ({', '.join(kinds)})"
    if config._attn_implementation not in ATTENTION:
        return f"attention {config._attn_implementation!r} is not one of {', '.join(ATTENTION)}"
    return None


def pad_left(rows: Sequence[Sequence[int]], padding: int, device: Any) -> tuple[Tensor, Tensor]:
    """Return ``(N, width)`` token ids, padded on the left, and their mask of ones and zeros."""
    width = max(len(row) for row in rows)
    ids = [[padding] * (width - len(row)) + list(row) for row in rows]
    mask = [[0] * (width - len(row)) + [1] * len(row) for row in rows]
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


@torch.no_grad()
def sample(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    copies: Sequence[int],
    *,
    max_new_tokens: int,
    ends: Sequence[int],
    padding: int,
    warp: LogitsProcessorList,
) -> list[list[int]]:
    """Sample ``copies[i]`` independent completions of each prompt, as ``generate`` would.

    Completions that have begun alike are one row of the batch until they differ: each row's next
    tokens are drawn together from its one distribution. Draws come from torch's global generator.

    Args:
        model: in whatever mode it is; its weights are not touched.
        prompts: token ids, at least one each.
        copies: how many completions of each prompt, at least one.
        max_new_tokens: a completion without an end is cut there.
        ends: token ids that end a completion; the end is part of it.
        padding: token id to pad prompts with.
        warp: from ``warpers``.

    Returns:
        Token ids, the completions of the first prompt first.
    """
    device = model.device
    ids, mask = pad_left(prompts, padding, device)
    end_ids = torch.tensor(list(ends), device=device)
    place = mask.sum(dim=1)  # of the next token in its sequence
    cache = DynamicCache(config=model.config)
    positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
    row = torch.arange(len(prompts), device=device).repeat_interleave(
        torch.tensor(list(copies), device=device)
    )
    alive = torch.arange(len(row), device=device)  # completions that have not ended
    tokens = torch.full((len(row), max_new_tokens), -1, device=device)
    for step in range(max_new_tokens):
        logits = model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]
        drawn = _draw(torch.softmax(warp(ids, logits.float()), dim=-1), row)
        tokens[alive, step] = drawn
        going = ~torch.isin(drawn, end_ids)
        if step + 1 == max_new_tokens or not going.any():
            break
        alive, begun = alive[going], torch.stack([row[going], drawn[going]], dim=1)
        branches, row = torch.unique(begun, dim=0, return_inverse=True)
        parents, ids = branches[:, 0], branches[:, 1:]
        cache.batch_select_indices(parents)
        mask = torch.cat([mask[parents], mask.new_ones(len(parents), 1)], dim=1)
        place = place[parents]
        positions, place = place[:, None], place + 1
    return [[token for token in line if token >= 0] for line in tokens.tolist()]


def _draw(probabilities: Tensor, row: Tensor) -> Tensor:
    """Return one independent draw a completion, from the distribution of its row."""
    counts = torch.bincount(row, minlength=len(probabilities))
    draws = torch.multinomial(probabilities, int(counts.max()), replacement=True)
    order = torch.argsort(row, stable=True)
    rank = torch.empty_like(row)
    first = counts.cumsum(0) - counts
    rank[order] = torch.arange(len(row), device=row.device) - first[row[order]]
    return draws[row, rank]


def prefix_cache(model: PreTrainedModel, ids: Tensor, mask: Tensor, start: int) -> DynamicCache:
    """Return keys and values of prefixes ``(N, width)``, with gradient where that is enabled.

    Args:
        model: a causal language model; its head is not run.
        ids: token ids, padded on the left.
        mask: ones and zeros.
        start: position of the first column.
    """
    cache = DynamicCache(config=model.config)
    columns = torch.arange(start, start + ids.shape[1], device=ids.device)
    model.base_model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=columns.expand_as(ids),
        past_key_values=cache,
        use_cache=True,
    )
    return cache
