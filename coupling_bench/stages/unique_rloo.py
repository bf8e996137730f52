"""RLOO on unique work: what of it is RLOO's own."""

from __future__ import annotations

from trl import RLOOTrainer

from coupling_bench.stages.unique_work import UniqueWork


class UniqueRLOOTrainer(UniqueWork, RLOOTrainer):  # type: ignore[misc]
    """TRL's RLOOTrainer on unique work. Takes what RLOOTrainer takes."""

    def _generate_single_turn(self, prompt_ids, images, multimodal_fields):
        """Return sampled completions."""
        if "sampling" in self.reasons:
            return super()._generate_single_turn(prompt_ids, images, multimodal_fields)
        return self._sample(prompt_ids)

    @property
    def _all_have_gradient(self) -> bool:
        """The KL penalty is part of the reward, and so of the advantage."""
        return False
