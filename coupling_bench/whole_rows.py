"""Completions of models that cannot branch: every prompt with its completion as a row of its own.

The slower way, for what ``branching.obstacle`` names: sliding windows, recurrent states, positions
that the model counts itself. Same numbers, same distributions.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig

from coupling_bench.branching import pad_left, sum_logps


class WholeRows:
    """A batch of prompts, computed anew for every answer; used as ``branching.Branching`` is."""

    def __init__(
        self, model: Any, prompts: Sequence[Sequence[int]], padding: int, ends: Sequence[int]
    ):
        """Keep the prompts; ``padding`` and ``ends`` are token ids."""
        self.model, self.prompts, self.padding, self.ends = model, prompts, padding, ends

    def score(
        self, answers: Sequence[Sequence[Sequence[int]]], temperatures: Sequence[float]
    ) -> Tensor:
        """Return ``(K, P, A)``: log pi(answer | prompt), as ``branching.answer_logps``."""
        scores = []
        for after_prompt in answers:
            rows = [[*p, *a] for p, a in zip(self.prompts, after_prompt, strict=True)]
            ids, mask = pad_left(rows, self.padding, self.model.device)
            longest = max(len(answer) for answer in after_prompt)
            logits = self.model(**_inputs(self.model, ids, mask), use_cache=False).logits
            first = [longest - len(answer) for answer in after_prompt]
            places = torch.arange(longest, device=ids.device)
            labelled = places >= torch.tensor(first, device=ids.device)[:, None]
            logits = logits[:, -longest - 1 : -1].float()
            scores.append(sum_logps(logits, ids[:, -longest:], labelled, temperatures))
        return torch.stack(scores, dim=2)

    def sample(self, copies: int, tokens: int, temperature: float, top_p: float) -> list[list[int]]:
        """Sample ``copies`` completions of each prompt with transformers' own ``generate``."""
        repeated = [prompt for prompt in self.prompts for _ in range(copies)]
        ids, mask = pad_left(repeated, self.padding, self.model.device)
        settings = GenerationConfig(
            do_sample=True, temperature=temperature, top_p=top_p, top_k=0,
            max_new_tokens=tokens, eos_token_id=list(self.ends), pad_token_id=self.padding,
        )  # fmt: skip
        whole = self.model.generate(input_ids=ids, attention_mask=mask, generation_config=settings)
        rows = whole[:, ids.shape[1] :].tolist()
        ended = (next((n for n, t in enumerate(row) if t in self.ends), len(row)) for row in rows)
        return [row[:end] for row, end in zip(rows, ended, strict=True)]


def _inputs(model: Any, ids: Tensor, mask: Tensor) -> dict[str, Tensor]:
    inputs = {"input_ids": ids, "attention_mask": mask}
    if "position_ids" in inspect.signature(model.forward).parameters:
        inputs["position_ids"] = (mask.cumsum(dim=1) - 1).clamp(min=0)
    return inputs
