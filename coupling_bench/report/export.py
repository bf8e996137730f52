"""What goes beside the page: figures for a paper, the verdicts as a table, a summary."""

import re
from pathlib import Path
from typing import Any

from coupling_bench.frames import frames
from coupling_bench.report import chapters, claims, figures, forest, svg, svg_grids
from coupling_bench.report.page import rounded
from coupling_bench.report.reading import ROWS
from coupling_bench.report.summary import markdown

FIGURES = "figures"
OF_RUN = ("created", "commit", "dirty")
"""What a row of the results says of the run that it comes from."""

Record = dict[str, Any]


def export(record: Record, folder: Path) -> list[Path]:
    """Write everything but the page into a folder, and return what was written.

    Files of these names that are there already are replaced; others are left as they are.
    """
    record = {**record, **{name: record.get(name) or [] for name in ROWS}}
    summary = folder / "summary.md"
    summary.write_text(markdown(record), encoding="utf-8")
    return [summary, *_results(record, folder), *_figures(record, folder / FIGURES)]


def _results(record: Record, folder: Path) -> list[Path]:
    """The verdicts, one row a claim, model and task, as CSV and as Parquet."""
    found = frames({**record, "claims": _with_runs(record)}).get("claims")
    if found is None:
        return []
    table, typed = folder / "results.csv", folder / "results.parquet"
    found.to_csv(table, index=False)
    found.to_parquet(typed, index=False)
    return [table, typed]


def _with_runs(record: Record) -> list[Record]:
    """Claims with the run that each comes from."""
    runs = {run["record"]: run for run in record.get("runs") or []}
    return [
        {**claim, **{key: runs[name].get(key) for key in OF_RUN}}
        if (name := claim.get("record")) in runs else claim
        for claim in record["claims"]
    ]  # fmt: skip


def _figures(record: Record, folder: Path) -> list[Path]:
    """Every figure of the page, by a name that says what it is of."""
    folder.mkdir(exist_ok=True)
    drawn: dict[str, str] = {}
    for one in figures.view(record):
        panel = one["panel"]
        name = f"figure-{panel.kind.number}-{panel.pipeline}-{panel.model}-{panel.task}"
        drawn[_file(name, drawn)] = svg.draw(one["plot"], one["key"], one["text"])
    for prefix, charts in _charts(record):
        for chart in charts:
            name = _file(f"{prefix}-{chart.title}", drawn)
            if chart.plot:
                drawn[name] = svg.draw(rounded(chart.plot), chart.key, chart.title)
            elif chart.grids:
                drawn[name] = svg_grids.draw(chart.grids, chart.title)
    for name, text in drawn.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in drawn]


def _charts(record: Record) -> list[tuple[str, Any]]:
    shown = claims.view(record["claims"])
    return [
        ("forest", forest.charts(shown)),
        *((chapter.id, chapter.charts) for chapter in chapters.view(record)),
    ]


def _file(name: str, taken: dict[str, str]) -> str:
    """A file's name for a figure, whatever models and tasks are called; no two the same."""
    base = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower()[:80]
    count, file = 1, f"{base}.svg"
    while file in taken:
        count, file = count + 1, f"{base}-{count + 1}.svg"
    return file
