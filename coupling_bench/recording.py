"""What tests add to the record, and who writes it: where reports arrive, at the end of a run."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from coupling_bench import options, record, references, tracking
from coupling_bench.bench import Bench
from coupling_bench.report import write_report
from coupling_bench.store import MANIFEST, Store
from coupling_bench.summary import Summary

Rows = dict[str, list[dict[str, Any]]]
BENCH = pytest.StashKey[Bench]()
FOUND = pytest.StashKey[Rows]()
"""What a test adds to the record: its claims and theorems."""
TABLES = pytest.StashKey[Rows]()
"""The rows that a test adds to tables of the record, by the table's name."""
IN_JUNIT = {
    "claims": ("claim", "verdict", "effect", "interval", "margin", "direction", "unit", "seeds",
               "per_seed", "model", "task", "scale"),
    "theorems": ("theorem", "false", "violations", "instances", "least_slack"),
}  # fmt: skip
"""What ``--junitxml`` says of a test beyond its outcome."""


def add(
    item: pytest.Item,
    part: str,
    rows: list[dict[str, Any]],
    key: pytest.StashKey[Rows] = FOUND,
) -> None:
    """Add rows to a part of the record: what a test found, or with ``TABLES`` a table's rows."""
    item.stash.setdefault(key, {}).setdefault(part, []).extend(rows)
    for row in rows if key is FOUND else ():
        item.user_properties += [
            (name, json.dumps(row[name]) if isinstance(row[name], list) else row[name])
            for name in IN_JUNIT[part]
            if row[name] is not None
        ]


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
        self.found: list[tuple[str, Rows, Rows]] = []
        self.ran: set[str] = set()
        self.waiting = False
        self.page: Path | None = None
        self.record: dict[str, Any] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take from a test's report what it found."""
        self.ran.add(report.nodeid)
        found = getattr(report, "coupling_found", {})
        tables = getattr(report, "coupling_tables", {})
        if found or tables:
            self.found.append((report.nodeid, found, tables))

    @pytest.hookimpl(optionalhook=True)  # xdist's own, which need not be installed
    def pytest_xdist_node_collection_finished(self, node, ids) -> None:
        """Say why nothing is heard for a while: xdist's workers have no terminal."""
        terminal = self.config.pluginmanager.get_plugin("terminalreporter")
        if terminal is None or self.waiting or not any("suites/" in test for test in ids):
            return
        self.waiting = True
        if terminal.verbosity >= 0:
            terminal.write_line(
                "coupling_bench: what is missing is trained before the first test, each stage by "
                "one worker. With -n nothing is told of it meanwhile."
            )

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node, error) -> None:
        """Take from an xdist worker which stages it trained and which it found."""
        for address_, made in getattr(node, "workeroutput", {}).get("stages", ()):
            outcome = self.bench.outcome
            (outcome.made if made else outcome.reused).add(address_)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write record and page, if any claim was decided or any theorem checked."""
        if self.config.pluginmanager.hasplugin("dsession"):
            self.found.sort(key=lambda found: found[0])  # they arrive in no order
        parts = [found for _, found, _ in self.found]
        claims, theorems = _rows(parts, "claims"), _rows(parts, "theorems")
        if not (claims or theorems):
            return
        bench = self.bench
        bench.outcome.reused -= bench.outcome.made
        tables = [rows for _, _, rows in self.found]
        written = record.build(
            bench,
            claims,
            command=shlex.join(["pytest", *self.config.invocation_params.args]),
            seconds=time.monotonic() - self.started,
            theorems=theorems,
            tables={
                name: _rows(tables, name) for name in dict.fromkeys(n for t in tables for n in t)
            },
        )
        written["environment"] |= {
            "made_seconds": _seconds(bench.store, bench.outcome.made),
            "saved_seconds": _seconds(bench.store, bench.outcome.reused),
            "partial": self._stopped(session, exitstatus),
        }
        folder = options.reports_folder(self.config)
        self.record = written
        record.write(written, folder / "record.json")
        self.page = write_report(written, folder)
        if self.config.option.record and not written["environment"]["partial"]:
            references.accept(written, bench.references)

    def _stopped(self, session: pytest.Session, exitstatus: int) -> str | None:
        """Return why tests are missing that were to run (-x, Ctrl-C), or None."""
        ran, collected = len(self.ran), session.testscollected
        interrupted = exitstatus == pytest.ExitCode.INTERRUPTED
        reason = session.shouldfail or session.shouldstop or ("interrupted" if interrupted else "")
        if not reason or ran == collected:
            return None
        return f"{reason}; {ran} of {collected} tests ran" if collected else str(reason)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table of verdicts, and where the report is."""
        if self.page is None:
            return
        summary = Summary(terminalreporter)
        summary.theorems(self.record["theorems"])
        summary.claims(self.record["claims"])
        summary.abilities(self.record)
        summary.slowest(self.record, self.config.option.durations)
        run = self.record["environment"]
        tracked = tracking.told(self.bench.tracker, run["trained"], run["reused"])
        summary.end(self.record, self.page, tracked)
        if self.config.option.record and run["partial"]:
            terminalreporter.write_line("--record: a part of a run accepts nothing.", red=True)


def _rows(parts: Iterable[Rows], name: str) -> list[dict[str, Any]]:
    """Return the rows that tests added to one part of the record, in the order of the tests."""
    return [row for part in parts for row in part.get(name, ())]


def _seconds(store: Store, addresses: Iterable[str]) -> float:
    """Return how long it took to make entries of the store, as their manifests say."""
    manifests = [store.root / address / MANIFEST for address in addresses]
    there = [json.loads(path.read_text()) for path in manifests if path.is_file()]
    return round(sum(manifest["seconds"] for manifest in there), 1)
