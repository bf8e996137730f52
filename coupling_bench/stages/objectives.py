"""What exact training makes small or large: summed over the closed set of answers, with gradient.

log pi(y, end|x) of every answer is that of ``branching``, as the probe computes it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from coupling_bench import branching, models, tasks
from coupling_bench.fingerprint import address
from coupling_bench.prompting import answer_ids, prompt_texts
from coupling_bench.specs import ExactSpec, model_of
from coupling_bench.stages.training import check_lengths

PROMPTS_AT_A_TIME = 256
"""Prompts in one forward pass: more are several passes, whose gradients add."""
LEAST_REST = {"float32": 1e-6, "float64": 1e-12}
"""What is left to anything but the answers is known to about so much, and counts as no less."""


def draw(spec: ExactSpec, many: int) -> list[int]:
    """Return which of ``many`` items of the split are trained on: the same for the same seed."""
    order = list(range(many))
    random.Random(f"exact/prompts/{spec.seed}").shuffle(order)
    if spec.prompts is not None and spec.prompts > many:
        raise ValueError(
            f"{address(spec)}: it is to train on {spec.prompts} prompts, and {spec.task.name} has "
            f"{many} for SFT. Lower prompts, or leave it out for all."
        )
    return sorted(order[: spec.prompts])


@dataclass(kw_only=True)
class Objective:
    """N prompts with the tokens of A answers, and what the answers are worth."""

    spec: ExactSpec
    padding: int
    prompts: list[list[int]]
    answers: list[list[list[int]]]
    """For each answer its tokens after each prompt, the end of sequence included."""
    demonstrated: Tensor
    """p_D, ``(N, A)``."""
    rewards: Tensor
    """``(N, A)``."""
    other_reward: float
    start_logps: Tensor | None = None
    """log pi(y, end|x) of the policy that training starts from, ``(N, A)``, where beta needs it."""

    @classmethod
    def of(cls, spec: ExactSpec, model: Any, tokenizer: Any) -> Objective:
        """Return what ``spec`` trains on, as ``model`` reads it.

        Raises:
            ValueError: answers are open, cannot branch from their prompts, or do not fit.
        """
        task = tasks.load(spec.task)
        reason = branching.obstacle(model) if task.spec.answers else "the task's answers are open"
        if reason or task.spec.answers is None:
            raise ValueError(
                f"{address(spec)}: answers cannot be summed over, because {reason}. Train with "
                "TRL's stages instead (SFTSpec, GRPOSpec)."
            )
        every = task.splits["sft"]
        places = draw(spec, len(every))
        items = [every[place] for place in places]
        texts = prompt_texts(model_of(spec), tokenizer, task, items)
        of_all = [[text] * len(items) for text in task.spec.answers]
        objective = cls(
            spec=spec,
            padding=tokenizer.pad_token_id,
            prompts=tokenizer(texts)["input_ids"],
            answers=[answer_ids(tokenizer, texts, of_each) for of_each in of_all],
            demonstrated=torch.tensor(task.demonstrated("sft")[places], device=model.device),
            rewards=torch.tensor(
                [task.rewards(items, of_each) for of_each in of_all], device=model.device
            ).T.double(),
            other_reward=task.reward_of_no_answer,
        )
        rows = [
            {"input_ids": [*prompt, *max(answers, key=len)]}
            for prompt, *answers in zip(objective.prompts, *objective.answers, strict=True)
        ]
        check_lengths(spec, rows, tokenizer, models.context(model, tokenizer))
        if spec.beta:
            with torch.no_grad():
                objective.start_logps = torch.cat(
                    [objective.logps(model, part) for part in _parts(range(len(objective)))]
                )
        return objective

    def __len__(self) -> int:
        """Return the number of prompts."""
        return len(self.prompts)

    def logps(self, model: Any, places: Sequence[int]) -> Tensor:
        """Return log pi(y, end|x) in nats, ``(P, A)`` in fp64, with gradient."""
        trunk = branching.trunk(model, [self.prompts[place] for place in places], self.padding)
        after = [[of_each[place] for place in places] for of_each in self.answers]
        return branching.answer_logps(model, trunk, after)[0]

    def by_prompt(self, logps: Tensor, places: Sequence[int]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return what is made small, ``(P,)``, and its parts by the name that they are logged by.

        Args:
            logps: ``(P, A)``.
            places: of the P prompts.
        """
        index = torch.as_tensor(list(places), device=logps.device)
        if self.spec.objective == "loss":
            loss = -(self.demonstrated[index] * logps).sum(dim=1)
            return loss, {"loss": loss}
        chances = logps.exp()
        earned = (chances * self.rewards[index]).sum(dim=1)
        reward = earned + (1 - chances.sum(dim=1)) * self.other_reward
        if self.start_logps is None:
            return -reward, {"reward": reward}
        kl = self._kl(logps, self.start_logps[index])
        return self.spec.beta * kl - reward, {"reward": reward, "kl": kl}

    def _kl(self, logps: Tensor, start: Tensor) -> Tensor:
        """KL(pi || start) of each prompt in nats: over the answers, and anything else as one.

        Anything else earns one reward, so the optimum leaves it as it is within itself, and
        counting it as one outcome loses nothing there.
        """
        least = LEAST_REST[self.spec.dtype]
        rest, before = ((1 - of.exp().sum(dim=1)).clamp(min=least) for of in (logps, start))
        return (logps.exp() * (logps - start)).sum(dim=1) + rest * (rest / before).log()

    def backward(self, model: Any, places: Sequence[int]) -> dict[str, float]:
        """Add the gradient of the mean over prompts to the model's; return the means."""
        by_length = sorted(places, key=lambda place: len(self.prompts[place]))
        totals: dict[str, float] = {}
        for part in _parts(by_length):
            small, logged = self.by_prompt(self.logps(model, part), part)
            small.sum().div(len(places)).backward()
            for name, values in logged.items():
                totals[name] = totals.get(name, 0.0) + float(values.detach().sum()) / len(places)
        return totals


def _parts(places: Sequence[int]) -> Iterator[Sequence[int]]:
    for at in range(0, len(places), PROMPTS_AT_A_TIME):
        yield places[at : at + PROMPTS_AT_A_TIME]
