"""An example record of `coupling-bench measure`: every number in it is invented."""

from typing import Any


def measured(estimate: float | None, half: float = 0.02) -> dict[str, Any]:
    """An estimate with an interval around it."""
    ends = [None, None] if estimate is None else [estimate - half, estimate + half]
    return {"estimate": estimate, "interval": ends}


def checkpoint(name: str, loss: float, reward: float, **changes: Any) -> dict[str, Any]:
    """One checkpoint's row."""
    return {
        "name": name, "source": f"/models/{name}", "revision": None, "spec": "ImportSpec-0123",
        "prompts": "plain", "prompt_template": "{sentence}\n", "device": "cpu",
        "first_prompt": "The cat sleeps .\n", "loss": measured(loss), "reward": measured(reward),
        "mean_at_1_robust": measured(reward), "mean_at_1_strict": measured(reward),
        "accuracy": measured(0.9), "mcc": measured(0.8), "other_mass": 0.001,
        "sub_optimality": loss - 0.325,
    } | changes  # fmt: skip


def bound(state: str, slack: float | None) -> dict[str, Any]:
    """One bound in a state."""
    return {
        "name": f"Bound that is {state}", "says": "dL >= 2 dJ^2 / w^2", "source": "an example",
        "state": state, "limit": 0.1, "observed": 0.3, "slack": slack, "note": "epsilon = 0.01",
    }  # fmt: skip


def kl(policy: str, reference: str, value: float | None, **changes: Any) -> dict[str, Any]:
    """One divergence."""
    names = {
        "policy": policy,
        "reference": reference,
        "estimator": "exact",
        "bias": "a lower bound",
    }
    return {**names, "estimator": "exact", "bias": "a bound", **measured(value), **changes}


def example_measurement() -> dict[str, Any]:
    """Two checkpoints and their pair, one bound in each state."""
    pair = {
        "first": "sft", "second": "mine", "loss_change": measured(0.41),
        "reward_change": measured(-0.2),
        "kl": [kl("mine", "sft", 0.12), kl("sft", "mine", 0.4, estimator="k1", k3=measured(0.39))],
        "bounds": [
            bound("holds", 0.2), bound("broken", -0.1), bound("inconclusive", -0.01),
            bound("not applicable", None),
        ],
    }  # fmt: skip
    section = {
        "task": "grammar", "split": "held_out", "items": 600, "answers": "closed",
        "note": "95 % intervals are over items.", "optimal_loss": 0.325,
        "demonstrator_reward": 0.8, "majority_reward": 0.4,
        "checkpoints": [checkpoint("sft", 0.335, 0.79), checkpoint("mine", 0.745, 0.99)],
        "pairs": [pair],
    }  # fmt: skip
    return {
        "schema": 1, "created": "2026-01-02T03:04:05+00:00", "claims": [], "measurement": section,
        "environment": {"python": "3.11", "command": "coupling-bench measure"},
    }  # fmt: skip
