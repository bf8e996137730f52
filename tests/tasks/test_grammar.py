"""Tests of the embedded acceptability corpus."""

import hashlib
import random
import re
from collections import Counter
from dataclasses import replace

import pytest

from coupling_bench import scales, tasks
from coupling_bench.tasks import grammar
from coupling_bench.tasks.grammar import corpus
from coupling_bench.tasks.phenomena import PHENOMENA

SIZES = {"pretraining": 1200, "sft": 400, "rl": 400, "held_out": 90, "out_of_domain": 60}
HELD_OUT = ["polarity", "coordination", "reflexive"]

# A recogniser that shares neither code nor word lists with the generator: every word becomes a
# one-letter tag, and a sentence is acceptable if its tags match a regular expression.
TAGS = {
    "B": "boy man king prince",
    "G": "girl woman queen princess",
    "N": "child farmer painter teacher cat donkey goat hamster puppy",
    "M": "boys men kings princes girls women queens princesses children farmers painters "
    "teachers cats donkeys goats hamsters puppies",
    "L": "castle castles cottage cottages gate gates lake lakes statue statues tree trees",
    "D": "the",
    "S": "a another each every this",
    "P": "many several these those two",
    "O": "no",
    "A": "any",
    "J": "clever famous friendly lazy polite small tall wealthy",
    "x": "today tonight now often again here outside indoors",
    "p": "near behind beside",
    "t": "admire confront describe greet ignore imitate invite thank",
    "T": "admires confronts describes greets ignores imitates invites thanks",
    "c": "admired confronted described greeted ignored imitated invited thanked",
    "q": "admiring confronting describing greeting ignoring imitating inviting thanking",
    "i": "arrive giggle laugh sleep smile sneeze snore yawn",
    "I": "arrives giggles laughs sleeps smiles sneezes snores yawns",
    "y": "arrived giggled laughed slept smiled sneezed snored yawned",
    "z": "arriving giggling laughing sleeping smiling sneezing snoring yawning",
    "1": "is",
    "2": "are",
    "3": "has",
    "4": "have",
    "5": "does",
    "6": "do",
    "7": "could must should would",
    "n": "not",
    "e": "ever",
    "&": "and",
    "r": "that",
    "w": "who",
    "m": "whom",
    "Y": "where why",
    "h": "he she",
    "H": "they we",
    "o": "him her them us",
    "a": "himself",
    "b": "herself",
    "d": "themselves",
    ".": ".",
    "?": "?",
}
TAG_OF = {word: tag for tag, words in TAGS.items() for word in words.split()}


def _acceptable_tags() -> re.Pattern[str]:
    one, many = "(?:[DSO]J?[BGN])", "(?:[DPO]J?M)"
    phrase = "(?:pD[BGNML]|po)"
    complement = f"(?:{one}|{many}|o)"
    gapped = f"{one}T|{many}t"
    clause_of_one = f"(?:[rw](?:T{complement}|{gapped}|7i|3n?y|1z))"
    clause_of_many = f"(?:[rw](?:t{complement}|{gapped}|7i|4n?y|2z))"
    after_one, after_many = f"(?:{phrase}|{clause_of_one})?", f"(?:{phrase}|{clause_of_many})?"
    subject = f"(?:{one}{after_one}|h)"
    subjects = f"(?:{many}{after_many}|H|{one}&(?:{one}|{many}))"
    statements = (
        f"(?:{subject}(?:I|T{complement})|{subjects}(?:i|t{complement})){phrase}?x?",
        f"{subject}1J|{subjects}2J",
        f"(?:{subject}(?:7t|3n?c|1q)|{subjects}(?:7t|4n?c|2q)){complement}",
        f"(?:{subject}3|{subjects}4)ncAJ?[BGNM]",
        f"(?:OJ?[BGN]{after_one}3|OJ?M{after_many}4)e(?:y|c{complement})",
        f"(?:DJ?B{after_one}Ta|DJ?G{after_one}Tb|{many}{after_many}td)x?",
    )
    inverted = f"(?:(?:[57]{subject}|[67]{subjects})t|"
    inverted += f"(?:3{subject}|4{subjects})c|(?:1{subject}|2{subjects})q)"
    questions = rf"(?:Y?{inverted}{complement}|[wm]{inverted})\?"
    return re.compile(rf"(?:{'|'.join(statements)})\.|{questions}")


