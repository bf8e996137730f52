"""Values, gradients and products with Hessians of a model's objectives, in fp64."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from coupling_bench.stages.objectives import LEAST_REST, Objective

VALUES = ("loss", "reward", "grpo", "among_answers")
"""What has a gradient here, see ``Surface.values``."""
GRPO_SPREAD = 1e-4
"""What TRL adds to the standard deviation that it divides by (``scale_rewards="group"``)."""


def twice_differentiable() -> AbstractContextManager[None]:
    """Return a context in which attention has a second derivative: its fused kernels have none.

    Transformers' eager attention would do, but takes its softmax in fp32, whatever the model is in.
    """
    return sdpa_kernel(SDPBackend.MATH)


class Surface:
    """A model on the N prompts of an objective, as a function of its weights.

    Second derivatives need ``twice_differentiable`` around them.
    """

    def __init__(self, model: Any, objective: Objective):
        """Look at ``model``, whose weights this object moves, on the prompts of ``objective``."""
        self.model, self.objective = model, objective
        self.parameters = [p for p in model.parameters() if p.requires_grad]

    @property
    def weights(self) -> Tensor:
        """All weights as one vector ``(D,)``, a copy."""
        return torch.cat([p.detach().flatten() for p in self.parameters])

    @torch.no_grad()
    def place(self, weights: Tensor) -> None:
        """Put the model at ``weights`` ``(D,)``."""
        sizes = [p.numel() for p in self.parameters]
        for parameter, part in zip(self.parameters, weights.split(sizes), strict=True):
            parameter.copy_(part.view_as(parameter))

    def logps(self, places: Iterable[int] | None = None) -> Tensor:
        """Return log pi(y, end|x) of every answer to the prompts, ``(P, A)``, with gradient."""
        chosen = range(len(self.objective)) if places is None else list(places)
        return self.objective.logps(self.model, chosen)

    def values(self, logps: Tensor) -> dict[str, Tensor]:
        """Return what has a gradient, as means over the prompts.

        ``loss``: the SFT loss L on the exact p_D, nats per sequence. ``reward``: the exact J; its
        gradient is what GRPO follows with ``scale_rewards="none"``. ``grpo``: not GRPO's loss but
        what has its direction with ``scale_rewards="group"``, sum_x grad J_x / (sigma_x + 1e-4),
        sigma_x being the exact spread of the reward under the policy, held constant.
        ``among_answers``: L of the policy renormalised over the closed set of answers; the rest of
        L is what the policy leaves to anything else.
        """
        demonstrated, rewards = self.objective.demonstrated, self.objective.rewards
        other = self.objective.other_reward
        chances = logps.exp()
        rest = 1 - chances.sum(dim=1)
        earned = (chances * rewards).sum(dim=1) + rest * other
        with torch.no_grad():
            squares = (chances * rewards**2).sum(dim=1) + rest * other**2
            spread = (squares - earned**2).clamp(min=0).sqrt() + GRPO_SPREAD
        among = logps - logps.logsumexp(dim=1, keepdim=True)
        return {
            "loss": -(demonstrated * logps).sum(dim=1).mean(),
            "reward": earned.mean(),
            "grpo": (earned / spread).mean(),
            "among_answers": -(demonstrated * among).sum(dim=1).mean(),
        }

    def gradient(self, value: Tensor, **options: Any) -> Tensor:
        """Return the gradient of a value by all weights, ``(D,)``."""
        parts = torch.autograd.grad(value, self.parameters, **options)
        return torch.cat([part.flatten() for part in parts])

    def gradients(self, names: Iterable[str] = VALUES) -> tuple[Tensor, Tensor]:
        """Return log pi(y, end|x) ``(N, A)`` and the gradients of values ``(V, D)``."""
        logps = self.logps()
        values = self.values(logps)
        found = [self.gradient(values[name], retain_graph=True) for name in names]
        return logps.detach(), torch.stack(found)

    def hessian_product(self, name: str) -> Callable[[Tensor], Tensor]:
        """Return v -> H v for the Hessian of a value where the model is, by double backward.

        The model must stay there as long as the function is used.
        """
        slope = self.gradient(self.values(self.logps())[name], create_graph=True)
        return lambda vector: self.gradient(slope @ vector, retain_graph=True).detach()

    def fisher_factor(self) -> Tensor:
        """Return the rows ``(N * (A + 1), D)`` whose squares sum to the Fisher matrix, F = G'G.

        F = E_q sum_o pi(o|x) grad log pi(o|x) grad log pi(o|x)', over the answers and anything else
        as one outcome: the Gauss-Newton part of L's Hessian wherever p_D is pi.
        """
        rows = []
        for place in range(len(self.objective)):
            logps = self.logps([place])[0]
            chances = logps.detach().exp()
            rest = (1 - chances.sum()).clamp(min=LEAST_REST["float64"])
            of_answers = torch.stack([self.gradient(v, retain_graph=True) for v in logps])
            of_rest = -(chances[:, None] * of_answers).sum(dim=0, keepdim=True) / rest
            weights = torch.cat([chances, rest[None]]).sqrt()[:, None]
            rows.append(torch.cat([of_answers, of_rest]) * weights)
        return torch.cat(rows) / len(self.objective) ** 0.5
