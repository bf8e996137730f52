"""Figures for a paper: where things lie, and that what is written is text."""

import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coupling_bench.report import svg, svg_grids
from coupling_bench.report.chapters import maps
from coupling_bench.report.charts import Axis, Series, chart
from tests.report.example_theory import tables
from tests.report.test_page import HOSTILE

SVG = "{http://www.w3.org/2000/svg}"
SPANS = st.tuples(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))


def parsed(series, x, y, **more):
    one = chart("A figure", "It says so.", series, x, y, **more)
    return ElementTree.fromstring(svg.draw(one.plot, one.key, one.title))


def marks(root):
    """Where marks are, from left to right."""
    placed = [path.get("transform") for path in root.iter(f"{SVG}path") if path.get("transform")]
    found = [re.match(r"translate\(([-\d.]+) ([-\d.]+)\) scale", text) for text in placed]
    return [(float(one[1]), float(one[2])) for one in found if one]


@pytest.mark.parametrize("log", [False, True])
def test_equal_steps_of_a_value_or_of_its_logarithm_are_equal_steps_on_paper(log):
    values = [1.0, 10.0, 100.0, 1000.0] if log else [1.0, 2.0, 3.0, 4.0]
    axis = Axis(title="value", log=log)
    places = marks(parsed([Series(name="s", x=values, y=values)], axis, axis))
    for along in zip(*places, strict=True):
        steps = [after - before for before, after in pairwise(along)]
        assert steps == pytest.approx([steps[0]] * 3, abs=0.02)
    assert places[0][0] < places[-1][0]
    assert places[0][1] > places[-1][1]


@given(SPANS)
def test_ticks_are_few_round_and_inside(span):
    low, high = span[0], span[0] + span[1]
    found = svg.ticks(low, high)
    assert 1 <= len(found) <= 7
    spare = 1e-6 * max(abs(low), abs(high), 1e-6)
    assert low - spare <= found[0] <= found[-1] <= high + spare
    for step in [after - before for before, after in pairwise(found)]:
        assert f"{step:.6e}"[0] in "125"


def test_a_gap_breaks_a_line_and_draws_no_point():
    plot = chart("", "", [Series(name="s", x=[0, 1, 2], y=[0, 1, 2], dash="solid")],
                 Axis(title="x"), Axis(title="y")).plot  # fmt: skip
    plot["data"][0]["y"][1] = None
    text = svg.draw(plot, [], "gap")
    assert text.count("M14 1") == 0
    line = next(d for d in re.findall(r' d="([^"]+)" fill="none"', text))
    assert line.count("M") == 2
    assert len(marks(ElementTree.fromstring(text))) == 2


def test_text_is_text_and_a_name_stays_a_name():
    root = parsed(
        [Series(name=HOSTILE, x=[0, 1], y=[0, 1])], Axis(title=HOSTILE), Axis(title="y", zero=True)
    )
    said = ["".join(one.itertext()) for one in root.iter(f"{SVG}text")]
    assert said.count(HOSTILE) == 2
    kinds = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert kinds <= {"svg", "title", "g", "line", "path", "rect", "text", "tspan"}


def test_every_colour_is_one_that_any_reader_knows():
    """No variables of the page's style sheet, and no transparency."""
    assert svg.paint("var(--sft)") == "#0072b2"
    for name in svg.colours():
        if name not in ("serif", "sans", "mono"):
            assert re.fullmatch(r"#[0-9a-f]{3,6}", svg.paint(f"var(--{name})")), name


@pytest.mark.parametrize("value", [0.0, -1e308, 1.7e308, 5e-324, float("nan"), float("inf")])
def test_no_value_breaks_a_figure(value):
    """What has no place is left out; the file is whole."""
    for axis in (Axis(title="a"), Axis(title="a", log=True), Axis(title="a", signed=True)):
        series = [Series(name="s", x=[value, 1.0], y=[1.0, value], dash="solid",
                         spans=[(-value, value), (0.0, 2.0)])]  # fmt: skip
        text = svg.draw(chart("", "", series, axis, axis).plot, [], "absurd")
        ElementTree.fromstring(text)
        assert not re.search(r"\b(nan|inf)\b", text)


def test_a_heat_map_has_all_its_grids_with_their_cells_and_signs():
    """Colour by direction and share, the sign written in every cell."""
    found = maps.charts({"tables": tables()})[0]
    root = ElementTree.fromstring(svg_grids.draw(found.grids, found.title))
    cells = sum(len(grid["cells"]) for grid in found.grids)
    assert len(list(root.iter(f"{SVG}rect"))) == cells
    said = ["".join(one.itertext()) for one in root.iter(f"{SVG}text")]
    for grid in found.grids:
        assert grid["title"] in said
    assert sum(text in ("+", "−", "±", "0") for text in said) >= cells
    assert svg_grids.mixed("up", 0) == svg_grids.mixed("down", 0) == "#ffffff"
    assert svg_grids.mixed("up", 100) == svg.paint("var(--up)")
