"""Preconditions of claims, and views beside their effects: declared, measured, reported.

Each is one small function that names nodes of the graph; a claim lists them in its decorator. An
unmet requirement makes the verdict *not applicable*, with the number that made it so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from coupling_bench.measures import ability, fixed_point, loss, reward
from coupling_bench.measures.divergence import frequency_shift, reverse_kl
from coupling_bench.runs import Array, Runs, Split
from coupling_bench.statistics import Interval, student_interval

RunsOf = Callable[[str], Runs]
"""From the name of a node to its runs, for the model being judged."""

HELD_OUT = Split(name="held_out")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A measured quantity: its interval, and its value for each seed."""

    interval: Interval
    per_seed: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """A quantity whose whole interval must lie between two bounds."""

    name: str
    unit: str
    nodes: tuple[str, ...]
    measure: Callable[[RunsOf], Measured | None]
    """None: the quantity cannot be known on this task, and is not required."""
    above: float | None = None
    below: float | None = None

    def met(self, measured: Measured) -> bool | None:
        """Say whether the whole interval lies between the bounds; None: one seed cannot tell."""
        interval = measured.interval
        if interval.inside(self.above, self.below):
            return True
        open_low = self.above is not None and interval.low == -math.inf
        open_high = self.below is not None and interval.high == math.inf
        return None if open_low or open_high else False


@dataclass(frozen=True, kw_only=True)
class Beside:
    """Another view of a claim's effect, reported with its interval and never judged."""

    name: str
    unit: str
    nodes: tuple[str, ...]
    measure: Callable[[RunsOf], Array | None]
    """None: it cannot be known on this task, and is not shown."""
    note: str = ""


def reward_rises(before: str, after: str) -> Requirement:
    """Require that the expected reward rose from one node to another."""

    def measure(runs: RunsOf) -> Measured:
        rise = reward.expected_reward(runs(after), HELD_OUT) - reward.expected_reward(
            runs(before), HELD_OUT
        )
        return over_seeds(rise)

    return Requirement(
        name=f"the reward rose from {before} to {after}",
        unit="reward",
        nodes=(before, after),
        measure=measure,
        above=0.0,
    )


def near_optimum(node: str, below: float) -> Requirement:
    """Require epsilon = L - L* of a node below a bound in nats/sequence, where L* is known."""

    def measure(runs: RunsOf) -> Measured | None:
        epsilon = loss.sub_optimality(runs(node), HELD_OUT)
        return None if epsilon is None else over_seeds(epsilon)

    return Requirement(
        name=f"epsilon = L - L* of {node}",
        unit="nats/sequence",
        nodes=(node,),
        measure=measure,
        below=below,
    )


def nearer_to_optimum(node: str, than: str, share: float) -> Requirement:
    """Require a node's epsilon below a share of another's, where L* is known."""

    def measure(runs: RunsOf) -> Measured | None:
        epsilon = loss.sub_optimality(runs(node), HELD_OUT)
        other = loss.sub_optimality(runs(than), HELD_OUT)
        return None if epsilon is None or other is None else over_seeds(epsilon / other)

    return Requirement(
        name=f"epsilon of {node} as a share of that of {than}",
        unit="ratio",
        nodes=(node, than),
        measure=measure,
        below=share,
    )


def converged(node: str, within: float) -> Requirement:
    """Require for every seed that J drifts by less than a bound over the stage's last quarter."""

    def measure(runs: RunsOf) -> Measured:
        drifts = reward.last_quarter_drift(runs(node), HELD_OUT)
        envelope = Interval(
            estimate=float(np.mean([d.estimate for d in drifts])),
            low=min(d.low for d in drifts),
            high=max(d.high for d in drifts),
        )
        return Measured(interval=envelope, per_seed=tuple(d.estimate for d in drifts))

    return Requirement(
        name=f"drift of J over the last quarter of {node}, widest interval of any seed",
        unit="reward",
        nodes=(node,),
        measure=measure,
        above=-within,
        below=within,
    )


def at_tilted_optimum(node: str, start: str, below: float) -> Requirement:
    """Require E KL(p_RL || p*) of a node from the optimum tilted from its start below a bound."""

    def measure(runs: RunsOf) -> Measured:
        return over_seeds(fixed_point.kl_to_tilted(runs(node), runs(start), HELD_OUT))

    return Requirement(
        name=f"KL({node} || the optimum of Eq. 8 tilted from {start})",
        unit="nats/sequence",
        nodes=(node, start),
        measure=measure,
        below=below,
    )


def judges_sentences(node: str, split: Split = HELD_OUT) -> Requirement:
    """Require MCC above 0: a node that knows the label prior alone has no ability to lose."""
    where = "" if split == HELD_OUT else f"{split.name.replace('_', '-')} "

    def measure(runs: RunsOf) -> Measured | None:
        if runs(node).task.answers is None:
            return None
        values = ability.mcc(runs(node), split)
        return Measured(
            interval=ability.mcc_interval(runs(node), split), per_seed=tuple(values.tolist())
        )

    return Requirement(
        name=f"{where}MCC of {node}, over seeds and items",
        unit="MCC",
        nodes=(node,),
        measure=measure,
        above=0.0,
    )


