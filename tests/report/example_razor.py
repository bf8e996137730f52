"""Example rows of RL's Razor for the tests of the page: every number in them is invented."""

from random import Random
from typing import Any

from tests.report.example_record import SEEDS

Rows = list[dict[str, Any]]
LINEAR, SQUARE = 0.02, 0.1
METHODS = {"SFT": 0.1, "GRPO": 0.8, "DPO": 0.4}
"""How far each goes."""


def razor(noise: Random) -> dict[str, Rows]:
    """Points of three methods and the curve of each seed, by either kind of answers."""
    points, fits = [], []
    for answers in ("sampled answers", "likeliest answers"):
        for seed in SEEDS:
            fits.append({
                "answers": answers, "over": "session", "form": "quadratic", "seed": seed,
                "points": 3, "r_squared": 0.7, "r_squared_of_methods_left_out": -0.4,
                "rank_correlation": 0.9, "constant": None, "linear": LINEAR, "square": SQUARE,
            })  # fmt: skip
            for method, far in METHODS.items():
                said, off = LINEAR * far + SQUARE * far**2, noise.gauss(0, 0.01)
                points.append({
                    "answers": answers, "node": method.lower(), "seed": seed, "step": 10,
                    "method": method, "path": method, "forward_kl": far, "exact": True,
                    "forgetting": said + off, "choices_forgotten": 0.0, "gain": 0.1,
                    "predicted": said, "residual": off,
                })  # fmt: skip
    return {"razor": points, "razor_fits": fits}
