"""The SFT loss: cross-entropy of the demonstrators' answers under the policy."""

from __future__ import annotations

import math

import numpy as np

from coupling_bench.runs import Array, Observation, Runs, Split, observe
from coupling_bench.specs import ArithmeticSpec, TaskSpec
from coupling_bench.tasks import arithmetic, label_noise, optimal_loss_is_known
from coupling_bench.tasks.forms import form_shares


def cross_entropy(answer_logps: Array, demonstrated: Array) -> Array:
    """Cross-entropy of the demonstrators' answers, in nats per sequence, shape ``(...)``.

    L = mean_x sum_y p_D(y|x) * -log pi(y, end|x)

    The mean is over prompts; the inner sum is exact, over the closed set of answers, and not over
    sampled labels. Trap: a mean of batch means depends on the batch size; this has no batches.

    Args:
        answer_logps: ``(..., P, A)``, log-probability of each answer with its end of sequence.
        demonstrated: ``(P, A)``, the demonstrators' probabilities p_D.

    Source: L(p) of Niu et al., arXiv:2601.07389v1, section 3.

    >>> cross_entropy(np.log([[0.5, 0.25]]), np.array([[1.0, 0.0]])).round(4)
    np.float64(0.6931)
    """
    if answer_logps.shape[-2:] != demonstrated.shape:
        raise ValueError(
            f"cross_entropy: answer_logps has shape {answer_logps.shape}, demonstrated has shape "
            f"{demonstrated.shape}; the last two axes (P, A) must agree."
        )
    return -(answer_logps * demonstrated).sum(axis=-1).mean(axis=-1)


def sft_loss(runs: Runs, demonstrations: Split) -> Array:
    """SFT loss of the final checkpoints on held-out items, in nats per sequence, ``(S,)``."""
    return np.array([loss_curve(o)[-1] for o in observe(runs, demonstrations)])


def sft_loss_per_token(runs: Runs, demonstrations: Split) -> Array:
    """SFT loss in nats per token, ``(S,)``: all nats over all tokens, end of sequence included."""
    return np.array(
        [loss_curve(o)[-1] / _tokens_per_sequence(o) for o in observe(runs, demonstrations)]
    )


def loss_curve(observation: Observation) -> Array:
    """SFT loss of every snapshot, in nats per sequence, ``(N,)``."""
    return cross_entropy(observation.answer_logps, observation.demonstrated)


def sft_loss_at_best_temperature(runs: Runs, demonstrations: Split) -> Array:
    """SFT loss after dividing all logits by the one temperature that fits best, ``(S,)``.

    In nats per sequence. What of a rise disappears here was sharpening: the policy became surer of
    the same answers. The temperature is fitted on the items that it is scored on, over a grid of
    ratio 2^(1/8); one parameter on hundreds of items biases the loss by about 1/(2P).
    """
    return np.array(
        [
            cross_entropy(o.tempered_answer_logps, o.demonstrated).min()
            for o in observe(runs, demonstrations)
        ]
    )


def best_temperature(runs: Runs, demonstrations: Split) -> Array:
    """The temperature of ``sft_loss_at_best_temperature``, without unit, ``(S,)``."""
    return np.array(
        [
            o.temperatures[cross_entropy(o.tempered_answer_logps, o.demonstrated).argmin()]
            for o in observe(runs, demonstrations)
        ]
    )


def optimal_loss(task: TaskSpec, split: str = "held_out") -> float | None:
    """The smallest possible SFT loss L* = H(p_D) in nats per sequence; None where p_D is unknown.

    Annotators who flip the truth with rate eta have the binary entropy
    h(eta) = -eta log eta - (1 - eta) log(1 - eta), and as much again for the share of other
    words. Of derivations it is the sum over their draws, and longer ones have more.
    """
    if isinstance(task, ArithmeticSpec):
        return arithmetic.entropy(task, split)
    if not optimal_loss_is_known(task):
        return None
    eta = label_noise(task)
    return -sum(p * math.log(p) for p in (eta, 1 - eta, *form_shares(task)) if p > 0)


def sub_optimality(runs: Runs, demonstrations: Split) -> Array | None:
    """Epsilon = L - L* = E KL(p_D || pi) in nats per sequence, ``(S,)``; None if L* is unknown."""
    best = optimal_loss(runs.task, demonstrations.name)
    return None if best is None else sft_loss(runs, demonstrations) - best


def _tokens_per_sequence(observation: Observation) -> float:
    return float((observation.demonstrated * observation.answer_tokens).sum(axis=1).mean())
