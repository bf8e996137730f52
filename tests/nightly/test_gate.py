"""The gate: what counts as a change, what is missing, and that each has a status of its own."""

from dataclasses import replace

import numpy as np
import pytest

from coupling_bench.nightly.evidence import pool
from coupling_bench.nightly.findings import WORDS, Kind, Reference
from coupling_bench.nightly.gate import compare
from tests.example_nights import claim, drawn, record

THEIRS, OURS = range(101, 113), range(3)


def theorem(name, outcome="passed"):
    return {
        "theorem": name, "test": f"suites/theory/test_{name}.py::test_{name}", "model": None,
        "outcome": outcome, "message": f"VIOLATED: {name}",
    }  # fmt: skip


def reference(claims, accepted=None, theorems=()):
    seeds = pool([record(claims, theorems=theorems)])
    return Reference(accepted=pool([record(accepted)]) if accepted else seeds, seeds=seeds)


def kinds(found):
    return {finding.kind for finding in found.findings}


def found(name, comparison):
    return next(row for row in comparison.rows if row.key[3] == name)


def test_a_run_on_other_seeds_of_the_same_training_is_as_before():
    draw = np.random.default_rng(1)
    result = compare(reference(drawn(THEIRS, draw=draw)), pool([record(drawn(OURS, draw=draw))]))
    assert result.status is Kind.FINE and not result.findings
    assert all(row.band is not None for row in result.rows) and len(result.rows) == 20


def test_an_effect_outside_its_band_is_drift_while_its_verdict_stands():
    draw = np.random.default_rng(1)
    run = drawn(OURS, shift=12, draw=draw)
    result = compare(reference(drawn(THEIRS, draw=draw)), pool([record(run)]))
    (finding,) = result.findings
    assert (finding.kind, finding.what) == (Kind.DRIFT, "claim_0")


def test_a_verdict_that_changed_with_its_effect_is_a_verdict_change_and_not_drift_alone():
    draw = np.random.default_rng(1)
    run = drawn(OURS, shift=-12, draw=draw)
    result = compare(reference(drawn(THEIRS, draw=draw)), pool([record(run)]))
    (finding,) = result.findings
    assert finding.kind is Kind.VERDICT
    assert finding.text.startswith("was supported, is refuted")


def test_a_verdict_that_differs_within_the_band_is_shown_and_is_no_finding():
    """Three seeds near the margin: their interval is wide, and says nothing of the code."""
    draw = np.random.default_rng(2)
    old, run = drawn(THEIRS, draw=draw), drawn(OURS, draw=draw)
    old[0] = claim("claim_0", np.linspace(0.021, 0.041, 12), THEIRS)
    run[0] = claim("claim_0", [0.024, 0.038, 0.029], OURS)
    result = compare(reference(old), pool([record(run)]))
    row = found("claim_0", result)
    assert (row.before, row.after) == ("supported", "inconclusive")
    assert result.status is Kind.FINE and row.status == "noise"
    assert "all 15 seeds together: supported" in row.note


def test_what_a_claim_presupposes_is_watched_like_its_effect_and_counted_once():
    def needing(claims, values):
        need = {"name": "the reward rose", "per_seed": values, "met": True}
        return [row | {"requires": [need]} for row in claims]

    draw = np.random.default_rng(3)
    old = needing(drawn(THEIRS, draw=draw), draw.normal(1, 0.1, 12).tolist())
    run = needing(drawn(OURS, draw=draw), [0.01, 0.0, 0.02])
    run[1] |= {"verdict": "not applicable"}
    result = compare(reference(old), pool([record(run)]))
    assert found("claim_1", result).kind is Kind.VERDICT
    assert found("claim_0", result).kind is Kind.DRIFT
    assert "the reward rose" in found("claim_0", result).note
    assert found("claim_0", result).band.p_mean > 0.02


@pytest.mark.parametrize("values", [[], [0.9, None, 1.1], [0.9, float("nan"), 1.1], [1.0]])
def test_a_requirement_without_a_number_for_each_seed_is_missing_and_no_noise(values):
    """Its verdict would be "not applicable", and look like a flip within the band."""
    draw = np.random.default_rng(3)

    def needing(claims, values):
        return [row | {"requires": [{"name": "it rose", "per_seed": values}]} for row in claims]

    old = needing(drawn(THEIRS, draw=draw), draw.normal(1, 0.1, 12).tolist())
    run = drawn(OURS, draw=draw)
    run = [row | {"verdict": "not applicable"} for row in needing(run[:1], values)] + needing(
        run[1:], [0.9, 1.0, 1.1]
    )
    result = compare(reference(old), pool([record(run)]))
    (finding,) = result.findings
    assert (finding.kind, finding.what) == (Kind.MISSING, "claim_0")
    assert "it rose" in finding.text


