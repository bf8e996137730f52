"""Sections made of several rows of a record: completions side by side, stages, bands, contents."""

import re

import pytest
from scipy import stats

from coupling_bench.report import completions, stages, write_report
from coupling_bench.report.panels import PAPER, Line, bands, panels
from coupling_bench.report.text import MISSING
from tests.report.example_record import MODEL, SEEDS, TASK, example_record, of_models


def asked(pipeline, prompt, answers, **changes):
    return {
        "model": MODEL, "task": TASK, "pipeline": pipeline, "prompt": prompt, "truth": "yes",
        "answers": answers,
    } | changes  # fmt: skip


def test_the_same_prompt_is_one_row_with_the_answers_of_both_orders():
    rows = [
        asked("sft_then_rl", "A", {"base": "no", "sft": "yes", "sft_then_rl": "yes"}),
        asked("rl_then_sft", "A", {"base": "no", "rl": "no ", "rl_then_sft": ""}),
    ]
    (table,) = completions.view({"completions": rows})
    assert table["nodes"] == ["base", "sft", "rl", "sft_then_rl", "rl_then_sft"]
    (row,) = table["rows"]
    assert row["cells"] == [
        ("no", False), ("yes", True), ("no ", False), ("yes", True), ("", True),
    ]  # fmt: skip


def test_a_prompt_that_was_asked_twice_stays_two_rows():
    rows = [
        asked(pipeline, "A", {"base": answer, pipeline: answer})
        for pipeline in ("sft_then_rl", "rl_then_sft")
        for answer in ("yes", "no")
    ]
    (table,) = completions.view({"completions": rows})
    assert [row["answers"]["base"] for row in table["rows"]] == ["yes", "no"]
    assert [row["changed"] for row in table["rows"]] == [False, False]


def test_prompts_that_were_added_because_they_changed_are_no_part_of_the_count():
    rows = [
        asked("sft_then_rl", f"{n}", {"base": "yes", "sft": "no" if n < 3 else "yes"},
              chosen="changed" if n < 2 else "spaced")
        for n in range(6)
    ]  # fmt: skip
    (table,) = completions.view({"completions": rows})
    assert table["summary"] == "1 of 4 answers changed; 2 more that changed"


def test_other_trainers_have_a_table_of_their_own():
    rows = [
        asked("sft_then_rl", "A", {"base": "no", "sft": "yes", "sft_then_rl": "yes"}),
        asked("sft_then_dpo", "A", {"base": "no", "sft": "yes", "sft_then_dpo": "no"}),
    ]
    tables = completions.view({"completions": rows})
    assert [one["nodes"] for one in tables] == [
        ["base", "sft", "sft_then_rl"], ["base", "sft_then_dpo"],
    ]  # fmt: skip


def test_seeds_of_a_node_are_one_row_with_what_they_took_and_one_recipe():
    shown = stages.view({"stages": example_record()["stages"]})
    assert [row["node"] for row in shown["rows"]] == ["sft", "sft_then_rl"]
    row = shown["rows"][0]
    assert row["seeds"] == "0, 1, 2"
    assert (row["time"]["mean"], row["time"]["low"], row["time"]["high"]) == (62.5, 31.25, 93.75)
    assert row["source"] == "2 trained, 1 reused"
    assert [recipe["nodes"] for recipe in shown["recipes"]] == [["sft"], ["sft_then_rl"]]
    assert shown["summary"].startswith(
        "6 stages: 4 trained in this run (4 min 10 s of work), 2 reused from the store; on cpu."
    )


def test_a_seed_that_was_made_by_another_commit_or_version_has_a_recipe_of_its_own():
    rows = example_record()["stages"][:3]
    rows[1] |= {"commit": "abc", "packages": {"torch": "2.13.0"}}
    shown = stages.view({"stages": rows})
    assert shown["rows"][0]["recipes"] == ["recipe 1", "recipe 2"]
    assert shown["recipes"][1]["commit"] == "abc"


