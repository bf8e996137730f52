"""The chapters on theory: what they say of theorems and tables, and what they survive."""

import math
import re
from itertools import pairwise

import pytest

from coupling_bench.report import chapters, claims, practice, theorems, write_report
from coupling_bench.report.chapters import maps, schedules
from coupling_bench.report.grids import Cell, cells, grid
from coupling_bench.report.rows import MOST_POINTS, MOST_ROWS, thinned
from tests.report.example_record import MODEL, TASK
from tests.report.example_theory import example_theory, tables, theorem
from tests.report.test_page import HOSTILE
from tests.report.unpacking import plots

CHAPTERS = ("predictions", "demonstrators", "map", "landscape", "controls", "neighbours")


@pytest.fixture
def record():
    return example_theory()


def page(record, folder):
    return write_report(record, folder).read_text(encoding="utf-8")


def text(record, folder):
    """The page without its scripts."""
    return re.sub(r"<script.*?</script>", "", page(record, folder), flags=re.DOTALL)


def every_value(record, change):
    """The record with ``change`` made to every value of its tables and theorems."""
    rows = {
        name: [{key: change(value) for key, value in row.items()} for row in rows]
        for name, rows in record["tables"].items()
    }
    named = ("theorem", "false", "model")
    found = [
        {key: value if key in named else _flat(change(value)) for key, value in row.items()}
        for row in record["theorems"]
    ]
    return record | {"tables": rows, "theorems": found}


def _flat(value):
    return str(value) if isinstance(value, dict) else value


def numbers_to(value):
    return lambda old: value if isinstance(old, float) else old


