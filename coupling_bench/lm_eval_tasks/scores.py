"""From lm-eval's answers to metrics, with the parsers and equations of coupling_bench."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from coupling_bench.answers import REWARD_RIGHT, REWARD_WRONG, parse_robust, parse_strict
from coupling_bench.measures.ability import matthews
from coupling_bench.specs import ColaSpec

ANSWERS = ColaSpec.answers
Parser = Callable[[str, Sequence[str]], int | None]
Pair = tuple[int, int]
"""Indices of the true answer and of the model's."""


def of_likelihoods(
    doc: Mapping[str, Any], results: Sequence[tuple[float, bool]]
) -> dict[str, float | Pair]:
    """Return one item's metrics from its requests' log-likelihoods (``likelihood.parts``).

    Whatever is no answer, to the letter and with its end of sequence, earns the reward of a wrong
    one.
    """
    scored = np.array([logp for logp, _ in results])
    truth, guess = int(doc["truth"]), int(scored[: len(ANSWERS)].argmax())
    logps = scored[: len(ANSWERS)] - scored[len(ANSWERS) :].sum()
    probabilities = np.exp(logps)
    right = probabilities[truth]
    return {
        "acc": float(guess == truth),
        "mcc": (truth, guess),
        "balanced_accuracy": (truth, guess),
        "expected_reward": float(right * REWARD_RIGHT + (1.0 - right) * REWARD_WRONG),
        "nll": -float(logps[truth]),
        "other_mass": 1.0 - float(probabilities.sum()),
    }


def of_completions(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Return one item's metrics from its completion, after a filter."""
    right = results[0] == ANSWERS[doc["truth"]]
    return {
        "reward": REWARD_RIGHT if right else REWARD_WRONG,
        "answered": float(results[0] in ANSWERS),
    }


def last_answers(responses: Iterable[Sequence[str]], docs: Sequence[Any]) -> list[list[str]]:
    """Filter: the answer that occurs last in a text as a word, or nothing."""
    return _parsed(responses, parse_robust)


def exact_answers(responses: Iterable[Sequence[str]], docs: Sequence[Any]) -> list[list[str]]:
    """Filter: the answer that a text is to the letter, or nothing."""
    return _parsed(responses, parse_strict)


def mcc(pairs: Sequence[Pair]) -> float:
    """Matthews' correlation of guess and truth, in [-1, 1]; 0 for a constant guess."""
    return float(matthews(_confusion(pairs)))


def balanced_accuracy(pairs: Sequence[Pair]) -> float:
    """Mean over the truths that occur of the share judged right; 1/2 for a constant guess."""
    confusion = _confusion(pairs)
    occurring = confusion[confusion.sum(axis=1) > 0]
    right = np.diag(confusion)[confusion.sum(axis=1) > 0]
    return float((right / occurring.sum(axis=1)).mean())


def _confusion(pairs: Sequence[Pair]) -> np.ndarray:
    counts = np.zeros((len(ANSWERS), len(ANSWERS)))
    for truth, guess in pairs:
        counts[truth, guess] += 1
    return counts


def _parsed(responses: Iterable[Sequence[str]], parse: Parser) -> list[list[str]]:
    found = [[parse(text, ANSWERS) for text in texts] for texts in responses]
    return [["" if at is None else ANSWERS[at] for at in places] for places in found]
