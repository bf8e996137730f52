"""The section on speed: what it says of each benchmark, what it draws, what it survives."""

import re

import pytest

from coupling_bench.report import write_report
from coupling_bench.report.speed import growth, panels, scale, view
from coupling_bench.report.text import MISSING, TIMES
from tests.report.example_record import example_record
from tests.report.example_speed import benchmark, lay, perf, point, scaling

IMAGE = "<img src=x onerror=alert(1)>"
ALONE = {
    "schema": 1, "created": "2026-02-03T04:05:06+00:00", "claims": [],
    "environment": {"python": "3.11.7", "cpu": "none"},
}  # fmt: skip


@pytest.fixture
def page(tmp_path):
    """A function from files of measurements to the page beside them, without the scripts."""

    def write(record=None, **files):
        lay(tmp_path, **files)
        text = write_report(record or example_record(), tmp_path).read_text(encoding="utf-8")
        return re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL).replace(TIMES, "x")

    return write


def rows(text):
    """Rows of the table of benchmarks, by name."""
    table = re.search(r'id="speed-table-caption".*?</table>', text, re.DOTALL).group(0)
    found = re.findall(r'<tr><th scope="row">(.*?)<small>(.*?)</tr>', table)
    return dict(found)


@pytest.mark.parametrize("files", [{}, {"perf": [], "scaling": []}])
def test_without_measurements_there_is_no_section(page, files):
    text = page(**files)
    assert 'id="speed"' not in text
    assert 'href="#speed"' not in text


def test_the_section_stands_before_the_environment_and_in_the_list_of_sections(page):
    text = page(perf=perf())
    assert 'href="#speed"' in text
    assert text.index('id="stages"') < text.index('id="speed"') < text.index('id="environment"')


def test_a_benchmark_has_its_ratio_gate_target_seconds_memory_and_shares(page):
    row = rows(page(perf=perf()))["GRPO step, embedded, G=16, from sft"]
    cells = re.findall(r"<td[^>]*>(.*?)</td>", row)
    assert cells[0] == (
        '<b class="ratio">6.1x</b><small>gate 3x</small><small>target 5x reached</small>'
    )
    assert "passed" in cells[1]
    assert cells[2:] == ["0.080", "0.488", "41.0 MB", "93.0 MB", "62\N{NO-BREAK SPACE}%",
                         "38\N{NO-BREAK SPACE}%"]  # fmt: skip


def test_a_benchmark_below_its_gate_and_target_says_so_in_words(page):
    row = rows(page(perf=perf()))["One cold run, two pipelines, three seeds"]
    assert "<small>below its gate 2x</small><small>target 4x missed</small>" in row
    assert "failed" in row
    assert row.count(f">{MISSING}<") == 4


def test_only_the_arm_that_needs_more_memory_than_plain_trl_is_flagged(page):
    flagged = [
        name for name, row in rows(page(perf=perf())).items() if "more than the other" in row
    ]
    assert flagged == ["SFT step, embedded"]


def test_the_summary_counts_tests_and_targets(page):
    text = page(perf=perf())
    said = "Plain TRL takes 0.94x to 6.1x the time of ours. Tests passed: 3 of 4."
    assert f"{said} Targets reached: 1 of 3." in text
    text = page(perf=[benchmark("a step", 2.0, target=None)])
    assert "Plain TRL takes 2x the time of ours. Tests passed: 1 of 1.</p>" in text


def test_what_is_not_measured_against_plain_trl_is_named_and_left_out_of_the_headline(page):
    other = benchmark("warm suites", 12.0, against="the same command, cold")
    text = page(perf=[benchmark("a step", 2.0, target=None), other])
    assert "Plain TRL takes 2x the time of ours. Tests passed: 2 of 2." in text
    assert "against the same command, cold" in rows(text)["warm suites"]
    assert "Plain TRL takes" not in page(perf=[other])


def test_table_and_figure_say_under_what_conditions_the_arms_ran(page):
    text = page(perf=perf(), scaling=scaling())
    said = (
        "The arms took turns on one machine, with the same spec, dtype and threads. Ratios compare;"
    )
    assert text.count(f"{said} seconds do not travel between machines.") == 2