ACCEPTABLE_TAGS = _acceptable_tags()


def _is_acceptable(text: str) -> bool:
    tags = "".join(TAG_OF[word] for word in text.split(" "))
    return ACCEPTABLE_TAGS.fullmatch(tags) is not None


# Judged by hand; "*" marks the unacceptable ones.
JUDGEMENTS = """
    the boy near the cats is tall .
    the kings behind the castle smile today .
    the lazy farmer greets the donkeys .
    *the boy near the cats are tall .
    *the kings behind the castle smiles today .
    *the lazy farmer greet the donkeys .
    the boy that the cats ignore is tall .
    the women who thank the child yawn here .
    the queen who the goats confront laughs often .
    *the boy that the cats ignore are tall .
    *the women who thank the child yawns here .
    *the queen who the goats confront laugh often .
    the teacher invites the polite girls .
    the puppies sneeze near the gate .
    the man describes the king today .
    *the teacher invites near the castle .
    *the puppies sneeze the men .
    *the man describes behind the trees today .
    the prince has greeted the queen .
    the children near the lake are imitating the goat .
    the girl should thank the farmer .
    *the prince has greet the queen .
    *the children near the lake are imitate the goat .
    *the girl should thanks the farmer .
    the boy and the girl are clever .
    the donkey and the cats sleep outside .
    the donkey near the cats sleeps outside .
    *the boy and the girl is clever .
    *the donkey and the cats sleeps outside .
    *the donkey near the cats sleep outside .
    this hamster is small .
    two tall women admire the painter .
    the goat ignores every child .
    *this hamsters are small .
    *two tall woman admires the painter .
    *the goat ignores every children .
    why should the boy greet the cat ?
    is the girl that has yawned describing the painter ?
    whom have the kings invited ?
    *why the boy should greet the cat ?
    *has the girl that yawned is describing the painter ?
    *must thank the king the queen ?
    no boy has ever greeted the cats .
    no girl that the cats admire has ever laughed .
    the teacher that has slept has not ignored any donkeys .
    *the boy has ever greeted no cats .
    *the girl that no cats admire has ever laughed .
    *the teacher that has not slept has ignored any donkeys .
    she thanks the king .
    the king greets us here .
    the goats behind him are friendly .
    *her thanks the king .
    *the king greets we here .
    *the goats behind he are friendly .
    the girl near the king admires herself .
    the man that the women thank imitates himself .
    the boys ignore themselves .
    *the girl near the king admires himself .
    *the man that the women thank imitates themselves .
    *the boys ignore himself .
    who does the boy greet ?
    why do the women behind the gate ignore the goat ?
    does the king invite the painters ?
    *who does the boy greet the cat ?
    *why do the women behind the gate ignore ?
    *does the king invite ?
    the tall boy greets the lazy cat .
    the small donkey sleeps near the tree .
    the famous queens thank the polite prince .
    *the boy tall greets the lazy cat .
    *the small donkey sleeps the tree near .
    *the famous queens thank prince polite the .
"""


def _small(**changes):
    arguments = {"seed": 7, "sizes": SIZES, "held_out_phenomena": HELD_OUT}
    return corpus(**(arguments | changes))


def _draw(phenomenon: str, acceptable: bool, count: int) -> list[str]:
    rng = random.Random(f"{phenomenon}/{acceptable}")
    return [PHENOMENA[phenomenon](rng, acceptable) for _ in range(count)]


