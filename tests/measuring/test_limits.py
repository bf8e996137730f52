"""Bounds on pairs: which apply, with which numbers, and why others do not."""

from dataclasses import replace

import numpy as np
import pytest

from coupling_bench.measuring import limits
from coupling_bench.measuring.limits import Pair
from tests import open_task
from tests.observations import observation

PAIR = Pair(
    loss_change=0.2, reward_change=0.2, second_reward=1.0, demonstrator_reward=0.8, kl=0.1,
    sub_optimality=0.01, range=(-1.0, 1.0), exact=True,
)  # fmt: skip


def rows(**changes):
    return {row["name"]: row for row in limits.rows(replace(PAIR, **changes))}


def test_each_bound_has_its_limit_and_its_slack():
    found = rows()
    expected = {
        "Proposition 1": (0.2**0.5, 0.2**0.5 - 0.2),
        "Pinsker": (2 * 0.05**0.5, 2 * 0.05**0.5 - 0.2),
        "Non-decoupling threshold": (2 * 0.2**2 / 4 - 0.01, 0.2 - 0.01),
        "From the SFT optimum": (2 * 0.2**2 / 4, 0.2 - 0.02),
    }
    assert list(found) == list(expected)
    for name, (limit, slack) in expected.items():
        assert found[name]["limit"] == pytest.approx(limit)
        assert found[name]["slack"] == pytest.approx(slack)
        assert found[name]["state"] == "holds"
    assert "must rise" in found["Non-decoupling threshold"]["note"]


def test_far_above_the_threshold_the_loss_may_fall():
    row = rows(sub_optimality=0.5, loss_change=-0.3)["Non-decoupling threshold"]
    assert (row["state"], row["note"].split(": ")[1]) == ("holds", "the SFT loss may rise or fall")


def test_the_bound_at_the_optimum_needs_an_sft_that_is_there_and_is_never_broken_by_nearly():
    far = rows(sub_optimality=0.3)["From the SFT optimum"]
    assert far["state"] == "not applicable"
    assert "0.3000 nats above L*" in far["note"]
    assert rows(loss_change=-0.001)["From the SFT optimum"]["state"] == "inconclusive"


def test_only_exact_numbers_break_a_bound():
    assert rows(kl=0.001)["Proposition 1"]["state"] == "broken"
    assert rows(kl=0.001, exact=False)["Proposition 1"]["state"] == "inconclusive"


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [({"range": None}, ["verifier of your own"] * 4),
     ({"kl": None}, ["divergence is not known"] * 2 + ["must rise", "theorem"]),
     ({"sub_optimality": None}, ["", "", "L* is not known", "L* is not known"]),
     ({"range": (1.0, 1.0)}, ["", "", "earns the same", "earns the same"])],
)  # fmt: skip
def test_a_bound_that_cannot_be_applied_says_why(changes, reasons):
    for row, reason in zip(rows(**changes).values(), reasons, strict=True):
        assert reason in row["note"]


def test_the_range_of_rewards_is_known_from_closed_answers_or_from_a_verifier_of_ours():
    earned = {"rewards": np.array([[1.0, 0.0]]), "other_reward": np.array(-0.5)}
    closed = observation([[[-1.0, -1.0]]], [0], **earned)
    assert limits.reward_range(open_task.spec(), closed) == (-0.5, 1.0)
    opened = replace(closed, answers=None)
    options = (("right", 2.0), ("wrong", 0.5))
    assert limits.reward_range(open_task.spec(verifier_options=options), opened) == (0.5, 2.0)
    assert limits.reward_range(open_task.spec(verifier="rewards:mine"), opened) is None
