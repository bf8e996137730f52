"""The page of a history, and the files beside it."""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from coupling_bench.nightly import charts
from coupling_bench.nightly.history import History, Line, Night, versions_changed
from coupling_bench.nightly.summary import MOST_TOLD, loudest, short, since, summary, table, told_of
from coupling_bench.report.text import FILTERS

HERE = Path(__file__).parent
REPORT = HERE.parent / "report"


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
            changes=[told_of(history, change) for change in loudest(history)][:MOST_TOLD],
            more=max(0, len(loudest(history)) - MOST_TOLD),
            within=sum(change.within for change in history.changes),
            effects=[(_line(history, line), charts.effects(line, count)) for line in lines],
            times=_by_machine(history, machines),
            machines=machines,
            versions=_versions(history)[:MOST_TOLD],
            turns=_turns(history),
            gone=history.gone(),
            outside=[since(history, line) for line in history.outside()],
            width=charts.WIDTH,
            height=charts.HEIGHT,
            hover=_hover(history, lines),
            css=Markup((REPORT / "page.css").read_text(encoding="utf-8")),
            own=Markup((HERE / "history.css").read_text(encoding="utf-8")),
            script=Markup((HERE / "history.js").read_text(encoding="utf-8")),
        )
    )


def _loud(line: Line) -> bool:
    return line.outside_since is not None or any(not change.within for change in line.changes)


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
        {"created": night.created, "commit": short(night.commit), "what": what}
        for night, what in found[::-1]
        if what
    ]


def _night(night: Night) -> str:
    """Return a night in words; results of stages from a store are older than it."""
    reused = f", {night.reused} stages from a store" if night.reused else ""
    changed = ", uncommitted changes" if night.dirty else ""
    return f"{night.created[:10]}, commit {short(night.commit)}{changed}{reused}"


def _turns(history: History) -> str:
    """Return upright lines where a library, Python or the machine is another than before."""
    across = charts.across(len(history.nights))
    pairs = enumerate(zip(history.nights, history.nights[1:], strict=False), start=1)
    nights = [night for night, (old, new) in pairs if versions_changed(old, new)]
    return "".join(f"M{across(night):g} 0V{charts.HEIGHT:g}" for night in nights[-MOST_TOLD:])


def _hover(history: History, lines: Iterable[Line]) -> dict[str, Any]:
    """Return what the page says of the night under the pointer."""
    return {
        "nights": [_night(night) for night in history.nights],
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


@functools.cache
def _templates() -> Any:
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(
        loader=FileSystemLoader([HERE, REPORT]), autoescape=True, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(FILTERS)
    return environment
