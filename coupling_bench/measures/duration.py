"""R2: the step at which RL should have stopped, predicted from its beginning and observed.

A nat of SFT loss weighs as much as lambda of reward. The weights are a half, one and two times
lambda_0, at which the whole run is worth nothing on the mean over the seeds, to three digits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from coupling_bench.landscape.reading import MovedLandscape, moved
from coupling_bench.measures.loss import loss_curve
from coupling_bench.measures.reward import reward_curve
from coupling_bench.runs import Array, Runs, Split, observe
from coupling_bench.specs import FlowSpec
from coupling_bench.theory.landscape import duration

MULTIPLES = (0.5, 1.0, 2.0)
"""Of lambda_0."""
SEEN_SHARE = 1 / 3
"""Of the steps, from which the rest is predicted."""
MANY_WEIGHTS = np.geomspace(0.01, 100, 81)
"""Multiples of a seed's own lambda_0, at which its best step is followed."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Reward and SFT loss of one seed's RL at each of its N snapshots, the start among them."""

    run: str
    seed: int
    steps: Array
    reward: Array
    loss: Array
    """In nats per sequence."""
    slopes: tuple[float, float] | None = None
    """J' and L' at the start, a step; None: gradients were not observed."""
    curvatures: tuple[float, float] | None = None
    """J'' and L'' there, a squared step."""

    @property
    def late_share(self) -> float:
        """The share of the reward's gain that comes in the last third of the steps."""
        late = np.interp(self.steps[-1] * 2 / 3, self.steps, self.reward)
        return float((self.reward[-1] - late) / (self.reward[-1] - self.reward[0]))

    def observed(self, weight: float) -> float:
        """Return the step of the best snapshot."""
        return float(self.steps[duration.best_snapshot(self.reward, self.loss, weight)])

    @property
    def last_seen(self) -> float:
        """The last step of the first third, or of the first three snapshots where that is later."""
        return float(max(self.steps[self.steps <= SEEN_SHARE * self.steps[-1]][-1], self.steps[2]))

    def by_saturation(self, weight: float) -> float:
        """Return t* of a saturating reward and a growing loss fitted up to ``last_seen``."""
        seen = self.steps <= self.last_seen
        fitted = duration.fit_saturation(self.steps[seen], self.reward[seen], self.loss[seen])
        return float(np.clip(fitted.best_duration(weight), 0.0, self.steps[-1]))

    def by_quadratic(self, weight: float) -> float | None:
        """Return t* by the derivatives at the start; None where they were not observed."""
        if self.slopes is None or self.curvatures is None:
            return None
        return duration.quadratic_duration(
            reward_slope=self.slopes[0],
            loss_slope=self.slopes[1],
            reward_curvature=self.curvatures[0],
            loss_curvature=self.curvatures[1],
            weight=weight,
            last=float(self.steps[-1]),
        )

    def off_by(self, predicted: float, weight: float) -> float:
        """Return |log(predicted / observed)|; neither counts as before the first snapshot."""
        first = float(self.steps[1])
        return abs(float(np.log(max(predicted, first) / max(self.observed(weight), first))))


def curves(rl: Runs, prompts: Split) -> list[Curve]:
    """Return the curves of RL, of a flow on its own prompts and with derivatives, else on a split.

    Steps are counted from the start of RL.
    """
    if isinstance(rl.stages[0], FlowSpec):
        flows = zip(rl.seeds, rl.stages, moved(rl), strict=True)
        return [
            _of_flow(seed, stage.learning_rate, flow)
            for seed, stage, flow in flows
            if isinstance(stage, FlowSpec)
        ]
    return [
        Curve(
            run="GRPO",
            seed=seed,
            steps=(seen.steps - seen.steps[0]).astype(float),
            reward=reward_curve(seen),
            loss=loss_curve(seen),
        )
        for seed, seen in zip(rl.seeds, observe(rl, prompts), strict=True)
    ]


def _of_flow(seed: int, rate: float, flow: MovedLandscape) -> Curve:
    """A step of gradient ascent is as much of the flow's time as its learning rate."""
    loss_along_reward, reward_along_loss, reward_along_reward = map(float, flow.bends)
    return Curve(
        run="exact flow",
        seed=seed,
        steps=flow.steps.astype(float),
        reward=flow.reward,
        loss=flow.loss,
        slopes=(rate * float(flow.products[0, 1, 1]), rate * float(flow.products[0, 0, 1])),
        curvatures=(
            rate**2 * 2 * reward_along_reward,
            rate**2 * (loss_along_reward + reward_along_loss),
        ),
    )


def exchange_rate(found: Sequence[Curve]) -> float:
    """Return lambda_0 by the means over the seeds, in reward units a nat.

    Where the loss hardly rose a millionth of a nat stands for it, so that there is a number.
    """
    gained = np.mean([curve.reward[-1] - curve.reward[0] for curve in found])
    risen = np.mean([curve.loss[-1] - curve.loss[0] for curve in found])
    return float(gained / max(risen, 1e-6))


def weights(found: Sequence[Curve]) -> list[float]:
    """Return the weights that durations are predicted for, in reward units a nat."""
    return [float(f"{multiple * exchange_rate(found):.3g}") for multiple in MULTIPLES]


def off_by_saturation(found: Sequence[Curve]) -> Array:
    """Return the largest |log(predicted / observed)| over the weights, ``(S,)``."""
    every = weights(found)
    return np.array([max(c.off_by(c.by_saturation(w), w) for w in every) for c in found])


def off_by_quadratic(found: Sequence[Curve]) -> Array:
    """Return the same of the quadratic form; of flows alone, ``(S,)``."""
    every = weights(found)
    return np.array([max(c.off_by(c.by_quadratic(w) or 0.0, w) for w in every) for c in found])


def by_weight(curve: Curve) -> tuple[Array, Array]:
    """Return step and loss of the best snapshot for rising weights, ``(W,)`` each."""
    many = abs(exchange_rate([curve])) * MANY_WEIGHTS
    best = [duration.best_snapshot(curve.reward, curve.loss, weight) for weight in many]
    return curve.steps[best], curve.loss[best]


def rows(found: Sequence[Curve]) -> Iterator[dict[str, Any]]:
    """Yield a row a seed and weight: predicted (saturation), quadratic and observed steps.

    An observed step up to ``last_seen`` was described by the fit, and not foretold.
    """
    for curve in found:
        for weight in weights(found):
            yield {
                "run": curve.run,
                "seed": curve.seed,
                "weight": weight,
                "predicted": curve.by_saturation(weight),
                "quadratic": curve.by_quadratic(weight),
                "observed": curve.observed(weight),
                "last_seen": curve.last_seen,
                "last": float(curve.steps[-1]),
            }


def front(found: Sequence[Curve]) -> Iterator[dict[str, Any]]:
    """Yield a row a snapshot and seed: reward gained, loss paid, whether nothing beats it."""
    for curve in found:
        gain, paid = curve.reward - curve.reward[0], curve.loss - curve.loss[0]
        unbeaten = duration.on_pareto_front(gain, paid)
        for step, gained, cost, best in zip(curve.steps, gain, paid, unbeaten, strict=True):
            yield {
                "run": curve.run,
                "seed": curve.seed,
                "step": int(step),
                "reward_gain": float(gained),
                "loss_change": float(cost),
                "on_front": bool(best),
            }
