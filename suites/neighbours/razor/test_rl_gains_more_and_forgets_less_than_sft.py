"""Who learns from answers of its own keeps more of what it knew, though it gains as much.

The paper compares at equal gain on the new task. Most stages are observed out of domain at their
end alone, so nothing is interpolated along them: RL has to gain more than SFT, and to forget less.
Stopped early it is also about as far from the base as SFT is.
"""

import pytest

from coupling_bench import claim, expected_reward
from coupling_bench.measures.ability import accuracy
from coupling_bench.measures.razor import PRIOR
from coupling_bench.requirements import divergence, reward_rises
from coupling_bench.requirements.forgetting import knows_out_of_domain


def forgets_less(rl: str, what: str):
    """Claim that ``rl`` forgets less than SFT of something."""
    return claim(
        f"{rl} gains more than sft from the same base and forgets {what}",
        cites="arXiv:2510.18874, Retaining by Doing, at second hand",
        decrease_by=0.01,
        unit="accuracy forgotten by RL minus by SFT",
        requires=[knows_out_of_domain("base"), reward_rises("sft", rl)],
        beside=[divergence(rl, "base"), divergence("sft", "base")],
        undecided="SFT forgets several times as much with one seed as with another",
    )


def of_sampled(rl, sft):
    return (expected_reward(sft, PRIOR) - expected_reward(rl, PRIOR)) / 2


def of_choices(rl, sft):
    if rl.task.answers is None:
        pytest.skip("the likeliest answers are known where answers are a closed set")
    return accuracy(sft, PRIOR) - accuracy(rl, PRIOR)


@forgets_less("rl", "less")
def test_rl_gains_more_and_forgets_less_than_sft(rl, sft, decide):
    decide(of_sampled(rl, sft))


@forgets_less("rl", "fewer likeliest answers")
def test_rl_gains_more_and_forgets_fewer_choices_than_sft(rl, sft, decide):
    decide(of_choices(rl, sft))


@forgets_less("rl_stopped_early", "less")
def test_rl_stopped_early_gains_more_and_forgets_less_than_sft(rl_stopped_early, sft, decide):
    decide(of_sampled(rl_stopped_early, sft))


@forgets_less("rl_stopped_early", "fewer likeliest answers")
def test_rl_stopped_early_gains_more_and_forgets_fewer_choices(rl_stopped_early, sft, decide):
    decide(of_choices(rl_stopped_early, sft))
