"""RL that pays for unique work alone: TRL's online trainers with two forward passes replaced.

TRL samples, scores and differentiates each of the G completions of a prompt as if it shared
nothing with the others. Here a prompt is computed once, completions that begin alike are sampled
as one row until they differ, a completion that was drawn twice is scored once, and completions
without advantage are scored without gradient. TRL keeps the rest: rewards, advantages, loss,
denominators, metrics, optimizer, checkpoints. Same samples, same loss, same gradient.

Where that would not be the same, or cannot be done, TRL's own code runs and ``reasons`` says why.

``UniqueWork`` is a mixin for trainers that sample completions of prompts and score them by
``_get_per_token_logps_and_entropies``: GRPO (``unique_grpo``) and RLOO (``unique_rloo``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import torch
from peft import PeftModel, PeftType
from torch import Tensor
from transformers import GenerationConfig, PreTrainedModel
from trl.models import unwrap_model_for_generation

from coupling_bench import branching
from coupling_bench.stages.compact_head import compact_head
from coupling_bench.stages.trials import has_dropout, trying

if TYPE_CHECKING:
    from trl import GRPOTrainer as Trainer
else:
    Trainer = object  # a mixin: TRL's trainer stands behind it in the order of the classes

SAMPLED = {
    "max_new_tokens", "max_length", "do_sample", "temperature", "top_p", "top_k", "min_p",
    "pad_token_id", "bos_token_id", "eos_token_id",
    "disable_compile", "use_cache", "transformers_version", "_from_model_config",
}  # fmt: skip
"""What ``branching.sample`` knows of a generation config, and what does not touch the samples."""
SAME = {torch.float32: 1e-3}
"""Largest difference of log-probabilities that are computed in two ways; 0.1 in half precision."""


class UniqueWork(Trainer):
    """What a trainer of TRL puts before it in its bases to pay for unique work alone."""

    def __init__(self, *args: Any, **kwargs: Any):
        """Prepare TRL's trainer and find out what of it has to stay."""
        super().__init__(*args, **kwargs)
        self._advantages: Tensor | None = None
        self.reasons: dict[str, str] = {}
        whole = self._why_not_at_all()
        self.reasons = {"scoring": whole, "sampling": whole} if whole else self._why_not_shared()

    def _why_not_at_all(self) -> str | None:
        """Return why equal rows cannot be computed as one; None if they can."""
        if self.is_deepspeed_enabled or self.is_fsdp_enabled:
            return "every process has to take part in each forward pass"
        if self.aux_loss_enabled:
            return "a mixture of experts balances its load over all rows"
        if self._is_vlm:
            return "the model takes images"
        plain = super()._get_per_token_logps_and_entropies
        first, second = self._trial(plain), self._trial(plain)
        same = self._same(first, second) and self._same(first[0], first[1])
        if not same or has_dropout(self._unwrapped):
            return "dropout, or noise of another kind, makes equal rows unequal"
        return None

    def _why_not_shared(self) -> dict[str, str]:
        """Return why prompts cannot be shared: {part of the work: reason}, empty if they can."""
        bare = self._bare(self.model)
        prompts = branching.obstacle(bare) if bare is not None else "the adapter is no plain LoRA"
        found = {"sampling": self._why_not_sampled() or prompts, "prompts in training": prompts}
        checkpointed = any(
            getattr(m, "gradient_checkpointing", False) for m in self._unwrapped.modules()
        )
        if prompts is None and (checkpointed or self.args.gradient_checkpointing):
            found["prompts in training"] = "gradient checkpointing keeps no keys and values"
        elif prompts is None:
            whole = self._trial(super()._get_per_token_logps_and_entropies)
            if not self._same(whole, self._trial(self._get_per_token_logps_and_entropies)):
                found = dict.fromkeys(found, "its numbers change where the prompt is shared")
        return {part: reason for part, reason in found.items() if reason}

    def _why_not_sampled(self) -> str | None:
        """Return what the samples depend on besides temperature, top_p, top_k and min_p."""
        if self.use_vllm:
            return "vLLM samples"
        if self.use_transformers_continuous_batching:
            return "continuous batching samples"
        with unwrap_model_for_generation(
            self.model, self.accelerator, generation_kwargs=self.generation_kwargs
        ) as model:
            # What transformers makes of the trainer's settings, the checkpoint's own and its
            # defaults; and of its defaults alone.
            prepare = model._prepare_generation_config
            self._sampling = prepare(self.generation_config)[0]
            nothing = SimpleNamespace(generation_config=GenerationConfig(), config=model.config)
            neutral = prepare.__func__(nothing, GenerationConfig())[0].to_dict()
        known = SAMPLED | {name for name in neutral if name.startswith("output_")}
        others = sorted(
            name
            for name, value in self._sampling.to_dict().items()
            if name not in known and value != neutral.get(name)
        )
        return f"generation sets {', '.join(others)}" if others else None

    def _trial(self, score: Callable[..., Any]) -> Tensor:
        """Return the log-probabilities ``(4, 3)`` that ``score`` gives to rows made up for a trial.

        Prompts of different lengths, the first two rows equal; in training mode, as in training.
        """
        rows = [[3, 4, 5, 6, 7, 8, 9, 10], [3, 4, 5, 6, 7, 8, 9, 10], [3, 4, 5, 6, 7, 9, 9, 8]]
        ids, mask = branching.pad_left([*rows, [6, 4, 11, 8, 10]], 0, self._unwrapped.device)
        ids = ids % self._unwrapped.config.get_text_config().vocab_size
        with trying(self._unwrapped) as model:
            return score(model, ids, mask, 3, compute_entropy=True)[0].float()

    def _same(self, first: Tensor, second: Tensor) -> bool:
        """Say whether two ways to compute log-probabilities agree but for rounding."""
        dtype = torch.bfloat16 if self.args.bf16 or self.args.fp16 else self._unwrapped.dtype
        return torch.allclose(first, second, rtol=0, atol=SAME.get(dtype, 0.1))

    @property
    def _unwrapped(self) -> Any:
        """The model that is trained, without what distributes it."""
        return self.accelerator.unwrap_model(self.model)

    def _bare(self, model) -> PreTrainedModel | None:
        """Return the transformers model in ``model``, adapters in place.

        None if the adapter may do more than change weights. What a fresh adapter does cannot be
        tried: it does nothing yet.
        """
        bare: Any = self.accelerator.unwrap_model(model)
        if not isinstance(bare, PeftModel):
            return bare
        config = bare.active_peft_config
        activated = getattr(config, "alora_invocation_tokens", None)
        plain = config.peft_type == PeftType.LORA and not activated
        return cast(Any, bare.get_base_model()) if plain else None

    @property
    def _all_have_gradient(self) -> bool:
        """Whether the loss moves rows without advantage too."""
        raise NotImplementedError

    def _tokenize_prompts(self, prompts):
        """Tokenise each distinct text once."""
        if not all(isinstance(prompt, str) for prompt in prompts):
            return super()._tokenize_prompts(prompts)
        distinct = list(dict.fromkeys(prompts))
        ids_of = dict(zip(distinct, super()._tokenize_prompts(distinct)[0], strict=True))
        return [ids_of[prompt] for prompt in prompts], None, {}

    def _sample(self, prompt_ids: Sequence[Sequence[int]]) -> list[list[int]]:
        """Sample one completion for each of ``prompt_ids``: equal prompts share their trunk."""
        args: Any = self.args
        places: dict[tuple[int, ...], list[int]] = {}
        for place, ids in enumerate(prompt_ids):
            places.setdefault(tuple(ids), []).append(place)
        with (
            unwrap_model_for_generation(
                self.model_wrapped,
                self.accelerator,
                generation_kwargs=self.generation_kwargs,
                gradient_checkpointing_kwargs=args.gradient_checkpointing_kwargs,
            ) as model,
            torch.no_grad(),
        ):
            sampled = branching.sample(
                model,
                branching.trunk(model, list(places), self._tokenizer.pad_token_id),
                [len(of_prompt) for of_prompt in places.values()],
                max_new_tokens=self._sampling.max_new_tokens,
                ends=self.eos_token_ids,
                warp=branching.warpers(
                    temperature=self._sampling.temperature,
                    top_p=self._sampling.top_p,
                    top_k=self._sampling.top_k,
                    min_p=self._sampling.min_p,
                ),
            )
        completions: list[list[int]] = [[]] * len(prompt_ids)
        flat = (place for of_prompt in places.values() for place in of_prompt)
        for place, completion in zip(flat, sampled, strict=True):
            completions[place] = completion
        return completions

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
        for members, with_gradient in self._by_gradient(equal, len(distinct)):
            # Forward passes through DDP talk to the other processes, which may have one less.
            scorer = model if with_gradient else self.accelerator.unwrap_model(model)
            for chunk in members.split(batch_size or len(distinct)):
                order.append(chunk)
                with torch.set_grad_enabled(with_gradient):
                    scored.append(
                        self._score(scorer, distinct[chunk], logits_to_keep, compute_entropy)
                    )
        back = torch.argsort(torch.cat(order))[equal]
        logps, entropies = zip(*scored, strict=True)
        return torch.cat(logps)[back], torch.cat(entropies)[back] if compute_entropy else None, None

    def _by_gradient(self, equal: Tensor, count: int) -> list[tuple[Tensor, bool]]:
        """Split distinct rows into those that need a gradient (True) and those that need none.

        A row without advantage adds nothing to the gradient unless the loss says otherwise. One row
        is always kept: its gradient of zero reaches every parameter, so that the optimizer steps
        (AdamW's momentum moves the weights) and no process waits.
        """
        everyone = torch.arange(count, device=equal.device)
        if not torch.is_grad_enabled():
            return [(everyone, False)]
        if self._advantages is None or self._all_have_gradient:
            return [(everyone, True)]
        advantages = self._advantages.view(len(equal), -1)
        needed = torch.zeros(count, dtype=torch.bool, device=equal.device)
        needed[equal[(advantages != 0).any(dim=1)]] = True
        if not needed.any():
            needed[0] = True
        split = ((everyone[needed], True), (everyone[~needed], False))
        return [(members, with_gradient) for members, with_gradient in split if len(members)]

    def _score(
        self, model, rows: Tensor, width: int, compute_entropy: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Return log-probabilities and entropies ``(N, width)`` of the last ``width`` tokens.

        Args:
            model: TRL's, with its fused head.
            rows: ``(N, 2, length)``, token ids and mask; prompts are padded on the left.
            width: of the completions, padded on the right.
            compute_entropy: whether the head computes entropies; a reference model's cannot.
        """
        ids, mask = rows.unbind(1)
        bare = self._bare(model)
        if "prompts in training" in self.reasons or bare is None:
            with compact_head():
                logps, entropies, _ = super()._get_per_token_logps_and_entropies(
                    model, ids, mask, width, compute_entropy=compute_entropy
                )
            return logps, entropies
        # What is padding in every row is left out; the rest keeps the position that TRL gives it.
        start = int(mask.any(dim=0).to(torch.uint8).argmax())
        begin = ids.shape[1] - width - 1  # a prompt's last token predicts the completion's first
        positions = torch.arange(ids.shape[1], device=ids.device)
        labels = ids.masked_fill(mask == 0, -100)
        cache = None
        with self.accelerator.autocast(), compact_head():
            if begin > start:
                prefixes, owner = torch.unique(rows[:, :, start:begin], dim=0, return_inverse=True)
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
