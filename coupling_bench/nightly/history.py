"""Nights in a row: each effect, each stage's time, and when a verdict changed."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from coupling_bench.nightly import band
from coupling_bench.nightly.evidence import Found, Key, keyed
from coupling_bench.nightly.machines import machine, told
from coupling_bench.record import Record
from coupling_bench.report.text import is_number


@dataclass(frozen=True, kw_only=True)
class Night:
    """Where and of what a record is."""

    created: str
    commit: str | None
    dirty: bool
    machine: str
    machine_told: str
    versions: dict[str, str]
    """Of Python and the packages."""
    trained: int | None
    reused: int | None


@dataclass(frozen=True, kw_only=True)
class Point:
    """One claim on one night."""

    night: int
    effect: float
    low: float | None
    high: float | None
    verdict: str | None
    recipe: str | None
    seeds: int


@dataclass(frozen=True, kw_only=True)
class Change:
    """A verdict that differs from the one before."""

    key: Key
    before: str | None
    after: str | None
    night: int
    """The first on which it had changed."""
    last: int
    """The last on which it had not."""
    versions: list[str]
    """What changed between the two, as ``trl 1.16.0 -> 1.17.0``."""
    recipe: bool
    """Whether training, margin or requirements changed with it."""
    within: bool
    """Whether the effect lies in the reference's band all the same: few seeds near a margin.

    Never with another recipe, nor where what the claim presupposes decided: bands are of effects.
    """


@dataclass(kw_only=True)
class Line:
    """A claim over nights."""

    key: Key
    unit: str
    margins: list[float]
    points: list[Point] = field(default_factory=list)
    band: tuple[float, float] | None = None
    """Where the mean of a run's seeds is expected, by Student's t from the reference's."""
    changes: list[Change] = field(default_factory=list)
    last_seen: int = 0

    @property
    def outside_since(self) -> int | None:
        """The first of the nights in a row, up to now, with the effect outside the band.

        Nights of another recipe end the row: the band is the newest recipe's.
        """
        if self.band is None:
            return None
        since = None
        for point in reversed(self.points):
            inside = self.band[0] <= point.effect <= self.band[1]
            if inside or point.recipe != self.points[-1].recipe:
                break
            since = point.night
        return since


