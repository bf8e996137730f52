"""Sums of cards: p_D, L*, J_D and splits, against enumeration that shares no code with the task."""

import hashlib
import itertools
import math
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from coupling_bench import scales, tasks
from coupling_bench.measures import loss
from coupling_bench.pipelines import observed_splits, splits_of
from coupling_bench.stages.pretrain import documents
from coupling_bench.tasks import arithmetic
from tests.tiny import EMBEDDED

SMOKE = scales.task("arithmetic", "smoke")
SMALL = replace(scales.task("arithmetic", "small"), pretraining_size=2_000)
EVALUATED = ("held_out", "out_of_domain", "longer")
DIGEST = "515c53705dc3d79e"


def read(item):
    """Values of the cards, from the prompt's text alone."""
    rule, hand = re.fullmatch(r"JQK=(\d+) ([\dJQK+]+)", item.text).groups()
    return [int(rule) if card in "JQK" else int(card) for card in hand.split("+")]


def spoken(values, right_to_left, slips):
    """The derivation of a person who slips so, said by another loop than the task's."""
    cards, said, total = list(reversed(values)) if right_to_left else list(values), [], None
    total = cards.pop(0)
    while cards:
        card, result = cards[0], total + cards.pop(0) + slips[len(said)]
        said.append(f"{total}+{card}={result}")
        total = result
    return " ".join(said), total


def by_enumeration(spec, values):
    """p_D of a hand: ``{text: (probability, whether the result is right)}``."""
    rates = {0: 1 - spec.slip_rate, 1: spec.slip_rate}
    found = {}
    for reverse, slips in itertools.product(
        (False, True), itertools.product(rates, repeat=len(values) - 1)
    ):
        text, total = spoken(values, reverse, slips)
        share = 1 - spec.left_to_right_share if reverse else spec.left_to_right_share
        chance = share * math.prod(rates[slip] for slip in slips)
        assert text not in found  # no derivation can be meant in two ways
        found[text] = (chance, total == sum(values))
    return found


@pytest.mark.parametrize("split", EVALUATED)
@pytest.mark.parametrize(("slip_rate", "share"), [(0.1, 0.7), (0.0, 0.5), (0.4, 1.0)])
def test_what_demonstrators_may_say_is_known_exactly(split, slip_rate, share):
    """Texts, p_D, L*, J_D and the verifier, on every item of every evaluated split."""
    spec = replace(SMOKE, slip_rate=slip_rate, left_to_right_share=share)
    task = tasks.load(spec)
    items, p_d = task.splits[split], task.demonstrated(split)
    entropies, earned = [], []
    for item, chances in zip(items, p_d, strict=True):
        known, texts = by_enumeration(spec, read(item)), task.candidates(item)
        rewards = task.rewards([item] * len(texts), texts)
        assert {*texts} == {*known} and len(texts) == len(known)
        np.testing.assert_allclose(chances, [known[text][0] for text in texts], atol=1e-15)
        assert rewards == [1.0 if known[text][1] else -1.0 for text in texts]
        assert task.response(item) == texts[0] == spoken(read(item), False, [0] * 9)[0]
        entropies.append(-sum(p * math.log(p) for p, _ in known.values() if p > 0))
        earned.append(float(chances @ rewards))
    np.testing.assert_allclose(p_d.sum(axis=1), 1.0, atol=1e-12)
    assert loss.optimal_loss(spec, split) == pytest.approx(np.mean(entropies), abs=1e-12)
    if split != "longer":
        assert 1 - 2 * tasks.label_noise(spec) == pytest.approx(np.mean(earned), abs=1e-12)


def test_demonstrations_are_drawn_from_p_d_and_by_the_seed():
    task = tasks.load(SMALL)
    drawn, chances = task.demonstrations("sft", seed=3), task.demonstrated("sft")[0]
    expected = chances * len(drawn)
    found = np.bincount(drawn, minlength=len(chances))
    assert ((found - expected) ** 2 / expected).sum() < 26  # 7 degrees of freedom: p = 5e-4
    assert drawn == task.demonstrations("sft", seed=3) != task.demonstrations("sft", seed=4)


def test_nothing_that_is_evaluated_is_trained_on():
    splits = tasks.load(SMALL).splits
    hands = {name: {item.text.split()[1] for item in items} for name, items in splits.items()}
    evaluated = hands["held_out"] | hands["longer"]
    assert len(evaluated) == len(splits["held_out"]) + len(splits["longer"])
    for trained in ("pretraining", "sft", "rl"):
        assert not hands[trained] & evaluated
    assert {len(read(i)) for i in splits["longer"]} == {SMALL.cards + 1}


def test_out_of_domain_nothing_but_the_rule_differs():
    """The paper's own set-up also changes how often there is a face card; this one must not."""
    splits = tasks.load(SMALL).splits
    hands = [[item.text.split()[1] for item in splits[s]] for s in ("held_out", "out_of_domain")]
    assert hands[0] == hands[1]
    for name in EVALUATED:
        assert all(re.search("[JQK]", item.text.split()[1]) for item in splits[name])
    rules = {name: Counter(i.group for i in splits[name]) for name in splits}
    assert rules["held_out"].keys() == rules["sft"].keys() == {"JQK=10"}
    assert rules["longer"].keys() == {"JQK=10"}
    assert rules["out_of_domain"].keys() == {"JQK=11", "JQK=12", "JQK=13"}
    assert max(rules["out_of_domain"].values()) - min(rules["out_of_domain"].values()) <= 1
    assert rules["pretraining"].keys() == {f"JQK={value}" for value in (10, 11, 12, 13)}


def test_the_same_spec_gives_the_same_bytes_everywhere():
    def digest(spec):
        texts = [(name, [i.text for i in items]) for name, items in tasks.load(spec).splits.items()]
        drawn = tasks.load(spec).demonstrations("sft", 0)
        return hashlib.sha256(repr((texts, drawn)).encode()).hexdigest()[:16]

    assert digest(SMOKE) == DIGEST != digest(replace(SMOKE, seed=1))


def test_pretraining_sees_a_poor_annotator():
    """Some prompts stand alone; of the others the share that is flawless is (1 - noise)^n."""
    base = replace(scales.recipe(EMBEDDED, SMALL, "small").base, judged_share=0.75)
    base = replace(base, annotator_noise=0.3)
    texts = documents(base)
    answered = [text.split("\n") for text in texts if "\n" in text]
    assert len(answered) / len(texts) == pytest.approx(0.75, abs=0.03)
    steps = [step for _, answer in answered for step in re.split("[+= ]", answer)]
    triples = zip(*[iter(map(int, steps))] * 3, strict=True)
    assert np.mean([a + b == c for a, b, c in triples]) == pytest.approx(0.7, abs=0.02)
    assert documents(base) == texts


def test_the_splits_that_are_observed_are_the_tasks_own():
    assert splits_of(SMOKE) == EVALUATED
    assert observed_splits(SMOKE) == EVALUATED[:2]  # longer answers take as long as all else
    assert observed_splits(scales.task("grammar", "smoke")) == EVALUATED[:2]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"held_out_size": 1332}, "1,332 hands of 3 cards .* there are 1,332"),
        ({"cards": 1}, "cards = 1"),
        ({"slip_rate": 1.5}, "slip_rate = 1.5"),
        ({"other_face_values": (10,)}, "face_value = 10"),
        ({"other_face_values": ()}, "needed one at least"),
    ],
)
def test_a_spec_that_cannot_be_dealt_is_refused_in_words(changes, found):
    with pytest.raises(ValueError, match=found):
        arithmetic.load(replace(SMOKE, **changes))
