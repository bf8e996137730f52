"""SFT as one stage of a schedule: an exact number of steps, at its place in the demonstrations."""

from __future__ import annotations

from dataclasses import dataclass, field

from coupling_bench.specs.marks import OURS
from coupling_bench.specs.pear import PEARSpec
from coupling_bench.specs.training import SFTSpec


@dataclass(frozen=True, kw_only=True)
class ScheduledSFTSpec(SFTSpec):
    """SFT for so many optimizer steps, on the demonstrations that come next in a schedule.

    The seed puts the demonstrations in an order without end, each epoch shuffled anew; stages of
    one schedule go on in it where the one before stopped, so that none of them begins again with
    what another has seen.
    """

    max_steps: int = field(metadata=OURS)
    num_train_epochs: int = 1
    """One: the demonstrations of these steps, each once."""
    begin: int = field(default=0, metadata=OURS)
    """Demonstrations that the schedule has trained on before."""
    likely_share: float = field(default=1.0, metadata=OURS)
    """Share of the prompts that is trained on: those whose demonstration the policy that training
    starts from finds most likely, log pi(y, end|x). Such demonstrations are nearly on-policy: they
    move it least (Chen et al., "Retaining by Doing", arXiv:2510.18874). 1: all."""


@dataclass(frozen=True, kw_only=True)
class ScheduledPEARSpec(ScheduledSFTSpec, PEARSpec):
    """The same with PEAR's weights of tokens."""
