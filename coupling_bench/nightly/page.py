"""The page, the CSV and the summary of a history."""

from __future__ import annotations

import csv
import functools
import io
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from coupling_bench.nightly import charts
from coupling_bench.nightly.history import Change, History, Line, versions_changed
from coupling_bench.report.text import FILTERS

HERE = Path(__file__).parent
REPORT = HERE.parent / "report"
COLUMNS = (
    "created", "commit", "dirty", "machine", "kind", "model", "task", "scale", "name", "recipe",
    "value", "low", "high", "unit", "verdict", "seeds",
)  # fmt: skip
MOST_TOLD = 60
"""Changes that the page and the summary list; the CSV has all."""


def write(history: History, folder: Path) -> list[Path]:
    """Write ``history.html``, ``history.csv`` and ``history.md``, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "history.html": render(history), "history.csv": table(history),
        "history.md": summary(history),
    }  # fmt: skip
    for name, text in texts.items():
        with tempfile.TemporaryDirectory(dir=folder, prefix=".history-") as scratch:
            draft = Path(scratch) / name
            draft.write_text(text, encoding="utf-8")
            os.replace(draft, folder / name)
    return [folder / name for name in texts]


def render(history: History) -> str:
    """Return the page."""
    from markupsafe import Markup

    count = len(history.nights)
    lines = sorted(history.lines, key=lambda line: (line.key[:3], not _loud(line)))
    machines = {night.machine: night.machine_told for night in history.nights}
    return (
        _templates()
        .get_template("history.html.j2")
        .render(
            history=history,
            first=history.nights[0],
            last=history.nights[-1],
            changes=[_told(history, change) for change in _loudest(history)][:MOST_TOLD],
            more=max(0, len(_loudest(history)) - MOST_TOLD),
            within=sum(change.within for change in history.changes),
            effects=[(_line(history, line), charts.effects(line, count)) for line in lines],
            times=_by_machine(history, machines),
            machines=machines,
            versions=_versions(history)[:MOST_TOLD],
            gone=history.gone(),
            outside=[_since(history, line) for line in history.outside()],
            width=charts.WIDTH,
            height=charts.HEIGHT,
            hover=_hover(history, lines),
            css=Markup((REPORT / "page.css").read_text(encoding="utf-8")),
            own=Markup((HERE / "history.css").read_text(encoding="utf-8")),
            script=Markup((HERE / "history.js").read_text(encoding="utf-8")),
        )
    )


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
    loud = _loudest(history)
    if loud:
        told += ["| first changed | commit | claim | before | after | changed with it |",
                 "| --- | --- | --- | --- | --- | --- |"]  # fmt: skip
        for change in loud[:MOST_TOLD]:
            c = _told(history, change)
            cells = (c["created"][:10], c["commit"], c["claim"], c["before"], c["after"], c["with"])
            told.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
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
        c = _since(history, line)
        told.append(
            f"- Outside the reference's band since {c['created'][:10]}, commit {c['commit']} "
            f"({_cell(c['with'])}): {_cell(c['claim'])}"
        )
    for line in history.gone():
        day = history.nights[line.last_seen].created[:10]
        told.append(f"- No longer measured since {day}: {_cell(line.key[3])}")
    told += [f"- Left out: {_cell(text)}" for text in history.left_out]
    return "\n".join(told).rstrip() + "\n"


def _loud(line: Line) -> bool:
    return line.outside_since is not None or any(not change.within for change in line.changes)


def _since(history: History, line: Line) -> dict[str, Any]:
    """Return since when an effect lies outside the band, and what changed with it."""
    since = line.outside_since or 0
    before = [point.night for point in line.points if point.night < since]
    night, last = history.nights[since], history.nights[before[-1] if before else 0]
    return {
        "claim": line.key[3], "setting": line.key[:3], "created": night.created,
        "commit": _commit(night.commit), "last": _commit(last.commit) if before else "none",
        "last_created": last.created if before else "", "band": line.band,
        "effect": line.points[-1].effect, "unit": line.unit,
        "with": "; ".join(versions_changed(last, night)) or "nothing but the commit",
    }  # fmt: skip


def _loudest(history: History) -> list[Change]:
    return [change for change in history.changes if not change.within]


def _told(history: History, change: Change) -> dict[str, Any]:
    night, last = history.nights[change.night], history.nights[change.last]
    beside = [*(["its recipe"] if change.recipe else []), *change.versions]
    return {
        "claim": change.key[3], "setting": change.key[:3], "before": change.before or "none",
        "after": change.after or "none", "created": night.created,
        "commit": _commit(night.commit), "last": _commit(last.commit),
        "last_created": last.created,
        "with": "; ".join(beside) or "nothing but the commit",
    }  # fmt: skip


def _line(history: History, line: Line) -> dict[str, Any]:
    point = line.points[-1]
    return {
        "claim": line.key[3], "setting": line.key[:3], "unit": line.unit, "point": point,
        "band": line.band, "margins": line.margins, "since": line.outside_since,
        "changes": sum(not change.within for change in line.changes),
        "within": sum(change.within for change in line.changes),
        "nights": len(line.points),
    }  # fmt: skip


def _by_machine(history: History, machines: dict[str, str]) -> list[tuple[str, str, list[Any]]]:
    count = len(history.nights)
    return [
        (key, name, [(t, charts.seconds(t, count)) for t in history.times if t.machine == key])
        for key, name in machines.items()
    ]


def _versions(history: History) -> list[dict[str, Any]]:
    pairs = zip(history.nights, history.nights[1:], strict=False)
    found = [(new, versions_changed(old, new)) for old, new in pairs]
    return [
        {"created": night.created, "commit": _commit(night.commit), "what": what}
        for night, what in found[::-1]
        if what
    ]


def _hover(history: History, lines: Iterable[Line]) -> dict[str, Any]:
    """Return what the page says of the night under the pointer."""
    return {
        "nights": [f"{n.created[:10]}, commit {_commit(n.commit)}" for n in history.nights],
        "lines": [
            [[p.night for p in line.points], [float(f"{p.effect:.4g}") for p in line.points]]
            for line in lines
        ]
        + [
            [[night for night, _ in t.points], [float(f"{s:.4g}") for _, s in t.points]]
            for machine in dict.fromkeys(night.machine for night in history.nights)
            for t in history.times
            if t.machine == machine
        ],
    }  # fmt: skip


def _where(history: History, night: int) -> list[Any]:
    found = history.nights[night]
    return [found.created, found.commit, found.dirty, found.machine]


def _commit(commit: str | None) -> str:
    return commit[:10] if commit else "unknown"


def _cell(text: str) -> str:
    text = " ".join(str(text).split())
    for character in "\\`*_|<>[]#":
        text = text.replace(character, "\\" + character)
    return text


@functools.cache
def _templates() -> Any:
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(
        loader=FileSystemLoader([HERE, REPORT]), autoescape=True, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(FILTERS)
    return environment
