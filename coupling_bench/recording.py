"""What tests add to the record, and who writes it: where reports arrive, at the end of a run."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import Any

import pytest

from coupling_bench import options, record, references
from coupling_bench.bench import Bench
from coupling_bench.console import MARKUP, ability_lines, theorem_lines, verdict_table
from coupling_bench.report import write_report

Rows = dict[str, list[dict[str, Any]]]
BENCH = pytest.StashKey[Bench]()
FOUND = pytest.StashKey[Rows]()
"""What a test adds to the record: its claims and theorems."""
TABLES = pytest.StashKey[Rows]()
"""The rows that a test adds to tables of the record, by the table's name."""


def add(
    item: pytest.Item,
    part: str,
    rows: list[dict[str, Any]],
    key: pytest.StashKey[Rows] = FOUND,
) -> None:
    """Add rows to a part of the record: what a test found, or with ``TABLES`` a table's rows."""
    item.stash.setdefault(key, {}).setdefault(part, []).extend(rows)


def attach(item: pytest.Item, report: pytest.TestReport) -> None:
    """Attach what a test found to its report, which also reaches an xdist controller."""
    found: Any = report
    found.coupling_found = item.stash.get(FOUND, {})
    found.coupling_tables = item.stash.get(TABLES, {})


class RecordWriter:
    """Collects decided claims where reports arrive (not in xdist's workers), writes the record."""

    def __init__(self, config: pytest.Config):
        """Collect for the run of ``config``."""
        self.config, self.bench = config, config.stash[BENCH]
        self.started = time.monotonic()
        self.claims: list[dict[str, Any]] = []
        self.theorems: list[dict[str, Any]] = []
        self.tables: dict[str, list[dict[str, Any]]] = {}
        self.page: Path | None = None
        self.record: dict[str, Any] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take from a test's report what it found."""
        found = getattr(report, "coupling_found", {})
        self.claims += found.get("claims", [])
        self.theorems += found.get("theorems", [])
        for name, rows in getattr(report, "coupling_tables", {}).items():
            self.tables.setdefault(name, []).extend(rows)

    def pytest_testnodedown(self, node, error) -> None:
        """Take from an xdist worker which stages it trained and which it found."""
        for address_, made in getattr(node, "workeroutput", {}).get("stages", ()):
            outcome = self.bench.outcome
            (outcome.made if made else outcome.reused).add(address_)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write record and page, if any claim was decided or any theorem checked."""
        if not (self.claims or self.theorems):
            return
        bench = self.bench
        bench.outcome.reused -= bench.outcome.made
        command = shlex.join(["pytest", *self.config.invocation_params.args])
        seconds = time.monotonic() - self.started
        written = record.build(
            bench,
            self.claims,
            command=command,
            seconds=seconds,
            theorems=self.theorems,
            tables=self.tables,
        )
        folder = options.reports_folder(self.config)
        self.record = written
        record.write(written, folder / "record.json")
        self.page = write_report(written, folder)
        if self.config.option.record:
            references.accept(written, bench.references)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table of verdicts, and where the report is."""
        if self.page is None:
            return
        if self.theorems:
            terminalreporter.section("theorems: instances that break them")
            for line in theorem_lines(self.theorems):
                terminalreporter.write_line(line)
        if self.claims:
            terminalreporter.section("verdicts")
            for line, verdict in verdict_table(self.claims):
                terminalreporter.write_line(line, **MARKUP.get(verdict, {}))
        for line in ability_lines(self.record):
            terminalreporter.write_line(line)
        run = self.record["environment"]
        terminalreporter.write_line(
            f"{run['trained']} stages trained, {run['reused']} reused from the store. "
            f"Report: {self.page}"
        )
