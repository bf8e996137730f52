"""RL's Razor: what a policy has forgotten, beside how far it went from the base on the new task.

The new task is what SFT and RL are trained on; what the base could do before is judged on the
out-of-domain split, whose kinds pretraining saw and no later stage does. Checkpoints are compared
where they come from one base by training on one task: other bases and tasks, planted defects,
moves that nothing was learnt by and exact training on few prompts are left out, and a stage that
has two names counts once. The base itself is the origin, and no point.

Trap: at temperature 1 a policy forgets what it no longer says, and a base that doubts earns less
than it knows. Training that sharpens raises the out-of-domain accuracy without learning anything
there, so forgetting may be negative; ``choices_forgotten`` counts likeliest answers, which
sharpening cannot change (``of_choices``).

Source: arXiv:2509.04259 (Shenfeld et al., RL's Razor), at second hand.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from coupling_bench.measures.ability import hits_curve
from coupling_bench.measures.policies import listed_outcomes
from coupling_bench.measures.reward import reward_curve
from coupling_bench.pipelines import lineage
from coupling_bench.runs import Observation, Runs, Split, is_observed, observe
from coupling_bench.specs import SnapshotSpec, StageSpec, TrainingSpec
from coupling_bench.theory.policies import kl

NEW, PRIOR = Split(name="held_out"), Split(name="out_of_domain")


@dataclass(frozen=True, kw_only=True)
class Point:
    """One seed's checkpoint beside the base that it comes from."""

    node: str
    seed: int
    step: int
    """Optimizer steps of its last stage."""
    method: str
    """What trained it last, by the kind of its spec: ``SFT``, ``GRPO``, ..."""
    path: str
    """All that trained it since the base, the first before."""
    forward_kl: float
    """E KL(base || checkpoint) on held-out prompts of the new task, in nats per sequence."""
    exact: bool
    """Whether answers are closed, so that the divergence is known. Where they are open it is that
    of the responses whose probabilities were observed and of everything else as one outcome: no
    more than the whole divergence, by data processing."""
    forgetting: float
    """Out-of-domain accuracy of the base minus the checkpoint's; negative where it has risen."""
    choices_forgotten: float | None
    """The same of likeliest answers; None where answers are open."""
    gain: float
    """Held-out accuracy of the checkpoint minus the base's."""


def points(every_run: Iterable[Runs], base: Runs) -> list[Point]:
    """Return a point for each checkpoint that was trained from ``base`` on its task.

    Accuracy is the probability of earning the reward at temperature 1, (1 + J) / 2, of verifiers
    that give +1 and -1: exact where answers are closed, sampled where they are open.
    """
    origins = {
        seed: (new, prior)
        for seed, new, prior in zip(
            base.seeds, observe(base, NEW), observe(base, PRIOR), strict=True
        )
    }
    found: dict[StageSpec, list[Point]] = {}
    for runs in every_run:
        if not all(belongs(stage, base.stages[0]) for stage in runs.stages):
            continue
        if not (is_observed(runs, NEW) and is_observed(runs, PRIOR)):
            continue
        ends = zip(runs.seeds, runs.stages, observe(runs, NEW), observe(runs, PRIOR), strict=True)
        for seed, stage, new, prior in ends:
            if seed in origins and stage not in found:
                found[stage] = list(_along(runs.node, seed, stage, origins[seed], (new, prior)))
    return [point for of_stage in found.values() for point in of_stage]


def of_choices(points: Iterable[Point]) -> list[Point]:
    """Return the points whose likeliest answers are known, with these as what is forgotten."""
    return [
        replace(point, forgetting=point.choices_forgotten)
        for point in points
        if point.choices_forgotten is not None
    ]


def belongs(stage: StageSpec, base: StageSpec) -> bool:
    """Say whether a stage was trained from ``base`` on the base's task, and soundly throughout."""
    first, *after = lineage(stage)
    trained = bool(after) and isinstance(stage, TrainingSpec)
    return first == base and trained and all(_is_sound(one, base) for one in after)


def method(stage: TrainingSpec) -> str:
    """Return what a stage is trained by: the kind of its spec, whose data may be its own."""
    kind = type(stage).__name__.removesuffix("Spec").removeprefix("Scheduled")
    kind = "SFT" if kind.endswith("SFT") else kind  # LongSFT: the same, told in steps
    own = getattr(stage, "demonstrator", None) == "start"
    return f"{kind} on own answers" if own else kind


def _is_sound(stage: StageSpec, base: StageSpec) -> bool:
    if stage.task != base.task:
        return False
    if isinstance(stage, TrainingSpec):
        return stage.planted is None and stage.learning_rate > 0
    return isinstance(stage, SnapshotSpec)


def _along(
    node: str,
    seed: int,
    stage: StageSpec,
    origin: tuple[Observation, Observation],
    seen: tuple[Observation, Observation],
) -> Iterator[Point]:
    """Yield a point for each step of a stage at which both splits were observed, but its start.

    ``origin`` is what the base answered on both splits, ``seen`` what the stage's snapshots did.
    """
    _, *after = lineage(stage)
    methods = [method(one) for one in after if isinstance(one, TrainingSpec)]
    places = {int(step): place for place, step in enumerate(seen[0].steps)}
    for prior_place, step in enumerate(map(int, seen[1].steps)):
        if step == 0 or step not in places:
            continue
        place = places[step]
        yield Point(
            node=node,
            seed=seed,
            step=step,
            method=methods[-1],
            path=" > ".join(name for name, _ in itertools.groupby(methods)),
            forward_kl=float(kl(listed_outcomes(origin[0]), listed_outcomes(seen[0], place))),
            exact=origin[0].closed,
            forgetting=_accuracy(origin[1]) - _accuracy(seen[1], prior_place),
            choices_forgotten=(
                _judged(origin[1]) - _judged(seen[1], prior_place) if origin[1].closed else None
            ),
            gain=_accuracy(seen[0], place) - _accuracy(origin[0]),
        )


def _accuracy(observation: Observation, snapshot: int = -1) -> float:
    return float(1 + reward_curve(observation)[snapshot]) / 2


def _judged(observation: Observation, snapshot: int = -1) -> float:
    """Return the share of items whose likeliest answer is the true one, at a snapshot."""
    return float(hits_curve(observation)[snapshot].mean())
