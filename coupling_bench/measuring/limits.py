"""The bounds of ``theory.bounds`` on a pair of checkpoints: limit, observed value, slack.

A bound that cannot be applied says why. One that is broken says that something is not as assumed,
such as the range of the verifier. Where what it needs is only estimated, or only nearly so, a slack
below zero decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from coupling_bench.answers import REWARD_RIGHT, REWARD_WRONG
from coupling_bench.runs import Observation
from coupling_bench.specs import ArithmeticSpec, JsonlSpec, TaskSpec
from coupling_bench.theory import bounds

Record = dict[str, Any]

NEAR = 0.02
"""Nats per sequence: an SFT loss so near to L* counts as that of p_D itself."""
PROPOSITION_1 = "arXiv:2601.07389v1, Proposition 1"
PINSKER = "Pinsker's inequality"
DERIVED = "derived from Pinsker's inequality; not in arXiv:2601.07389"
ROUNDING = 1e-6
"""A slack so little below zero is an equality that was computed in fp32."""
UNKNOWN_RANGE = "the range of a verifier of your own is not known"
UNKNOWN_KL = "the divergence is not known"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """What the bounds ask of two checkpoints on the same items."""

    loss_change: float
    """In nats per sequence, from the first to the second."""
    reward_change: float
    second_reward: float
    demonstrator_reward: float
    """J_D; where p_D is not known, of the demonstrations that are in the data."""
    kl: float | None
    """The smaller of both directions, in nats per sequence; None where it cannot be had."""
    sub_optimality: float | None
    """Epsilon of the first, in nats per sequence; None where L* is not known."""
    range: tuple[float, float] | None
    """Ends of the interval that rewards lie in; None where it is not known."""
    exact: bool
    """Whether J and KL are; where answers are open they are estimates."""


def rows(pair: Pair) -> list[Record]:
    """Return one row a bound, in a fixed order."""
    return [_proposition_1(pair), _pinsker(pair), _threshold(pair), _at_optimum(pair)]


def reward_range(task: TaskSpec, seen: Observation) -> tuple[float, float] | None:
    """Return the ends of the interval that rewards lie in; None: a verifier of the user's own."""
    if seen.closed:
        every = [*seen.rewards.ravel().tolist(), float(seen.other_reward)]
        return min(every), max(every)
    if isinstance(task, ArithmeticSpec):
        return REWARD_WRONG, REWARD_RIGHT
    if isinstance(task, JsonlSpec) and ":" not in task.verifier:
        options = dict(task.verifier_options)
        wrong, right = options.get("wrong", REWARD_WRONG), options.get("right", REWARD_RIGHT)
        return float(str(wrong)), float(str(right))
    return None


def _proposition_1(pair: Pair) -> Record:
    row = _row("Proposition 1", "|dJ| <= R_max sqrt(2 KL)", PROPOSITION_1)
    if pair.range is None or pair.kl is None:
        return row | _not_applicable(UNKNOWN_KL if pair.range else UNKNOWN_RANGE)
    limit = float(bounds.most_reward_change(pair.kl, max(map(abs, pair.range))))
    return row | _at_most(limit, pair)


def _pinsker(pair: Pair) -> Record:
    row = _row("Pinsker", "|dJ| <= w sqrt(KL / 2)", PINSKER)
    if pair.range is None or pair.kl is None:
        return row | _not_applicable(UNKNOWN_KL if pair.range else UNKNOWN_RANGE)
    limit = float(bounds.most_reward_change_by_width(pair.kl, _width(pair.range)))
    return row | _at_most(limit, pair)


def _threshold(pair: Pair) -> Record:
    row = _row("Non-decoupling threshold", "dL >= 2 (J - J_D)^2 / w^2 - epsilon", DERIVED)
    reason = _obstacle(pair)
    if reason or pair.range is None or pair.sub_optimality is None:
        return row | _not_applicable(reason)
    gap = pair.second_reward - pair.demonstrator_reward
    limit = float(bounds.least_loss_rise(gap, _width(pair.range), pair.sub_optimality))
    said = "the SFT loss must rise" if limit > 0 else "the SFT loss may rise or fall"
    note = f"epsilon = {pair.sub_optimality:.4f}: {said}"
    return row | _values(limit, pair.loss_change, pair.loss_change - limit, pair.exact, note)


def _at_optimum(pair: Pair) -> Record:
    row = _row("From the SFT optimum", "dL >= 2 dJ^2 / w^2, at p_SFT = p_D", DERIVED)
    reason = _obstacle(pair)
    if reason or pair.range is None or pair.sub_optimality is None:
        return row | _not_applicable(reason)
    epsilon = pair.sub_optimality
    if epsilon > NEAR:
        reason = f"the first is {epsilon:.4f} nats above L*, needed at most {NEAR}"
        return row | _not_applicable(reason)
    limit = float(bounds.least_loss_rise(pair.reward_change, _width(pair.range)))
    note = f"a theorem at epsilon = 0, here {epsilon:.4f}"
    return row | _values(limit, pair.loss_change, pair.loss_change - limit, False, note)


def _obstacle(pair: Pair) -> str:
    if pair.range is None:
        return UNKNOWN_RANGE
    if _width(pair.range) == 0.0:
        return "every answer earns the same"
    return "" if pair.sub_optimality is not None else "L* is not known: p_D is that of real data"


def _width(ends: tuple[float, float]) -> float:
    return ends[1] - ends[0]


def _row(name: str, says: str, source: str) -> Record:
    return {"name": name, "says": says, "source": source}


def _at_most(limit: float, pair: Pair) -> Record:
    observed = abs(pair.reward_change)
    return _values(limit, observed, limit - observed, pair.exact, "")


def _values(limit: float, observed: float, slack: float, exact: bool, note: str) -> Record:
    """Return the numbers of a bound and its state; only an exact one can be broken."""
    state = "holds" if slack >= -ROUNDING else "broken" if exact else "inconclusive"
    return {"state": state, "limit": limit, "observed": observed, "slack": slack, "note": note}


def _not_applicable(reason: str) -> Record:
    numbers = dict.fromkeys(("limit", "observed", "slack"))
    return {"state": "not applicable", **numbers, "note": reason}
