"""An example record for the tests of the page: every number in it is invented."""

from math import exp
from random import Random
from typing import Any

MODEL, TASK, SEEDS = "example model", "grammar", [0, 1, 2]
CITES = "arXiv:2601.07389v1, Theorem 3.1, Eq. 11; Figure 3a"
PIPELINES = {"sft_then_rl": "sft", "rl_then_sft": "rl"}


def claim(sentence: str, verdict: str | None, effect: float, **changes: Any) -> dict[str, Any]:
    """A claim with an interval around its effect."""
    return {
        "claim": sentence, "test": "suites/test_example.py::test_example[example]",
        "model": MODEL, "task": TASK, "scale": "small", "cites": CITES, "verdict": verdict,
        "reversed": False, "accepted": None, "effect": effect,
        "interval": [effect - 0.06, effect + 0.06], "margin": 0.02, "direction": "increase_by",
        "unit": "nats/sequence", "alpha": 0.05, "seeds": SEEDS,
        "per_seed": [effect - 0.02, effect + 0.03, effect - 0.01],
        "smallest_detectable_effect": 0.058, "seeds_needed": None,
        "p_value": 0.0021, "p_value_holm": 0.0084, "requires": [need(True)], "beside": [],
        "message": "An example, with invented numbers: this is what the terminal said.",
    } | changes  # fmt: skip


def need(met: bool | None, name: str = "the reward rose in RL") -> dict[str, Any]:
    """A precondition as measured."""
    return {
        "name": name, "met": met, "estimate": 0.31 if met else 0.004, "interval": [0.002, 0.35],
        "within": [0.01, None], "unit": "reward", "note": "invented",
    }  # fmt: skip


def claims() -> list[dict[str, Any]]:
    """One claim of each verdict, and one without."""
    temperature = {
        "name": "after the best single temperature per checkpoint", "unit": "nats/sequence",
        "effect": 0.118, "interval": [0.04, 0.19], "per_seed": [0.1, 0.12, 0.13],
        "note": "how much is more than a change of sharpness",
    }  # fmt: skip
    return [
        claim("RL after SFT raises the SFT loss", "supported", 0.412, beside=[temperature]),
        claim(
            "SFT after RL lowers the reward", "refuted", 0.153, unit="reward", margin=-0.02,
            direction="decrease_by", reversed=True, accepted="refuted", beside=[temperature],
        ),
        claim(
            "The SFT loss after RL exceeds that of the base model", "inconclusive", 0.031,
            seeds_needed=9, requires=[need(True), need(None, "the base model has a loss")],
        ),
        claim(
            "The bound of Theorem 3.2 holds with the measured divergence", "not applicable", -0.004,
            margin=0.05, direction="equal_within", accepted="supported", p_value=None,
            p_value_holm=None, requires=[need(False), need(True, "SFT had converged")],
        ),
        claim(
            "RL does not increase the loss per token", None, 0.2, interval=[None, None],
            direction="not_increase_by", seeds=[0], per_seed=[0.2], smallest_detectable_effect=None,
        ),
    ]  # fmt: skip


def curves(noise: Random) -> list[dict[str, Any]]:
    """Curves of both pipelines: each stage moves the loss and the reward to its own level."""
    rows, levels = [], {"base": (2.3, 0.38), "sft": (0.41, 0.62), "rl": (0.83, 0.78)}
    for pipeline, first in PIPELINES.items():
        second = "rl" if first == "sft" else "sft"
        for seed in SEEDS:
            start = levels["base"]
            for place, (stage, node) in enumerate([(first, first), (second, pipeline)]):
                end = tuple(level + noise.uniform(-0.03, 0.03) for level in levels[stage])
                shares = [exp(-step / 60) for step in range(0, 201, 20)]
                loss, reward = (
                    [e + (s - e) * share + noise.gauss(0, 0.004) for share in shares]
                    for s, e in zip(start, end, strict=True)
                )
                rows.append({
                    "model": MODEL, "task": TASK, "pipeline": pipeline, "node": node, "seed": seed,
                    "steps": [200 * place + step for step in range(0, 201, 20)], "loss": loss,
                    "reward": reward, "mean_at_1": [r + noise.gauss(0, 0.03) for r in reward],
                })  # fmt: skip
                start = end
    return rows


