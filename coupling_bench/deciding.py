"""From per-seed differences to what pytest is told: verdict, sentence, and the claim's record."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from coupling_bench.claims import Claim, Judgement, Verdict, judge
from coupling_bench.fingerprint import address
from coupling_bench.requirements import Beside, Measured, Requirement, RunsOf
from coupling_bench.specs import StageSpec
from coupling_bench.statistics import p_value, smallest_detectable_effect, student_interval

SCALES_WITHOUT_VERDICT = ("smoke",)
Chance = Callable[[Mapping[str, Any]], str | None]
"""From what was decided: why it may differ from the accepted verdict by chance, or None."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What to tell pytest (``passed``, ``failed``, ``xfailed`` or ``skipped``) and why."""

    outcome: str
    message: str
    record: dict[str, Any]


def decide(
    claim: Claim,
    differences: npt.ArrayLike,
    *,
    runs: RunsOf,
    seeds: Iterable[int],
    scale: str,
    accepted: str | None,
    recording: bool = False,
    chance: Chance = lambda record: None,
) -> Decision:
    """Judge a claim, after its requirements, and compare with the verdict accepted before.

    Args:
        claim: what is claimed.
        differences: per-seed paired differences ``(S,)`` in the claim's unit.
        runs: gives a node's runs, for requirements and the views beside the effect.
        seeds: the seeds behind the differences, in their order.
        scale: at ``smoke`` the numbers are recorded and no verdict is given.
        accepted: the verdict recorded in ``reports/reference/`` for this claim and recipe.
        recording: accept the verdict of this run instead, unless it is undecided.
        chance: asked where the verdict is another one than the accepted: such a claim neither
            passes nor fails.

    Raises:
        ValueError: the differences are not one finite number a seed.
    """
    seeds = list(seeds)
    values = np.asarray(differences, dtype=float)
    if values.shape != (len(seeds),) or not np.all(np.isfinite(values)):
        raise ValueError(
            f"decide: {claim.sentence!r} got differences {values.tolist()}, needed one finite "
            f"number for each of the {len(seeds)} seeds."
        )
    judgement = judge(claim, values)
    requires = [_require(r, runs) for r in claim.requires]
    unmet = [r for r in requires if r["met"] is False]
    undecided = any(r["met"] is None and r["estimate"] is not None for r in requires)
    verdict: Verdict | None = judgement.verdict
    if scale in SCALES_WITHOUT_VERDICT:
        verdict = None
    elif unmet:
        verdict = Verdict.NOT_APPLICABLE
    elif undecided:
        verdict = Verdict.INCONCLUSIVE
    if recording and verdict not in (None, Verdict.INCONCLUSIVE):
        accepted = verdict.value
    record = {
        "claim": claim.sentence,
        "cites": claim.cites,
        "verdict": verdict.value if verdict else None,
        "reversed": verdict is Verdict.REFUTED and judgement.reversed,
        "accepted": accepted,
        "effect": judgement.interval.estimate,
        "interval": bounds(judgement.interval.low, judgement.interval.high),
        "margin": claim.threshold,
        "direction": claim.direction,
        "unit": claim.unit,
        "alpha": claim.alpha,
        "seeds": seeds,
        "per_seed": values.tolist(),
        "smallest_detectable_effect": smallest_detectable_effect(values, claim.alpha),
        "seeds_needed": judgement.seeds_needed,
        "p_value": p_value(values, claim.bound(judgement.interval.estimate)),
        "requires": requires,
        "beside": [view for b in claim.beside if (view := _view(b, runs)) is not None],
    }
    changed = accepted is not None and verdict is not None and verdict.value != accepted
    by_chance = chance(record) if changed and not recording else None
    outcome, message = _say(claim, judgement, verdict, unmet, accepted, by_chance, seeds)
    unknown = [r["name"] for r in requires if r["estimate"] is None]
    if unknown:
        message += f" Not checked, because it cannot be known on this task: {'; '.join(unknown)}."
    return Decision(outcome=outcome, message=message, record={**record, "message": message})


def failure(decision: Decision, stages: Mapping[str, Sequence[StageSpec]], command: str) -> str:
    """Return a failed claim in full: what was needed and found, of which stages, and once more.

    Args:
        decision: that failed.
        stages: of each node that the claim needs, one a seed.
        command: runs this test again.
    """
    found = decision.record
    by_seed = zip(found["seeds"], found["per_seed"], strict=True)
    lines = [
        decision.message,
        "by seed: " + ", ".join(f"{seed}: {value:+.4f}" for seed, value in by_seed),
    ]
    for node, of_node in stages.items():
        lines.append(f"{node}: {', '.join(dict.fromkeys(map(address, of_node)))}")
    return "\n".join([*lines, f"again: {command}"])


