"""The paper's Figure 3 as plotly draws it.

Colours are written as CSS variables (`var(--sft)`); page.js puts in the values of the colour
scheme that the reader has, so that one figure serves light, dark and paper.
"""

from html import escape
from typing import Any

from coupling_bench.report.drawing import DASHES, PAPER, PATHS, SYMBOLS, frame
from coupling_bench.report.panels import (
    STAGES,
    TONES,
    Band,
    Level,
    Line,
    Panel,
    describe,
    ends,
    panels,
)
from coupling_bench.report.text import node, number

Record = dict[str, Any]


def draw(panel: Panel) -> Record:
    """The figure of a panel: plotly's traces and layout, as plain data."""
    return {"data": _traces(panel), "layout": _layout(panel), "paper": PAPER}


def _traces(panel: Panel) -> list[Record]:
    steps = [step for line in panel.lines for step in line.steps]
    seeds = list(dict.fromkeys(line.seed for line in panel.lines))
    traces = [_level_trace(level, [min(steps), max(steps)]) for level in panel.levels]
    traces += [trace for band in panel.bands for trace in _band_traces(panel, band)]
    for line in panel.lines:
        marker: dict[str, Any] = {"symbol": SYMBOLS[seeds.index(line.seed) % len(SYMBOLS)]}
        if line.sampled:
            faint = {**marker, "size": 6, "opacity": 0.35}
            traces.append(_trace(panel, line, "markers", line.sampled, faint, "sampled "))
        marker |= {"size": 4, "opacity": 0.6}
        traces.append(_trace(panel, line, "lines+markers", line.values, marker, ""))
    return traces


def _band_traces(panel: Panel, band: Band) -> list[Record]:
    """The interval as an area, and the mean over it as a line."""
    tone = TONES.get(band.stage, "muted")
    measure = panel.kind.axis.split(",")[0]
    area = {
        "type": "scatter", "mode": "lines", "fill": "toself", "fillcolor": f"var(--{tone}-band)",
        "x": [*band.steps, *reversed(band.steps)], "y": [*band.highs, *reversed(band.lows)],
        "line": {"width": 0}, "hoverinfo": "skip",
    }  # fmt: skip
    mean = {
        "type": "scatter", "mode": "lines", "x": band.steps, "y": band.means,
        "line": {"color": f"var(--{tone})", "width": 3},
        "hovertemplate": f"mean, {STAGES.get(band.stage, band.stage)} stage<br>step %{{x}}"
        f"<br>{measure} %{{y:.3f}}<extra></extra>",
    }  # fmt: skip
    return [area, mean]


def _level_trace(level: Level, span: list[int]) -> Record:
    return {
        "type": "scatter", "mode": "lines", "x": span, "y": [level.value, level.value],
        "line": {"color": "var(--muted)", "width": 1.5, "dash": level.dash},
        "hovertemplate": f"{level.name} {number(level.value)}<extra></extra>",
    }  # fmt: skip


def _trace(
    panel: Panel, line: Line, mode: str, values: list[float | None], marker: Record, prefix: str
) -> Record:
    colour = f"var(--{TONES[line.stage]})" if line.stage in TONES else "var(--ink)"
    # plotly reads tags in a hover text; a name from the record must stay a name.
    who = escape(f"seed {line.seed}, {STAGES.get(line.stage, line.stage)} stage")
    return {
        "type": "scatter", "mode": mode, "x": line.steps, "y": values,
        "line": {"color": colour, "width": 1}, "marker": {"color": colour, **marker},
        "opacity": 0.75,
        "hovertemplate": f"{who}<br>step %{{x}}<br>{prefix}{panel.kind.axis.split(',')[0]} "
        "%{y:.3f}<extra></extra>",
    }  # fmt: skip


def _layout(panel: Panel) -> Record:
    return {**frame("optimizer step", panel.kind.axis), **_boundary(panel)}


def _boundary(panel: Panel) -> Record:
    """The line between the stages, and the stages' names over their shares of the axis."""
    if panel.boundary is None:
        return {}
    last = max(line.steps[-1] for line in panel.lines)
    middles = (panel.boundary / 2, (panel.boundary + last) / 2)
    return {
        "shapes": [{
            "type": "line", "x0": panel.boundary, "x1": panel.boundary, "yref": "paper",
            "y0": 0, "y1": 1, "line": {"color": "var(--ink)", "width": 1},
        }],
        "annotations": [
            {
                "x": middle, "y": 1, "yref": "paper", "yanchor": "bottom", "showarrow": False,
                "text": f"<b>{STAGES[stage]}</b>", "font": {"color": f"var(--{TONES[stage]}-text)"},
            }
            for middle, stage in zip(middles, panel.stages, strict=True)
            if stage == panel.stages[0] or last > panel.boundary
        ],
    }  # fmt: skip


def view(record: Record) -> list[Record]:
    """Figures as the page's template takes them."""
    return [
        {
            "id": f"figure-{place}",
            "panel": panel,
            "title": node(panel.pipeline),
            "plot": draw(panel),
            "key": key(panel),
            "stages": [STAGES[stage] for stage in panel.stages],
            "ends": ends(panel),
            "text": describe(panel),
        }
        for place, panel in enumerate(panels(record), start=1)
    ]


def key(panel: Panel) -> list[Record]:
    """What the lines and marks of a panel are, as the key of a chart."""
    blank = {"faint": False, "bar": False, "fill": False, "path": None, "dash": None}
    exact = ", exact" if panel.kind.sampled else ""
    found = [
        {**blank, "name": f"{STAGES[stage]} stage, each seed{exact}", "tone": TONES[stage],
         "path": PATHS["circle"], "dash": ""}
        for stage in panel.stages
    ]  # fmt: skip
    if panel.bands:
        found.append(
            {**blank, "name": "mean and its 95 % interval over seeds", "tone": "ink", "dash": "",
             "fill": True}
        )  # fmt: skip
    if any(line.sampled for line in panel.lines):
        found.append(
            {**blank, "name": "sampled, the paper’s mean@1", "tone": "muted",
             "path": PATHS["circle"], "faint": True}
        )  # fmt: skip
    return found + [
        {**blank, "name": f"{level.name} {number(level.value)}", "tone": "muted",
         "dash": DASHES[level.dash]}
        for level in panel.levels
    ]  # fmt: skip
