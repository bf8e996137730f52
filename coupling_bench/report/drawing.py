"""What all figures share: colours, marks, dashes, and the layout that plotly is given.

Colours are CSS variables (`var(--sft)`) until a figure is drawn: page.js puts in the values of the
reader's colour scheme, svg.py those of paper.
"""

from typing import Any

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "pentagon")
DASHES = {
    "dash": "6 4", "dot": "1.5 3.5", "dashdot": "6 3 1.5 3",
    "longdash": "11 4", "longdashdot": "11 3 1.5 3",
}  # fmt: skip
PAPER = 640
"""Width on paper, which is narrower than a window."""
TONES = ("sft", "open", "yes", "rl", "no", "muted")
"""Colours that differ to colour-blind eyes; each series has a mark of its own beside."""
PATHS = {
    "circle": "M10 6a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
    "square": "M10.5 2.5h7v7h-7z",
    "diamond": "M14 1l5 5-5 5-5-5z",
    "triangle-up": "M14 1.5l4.6 8.5h-9.2z",
    "triangle-down": "M14 10.5l4.6-8.5h-9.2z",
    "cross": "M12.5 1.5h3v3h3v3h-3v3h-3v-3h-3v-3h3z",
}
"""The marks of series as they are drawn in a key, by plotly's names."""
MARKS = tuple(PATHS)
"""The marks of series that have no reason for another one."""
PATHS |= {"line-ns-open": "M13 0h2v12h-2z"}

Record = dict[str, Any]


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
