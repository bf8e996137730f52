"""Each claim before and after: what it is compared with, its band, and what that makes of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from coupling_bench.claims import Claim, Judgement, judge
from coupling_bench.nightly import band
from coupling_bench.nightly.band import LEAST_REFERENCE
from coupling_bench.nightly.evidence import Evidence, Found
from coupling_bench.nightly.findings import Kind, Reference, Row


def rows_of(reference: Reference, run: Found) -> list[Row]:
    """Return a row for each claim that is due, and of the run's own.

    Due is what the reference has accepted, or seeds of, in a folder of suites of which it has
    seeds and the run was not told to do without.
    """
    old = {**reference.accepted.claims, **reference.seeds.claims}
    due = reference.due
    keys = [key for key, evidence in old.items() if evidence.place in due]
    keys += [key for key in run.claims if key not in keys]
    rows = []
    for key in keys:
        mine, seeds = run.claims.get(key), reference.seeds.claims.get(key)
        accepted = reference.accepted.claims.get(key)
        if mine and not seeds:
            accepted = None  # the reference has no seeds of it: there is nothing to compare with
        of_this = accepted if _same_recipe(accepted, mine) else None
        before = of_this or seeds or accepted
        rows.append(
            Row(
                key=key, old=seeds or accepted, new=mine,
                before=before.claim.get("verdict") if before else None,
                after=verdict_of(mine) if mine else None,
            )
        )  # fmt: skip
    return rows


def _same_recipe(one: Evidence | None, other: Evidence | None) -> bool:
    return bool(one and other and one.claim.get("recipe") == other.claim.get("recipe"))


def verdict_of(evidence: Evidence) -> str | None:
    """Return the verdict of the newest record, or of the seeds of several together."""
    told = evidence.claim.get("verdict")
    if evidence.records == 1 or told in (None, "not applicable") or evidence.problem:
        return told
    return judged(evidence.claim, evidence.values.values()).verdict.value


def judged(claim: Mapping[str, Any], values: Iterable[float]) -> Judgement:
    """Judge seeds by a recorded claim's own margin, direction and error rate."""
    made = Claim(
        sentence=claim["claim"], cites=claim.get("cites") or "", direction=claim["direction"],
        margin=abs(claim["margin"]), unit=claim["unit"], alpha=claim["alpha"],
    )  # fmt: skip
    return judge(made, np.array(list(values), float))


def find_bands(rows: list[Row], level: float) -> None:
    """Give each row whose seeds can be compared the band of what of it deviates most."""
    quantities: dict[tuple[Any, ...], list[tuple[Row, str]]] = {}
    for row in rows:
        row.obstacle = _obstacle(row)
        if row.obstacle or row.old is None or row.new is None:
            continue
        held = {"effect": (row.old.values, row.new.values)}
        held |= {
            name: (row.old.needs[name], values)
            for name, values in row.new.needs.items()
            if name in row.old.needs
        }
        for name, (old, new) in held.items():
            there = _apart(old, new)
            if len(there) < LEAST_REFERENCE:  # a requirement that the reference lacks for some
                continue
            same = row.key[:3]  # claims share what they presuppose: it is one quantity
            quantity = (same, tuple(sorted(there.items())), tuple(sorted(new.items())))
            quantities.setdefault(quantity, []).append((row, name))
    strata: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for quantity in quantities:
        setting, *both = quantity
        seeds = (setting, *(tuple(seed for seed, _ in values) for values in both))
        strata.setdefault(seeds, []).append(quantity)
    _fill(strata, quantities, level)


def _fill(
    strata: dict[tuple[Any, ...], list[tuple[Any, ...]]],
    quantities: dict[tuple[Any, ...], list[tuple[Row, str]]],
    level: float,
) -> None:
    pairs = [
        (_columns(q[1] for q in members), _columns(q[2] for q in members))
        for members in strata.values()
    ]
    for (_, old, new), members, found in zip(
        strata, strata.values(), band.bands(pairs, level), strict=True
    ):
        share = len(members) / len(quantities)
        for quantity, one in zip(members, found, strict=True):
            for row, name in quantities[quantity]:
                if not band.can_tell(len(old), len(new), share, level):
                    needed = band.least_run(len(old), share, level)
                    row.obstacle = (
                        f"the run has {len(new)} seeds and the reference {len(old)}: too few for "
                        "any alarm at this level. "
                        + (f"Run more: --seeds {needed}" if needed else "Run fewer other claims")
                    )
                elif name == "effect":
                    row.band = one
                elif one.outside(level):
                    row.astray.append(name)


def _columns(rows: Iterable[tuple[tuple[int, float], ...]]) -> np.ndarray:
    return np.array([[value for _, value in row] for row in rows], float).T


def _apart(old: dict[int, float], new: dict[int, float]) -> dict[int, float]:
    """Return the reference's seeds that are not the run's own."""
    return {seed: value for seed, value in old.items() if seed not in new}


def _obstacle(row: Row) -> str:
    """Return in a sentence why a claim has nothing to be compared with, or nothing."""
    old, new = row.old, row.new
    if old is None:
        return ""
    if new is None:
        return (
            f"the run has no such claim, of {old.place[1]}. Run it too, or say that the run was "
            f"not asked for it: --without {old.place[1]}"
        )
    if new.problem or old.problem:
        return new.problem or f"in the reference {old.problem}"
    if not _same_recipe(old, new):
        return (
            f"measured with another recipe ({new.claim.get('recipe')}) than the reference "
            f"({old.claim.get('recipe')}): training, margin or requirements changed"
        )
    gone = [name for name in old.needs if name not in new.needs]
    if gone:
        return (
            f"the run has no finite number for each seed of what it presupposes: {'; '.join(gone)}"
        )
    there = _apart(old.values, new.values)
    if len(there) < LEAST_REFERENCE:
        shared = len(old.values) - len(there)
        besides = f" besides the {shared} that are the run's own" if shared else ""
        return (
            f"the reference has {len(there)} seeds{besides}, needed {LEAST_REFERENCE}. Train them: "
            "pytest suites --first-seed 101 --seeds 12"
        )
    return ""


def decide(row: Row, level: float, errors: Mapping[str, str]) -> None:
    """Say what became of a claim, and why."""
    if row.old is None or row.new is None or row.obstacle or row.band is None:
        if row.obstacle:
            row.kind, row.note = Kind.MISSING, row.obstacle
        test = row.old.claim.get("test") if row.old else None
        if row.new is None and test in errors:
            row.kind, row.note = Kind.INFRASTRUCTURE, f"its test broke down: {errors[str(test)]}"
        return
    changed = row.before != row.after
    notes = []
    if row.astray:
        notes.append(f"what it presupposes lies outside its band: {'; '.join(row.astray)}")
    if row.band.outside(level) or row.astray:
        row.kind = Kind.VERDICT if changed else Kind.DRIFT
    elif changed:
        seeds = {**row.old.values, **row.new.values}
        row.together = judged(row.new.claim, seeds.values())
        notes.append(
            f"{row.before} before, {row.after} now, within the band; all {len(seeds)} seeds "
            f"together: {row.together.verdict.value}"
        )
    if row.band.far_out and row.kind is Kind.FINE:
        notes.append("one seed lies far from the reference's: see whether the next run has one too")
    row.note = "; ".join(notes)
