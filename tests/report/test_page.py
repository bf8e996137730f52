"""The page of a record: what it says, and what it survives."""

import re
import subprocess
import sys

import pytest

from coupling_bench.report import write_report
from coupling_bench.report.panels import describe, panels
from tests.report.example_record import SEEDS, TASK, claim, example_record
from tests.report.unpacking import plots

HOSTILE = (
    "</noscript></script><script>document.title='taken'</script>"
    "<img src=x onerror=alert(1)>\"'{{ 7*7 }}"
)


@pytest.fixture
def record():
    return example_record()


@pytest.fixture
def page(tmp_path):
    """A function from a record to its page, without its scripts."""

    def write(record):
        text = write_report(record, tmp_path).read_text(encoding="utf-8")
        return re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)

    return write


def hostile(value):
    """A record whose every text, names of the schema aside, tries to break out of the page."""
    if isinstance(value, dict):
        kept = {"verdict", "direction", "node", "pipeline", "split", "accepted", "created"}
        return {
            HOSTILE * 3 if key == TASK else key: v if key in kept else hostile(v)
            for key, v in value.items()
        }
    if isinstance(value, list):
        return [hostile(item) for item in value]
    return HOSTILE * 3 if isinstance(value, str) else value


def nulls(value):
    """A record whose every measured number is missing."""
    if isinstance(value, dict):
        kept = {"schema", "margin", "seeds", "seed", "steps"}
        return {key: v if key in kept else nulls(v) for key, v in value.items()}
    if isinstance(value, list):
        return [nulls(item) for item in value]
    return None if isinstance(value, float) else value


def test_another_schema_is_refused_in_one_sentence(record, tmp_path):
    with pytest.raises(ValueError, match=r"schema 2, and this version .* reads schema 1 only"):
        write_report(record | {"schema": 2}, tmp_path)
    assert not any(tmp_path.iterdir())


def test_the_page_is_one_file_and_replaces_the_one_before(record, tmp_path):
    folder = tmp_path / "made" / "for it"
    assert write_report(record, folder) == write_report(record, folder) == folder / "index.html"
    assert [path.name for path in folder.iterdir()] == ["index.html"]


def test_importing_the_report_loads_no_library():
    code = "import sys, coupling_bench.report as _; print({'plotly', 'jinja2'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_the_answer_counts_the_verdicts(record, page):
    text = page(record)
    assert "This run tested 5 claims on model example model and task grammar" in text
    assert (
        "1 supported, 1 refuted, 1 inconclusive, 1 not applicable and 1 without a verdict" in text
    )
    assert "One refuted claim has the whole interval on the other side of zero." in text


def test_several_models_are_answered_one_by_one(record, page):
    record["claims"].append(claim("Again", "supported", 0.3, model="second", task="sums"))
    record["curves"] += [row | {"model": "second"} for row in record["curves"]]
    text = page(record)
    assert "This run tested 6 claims on 2 pairs of model and task" in text
    assert "On second and sums: 1 supported." in text
    assert len(re.findall(r'class="plot" id="figure-', text)) == 4


def test_effects_stand_with_interval_unit_and_margin(record, page):
    text = page(record)
    assert "[+0.352, +0.472]" in text
    assert "(\u2212\u221e, \u221e)" in text
    assert "within ±0.050" in text
    assert "An effect of this size would take 9 seeds." in text
    assert "accepted in the reference" in text
    assert "the reference accepts: supported" in text and "from chance" not in text
    for row in record["claims"]:
        row["outcome"] = "xfailed"
    assert "the reference accepts: supported, not told from chance" in page(record)


def test_every_table_has_a_caption_and_every_heading_cell_a_scope(record, page):
    text = page(record)
    assert text.count("<table") == text.count("<caption")
    assert all("scope=" in cell for cell in re.findall(r"<th\b[^>]*>", text))


