"""What records say of each claim: the values of its seeds, from one record or several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coupling_bench.nightly import archive
from coupling_bench.record import Record
from coupling_bench.report.text import is_number

Setting = tuple[str, str, str]
"""Model, task and scale."""
Key = tuple[str, str, str, str]
"""Model, task, scale and the claim's sentence."""
SEEDS = "seeds"
"""Folder beside accepted verdicts that holds the records of the reference's seeds."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One claim as measured, over all seeds that were."""

    claim: dict[str, Any]
    """The newest row of a record."""
    stages: list[str]
    """Addresses of the stages that it was measured on, newest record."""
    created: str
    values: dict[int, float]
    """Effects by seed."""
    needs: dict[str, dict[int, float]]
    """What it presupposes, by name and seed; where it was measured seed by seed."""
    problem: str = ""
    """Why its numbers cannot be used."""
    records: int = 1
    fewest: int = 0
    """Seeds of the smallest of its records."""

    @property
    def setting(self) -> Setting:
        """Model, task and scale."""
        return self.claim["model"], self.claim["task"], self.claim["scale"]

    @property
    def place(self) -> tuple[Setting, str]:
        """The setting, and the folder of suites that the claim belongs to."""
        return self.setting, str(self.claim.get("test")).split("::")[0].rpartition("/")[0]


@dataclass(frozen=True, kw_only=True)
class Found:
    """Everything that a gate takes from some records."""

    claims: dict[Key, Evidence] = field(default_factory=dict)
    theorems: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """By test and sentence; the newest."""
    records: list[Record] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    @property
    def tests(self) -> set[str]:
        """Tests that found something."""
        return {str(e.claim.get("test")) for e in self.claims.values()} | {
            test for test, _ in self.theorems
        }

    @property
    def places(self) -> set[tuple[Setting, str]]:
        """Settings with the folders of suites that have claims there."""
        return {evidence.place for evidence in self.claims.values()}

    @property
    def settings(self) -> set[Setting]:
        """Models, tasks and scales of the claims."""
        return {evidence.setting for evidence in self.claims.values()}


def find(path: Path) -> Found:
    """Return what the record, or all records of the folder, at ``path`` say."""
    if path.is_dir():
        own = path / "record.json"
        kept = archive.read_files([own]) if own.is_file() else archive.read(path)
    elif path.is_file():
        kept = archive.read_files([path])
    else:
        return Found(unreadable=[f"{path}: there is no such file or folder"])
    return pool(kept.records, [f"{path}: {text}" for text in kept.left_out])


def pool(records: Iterable[Record], unreadable: list[str] | None = None) -> Found:
    """Put records together, oldest first: the newest decides the recipe, seeds of it add up."""
    rows: dict[Key, list[tuple[Record, dict[str, Any]]]] = {}
    theorems = {}
    records = list(records)
    for record in records:
        for key, claim in keyed(record):
            rows.setdefault(key, []).append((record, claim))
        for theorem in record.get("theorems") or []:
            theorems[str(theorem.get("test")), str(theorem.get("theorem"))] = theorem
    claims = {key: _one(found) for key, found in rows.items()}
    return Found(
        claims=claims, theorems=theorems, records=records, unreadable=list(unreadable or [])
    )


def of_claim(claim: Mapping[str, Any]) -> Evidence:
    """Return one row of a run that is still going on, of which there is no record yet."""
    return _one([({"created": ""}, dict(claim))])


def keyed(record: Record) -> list[tuple[Key, dict[str, Any]]]:
    """Return the claims of a record with their keys; tests that share a sentence are told apart."""
    claims = record.get("claims") or []
    keys = [(claim["model"], claim["task"], claim["scale"], claim["claim"]) for claim in claims]
    often = Counter(keys)
    return [
        (key if often[key] == 1 else (*key[:3], f"{key[3]} ({claim.get('test')})"), claim)
        for key, claim in zip(keys, claims, strict=True)
    ]


def _one(found: list[tuple[Record, dict[str, Any]]]) -> Evidence:
    record, newest = found[-1]
    values: dict[int, float] = {}
    needs: dict[str, dict[int, float]] = {}
    problem, used, fewest = "", 0, 0
    for _, claim in found:
        if claim.get("recipe") != newest.get("recipe"):
            continue
        used += 1
        seeds, effects = claim.get("seeds") or [], claim.get("per_seed") or []
        if len(seeds) != len(effects) or not seeds or not all(map(is_number, effects)):
            problem = f"its effects are {effects}, needed one finite number for each of {seeds}"
            continue
        fewest = min(fewest or len(seeds), len(seeds))
        values |= dict(zip(seeds, effects, strict=True))
        for need in claim.get("requires") or []:
            measured = need.get("per_seed") or []
            if len(measured) == len(seeds) and all(map(is_number, measured)):
                needs.setdefault(str(need.get("name")), {}).update(
                    zip(seeds, measured, strict=True)
                )
    nodes = set(newest.get("nodes") or [])
    stages = [
        str(row["spec"])
        for row in record.get("stages") or []
        if row.get("node") in nodes
        and row.get("spec")
        and (row.get("model"), row.get("task")) == (newest["model"], newest["task"])
    ]
    return Evidence(
        claim=newest, stages=stages, created=record["created"], values=values, needs=needs,
        problem=problem, records=used, fewest=fewest,
    )  # fmt: skip
