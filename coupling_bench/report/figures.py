"""The paper's Figure 3 as plotly draws it.

Colours are written as CSS variables (`var(--sft)`); page.js puts in the values of the colour
scheme that the reader has, so that one figure serves light, dark and paper.
"""

from html import escape
from typing import Any

from coupling_bench.report.panels import STAGES, TONES, Level, Line, Panel, describe, ends, panels
from coupling_bench.report.text import node, number

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "pentagon")
PAPER = 640
"""Width on paper, which is narrower than a window."""
DASHES = {"dash": "6 4", "dot": "1.5 3.5", "dashdot": "6 3 1.5 3"}

Record = dict[str, Any]


def draw(panel: Panel) -> Record:
    """The figure of a panel: plotly's traces and layout, as plain data."""
    return {"data": _traces(panel), "layout": _layout(panel), "paper": PAPER}


def _traces(panel: Panel) -> list[Record]:
    steps = [step for line in panel.lines for step in line.steps]
    seeds = list(dict.fromkeys(line.seed for line in panel.lines))
    traces = [_level_trace(level, [min(steps), max(steps)]) for level in panel.levels]
    for line in panel.lines:
        marker: dict[str, Any] = {"symbol": SYMBOLS[seeds.index(line.seed) % len(SYMBOLS)]}
        if line.sampled:
            faint = {**marker, "size": 6, "opacity": 0.35}
            traces.append(_trace(panel, line, "markers", line.sampled, faint, "sampled "))
        marker["size"] = 5
        traces.append(_trace(panel, line, "lines+markers", line.values, marker, ""))
    return traces


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
        "line": {"color": colour, "width": 1.75}, "marker": {"color": colour, **marker},
        "hovertemplate": f"{who}<br>step %{{x}}<br>{prefix}{panel.kind.axis.split(',')[0]} "
        "%{y:.3f}<extra></extra>",
    }  # fmt: skip


def _layout(panel: Panel) -> Record:
    return {**frame("optimizer step", panel.kind.axis), **_boundary(panel)}


def frame(xaxis: str, yaxis: str, height: int = 376) -> Record:
    """The layout that all figures share; the texts are plotly's, who reads tags in them."""
    axis = {
        "gridcolor": "var(--rule)", "linecolor": "var(--muted)", "zeroline": False,
        "tickcolor": "var(--rule)", "fixedrange": False, "automargin": True,
    }  # fmt: skip
    ink = {"color": "var(--ink)", "size": 12.5, "family": "var(--sans)"}
    return {
        "autosize": True, "height": height, "showlegend": False, "hovermode": "closest",
        "margin": {"l": 52, "r": 10, "t": 44, "b": 44}, "dragmode": "zoom",
        "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)", "font": ink,
        "xaxis": {**axis, "title": {"text": xaxis, "standoff": 8, "font": ink}},
        "yaxis": {**axis, "title": {"text": yaxis, "standoff": 8, "font": ink}},
        "hoverlabel": {
            "bgcolor": "var(--paper)", "bordercolor": "var(--muted)", "font": ink, "align": "left"
        },
        "modebar": {
            "bgcolor": "rgba(0,0,0,0)", "color": "var(--muted)", "activecolor": "var(--ink)"
        },
    }  # fmt: skip


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
            "stages": [(TONES[stage], STAGES[stage]) for stage in panel.stages],
            "levels": [(level, DASHES[level.dash]) for level in panel.levels],
            "ends": ends(panel),
            "text": describe(panel),
        }
        for place, panel in enumerate(panels(record), start=1)
    ]
