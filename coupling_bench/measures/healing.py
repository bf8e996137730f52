"""What a long SFT forgets out of domain, and what RL brings back of it (H1 to H3).

"Accuracy" is the probability of earning the reward at temperature 1, (1 + J) / 2: exact where
answers are closed, else from samples. Where closed, "judged" accuracy counts the likelier answer
instead, which no sharpening of the same answers can raise.

The peak is chosen on the items in even places and scored on those in odd ones. The best of several
snapshots, scored on the items it was chosen on, is too good by their noise: an SFT that forgets
nothing would seem to fall from a peak. Source: arXiv:2509.12235, second-hand; nothing is known here
of its peaks being scored on other items than they were chosen on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from coupling_bench.measures.ability import hits_curve
from coupling_bench.measures.loss import loss_curve
from coupling_bench.measures.reward import item_rewards
from coupling_bench.pipelines import splits_of
from coupling_bench.runs import HALVES, Array, Observation, Runs, Split, observe
from coupling_bench.statistics import student_interval

CHOSEN_ON, SCORED_ON = HALVES
HELD_OUT, OUT_OF_DOMAIN = Split(name="held_out"), Split(name="out_of_domain")
LONGER = Split(name="longer")


@dataclass(frozen=True, kw_only=True)
class Path:
    """One seed's SFT at each of its N snapshots."""

    steps: Array
    accuracy: Array
    """Out of domain, on each item, ``(N, P)``."""
    judged: Array | None
    """The same of the likelier answer; None where answers are open."""
    accuracy_in_domain: Array
    """Mean over the held-out items, ``(N,)``."""
    accuracy_longer: Array | None
    """The same of answers that are longer than any SFT sees; None where a task has none."""
    loss: Array
    """SFT loss on held-out items, nats per sequence, ``(N,)``."""
    loss_out_of_domain: Array

    @property
    def peak(self) -> int:
        """The snapshot of the highest accuracy out of domain, chosen on the even places."""
        return int(self.accuracy[:, CHOSEN_ON].mean(axis=1).argmax())

    @property
    def least_loss(self) -> int:
        """The snapshot of the least SFT loss on held-out items."""
        return int(self.loss.argmin())

    def scored(self, snapshot: int) -> float:
        """Return the accuracy out of domain of a snapshot, on the odd places."""
        return float(self.accuracy[snapshot, SCORED_ON].mean())


def accuracies(observation: Observation) -> Array:
    """Probability of earning the reward on each item, of every snapshot, ``(N, P)``."""
    return (1 + item_rewards(observation)) / 2


def paths(sft: Runs) -> list[Path]:
    """Return the path of every seed of an SFT that is observed out of domain all along."""
    longer: list[Any] = [None] * len(sft.seeds)
    if LONGER.name in splits_of(sft.task):
        longer = observe(sft, LONGER)
    seen = zip(observe(sft, HELD_OUT), observe(sft, OUT_OF_DOMAIN), longer, strict=True)
    return [
        Path(
            steps=inside.steps.astype(float),
            accuracy=accuracies(outside),
            judged=_judged(outside),
            accuracy_in_domain=accuracies(inside).mean(axis=1),
            accuracy_longer=None if beyond is None else accuracies(beyond).mean(axis=1),
            loss=loss_curve(inside),
            loss_out_of_domain=loss_curve(outside),
        )
        for inside, outside, beyond in seen
    ]


def forgotten(sft: Runs) -> Array:
    """Accuracy out of domain at the peak minus that at the end (H1), ``(S,)``."""
    return np.array([path.scored(path.peak) - path.scored(-1) for path in paths(sft)])


def peak_above_start(sft: Runs) -> Array:
    """Accuracy out of domain at the peak minus that where SFT starts, ``(S,)``; 0 if it only falls.

    Where the model that SFT starts from has learnt the domain already its best is its beginning.
    """
    return np.array([path.scored(path.peak) - path.scored(0) for path in paths(sft)])