def judges_nothing(node: str, within: float) -> Requirement:
    """Require MCC near 0: what is to know the label prior alone must not know the sentences."""
    requirement = judges_sentences(node)
    return replace(requirement, above=-within, below=within)


def at_best_temperature(before: str, after: str) -> Beside:
    """Show the change of the SFT loss after each checkpoint's best temperature is fitted."""
    return _change(
        before,
        after,
        lambda runs: loss.sft_loss_at_best_temperature(runs, HELD_OUT),
        name="the same effect after the best single temperature is fitted to each checkpoint",
        unit="nats/sequence",
        note="what is missing here from the effect above was sharpening of the same answers",
    )


def divergence(before: str, after: str) -> Beside:
    """Show how far the policy went from one node to another."""

    def measure(runs: RunsOf) -> Array | None:
        return reverse_kl(runs(after), runs(before), HELD_OUT)

    return Beside(
        name=f"KL({after} || {before})",
        unit="nats/sequence",
        nodes=(before, after),
        measure=measure,
        note="over the answers, and anything else as one outcome",
    )


def exact_reward_change(before: str, after: str) -> Beside:
    """Show the change of the exact expected reward at temperature 1."""
    return _change(
        before,
        after,
        lambda runs: reward.expected_reward(runs, HELD_OUT),
        name=f"change of the exact J from {before} to {after} at temperature 1",
        unit="reward",
    )


def sampled_reward_change(before: str, after: str, parser: str) -> Beside:
    """Show the change of the paper's sampled reward, strictly or robustly parsed."""
    return _change(
        before,
        after,
        lambda runs: reward.mean_at_1(runs, HELD_OUT, parser),
        name=f"change of mean@1 from {before} to {after}, {parser} parsing",
        unit="reward",
        note="one sampled completion a prompt, temperature 0.6, top_p 0.95",
    )


def ability_change(before: str, after: str) -> Beside:
    """Show the change of the MCC, which no prior can raise: that of a constant answer is 0."""
    return _change(
        before,
        after,
        lambda runs: None if runs.task.answers is None else ability.mcc(runs, HELD_OUT),
        name=f"change of the MCC from {before} to {after}",
        unit="MCC",
    )


def loss_change(before: str, after: str) -> Beside:
    """Show the change of the SFT loss from one node to another."""
    return _change(
        before,
        after,
        lambda runs: loss.sft_loss(runs, HELD_OUT),
        name=f"change of the SFT loss from {before} to {after}",
        unit="nats/sequence",
    )


def loss_change_ratio(start: str, stage: str, control: str) -> Beside:
    """Show what a stage does to the SFT loss as a multiple of what a control does."""

    def measure(runs: RunsOf) -> Array | None:
        before = loss.sft_loss(runs(start), HELD_OUT)
        of_control = loss.sft_loss(runs(control), HELD_OUT) - before
        if not of_control.all():
            return None
        return (loss.sft_loss(runs(stage), HELD_OUT) - before) / of_control

    return Beside(
        name=f"change of the SFT loss by {stage} over that by {control}",
        unit="ratio",
        nodes=(start, stage, control),
        measure=measure,
        note="1: it costs what the control costs",
    )


def frequency_shift_change(before: str, after: str) -> Beside:
    """Show how much of a loss's change is in how often each answer is given, over all prompts."""
    return _change(
        before,
        after,
        lambda runs: frequency_shift(runs, HELD_OUT),
        name=f"the part of the loss's change from {before} to {after} in the answers' frequencies",
        unit="nats/sequence",
        note="what is missing from the whole is between sentences and answers",
    )


def reward_of_frequencies_change(before: str, after: str) -> Beside:
    """Show how the reward changes of answering as often as the policy, whatever the prompt."""
    return _change(
        before,
        after,
        lambda runs: reward.reward_of_frequencies(runs, HELD_OUT),
        name=f"change from {before} to {after} of what the answers' frequencies alone earn",
        unit="reward",
    )


def lead_over_demonstrators(node: str) -> Beside:
    """Show how much better than its demonstrators a policy is: J - J_D."""

    def measure(runs: RunsOf) -> Array:
        return reward.expected_reward(runs(node), HELD_OUT) - reward.demonstrator_reward(
            runs(node), HELD_OUT
        )

    return Beside(
        name=f"J of {node} minus J_D of the demonstrators",
        unit="reward",
        nodes=(node,),
        measure=measure,
        note="SFT to convergence sends J to J_D, so this sets the direction",
    )


def _change(
    before: str,
    after: str,
    take: Callable[[Runs], Array | None],
    *,
    name: str,
    unit: str,
    note: str = "",
) -> Beside:
    """Show the change of a measure from one node to another; None where it is None of either."""

    def measure(runs: RunsOf) -> Array | None:
        start, end = take(runs(before)), take(runs(after))
        return None if start is None or end is None else end - start

    return Beside(name=name, unit=unit, nodes=(before, after), measure=measure, note=note)


def over_seeds(values: Sequence[float] | Array) -> Measured:
    """Return one value a seed, ``(S,)``, with the interval of their mean."""
    found = np.asarray(values, dtype=float)
    return Measured(interval=student_interval(found), per_seed=tuple(found.tolist()))
