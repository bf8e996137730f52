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

from coupling_bench.nightly.band import LEVEL
from coupling_bench.nightly.evidence import Found, Setting
from coupling_bench.nightly.findings import Comparison, Finding, Kind, Reference, Row
from coupling_bench.nightly.rows import decide, find_bands, rows_of


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
        errors: tests that broke down, by their ids, and why.
        level: family-wise share of false alarms.
    """
    rows = rows_of(reference, run)
    find_bands(rows, level)
    broken = dict(errors or {})
    for row in rows:
        decide(row, level, broken)
    findings = [_finding(row) for row in rows if row.kind in (Kind.DRIFT, Kind.VERDICT)]
    findings += _grouped(row for row in rows if row.kind >= Kind.MISSING)
    findings += _theorems(reference, run, broken)
    told = [row.old for row in rows if row.kind is Kind.INFRASTRUCTURE and row.old]
    known = {evidence.claim.get("test") for evidence in told}
    others = {test: why for test, why in broken.items() if test not in known}
    findings += _infrastructure(reference, run, others)
    found = Comparison(rows=_sorted(rows), findings=[], notes=_notes(reference, run, rows))
    found.add(findings)
    return found


def _finding(row: Row) -> Finding:
    if row.kind is Kind.VERDICT:
        text = f"was {row.before}, is {row.after}"
    else:
        text = f"{row.after} as before, and not where the reference puts it"
    text += f"; {row.note}" if row.note else ""
    return Finding(kind=row.kind, what=row.key[3], text=text, rows=[row])


def _grouped(rows: Iterable[Row]) -> list[Finding]:
    """Return findings of which each says one reason once, with the claims that it holds for."""
    by_reason: dict[tuple[Kind, Setting, str], list[Row]] = {}
    for row in rows:
        by_reason.setdefault((row.kind, row.key[:3], row.note), []).append(row)
    return [
        Finding(
            kind=kind, text=f"{reason} ({', '.join(setting)})", rows=found,
            what="; ".join(row.key[3] for row in found),
        )
        for (kind, setting, reason), found in by_reason.items()
    ]  # fmt: skip


def _theorems(reference: Reference, run: Found, broken: Mapping[str, str]) -> list[Finding]:
    found = []
    before = {**reference.accepted.theorems, **reference.seeds.theorems}
    for key, theorem in run.theorems.items():
        held = before.get(key, {}).get("outcome") != "failed"
        if theorem.get("outcome") == "failed" and held:
            text = str(theorem.get("message") or "broken")
            found.append(Finding(kind=Kind.VERDICT, what=f"Theorem: {key[1]}", text=text))
    models = {setting[0] for setting in reference.expected}
    for key, theorem in before.items():
        asked = key[0].split("::")[0].rpartition("/")[0] not in reference.without
        due = asked and (not theorem.get("model") or theorem["model"] in models)
        if due and key not in run.theorems and key[0] not in broken:
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
        notes.append(f"New, or without a reference's seeds, and not compared: {'; '.join(new)}")
    if reference.without:
        folders = ", ".join(sorted(reference.without))
        notes.append(f"Not asked of this run, and not compared: {folders}")
    elsewhere = reference.accepted.places - reference.seeds.places
    if elsewhere:
        told = (f"{folder} ({_listed({setting})})" for setting, folder in sorted(elsewhere))
        notes.append(f"Accepted without a reference's seeds, and not asked: {'; '.join(told)}")
    failing = [
        key[1] for key, theorem in run.theorems.items()
        if theorem.get("outcome") == "failed"
        and reference.seeds.theorems.get(key, {}).get("outcome") == "failed"
    ]  # fmt: skip
    if failing:
        notes.append(f"Theorems that the reference breaks too: {'; '.join(failing)}")
    ours, theirs = _processors(run), _processors(reference.seeds)
    if theirs and not ours <= theirs:
        notes.append(
            f"Trained on {', '.join(sorted(ours))}; the reference on {', '.join(sorted(theirs))}: "
            "another processor rounds otherwise, and trains another base, which all seeds share: "
            "what differs may be its doing"
        )
    commits = {str((r.get("environment") or {}).get("commit"))[:12] for r in run.records}
    if len(run.records) > 1:
        notes.append(f"The run is {len(run.records)} records, commits {', '.join(sorted(commits))}")
    reused = sum(int((r.get("environment") or {}).get("reused") or 0) for r in run.records)
    if reused:
        notes.append(
            f"{reused} stages came from a store: what was trained before says nothing of today's "
            "code and libraries. Begin with an empty one: --store FOLDER"
        )
    return notes


def _processors(found: Found) -> set[str]:
    named = ((record.get("environment") or {}).get("cpu") for record in found.records)
    return {str(name) for name in named if name}


def _sorted(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (-row.kind, row.before == row.after))