CHANGES = {
    "missing": lambda old: None,
    "not a number": numbers_to(math.nan),
    "infinite": numbers_to(math.inf),
    "huge": numbers_to(1.7e308),
    "too large for a float": numbers_to(10**400),
    "negative": numbers_to(-1e308),
    "zero": numbers_to(0.0),
    "text": lambda old: HOSTILE,
    "nested": lambda old: {"a": [old]},
    "true": lambda old: True,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_no_value_breaks_the_page(record, change, tmp_path):
    """Whatever the rows hold, the page is whole, its plots are JSON, and text stays text."""
    changed = every_value(record, change)
    assert isinstance(plots(page(changed, tmp_path)), list)
    said = text(changed, tmp_path)
    assert 'id="environment"' in said
    assert "<img" not in said
    assert not re.search(r"\b(None|nan|inf|Undefined)\b", said)


@pytest.mark.parametrize("name", tables())
def test_each_table_is_shown_by_itself_and_none_of_its_columns_needs_another(name, tmp_path):
    rows = tables()[name]
    assert text({"schema": 1, "tables": {name: rows}}, tmp_path).count("<td") > 1
    for key in rows[0]:
        one = [{key: row.get(key)} for row in rows[:3]]
        less = [{k: v for k, v in row.items() if k != key} for row in rows[:3]]
        chapters.view({"tables": {name: one}})
        chapters.view({"tables": {name: less}})


def test_a_record_without_theory_has_no_chapter_of_it(tmp_path):
    said = text({"schema": 1, "tables": None, "theorems": None}, tmp_path)
    assert not any(f'id="{name}"' in said for name in (*CHAPTERS, "theory", "tables", "practice"))
    assert text({"schema": 1, "tables": {"policies": [], "mine": None}}, tmp_path) == said


def test_a_lone_chapter_is_open_and_several_are_not(record, tmp_path):
    for kept, opened in ((("schedules",), True), (("schedules", "policies"), False)):
        some = record | {"tables": {name: record["tables"][name] for name in kept}}
        chapter = text(some, tmp_path).split('class="chapter" id="neighbours"')[1]
        assert chapter.split("<summary>")[0].rstrip().endswith("<details open>") == opened


def test_the_front_of_many_schedules_is_wide_and_their_weights_read_as_numbers():
    few = tables()["schedules"]
    (front,) = schedules.charts({"tables": {"schedules": few}})
    many = [row | {"schedule": f"joint_0p{n}"} for n in range(1, 10) for row in few[:3]]
    (wide,) = schedules.charts({"tables": {"schedules": many}})
    assert (front.wide, wide.wide) == (False, True)
    assert [one["name"] for one in wide.key][:2] == ["joint 0.1", "joint 0.2"]


def test_every_chapter_is_in_the_navigation(record, tmp_path):
    said = text(record, tmp_path)
    for name in (*CHAPTERS, "practice", "theory", "tables"):
        assert f' id="{name}" aria-labelledby=' in said
        assert f'href="#{name}"' in said
    assert len(re.findall(r'\bid="([^"]+)"', said)) == len(set(re.findall(r'\bid="([^"]+)"', said)))


def test_a_false_statement_is_told_apart_from_a_violated_one(record):
    random, measured = theorems.view(record["theorems"])["groups"]
    states = {
        row["theorem"]: row["mark"][1]
        for group in (random, measured)
        for _, rows in group["parts"]
        for row in rows
    }
    assert random["title"], measured["title"] == ("On random policies", "On measured runs")
    assert [name for name, _ in random["parts"]] == [
        "False as stated", "Statements that must hold",
    ]  # fmt: skip
    assert states["SFT after RL lowers the reward by a constant"] == "false as stated"
    assert states["A statement whose counterexample was lost"] == "not shown to be false"
    assert states["RL raises the SFT loss under the threshold"] == "violated"


def test_checks_of_one_statement_add_up(tmp_path):
    rows = [
        theorem("A", instances=n, least_slack=s, where=f"at {s}") for n, s in ((3, 0.5), (4, 0.1))
    ]
    row = theorems.view(rows)["groups"][0]["parts"][0][1][0]
    assert (row["instances"], row["least_slack"], row["checks"]) == (7, 0.1, 2)
    assert row["where"] == "at 0.1"


def test_claims_are_grouped_by_the_folder_of_their_tests(record, tmp_path):
    groups = claims.groups(claims.view(record["claims"]))
    assert [name for name, _, _ in groups] == [
        "Both orders of the paper", "Controls", "Demonstrators", "Landscape", "Map",
    ]  # fmt: skip
    assert sum(len(found) for _, _, found in groups) == len(record["claims"])
    assert claims.folder({"test": None}) == claims.folder({"test": "suites/test_a.py::b"}) == ""
    assert claims.folder({"test": "../x/suites/a/b/test_c.py::d[e/f]"}) == "a, b"


def test_a_cell_says_the_sign_that_all_seeds_share():
    marks = {(0.1, 0.2): "+", (-0.1,): "−", (0.1, -0.2): "±", (0.0, 0.0): "0", (0.0, 1.0): "±"}
    assert {key: Cell(changes=key).mark for key in marks} == marks


def test_a_guaranteed_sign_is_marked_and_so_is_one_that_was_missed():
    """In words or as numbers; of several seeds, all must be sure and one may miss."""
    rows = [
        {"a": 0, "b": b, "change": change, "sure": said}
        for b, told in enumerate([
            [("rises", 0.1), ("rises", 0.2)], [("falls", -0.1), ("undetermined", 0.1)],
            [("falls", 0.1), ("falls", -0.1)], [(1, 0.1), (1, 0.2)], [(None, 0.1), (0, 0.1)],
        ])
        for said, change in told
    ]  # fmt: skip
    found = cells(rows, "a", "b", "change", sure="sure")
    assert [found[0, b].sure for b in range(5)] == [True, False, True, True, False]
    assert [found[0, b].missed for b in range(5)] == [False, False, True, False, False]


def test_region_and_boundary_run_along_the_right_sides():
    """A region of one cell has four sides; a boundary lies between neighbours alone."""
    found = {
        (row, col): Cell(changes=[1.0], inside=(row, col) == (0, 1), above=row == 0)
        for row in (0, 1)
        for col in (0, 1)
    }
    drawn = grid("", found, [0, 1], [0, 1], 1.0, row_title="", col_title="")
    assert drawn["outline"].count("M") == 4
    middle = {cell["y"] for cell in drawn["cells"]} - {drawn["cells"][0]["y"]}
    ends = {float(end) for end in re.findall(r" ([\d.]+)", drawn["boundary"])}
    assert ends == middle
    assert drawn["boundary"].count("M") == 2
    one = {(0, 0): Cell(changes=[1.0], above=True), (1, 0): Cell(changes=[1.0], above=None)}
    assert not grid("", one, [0, 1], [0], 1.0, row_title="", col_title="")["boundary"]


def test_the_region_of_a_map_is_what_the_record_says_and_its_boundary_where_the_sign_turns():
    """On the example's own rows: the boundary parts the cells by the sign of KL minus epsilon."""
    found = maps.charts({"tables": tables()})
    forward = found[0]
    assert len(forward.grids) == 9
    rows = tables()["map_sft_then_rl"]
    inside = sum(row["must_rise"] for row in rows)
    assert f"{inside} runs where the loss must rise" in forward.says
    assert "it fell in none" in forward.says
    right = sum(row["predicted_sign"] == row["measured_sign"] for row in rows)
    assert f"in {right} of {len(rows)} runs" in forward.says
    assert forward.missed


def test_long_lines_and_tables_are_thinned_out_and_say_so(tmp_path):
    rows = [
        {"model": MODEL, "task": TASK, "run": "sft_then_rl", "seed": 0, "step": step,
         "reward_gain": step / 9e3, "loss_change": (step / 9e3) ** 2}
        for step in range(9000)
    ]  # fmt: skip
    record = {"schema": 1, "tables": {"pareto": rows}}
    chart = next(one for chapter in chapters.view(record) for one in chapter.charts)
    drawn = chart.plot["data"][0]["y"]
    assert len(drawn) == MOST_POINTS
    assert (drawn[0], drawn[-1]) == (0.0, rows[-1]["reward_gain"])
    assert chart.notes[0].startswith(f"{MOST_POINTS} of 9,000 points are drawn")
    said = text(record, tmp_path)
    assert f"{MOST_ROWS} of 9,000 rows, evenly spaced" in said
    assert said.count("<tr>") < MOST_ROWS + 20
    assert len(said) < 400_000


def test_thinning_keeps_the_ends_and_an_even_spacing():
    kept = thinned(range(1000), 10)
    assert (kept[0], kept[-1], len(kept)) == (0, 999, 10)
    assert {after - before for before, after in pairwise(kept)} == {111}
    assert thinned([1, 2], 10) == [1, 2]


def pareto(changes, gains, **of_all):
    return [
        {"run": "sft_then_rl", "seed": seed, "step": step, "loss_change": loss * step / 50,
         "reward_gain": gain * step / 50, **of_all}
        for seed, (loss, gain) in enumerate(zip(changes, gains, strict=True))
        for step in (0, 50)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "gains", "words"),
    [
        ([0.1, 0.3], [0.2, 0.2], "50 more RL steps cost 0.200 (0.100 to 0.300) nats of SFT loss "
                                 "and gain 0.200 reward, over 2 seeds."),
        ([-0.1, -0.3], [-0.2, -0.2], "save 0.200 (0.100 to 0.300) nats of SFT loss and lose 0.200"),
        ([-0.1, 0.3], [0.2, 0.4], "change the SFT loss by +0.100 (−0.100 to +0.300) nats and gain"),
    ],
)  # fmt: skip
def test_the_sentence_says_what_rl_cost_and_gained(changes, gains, words):
    record = {"tables": {"pareto": pareto(changes, gains)}, "curves": []}
    ((_, (sentence,)),) = practice.sentences(record)
    assert words in sentence
    assert "optimum" not in sentence


