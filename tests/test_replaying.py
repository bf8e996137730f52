"""A suite's own test on other runs: green on healthy policies, red on each planted defect."""

import importlib

import numpy as np
import pytest

from coupling_bench import claim, synthetic
from coupling_bench.replaying import claim_of, is_green, redness, replay, row
from coupling_bench.store import Store
from tests.observations import observation, store_runs

RL_RAISES = "test_rl_after_sft_raises_the_sft_loss"
SFT_LOWERS = "test_sft_after_rl_lowers_the_expected_reward"
TRUTH = [0] * 28 + [1] * 12
SNAPSHOTS = 16
HEALTHY = {"base": 0.75, "sft": 0.9, "sft_then_rl": 0.99, "rl": 0.99, "rl_then_sft": 0.9}
"""How sure each stage is of the truth; demonstrators err at a tenth."""


def suite(name):
    return getattr(importlib.import_module(f"suites.{name}"), name)


def policy(sure, seed):
    """A policy that gives the true answer with about the same probability throughout."""
    generator = np.random.default_rng([seed, round(1_000 * sure)])
    p = sure + generator.uniform(-0.004, 0.004, size=(SNAPSHOTS, len(TRUTH)))
    right = np.arange(2) == np.array(TRUTH)[:, None]
    return observation(np.log(np.where(right, p[..., None], 1 - p[..., None])), TRUTH)


@pytest.fixture(scope="module")
def policies(tmp_path_factory):
    """Runs of policies that are so sure of the truth, three seeds each."""

    def policies(sure):
        store = Store(tmp_path_factory.mktemp("store"))
        return store_runs(store, [policy(sure, seed) for seed in range(3)])

    return policies


@pytest.fixture(scope="module")
def runs(policies):
    return {node: policies(sure) for node, sure in HEALTHY.items()}.__getitem__


def test_healthy_policies_are_green(runs):
    for name in (RL_RAISES, SFT_LOWERS):
        decision = replay(suite(name), runs)
        assert is_green(decision), decision.message
        assert redness(decision) == -1.0
        assert decision.record["claim"] == claim_of(suite(name)).sentence


DEFECTS = {
    "nothing is learnt by SFT: the mask hides the answer": (RL_RAISES, "sft", 0.75, "skipped"),
    "RL learns the rewards of other prompts": (RL_RAISES, "sft_then_rl", None, "skipped"),
    "RL learns the reward with the wrong sign": (RL_RAISES, "sft_then_rl", 0.05, "skipped"),
    "RL learns nothing": (RL_RAISES, "sft_then_rl", 0.9, "skipped"),
    "labels are exchanged before RL": (RL_RAISES, "sft", 0.1, "skipped"),
    "labels are exchanged after RL": (SFT_LOWERS, "rl_then_sft", 0.1, "skipped"),
    "the annotators' noise is not applied": (SFT_LOWERS, "rl_then_sft", 0.99, "failed"),
    "the mask hides the answer after RL": (SFT_LOWERS, "rl_then_sft", 0.988, "failed"),
    "rewards of other prompts, from the base": (SFT_LOWERS, "rl", None, "skipped"),
}
"""A suite, the stage that is defective, what becomes of its policy (None: one answer), and what
pytest is told."""


@pytest.mark.parametrize("defect", DEFECTS)
def test_each_planted_defect_turns_its_suite_red(runs, policies, tmp_path, defect):
    name, stage, sure, outcome = DEFECTS[defect]
    if sure is None:
        broken = synthetic.instead(
            runs(stage), lambda seen: synthetic.always(seen, 0), tmp_path / "broken"
        )
    else:
        broken = policies(sure)
    decision = replay(suite(name), runs, {stage: broken})
    assert redness(decision) == 1.0, decision.message
    assert decision.outcome == outcome, decision.message
    known = replay(suite(name), runs, {stage: broken}, "supported")
    assert known.outcome == "failed", known.message
    assert row("twin", decision)["outcome"] == outcome


def test_a_replay_judges_by_the_margin_of_the_tests_own_mark(runs):
    """The same body under a claim of another margin is another verdict."""
    test = suite(RL_RAISES)

    def body(sft, sft_then_rl, demonstrations, decide):
        test(sft, sft_then_rl, demonstrations, decide)

    for margin, green in ((0.1, True), (1.0, False)):
        marked = claim("A raises B", cites="none", increase_by=margin, unit="nats/sequence")(body)
        assert is_green(replay(marked, runs)) is green
        body.pytestmark.clear()


def test_what_cannot_be_replayed_is_said(runs):
    def bare(sft, decide):
        decide([0.0])

    @claim("A raises B", cites="none", increase_by=0.0, unit="reward")
    def silent(sft, table):
        table("rows", [])

    @claim("A raises B", cites="none", increase_by=0.0, unit="reward")
    def greedy(sft, capsys, decide):
        decide([0.0])

    for test, message in (
        (bare, "bare declares no claim"),
        (silent, "silent decided nothing"),
        (greedy, "greedy asks for capsys; only nodes, decide"),
    ):
        with pytest.raises(ValueError, match=message):
            replay(test, runs)


def test_requirements_are_measured_on_the_replaced_runs_too(runs):
    """RL that raised the reward by nothing: the claim's requirement sees the replaced stage."""
    decision = replay(suite(RL_RAISES), runs, {"sft_then_rl": runs("sft")})
    rose = decision.record["requires"][0]
    assert (rose["name"], rose["met"]) == ("the reward rose from sft to sft_then_rl", False)
    assert rose["estimate"] == 0.0
