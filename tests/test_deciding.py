"""What pytest is told: every verdict, with and without an accepted one."""

import numpy as np
import pytest

from coupling_bench.claims import Claim
from coupling_bench.deciding import decide, failure
from coupling_bench.fingerprint import address
from coupling_bench.pipelines import NODES
from coupling_bench.requirements import Measured, Requirement
from coupling_bench.statistics import student_interval
from tests.tiny import recipe

RISE, FALL, NOISE = [0.30, 0.31, 0.29], [-0.30, -0.31, -0.29], [0.5, -0.4, 0.02]


def requirement(values, **bounds):
    measured = None
    if values is not None:
        measured = Measured(interval=student_interval(values), per_seed=tuple(values))
    return Requirement(
        name="the reward rose",
        unit="reward",
        nodes=("sft",),
        measure=lambda runs: measured,
        **bounds,
    )


def told(differences, accepted=None, scale="small", requires=(), undecided="", **options):
    claim = Claim(
        sentence="A raises B", cites="v1, Theorem 3.1", direction="increase_by", margin=0.02,
        unit="nats/sequence", requires=tuple(requires), undecided=undecided,
    )  # fmt: skip
    return decide(
        claim, np.array(differences), runs=None, seeds=range(len(differences)), scale=scale,
        accepted=accepted, **options,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("differences", "accepted", "outcome", "starts"),
    [
        (RISE, None, "passed", "SUPPORTED: A raises B (v1, Theorem 3.1). effect = +0.3000"),
        (RISE, "supported", "passed", "SUPPORTED"),
        (RISE, "refuted", "failed", "VERDICT CHANGED: accepted was 'refuted'. SUPPORTED"),
        (FALL, None, "failed", "REVERSED: A raises B"),
        (FALL, "refuted", "xfailed", "REVERSED"),
        (FALL, "supported", "failed", "VERDICT CHANGED: accepted was 'supported'. REVERSED"),
        ([0.01, 0.011, 0.009], None, "failed", "REFUTED"),
        (NOISE, None, "failed", "INCONCLUSIVE"),
        (NOISE, "supported", "failed", "INCONCLUSIVE"),
        ([0.3], None, "failed", "INCONCLUSIVE"),
        ([0.02, 0.02], None, "failed", "INCONCLUSIVE"),
    ],
)
def test_a_verdict_and_the_accepted_one_decide_together(differences, accepted, outcome, starts):
    decision = told(differences, accepted)
    assert decision.outcome == outcome
    assert decision.message.startswith(starts)
    assert decision.record["message"] == decision.message


def test_a_claim_known_to_be_undecided_may_be_inconclusive_and_nothing_else():
    found = {name: told(values, undecided="three seeds scatter") for name, values in
             (("rise", RISE), ("fall", FALL), ("noise", NOISE))}  # fmt: skip
    assert {name: d.outcome for name, d in found.items()} == {
        "rise": "passed", "fall": "failed", "noise": "xfailed",
    }  # fmt: skip
    assert found["noise"].message.endswith("That is known: three seeds scatter.")
    changed = told(NOISE, accepted="supported", undecided="three seeds scatter")
    assert changed.outcome == "failed"


def test_a_refuted_claim_says_effect_interval_seeds_and_what_was_needed():
    message = told(FALL).message
    assert "effect = -0.3000 nats/sequence, 95% interval [-0.3248, -0.2752] over 3 seeds" in message
    assert "the claim needs an effect above +0.020" in message
    assert "pytest suites --record" in message


def test_an_undecided_claim_says_how_many_seeds_would_decide_and_cannot_be_accepted():
    decision = told([0.1, -0.05, 0.12])
    assert f"--seeds {decision.record['seeds_needed']} would probably decide" in decision.message
    assert told(NOISE, recording=True).outcome == "failed"
    assert "--seeds 3" in told([0.3]).message


