"""Joint training: SFT and RL in one loss, and not one after the other."""

from __future__ import annotations

from dataclasses import dataclass, field

from coupling_bench.specs.marks import OURS
from coupling_bench.specs.training import GRPOSpec


@dataclass(frozen=True, kw_only=True)
class JointSpec(GRPOSpec):
    """GRPO whose every optimizer step descends L_GRPO + weight * L_SFT.

    L_GRPO is TRL's, with its own denominator; L_SFT is the mean cross-entropy of the labels of the
    step's demonstrations, as TRL's SFTTrainer computes it. With a weight that falls this is CHORD's
    objective up to a factor, without its weights of tokens (arXiv:2508.11408); with a small one
    after SFT it is RL with replay against forgetting.
    """

    sft_weight: float = field(metadata=OURS)
    """Of the first step; 0: GRPO as it is."""
    sft_weight_end: float | None = field(default=None, metadata=OURS)
    """Of the last step, linear between; None: the same in all."""
    sft_batch_size: int = field(metadata=OURS)
    """Demonstrations in one optimizer step, beside its completions."""
    sft_seed: int = field(default=0, metadata=OURS)
    """Draws the annotators' answers and puts them in order, as the seed of SFT does."""
    sft_begin: int = field(default=0, metadata=OURS)
    """Demonstrations that the schedule has trained on before."""

    def weight(self, step: int) -> float:
        """Return the weight of the SFT loss in the step after ``step`` others."""
        if self.sft_weight_end is None or self.max_steps == 1:
            return self.sft_weight
        share = step / (self.max_steps - 1)
        return (1 - share) * self.sft_weight + share * self.sft_weight_end
