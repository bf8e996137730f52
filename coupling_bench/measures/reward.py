"""The verifier's reward: exact over the closed set of answers, and by the paper's sampled protocol.

The verifier of the shipped tasks gives +1 for the true answer and -1 for anything else, so that
J = 1 is always right, J = 0 is a coin, and a constant answer earns the majority reward.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from coupling_bench.answers import parse_robust
from coupling_bench.runs import Array, Observation, Runs, Split, observe
from coupling_bench.statistics import Interval, slope_interval


def expected_reward(runs: Runs, prompts: Split) -> Array:
    """Expected reward J of the final checkpoints at temperature 1, reward units, ``(S,)``.

    J = mean_x sum_y pi(y, end|x) r(x, y), exact over a closed set of answers; the mass on anything
    else earns what the verifier gives to no answer. Where answers are open: the mean reward of
    G sampled completions a prompt, without bias, its noise being part of the spread over seeds.
    Source: J(p) of arXiv:2601.07389v1, section 4.
    """
    return np.array([reward_curve(o)[-1] for o in observe(runs, prompts)])


def reward_curve(observation: Observation) -> Array:
    """Expected reward of every snapshot at temperature 1, in reward units, ``(N,)``."""
    if not observation.closed:
        return observation.sampled_rewards.mean(axis=(1, 2))
    return item_rewards(observation).mean(axis=1)


def item_rewards(observation: Observation) -> Array:
    """Expected reward of every snapshot on each item, as ``reward_curve``, ``(N, P)``."""
    if not observation.closed:
        return observation.sampled_rewards.mean(axis=2)
    probabilities = np.exp(observation.answer_logps)
    answered = (probabilities * observation.rewards).sum(axis=2)
    rest = 1.0 - probabilities.sum(axis=2)
    return answered + rest * observation.other_reward


def reward_of_frequencies(runs: Runs, prompts: Split) -> Array | None:
    """Expected reward of answering as often as the policy does, whatever the prompt, ``(S,)``.

    E_q sum_y mean pi(y) r(x, y) with mean pi(y) = E_q pi(y, end|x), in reward units, exact: what
    the policy's label prior earns without its sentences. None where answers are open. Source:
    derived.
    """
    found = []
    for observation in observe(runs, prompts):
        if not observation.closed:
            return None
        often = np.exp(observation.answer_logps[-1]).mean(axis=0)
        rest = 1.0 - often.sum()
        found.append((observation.rewards @ often).mean() + rest * observation.other_reward)
    return np.array(found)


def mean_at_1(runs: Runs, prompts: Split, parser: str = "robust") -> Array:
    """Mean reward of one sampled completion a prompt, the paper's protocol, ``(S,)``.

    In reward units, at temperature 0.6 and top_p 0.95. ``robust`` takes the last occurrence of
    any of a closed set of answers in the whole output, as the paper's evaluation does; ``strict``
    is the reward of training, and where answers are open there is no other. Source:
    arXiv:2601.07389v1, section 5 and Figure 3b.
    """
    return np.array([mean_at_1_curve(o, parser)[-1] for o in observe(runs, prompts)])


def mean_at_1_curve(observation: Observation, parser: str = "robust") -> Array:
    """Mean reward of one sampled completion a prompt, every snapshot, ``(N,)``."""
    if parser == "strict" or not observation.closed:
        return observation.completion_rewards.mean(axis=1)
    return np.array([np.mean(_robust(texts, observation)) for texts in observation.completions])


def other_mass(runs: Runs, prompts: Split) -> Array | None:
    """Probability of anything but the closed set of answers, mean over prompts, ``(S,)``.

    None where answers are open.
    """
    seen = observe(runs, prompts)
    if not seen[0].closed:
        return None
    return np.array([other_mass_curve(o)[-1] for o in seen])


def other_mass_curve(observation: Observation) -> Array:
    """Probability of anything but a closed set of answers, every snapshot, ``(N,)``."""
    return 1.0 - np.exp(observation.answer_logps).sum(axis=2).mean(axis=1)


def demonstrator_reward(runs: Runs, prompts: Split) -> float:
    """Expected reward J_D of the demonstrators on these prompts, in reward units, exact.

    J_D = mean_x sum_y p_D(y|x) r(x, y); with right +1, wrong -1: 1 - 2 * label_noise.
    """
    seen = observe(runs, prompts)[0]
    return float((seen.demonstrated * seen.rewards).sum(axis=1).mean())


def last_quarter_drift(runs: Runs, prompts: Split, alpha: float = 0.05) -> list[Interval]:
    """Change of J over the last quarter of a stage, in reward units, one interval a seed.

    The least-squares slope of J over the snapshots of the last quarter of the optimizer steps,
    times that quarter's length; the interval comes from the residuals. Trap: snapshots that follow
    each other are not independent, so the interval is narrower than it should be.
    """
    drifts = []
    for observation in observe(runs, prompts):
        steps, curve = observation.steps, reward_curve(observation)
        end = steps[-1]
        last = steps >= 0.75 * end
        drifts.append(slope_interval((steps[last] / end) / 0.25, curve[last], alpha))
    return drifts


def probability_of_truth(observation: Observation) -> Array:
    """pi(y, end|x) of the true answer at temperature 1, every snapshot, ``(N, P)``.

    In the form that is rewarded, where it has others.
    """
    chosen = observation.truth[None, :, None]
    logps = np.take_along_axis(observation.answer_logps, chosen, axis=2)
    return np.exp(logps[..., 0])


def _robust(texts: Sequence[str], observation: Observation) -> list[float]:
    """Return the reward of what each text is taken to say, in whichever words it says it."""
    answers = observation.answers or []
    meant = observation.labels or range(len(answers))
    said = [parse_robust(text, answers) for text in texts]
    return [
        float(
            observation.other_reward if answer is None else observation.rewards[item, meant[answer]]
        )
        for item, answer in enumerate(said)
    ]