def test_same_seed_gives_the_same_bytes_everywhere():
    """A corpus is pinned byte for byte, so that no change to it goes unnoticed."""
    digest = hashlib.sha256(repr(_small()).encode()).hexdigest()
    assert digest == "acc8b7ae8dbbb37ee6bd2f5b8e4efd573f2b03c55c5376e78e75b25c2ceaf2f9"


def test_another_seed_gives_another_corpus():
    """The seed decides which sentences are drawn."""
    first, second = _small()["rl"], _small(seed=8)["rl"]
    assert {s.text for s in first} != {s.text for s in second}


def test_no_text_occurs_twice():
    """No sentence text is repeated, within a split or between splits."""
    texts = [sentence.text for split in _small().values() for sentence in split]
    assert len(texts) == len(set(texts)) == sum(SIZES.values())


@pytest.mark.parametrize("share", [0.5, 0.7, 0.9])
def test_phenomena_and_labels_are_balanced(share):
    """Phenomena differ by at most one sentence, and each holds the acceptable share."""
    sizes = {"pretraining": 1001, "rl": 203}
    for split in _small(sizes=sizes, acceptable_share=share).values():
        totals = Counter(s.phenomenon for s in split)
        accepted = Counter(s.phenomenon for s in split if s.acceptable)
        assert max(totals.values()) - min(totals.values()) <= 1
        assert all(abs(accepted[name] - share * total) < 1 for name, total in totals.items())
        assert abs(accepted.total() - share * len(split)) <= 0.5


def test_held_out_phenomena_stay_out_of_domain():
    """Held-out phenomena are all of out_of_domain, part of pretraining, and nowhere else."""
    found = {split: {s.phenomenon for s in rows} for split, rows in _small().items()}
    assert found["out_of_domain"] == set(HELD_OUT)
    assert found["pretraining"] == set(PHENOMENA)
    assert all(found[split] == set(PHENOMENA) - set(HELD_OUT) for split in ("sft", "rl"))
    assert not found["held_out"] & set(HELD_OUT)


@pytest.mark.parametrize("change", [{"pretraining": 5000}, {"validation": 500}])
def test_other_splits_survive_a_change(change):
    """Enlarging pretraining or adding a split leaves all other splits as they were."""
    before, after = _small(), _small(sizes=SIZES | change)
    evaluated = set(SIZES) - {"pretraining"}
    assert all(before[split] == after[split] for split in evaluated)
    assert {split: len(rows) for split, rows in after.items()} == SIZES | change


def test_rl_on_shifted_prompts_changes_no_other_split_and_sees_new_sentences():
    """Its sentences are of the held-out phenomena alone, and of no other split, shared or not."""
    spec = replace(
        scales.task("grammar", "smoke"), prompts_size=300, held_out_size=90, out_of_domain_size=60
    )
    shared, shifted = (tasks.load(replace(spec, rl_prompts=kind)) for kind in ("shared", "shifted"))
    others = ("pretraining", "sft", "held_out", "out_of_domain")
    assert [shared.splits[split] for split in others] == [shifted.splits[split] for split in others]
    assert set(shifted.splits) == set(shared.splits)
    rl = shifted.splits["rl"]
    assert Counter(item.group for item in rl) == dict.fromkeys(spec.held_out_phenomena, 100)
    assert sum(spec.answers[item.truth] == "acceptable" for item in rl) == 210
    known = {item.text for split in others for item in shifted.splits[split]}
    assert not known & {item.text for item in rl}


def test_order_of_sizes_does_not_matter():
    """Naming the splits in another order gives the same sentences."""
    assert _small(sizes=dict(reversed(SIZES.items()))) == _small()


def test_recogniser_agrees_with_hand_judgements():
    """The independent recogniser judges a list of sentences as a person does."""
    for line in JUDGEMENTS.strip().splitlines():
        text = line.strip()
        assert _is_acceptable(text.removeprefix("*")) != text.startswith("*"), text


