"""Flows whose landscape is known in closed form: a table of logits, two answers, a weight a prompt.

p_n = sigmoid(z_n) is the chance of the true answer, p_D gives it 1 - noise_n, and the reward is +1
or -1. All Hessians are diagonal, and that of the loss is the Fisher matrix.
"""

import numpy as np

from coupling_bench.pipelines import NODES, landscape_of
from coupling_bench.runs import Runs
from tests.tiny import recipe

RANKS = (1, 3)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class Table:
    """Loss and reward of N prompts by their logits ``(N,)``."""

    def __init__(self, noise):
        self.noise = np.asarray(noise)

    def loss(self, z):
        return float(np.mean(np.logaddexp(0, -z) + self.noise * z))

    def reward(self, z):
        return float(np.mean(2 * sigmoid(z) - 1))

    def loss_gradient(self, z):
        return (sigmoid(z) - 1 + self.noise) / len(z)

    def reward_gradient(self, z):
        return 2 * self.curvature(z)

    def grpo(self, z):
        """Each prompt's gradient over the spread of its reward, 2 sqrt(p (1 - p))."""
        spread = 2 * np.sqrt(sigmoid(z) * (1 - sigmoid(z)))
        return self.reward_gradient(z) / (spread + 1e-4)

    def curvature(self, z):
        """The diagonal of the loss's Hessian, and of the Fisher matrix."""
        return sigmoid(z) * (1 - sigmoid(z)) / len(z)

    def path(self, start, rate, steps, objective):
        """Gradient descent on the loss or ascent on the reward, every step, ``(T, N)``."""
        found = [np.asarray(start, dtype=float)]
        for _ in range(steps):
            slope = self.reward_gradient if objective == "reward" else self.loss_gradient
            sign = 1 if objective == "reward" else -1
            found.append(found[-1] + sign * rate * slope(found[-1]))
        return np.array(found)

    def arrays(self, path):
        """What ``observing.run`` would write of a path."""
        start, moves = path[0], path - path[0]
        rows = [(self.loss_gradient(z), self.reward_gradient(z), self.grpo(z)) for z in path]
        gradients = np.array([[*row, row[0]] for row in rows])
        values = self.curvature(start)
        order = np.argsort(-values)
        parts = gradients[0][:, order]
        along = [[(m**2 * self.curvature(start + a * m)).sum() for a in (0, 0.5, 1)] for m in moves]
        logps = np.stack([-np.logaddexp(0, -path), -np.logaddexp(0, path)], axis=2)
        draws = np.array([gradients[0][0], gradients[0][0], gradients[0][1], gradients[0][1]])
        return {
            "steps": np.arange(len(path)),
            "answer_logps": logps,
            "demonstrated": np.stack([1 - self.noise, self.noise], axis=1),
            "rewards": np.tile([1.0, -1.0], (len(start), 1)),
            "other_reward": np.array(-1.0),
            "products": np.einsum("tvd,twd->tvw", gradients, gradients),
            "smoothness": np.array([self.curvature(z).max() for z in path]),
            "ranks": np.array(RANKS),
            "weights": np.array(len(start)),
            "spectrum_steps": np.array([0]),
            "eigenvalues": values[order][None],
            "inside": np.array([[parts[:, :k] @ parts[:, :k].T for k in RANKS]]),
            "elsewhere": (draws @ draws.T)[None],
            "bends": np.zeros(3),
            "distance": np.linalg.norm(moves, axis=1),
            "slope": moves @ gradients[0][0],
            "curvature": np.array(along),
            "fisher": (moves**2 * values).sum(axis=1),
            "moved_inside": np.array([[(m[order][:k] ** 2).sum() for k in RANKS] for m in moves]),
        }


def runs(store, node, per_seed) -> Runs:
    """Write the arrays of one flow a seed into ``store`` as those of a node; return its Runs."""
    stages = tuple(NODES[node](recipe(), seed) for seed in range(len(per_seed)))
    for stage, arrays in zip(stages, per_seed, strict=True):

        def make(folder, arrays=arrays):
            np.savez_compressed(folder / "landscape.npz", **arrays)
            return {}

        store.get_or_make(landscape_of(stage), make)
    return Runs(node=node, seeds=tuple(range(len(stages))), stages=stages, store=store)