def test_the_constant_answer_is_a_row_of_every_split_whose_majority_is_known(record, page):
    def rows():
        found = re.findall(r'<tr class="constant">.*?</tr>', page(record), re.DOTALL)
        return [re.findall(r"\d\.\d+", row) for row in found]

    held_out = ["0.400", "0.000", "0.500", "0.700", "0.400", "0.400"]
    assert rows() == [held_out]
    record["constants"][TASK]["majority_reward_out_of_domain"] = 0.2
    assert rows() == [held_out, ["0.200", "0.000", "0.500", "0.600", "0.200", "0.200"]]


def test_each_kind_of_sentence_has_its_accuracy_after_every_stage(page, record):
    text = page(record)
    rows = re.findall(r'<tr><th scope="row">(?:word order|reflexive)<small>.*?</tr>', text)
    assert [row.count("0.820<small>0.740</small>") for row in rows] == [2, 2]


def test_a_panel_has_a_line_for_each_seed_and_stage_and_the_known_levels(record):
    loss, reward = panels(record)
    assert [(line.seed, line.stage) for line in loss.lines] == [
        (seed, stage) for seed in SEEDS for stage in ("sft", "rl")
    ]
    assert [level.name for level in loss.levels] == ["base model", "L*, lowest reachable"]
    assert [level.name for level in reward.levels][1:] == ["J_D, demonstrator", "majority answer"]
    assert loss.boundary == reward.boundary == 200
    assert re.search(r"Mean over the seeds: 2\.\d+ at the start, 0\.\d+ after SFT", describe(loss))


@pytest.mark.parametrize("trainer", ["rloo", "dpo"])
def test_each_trainer_that_learns_from_the_verifier_has_panels_of_its_own(record, page, trainer):
    """The second stage in the colour of RL, under the trainer's own name."""
    renamed = [
        {**row, "pipeline": row["pipeline"].replace("rl", trainer),
         "node": row["node"].replace("rl", trainer)}
        for row in record["curves"]
    ]  # fmt: skip
    record["curves"] += renamed
    found = panels(record)
    assert [panel.stages for panel in found] == [
        ["sft", "rl"], ["rl", "sft"], ["sft", trainer], [trainer, "sft"],
    ]  # fmt: skip
    assert [line.values for line in found[2].lines] == [line.values for line in found[0].lines]
    text = page(record)
    name = trainer.upper()
    for title in (f"Figure 3a with {name}: SFT then {name}", f"Figure 3b with {name}: {name} then"):
        assert title in text
    key = re.findall(r"--tone: var\(--(\w+)\).*?</svg>(\w+) stage, each seed", text)
    assert [tone for tone, stage in key if stage == name] == ["rl", "rl"]


def test_the_base_level_falls_back_on_the_start_of_the_curves(record):
    record["abilities"] = []
    assert panels(record)[0].levels[0].value == pytest.approx(2.3, abs=0.05)


def test_not_a_number_is_a_gap_and_not_broken_json(record, tmp_path):
    record["curves"][0]["loss"][3] = float("nan")
    text = write_report(record, tmp_path).read_text(encoding="utf-8")
    (figure,) = (plot for plot in plots(text) if plot["id"] == "figure-1")
    first = next(trace for trace in figure["data"] if trace["mode"] == "lines+markers")
    assert [value is None for value in first["y"]].index(True) == 3


@pytest.mark.parametrize("part", ["claims", "stages", "curves", "abilities", "completions"])
def test_an_empty_part_leaves_no_heading(record, page, part):
    text = page(record | {part: []})
    assert f'id="{part}"' not in text
    assert f'href="#{part}"' not in text
    assert 'id="environment"' in text


def test_an_empty_record_still_makes_a_page(page):
    text = page({"schema": 1})
    assert "This run tested no claim." in text
    assert "<table" not in text


def test_missing_numbers_are_dashes(record, page):
    text = page(nulls(record))
    assert not re.search(r"\b(None|nan|Undefined)\b", text)


def test_text_of_a_record_stays_text(record, page):
    text = page(hostile(record))
    assert "<img" not in text
    assert "{{ 7*7 }}" in text
    assert "document.title" in text
