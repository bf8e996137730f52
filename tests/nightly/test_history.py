"""The history of records: who changed a verdict, on which machine what took how long."""

import csv
import io
import json
import platform

import numpy as np
import pytest

from coupling_bench import environment
from coupling_bench.nightly import archive, band, history, machines, page, summary
from coupling_bench.nightly.evidence import pool
from coupling_bench.nightly.machines import machine
from tests.example_nights import claim, drawn, record

NEWER = {"packages": {"trl": "1.17.0", "torch": "2.13.0"}}


def nights(*effects, at=None, **environment):
    """A night an effect, three seeds around it; from night ``at`` on with another environment."""
    return [
        record(
            [claim("<b>A</b>", [e - 0.005, e, e + 0.005], range(3))],
            night,
            **(environment if at is not None and night >= at else {}),
        )
        for night, effect in enumerate(effects)
        for e in [effect]
    ]


def reference(mean=0.5, spread=0.01):
    values = mean + spread * np.linspace(-1.6, 1.6, 12)
    return pool([record([claim("<b>A</b>", values, range(101, 113))])])


def test_the_first_commit_of_a_changed_verdict_is_named_with_the_versions_that_changed_with_it():
    found = history.build(nights(0.5, 0.5, 0.5, -0.5, -0.5, at=3, **NEWER), [])
    (change,) = found.changes
    assert (change.night, change.last) == (3, 2)
    assert (change.before, change.after) == ("supported", "refuted")
    assert change.versions == ["trl 1.16.0 -> 1.17.0"]
    told = summary.summary(found)
    assert f"{3:040x}"[:10] in told and "trl 1.16.0" in told


def test_a_flip_within_the_reference_band_is_counted_and_is_no_change():
    found = history.build(nights(0.04, 0.025, 0.04), [], reference(0.035))
    assert [change.within for change in found.changes] == [True, True]
    assert "No verdict changed beyond its reference's band" in summary.summary(found)
    assert "No verdict changed" in page.render(found)


def verdicts(*told, effects=None, recipes=None):
    """A night a verdict (None: the claim was not measured), as if its effect were 0.5."""
    found = []
    for night, verdict in enumerate(told):
        effect = effects[night] if effects else 0.5
        row = claim("<b>A</b>", [effect - 0.005, effect, effect + 0.005], range(3))
        row |= {"verdict": verdict, "recipe": recipes[night] if recipes else "abc"}
        found.append(record([row] if verdict else drawn(range(3), claims=1), night))
    return found


@pytest.mark.parametrize(
    ("told", "changes"),
    [
        ("SSSS", []),
        ("SSRR", [(1, 2, "S", "R")]),
        ("SRRS", [(0, 1, "S", "R"), (2, 3, "R", "S")]),
        ("SRIS", [(0, 1, "S", "R"), (1, 2, "R", "I"), (2, 3, "I", "S")]),
        ("S--RR", [(0, 3, "S", "R")]),
        ("-S-S", []),
        ("--SSR-", [(3, 4, "S", "R")]),
    ],
)
def test_each_change_has_the_last_night_before_and_the_first_after_it(told, changes):
    words = {"S": "supported", "R": "refuted", "I": "inconclusive", "-": None}
    found = history.build(verdicts(*map(words.get, told)), [])
    assert [(c.last, c.night, c.before, c.after) for c in reversed(found.changes)] == [
        (last, night, words[before], words[after]) for last, night, before, after in changes
    ]


def test_a_verdict_that_another_recipe_or_a_requirement_changed_is_no_flip_within_the_band():
    by_need = verdicts("supported", "not applicable", "supported")
    by_recipe = verdicts("supported", "inconclusive", recipes=["former", "abc"])
    of_former = verdicts("supported", "inconclusive", "inconclusive", recipes=["a", "a", "abc"])
    by_chance = verdicts("supported", "inconclusive")
    found = [history.build(n, [], reference()) for n in (by_need, by_recipe, of_former, by_chance)]
    within = [[change.within for change in one.changes] for one in found]
    assert within == [[False, False], [False], [False], [True]]
    assert [change.recipe for one in found for change in one.changes] == [0, 0, 1, 0, 0]


def test_nights_of_another_recipe_are_not_measured_by_the_newest_recipes_band():
    nights = verdicts(
        *["supported"] * 4, effects=[0.9, 0.9, 0.8, 0.8], recipes=[*"aa", "abc", "abc"]
    )
    (line,) = history.build(nights, [], reference()).outside()
    assert line.outside_since == 2
    assert history.build(nights[:3], [], reference()).outside() == []


@pytest.mark.parametrize(
    ("effects", "since"),
    [([0.5, 0.8, 0.8], 1), ([0.8, 0.5, 0.8, 0.8], 2), ([0.2, 0.8, 0.2], 0), ([0.8, 0.5], None)],
)
def test_the_nights_outside_are_those_in_a_row_up_to_now(effects, since):
    (line,) = history.build(nights(*effects), [], reference()).lines
    assert line.outside_since == since


def test_an_effect_that_left_its_band_is_named_with_the_first_night_of_it():
    found = history.build(nights(0.5, 0.5, 0.8, 0.81, at=2, **NEWER), [], reference())
    (line,) = found.outside()
    assert line.outside_since == 2
    assert not found.changes  # its verdict stands
    assert "trl 1.16.0 -\\> 1.17.0" in summary.summary(found)


def test_nights_of_another_zone_of_time_stand_in_their_place():
    night, later = nights(0.5, 0.5)
    later["created"] = "2026-01-01T23:30:00-05:00"  # 04:30 UTC of January 2
    night["created"] = "2026-01-02T03:00:00+00:00"
    assert archive.moment(night) < archive.moment(later)
    assert night["created"] > later["created"]


