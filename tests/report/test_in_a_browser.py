"""The page as a real browser shows it: figures drawn, filter at work, nothing wider than it."""

import functools
import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise

import pytest

from coupling_bench.report import write_report
from coupling_bench.report.export import export
from coupling_bench.report.merging import merge
from tests.report.example_measurement import example_measurement
from tests.report.example_record import example_record, of_models
from tests.report.example_speed import lay, perf, scaling
from tests.report.example_theory import example_theory
from tests.report.test_page import HOSTILE, hostile, nulls

WIDTHS = [(390, "light"), (1024, "dark"), (1920, "light")]
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
FOLD = "document.querySelectorAll('details').forEach((one) => one.open = false)"
UNFOLD = FOLD.replace("false", "true")
WALK = """(async () => {
  const plots = [...document.querySelectorAll(".plot")];
  for (const plot of plots) {
    plot.scrollIntoView();
    while (!plot.querySelector(".main-svg")) await new Promise(requestAnimationFrame);
  }
  return plots.length;
})()"""
"""Goes down the page as a reader does, waits for every figure and counts them."""
SHOWN = "[...document.querySelectorAll('#completions-1 tr')].map((row) => row.offsetHeight > 0)"


def one_model():
    """A record in whose completions every other prompt has the same answers after all stages."""
    record = example_record()
    for row in record["completions"][::2]:
        row["answers"] = dict.fromkeys(row["answers"], "acceptable")
    return record


