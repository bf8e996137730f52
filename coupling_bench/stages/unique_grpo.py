"""GRPO on unique work: what of it is GRPO's own."""

from __future__ import annotations

from trl import GRPOTrainer

from coupling_bench.stages.unique_work import UniqueWork


class UniqueGRPOTrainer(UniqueWork, GRPOTrainer):
    """TRL's GRPOTrainer on unique work. Takes what GRPOTrainer takes."""

    def _generate_single_turn(
        self, prompt_ids, images, multimodal_fields, num_generations, has_tool_images=False
    ):
        """Return sampled completions, and no log-probabilities of another sampler's."""
        if "sampling" in self.reasons:
            return super()._generate_single_turn(
                prompt_ids, images, multimodal_fields, num_generations, has_tool_images
            )
        return self._sample(prompt_ids), None

    @property
    def _all_have_gradient(self) -> bool:
        """A KL penalty and an entropy bonus act on every row."""
        return self.beta != 0.0 or self._entropy_bonus_enabled
