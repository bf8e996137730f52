"""The page of a record: all that its template is given."""

import functools
from pathlib import Path
from typing import Any

from coupling_bench.report import (
    chapters,
    checkpoints,
    claims,
    figures,
    practice,
    speed,
    tables,
    theorems,
)
from coupling_bench.report.text import FILTERS

HERE = Path(__file__).parent
LISTS = ("claims", "stages", "curves", "abilities", "groups", "completions", "theorems")


def render(record: dict[str, Any], folder: Path) -> str:
    """The page of a record, and of the measurements in its folder, as text."""
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    record = {**record, **{name: record.get(name) or [] for name in LISTS}}
    drawn = figures.view(record)
    fast = speed.view(folder)
    measurement = checkpoints.view(record)
    theory = chapters.view(record)
    plots = [{"id": figure["id"], **figure["plot"]} for figure in (*drawn, *fast["panels"])]
    plots += [plot for chapter in theory for plot in chapter.plots]
    if measurement:
        plots.append(measurement["plot"])
    return (
        _templates()
        .get_template("page.html.j2")
        .render(
            record=record,
            environment=record.get("environment") or {},
            claims=claims.view(record["claims"]),
            groups=claims.groups(claims.view(record["claims"])),
            practice=practice.sentences(record),
            theorems=theorems.view(record["theorems"]),
            chapters=theory,
            others=chapters.others(record),
            settings=tables.grouped(record["claims"], "model", "task", "scale"),
            answer=claims.answer(record["claims"]),
            tally=claims.tally(record["claims"]),
            figures=drawn,
            plots=plots,
            measurement=measurement,
            only_measured=bool(measurement) and not record["claims"],
            speed=fast,
            only_speed=bool(fast["groups"] or fast["panels"]) and not any(map(record.get, LISTS)),
            abilities=tables.abilities(record),
            measures=tables.MEASURES,
            constants=tables.constants(record),
            completions=tables.completions(record),
            css=Markup((HERE / "page.css").read_text(encoding="utf-8")),
            script=Markup((HERE / "page.js").read_text(encoding="utf-8")),
            plotly=Markup(get_plotlyjs() if plots else ""),
        )
    )


@functools.cache
def _templates() -> Any:
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(FILTERS)
    return environment
