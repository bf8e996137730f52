"""A history as CSV and as Markdown, and what changed in words."""

from __future__ import annotations

import csv
import io
from typing import Any

from coupling_bench.nightly.history import Change, History, Line, versions_changed
from coupling_bench.nightly.telling import escaped

COLUMNS = (
    "created", "commit", "dirty", "machine", "kind", "model", "task", "scale", "name", "recipe",
    "value", "low", "high", "unit", "verdict", "seeds",
)  # fmt: skip
MOST_TOLD = 60
"""Changes that the page and the summary list; the CSV has all."""


def table(history: History) -> str:
    """Return every effect and time of every night as CSV."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(COLUMNS)
    for line in history.lines:
        model, task, scale, name = line.key
        for p in line.points:
            rows.writerow(
                [*_where(history, p.night), "effect", model, task, scale, name, p.recipe, p.effect,
                 p.low, p.high, line.unit, p.verdict, p.seeds]
            )  # fmt: skip
    for times in history.times:
        for night, value in times.points:
            rows.writerow(
                [*_where(history, night), "seconds", times.model, times.task, "", times.node, "",
                 value, "", "", "s", "", ""]
            )  # fmt: skip
    return out.getvalue()


def summary(history: History) -> str:
    """Return what changed as Markdown."""
    first, last = history.nights[0], history.nights[-1]
    told = [
        f"**{len(history.nights)} records from {first.created[:10]} to {last.created[:10]}, "
        f"{len(history.lines)} claims**",
        "",
    ]
    loud = loudest(history)
    if loud:
        told += ["| first changed | commit | claim | before | after | changed with it |",
                 "| --- | --- | --- | --- | --- | --- |"]  # fmt: skip
        for change in loud[:MOST_TOLD]:
            c = told_of(history, change)
            cells = (c["created"][:10], c["commit"], c["claim"], c["before"], c["after"], c["with"])
            told.append("| " + " | ".join(escaped(cell) for cell in cells) + " |")
        if len(loud) > MOST_TOLD:
            told.append(f"\n{len(loud) - MOST_TOLD} older changes are in history.csv.")
    else:
        told.append("No verdict changed beyond its reference's band.")
    within = sum(change.within for change in history.changes)
    if within:
        told.append(f"\n{within} times a verdict differed from the night before with its effect "
                    "within the reference's band.")  # fmt: skip
    told.append("")
    for line in history.outside():
        c = since(history, line)
        told.append(
            f"- Outside the reference's band since {c['created'][:10]}, commit {c['commit']} "
            f"({escaped(c['with'])}): {escaped(c['claim'])}"
        )
    for line in history.gone():
        day = history.nights[line.last_seen].created[:10]
        told.append(f"- No longer measured since {day}: {escaped(line.key[3])}")
    told += [f"- Left out: {escaped(text)}" for text in history.left_out]
    return "\n".join(told).rstrip() + "\n"


def loudest(history: History) -> list[Change]:
    """Return the changes that are no flips within a band, newest first."""
    return [change for change in history.changes if not change.within]


def told_of(history: History, change: Change) -> dict[str, Any]:
    """Return a change in words."""
    night, last = history.nights[change.night], history.nights[change.last]
    beside = [*(["its recipe"] if change.recipe else []), *change.versions]
    return {
        "claim": change.key[3], "setting": change.key[:3], "before": change.before or "none",
        "after": change.after or "none", "created": night.created,
        "commit": short(night.commit), "last": short(last.commit),
        "last_created": last.created,
        "with": "; ".join(beside) or "nothing but the commit",
    }  # fmt: skip


def since(history: History, line: Line) -> dict[str, Any]:
    """Return since when an effect lies outside the band, and what changed with it."""
    first = line.outside_since or 0
    before = [point.night for point in line.points if point.night < first]
    night, last = history.nights[first], history.nights[before[-1] if before else 0]
    return {
        "claim": line.key[3], "setting": line.key[:3], "created": night.created,
        "commit": short(night.commit), "last": short(last.commit) if before else "none",
        "last_created": last.created if before else "", "band": line.band,
        "effect": line.points[-1].effect, "unit": line.unit,
        "with": "; ".join(versions_changed(last, night)) or "nothing but the commit",
    }  # fmt: skip


def _where(history: History, night: int) -> list[Any]:
    found = history.nights[night]
    return [found.created, found.commit, found.dirty, found.machine]


def short(commit: str | None) -> str:
    """Return a commit as it is shown."""
    return commit[:10] if commit else "unknown"
