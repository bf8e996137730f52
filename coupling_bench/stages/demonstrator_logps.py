"""What the demonstrators' policy gives each token, from p_D over a closed set of answers."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from coupling_bench.stages.tokens import Row

NO_LABEL = -100


def conditionals(answers: Sequence[Row], shares: Sequence[float]) -> list[list[float]]:
    """Return log pi_beta(y_t | x, y_<t) of every token of every answer to one prompt, in nats.

    Exact: the mass of the answers that begin as y_1 ... y_t does, over that of those that begin as
    y_1 ... y_(t-1) does; the end of sequence is a token. Of an answer that is never given: -inf
    where it leaves those that are, and from there on.

    Args:
        answers: the rows of A answers to one prompt, whose labelled tokens are the answer.
        shares: p_D(y | x), ``(A,)``, which add up to 1.
    """
    responses = [
        tuple(label for label in answer["labels"] if label != NO_LABEL) for answer in answers
    ]
    mass: dict[tuple[int, ...], float] = defaultdict(float)
    for response, share in zip(responses, shares, strict=True):
        for end in range(len(response) + 1):
            mass[response[:end]] += float(share)
    return [
        [_log_ratio(mass[response[: t + 1]], mass[response[:t]]) for t in range(len(response))]
        for response in responses
    ]


def _log_ratio(part: float, whole: float) -> float:
    return math.log(part / whole) if part > 0.0 else -math.inf
