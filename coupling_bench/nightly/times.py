"""Times as the gate takes them: ratios of two arms in one job, slower only if seen twice.

``suites/perf`` runs two arms in turns on one machine and keeps the ratio of their medians, with the
ratio under which a benchmark fails (``perf.Duel.gate``). Seconds of two nights are not compared:
machines differ, and share their cores with others.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from coupling_bench.nightly.findings import Finding, Kind
from coupling_bench.perf import PERF


def read(path: Path) -> dict[str, dict[str, Any]]:
    """Return the benchmarks of a ``perf.json``, or of the folder that it lies in, by name.

    Raises:
        ValueError: it is no such file.
    """
    file = path / PERF if path.is_dir() else path
    needed = "needed what suites/perf writes: pytest suites/perf --reports FOLDER"
    try:
        rows = json.loads(file.read_bytes())
        found = {str(row["name"]): row for row in rows}
        if not found or not all(row["ratio"] > 0 and row["gate"] > 0 for row in rows):
            raise ValueError
    except OSError as error:
        raise ValueError(f"--times: {file} cannot be read ({error.strerror}); {needed}.") from None
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"--times: {file} is no {PERF}; {needed}.") from None
    return found


def compare(files: Sequence[Path]) -> tuple[list[Finding], list[str]]:
    """Return what the reports of one run, or of two, say; a damaged one is infrastructure."""
    try:
        first, *again = map(read, files)
    except ValueError as error:
        return [Finding(kind=Kind.INFRASTRUCTURE, what="suites/perf", text=str(error))], []
    return slower(first, again[0] if again else None)


def slower(
    first: dict[str, dict[str, Any]], again: dict[str, dict[str, Any]] | None
) -> tuple[list[Finding], list[str]]:
    """Return benchmarks under their gate in both runs, and what is to be said of the others."""
    findings, notes = [], []
    for name, row in first.items():
        if row["ratio"] >= row["gate"]:
            continue
        once = f"{row['ratio']:.2f} times as fast as {row.get('against') or 'the other arm'}"
        needed = f"needed {row['gate']:g}"
        second = (again or {}).get(name)
        if second is None:
            advice = "run suites/perf again in the same job and give both: --times FIRST SECOND"
            notes.append(f"{name}: {once}, {needed}; it counts when seen twice: {advice}")
        elif second["ratio"] < second["gate"]:
            text = f"{once}, and {second['ratio']:.2f} again, {needed}"
            findings.append(Finding(kind=Kind.SLOWER, what=name, text=text))
        else:
            notes.append(f"{name}: {once}, {needed}, and {second['ratio']:.2f} again: noise")
    return findings, notes