@dataclass(kw_only=True)
class Times:
    """Seconds of a stage on one machine, the median over its seeds, for each night it trained."""

    machine: str
    model: str
    task: str
    node: str
    points: list[tuple[int, float]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class History:
    """Everything that the page, the CSV and the summary are made from."""

    nights: list[Night]
    lines: list[Line]
    times: list[Times]
    left_out: list[str]

    @property
    def changes(self) -> list[Change]:
        """Changes of all claims, the newest first."""
        found = [change for line in self.lines for change in line.changes]
        return sorted(found, key=lambda change: -change.night)

    def gone(self) -> list[Line]:
        """Claims that the newest night of their setting does not have."""
        newest: dict[tuple[str, ...], int] = {}
        for line in self.lines:
            newest[line.key[:3]] = max(newest.get(line.key[:3], 0), line.last_seen)
        return [line for line in self.lines if line.last_seen < newest[line.key[:3]]]

    def outside(self) -> list[Line]:
        """Claims whose effect lies outside the band on two nights in a row or more, up to now."""
        return [line for line in self.lines if _nights_outside(line) > 1]


def build(records: list[Record], left_out: list[str], reference: Found | None = None) -> History:
    """Return the history of records, oldest first.

    Args:
        records: of any models and machines.
        left_out: files that were no records, in sentences.
        reference: the seeds from which bands are made.
    """
    nights = [_night(record) for record in records]
    lines: dict[Key, Line] = {}
    times: dict[tuple[str, ...], Times] = {}
    unusable: list[str] = []
    for number, record in enumerate(records):
        for key, claim in keyed(record):
            point = _point(number, claim)
            if point is None:
                unusable.append(f"{nights[number].created}: {key[3]}: its effect is no number")
                continue
            line = lines.setdefault(key, Line(key=key, unit="", margins=[]))
            line.unit, line.margins = str(claim.get("unit") or ""), _margins(claim)
            line.points.append(point)
            line.last_seen = number
        for place, seconds in _seconds(record).items():
            whole = (nights[number].machine, *place)
            of_stage = times.setdefault(
                whole, Times(machine=whole[0], model=place[0], task=place[1], node=place[2])
            )
            of_stage.points.append((number, seconds))
    for key, line in lines.items():
        line.band = _band(key, line, reference)
        line.changes = list(_changes(line, nights))
    return History(
        nights=nights, lines=list(lines.values()), times=list(times.values()),
        left_out=[*left_out, *unusable],
    )  # fmt: skip


def _nights_outside(line: Line) -> int:
    since = line.outside_since
    return 0 if since is None else sum(point.night >= since for point in line.points)


def _night(record: Record) -> Night:
    environment = record.get("environment") or {}
    packages = environment.get("packages") or {}
    return Night(
        created=record["created"],
        commit=environment.get("commit"),
        dirty=bool(environment.get("dirty")),
        machine=machine(record),
        machine_told=told(record),
        versions={
            "python": str(environment.get("python")),
            **{name: str(version) for name, version in packages.items()},
        },
        trained=environment.get("trained"),
        reused=environment.get("reused"),
    )


def _point(night: int, claim: dict[str, Any]) -> Point | None:
    effect = claim.get("effect")
    if not is_number(effect):
        return None
    low, high = claim.get("interval") or (None, None)
    return Point(
        night=night, effect=float(effect), low=low, high=high, verdict=claim.get("verdict"),
        recipe=claim.get("recipe"), seeds=len(claim.get("seeds") or []),
    )  # fmt: skip


def _margins(claim: dict[str, Any]) -> list[float]:
    margin = claim.get("margin")
    if not isinstance(margin, int | float):
        return []
    return [-abs(margin), abs(margin)] if claim.get("direction") == "equal_within" else [margin]


def _seconds(record: Record) -> dict[tuple[str, str, str], float]:
    """Return the seconds of the stages that were trained in this run, not taken from a store."""
    found: dict[tuple[str, str, str], list[float]] = {}
    for row in record.get("stages") or []:
        seconds = row.get("wall_seconds")
        if row.get("reused") is False and is_number(seconds) and seconds >= 0:
            place = (str(row.get("model")), str(row.get("task")), str(row.get("node")))
            found.setdefault(place, []).append(float(seconds))
    return {place: statistics.median(values) for place, values in found.items()}


def _changes(line: Line, nights: list[Night]) -> Iterable[Change]:
    for old, new in zip(line.points, line.points[1:], strict=False):
        if old.verdict != new.verdict:
            yield Change(
                key=line.key, before=old.verdict, after=new.verdict, night=new.night,
                last=old.night, recipe=old.recipe != new.recipe, within=_by_chance(line, old, new),
                versions=versions_changed(nights[old.night], nights[new.night]),
            )  # fmt: skip


def _by_chance(line: Line, old: Point, new: Point) -> bool:
    """Say whether a verdict differs while training, and what is known of its effect, do not."""
    of_band = old.recipe == new.recipe == line.points[-1].recipe
    if line.band is None or not of_band or "not applicable" in (old.verdict, new.verdict):
        return False
    return line.band[0] <= new.effect <= line.band[1]


def versions_changed(old: Night, new: Night) -> list[str]:
    """Return what differs between two nights besides the commit, in words."""
    names = [*old.versions, *(name for name in new.versions if name not in old.versions)]
    told_ = [
        f"{name} {old.versions.get(name, 'none')} -> {new.versions.get(name, 'none')}"
        for name in names
        if old.versions.get(name) != new.versions.get(name)
    ]
    if old.machine != new.machine:
        told_.append(f"machine: {old.machine_told} -> {new.machine_told}")
    return told_


def _band(key: Key, line: Line, reference: Found | None) -> tuple[float, float] | None:
    evidence = reference.claims.get(key) if reference else None
    if reference is None or evidence is None or len(evidence.values) < band.LEAST_REFERENCE:
        return None
    newest = line.points[-1]
    if evidence.claim.get("recipe") != newest.recipe or not newest.seeds:
        return None
    quantities = sum(known[:3] == key[:3] for known in reference.claims)
    return band.predicted(list(evidence.values.values()), newest.seeds, quantities)
