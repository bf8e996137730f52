"""GRPO that pays for unique work alone: TRL's GRPOTrainer with two forward passes replaced.

TRL samples, scores and differentiates each of the G completions of a prompt as if it shared
nothing with the others. Here a prompt is computed once, completions that begin alike are sampled
as one row until they differ, a completion that was drawn twice is scored once, and completions
without advantage are scored without gradient. TRL keeps the rest: rewards, advantages, loss,
denominators, metrics, optimizer, checkpoints. Same samples, same loss, same gradient.

Where that would not be the same, or cannot be done, TRL's own code runs and ``reasons`` says why.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest import mock

import torch
from accelerate.utils import DistributedType
from peft import PeftModel
from torch import Tensor
from trl import GRPOTrainer
from trl.models import unwrap_model_for_generation

from coupling_bench import branching

ONE_PROCESS_HOLDS_THE_MODEL = {
    DistributedType.NO,
    DistributedType.MULTI_CPU,
    DistributedType.MULTI_GPU,
}


@contextmanager
def compact_head() -> Iterator[None]:
    """Let TRL's fused LM head project only the positions that have a label.

    TRL does so where Triton runs and projects every position elsewhere, to spare compiled devices
    changing shapes; on a CPU that only costs. Numbers differ by the order of sums.
    """
    with mock.patch("trl.trainer.utils._use_triton", lambda device: True):
        yield


class UniqueGRPOTrainer(GRPOTrainer):
    """TRL's GRPOTrainer on unique work. Takes what GRPOTrainer takes."""

    def __init__(self, *args: Any, **kwargs: Any):
        """Prepare TRL's trainer and find out what of it has to stay."""
        super().__init__(*args, **kwargs)
        self.reasons = self._find_reasons()
        self._advantages: Tensor | None = None

    def _find_reasons(self) -> dict[str, str]:
        """Return why parts of the work cannot be shared: {part: reason}, empty if all can be."""
        model = self.accelerator.unwrap_model(self.model)
        dropout = any(isinstance(m, torch.nn.Dropout) and m.p > 0 for m in model.modules())
        everything = (
            "dropout makes equal rows unequal"
            if dropout or getattr(model.config, "attention_dropout", 0.0)
            else "the model takes images"
            if self._is_vlm
            else "a mixture of experts balances its load over all rows"
            if self.aux_loss_enabled
            else None
        )
        if everything:
            return {"sampling": everything, "scoring": everything}
        prefix = (
            "the model is split over processes"
            if self.accelerator.distributed_type not in ONE_PROCESS_HOLDS_THE_MODEL
            else "the adapter is no LoRA"
            if isinstance(model, PeftModel) and model.active_peft_config.is_prompt_learning
            else branching.obstacle(model)
        )
        unknown = set(self.args.generation_kwargs or {})
        sampling = (
            "vLLM samples"
            if self.use_vllm
            else "continuous batching samples"
            if self.use_transformers_continuous_batching
            else "a rollout function samples"
            if self.rollout_func is not None or self.tools
            else f"generation_kwargs sets {', '.join(sorted(unknown))}"
            if unknown
            else "repetition_penalty looks back at each row"
            if self.repetition_penalty != 1.0
            else prefix
        )
        sharing = prefix or (
            "gradient checkpointing keeps no keys and values"
            if getattr(model, "is_gradient_checkpointing", False)
            else None
        )
        found = {"sampling": sampling, "shared prompts in training": sharing}
        return {part: reason for part, reason in found.items() if reason}

    def _generate_single_turn(
        self, prompt_ids, images, multimodal_fields, num_generations, has_tool_images=False
    ):
        """Sample one completion for each of ``prompt_ids``: equal prompts share their trunk."""
        if "sampling" in self.reasons:
            return super()._generate_single_turn(
                prompt_ids, images, multimodal_fields, num_generations, has_tool_images
            )
        places: dict[tuple[int, ...], list[int]] = {}
        for place, ids in enumerate(prompt_ids):
            places.setdefault(tuple(ids), []).append(place)
        with unwrap_model_for_generation(
            self.model_wrapped,
            self.accelerator,
            generation_kwargs=self.generation_kwargs,
            gradient_checkpointing_kwargs=self.args.gradient_checkpointing_kwargs,
        ) as model:
            sampled = branching.sample(
                model,
                list(places),
                [len(of_prompt) for of_prompt in places.values()],
                max_new_tokens=self.max_completion_length,
                ends=self.eos_token_ids,
                padding=self._tokenizer.pad_token_id,
                warp=branching.warpers(
                    temperature=self.temperature,
                    top_p=self.top_p,
                    top_k=self.top_k,
                    min_p=self.min_p,
                ),
            )
        completions: list[list[int]] = [[]] * len(prompt_ids)
        flat = (place for of_prompt in places.values() for place in of_prompt)
        for place, completion in zip(flat, sampled, strict=True):
            completions[place] = completion
        return completions, None

    def _compute_loss(self, model, inputs):
        """Compute TRL's loss; its rows' advantages say which of them need a gradient."""
        self._advantages = inputs["advantages"]
        try:
            return super()._compute_loss(model, inputs)
        finally:
            self._advantages = None

    def _get_per_token_logps_and_entropies(
        self,
        model,
        input_ids,
        attention_mask,
        logits_to_keep,
        batch_size=None,
        compute_entropy=False,
        compute_aux_loss=False,
        **multimodal: Any,
    ):
        """Score each distinct row once, then give every row what its equal has."""
        if "scoring" in self.reasons:
            return super()._get_per_token_logps_and_entropies(
                model, input_ids, attention_mask, logits_to_keep, batch_size, compute_entropy,
                compute_aux_loss, **multimodal,
            )  # fmt: skip
        rows = torch.stack([input_ids, attention_mask], dim=1)
        distinct, equal = torch.unique(rows, dim=0, return_inverse=True)
        size = batch_size or len(distinct)
        scored, order = [], []
        for members, context in self._by_gradient(equal, len(distinct)):
            order.append(members)
            for chunk in members.split(size):
                with context:
                    scored.append(
                        self._score(model, *distinct[chunk].unbind(1), logits_to_keep, compute_entropy)
                    )
        back = torch.argsort(torch.cat(order))[equal]
        logps = torch.cat([part[0] for part in scored])[back]
        entropies = torch.cat([part[1] for part in scored])[back] if compute_entropy else None
        return logps, entropies, None

    def _by_gradient(self, equal: Tensor, count: int) -> list[tuple[Tensor, Any]]:
        """Split distinct rows into those that need a gradient and those that need none.

        A row without advantage adds nothing to the gradient unless a KL penalty or an entropy
        bonus acts on it. One row is always kept: its gradient of zero reaches every parameter, so
        that the optimizer steps (AdamW's momentum moves the weights) and no process waits.
        """
        everyone = torch.arange(count, device=equal.device)
        if self._advantages is None or self.beta != 0.0 or self._entropy_bonus_enabled:
            return [(everyone, nullcontext())]
        advantages = self._advantages
        moving = (advantages if advantages.dim() == 1 else advantages.abs().sum(dim=1)) != 0
        needed = torch.zeros(count, dtype=torch.bool, device=equal.device)
        needed[equal[moving]] = True
        if not needed.any():
            needed[0] = True
        split = [(everyone[needed], nullcontext()), (everyone[~needed], torch.no_grad())]
        return [(members, context) for members, context in split if len(members)]

    def _score(
        self, model, ids: Tensor, mask: Tensor, width: int, compute_entropy: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Return log-probabilities and entropies ``(rows, width)`` of the last ``width`` tokens."""
        if "shared prompts in training" in self.reasons:
            with compact_head():
                logps, entropies, _ = super()._get_per_token_logps_and_entropies(
                    model, ids, mask, width, compute_entropy=compute_entropy
                )
            return logps, entropies
        # Columns that are padding everywhere; what is left keeps its position, as TRL counts it.
        start = int(mask.any(dim=0).to(torch.uint8).argmax())
        begin = ids.shape[1] - width - 1  # a prompt's last token predicts the completion's first
        prefix = torch.stack([ids[:, start:begin], mask[:, start:begin]], dim=1)
        distinct, owner = torch.unique(prefix, dim=0, return_inverse=True)
        bare = self.accelerator.unwrap_model(model)
        bare = bare.get_base_model() if isinstance(bare, PeftModel) else bare
        columns = torch.arange(begin, ids.shape[1] - 1, device=ids.device)
        with self.accelerator.autocast(), compact_head():
            cache = None
            if begin > start:
                cache = branching.prefix_cache(bare, *distinct.unbind(1), start)
                cache.batch_select_indices(owner)
            outputs = model(
                input_ids=ids[:, begin:-1],
                attention_mask=mask[:, start:-1],
                position_ids=columns.expand(len(ids), -1),
                past_key_values=cache,
                shift_labels=ids[:, begin + 1 :].masked_fill(mask[:, begin + 1 :] == 0, -100),
                fused_lm_head=True,
            )
        return outputs.log_probs, outputs.entropy if compute_entropy else None
