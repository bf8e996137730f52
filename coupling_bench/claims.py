"""Claims and verdicts: what a paper says, declared beside the one test that checks it.

A claim's margin, unit and error rate are its pre-registration; ``judge`` compares the interval of
the per-seed differences with the margin and knows nothing of models or of pytest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

import numpy.typing as npt

from coupling_bench.statistics import Interval, seeds_needed, student_interval


class Verdict(Enum):
    """What a run says of a claim; the text is what users read."""

    SUPPORTED = "supported"
    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not applicable"


DIRECTIONS = ("increase_by", "decrease_by", "equal_within", "not_increase_by", "not_decrease_by")


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One sentence of a paper, with what would confirm it."""

    sentence: str
    cites: str
    """Source with its version, theorem or equation, and figure."""
    direction: str
    """One of ``DIRECTIONS``."""
    margin: float
    """The smallest effect that counts, not negative, in ``unit``; with ``equal_within`` and
    ``not_..._by`` the largest that does not."""
    unit: str
    alpha: float = 0.05
    """Level of the two-sided interval."""
    requires: tuple[Any, ...] = field(default=())
    """Preconditions (``requirements.Requirement``) without which there is nothing to judge."""
    undecided: str = ""
    """Why a run's seeds are known not to decide it: inconclusive is then reported as expected."""
    beside: tuple[Any, ...] = field(default=())
    """Other views of the same effect (``requirements.Beside``), reported and never judged."""

    @property
    def threshold(self) -> float:
        """The margin with the sign of the claimed direction, as the effect is compared with it."""
        lower = self.direction in ("decrease_by", "not_decrease_by")
        return 0.0 - self.margin if lower else self.margin

    def bound(self, estimate: float) -> float:
        """Return what an effect is told from: the threshold, or the nearer of two."""
        if self.direction != "equal_within":
            return self.threshold
        return self.margin if estimate > 0 else -self.margin

    def about(self, **names: str) -> Claim:
        """Return the claim with what its sentence leaves open, ``{stage}`` say, filled in."""
        return replace(self, sentence=self.sentence.format(**names))


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A verdict with the numbers that led to it."""

    verdict: Verdict
    reversed: bool
    """Refuted, and the interval lies wholly on the other side of zero."""
    interval: Interval
    seeds_needed: int | None
    """For an inconclusive verdict: how many seeds would decide, if effect and spread stay."""


def judge(claim: Claim, differences: npt.ArrayLike) -> Judgement:
    """Judge per-seed paired differences ``(S,)``, in the claim's unit.

    *Supported*: the interval lies wholly beyond the margin. *Refuted*: wholly on this side of it.
    *Inconclusive*: it holds the margin. ``equal_within`` compares the distance from zero, and
    ``not_increase_by`` needs the interval below the margin; neither is ever reversed.
    """
    interval = student_interval(differences, claim.alpha)
    if claim.direction == "equal_within":
        return _judge_equality(claim, interval, differences)
    sign = 1.0 if claim.direction.endswith("increase_by") else -1.0
    low, high = sorted((sign * interval.low, sign * interval.high))
    denied = claim.direction.startswith("not_")
    if low > claim.margin:
        verdict = Verdict.REFUTED if denied else Verdict.SUPPORTED
    elif high < claim.margin:
        verdict = Verdict.SUPPORTED if denied else Verdict.REFUTED
    else:
        verdict = Verdict.INCONCLUSIVE
    return Judgement(
        verdict=verdict,
        reversed=verdict is Verdict.REFUTED and high < 0.0,
        interval=interval,
        seeds_needed=(
            seeds_needed(differences, claim.threshold, claim.alpha)
            if verdict is Verdict.INCONCLUSIVE
            else None
        ),
    )


def _judge_equality(claim: Claim, interval: Interval, differences: npt.ArrayLike) -> Judgement:
    verdict = Verdict.INCONCLUSIVE
    if interval.inside(-claim.margin, claim.margin):
        verdict = Verdict.SUPPORTED
    elif interval.low > claim.margin or interval.high < -claim.margin:
        verdict = Verdict.REFUTED
    undecided = verdict is Verdict.INCONCLUSIVE
    bound = claim.bound(interval.estimate)
    return Judgement(
        verdict=verdict,
        reversed=False,
        interval=interval,
        seeds_needed=seeds_needed(differences, bound, claim.alpha) if undecided else None,
    )


def claim(
    sentence: str,
    *,
    cites: str,
    unit: str,
    increase_by: float | None = None,
    decrease_by: float | None = None,
    equal_within: float | None = None,
    not_increase_by: float | None = None,
    not_decrease_by: float | None = None,
    alpha: float = 0.05,
    requires: Sequence[Any] = (),
    beside: Sequence[Any] = (),
    undecided: str = "",
):
    """Mark a test as the one that checks a claim.

    Args:
        sentence: the claim in the paper's words, subject-verb-object; ``{name}`` stands for a
            parameter of the test.
        cites: source with its version, theorem or equation, and figure.
        unit: of the effect.
        increase_by: the claim holds if the effect's interval lies above this margin.
        decrease_by: the claim holds if the effect's interval lies below minus this margin.
        equal_within: the claim holds if the effect's interval lies within this margin of zero.
        not_increase_by: the claim holds if the effect's interval lies below this margin.
        not_decrease_by: the claim holds if the effect's interval lies above minus this margin.
        alpha: level of the two-sided interval.
        requires: preconditions, measured before the verdict.
        beside: other views of the effect, reported beside it.
        undecided: why the seeds of a run are known not to decide it; inconclusive is then expected.
    """
    import pytest

    named = dict(
        zip(
            DIRECTIONS,
            (increase_by, decrease_by, equal_within, not_increase_by, not_decrease_by),
            strict=True,
        )
    )
    given = [(direction, margin) for direction, margin in named.items() if margin is not None]
    if len(given) != 1:
        raise ValueError(f"claim {sentence!r}: give one of {', '.join(DIRECTIONS)}, got {given}.")
    direction, margin = given[0]
    if margin < 0:
        raise ValueError(f"claim {sentence!r}: the margin {margin} is negative.")
    return pytest.mark.claim(
        Claim(
            sentence=sentence,
            cites=cites,
            direction=direction,
            margin=margin,
            unit=unit,
            alpha=alpha,
            requires=tuple(requires),
            beside=tuple(beside),
            undecided=undecided,
        )
    )


def chance_words(row: Mapping[str, Any]) -> str:
    """Return what follows the accepted verdict of a recorded claim whose own is another one."""
    return ", not told from chance" if row.get("outcome") == "xfailed" else ""
