"""How often the gate is wrong: nights on which nothing has changed, drawn from real seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from coupling_bench.nightly.band import LEAST_REFERENCE, LEVEL
from coupling_bench.nightly.chance import by_chance
from coupling_bench.nightly.evidence import Evidence, Found, Key, pool
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
    red: int
    """Nights with a verdict that differs, and that pytest would not put down to chance."""
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


def exchanged(
    found: Found, *, nights: int = NIGHTS, level: float = LEVEL, seed: int = 0
) -> Estimate:
    """Draw references and nights from the same seeds, and count the gate's alarms.

    Each night orders all seeds anew; of those that a claim has, the first are the night's, as many
    as its smallest record has (five where others have three), and the next 12 the reference's.
    Nothing has changed between them, so that every alarm is a false one. The test is exact for such
    nights whatever the values: this says that the whole gate is what the test is.

    Args:
        found: records put together: the reference's seeds and others.
        nights: how many to draw.
        level: at which the gate is asked to work.
        seed: of the draws.

    Raises:
        ValueError: no claim has enough seeds.
    """
    usable, sizes = _exchangeable(found)

    def night(order: list[int]) -> tuple[Found, Found]:
        old, new = {}, {}
        for key, evidence in usable.items():
            own, size = [seed for seed in order if seed in evidence.values], sizes[key]
            new[key] = _part(evidence, own[:size])
            old[key] = _part(evidence, own[size : size + LEAST_REFERENCE])
        return Found(claims=old), Found(claims=new)

    return _count(night, usable, len(found.claims), nights, level, seed)


def of_one_run(
    found: Found, *, nights: int = NIGHTS, level: float = LEVEL, seed: int = 0
) -> Estimate:
    """Draw each night from the seeds of one record, against all other seeds, and count alarms.

    The seeds of a record share what seeds do not vary: the machine, and the base that was trained
    on it. Where machines differ in more than their seeds do, nights differ from their reference
    here, and not where the seeds of all records are exchanged.

    Args:
        found: records put together, each of one machine.
        nights: how many to draw.
        level: at which the gate is asked to work.
        seed: of the draws.

    Raises:
        ValueError: no claim has enough seeds.
    """
    usable, sizes = _exchangeable(found)
    of_record = [pool([record]).claims for record in found.records]
    seeds = [{n for e in claims.values() for n in e.values} for claims in of_record]

    def night(order: list[int]) -> tuple[Found, Found]:
        run = next(k for k, numbers in enumerate(seeds) if order[0] in numbers)
        old, new = {}, {}
        for key, evidence in usable.items():
            own = of_record[run][key].values if key in of_record[run] else ()
            mine = [n for n in order if n in own][: sizes[key]]
            if len(mine) == sizes[key]:
                rest = [n for n in evidence.values if n not in mine]
                new[key], old[key] = _part(evidence, mine), _part(evidence, rest)
        return Found(claims=old), Found(claims=new)

    return _count(night, usable, len(found.claims), nights, level, seed)


def fixed(
    reference: Found, fresh: Found, *, nights: int = NIGHTS, level: float = LEVEL, seed: int = 0
) -> Estimate | None:
    """Draw nights from fresh seeds alone, against the reference as it is, and count alarms.

    This is the rate that the reference in use has. Nights share seeds, more so the fewer there are:
    the interval is too narrow.

    Args:
        reference: the records of the reference's seeds.
        fresh: records of other seeds, more than a night's.
        nights: how many to draw.
        level: at which the gate is asked to work.
        seed: of the draws.

    Returns:
        None where no claim has more fresh seeds than a night needs.
    """
    sizes = {key: _size(evidence) for key, evidence in fresh.claims.items()}
    usable = {}
    for key, e in fresh.claims.items():
        known = reference.claims.get(key)
        if known is not None and not e.problem and known.claim.get("recipe") == e.claim["recipe"]:
            own = [number for number in e.values if number not in known.values]
            if len(own) > sizes[key]:
                usable[key] = _part(e, own)
    if not usable:
        return None
    old = Found(claims={key: reference.claims[key] for key in usable})

    def night(order: list[int]) -> tuple[Found, Found]:
        parts = {
            key: _part(e, [number for number in order if number in e.values][: sizes[key]])
            for key, e in usable.items()
        }
        return old, Found(claims=parts)

    return _count(night, usable, len(fresh.claims), nights, level, seed)


def _exchangeable(found: Found) -> tuple[dict[Key, Evidence], dict[Key, int]]:
    """Return the claims with seeds for a reference and a night, and how many a night has of each.

    Raises:
        ValueError: there is none.
    """
    sizes = {key: _size(evidence) for key, evidence in found.claims.items()}
    usable = {
        key: e for key, e in found.claims.items()
        if not e.problem and len(e.values) >= sizes[key] + LEAST_REFERENCE
    }  # fmt: skip
    if not usable:
        most = max((len(e.values) for e in found.claims.values()), default=0)
        raise ValueError(
            f"compare: --false-alarms needs {NIGHT_SEEDS + LEAST_REFERENCE} seeds of a claim, the "
            f"reference's {LEAST_REFERENCE} and a night's; found {most}. Give more records."
        )
    return usable, sizes


def _size(evidence: Evidence) -> int:
    """Return the seeds of a night: a claim's smallest record's, three where all are large."""
    return evidence.fewest if 0 < evidence.fewest < LEAST_REFERENCE else NIGHT_SEEDS


def _count(
    night: Callable[[list[int]], tuple[Found, Found]],
    usable: Mapping[Key, Evidence],
    claims: int,
    nights: int,
    level: float,
    seed: int,
) -> Estimate:
    draw = np.random.default_rng(seed)
    labels = np.array(sorted({number for e in usable.values() for number in e.values}))
    alarms = verdicts = flips = red = 0
    for _ in range(nights):
        old, new = night(draw.permutation(labels).tolist())
        rows = compare(Reference(accepted=old, seeds=old), new, level=level).rows
        kinds = {row.kind for row in rows}
        alarms += bool(kinds & {Kind.DRIFT, Kind.VERDICT})
        verdicts += Kind.VERDICT in kinds
        differ = [row for row in rows if row.before != row.after]
        flips += bool(differ)
        red += not all(by_chance(replace(row)) for row in differ)
    counts = [len(evidence.values) for evidence in usable.values()]
    return Estimate(
        nights=nights, alarms=alarms, verdict_alarms=verdicts, flips=flips, red=red,
        claims=len(usable), seeds=(min(counts), max(counts)), rejected=claims - len(usable),
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
    fewest, most = found.seeds
    return [
        f"{found.claims} claims with {f'{fewest} to {most}' if fewest < most else most} seeds"
        + (f"; {found.rejected} with too few left out" if found.rejected else ""),
        f"{found.alarms} of {found.nights} drawn nights raise an alarm: "
        f"{found.alarms / found.nights:.1%} [{low:.1%}, {high:.1%}], allowed {LEVEL:.1%}",
        f"{found.verdict_alarms} of them by a verdict that counts as changed; verdicts as such "
        f"differ on {found.flips} nights, and pytest, which judges each claim alone, would be red "
        f"on {found.red}",
    ]
