"""The gate: is a run still what the reference says? Records in, findings out.

A claim's verdict rests on three seeds and changes by chance where its interval comes near the
margin. Such a change says nothing of the code: **a verdict counts as changed only where the effect,
or what the claim presupposes, lies outside the reference's band** (``band.py``). Alarms are then a
part of what the band's level bounds, at most one family-wise false alarm in 50 nights, verdict
changes included. A change within the band is shown, with the verdict of all seeds together.

Theorems are no statistics: one instance that breaks a statement is enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np

from coupling_bench.claims import Claim, Judgement, judge
from coupling_bench.nightly import band
from coupling_bench.nightly.band import LEAST_REFERENCE, LEVEL, Band
from coupling_bench.nightly.evidence import Evidence, Found, Key, Setting


class Kind(IntEnum):
    """What is the matter; the value is the exit status.

    Of several the largest: what has to be mended before the others can be believed.
    """

    FINE = 0
    SLOWER = 3
    DRIFT = 4
    VERDICT = 5
    MISSING = 6
    INFRASTRUCTURE = 7


WORDS = {
    Kind.FINE: "as before",
    Kind.SLOWER: "SLOWER",
    Kind.DRIFT: "VALUE DRIFT",
    Kind.VERDICT: "VERDICT CHANGED",
    Kind.MISSING: "MISSING",
    Kind.INFRASTRUCTURE: "NOT RUN",
}


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What a run is compared with."""

    accepted: Found
    """The accepted verdicts."""
    seeds: Found
    """The reference's seeds, from which bands are made."""

    @property
    def expected(self) -> set[Setting]:
        """The settings that a run has to have."""
        return self.seeds.settings


@dataclass(kw_only=True)
class Row:
    """One claim before and after."""

    key: Key
    old: Evidence | None
    new: Evidence | None
    before: str | None
    """Verdict."""
    after: str | None
    band: Band | None = None
    kind: Kind = Kind.FINE
    obstacle: str = ""
    """Why it cannot be compared."""
    astray: list[str] = field(default_factory=list)
    """What it presupposes that lies outside its own band."""
    note: str = ""
    together: Judgement | None = None
    """Of the reference's and the run's seeds, where their verdicts differ within the band."""

    @property
    def status(self) -> str:
        """What became of the claim, in a word or two."""
        if self.kind is Kind.FINE and self.old is None:
            return "new"
        return "noise" if self.kind is Kind.FINE and self.before != self.after else WORDS[self.kind]


@dataclass(kw_only=True)
class Finding:
    """One thing that is the matter."""

    kind: Kind
    what: str
    text: str
    row: Row | None = None


@dataclass(kw_only=True)
class Comparison:
    """All that a comparison found."""

    rows: list[Row]
    findings: list[Finding]
    notes: list[str] = field(default_factory=list)

    @property
    def status(self) -> Kind:
        """The worst of the findings."""
        return max((finding.kind for finding in self.findings), default=Kind.FINE)


def compare(
    reference: Reference,
    run: Found,
    errors: Mapping[str, str] | None = None,
    level: float = LEVEL,
) -> Comparison:
    """Compare a run with the reference.

    Args:
        reference: accepted verdicts and seeds.
        run: what the run measured.
        errors: tests that broke down instead of failing, by their ids, and why.
        level: family-wise share of false alarms.
    """
    rows = _rows(reference, run)
    _find_bands(rows, level)
    broken = dict(errors or {})
    for row in rows:
        _decide(row, level, broken)
    findings = [_finding(row) for row in rows if row.kind in (Kind.DRIFT, Kind.VERDICT)]
    findings += _grouped(row for row in rows if row.kind >= Kind.MISSING)
    findings += _theorems(reference, run)
    findings += _infrastructure(reference, run, broken)
    findings.sort(key=lambda finding: -finding.kind)
    return Comparison(rows=_sorted(rows), findings=findings, notes=_notes(reference, run, rows))


def _rows(reference: Reference, run: Found) -> list[Row]:
    """Return a row for each claim of the expected settings, and of the run's own."""
    old = {**reference.accepted.claims, **reference.seeds.claims}
    keys = [key for key in old if key[:3] in reference.expected]
    keys += [key for key in run.claims if key not in keys]
    rows = []
    for key in keys:
        mine, seeds = run.claims.get(key), reference.seeds.claims.get(key)
        accepted = reference.accepted.claims.get(key)
        of_this = accepted if _same_recipe(accepted, mine) else None
        before = of_this or seeds or accepted
        rows.append(
            Row(
                key=key, old=seeds or accepted, new=mine,
                before=before.claim.get("verdict") if before else None,
                after=_verdict(mine) if mine else None,
            )
        )  # fmt: skip
    return rows


def _same_recipe(one: Evidence | None, other: Evidence | None) -> bool:
    return bool(one and other and one.claim.get("recipe") == other.claim.get("recipe"))


def _verdict(evidence: Evidence) -> str | None:
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


