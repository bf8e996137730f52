"""GRPO that pays for unique work alone: TRL's GRPOTrainer with two forward passes replaced.

TRL samples, scores and differentiates each of the G completions of a prompt as if it shared
nothing with the others. Here a prompt is computed once, completions that begin alike are sampled
as one row until they differ, a completion that was drawn twice is scored once, and completions
without advantage are scored without gradient. TRL keeps the rest: rewards, advantages, loss,
denominators, metrics, optimizer, checkpoints. Same samples, same loss, same gradient.

Where that would not be the same, or cannot be done, TRL's own code runs and ``reasons`` says why.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import torch
from accelerate.utils import DistributedType
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedModel
from trl import GRPOTrainer
from trl.models import unwrap_model_for_generation

from coupling_bench import branching
from coupling_bench.stages.compact_head import compact_head

Context = Callable[[], AbstractContextManager[Any]]
ONE_PROCESS_HOLDS_THE_MODEL = {
    DistributedType.NO,
    DistributedType.MULTI_CPU,
    DistributedType.MULTI_GPU,
}


class UniqueGRPOTrainer(GRPOTrainer):
    """TRL's GRPOTrainer on unique work. Takes what GRPOTrainer takes."""

    def __init__(self, *args: Any, **kwargs: Any):
        """Prepare TRL's trainer and find out what of it has to stay."""
        super().__init__(*args, **kwargs)
        whole = self._why_not_at_all()
        self.reasons = {"scoring": whole, "sampling": whole} if whole else self._why_not_shared()
        self._advantages: Tensor | None = None

    def _why_not_at_all(self) -> str | None:
        """Return why equal rows cannot be computed as one; None if they can."""
        model: Any = self.accelerator.unwrap_model(self.model)
        dropout = any(isinstance(m, torch.nn.Dropout) and m.p > 0 for m in model.modules())
        if dropout or bool(getattr(model.config, "attention_dropout", False)):
            return "dropout makes equal rows unequal"
        if self.aux_loss_enabled:
            return "a mixture of experts balances its load over all rows"
        return "the model takes images" if self._is_vlm else None

    def _why_not_shared(self) -> dict[str, str]:
        """Return why prompts cannot be shared: {part of the work: reason}, empty if they can."""
        model, args = self._bare(self.model), cast(Any, self.args)
        prompts: str | None
        if self.accelerator.distributed_type not in ONE_PROCESS_HOLDS_THE_MODEL:
            prompts = "the model is split over processes"
        elif model is None:
            prompts = "the adapter puts tokens of its own before the prompt"
        else:
            prompts = branching.obstacle(model)
        sampling = prompts
        if self.use_vllm:
            sampling = "vLLM samples"
        elif self.use_transformers_continuous_batching:
            sampling = "continuous batching samples"
        elif args.generation_kwargs:
            sampling = f"generation_kwargs sets {', '.join(sorted(args.generation_kwargs))}"
        elif self.repetition_penalty != 1.0:
            sampling = "repetition_penalty looks back at each row"
        if not prompts and getattr(args, "activation_checkpointing", args.gradient_checkpointing):
            prompts = "gradient checkpointing keeps no keys and values"
        found = {"sampling": sampling, "prompts in training": prompts}
        return {part: reason for part, reason in found.items() if reason}

    def _bare(self, model) -> PreTrainedModel | None:
        """Return the transformers model in ``model``, adapters in place; None if there is more."""
        bare: Any = self.accelerator.unwrap_model(model)
        if not isinstance(bare, PeftModel):
            return bare
        more = bare.active_peft_config.is_prompt_learning
        return None if more else cast(Any, bare.get_base_model())

    def _tokenize_prompts(self, prompts):
        """Tokenise each distinct text once."""
        if not all(isinstance(prompt, str) for prompt in prompts):
            return super()._tokenize_prompts(prompts)
        distinct = list(dict.fromkeys(prompts))
        ids_of = dict(zip(distinct, super()._tokenize_prompts(distinct)[0], strict=True))
        return [ids_of[prompt] for prompt in prompts], None, {}

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
        with (
            unwrap_model_for_generation(
                self.model_wrapped,
                self.accelerator,
                generation_kwargs=self.generation_kwargs,
                gradient_checkpointing_kwargs=self.args.gradient_checkpointing_kwargs,
            ) as model,
            torch.no_grad(),
        ):
            sampled = branching.sample(
                model,
                branching.trunk(model, list(places), self._tokenizer.pad_token_id),
                [len(of_prompt) for of_prompt in places.values()],
                max_new_tokens=self.max_completion_length,
                ends=self.eos_token_ids,
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
        scored, order = [], []
        for members, context in self._by_gradient(equal, len(distinct)):
            for chunk in members.split(batch_size or len(distinct)):
                order.append(chunk)
                with context():
                    scored.append(self._score(model, distinct[chunk], logits_to_keep))
        back = torch.argsort(torch.cat(order))[equal]
        logps, entropies = (torch.cat(parts)[back] for parts in zip(*scored, strict=True))
        return logps, entropies if compute_entropy else None, None

    def _by_gradient(self, equal: Tensor, count: int) -> list[tuple[Tensor, Context]]:
        """Split distinct rows into those that need a gradient and those that need none.

        A row without advantage adds nothing to the gradient unless a KL penalty or an entropy
        bonus acts on it. One row is always kept: its gradient of zero reaches every parameter, so
        that the optimizer steps (AdamW's momentum moves the weights) and no process waits.
        """
        everyone = torch.arange(count, device=equal.device)
        if self._advantages is None or self.beta != 0.0 or self._entropy_bonus_enabled:
            return [(everyone, nullcontext)]
        advantages = self._advantages.view(len(equal), -1)
        needed = torch.zeros(count, dtype=torch.bool, device=equal.device)
        needed[equal[(advantages != 0).any(dim=1)]] = True
        if not needed.any():
            needed[0] = True
        split = ((everyone[needed], nullcontext), (everyone[~needed], torch.no_grad))
        return [(members, context) for members, context in split if len(members)]

    def _score(self, model, rows: Tensor, width: int) -> tuple[Tensor, Tensor]:
        """Return log-probabilities and entropies ``(N, width)`` of the last ``width`` tokens.

        Args:
            model: TRL's, with its fused head.
            rows: ``(N, 2, length)``, token ids and mask; prompts are padded on the left.
            width: of the completions, padded on the right.
        """
        ids, mask = rows.unbind(1)
        if "prompts in training" in self.reasons:
            with compact_head():
                logps, entropies, _ = super()._get_per_token_logps_and_entropies(
                    model, ids, mask, width, compute_entropy=True
                )
            return logps, entropies
        # What is padding in every row is left out; the rest keeps the position that TRL gives it.
        start = int(mask.any(dim=0).to(torch.uint8).argmax())
        begin = ids.shape[1] - width - 1  # a prompt's last token predicts the completion's first
        prefixes, owner = torch.unique(rows[:, :, start:begin], dim=0, return_inverse=True)
        positions = torch.arange(ids.shape[1], device=ids.device)
        labels = ids.masked_fill(mask == 0, -100)
        bare, cache = self._bare(model), None
        with self.accelerator.autocast(), compact_head():
            if bare is not None and begin > start:
                columns = positions[start:begin]
                trunk = branching.prefix_cache(bare, prefixes[:, 0], prefixes[:, 1], columns)
                cache = branching.branch(trunk, owner)
            outputs = model(
                input_ids=ids[:, begin:-1],
                attention_mask=mask[:, start:-1],
                position_ids=positions[begin:-1].expand(len(ids), -1),
                past_key_values=cache,
                shift_labels=labels[:, begin + 1 :],
                fused_lm_head=True,
            )
        return outputs.log_probs, outputs.entropy