def test_equal_recipes_of_several_models_are_told_once():
    shown = stages.view({"stages": of_models(40)["stages"]})
    assert len(shown["rows"]) == 80
    assert len(shown["recipes"]) == 2


def test_a_band_is_students_interval_of_the_mean_over_seeds():
    lines = [Line(seed, "sft", [0, 10], [float(seed), 2.0 * seed], []) for seed in range(4)]
    (band,) = bands(lines)
    for place, factor in enumerate((1.0, 2.0)):
        values = [factor * seed for seed in range(4)]
        low, high = stats.t.interval(0.95, 3, loc=sum(values) / 4, scale=stats.sem(values))
        assert (band.lows[place], band.highs[place]) == pytest.approx((low, high))
        assert band.means[place] == pytest.approx(1.5 * factor)


def test_a_band_has_only_steps_that_every_seed_knows_and_one_seed_has_none():
    lines = [
        Line(0, "sft", [0, 10], [1.0, None], []), Line(1, "sft", [0, 10], [2.0, 3.0], []),
        Line(0, "rl", [10, 20], [1.0, 1.0], []),
    ]  # fmt: skip
    assert [(band.stage, band.steps) for band in bands(lines)] == [("sft", [0])]


def test_the_papers_levels_stand_where_the_paper_has_them_and_nowhere_else():
    """In Figure 3b of CoLA: 0.385 at the base, 0.343 at the end."""
    record = example_record()
    for row in (*record["curves"], *record["abilities"]):
        row["task"] = "cola"
    record["constants"] = {"cola": {"majority_reward": 0.3852}}
    extra = [
        row | {name: row[name].replace("rl", "rloo") for name in ("pipeline", "node")}
        for row in record["curves"]
    ]
    record["curves"] += extra
    levels = {
        panel.kind.number: [level.value for level in panel.levels][1:] for panel in panels(record)
    }
    assert levels == {
        "3a": [], "3b": [0.3852, 0.385, 0.343], "3a with RLOO": [], "3b with RLOO": [0.3852],
    }  # fmt: skip
    assert list(PAPER) == [("cola", "3b")]
    assert all(len(panel.levels) <= 3 for panel in panels(example_record()))


def test_contents_and_sections_are_the_same_in_the_same_order(tmp_path):
    """The answer first, then effects, curves, evidence, completions, stages, environment."""
    text = write_report(example_record(), tmp_path).read_text(encoding="utf-8")
    sections = re.findall(r'<section (?:class="chapter" )?id="([\w-]+)"', text)
    listed = re.findall(r'<li><a href="#([\w-]+)">', text)
    assert sections == listed
    assert sections == [
        "verdicts", "forest", "curves", "practice", "claims", "abilities", "constants",
        "completions", "stages", "environment",
    ]  # fmt: skip


def test_a_claim_on_several_models_is_one_section_with_the_seeds_of_each(tmp_path):
    record = of_models(3)
    record["claims"][0] |= {"seeds": [7], "per_seed": [0.5]}
    text = write_report(record, tmp_path).read_text(encoding="utf-8")
    claims = len(example_record()["claims"])
    assert text.count('<details class="claim"') == claims
    first = text[text.index('id="claim-1"') : text.index('id="claim-2"')]
    assert [name for name in ("model 0", "model 1", "model 2") if name in first] == [
        "model 0", "model 1", "model 2",
    ]  # fmt: skip
    heads = re.findall(r">Seed (\d+)<", first)
    assert heads == ["7", *map(str, SEEDS)]
    row = re.search(r"the effect that decides</th>.*?</tr>", first).group(0)
    assert re.findall(r'<td class="n">([^<]*)</td>', row) == ["+0.500", *[MISSING] * 3]


def test_the_page_of_a_run_that_was_stopped_says_so_first(tmp_path):
    record = example_record()
    record["environment"]["partial"] = "stopping after <1> failures; 2 of 6 tests ran"
    head = write_report(record, tmp_path).read_text().split("<main>")[0]
    assert "It is a part of a run: stopping after &lt;1&gt; failures; 2 of 6 tests ran." in head
