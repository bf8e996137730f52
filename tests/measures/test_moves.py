"""Stages as moves from their start, beside the closed form: on observations made by hand."""

from dataclasses import replace

import numpy as np
import pytest

from coupling_bench.measures import loss
from coupling_bench.measures.moves import moves, row
from coupling_bench.runs import Split
from coupling_bench.specs import ColaSpec, PerturbSpec
from coupling_bench.store import Store
from tests.observations import policy, store_runs, tilted
from tests.tiny import recipe

HELD_OUT = Split(name="held_out")
COLUMNS = (
    "node", "start", "seed", "epsilon", "demonstrator_entropy", "demonstrator_reward", "reward",
    "reward_variance", "max_reward_share", "forward_kl", "reverse_kl", "loss_change",
    "reward_change", "effective_beta", "predicted_loss_change", "ratio",
)  # fmt: skip


def run(folder, starts, ends, task=None):
    """SFT, and RL from it, of one observation a seed each."""
    store, whole = Store(folder), recipe()
    sft = store_runs(store, starts)
    after = [replace(whole.rl, start=stage, task=task or stage.task) for stage in sft.stages]
    rl = store_runs(store, ends, "sft_then_rl", after)
    return sft, rl


def test_a_row_holds_what_theorems_ask_and_a_prediction_where_there_is_one(tmp_path):
    """The first seed went to the closed form of beta 1, the second to a worse policy."""
    starts = [policy(0), policy(1)]
    worse = replace(starts[1], answer_logps=starts[1].answer_logps - 0.1)
    first, second = map(
        row, moves(run(tmp_path, starts, [tilted(starts[0], 1.0), worse]), HELD_OUT)
    )
    assert tuple(first) == COLUMNS
    assert (first["node"], first["start"], first["seed"]) == ("sft_then_rl", "sft", 0)
    assert first["demonstrator_entropy"] == pytest.approx(0.3250829733914482)
    assert first["demonstrator_reward"] == pytest.approx(0.8)
    assert first["effective_beta"] == pytest.approx(1.0, rel=1e-6)
    assert first["ratio"] == pytest.approx(1.0, abs=1e-6)
    assert first["loss_change"] == pytest.approx(first["predicted_loss_change"], abs=1e-6)
    after = loss.loss_curve(tilted(starts[0], 1.0))[-1]
    assert first["epsilon"] == pytest.approx(after - first["demonstrator_entropy"])
    assert second["loss_change"] == pytest.approx(0.1)
    assert second["effective_beta"] is second["predicted_loss_change"] is second["ratio"] is None


def test_forward_is_from_the_start_and_reverse_from_the_end(tmp_path):
    """From a coin to 0.9 and back: KL(0.5 || 0.9) = log(5/3), KL(0.9 || 0.5) = log 2 - h(0.9)."""
    coin, sure = (
        replace(policy(0), answer_logps=np.log(np.broadcast_to(p, (1, 30, 2))))
        for p in ([0.5, 0.5], [0.9, 0.1])
    )
    (found,) = map(row, moves(run(tmp_path, [coin], [sure]), HELD_OUT))
    assert found["forward_kl"] == pytest.approx(np.log(5 / 3), abs=1e-5)
    assert found["reverse_kl"] == pytest.approx(np.log(2) - 0.3250829733914482, abs=1e-5)


def test_the_closed_form_is_nearer_its_start_than_another_policy_with_its_reward(tmp_path):
    """Policies that learnt some of the truth; of the closed form itself the excess is 0."""
    start = policy(0)
    right = np.arange(2) == start.truth[:, None]
    others = [
        replace(start, answer_logps=np.log((1 - s) * np.exp(start.answer_logps) + s * right * 0.99))
        for s in (0.3, 0.6, 0.9)
    ]
    ends = [tilted(start, 1.0), *others]
    found = moves(run(tmp_path, [start] * len(ends), ends), HELD_OUT)
    assert [move.name for move in found] == [f"sft_then_rl seed {seed}" for seed in range(4)]
    assert found[0].excess_divergence == pytest.approx(0.0, abs=1e-8)
    assert all(move.excess_divergence > 1e-3 for move in found[1:])


def test_a_stage_with_other_demonstrators_than_its_start_is_measured_by_its_own(tmp_path):
    """Gold ones: the closed form makes every demonstration likelier, so the loss falls."""
    start, task = policy(0), replace(recipe().task, label_noise=0.0)
    gold = replace(tilted(start, 1.0), demonstrated=(start.rewards > 0) * 1.0)
    (found,) = map(row, moves(run(tmp_path, [start], [gold], task), HELD_OUT))
    assert found["demonstrator_entropy"] == found["reward_variance"] == 0.0
    assert found["demonstrator_reward"] == found["max_reward_share"] == 1.0
    assert found["loss_change"] == pytest.approx(found["predicted_loss_change"], abs=1e-6)
    assert found["loss_change"] < 0


def test_a_stage_is_left_out_where_its_start_is_no_node_or_was_asked_something_else(tmp_path):
    start = policy(0)
    asked = replace(tilted(start, 1.0), prompts=[f"other {i}" for i in range(30)])
    sft, rl = run(tmp_path / "a", [start], [asked])
    assert moves([sft, rl], HELD_OUT) == []
    sft, rl = run(tmp_path / "b", [start], [tilted(start, 1.0)])
    assert moves([rl], HELD_OUT) == []
    assert len(moves([sft, rl], HELD_OUT)) == 1


def test_a_random_step_is_left_out_for_it_does_not_begin_where_its_start_ends(tmp_path):
    start = policy(0)
    sft, rl = run(tmp_path, [start], [tilted(start, 1.0)])
    steps = [PerturbSpec(start=rl.stages[0], matched="norm")]
    step = store_runs(rl.store, [start], "step", steps)
    assert [move.node for move in moves([sft, rl, step], HELD_OUT)] == ["sft_then_rl"]


def test_on_real_data_what_needs_p_d_is_not_known(tmp_path):
    """CoLA: one label a sentence, and no way to say how often another annotator would differ."""
    task = ColaSpec(files=(), pretraining_share=0.5)
    start = replace(policy(0), demonstrated=(policy(0).rewards > 0) * 1.0)
    (found,) = map(row, moves(run(tmp_path, [start], [tilted(start, 1.0)], task), HELD_OUT))
    assert found["epsilon"] is found["demonstrator_entropy"] is found["reward_variance"] is None
    assert found["ratio"] == pytest.approx(1.0, abs=1e-6)
