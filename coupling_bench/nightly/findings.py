"""What a comparison is made of: rows of claims, and what is the matter with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

from coupling_bench.claims import Judgement
from coupling_bench.nightly.band import Band
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
    without: frozenset[str] = frozenset()
    """Folders of suites that the run was not asked for."""

    @property
    def expected(self) -> set[Setting]:
        """The settings that a run has to have."""
        return self.seeds.settings

    @property
    def due(self) -> set[tuple[Setting, str]]:
        """Settings with the folders of suites that a run has to have there."""
        return {place for place in self.seeds.places if place[1] not in self.without}


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
    rows: list[Row] = field(default_factory=list)
    """The claims that it is about; several where one reason holds for all."""


@dataclass(kw_only=True)
class Comparison:
    """All that a comparison found."""

    rows: list[Row]
    findings: list[Finding]
    notes: list[str] = field(default_factory=list)

    def add(self, findings: Iterable[Finding]) -> None:
        """Add findings; the worst stand first."""
        self.findings = sorted([*self.findings, *findings], key=lambda one: -one.kind)

    @property
    def status(self) -> Kind:
        """The worst of the findings."""
        return max((finding.kind for finding in self.findings), default=Kind.FINE)