@pytest.mark.parametrize("acceptable", [True, False])
@pytest.mark.parametrize("phenomenon", PHENOMENA)
def test_labels_are_true(phenomenon, acceptable):
    """The independent recogniser finds the label of every generated sentence."""
    wrong = [t for t in _draw(phenomenon, acceptable, 3000) if _is_acceptable(t) != acceptable]
    assert not wrong, wrong[:5]


def test_no_text_is_both_acceptable_and_unacceptable():
    """No phenomenon accepts a text that it or another one rejects."""
    good = {text for name in PHENOMENA for text in _draw(name, True, 8000)}
    assert not any(text in good for name in PHENOMENA for text in _draw(name, False, 8000))


@pytest.mark.parametrize("phenomenon", PHENOMENA)
def test_neither_a_word_nor_the_length_gives_the_label_away(phenomenon):
    """The presence of one word, or the length, predicts balanced labels at most at 60 %."""
    count = 2000
    good, bad = (_draw(phenomenon, acceptable, count) for acceptable in (True, False))

    def best_rule(features):
        in_good = Counter(feature for text in good for feature in features(text.split()))
        in_bad = Counter(feature for text in bad for feature in features(text.split()))
        gaps = {key: abs(in_good[key] - in_bad[key]) for key in in_good | in_bad}
        return 0.5 + max(gaps.values()) / (2 * count)

    assert best_rule(set) <= 0.6
    assert best_rule(lambda words: range(len(words))) <= 0.6


def test_sentences_are_short_and_the_vocabulary_small():
    """Texts have 4 to 10 lower-case words, about 7 on average, and one final mark."""
    texts = [s.text for s in _small(sizes={"pretraining": 6000})["pretraining"]]
    assert all(re.fullmatch(r"([a-z]+ ){4,10}[.?]", text) for text in texts)
    assert not any(re.search(r"\ba [aeiou]", text) for text in texts)
    assert 6.5 <= sum(text.count(" ") for text in texts) / len(texts) <= 7.5
    vocabulary = {word for text in texts for word in text.split()}
    assert vocabulary <= set(TAG_OF)
    assert 80 <= len(vocabulary) <= 180


def test_every_phenomenon_is_large():
    """Each phenomenon gives 15,000 acceptable and 7,000 unacceptable sentences at once."""
    size = 22_000 * len(PHENOMENA)
    share = 15_000 / 22_000
    large = corpus(
        seed=0, sizes={"pretraining": size}, held_out_phenomena=[], acceptable_share=share
    )
    assert len(large["pretraining"]) == size


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"held_out_phenomena": ["island"]}, r"unknown \['island'\]; valid names: agreement"),
        ({"held_out_phenomena": list(PHENOMENA)}, "leaves none of agreement"),
        ({"held_out_phenomena": []}, r"sizes\['out_of_domain'\] is 60 but .* is empty"),
        ({"sizes": {"shifted": 3}, "held_out_phenomena": []}, r"sizes\['shifted'\] is 3 but"),
        ({"sizes": {"rl": -1}}, r"sizes\['rl'\] is -1"),
        ({"acceptable_share": 1.0}, r"acceptable_share is 1\.0"),
        ({"acceptable_share": 0}, "acceptable_share is 0"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    """An argument out of range is refused with its value and what is valid."""
    with pytest.raises(ValueError, match=message):
        _small(**changes)


def test_exhausted_phenomenon_is_named(monkeypatch):
    """A phenomenon that runs dry says what was asked, what was found and what to reduce."""
    monkeypatch.setattr(grammar, "PHENOMENA", {"tiny": lambda rng, _: rng.choice("ab")})
    message = (
        r"tiny was asked for 5 new acceptable sentences but only 2 could be found; "
        r"reduce sizes\['rl'\]"
    )
    with pytest.raises(ValueError, match=message):
        corpus(seed=0, sizes={"rl": 10}, held_out_phenomena=[], acceptable_share=0.5)