def test_times_are_kept_apart_by_machine_and_only_of_what_was_trained():
    def stages(seconds, **reused):
        return [
            {"node": "sft", "model": "embedded", "task": "grammar", "seed": seed,
             "wall_seconds": seconds + seed, "reused": False, **reused}
            for seed in range(3)
        ]  # fmt: skip

    records = [
        record(drawn(range(3)), 0, stages=stages(10)),
        record(drawn(range(3)), 1, stages=stages(20), cpu="faster"),
        record(drawn(range(3)), 2, stages=stages(30, reused=True)),
    ]
    found = history.build(records, [])
    assert [(times.machine, times.points) for times in found.times] == [
        (machine(records[0]), [(0, 11.0)]),
        (machine(records[1]), [(1, 21.0)]),
    ]


def test_what_tells_machines_apart_is_recorded_by_every_run_and_is_no_name_of_one():
    found = environment.describe()
    assert set(machines.PARTS) <= set(found) and found["memory_gib"] >= 1
    assert platform.node() not in json.dumps(found)


@pytest.mark.parametrize("part", ["cpu", "cores", "memory_gib", "gpus", "platform"])
def test_machines_differ_by_hardware_and_by_nothing_else(part):
    one = record([], commit="a", python="3.11")
    assert machine(one) == machine(record([], 5, commit="b", python="3.13", seconds=9))
    assert machine(one) != machine(record([], **{part: ["another"]}))


def test_a_claim_that_is_no_longer_measured_and_files_left_out_are_on_page_and_in_summary():
    records = [*nights(0.5, 0.5), record(drawn(range(3)), 2)]
    found = history.build(records, ["half.json: not JSON: damaged, or no record"])
    assert [line.key[3] for line in found.gone()] == ["<b>A</b>"]
    for text in (page.render(found), summary.summary(found)):
        assert "half.json" in text and "o longer measured" in text


def test_text_of_records_is_escaped_on_the_page():
    text = page.render(history.build(nights(0.5, -0.5), []))
    assert "<b>A</b>" not in text and "&lt;b&gt;A&lt;/b&gt;" in text


def test_the_page_is_one_file_that_loads_nothing():
    text = page.render(history.build(nights(0.5, -0.5), []))
    assert "src=" not in text and "default-src 'none'" in text
    assert "://" not in text


def test_the_csv_has_each_effect_and_each_time_of_each_night():
    stage = {"node": "sft", "model": "m", "task": "t", "wall_seconds": 2.5, "reused": False}
    records = [record(drawn(range(3), claims=2), k, stages=[stage]) for k in range(4)]
    rows = list(csv.DictReader(io.StringIO(summary.table(history.build(records, [])))))
    assert len([row for row in rows if row["kind"] == "effect"]) == 8
    assert [row["value"] for row in rows if row["kind"] == "seconds"] == ["2.5"] * 4


def test_numbers_that_are_none_and_a_single_night_are_drawn_without_failing():
    odd = claim("odd", [0.1, 0.1, 0.1], range(3)) | {"effect": None}
    one_seed = claim("one", [0.1], [0])
    one_seed["interval"] = [None, None]
    found = history.build([record([odd, one_seed])], [])
    assert len(found.lines) == 1 and "its effect is no number" in found.left_out[0]
    assert "NaN" not in page.render(found) and "inf" not in summary.table(found)


def test_a_stages_time_is_the_median_of_its_seeds():
    stages = [
        {"node": "sft", "model": "m", "task": "t", "wall_seconds": s, "reused": False}
        for s in (1.0, 2.0, 30.0)
    ]
    (times,) = history.build([record([], stages=stages)], []).times
    assert times.points == [(0, 2.0)]


def test_bands_need_twelve_seeds_of_the_newest_recipe_and_are_shared_by_all_quantities():
    draw = np.random.default_rng(0)
    night, theirs = record(drawn(range(3), claims=4)), drawn(range(101, 113), claims=4, draw=draw)
    lines = history.build([night], [], pool([record(theirs)])).lines
    assert [line.band for line in lines] == [
        pytest.approx(band.predicted(row["per_seed"], 3, 4)) for row in theirs
    ]
    wider = [b[1] - b[0] for b in (band.predicted(theirs[0]["per_seed"], 3, k) for k in (4, 1))]
    assert wider[0] > wider[1]
    few = drawn(range(101, 112), claims=4, draw=draw)
    former = [row | {"recipe": "former"} for row in theirs]
    for other in (few, former):
        assert not any(
            line.band for line in history.build([night], [], pool([record(other)])).lines
        )


def test_a_single_night_outside_is_not_named_and_margins_of_equality_are_two():
    found = history.build(nights(0.5, 0.8), [], reference())
    assert found.lines[0].outside_since == 1 and found.outside() == []
    equal = claim("E", [0.0, 0.0, 0.0], range(3), direction="equal_within", margin=0.02)
    (line,) = history.build([record([equal])], []).lines
    assert line.margins == [-0.02, 0.02]


def test_a_claim_is_gone_where_its_setting_was_measured_without_it_and_not_else():
    last = record(drawn(range(3), claims=1, task="cola"), 2)
    assert history.build([*nights(0.5, 0.5), last], []).gone() == []


def test_a_change_on_another_machine_says_so():
    found = history.build(nights(0.5, -0.5, at=1, cores=64), [])
    assert found.changes[0].versions == [
        "machine: example, 2 cores, 8 GiB -> example, 64 cores, 8 GiB"
    ]