RECORDS = {
    "one model": one_model,
    "several models": lambda: of_models(3),
    "hostile theory": lambda: hostile(example_theory()),
    "hostile models": lambda: merge([(HOSTILE, hostile(one)) for one in [of_models(2)]]),
    "no numbers": lambda: nulls(example_record()),
    "checkpoints": example_measurement,
    "hostile checkpoints": lambda: hostile(example_measurement()),
}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A function from the name of a record to its page, written once."""
    return functools.cache(
        lambda name: write_report(RECORDS[name](), tmp_path_factory.mktemp("page"))
    )


@pytest.mark.parametrize("name", sorted(RECORDS, key="one model".__eq__))
def test_every_figure_is_drawn_at_every_width_and_the_console_says_nothing(browser, name, page):
    """No page is wider than its window, and no text of a record becomes an element or a script."""
    browser.complaints.clear()
    browser.open(page(name))
    for width, scheme in WIDTHS:
        browser.resize(width, scheme=scheme)
        assert browser.run(TOO_WIDE) == 0
    browser.run(UNFOLD)
    assert browser.run(WALK) == browser.run("document.querySelectorAll('.plot').length")
    assert browser.run(TOO_WIDE) == 0
    assert browser.complaints == []
    assert browser.run("document.title") != "taken"
    assert browser.run("document.querySelectorAll('main img, main script').length") == 0


def test_the_filter_leaves_the_prompts_whose_answer_changed(browser, page):
    """By click and by key alike; what is shown is counted, and comes back."""
    browser.show(page("one model"))
    browser.run(UNFOLD)
    assert browser.run(SHOWN) == [True, True]
    browser.run("document.querySelector('[data-filters]').click()")
    assert browser.run(SHOWN) == [False, True]
    assert browser.run("document.querySelector('.filter output').textContent") == "1 of 2 shown"
    browser.run("document.querySelector('[data-filters]').click()")
    assert browser.run(SHOWN) == [True, True]


COLOUR = "document.querySelector('#figure-1 .xtitle').style.fill"


def in_dark(browser, page):
    """Draw a page in light colours, then in dark ones; return what the light one of a text was."""
    browser.show(page("one model"))
    browser.run(WALK)
    light = browser.run(COLOUR)
    browser.scheme("dark")
    browser.wait(f"{COLOUR} !== {light!r}")
    return light


def test_a_change_of_the_colour_scheme_repaints_what_is_drawn(browser, page):
    assert in_dark(browser, page)


def test_paper_is_light_for_a_reader_who_prefers_dark(browser, page):
    light = in_dark(browser, page)
    browser.run("dispatchEvent(new Event('beforeprint'))")
    browser.wait(f"{COLOUR} === {light!r}")
    browser.run("dispatchEvent(new Event('afterprint'))")
    browser.wait(f"{COLOUR} !== {light!r}")


def test_paper_holds_what_the_screen_folds_away(browser, page):
    browser.show(page("one model"))
    browser.run(FOLD)
    browser.wait("window.Plotly !== undefined")
    browser.run("dispatchEvent(new Event('beforeprint'))")
    folded = "document.querySelectorAll('details:not([open], .rows)').length"
    assert browser.run(folded) == 0
    assert browser.run("document.querySelectorAll('.plot:not(.js-plotly-plot)').length") == 0
    browser.run("dispatchEvent(new Event('afterprint'))")
    assert browser.run(folded) > 0


def test_a_screen_reader_hears_what_every_figure_shows(browser, page):
    """Figures are images with a name, tables have one, and headings go down one by one.

    The page is drawn: what is in a figure says nothing besides.
    """
    browser.show(page("one model"))
    browser.run(UNFOLD)
    nodes = [n for n in browser.ask("Accessibility.getFullAXTree")["nodes"] if not n["ignored"]]
    said = {}
    for node in nodes:
        name = node.get("name", {}).get("value", "")
        said.setdefault(node["role"]["value"], []).append(name)
    assert len(said["image"]) == browser.run("document.querySelectorAll('.plot').length")
    assert any(re.search(r"Mean over the seeds: 2\.\d", name) for name in said["image"])
    for role in ("image", "table", "columnheader", "rowheader", "region", "checkbox"):
        assert all(said[role]), role
    levels = browser.run(
        "[...document.querySelectorAll('h1, h2, h3, h4')].map((one) => Number(one.tagName[1]))"
    )
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_what_many_models_fold_away_is_there_with_and_without_javascript(browser, page):
    """A script makes elements of it when the page has loaded; without one it is there anyway."""
    path = page("several models")
    cells = path.read_text(encoding="utf-8").count("<td")
    browser.open(path)
    browser.wait("!document.querySelector('.folded')")
    assert browser.run("document.querySelectorAll('td').length") == cells
    browser.ask("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(path)
    browser.run(UNFOLD)
    shown = browser.run(
        "[...document.querySelectorAll('td')].filter((one) => one.offsetHeight > 0).length"
    )
    browser.ask("Emulation.setScriptExecutionDisabled", value=False)
    assert shown == cells


def test_measurements_of_speed_are_drawn_whatever_their_unit_is_called(browser, tmp_path):
    unit = "<img src=x onerror=alert(1)>"
    lay(tmp_path, perf=perf(), scaling=[row | {"unit": unit} for row in scaling()])
    browser.complaints.clear()
    browser.open(write_report({"schema": 1}, tmp_path))
    browser.run(UNFOLD)
    assert browser.run(WALK) == 5
    assert browser.complaints == []


def test_nothing_is_drawn_before_it_is_near(browser, tmp_path):
    """The library is unpacked when it is needed, so that the answer does not wait for it."""
    record = of_models(12)
    browser.open(write_report(record, tmp_path), 390)
    browser.wait("window.Plotly !== undefined")
    asked = browser.run("document.querySelectorAll('.plot').length")
    assert browser.run("document.querySelectorAll('.js-plotly-plot').length") < asked / 2


def test_a_verdict_leads_to_its_evidence_even_where_that_is_folded_away(browser, tmp_path):
    browser.open(write_report(of_models(2), tmp_path))
    assert not browser.run("document.getElementById('claim-1').open")
    browser.run("document.querySelector('.matrix td a').click()")
    browser.wait("document.getElementById('claim-1').open")
    browser.wait("!!document.querySelector('#claim-1 td')")


def test_figures_for_a_paper_are_drawn_as_they_are_written(browser, tmp_path):
    """A browser shows the file's own size, and all its text lies within it."""
    files = [path for path in export(example_record(), tmp_path) if path.suffix == ".svg"]
    for path in files:
        ElementTree.parse(path)
        browser.open(path)
        outside = browser.run(
            "(() => {const whole = document.documentElement.getBoundingClientRect();"
            "return [...document.querySelectorAll('text')].filter((one) => {"
            "const box = one.getBoundingClientRect();"
            "return box.left < whole.left - 1 || box.right > whole.right + 1"
            " || box.bottom > whole.bottom + 1 || box.top < whole.top - 1})"
            ".map((one) => one.textContent)})()"
        )
        assert outside == []
    assert len(files) >= 3
