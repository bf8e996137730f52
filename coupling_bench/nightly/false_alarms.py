"""How often the gate is wrong: nights on which nothing has changed, drawn from real seeds."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from coupling_bench.nightly.band import LEAST_REFERENCE, LEVEL
from coupling_bench.nightly.evidence import Evidence, Found
from coupling_bench.nightly.findings import Kind, Reference
from coupling_bench.nightly.gate import compare
from coupling_bench.nightly.rows import judged

NIGHTS = 500
NIGHT_SEEDS = 3


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What became of the drawn nights."""

    nights: int
    alarms: int
    """Nights with any value drift or verdict change."""
    verdict_alarms: int
    """Nights with a verdict that counts as changed."""
    flips: int
    """Nights with a verdict that differs from the reference's, in the band or not."""
    claims: int
    seeds: tuple[int, int]
    """Fewest and most seeds of a claim."""
    rejected: int
    """Claims with too few seeds, left out."""

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the share of alarms."""
        n, share, z = self.nights, self.alarms / self.nights, 1.96
        centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
        return max(0.0, centre - half), min(1.0, centre + half)


def estimate(
    found: Found,
    *,
    nights: int = NIGHTS,
    night_seeds: int = NIGHT_SEEDS,
    level: float = LEVEL,
    draw: np.random.Generator | None = None,
) -> Estimate:
    """Draw references and nights from the seeds of records, and count the gate's alarms.

    Each night orders all seeds anew; of those that a claim has, the first are the night's, as many
    as its smallest record has (five where others have three), and the next 12 the reference's.
    Nothing has changed between them, so that every alarm is a false one. Nights share seeds: the
    interval is that of independent nights, and a little too narrow.

    Args:
        found: records put together: the reference's seeds and others.
        nights: how many to draw.
        night_seeds: of a claim of which there are large records alone.
        level: at which the gate is asked to work.
        draw: where the order comes from.

    Raises:
        ValueError: no claim has enough seeds.
    """
    draw = draw or np.random.default_rng(0)
    needs = {
        key: e.fewest if e.fewest < LEAST_REFERENCE else night_seeds
        for key, e in found.claims.items()
    }
    usable = {
        key: e for key, e in found.claims.items()
        if not e.problem and len(e.values) >= needs[key] + LEAST_REFERENCE
    }  # fmt: skip
    if not usable:
        most = max((len(e.values) for e in found.claims.values()), default=0)
        raise ValueError(
            f"compare: --false-alarms needs {night_seeds + LEAST_REFERENCE} seeds of a claim, the "
            f"reference's {LEAST_REFERENCE} and a night's; found {most}. Give more records."
        )
    labels = np.array(sorted({seed for e in usable.values() for seed in e.values}))
    alarms = verdicts = flips = 0
    for _ in range(nights):
        order = draw.permutation(labels).tolist()
        old, new = {}, {}
        for key, evidence in usable.items():
            own = [seed for seed in order if seed in evidence.values]
            count = needs[key]
            new[key] = _part(evidence, own[:count])
            old[key] = _part(evidence, own[count : count + LEAST_REFERENCE])
        past = Found(claims=old)
        reference = Reference(accepted=past, seeds=past)
        result = compare(reference, Found(claims=new), level=level)
        kinds = {row.kind for row in result.rows}
        alarms += bool(kinds & {Kind.DRIFT, Kind.VERDICT})
        verdicts += Kind.VERDICT in kinds
        flips += any(row.before != row.after for row in result.rows)
    counts = [len(evidence.values) for evidence in usable.values()]
    return Estimate(
        nights=nights, alarms=alarms, verdict_alarms=verdicts, flips=flips, claims=len(usable),
        seeds=(min(counts), max(counts)), rejected=len(found.claims) - len(usable),
    )  # fmt: skip


def _part(evidence: Evidence, seeds: list[int]) -> Evidence:
    """Return a claim as some of its seeds say it, judged anew."""
    values = {seed: evidence.values[seed] for seed in seeds}
    needs = {
        name: {seed: of[seed] for seed in seeds}
        for name, of in evidence.needs.items()
        if all(seed in of for seed in seeds)
    }
    verdict = evidence.claim.get("verdict")
    if verdict not in (None, "not applicable"):
        verdict = judged(evidence.claim, values.values()).verdict.value
    claim = {**evidence.claim, "verdict": verdict}
    return replace(evidence, claim=claim, values=values, needs=needs, records=1)


def lines(found: Estimate) -> list[str]:
    """Return the estimate in words."""
    low, high = found.interval
    return [
        f"{found.claims} claims with {found.seeds[0]} to {found.seeds[1]} seeds"
        + (f"; {found.rejected} with too few left out" if found.rejected else ""),
        f"{found.alarms} of {found.nights} drawn nights raise an alarm: "
        f"{found.alarms / found.nights:.1%} [{low:.1%}, {high:.1%}], allowed {LEVEL:.1%}",
        f"{found.verdict_alarms} of them by a verdict that counts as changed; verdicts as such "
        f"differ on {found.flips} nights",
    ]