@pytest.mark.parametrize(
    ("values", "bounds", "met"),
    [
        ([0.1, 0.11, 0.09], {"above": 0.0}, True),
        ([0.1, -0.11, 0.09], {"above": 0.0}, False),
        ([0.1, 0.11, 0.09], {"above": 0.0, "below": 0.2}, True),
        ([0.1, 0.11, 0.09], {"below": 0.05}, False),
        (None, {"above": 0.0}, None),
    ],
)
def test_an_unmet_requirement_makes_a_claim_not_applicable_with_its_number(values, bounds, met):
    decision = told(RISE, requires=[requirement(values, **bounds)])
    assert decision.record["requires"][0]["met"] is met
    assert decision.outcome == ("skipped" if met is False else "passed")
    if met is False:
        assert decision.message.startswith("NOT APPLICABLE")
        assert f"the reward rose is {np.mean(values):+.4f} reward" in decision.message
        assert "The effect would have been: effect = +0.3000" in decision.message


def test_one_seed_cannot_tell_whether_a_requirement_holds_and_decides_nothing():
    """Not "not applicable": nothing was measured that speaks against the requirement."""
    decision = told([0.3], requires=[requirement([0.5], above=0.0)], recording=True)
    assert decision.record["requires"][0]["met"] is None
    assert (decision.outcome, decision.record["verdict"]) == ("failed", "inconclusive")
    assert decision.record["accepted"] is None
    assert "use --seeds 3" in decision.message


def test_not_applicable_where_a_verdict_was_accepted_is_a_change():
    unmet = requirement([0.1, -0.11, 0.09], above=0.0)
    assert told(RISE, "supported", requires=[unmet]).outcome == "failed"
    assert told(RISE, "not applicable", requires=[unmet]).outcome == "skipped"


@pytest.mark.parametrize("found", [NOISE, FALL])
def test_a_verdict_that_the_seeds_put_down_to_chance_is_neither_green_nor_red(found):
    asked = []
    decision = told(found, "supported", chance=lambda row: asked.append(row) or "all 15 say so")
    assert decision.outcome == "xfailed"
    assert decision.message.startswith("NOT TOLD FROM CHANCE: all 15 say so. ")
    assert [(row["accepted"], row["per_seed"]) for row in asked] == [("supported", found)]


@pytest.mark.parametrize(
    "same", [{"accepted": "supported"}, {"scale": "smoke"}, {"accepted": None}, {"recording": True}]
)
def test_chance_is_asked_only_where_a_verdict_differs_from_the_accepted_one(same):
    def chance(row):
        raise AssertionError(row)

    told(RISE, **{"accepted": "refuted", "chance": chance, **same})


def test_the_smoke_scale_records_numbers_and_no_verdict():
    for differences in (RISE, FALL, NOISE):
        decision = told(differences, scale="smoke", recording=True)
        assert decision.outcome == "passed"
        assert decision.record["verdict"] is None
        assert decision.record["per_seed"] == differences


@pytest.mark.parametrize(("differences", "outcome"), [(RISE, "passed"), (FALL, "xfailed")])
def test_recording_accepts_what_was_found(differences, outcome):
    assert told(differences, "not applicable", recording=True).outcome == outcome


@pytest.mark.parametrize("differences", [[0.1, float("nan"), 0.2], [[0.1, 0.2, 0.3]]])
def test_differences_that_are_not_one_finite_number_a_seed_are_refused(differences):
    with pytest.raises(ValueError, match="needed one finite number for each of the"):
        told(differences)


def test_identical_differences_give_a_verdict_and_not_nan():
    assert told([0.0, 0.0, 0.0]).record["interval"] == [0.0, 0.0]
    assert told([0.0, 0.0, 0.0]).record["verdict"] == "refuted"


@pytest.mark.parametrize("differences", [FALL, NOISE])
def test_a_failure_in_full_names_claim_need_interval_seeds_stages_and_the_command(differences):
    """All that somebody needs who was not there: the base is one stage for all seeds."""
    whole = recipe()
    stages = {node: [NODES[node](whole, seed) for seed in range(3)] for node in ("base", "sft")}
    found = failure(told(differences), stages, "pytest 'suites/test_a.py::test_a[m]' --seeds 3")
    assert "A raises B (v1, Theorem 3.1)" in found
    assert "95% interval [" in found
    assert "the claim needs an effect above +0.020" in found
    lines = found.splitlines()[1:]
    assert lines[0] == "by seed: " + ", ".join(f"{n}: {d:+.4f}" for n, d in enumerate(differences))
    assert lines[1] == f"base: {address(stages['base'][0])}"
    assert lines[2] == "sft: " + ", ".join(address(stage) for stage in stages["sft"])
    assert lines[3:] == ["again: pytest 'suites/test_a.py::test_a[m]' --seeds 3"]
