"""PEAR's weights, from what the policy and the demonstrators give each token of a response."""

from __future__ import annotations

import torch
from torch import Tensor

from coupling_bench.specs import PEARSpec


def log_weights(policy: Tensor, demonstrator: Tensor, mask: Tensor, spec: PEARSpec) -> Tensor:
    """Return the logarithm of each response token's weight, in nats, ``(B, T)``; 0 outside of it.

    With delta_t = log pi_theta(y_t) - log pi_beta(y_t), clipped, and a response of T tokens, which
    is its own length whatever the width: exp(sum of delta after t) gamma^(T - t) for a token; the
    same for a block with its last token instead of t; exp(sum of all delta) for a sequence. Source:
    arXiv:2602.01058v1, second-hand (``specs.pear``).

    Args:
        policy: log pi_theta(y_t | x, y_<t), in nats, ``(B, T)``; its gradient is stopped.
        demonstrator: log pi_beta(y_t | x, y_<t) of who wrote the responses, ``(B, T)``.
        mask: whether there is a token, ``(B, T)``; responses begin at 0 and have no gaps.
        spec: the level and the constants.
    """
    ratios = policy.detach().double() - demonstrator.double()
    ratios = ratios.clamp(*spec.delta_clip).masked_fill(~mask, 0.0)
    from_here = ratios.flip(1).cumsum(1).flip(1)
    if spec.level == "sequence":
        logs = from_here[:, :1].expand_as(ratios)
    else:
        size = spec.block_size if spec.level == "block" else 1
        lengths = mask.sum(1, keepdim=True)
        blocks = torch.arange(mask.size(1), device=mask.device) // size
        ends = torch.minimum((blocks + 1) * size, lengths)  # of tokens until the block is over
        after = torch.nn.functional.pad(from_here, (0, 1)).gather(1, ends)
        logs = after + (lengths - ends) * torch.tensor(spec.gamma, dtype=torch.double).log()
    return logs.clamp(*spec.log_weight_clip).masked_fill(~mask, 0.0)
