"""Heat maps as SVG fit for a paper: all grids of a figure in one file, in the colours of paper."""

from collections.abc import Sequence
from html import escape
from typing import Any

from coupling_bench.report.svg import FAMILY, MILLIMETRES, paint

ACROSS = 2
"""Grids beside each other."""
GAP, HEAD = 18, 24
"""Between grids, and above each for its title."""

Record = dict[str, Any]


def draw(grids: Sequence[Record], title: str) -> str:
    """The grids of a figure as the text of an SVG file; two columns of a paper if there are two."""
    across = min(ACROSS, len(grids))
    wide = max(grid["width"] for grid in grids) + GAP
    high = max(grid["height"] for grid in grids) + HEAD + GAP
    rows = -(-len(grids) // across)
    millimetres = MILLIMETRES * across
    parts = [
        f'<g transform="translate({place % across * wide} {place // across * high + HEAD})">'
        f"{_grid(grid)}</g>"
        for place, grid in enumerate(grids)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{millimetres}mm" '
        f'height="{millimetres * rows * high / (across * wide):.1f}mm" '
        f'viewBox="0 0 {across * wide} {rows * high}" role="img" font-family="{FAMILY}" '
        f'font-size="12" fill="{paint("var(--ink)")}" text-anchor="middle">\n'
        f"<title>{escape(title)}</title>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _grid(grid: Record) -> str:
    ink = paint("var(--ink)")
    parts = [_text(grid["title"], grid["center"], -9, weight="bold")]
    for row in grid["rows"]:
        parts.append(_text(row["name"], grid["left"], row["y"] + (0 if row["under"] else 4), "end"))
        if row["under"]:
            parts.append(_text(row["under"], grid["left"], row["y"] + 11, "end", size=10))
    parts += [_cell(cell) for cell in grid["cells"]]
    for key, dashed in (("boundary", ""), ("outline", ' stroke-dasharray="4 3"')):
        if grid[key]:
            width = 2 if dashed else 3
            parts.append(
                f'<path d="{grid[key]}" fill="none" stroke="{ink}" stroke-width="{width}"{dashed}/>'
            )
    parts += [_text(col["name"], col["x"], grid["foot"] + 14) for col in grid["cols"]]
    parts.append(_text(grid["col_title"], grid["center"], grid["foot"] + 29, size=10))
    turned = f'<g transform="translate(9 {grid["foot"] / 2}) rotate(-90)">'
    return "".join([*parts, turned, _text(grid["row_title"], 0, 0, size=10), "</g>"])


def _cell(cell: Record) -> str:
    x, y = cell["x"], cell["y"]
    parts = [
        f'<rect x="{x}" y="{y}" width="{cell["wide"]}" height="{cell["high"]}" '
        f'fill="{mixed(cell["tone"], cell["share"])}" stroke="#ffffff" stroke-width="1.5"/>',
        _text(cell["mark"], cell["middle"], cell["base"], size=15, weight="bold"),
        _text(cell["value"], cell["middle"], cell["under"], size=10) if cell["value"] else "",
    ]
    if cell["missed"]:
        parts.append(f'<path d="M{cell["missed_x"]} {cell["missed_y"]}v9l-9-9z"/>')
    if cell["sure"]:
        parts.append(f'<circle cx="{x + 5}" cy="{y + 5}" r="2.2"/>')
    return "".join(parts)


def mixed(tone: str, share: float) -> str:
    """The colour of a cell: that of its direction, by so many percent, on white."""
    if tone not in ("up", "down"):
        return paint("var(--wash)")
    pole = paint(f"var(--{tone})")
    parts = [int(pole[place : place + 2], 16) for place in (1, 3, 5)]
    return "#" + "".join(f"{round(255 + (part - 255) * share / 100):02x}" for part in parts)


def _text(text: str, x: float, y: float, anchor: str = "", size: int = 0, weight: str = "") -> str:
    told = f' text-anchor="{anchor}"' if anchor else ""
    told += f' font-size="{size}"' if size else ""
    told += f' font-weight="{weight}"' if weight else ""
    return f'<text x="{x}" y="{y}"{told}>{escape(str(text))}</text>'