def groups() -> list[dict[str, Any]]:
    """How well each kind of sentence is judged."""
    return [
        {
            "model": MODEL, "task": TASK, "node": node, "split": split, "group": kind,
            "items": 60, "accuracy": 0.82, "probability": 0.74,
        }
        for split, kind in (("held_out", "word_order"), ("out_of_domain", "reflexive"))
        for node in ("base", "sft")
    ]  # fmt: skip


def abilities(noise: Random) -> list[dict[str, Any]]:
    """What the model of each node can do, on both splits."""
    levels = {
        "base": (2.3, 0.38, 0.05), "sft": (0.41, 0.62, 0.55), "sft_then_rl": (0.82, 0.78, 0.74),
        "rl": (1.9, 0.4, 0.0), "rl_then_sft": (0.42, 0.63, 0.57),
    }  # fmt: skip
    return [
        {
            "model": MODEL, "task": TASK, "node": node, "seed": seed, "split": split,
            "loss": loss + shift, "loss_per_token": loss / 4 + shift, "reward": reward - shift,
            "mean_at_1_robust": reward, "mean_at_1_strict": reward - 0.01,
            "accuracy": (reward + 1) / 2, "mcc": mcc - shift, "balanced_accuracy": 0.5 + mcc / 2,
            "other_mass": 0.00004 if node != "base" else None,
        }
        for split in ("held_out", "out_of_domain")
        for node, (loss, reward, mcc) in levels.items()
        for seed in ([None] if node == "base" else SEEDS)
        for shift in [abs(noise.gauss(0, 0.01))]
    ]  # fmt: skip


def completions() -> list[dict[str, Any]]:
    """Answers of three models of each pipeline to two prompts."""
    return [
        {
            "model": MODEL, "task": TASK, "pipeline": pipeline, "truth": "acceptable",
            "prompt": f"Is this sentence acceptable?\n{sentence}\nAnswer:",
            "answers": {"base": "The the of", first: "acceptable", pipeline: ""},
        }
        for pipeline, first in PIPELINES.items()
        for sentence in ("The author laughed.", "The author that the guards like laugh.")
    ]  # fmt: skip


def stages() -> list[dict[str, Any]]:
    """Both stages of both pipelines, one row a seed."""
    options = {"learning_rate": 0.0003, "kl": 0.0, "group": 8, "warmup": None, "betas": [0.9, 0.95]}
    return [
        {
            "node": node, "model": MODEL, "task": TASK, "spec": f"{kind}-3f9a1c22b0d{seed}",
            "kind": kind, "seed": seed, "steps": 200, "wall_seconds": 31.25 * (seed + 1),
            "device": "cpu", "reused": seed == 1, "options": options,
            "start": None if node == "sft" else "SFTSpec-77aa01be44c1",
        }
        for node, kind in (("sft", "SFTSpec"), ("sft_then_rl", "GRPOSpec"))
        for seed in SEEDS
    ]  # fmt: skip


def example_record() -> dict[str, Any]:
    """A record with something in each of its parts; invented, and the same at every call."""
    noise = Random(7)
    return {
        "schema": 1, "created": "2026-02-03T04:05:06+00:00", "claims": claims(),
        "stages": stages(), "curves": curves(noise), "abilities": abilities(noise),
        "groups": groups(),
        "completions": completions(),
        "constants": {TASK: {
            "optimal_loss": 0.325, "demonstrator_reward": 0.8, "majority_reward": 0.4,
            "label_noise": 0.1, "items": 600, "note": "an example, invented",
        }},
        "environment": {
            "python": "3.11.7", "platform": "an example, not a machine", "cpu": "none",
            "packages": {"torch": "2.13.0", "plotly": "7.1.0"}, "commit": "abc", "dirty": True,
            "command": "pytest suites", "seconds": 421.0, "trained": 13, "reused": 0,
        },
    }  # fmt: skip


def of_models(count: int) -> dict[str, Any]:
    """The example's runs and claims as those of so many models."""
    record = example_record()
    for part in ("claims", "curves", "abilities", "groups", "completions", "stages"):
        record[part] = [
            row | {"model": f"model {n}"} for n in range(count) for row in example_record()[part]
        ]
    return record