def bounds(low: float | None, high: float | None) -> list[float | None]:
    """Return two bounds for JSON, which has no infinity: None where unbounded."""
    return [b if b is not None and math.isfinite(b) else None for b in (low, high)]


def _require(requirement: Requirement, runs: RunsOf) -> dict[str, Any]:
    measured = requirement.measure(runs)
    return {
        "name": requirement.name,
        "unit": requirement.unit,
        "within": bounds(requirement.above, requirement.below),
        **_measured(measured),
        "met": None if measured is None else requirement.met(measured),
        "note": "cannot be known on this task, so not required" if measured is None else "",
    }


def _measured(measured: Measured | None) -> dict[str, Any]:
    if measured is None:
        return {"estimate": None, "interval": [None, None], "per_seed": []}
    return {
        "estimate": measured.interval.estimate,
        "interval": bounds(measured.interval.low, measured.interval.high),
        "per_seed": list(measured.per_seed),
    }


def _view(beside: Beside, runs: RunsOf) -> dict[str, Any] | None:
    values = beside.measure(runs)
    if values is None:
        return None
    interval = student_interval(values)
    return {
        "name": beside.name,
        "unit": beside.unit,
        "effect": interval.estimate,
        "interval": bounds(interval.low, interval.high),
        "per_seed": values.tolist(),
        "note": beside.note,
    }


def _say(
    claim: Claim,
    judgement: Judgement,
    verdict: Verdict | None,
    unmet: list[dict[str, Any]],
    accepted: str | None,
    by_chance: str | None,
    seeds: list[int],
) -> tuple[str, str]:
    """Return pytest's outcome and the sentence that explains it."""
    numbers = effect_text(claim, judgement, len(seeds))
    name = f"{claim.sentence} ({claim.cites})"
    if verdict is None:
        return "passed", f"NO VERDICT AT THIS SCALE: {name}. {numbers}."
    if verdict is Verdict.NOT_APPLICABLE:
        why = "; ".join(requirement_text(r) for r in unmet)
        text = f"NOT APPLICABLE: {name}. {why}. The effect would have been: {numbers}."
        outcome = "skipped"
    elif verdict is Verdict.INCONCLUSIVE:
        needed = judgement.seeds_needed
        advice = f"--seeds {needed} would probably decide" if needed else "more seeds will not help"
        advice = "one seed has no interval; use --seeds 3" if len(seeds) == 1 else advice
        text = f"INCONCLUSIVE: {name}. {numbers}; {needs_text(claim)}; {advice}."
        if claim.undecided and accepted is None:
            return "xfailed", f"{text} That is known: {claim.undecided}."
        outcome = "failed"
    else:
        label = "REVERSED" if judgement.reversed else verdict.value.upper()
        text = f"{label}: {name}. {numbers}; {needs_text(claim)}."
        refuted = "xfailed" if accepted == verdict.value else "failed"
        outcome = "passed" if verdict is Verdict.SUPPORTED else refuted
    if by_chance:
        return "xfailed", f"NOT TOLD FROM CHANCE: {by_chance}. {text}"
    if verdict is Verdict.INCONCLUSIVE:
        return outcome, text
    if accepted is not None and accepted != verdict.value:
        return "failed", f"VERDICT CHANGED: accepted was {accepted!r}. {text} {ACCEPT}"
    if outcome == "failed":
        text = f"{text} {ACCEPT}"
    return outcome, text


ACCEPT = "If this is a finding and no defect, accept it: pytest suites --record"


def effect_text(claim: Claim, judgement: Judgement, seeds: int) -> str:
    """Return effect, interval and number of seeds in words."""
    interval = judgement.interval
    percent = f"{100 * (1 - claim.alpha):g}%"
    return (
        f"effect = {interval.estimate:+.4f} {claim.unit}, {percent} interval "
        f"[{interval.low:+.4f}, {interval.high:+.4f}] over {seeds} seed{'s' * (seeds != 1)}"
    )


def needs_text(claim: Claim) -> str:
    """Return what the claim needs in words."""
    if claim.direction == "equal_within":
        return f"the claim needs an effect within +/-{claim.margin:.3f}"
    above = claim.direction in ("increase_by", "not_decrease_by")
    side = "above" if above else "below"
    return f"the claim needs an effect {side} {claim.threshold:+.3f}"


def requirement_text(requirement: dict[str, Any]) -> str:
    """Return a measured requirement in words."""
    low, high = requirement["interval"]
    above, below = requirement["within"]
    sides = (("above", above), ("below", below))
    needed = " and ".join(f"{side} {bound:g}" for side, bound in sides if bound is not None)
    shown = ", ".join("unbounded" if b is None else f"{b:+.4f}" for b in (low, high))
    return (
        f"{requirement['name']} is {requirement['estimate']:+.4f} {requirement['unit']} "
        f"[{shown}], needed {needed}"
    )
