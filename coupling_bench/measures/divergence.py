"""How far one policy is from another, exact over the closed set of answers."""

from __future__ import annotations

import numpy as np

from coupling_bench.measures.policies import demonstrators, outcomes
from coupling_bench.runs import Array, Observation, Runs, Split, observe
from coupling_bench.theory.policies import kl_by_prompt


def reverse_kl(runs: Runs, reference: Runs, prompts: Split) -> Array | None:
    """KL(policy || reference) of the final checkpoints at temperature 1, nats/sequence, ``(S,)``.

    mean_x sum_y pi(y|x) (log pi(y|x) - log ref(y|x)), exact: over the answers with their end of
    sequence, and everything else as one outcome. Trap: lumping what is no answer together leaves
    out how the policies differ there, so the number is a lower bound; it is sharp where
    ``other_mass`` is near zero. None where answers are open: it would have to be sampled from one
    policy and scored by the other. Source: the divergence whose multiple by beta is the penalty of
    RL in arXiv:2601.07389v1, section 3.
    """
    pairs = list(zip(observe(runs, prompts), observe(reference, prompts), strict=True))
    if not pairs[0][0].closed:
        return None
    return np.array([kl_by_item(policy, other).mean() for policy, other in pairs])


def frequency_shift(runs: Runs, prompts: Split) -> Array | None:
    """KL(mean p_D || mean pi) of the answers' frequencies over all prompts, nats, ``(S,)``.

    The part of E KL(p_D || pi) = L - L* that a wrong label prior makes, by the chain rule: mean
    p_D(y) = E_q p_D(y|x), and likewise of the policy; what is left is between sentences and
    answers, and may be negative. Exact, anything else as one more answer. None where answers are
    open. Source: derived from the chain rule of relative entropy.
    """
    found = []
    for observation in observe(runs, prompts):
        if not observation.closed:
            return None
        answers, shown = outcomes(observation), demonstrators(observation)
        found.append(float(kl_by_prompt(shown.mean(axis=0), answers.mean(axis=0))))
    return np.array(found)


def kl_by_item(policy: Observation, reference: Observation) -> Array:
    """KL(policy || reference) of the last snapshots on each item, in nats/sequence, ``(P,)``.

    Exact over a closed set of answers and everything else as one outcome. Trap: what a policy that
    nearly always answers leaves to everything else is lost in rounding, and 0 would make the
    divergence infinite; see ``policies.ROUNDING``.
    """
    return kl_by_prompt(outcomes(policy), outcomes(reference))
