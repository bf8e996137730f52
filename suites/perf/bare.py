"""The unique work of a GRPO step as a bare PyTorch loop: no trainer, no dataset, no metrics.

It stands for what a step costs at least in PyTorch: sample, reward, one forward and backward pass
of the rows that have an advantage, clip, AdamW. Loss "dapo", rewards scaled by group, no penalty.
"""

from __future__ import annotations

import random
from pathlib import Path

import torch

from coupling_bench import branching, models, tasks
from coupling_bench.prompting import answer_ids
from coupling_bench.specs import GRPOSpec


class BareGRPO:
    """Calling it takes one optimizer step."""

    def __init__(self, spec: GRPOSpec, start: Path):
        """Load the checkpoint in ``start`` and tokenise the prompts of ``spec``."""
        self.spec = spec
        self.model, self.tokenizer = models.load(start)
        self.model.train()
        task = tasks.load(spec.task)
        items = task.splits["rl"]
        texts = [task.prompt(item) for item in items]
        right = answer_ids(self.tokenizer, texts, [spec.task.answers[i.truth] for i in items])
        self.rows = list(zip(self.tokenizer(texts)["input_ids"], right, strict=True))
        self.draw = random.Random(spec.seed)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=spec.learning_rate,
            betas=(spec.adam_beta1, spec.adam_beta2),
            eps=spec.adam_epsilon,
            weight_decay=spec.weight_decay,
        )

    def __call__(self) -> None:
        """Sample, reward, differentiate and step."""
        spec, model, padding = self.spec, self.model, self.tokenizer.pad_token_id
        group = spec.num_generations
        chosen = self.draw.sample(self.rows, spec.prompts_per_step)
        prompts = [prompt for prompt, _ in chosen]
        with torch.no_grad():
            sampled = branching.sample(
                model,
                branching.trunk(model, prompts, padding),
                [group] * len(prompts),
                max_new_tokens=spec.max_completion_length,
                ends=[self.tokenizer.eos_token_id],
                warp=branching.warpers(
                    temperature=spec.temperature, top_p=spec.top_p, top_k=spec.top_k
                ),
            )
        right = [row == chosen[number // group][1] for number, row in enumerate(sampled)]
        rewards = torch.tensor(right).float().view(-1, group) * 2 - 1
        advantages = rewards - rewards.mean(dim=1, keepdim=True)
        advantages = (advantages / (rewards.std(dim=1, keepdim=True) + 1e-4)).flatten().tolist()

        weights: dict[tuple[int, tuple[int, ...]], float] = {}
        for number, (row, advantage) in enumerate(zip(sampled, advantages, strict=True)):
            key = (number // group, tuple(row))
            weights[key] = weights.get(key, 0.0) + advantage
        weights = {key: weight for key, weight in weights.items() if weight != 0.0}
        self.optimizer.zero_grad()
        if weights:
            loss = self._loss(prompts, weights) / sum(len(row) for row in sampled)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), spec.max_grad_norm)
        self.optimizer.step()

    def _loss(self, prompts, weights) -> torch.Tensor:
        """Return minus the weighted log-probability of the rows, each prompt computed once."""
        alive = sorted({owner for owner, _ in weights})
        place = {owner: number for number, owner in enumerate(alive)}
        trunk = branching.trunk(
            self.model, [prompts[owner] for owner in alive], self.tokenizer.pad_token_id
        )
        parents = torch.tensor([place[owner] for owner, _ in weights])
        width = max(len(row) for _, row in weights)
        ids = torch.tensor([list(row) + [-1] * (width - len(row)) for _, row in weights])
        logits = trunk.logits[parents, None]
        if width > 1:
            mask = torch.cat([trunk.mask[parents], (ids[:, :-1] >= 0).long()], dim=1)
            rest = self.model(
                input_ids=ids[:, :-1].clamp(min=0),
                attention_mask=mask,
                position_ids=trunk.lengths[parents, None] + torch.arange(width - 1),
                past_key_values=branching.branch(trunk.cache, parents),
                use_cache=True,
            ).logits
            logits = torch.cat([logits, rest], dim=1)
        logps = torch.log_softmax(logits, dim=2).gather(2, ids.clamp(min=0)[..., None]).squeeze(2)
        totals = logps.masked_fill(ids < 0, 0.0).sum(dim=1)
        return -(totals * torch.tensor(list(weights.values()))).sum()
