"""Observations made by hand, for measures: no model, no store on disk but the entries written."""

from dataclasses import replace

import numpy as np

from coupling_bench import synthetic
from coupling_bench.measures import policies
from coupling_bench.pipelines import observations
from coupling_bench.runs import Observation, Runs
from coupling_bench.theory.tilting import tilt
from tests.tiny import recipe

ANSWERS = ["acceptable", "unacceptable"]


def observation(answer_logps, truth, label_noise=0.1, **changes) -> Observation:
    """An observation with answer log-probabilities ``(N, P, 2)`` and true answers ``(P,)``."""
    answer_logps, truth = np.asarray(answer_logps, dtype=float), np.asarray(truth)
    right = np.arange(2) == truth[:, None]
    items = len(truth)
    return Observation(
        **{
            "steps": np.arange(len(answer_logps)) * 10,
            "answer_logps": answer_logps,
            "answer_tokens": np.tile([2, 3], (items, 1)),
            "temperatures": np.array([1.0]),
            "tempered_answer_logps": answer_logps[-1:],
            "truth": truth,
            "demonstrated": np.where(right, 1 - label_noise, label_noise),
            "rewards": np.where(right, 1.0, -1.0),
            "other_reward": np.array(-1.0),
            "sampled_rewards": np.zeros((len(answer_logps), items, 0)),
            "completion_rewards": np.where(truth == 0, 1.0, -1.0) * np.ones((len(answer_logps), 1)),
            "prompts": [f"prompt {i}\n" for i in range(items)],
            "groups": ["group"] * items,
            "answers": ANSWERS,
            "responses": [ANSWERS[t] for t in truth],
            "completions": [["acceptable"] * items for _ in answer_logps],
        }
        | changes
    )


def random_observation(seed: int, items: int = 30, snapshots: int = 3) -> Observation:
    """A random policy, which keeps some mass for other answers."""
    generator = np.random.default_rng(seed)
    p = generator.dirichlet([2.0, 1.0, 0.3], size=(snapshots, items))
    return observation(np.log(p[..., :2]), generator.integers(0, 2, items))


def policy(seed: int) -> Observation:
    """A random policy that answers three times in four, so that no outcome is near rounding."""
    draw = np.random.default_rng(seed)
    return observation(np.log(draw.dirichlet([9, 6, 5], (1, 30))[..., :2]), draw.integers(0, 2, 30))


def tilted(seen: Observation, beta: float) -> Observation:
    """The observation of the policy of Eq. 8."""
    answers = tilt(policies.outcomes(seen), policies.outcome_rewards(seen), beta)[:, :2]
    return replace(seen, answer_logps=np.log(answers)[None], steps=np.array([0]))


def store_runs(store, per_seed, node="sft", stage=None) -> Runs:
    """Write one observation a seed into ``store``, as the probe would, and return their Runs.

    They are of ``stage``, or of the recipe's SFT, with their seeds; a list has a stage for each.
    """
    if not isinstance(stage, list):
        stage = [replace(stage or recipe().sft, seed=seed) for seed in range(len(per_seed))]
    for seed, seen in enumerate(per_seed):
        for spec in observations(stage[seed], seed):
            store.get_or_make(spec, lambda folder, seen=seen: synthetic.write(seen, folder))
    return Runs(node=node, seeds=tuple(range(len(stage))), stages=tuple(stage), store=store)
