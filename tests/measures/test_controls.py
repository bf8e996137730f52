"""What the tables of the controls say, against numbers made by hand."""

import numpy as np
import pytest

from coupling_bench.measures import controls
from coupling_bench.runs import Split
from coupling_bench.store import Store
from tests.observations import observation, store_runs

HELD_OUT = Split(name="held_out")


def answering(folder, *probabilities, node="sft"):
    """Runs, one a seed, that give the true answer of both items with a probability."""
    seen = [observation(np.log([[[p, 1 - p], [1 - p, p]]]), [0, 1]) for p in probabilities]
    return store_runs(Store(folder), seen, node)


def test_a_control_stands_beside_rl_with_what_both_do_to_their_start(tmp_path, monkeypatch):
    monkeypatch.setattr(controls, "distance", lambda runs, start: np.array([3.0, 4.0]))
    start = answering(tmp_path / "start", 0.9, 0.9)
    rl = answering(tmp_path / "rl", 0.99, 0.999, node="sft_then_rl")
    other = answering(tmp_path / "other", 0.5, 0.8, node="sft_then_sft")
    rows = [row for stage in (rl, other) for row in controls.beside_rl(stage, start, rl, HELD_OUT)]
    assert [(row["control"], row["seed"]) for row in rows] == [
        ("sft_then_rl", 0), ("sft_then_rl", 1), ("sft_then_sft", 0), ("sft_then_sft", 1),
    ]  # fmt: skip

    def loss(p):
        return -0.9 * np.log(p) - 0.1 * np.log(1 - p)

    for row, p, of_rl in zip(rows, (0.99, 0.999, 0.5, 0.8), (0.99, 0.999) * 2, strict=True):
        assert row["loss_change"] == pytest.approx(loss(p) - loss(0.9))
        assert row["reward_change"] == pytest.approx(2 * (p - 0.9))
        assert row["excess_loss"] == pytest.approx(loss(of_rl) - loss(p))
        assert row["distance"] == 3.0 + row["seed"]
        # At the demonstrators' own distribution the loss rises by KL(start || stage).
        assert row["kl"] == pytest.approx(row["loss_change"])


def test_an_effect_is_its_priors_part_and_the_rest():
    rows = controls.by_prior("loss", np.array([0.4, 0.5]), np.array([0.1, 0.7]), (0, 3))
    assert [row["seed"] for row in rows] == [0, 3]
    assert all(row["whole"] == pytest.approx(row["prior_part"] + row["rest"]) for row in rows)
    assert rows[1]["rest"] == pytest.approx(-0.2)


def test_the_greatest_change_of_any_answer_is_found(tmp_path):
    first = answering(tmp_path / "a", 0.9)
    assert controls.greatest_change(first, first, HELD_OUT)[0] == 0.0
    second = answering(tmp_path / "b", 0.8)
    assert controls.greatest_change(second, first, HELD_OUT)[0] == pytest.approx(np.log(2))
