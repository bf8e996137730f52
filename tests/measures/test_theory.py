"""What theorems are about, on observations whose numbers are known in closed form."""

import dataclasses
from dataclasses import replace

import numpy as np
import pytest

from coupling_bench.measures import loss, policies, theory
from coupling_bench.runs import Runs, Split
from coupling_bench.store import Store
from coupling_bench.theory.tilting import tilt
from tests.observations import observation, store_runs
from tests.tiny import recipe

HELD_OUT = Split(name="held_out")
COLUMNS = (
    "node", "start", "seed", "epsilon", "demonstrator_entropy", "demonstrator_reward", "reward",
    "reward_variance", "max_reward_share", "forward_kl", "reverse_kl", "loss_change",
    "reward_change", "effective_beta", "predicted_loss_change", "ratio",
)  # fmt: skip


def policy(seed):
    """A random policy that answers three times in four, so that no outcome is near rounding."""
    draw = np.random.default_rng(seed)
    return observation(np.log(draw.dirichlet([9, 6, 5], (1, 30))[..., :2]), draw.integers(0, 2, 30))


def tilted(seen, beta):
    """The observation of the policy of Eq. 8."""
    answers = tilt(policies.outcomes(seen), policies.outcome_rewards(seen), beta)[:, :2]
    return dataclasses.replace(seen, answer_logps=np.log(answers)[None], steps=np.array([0]))


def test_demonstrators_who_err_once_in_ten_are_known(tmp_path):
    """Entropy h(0.1); of right +1 and wrong -1: variance 4 * 0.1 * 0.9; nine of ten earn most."""
    runs = store_runs(Store(tmp_path), [policy(0)])
    assert theory.demonstrator_entropy(runs, HELD_OUT) == pytest.approx(0.3250829733914482)
    assert theory.demonstrator_entropy(runs, HELD_OUT) == pytest.approx(
        loss.optimal_loss(runs.task)
    )
    assert theory.reward_variance(runs, HELD_OUT) == pytest.approx(0.36)
    assert theory.max_reward_share(runs, HELD_OUT) == pytest.approx(0.9)


def test_where_no_answer_is_best_no_demonstration_earns_the_most(tmp_path):
    wrong = replace(policy(0), other_reward=np.array(2.0))
    assert theory.max_reward_share(store_runs(Store(tmp_path), [wrong]), HELD_OUT) == 0.0


@pytest.mark.parametrize("beta", [0.3, 4.0])
def test_the_closed_form_of_a_tilted_policy_is_itself(beta):
    start = policy(0)
    end = tilted(start, beta)
    form = theory.closed_form(start, end)
    assert form.beta == pytest.approx(beta, rel=1e-6)
    change = loss.loss_curve(end)[-1] - loss.loss_curve(start)[-1]
    assert form.loss_change == pytest.approx(change, abs=1e-8)
    assert form.reward == pytest.approx(
        (policies.outcomes(end) * policies.outcome_rewards(end)).sum(axis=1).mean()
    )


def test_a_reward_that_fell_has_no_closed_form():
    start = policy(0)
    assert theory.closed_form(tilted(start, 1.0), start) is None
    assert theory.closed_form(start, start) is None


def test_a_row_holds_what_theorems_ask_and_a_prediction_where_there_is_one(tmp_path):
    store, starts = Store(tmp_path), [policy(seed) for seed in (0, 1)]
    sft = store_runs(store, starts)
    worse = replace(starts[1], answer_logps=starts[1].answer_logps - 0.1)
    rl = store_runs(store, [tilted(starts[0], 1.0), worse], "sft_then_rl", recipe().rl)
    first, second = theory.rows(rl, sft, HELD_OUT)
    assert tuple(first) == COLUMNS
    assert (first["node"], first["start"], first["seed"]) == ("sft_then_rl", "sft", 0)
    assert first["effective_beta"] == pytest.approx(1.0, rel=1e-6)
    assert first["ratio"] == pytest.approx(1.0, abs=1e-6)
    assert first["loss_change"] == pytest.approx(first["predicted_loss_change"], abs=1e-6)
    assert first["epsilon"] == pytest.approx(
        loss.loss_curve(tilted(starts[0], 1.0))[-1] - loss.optimal_loss(rl.task)
    )
    assert second["loss_change"] == pytest.approx(0.1)
    assert second["effective_beta"] is second["predicted_loss_change"] is second["ratio"] is None


def test_the_closed_form_is_nearer_its_start_than_another_policy_with_its_reward(tmp_path):
    """Random policies that earn more than their start; the slack of the closed form itself is 0."""
    store, start = Store(tmp_path), policy(0)
    shares = (0.3, 0.6, 0.9)
    right = np.arange(2) == start.truth[:, None]
    others = [
        replace(start, answer_logps=np.log((1 - s) * np.exp(start.answer_logps) + s * right * 0.99))
        for s in shares
    ]
    ends = [tilted(start, 1.0), *others]
    sft = store_runs(store, [start] * len(ends))
    rl = store_runs(store, ends, "sft_then_rl", recipe().rl)
    found = theory.nearness(rl, sft, HELD_OUT)
    assert [name for name, _ in found] == [f"sft_then_rl seed {seed}" for seed in range(4)]
    assert found[0][1] == pytest.approx(0.0, abs=1e-8)
    assert all(slack > 1e-3 for _, slack in found[1:])


def test_what_a_node_started_from_is_found_among_the_nodes_that_there_are():
    whole, store = recipe(), Store("unused")
    sft = Runs(node="sft", seeds=(0, 1), store=store,
               stages=tuple(replace(whole.sft, seed=seed) for seed in (0, 1)))  # fmt: skip
    after = tuple(replace(whole.rl, start=stage, seed=7) for stage in sft.stages)
    rl = Runs(node="sft_then_rl", seeds=(0, 1), stages=after, store=store)
    assert [(a.node, b.node, b.stages) for a, b in theory.starts([sft, rl])] == [
        ("sft_then_rl", "sft", sft.stages)
    ]
