"""What the demonstrators' policy gives each token, from p_D over a finite set of answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from trl.data_utils import common_prefix_length

from coupling_bench.stages.tokens import Row

NO_LABEL = -100


def conditionals(answers: Sequence[Row], shares: Sequence[float], shown: int) -> list[float]:
    """Return log pi_beta(y_t | x, y_<t) of each token of the answer that was shown, in nats.

    Exact: the mass of the answers that begin as y_1 ... y_t does, over that of those that begin as
    y_1 ... y_(t-1) does; the end of sequence is a token. Of an answer that is never given: -inf
    where it leaves those that are, and from there on.

    Args:
        answers: the rows of A answers to one prompt, whose labelled tokens are the answer.
        shares: p_D(y | x), ``(A,)``, which add up to 1.
        shown: which of them it is.
    """
    responses = [[label for label in row["labels"] if label != NO_LABEL] for row in answers]
    said = responses[shown]
    mass = [0.0] * (len(said) + 1)
    for response, share in zip(responses, shares, strict=True):
        for end in range(common_prefix_length(said, response) + 1):
            mass[end] += float(share)
    return [math.log(part / whole) if part > 0.0 else -math.inf for whole, part in pairwise(mass)]
