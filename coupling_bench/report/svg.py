"""The page's figures as SVG fit for a paper: text as text, lines as lines, in the colours of paper.

It draws what our figures are made of and no more: points, lines, areas and bars over linear and
logarithmic axes, levels, names and a key. Plotly's own export would take a browser.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import unescape
from math import ceil, floor, log10
from pathlib import Path
from typing import Any, TypeGuard
from xml.sax.saxutils import escape

from coupling_bench.report.drawing import DASHES, PATHS
from coupling_bench.report.text import is_number

WIDTH = 440
"""In pixels: on paper a column of 90 mm with letters of 8 points."""
MILLIMETRES = 90
LETTER = 6.1
"""Width of a letter of 11 pixels, on average."""
LINE = 15
KEY = 28
SAMPLE = 13
"""What the drawing of a key's line leaves of its left, where its name begins."""
MARKED = "circle"
FAR = 1e100
"""Beyond this, and on a logarithmic axis this near to zero, nothing is drawn."""
FAMILY = "Helvetica, Arial, 'Liberation Sans', sans-serif"

Record = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Scale:
    """From the values of an axis to pixels."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The pixel of a value."""
        place = log10(value) if self.log else value
        share = (place - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 2)

    def has(self, value: object) -> bool:
        """Whether a value has a place on the axis."""
        return _is_drawable(value, self.log)


def _is_drawable(value: object, log: bool) -> TypeGuard[float]:
    return is_number(value) and abs(value) < FAR and (value > 1 / FAR or not log)


@cache
def colours() -> dict[str, str]:
    """The page's colours on paper, from its style sheet."""
    css = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    root = css[css.index(":root {") : css.index("@media")]
    return dict(re.findall(r"--([\w-]+):\s*([^;]+);", root))


def paint(value: object) -> str:
    """A colour of a figure as SVG names it."""
    found = re.fullmatch(r"var\(--([\w-]+)\)", str(value))
    text = colours()[found.group(1)] if found else str(value)
    # Not every reader of SVG knows colours with a share of transparency.
    parts = re.fullmatch(r"rgba?\((\d+)[ ,]+(\d+)[ ,]+(\d+)\s*[/,]\s*([\d.]+)\)", text)
    if not parts:
        return text
    share = float(parts.group(4))
    mixed = [round(255 * (1 - share) + int(part) * share) for part in parts.groups()[:3]]
    return "#{:02x}{:02x}{:02x}".format(*mixed)


def draw(plot: Record, key: Sequence[Record], title: str) -> str:
    """A figure, with its key under it, as the text of an SVG file."""
    layout, data = plot["layout"], plot["data"]
    height = layout["height"]
    margin = layout["margin"]
    left = max(margin["l"], _label_width(layout["yaxis"], data) + 26)
    x = _scale(layout["xaxis"], data, "x", left, WIDTH - max(margin["r"], 12))
    y = _scale(layout["yaxis"], data, "y", height - 46, margin["t"])
    lines, extra = _key(key, height)
    body = [
        *_grid(layout, data, x, y), *(_trace(trace, x, y) for trace in data),
        *(_shape(shape, x, y) for shape in layout.get("shapes") or []),
        *(_annotation(text, x, y) for text in layout.get("annotations") or []), *lines,
    ]  # fmt: skip
    whole = height + extra
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{MILLIMETRES}mm" '
        f'height="{MILLIMETRES * whole / WIDTH:.1f}mm" viewBox="0 0 {WIDTH} {whole}" role="img" '
        f'font-family="{FAMILY}" font-size="11" fill="{paint("var(--ink)")}">\n'
        f"<title>{escape(title)}</title>\n" + "\n".join(filter(None, body)) + "\n</svg>\n"
    )


def _values(data: list[Record], name: str, log: bool) -> list[float]:
    """All that an axis has to reach: points, and the ends of their bars."""
    found: list[float] = []
    for trace in data:
        values = list(trace.get(name) or [])
        bars = trace.get(f"error_{name}") or {}
        found += values
        for side, sign in (("array", 1), ("arrayminus", -1)):
            found += [v + sign * d for v, d in zip(values, bars.get(side) or [], strict=False)]
    return [v for v in found if _is_drawable(v, log)]


