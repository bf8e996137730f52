"""PEAR: SFT whose tokens are weighted by how likely the policy itself would go on as was shown.

Source: "Good SFT Optimizes for SFT, Better SFT Prepares for RL", arXiv:2602.01058v1. The formulas
are second-hand: from a section-by-section mapping of the paper to code and from re-implementations,
which differ from each other in places. They have not been checked against the paper itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from coupling_bench.specs.marks import OURS
from coupling_bench.specs.training import SFTSpec


@dataclass(frozen=True, kw_only=True)
class PEARSpec(SFTSpec):
    """SFT with importance weights, recomputed in each step from the policy that is trained.

    The options' values are the paper's, as far as they are known: second-hand.
    """

    level: Literal["token", "block", "sequence"] = field(default="token", metadata=OURS)
    """What shares a weight: nothing, ``block_size`` tokens, or the whole response."""
    block_size: int = field(default=4, metadata=OURS)
    """Tokens, counted from the first of the response; read at the level of blocks alone."""
    gamma: float = field(default=0.999, metadata=OURS)
    """Discount for each token that follows, in (0, 1]; not read at the level of sequences."""
    delta_clip: tuple[float, float] = field(default=(-0.08, 0.3), metadata=OURS)
    """Bounds of log pi_theta - log pi_beta of one token, in nats."""
    log_weight_clip: tuple[float, float] = field(default=(-10.0, 5.0), metadata=OURS)
    """Bounds of the logarithm of a weight, in nats. (A re-implementation clips weights to
    [0.1, 10] instead.)"""
    weights: Literal["pear", "shuffled", "constant", "learning_rate"] = field(
        default="pear", metadata=OURS
    )
    """PEAR's own, or of a control the paper lacks, made from PEAR's weights of the same batch:
    *shuffled* among all its tokens; *constant* at their mean; or no weights, and the
    *learning_rate* of the step times their mean."""

    def __post_init__(self) -> None:
        """Refuse values for which there are no weights.

        Raises:
            ValueError: naming the field.
        """
        if not 0.0 < self.gamma <= 1.0:
            raise ValueError(f"PEARSpec: gamma is {self.gamma}; it must be in (0, 1].")
        if self.block_size < 1:
            raise ValueError(f"PEARSpec: block_size is {self.block_size}; it must be 1 or more.")
        for name in ("delta_clip", "log_weight_clip"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"PEARSpec: {name} is ({low}, {high}); the lower bound is first.")
