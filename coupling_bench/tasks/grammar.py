"""The embedded acceptability corpus: short English sentences whose truth is known by construction.

Annotators who flip the truth at a known rate make the demonstrator's distribution, the optimal
loss and the demonstrators' reward exactly known as well.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from coupling_bench.specs import GrammarSpec
from coupling_bench.tasks import Item, Task
from coupling_bench.tasks.forms import form_shares
from coupling_bench.tasks.phenomena import PHENOMENA

PRETRAINING = "pretraining"
OUT_OF_DOMAIN = "out_of_domain"
SHIFTED = "shifted"

# A split drawn earlier never depends on one drawn later. The evaluation splits come first, a
# split not listed here comes after those that are, and the one most likely to grow comes last but
# for that of a control, which must leave all others as they are.
_DRAWN_FIRST = (OUT_OF_DOMAIN, "held_out", "rl", "sft")
_DRAWN_LAST = (PRETRAINING, SHIFTED)

# So many draws in a row without a new sentence mean that a phenomenon has run dry.
_PATIENCE = 5_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentence:
    """One sentence, whether it is acceptable English, and the phenomenon that made it."""

    text: str
    acceptable: bool
    phenomenon: str


def load(spec: GrammarSpec) -> Task:
    """Return the task of a spec: its corpus, and RL's sentences as the spec says.

    They are SFT's, or others like them, or new ones of the phenomena that SFT never sees; these
    are drawn when all else is, so that a task with them has the other splits of one without.
    """
    sizes = {
        PRETRAINING: spec.pretraining_size,
        "sft": spec.prompts_size,
        "rl": spec.prompts_size,
        "held_out": spec.held_out_size,
        OUT_OF_DOMAIN: spec.out_of_domain_size,
    }
    if spec.rl_prompts == "shifted":
        sizes[SHIFTED] = spec.prompts_size
    drawn = corpus(
        seed=spec.seed,
        sizes=sizes,
        held_out_phenomena=spec.held_out_phenomena,
        acceptable_share=spec.acceptable_share,
    )
    if spec.rl_prompts == "shared":
        drawn["rl"] = drawn["sft"]
    elif spec.rl_prompts == "shifted":
        drawn["rl"] = drawn.pop(SHIFTED)
    form_shares(spec)  # which refuses answers that do not fit together
    acceptable = spec.answers.index("acceptable")
    return Task(
        spec=spec,
        splits={
            split: tuple(
                _item(sentence, acceptable if sentence.acceptable else 1 - acceptable)
                for sentence in sentences
            )
            for split, sentences in drawn.items()
        },
    )


def _item(sentence: Sentence, truth: int) -> Item:
    return Item(text=sentence.text, truth=truth, response=truth, group=sentence.phenomenon)


def corpus(
    *,
    seed: int,
    sizes: Mapping[str, int],
    held_out_phenomena: Sequence[str],
    acceptable_share: float = 0.7,
) -> dict[str, tuple[Sentence, ...]]:
    """Draw the splits of a corpus in which no text occurs twice.

    "pretraining" draws on every phenomenon, "out_of_domain" and "shifted" on the held-out ones,
    and every other split on the rest, in numbers and shares as equal as integers allow.

    Args:
        seed: The same seed, sizes, phenomena and share give the same bytes everywhere.
        sizes: Sentences in each split. A larger "pretraining" leaves all other splits but
            "shifted" as is.
        held_out_phenomena: Names from `PHENOMENA` kept out of all in-domain splits.
        acceptable_share: The share of acceptable sentences, strictly between 0 and 1.

    Returns:
        The shuffled sentences of each split.

    Raises:
        ValueError: An argument is out of range, or a phenomenon has too few sentences.
    """
    _check_arguments(sizes, held_out_phenomena, acceptable_share)
    in_domain = [name for name in PHENOMENA if name not in held_out_phenomena]
    held_out = [name for name in PHENOMENA if name in held_out_phenomena]
    sources = {PRETRAINING: list(PHENOMENA), OUT_OF_DOMAIN: held_out, SHIFTED: held_out}
    used: set[str] = set()
    splits = {}
    for split in sorted(sizes, key=_draw_rank):
        quotas = _quotas(sources.get(split, in_domain), sizes[split], acceptable_share)
        sentences = [
            sentence
            for name, acceptable, count in quotas
            for sentence in _draw_new(seed, split, name, acceptable, count, used)
        ]
        random.Random(f"{seed}/{split}/order").shuffle(sentences)
        splits[split] = tuple(sentences)
    return {split: splits[split] for split in sizes}


def _check_arguments(
    sizes: Mapping[str, int], held_out_phenomena: Sequence[str], acceptable_share: float
) -> None:
    valid = ", ".join(PHENOMENA)
    unknown = [name for name in held_out_phenomena if name not in PHENOMENA]
    if unknown:
        raise ValueError(f"held_out_phenomena has the unknown {unknown}; valid names: {valid}.")
    if all(name in held_out_phenomena for name in PHENOMENA):
        raise ValueError(
            f"held_out_phenomena {list(held_out_phenomena)} leaves none of {valid} in domain."
        )
    for split, size in sizes.items():
        if size < 0:
            raise ValueError(f"sizes[{split!r}] is {size}; it must be 0 or more.")
    for split in (OUT_OF_DOMAIN, SHIFTED):
        if sizes.get(split) and not held_out_phenomena:
            raise ValueError(
                f"sizes[{split!r}] is {sizes[split]} but held_out_phenomena is empty; hold out "
                f"some of {valid}."
            )
    if not 0 < acceptable_share < 1:
        raise ValueError(f"acceptable_share is {acceptable_share}; it must be between 0 and 1.")


def _draw_rank(split: str) -> tuple[int, str]:
    if split in _DRAWN_FIRST:
        return _DRAWN_FIRST.index(split), split
    late = _DRAWN_LAST.index(split) + 1 if split in _DRAWN_LAST else 0
    return len(_DRAWN_FIRST) + late, split


def _quotas(
    names: Sequence[str], size: int, acceptable_share: float
) -> Iterable[tuple[str, bool, int]]:
    """Split a size over phenomena and labels; cumulative rounding keeps every total exact."""
    bounds = [size * place // len(names) for place in range(len(names) + 1)] if names else []
    accepted = [int(bound * acceptable_share + 0.5) for bound in bounds]
    for name, total, good in zip(names, pairwise(bounds), pairwise(accepted), strict=True):
        good_count = good[1] - good[0]
        yield name, True, good_count
        yield name, False, total[1] - total[0] - good_count


def _draw_new(
    seed: int, split: str, name: str, acceptable: bool, count: int, used: set[str]
) -> list[Sentence]:
    """Draw sentences whose texts are not used so far, and record the texts as used."""
    rng = random.Random(f"{seed}/{split}/{name}/{acceptable}")
    sentences: list[Sentence] = []
    misses = 0
    while len(sentences) < count:
        text = PHENOMENA[name](rng, acceptable)
        if text not in used:
            used.add(text)
            sentences.append(Sentence(text=text, acceptable=acceptable, phenomenon=name))
            misses = 0
            continue
        misses += 1
        if misses == _PATIENCE:
            label = "acceptable" if acceptable else "unacceptable"
            raise ValueError(
                f"{name} was asked for {count} new {label} sentences but only {len(sentences)} "
                f"could be found; reduce sizes[{split!r}]."
            )
    return sentences
