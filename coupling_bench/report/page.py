"""The page of a record: all that its template is given."""

import functools
import json
from pathlib import Path
from typing import Any

from coupling_bench.report import (
    chapters,
    checkpoints,
    claims,
    completions,
    figures,
    forest,
    library,
    practice,
    speed,
    stages,
    tables,
    theorems,
)
from coupling_bench.report.reading import ROWS
from coupling_bench.report.text import FILTERS, is_number, seconds, size

HERE = Path(__file__).parent
DIGITS = 5
"""Of a number in a figure: more than a screen has pixels."""


def render(record: dict[str, Any], folder: Path) -> str:
    """The page of a record, and of the measurements in its folder, as text."""
    from markupsafe import Markup

    record = {**record, **{name: record.get(name) or [] for name in ROWS}}
    found = view(record, folder)
    plots = [rounded(plot) for plot in _plots(found)]
    return (
        _templates()
        .get_template("page.html.j2")
        .render(
            **found,
            record=record,
            plots=Markup(library.pack(json.dumps(plots)) if plots else ""),
            contents=contents(found),
            css=Markup((HERE / "page.css").read_text(encoding="utf-8")),
            script=Markup((HERE / "page.js").read_text(encoding="utf-8")),
            plotly=Markup(library.packed() if plots else ""),
            duration=seconds,
            memory=size,
        )
    )


def view(record: dict[str, Any], folder: Path) -> dict[str, Any]:
    """All sections of the page as its templates take them; empty where there is nothing."""
    shown = claims.view(record["claims"])
    fast = speed.view(folder)
    measurement = checkpoints.view(record)
    return {
        "answer": claims.answer(record["claims"]),
        "tally": claims.tally(record["claims"]),
        "claims": shown,
        "groups": claims.groups(shown),
        "settings": claims.settings(shown),
        "forest": forest.charts(shown),
        "figures": figures.view(record),
        "practice": practice.sentences(record),
        "theorems": theorems.view(record["theorems"]),
        "chapters": chapters.view(record),
        "others": chapters.others(record),
        "measurement": measurement,
        "only_measured": bool(measurement) and not record["claims"],
        "speed": fast,
        "only_speed": bool(fast["groups"] or fast["panels"]) and not any(map(record.get, ROWS)),
        "abilities": tables.abilities(record),
        "measures": tables.measures(record),
        "constants": tables.constants(record),
        "completions": completions.view(record),
        "stages": stages.view(record),
        "runs": record.get("runs") or [record.get("environment") or {}],
    }


def contents(found: dict[str, Any]) -> list[tuple[str, str]]:
    """The sections that the page has, in their order, as (id, title)."""
    measurement, fast = found["measurement"], found["speed"]
    sections = [
        ("checkpoints", "Checkpoints measured", measurement),
        ("pairs", "How they differ", measurement and measurement["pairs"]),
        ("bounds", "Bounds that no algorithm escapes", measurement and measurement["pairs"]),
        ("verdicts", "Verdicts", found["claims"]),
        ("forest", "Effects against their margins", found["forest"]),
        ("curves", "Curves over both stages", found["figures"]),
        ("practice", "In practice", found["practice"]),
        ("claims", "Evidence for each claim", found["claims"]),
        ("theory", "Theory", found["theorems"]),
        *((chapter.id, chapter.title, True) for chapter in found["chapters"]),
        ("abilities", "Abilities", found["abilities"]),
        ("constants", "Known constants", found["constants"]["rows"]),
        ("completions", "Completions side by side", found["completions"]),
        ("stages", "Stages", found["stages"]),
        ("tables", "Other tables", found["others"]),
        ("speed", "Speed", fast["groups"] or fast["panels"] or fast["problems"]),
        ("environment", "Environment", True),
    ]
    return [(id_, title) for id_, title, there in sections if there]


def _plots(found: dict[str, Any]) -> list[dict[str, Any]]:
    """What plotly draws on the page, with the places of the drawings."""
    numbered = enumerate(found["forest"], start=1)
    plots = [{"id": f"forest-{n}", **chart.plot} for n, chart in numbered if chart.plot]
    plots += [{"id": one["id"], **one["plot"]} for one in found["figures"]]
    plots += [{"id": one["id"], **one["plot"]} for one in found["speed"]["panels"]]
    plots += [plot for chapter in found["chapters"] for plot in chapter.plots]
    return plots + ([found["measurement"]["plot"]] if found["measurement"] else [])


def rounded(value: Any) -> Any:
    """A figure's data with numbers as long as a figure shows them."""
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(one) for one in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if is_number(value) else None
    return value


@functools.cache
def _templates() -> Any:
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update({**FILTERS, **claims.FILTERS})
    return environment