def _scale(axis: Record, data: list[Record], name: str, start: float, end: float) -> Scale:
    log = axis.get("type") == "log"
    if axis.get("range"):
        low, high = axis["range"]
        return Scale(low=low, high=high, start=start, end=end)
    values = [log10(v) if log else v for v in _values(data, name, log)]
    low, high = min(values, default=0.0), max(values, default=1.0)
    low = min(low, 0.0) if axis.get("rangemode") == "tozero" else low
    spare = max((high - low) * 0.05, abs(high) * 1e-6) or 0.5
    return Scale(low=low - spare, high=high + spare, start=start, end=end, log=log)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers from one value to another, at most so many and one more."""
    step = 10.0 ** floor(log10((high - low) / most))
    step *= next(times for times in (1, 2, 5, 10, 20) if (high - low) / (step * times) <= most)
    first = ceil(low / step - 1e-9)
    return [round(n * step, 12) for n in range(first, floor(high / step + 1e-9) + 1)]


def _ticks(axis: Record, scale: Scale) -> list[tuple[float, str]]:
    """Places along an axis, and what is written there."""
    if axis.get("tickvals") is not None:
        names = axis.get("ticktext") or [f"{value:g}" for value in axis["tickvals"]]
        low, high = sorted((scale.low, scale.high))
        told = zip(axis["tickvals"], map(str, names), strict=False)
        return [(value, name) for value, name in told if low <= value <= high]
    if scale.log:
        powers = range(ceil(scale.low - 1e-9), floor(scale.high + 1e-9) + 1)
        places = [10.0**power for power in powers]
        if len(places) < 2:
            many = [
                n * 10.0**p for p in range(floor(scale.low), ceil(scale.high)) for n in (1, 2, 5)
            ]
            places = [v for v in many if scale.low <= log10(v) <= scale.high]
        return [(value, f"{value:g}") for value in places]
    return [(value, f"{value:g}".replace("-", "−")) for value in ticks(scale.low, scale.high)]


def _label_width(axis: Record, data: list[Record]) -> float:
    scale = _scale(axis, data, "y", 0, 1)
    texts = [part for _, text in _ticks(axis, scale) for part in _lines(text)]
    return max((len(text) * LETTER for text in texts), default=0)


def _grid(layout: Record, data: list[Record], x: Scale, y: Scale) -> list[str]:
    """Lines behind the points, the numbers at them, and the axes' titles."""
    parts = []
    muted, rule = paint("var(--muted)"), paint("var(--rule)")
    left, right, foot, top = x.start, x.end, max(y.start, y.end), min(y.start, y.end)
    for value, text in _ticks(layout["xaxis"], x):
        parts.append(_line(x(value), top, x(value), foot, rule))
        parts.append(_text(text, x(value), foot + 14, "middle"))
    for value, text in _ticks(layout["yaxis"], y):
        if layout["yaxis"].get("showgrid") is not False:
            parts.append(_line(left, y(value), right, y(value), rule))
        parts.append(_text(text, left - 6, y(value) + 4, "end", middle=True))
    for axis, scale in (("xaxis", x), ("yaxis", y)):
        if layout[axis].get("zeroline") and scale.has(0) and scale.low <= 0 <= scale.high:
            place = scale(0)
            ends = (place, top, place, foot) if axis == "xaxis" else (left, place, right, place)
            parts.append(_line(*ends, paint("var(--ink)")))
    parts.append(_line(left, foot, right, foot, muted))
    parts.append(_line(left, top, left, foot, muted))
    parts.append(_text(layout["xaxis"]["title"]["text"], (left + right) / 2, foot + 32, "middle"))
    title = layout["yaxis"]["title"]["text"]
    turned = f'<g transform="translate(11 {(top + foot) / 2:.1f}) rotate(-90)">'
    return [*parts, f"{turned}{_text(title, 0, 0, 'middle')}</g>" if title else ""]


def _trace(trace: Record, x: Scale, y: Scale) -> str:
    pairs = list(zip(trace["x"], trace["y"], strict=False))
    points = [(x(a), y(b)) if x.has(a) and y.has(b) else None for a, b in pairs]
    line, marker = trace.get("line") or {}, trace.get("marker") or {}
    parts = []
    if trace.get("fill") == "toself":
        parts.append(f'<path d="{_path(points)}Z" fill="{paint(trace["fillcolor"])}"/>')
    if "lines" in trace["mode"] and line.get("width", 2) and line.get("color"):
        dash = DASHES.get(line.get("dash") or "", "")
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        parts.append(
            f'<path d="{_path(points)}" fill="none" stroke="{paint(line["color"])}" '
            f'stroke-width="{line.get("width", 2)}"{dashed}/>'
        )
    parts += _bars(trace, x, y)
    if "markers" in trace["mode"]:
        parts += [_mark(marker, *point) for point in points if point]
    if "text" in trace["mode"]:
        shift, anchor = (5, "start") if "right" in trace["textposition"] else (-5, "end")
        told = zip(points, trace["text"], strict=False)
        parts += [_text(text, at[0] + shift, at[1] + 4, anchor) for at, text in told if at]
    opacity = trace.get("opacity", 1)
    dim = f' opacity="{opacity}"' if opacity != 1 else ""
    return f"<g{dim}>{''.join(parts)}</g>" if parts else ""


def _path(points: list[tuple[float, float] | None]) -> str:
    """A line through points, broken where one is missing."""
    told, pen = "", "M"
    for point in points:
        told += f"{pen}{point[0]:g} {point[1]:g}" if point else ""
        pen = "L" if point else "M"
    return told