def _find_bands(rows: list[Row], level: float) -> None:
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
        setting, old, new = quantity
        seeds = (setting, tuple(s for s, _ in old), tuple(s for s, _ in new))
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
                    row.obstacle = (
                        f"the run has {len(new)} seeds and the reference {len(old)}: too few for "
                        "any alarm at this level. Run more: --seeds 3"
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
        return "the run has no such claim"
    if new.problem or old.problem:
        return new.problem or f"in the reference {old.problem}"
    if not _same_recipe(old, new):
        return (
            f"measured with another recipe ({new.claim.get('recipe')}) than the reference "
            f"({old.claim.get('recipe')}): training, margin or requirements changed"
        )
    there = _apart(old.values, new.values)
    if len(there) < LEAST_REFERENCE:
        shared = len(old.values) - len(there)
        besides = f" besides the {shared} that are the run's own" if shared else ""
        return f"the reference has {len(there)} seeds{besides}, needed {LEAST_REFERENCE}"
    return ""


def _decide(row: Row, level: float, errors: Mapping[str, str]) -> None:
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


def _finding(row: Row) -> Finding:
    if row.kind is Kind.VERDICT:
        text = f"was {row.before}, is {row.after}"
    else:
        text = f"{row.after} as before, and not where the reference puts it"
    text += f"; {row.note}" if row.note else ""
    return Finding(kind=row.kind, what=row.key[3], text=text, row=row)


def _grouped(rows: Iterable[Row]) -> list[Finding]:
    """Return findings of which each says one reason once, with the claims that it holds for."""
    by_reason: dict[tuple[Kind, Setting, str], list[Row]] = {}
    for row in rows:
        by_reason.setdefault((row.kind, row.key[:3], row.note), []).append(row)
    return [
        Finding(
            kind=kind, text=f"{reason} ({', '.join(setting)})", row=found[0],
            what="; ".join(row.key[3] for row in found),
        )
        for (kind, setting, reason), found in by_reason.items()
    ]  # fmt: skip


def _theorems(reference: Reference, run: Found) -> list[Finding]:
    found = []
    before = {**reference.accepted.theorems, **reference.seeds.theorems}
    for key, theorem in run.theorems.items():
        held = before.get(key, {}).get("outcome") != "failed"
        if theorem.get("outcome") == "failed" and held:
            text = str(theorem.get("message") or "broken")
            found.append(Finding(kind=Kind.VERDICT, what=f"Theorem: {key[1]}", text=text))
    models = {setting[0] for setting in reference.expected}
    for key, theorem in before.items():
        due = not theorem.get("model") or theorem["model"] in models
        if due and key not in run.theorems:
            text = f"the run did not check it ({key[0]})"
            found.append(Finding(kind=Kind.MISSING, what=f"Theorem: {key[1]}", text=text))
    return found


def _infrastructure(reference: Reference, run: Found, errors: Mapping[str, str]) -> list[Finding]:
    broken = Kind.INFRASTRUCTURE
    unreadable = [*reference.accepted.unreadable, *reference.seeds.unreadable, *run.unreadable]
    found = [Finding(kind=broken, what="a file", text=text) for text in dict.fromkeys(unreadable)]
    found += [Finding(kind=broken, what=test, text=why) for test, why in errors.items()]
    if not (run.claims or run.theorems or run.unreadable):
        found.append(Finding(kind=Kind.MISSING, what="the run", text="it holds no claim at all"))
    if run.claims and not reference.expected & run.settings:
        has, needed = (_listed(s) for s in (run.settings, reference.expected))
        text = f"it is about {has}, and the reference about {needed or 'nothing'}"
        found.append(Finding(kind=Kind.MISSING, what="the run", text=text))
    return found


def _listed(settings: set[Setting]) -> str:
    return "; ".join(f"{model} on {task}, {scale}" for model, task, scale in sorted(settings))


def _notes(reference: Reference, run: Found, rows: list[Row]) -> list[str]:
    notes = []
    new = [row.key[3] for row in rows if row.old is None]
    if new:
        notes.append(f"New, with nothing to compare: {'; '.join(new)}")
    elsewhere = reference.accepted.settings - reference.expected - run.settings
    if elsewhere:
        notes.append(f"Accepted, and not asked of this run: {_listed(elsewhere)}")
    failing = [
        key[1] for key, theorem in run.theorems.items()
        if theorem.get("outcome") == "failed"
        and reference.seeds.theorems.get(key, {}).get("outcome") == "failed"
    ]  # fmt: skip
    if failing:
        notes.append(f"Theorems that the reference breaks too: {'; '.join(failing)}")
    commits = {str((r.get("environment") or {}).get("commit"))[:12] for r in run.records}
    if len(run.records) > 1:
        notes.append(f"The run is {len(run.records)} records, commits {', '.join(sorted(commits))}")
    return notes


def _sorted(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (-row.kind, row.before == row.after))
