"""Sums of three cards, answered step by step: ``JQK=10 7+Q+5`` by ``7+10=17 17+5=22``.

The prompt states the rule that face cards are worth; the answer adds the cards one by one, from the
first or from the last, and its last number is the result. Demonstrators choose the direction at a
known share, and in each addition say one too many at a known rate; they carry a slip on. What they
may say is a finite set, so that p_D of every answer, L* and J_D are exact, while the answers of a
policy stay open. Slips go one way because the loss is summed over all of the set: 2^n members for n
additions and not 3^n.

Splits: held-out hands are never trained on. Out of domain stand the same hands under other rules,
so that nothing but the rule differs; and every hand has a face card, so that every prompt needs its
rule. Number cards go on to 13: SFT sees the additions that the other rules ask for.
"""

from __future__ import annotations

import functools
import itertools
import math
import random
from collections.abc import Sequence

from coupling_bench.specs import ArithmeticSpec
from coupling_bench.tasks import Item, Task
from coupling_bench.verifiers import derivations

FACES = "JQK"
SLIPS = (0, 1)

Hand = tuple[int | str, ...]
"""Cards in their order: a number, or the letter of a face."""


def load(spec: ArithmeticSpec) -> Task:
    """Return the task of a spec: its splits, p_D and the verifier.

    Raises:
        ValueError: more hands are held out than there are, or a number is out of range.
    """
    _check(spec)
    held_out, training = _dealt(spec, spec.cards)
    longer, longer_training = _dealt(spec, spec.cards + 1)
    rules = spec.other_face_values
    draw = random.Random(f"arithmetic/pretraining/{spec.seed}")
    pretraining = [
        _item(spec, draw.choice(pool), draw.choice((spec.face_value, *rules)))
        for pool in draw.choices((training, longer_training), k=spec.pretraining_size)
    ]
    again = itertools.islice(itertools.cycle(training), spec.prompts_size)
    prompted = tuple(_item(spec, hand, spec.face_value) for hand in again)
    return Task(
        spec=spec,
        splits={
            "pretraining": tuple(pretraining),
            "sft": prompted,
            "rl": prompted,
            "held_out": tuple(_item(spec, hand, spec.face_value) for hand in held_out),
            "out_of_domain": tuple(
                _item(spec, hand, rules[place % len(rules)]) for place, hand in enumerate(held_out)
            ),
            "longer": tuple(_item(spec, hand, spec.face_value) for hand in longer),
        },
        verify=derivations.rewards,
        support=lambda item, slip_rate: support(
            item.columns["values"],
            spec.slip_rate if slip_rate is None else slip_rate,
            spec.left_to_right_share,
        ),
    )


@functools.lru_cache(maxsize=4096)
def support(
    values: tuple[int, ...], slip_rate: float, left_to_right_share: float
) -> tuple[tuple[str, float], ...]:
    """Return every derivation of a hand's sum with its probability, the flawless one first.

    Args:
        values: what each card is worth; the first and the last differ, so that the two directions
            never say the same.
        slip_rate: share of the additions that come to one too many.
        left_to_right_share: share of the derivations that begin with the first card.
    """
    chances = (1 - slip_rate, slip_rate)
    directions = ((values, left_to_right_share), (values[::-1], 1 - left_to_right_share))
    return tuple(
        (derivation(ordered, slips), share * math.prod(chances[slip] for slip in slips))
        for ordered, share in directions
        for slips in itertools.product(SLIPS, repeat=len(values) - 1)
    )


def derivation(values: Sequence[int], slips: Sequence[int]) -> str:
    """Return the text that adds values one by one, each addition off by its slip, carried on."""
    total, steps = values[0], []
    for value, slip in zip(values[1:], slips, strict=True):
        steps.append(f"{total}+{value}={total + value + slip}")
        total += value + slip
    return " ".join(steps)


def entropy(spec: ArithmeticSpec, split: str) -> float:
    """Return L* = H(p_D) of a split in nats per sequence.

    The direction and each of n additions are drawn independently: H = h(share) + n h(rate), with
    the binary entropy h.
    """
    additions = spec.cards if split == "longer" else spec.cards - 1
    return _binary_entropy(spec.left_to_right_share) + additions * _binary_entropy(spec.slip_rate)


def wrong_rate(spec: ArithmeticSpec) -> float:
    """Return the probability that a demonstration of an in-domain hand ends with a wrong number."""
    return 1.0 - (1.0 - spec.slip_rate) ** (spec.cards - 1)


def _binary_entropy(rate: float) -> float:
    return -sum(p * math.log(p) for p in (rate, 1 - rate) if p > 0)


def _item(spec: ArithmeticSpec, hand: Hand, face_value: int) -> Item:
    values = tuple(face_value if isinstance(card, str) else card for card in hand)
    rule = f"{FACES}={face_value}"
    return Item(
        text=f"{rule} {'+'.join(map(str, hand))}",
        response=derivation(values, [0] * (len(values) - 1)),
        group=rule,
        columns={"values": values},
    )


def _dealt(spec: ArithmeticSpec, cards: int) -> tuple[Sequence[Hand], Sequence[Hand]]:
    """Return the hands that are held out and those that are trained on, in a random order."""
    hands = [
        hand
        for hand in itertools.product((*range(1, spec.highest_card + 1), *FACES), repeat=cards)
        if _is_hand(spec, hand)
    ]
    if spec.held_out_size >= len(hands):
        raise ValueError(
            f"{spec.name}: {spec.held_out_size:,} hands of {cards} cards are to be held out, and "
            f"there are {len(hands):,} with a face card, some of which are needed to train on. "
            "Lower held_out_size, or raise highest_card."
        )
    random.Random(f"arithmetic/{cards}/{spec.seed}").shuffle(hands)
    return hands[: spec.held_out_size], hands[spec.held_out_size :]


def _is_hand(spec: ArithmeticSpec, hand: Hand) -> bool:
    """Say whether a hand has a face card, and ends that are worth different under every rule."""
    if not any(isinstance(card, str) for card in hand):
        return False
    first, last = hand[0], hand[-1]
    if isinstance(first, str) and isinstance(last, str):
        return False
    worth = {spec.face_value, *spec.other_face_values}
    if isinstance(first, str) or isinstance(last, str):
        return not worth & {first, last}
    return first != last


def _check(spec: ArithmeticSpec) -> None:
    if spec.cards < 2 or spec.highest_card < 2:
        raise ValueError(
            f"{spec.name}: found cards = {spec.cards} and highest_card = {spec.highest_card}; "
            "needed 2 at least of each, or there is nothing to add."
        )
    for name in ("slip_rate", "left_to_right_share"):
        if not 0.0 <= getattr(spec, name) <= 1.0:
            raise ValueError(f"{spec.name}: {name} = {getattr(spec, name)}, needed 0 to 1.")
    if not spec.other_face_values or spec.face_value in spec.other_face_values:
        raise ValueError(
            f"{spec.name}: the rules out of domain are {spec.other_face_values}, needed one at "
            f"least, and none that is face_value = {spec.face_value}."
        )