def _bars(trace: Record, x: Scale, y: Scale) -> list[str]:
    parts = []
    for name, across in (("error_x", True), ("error_y", False)):
        bars = trace.get(name) or {}
        colour = paint(bars.get("color"))
        for a, b, up, down in zip(
            trace["x"], trace["y"], bars.get("array") or [], bars.get("arrayminus") or [],
            strict=False,
        ):  # fmt: skip
            if not (x.has(a) and y.has(b)):
                continue
            if across and x.has(a - down) and x.has(a + up):
                parts.append(_line(x(a - down), y(b), x(a + up), y(b), colour, 1.5))
            elif not across and y.has(b - down) and y.has(b + up):
                parts.append(_line(x(a), y(b - down), x(a), y(b + up), colour, 1))
    return parts


def _mark(marker: Record, x: float, y: float) -> str:
    """A mark, by the shape that keys have; shapes of seeds that these lack become circles."""
    path = PATHS.get(marker.get("symbol") or MARKED, PATHS[MARKED])
    size = marker.get("size", 6) / 8
    dim = f' fill-opacity="{marker["opacity"]}"' if "opacity" in marker else ""
    return (
        f'<path transform="translate({x:g} {y:g}) scale({size:g}) translate(-14 -6)" d="{path}" '
        f'fill="{paint(marker.get("color"))}"{dim}/>'
    )


def _shape(shape: Record, x: Scale, y: Scale) -> str:
    ends = []
    for name, scale in (("x", x), ("y", y)):
        whole = shape.get(f"{name}ref") == "paper"
        pair = [shape[f"{name}0"], shape[f"{name}1"]]
        ends.append([_paper(scale, v) if whole else scale(v) for v in pair])
    (x0, x1), (y0, y1) = ends
    line = shape["line"]
    return _line(x0, y0, x1, y1, paint(line["color"]), line.get("width", 1))


def _paper(scale: Scale, share: float) -> float:
    return scale.start + share * (scale.end - scale.start)


def _annotation(note: Record, x: Scale, y: Scale) -> str:
    left = _paper(x, note["x"]) if note.get("xref") == "paper" else x(note["x"])
    place = _paper(y, note["y"]) if note.get("yref") == "paper" else y(note["y"])
    left += note.get("xshift", 0) + (3 if note.get("xanchor") == "left" else 0)
    place += {"top": 12, "bottom": -4}.get(note.get("yanchor") or "", 4)
    anchor = {"left": "start", "right": "end"}.get(note.get("xanchor") or "", "middle")
    return _text(note["text"], left, place, anchor, paint(note["font"].get("color", "")))


def _lines(text: str) -> list[str]:
    """What plotly would write, line by line: its tags gone, its names of letters read."""
    lines = re.split(r"<br>", text)
    return [unescape(re.sub(r"</?b>", "", line)) for line in lines]


def _text(
    text: str, x: float, y: float, anchor: str, colour: str = "", middle: bool = False
) -> str:
    lines = _lines(text)
    y -= (len(lines) - 1) * LINE / 2 if middle else 0
    painted = f' fill="{colour}"' if colour else ""
    spans = "".join(
        f'<tspan x="{x:.1f}" dy="{LINE if n else 0}">{escape(line)}</tspan>'
        for n, line in enumerate(lines)
    )
    bold = ' font-weight="bold"' if text.startswith("<b>") else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{painted}{bold}>{spans}</text>'


def _line(x0: float, y0: float, x1: float, y1: float, colour: str, width: float = 1) -> str:
    return (
        f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" stroke="{colour}" '
        f'stroke-width="{width}"/>'
    )


def _key(key: Sequence[Record], top: float) -> tuple[list[str], int]:
    """The key's lines under the figure, and how high they are."""
    parts, x, y = [], 12.0, top + 14.0
    for one in key:
        width = KEY + 6 + len(one["name"]) * LETTER + 14
        if x > 12 and x + width > WIDTH:
            x, y = 12.0, y + LINE + 2
        colour = paint(f"var(--{one['tone']})")
        sample = f'<rect x="{x}" y="{y - 10}" width="{KEY}" height="12" fill="#ddd"/>'
        parts.append(sample if one["fill"] else "")
        if one["dash"] is not None or one["bar"]:
            dashed = f' stroke-dasharray="{one["dash"]}"' if one["dash"] else ""
            parts.append(
                f'<line x1="{x}" y1="{y - 4}" x2="{x + KEY}" y2="{y - 4}" stroke="{colour}" '
                f'stroke-width="1.75"{dashed}/>'
            )
        if one["path"]:
            parts.append(
                f'<path transform="translate({x} {y - 10})" d="{one["path"]}" fill="{colour}"/>'
            )
        parts.append(_text(_plain(one["name"]), x + KEY + 6, y, "start"))
        x += width
    return parts, round(y - top + 12) if key else 0


def _plain(text: str) -> str:
    """A text of ours, which holds no tags, as plotly would take it."""
    return escape(text)