def test_every_axis_has_a_panel_with_its_reading_in_a_fixed_order(page):
    text = page(scaling=scaling()[::-1])
    titles = re.findall(r"<h4>(.*?):", text)
    assert titles == [
        "Number of seeds", "Number of claims", "Group size G", "Prompt length",
        "Number of parameters",
    ]  # fmt: skip
    assert "With 12x the number of claims, ours takes 1.14x the time and plain TRL" in text
    assert text.count('class="plot" id="scaling-') == 5


def test_two_things_measured_along_one_axis_are_two_panels():
    measured = [point("G", x, 1.0, 2.0, what=what) for what in ("a", "b") for x in (2, 4)]
    assert [(panel["what"], len(panel["points"])) for panel in panels(measured)] == [
        ("a", 2),
        ("b", 2),
    ]


def test_each_arm_answers_for_the_part_of_the_axis_that_it_ran():
    def said(points):
        return growth("number of seeds", points).replace(TIMES, "x")

    measured = [point("seeds", 1, 1.0, 3.0), point("seeds", 4, 2.0, 12.0)]
    joint = "With 4x the number of seeds, ours takes 2x the time and plain TRL takes 4x the time."
    assert said(measured) == joint
    measured.append(point("seeds", 16, 5.0, None))
    assert said(measured) == (
        "With 16x the number of seeds, ours takes 5x the time; "
        "with 4x the number of seeds, plain TRL takes 4x the time."
    )
    assert said(measured[:1]) == "One point alone shows no growth."


def test_the_arms_differ_in_mark_and_dash_and_not_in_colour_alone():
    (panel,) = panels([point("seeds", 1, 1.0, 3.0), point("seeds", 4, 2.0, 12.0)])
    ours, plain = panel["plot"]["data"]
    assert ours["marker"]["symbol"] != plain["marker"]["symbol"]
    assert ours["line"]["dash"] != plain["line"]["dash"]


def test_an_arm_that_was_never_run_has_no_line():
    (panel,) = panels([point("seeds", 1, 1.0, None), point("seeds", 4, 2.0, None)])
    assert len(panel["plot"]["data"]) == 1


def test_an_axis_is_logarithmic_where_it_spans_more_than_a_decade():
    assert scale([1, 11])["type"] == "log"
    assert scale([1, 10]) == {"rangemode": "tozero", "tickformat": "~g"}


def test_a_file_that_cannot_be_trusted_is_named_and_the_other_is_shown(page, tmp_path):
    (tmp_path / "perf.json").write_text("nope")
    text = page(scaling=scaling())
    assert '<p class="problem">perf.json is not shown: it is not JSON.</p>' in text
    assert 'id="scaling-1"' in text
    assert 'id="speed-table-caption"' not in text


def test_one_wrong_number_leaves_no_number_of_its_file_on_the_page(page):
    text = page(perf=[*perf(), benchmark("last", float("inf"), plain_seconds=1)])
    assert "it has a “ratio” in its entry 5 that is not a number from" in text
    assert "6.1x" not in text


def test_text_of_the_measurements_stays_text(page, tmp_path):
    lay(tmp_path, scaling=[point("G", 2, 1, 2, what=IMAGE, unit=IMAGE)])
    text = page(perf=[benchmark(IMAGE, 2.0, group=IMAGE, note=IMAGE + "{{ 7*7 }}")])
    assert "<img" not in text
    assert "{{ 7*7 }}" in text
    title = view(tmp_path)["panels"][0]["plot"]["layout"]["yaxis"]["title"]["text"]
    assert title.startswith("&lt;img")


def test_benchmarks_alone_make_a_page_that_claims_nothing(page):
    text = page(record=ALONE, perf=perf())
    assert "<title>How fast is coupling_bench?</title>" in text
    assert "This run tested no claim." in text
    assert "decouple" not in text
    assert "arxiv.org" not in text
    assert re.findall(r"<h2[^>]*>(.*?)</h2>", text) == ["Speed", "Environment"]


def test_measurements_do_not_retitle_a_page_that_has_claims(page):
    assert "<title>Do SFT and RL decouple? 1 supported" in page(perf=perf())


def test_tables_have_captions_and_heading_cells_their_scope(page):
    text = page(perf=perf(), scaling=scaling())
    assert text.count("<table") == text.count("<caption")
    assert all("scope=" in cell for cell in re.findall(r"<th\b[^>]*>", text))