def test_the_sentence_says_when_to_stop_if_that_was_measured():
    best = [
        {"run": "sft_then_rl", "seed": s, "weight": 0.5, "observed": 30 + s, "predicted": 28.6}
        for s in (0, 1)
    ]
    record = {"tables": {"pareto": pareto([0.1, 0.3], [0.2, 0.2]), "duration": best}, "curves": []}
    ((_, (sentence,)),) = practice.sentences(record)
    assert sentence.endswith(
        "at step 30 to 31 if a nat is worth 0.500 reward; a fit to the run’s first third gives 29."
    )


def test_prices_of_each_seeds_own_are_told_together():
    """The price is each run's own rate of exchange, and half and twice of it."""
    best = [
        {"run": "sft_then_rl", "seed": s, "weight": rate * (1 + s / 10), "observed": 40 / rate}
        for s in (0, 1)
        for rate in (2, 1)
    ]
    record = {"tables": {"pareto": pareto([0.1, 0.3], [0.2, 0.2]), "duration": best}, "curves": []}
    ((_, (sentence,)),) = practice.sentences(record)
    assert sentence.endswith(
        "step 40 if a nat is worth 1.050 (1.000 to 1.100) reward and "
        "step 20 if a nat is worth 2.100 (2.000 to 2.200) reward."
    )


def test_the_other_order_is_told_from_its_curves(record):
    """By the second stage's own steps and ends, whatever the curves hold in between."""
    ((_, told),) = practice.sentences(record)
    other = told[-1]
    curves = [row for row in record["curves"] if row["node"] == "rl_then_sft"]
    mean = sum(row["loss"][0] - row["loss"][-1] for row in curves) / len(curves)
    assert other.startswith("RL then SFT: with these demonstrations, 200 more SFT steps after RL")
    assert f"save {mean:.3f} (" in other
    assert "over 3 seeds. The reward was highest at step 0 of SFT." in other