def test_no_data_is_never_silent():
    draw = np.random.default_rng(4)
    ref = reference(drawn(THEIRS, draw=draw), theorems=[theorem("T"), theorem("gone")])
    run = [*drawn(OURS, draw=draw)[1:], claim("another", [0.3, 0.31, 0.32], OURS)]
    result = compare(ref, pool([record(run, theorems=[theorem("T")])]))
    assert result.status is Kind.MISSING
    assert {finding.what for finding in result.findings} == {"claim_0", "Theorem: gone"}
    assert result.notes == ["New, or without a reference's seeds, and not compared: another"]
    assert compare(ref, pool([])).status is Kind.MISSING
    assert compare(ref, pool([record([])])).status is Kind.MISSING


@pytest.mark.parametrize(
    ("old", "run", "sentence"),
    [
        ({}, {"recipe": "other"}, "measured with another recipe (other) than the reference (abc)"),
        ({}, {"per_seed": [0.1, None, 0.1]}, "its effects are [0.1, None, 0.1], needed one finite"),
        ({}, {"per_seed": [0.1, float("nan"), 0.1]}, "needed one finite number for each of"),
        ({}, {"per_seed": []}, "its effects are [], needed one finite number"),
        ({"seeds": range(12)}, {}, "the reference has 9 seeds besides the 3 that are the run's"),
        ({"seeds": range(101, 112)}, {}, "the reference has 11 seeds, needed 12"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_says_why_in_one_sentence(old, run, sentence):
    seeds = old.get("seeds", THEIRS)
    draw = np.random.default_rng(5)
    told = [row | run for row in drawn(OURS, draw=draw)]
    result = compare(reference(drawn(seeds, draw=draw)), pool([record(told)]))
    (finding,) = result.findings
    assert finding.kind is Kind.MISSING and sentence in finding.text
    assert finding.what.count(";") == 19  # all claims, under one sentence


@pytest.mark.parametrize("change", ["model", "task", "scale"])
def test_another_model_task_or_scale_has_nothing_to_be_compared_with(change):
    draw = np.random.default_rng(6)
    run = drawn(OURS, draw=draw, **{change: "another"})
    result = compare(reference(drawn(THEIRS, draw=draw)), pool([record(run)]))
    assert result.status is Kind.MISSING
    told = next(finding.text for finding in result.findings if finding.what == "the run")
    assert "another" in told and "embedded on grammar, small" in told


def test_another_processor_than_the_references_is_a_note():
    ref, run = reference(drawn(THEIRS)), drawn(OURS)
    same, other = (compare(ref, pool([record(run, cpu=cpu)])) for cpu in ("example", "another"))
    assert not same.notes
    (note,) = other.notes
    assert note.startswith("Trained on another; the reference on example: another processor rounds")


def test_a_theorem_that_breaks_is_a_change_and_one_that_was_broken_before_is_a_note():
    draw = np.random.default_rng(7)
    old, run = drawn(THEIRS, draw=draw), drawn(OURS, draw=draw)
    ref = reference(old, theorems=[theorem("A"), theorem("B", "failed")])
    now = [theorem("A", "failed"), theorem("B", "failed")]
    result = compare(ref, pool([record(run, theorems=now)]))
    assert [(f.kind, f.what) for f in result.findings] == [(Kind.VERDICT, "Theorem: A")]
    assert result.notes == ["Theorems that the reference breaks too: B"]


def test_a_claim_whose_test_broke_down_is_infrastructure_and_not_a_missing_claim():
    draw = np.random.default_rng(8)
    run = drawn(OURS, draw=draw)[1:]
    broken = {"suites/test_claim_0.py::test_claim_0[embedded]": "CUDA out of memory"}
    result = compare(reference(drawn(THEIRS, draw=draw)), pool([record(run)]), broken)
    assert kinds(result) == {Kind.INFRASTRUCTURE}
    assert "CUDA out of memory" in found("claim_0", result).note


def test_of_several_failures_the_worst_is_the_status_and_all_are_there():
    draw = np.random.default_rng(9)
    run = drawn(OURS, shift=-12, draw=draw)[:-1]
    run[5] = claim("claim_5", [5.0, 5.1, 5.2], OURS)
    result = compare(
        reference(drawn(THEIRS, draw=draw)),
        pool([record(run)], ["record.json: not JSON: damaged, or no record"]),
    )
    assert result.status is Kind.INFRASTRUCTURE
    assert [f.kind for f in result.findings] == sorted(kinds(result), reverse=True)
    assert kinds(result) == {Kind.INFRASTRUCTURE, Kind.MISSING, Kind.VERDICT, Kind.DRIFT}
    assert len({int(kind) for kind in Kind} | {1, 2}) == len(Kind) + 2  # 1: crash, 2: usage


def test_the_accepted_verdict_is_the_one_before_and_that_of_another_recipe_is_not():
    draw = np.random.default_rng(10)
    old, run = drawn(THEIRS, draw=draw), drawn(OURS, draw=draw)
    accepted = [row | {"verdict": "refuted"} for row in drawn(OURS, claims=2)]
    accepted[1]["recipe"] = "former"
    result = compare(reference(old, accepted), pool([record(run)]))
    assert found("claim_0", result).before == "refuted"
    assert found("claim_1", result).before == "supported"


def test_several_nights_are_judged_by_all_their_seeds():
    draw = np.random.default_rng(11)
    nights = [record(drawn(range(3 * k, 3 * k + 3), draw=draw), k) for k in range(3)]
    result = compare(reference(drawn(THEIRS, draw=draw)), pool(nights))
    assert result.status is Kind.FINE
    assert all(len(row.new.values) == 9 for row in result.rows)
    assert any("The run is 3 records" in note for note in result.notes)


def test_stages_from_a_store_are_said_to_be_older_than_the_run():
    draw = np.random.default_rng(12)
    ref, run = reference(drawn(THEIRS, draw=draw)), drawn(OURS, draw=draw)
    notes = compare(ref, pool([record(run, reused=152)])).notes
    assert any("152 stages came from a store" in note for note in notes)


def test_words_and_statuses_are_told_apart():
    assert len(set(WORDS.values())) == len(Kind)


def test_what_was_accepted_in_a_folder_without_reference_seeds_is_named_and_not_asked_for():
    """A folder that has them is asked for all that was accepted there."""
    draw = np.random.default_rng(1)
    known = drawn(THEIRS, draw=draw)
    mapped = claim("M", [1.0, 2.0, 3.0], OURS) | {"test": "suites/map/test_m.py::test_m"}
    gone = claim("G", [1.0, 2.0, 3.0], OURS) | {"test": known[0]["test"]}
    run = drawn(OURS, draw=draw)
    for night in ([*run], [*run, mapped]):
        result = compare(reference(known, [*known, mapped, gone]), pool([record(night)]))
        (finding,) = result.findings
        assert (finding.kind, finding.what) == (Kind.MISSING, "G")
        assert any("not asked: suites/map" in note for note in result.notes)


def test_what_was_accepted_and_the_reference_could_not_measure_is_named_and_not_compared():
    """Where some of its seeds had nothing to measure, say. It must not vanish all the same."""
    draw = np.random.default_rng(1)
    known = drawn(THEIRS, draw=draw)
    alone = claim("A", [1.0, 2.0, 3.0], OURS) | {"test": known[0]["test"]}
    with_it = [*drawn(OURS, draw=draw), alone]
    result = compare(reference(known, [*known, alone]), pool([record(with_it)]))
    assert result.status is Kind.FINE and found("A", result).status == "new"
    assert any("not compared: A" in note for note in result.notes)


def test_theorems_of_the_references_seeds_are_due_where_their_model_ran():
    draw = np.random.default_rng(13)
    of_other = theorem("of another model") | {"model": "another"}
    seeds = pool([record(drawn(THEIRS, draw=draw), theorems=[theorem("due"), of_other])])
    ref = Reference(accepted=pool([record(drawn(OURS, draw=draw))]), seeds=seeds)
    run = pool([record(drawn(OURS, draw=draw))])
    assert [finding.what for finding in compare(ref, run).findings] == ["Theorem: due"]
    broken = {theorem("due")["test"]: "out of memory"}
    (finding,) = compare(ref, run, broken).findings  # not missing too
    assert finding.kind is Kind.INFRASTRUCTURE


def test_a_damaged_file_of_the_reference_is_infrastructure():
    draw = np.random.default_rng(14)
    good, run = record(drawn(THEIRS, draw=draw)), pool([record(drawn(OURS, draw=draw))])
    for accepted, seeds in ((["a: damaged"], []), ([], ["a: damaged"])):
        ref = Reference(accepted=pool([good], accepted), seeds=pool([good], seeds))
        assert compare(ref, run).status is Kind.INFRASTRUCTURE


def test_settings_with_accepted_verdicts_alone_are_named_and_not_asked_for():
    draw = np.random.default_rng(15)
    accepted = [*drawn(OURS, draw=draw), *drawn(OURS, task="cola", draw=draw)]
    ref = reference(drawn(THEIRS, draw=draw), accepted)
    result = compare(ref, pool([record(drawn(OURS, draw=draw))]))
    assert result.status is Kind.FINE and len(result.rows) == 20
    assert result.notes == [
        "Accepted without a reference's seeds, and not asked: suites (embedded on cola, small)"
    ]
    nothing = compare(ref, pool([record([])]))  # grammar was asked for, and is no note
    assert nothing.status is Kind.MISSING and nothing.notes == result.notes


def test_quantities_with_too_small_a_share_of_the_level_are_missing_with_the_seeds_they_need():
    draw = np.random.default_rng(16)
    old = drawn(THEIRS, draw=draw)
    run = [*drawn(OURS, claims=1, draw=draw), *drawn(range(5), draw=draw)[1:]]
    result = compare(reference(old), pool([record(run)]))
    (finding,) = result.findings
    assert (finding.kind, finding.what) == (Kind.MISSING, "claim_0")
    assert "too few for any alarm at this level. Run more: --seeds 5" in finding.text


def test_a_strange_seed_is_a_note_and_no_finding():
    draw = np.random.default_rng(17)
    old, run = drawn(THEIRS, draw=draw), drawn(OURS, draw=draw)
    run[3] = claim("claim_3", [0.4, 0.41, 9.0], OURS)
    result = compare(reference(old), pool([record(run)]))
    assert result.status is Kind.FINE
    assert "one seed lies far from the reference's" in found("claim_3", result).note


def test_a_requirement_that_few_of_the_references_seeds_have_is_not_compared():
    draw = np.random.default_rng(18)
    need = {"requires": [{"name": "it rose", "per_seed": [1.0, 1.1, 1.2]}]}
    theirs = [record(drawn(range(101, 113), draw=draw)),
              record([row | need for row in drawn(range(113, 116), draw=draw)], 1)]  # fmt: skip
    far = {"requires": [{"name": "it rose", "per_seed": [99.0, 99.1, 99.2]}]}
    run = pool([record([row | far for row in drawn(OURS, draw=draw)], 2)])
    seeds = pool(theirs)
    assert compare(Reference(accepted=seeds, seeds=seeds), run).status is Kind.FINE


def test_seeds_of_another_recipe_do_not_add_up_and_the_smallest_record_is_a_nights_size():
    former = record(drawn(range(201, 213), recipe="former"))
    several = [record(drawn(range(101, 113)), 1), record(drawn(range(3)), 2)]
    evidence = next(iter(pool([former, *several]).claims.values()))
    assert sorted(evidence.values) == [0, 1, 2, *range(101, 113)]
    assert (evidence.records, evidence.fewest) == (2, 3)


def test_claims_of_one_sentence_are_told_apart_by_their_tests():
    rows = [claim("A", [0.1, 0.2, 0.3], OURS), claim("A", [0.4, 0.5, 0.6], OURS, test="other")]
    assert [key[3] for key in pool([record(rows)]).claims] == [
        "A (suites/test_A.py::test_A[embedded])", "A (other)",
    ]  # fmt: skip


@pytest.mark.parametrize("other", ["node", "model", "task"])
def test_the_stages_of_a_claim_are_those_of_its_nodes_model_and_task(other):
    mine = {"node": "sft", "model": "embedded", "task": "grammar", "spec": "SFTSpec-0"}
    stages = [mine, mine | {"spec": "SFTSpec-1", other: "another"}]
    evidence = next(iter(pool([record(drawn(OURS), stages=stages)]).claims.values()))
    assert evidence.stages == ["SFTSpec-0"]


def test_a_folder_that_the_run_was_not_asked_for_is_missing_until_it_is_said():
    draw = np.random.default_rng(5)
    old, run = drawn(THEIRS, draw=draw), drawn(OURS, draw=draw)
    old[0] = old[0] | {"test": "suites/prior/test_claim_0.py::test_claim_0[embedded]"}
    told_of = theorem("prior") | {"test": "suites/prior/test_prior.py::test_prior"}
    asked = reference(old, theorems=[told_of])
    strict = compare(asked, pool([record(run[1:])]))
    assert any("Theorem" in finding.what for finding in strict.findings)
    assert strict.status is Kind.MISSING
    assert "say that the run was not asked for it: --without suites/prior" in str(strict.findings)
    told = compare(replace(asked, without=frozenset({"suites/prior"})), pool([record(run[1:])]))
    assert told.status is Kind.FINE
    assert "Not asked of this run, and not compared: suites/prior" in told.notes
    assert len(told.rows) == len(run) - 1