def rise_in_domain(sft: Runs) -> Array:
    """Accuracy in domain at the end minus that at the peak out of domain (H1), ``(S,)``."""
    return np.array([p.accuracy_in_domain[-1] - p.accuracy_in_domain[p.peak] for p in paths(sft)])


def regret(sft: Runs) -> Array:
    """Accuracy out of domain at the peak minus that at the least held-out loss (H2), ``(S,)``."""
    return np.array([path.scored(path.peak) - path.scored(path.least_loss) for path in paths(sft)])


def doublings_to_least_loss(sft: Runs) -> Array:
    """log2 of the steps to the least loss over those to the peak, ``(S,)``; a step for none."""
    return np.array(
        [np.log2(max(p.steps[p.least_loss], 1) / max(p.steps[p.peak], 1)) for p in paths(sft)]
    )


def restored(second: Runs, sft: Runs) -> Array:
    """Accuracy out of domain after a second stage minus that at the end of SFT (H3), ``(S,)``."""
    return _ends(second) - np.array([path.scored(-1) for path in paths(sft)])


def beyond_peak(second: Runs, sft: Runs) -> Array:
    """Accuracy out of domain after a second stage minus that at SFT's peak (H3), ``(S,)``."""
    return _ends(second) - np.array([path.scored(path.peak) for path in paths(sft)])


def judged_change(second: Runs, sft: Runs, *, since_peak: bool) -> Array | None:
    """The same of the likelier answer, since SFT's peak or its end; None where answers are open."""
    changes = []
    for path, seen in zip(paths(sft), observe(second, OUT_OF_DOMAIN), strict=True):
        end = _judged(seen)
        if path.judged is None or end is None:
            return None
        before = path.judged[path.peak if since_peak else -1]
        changes.append((end[-1] - before)[SCORED_ON].mean())
    return np.array(changes)


def recovery(second: Runs, sft: Runs) -> Array | None:
    """Share of what SFT forgot that a second stage brings back (H3), ``(S,)``.

    (end of the stage - end of SFT) / (peak - end of SFT). A ratio says nothing where its
    denominator may be zero: None unless the interval of what was forgotten lies above it, and every
    seed has forgotten something.
    """
    lost = forgotten(sft)
    if student_interval(lost).low <= 0 or lost.min() <= 0:
        return None
    return restored(second, sft) / lost


def course(sft: Runs) -> Iterator[dict[str, Any]]:
    """Yield a row a seed and snapshot: what a long SFT was on its way, all items."""
    for seed, path in zip(sft.seeds, paths(sft), strict=True):
        longer = path.accuracy_longer
        for n, step in enumerate(path.steps):
            yield {
                "seed": seed,
                "step": int(step),
                "accuracy": float(path.accuracy[n].mean()),
                "judged": None if path.judged is None else float(path.judged[n].mean()),
                "accuracy_in_domain": float(path.accuracy_in_domain[n]),
                "accuracy_longer": None if longer is None else float(longer[n]),
                "loss": float(path.loss[n]),
                "loss_out_of_domain": float(path.loss_out_of_domain[n]),
                "peak": n == path.peak,
                "least_loss": n == path.least_loss,
            }


def against_peak(second: Runs, sft: Runs) -> Iterator[dict[str, Any]]:
    """Yield a row a seed of a second stage: accuracies out of domain on the odd places."""
    share = recovery(second, sft)
    ends = zip(second.seeds, paths(sft), _ends(second), strict=True)
    for place, (seed, path, end) in enumerate(ends):
        yield {
            "stage": second.node,
            "seed": seed,
            "peak": path.scored(path.peak),
            "end_of_sft": path.scored(-1),
            "after": float(end),
            "recovery": None if share is None else float(share[place]),
        }


def _ends(runs: Runs) -> Array:
    last = [accuracies(seen)[-1] for seen in observe(runs, OUT_OF_DOMAIN)]
    return np.array([items[SCORED_ON].mean() for items in last])


def _judged(observation: Observation) -> Array | None:
    """Whether the likelier answer is the true one, of every snapshot, ``(N, P)``."""
    if not observation.closed:
        return None
    return hits_curve(observation).astype(float)
