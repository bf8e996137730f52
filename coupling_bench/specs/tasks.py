"""Tasks: which prompts, whose demonstrations, which verifier."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from coupling_bench.specs.marks import EXECUTION

Sentences = Literal["own", "shuffled"]
"""Whether each prompt carries its own sentence or, as a control, one drawn from the other prompts
of its split: then nothing but the answers' frequencies can be learnt."""


@dataclass(frozen=True, kw_only=True)
class GrammarSpec:
    """The embedded acceptability corpus, generated from a hand-written grammar."""

    name: str = "grammar"
    seed: int = 0
    label_noise: float = 0.1
    """Rate at which a demonstrator flips the true label: L* = h(rate), J_D = 1 - 2 * rate."""
    acceptable_share: float = 0.7
    """Share of acceptable sentences in every split and phenomenon, as in CoLA."""
    held_out_phenomena: tuple[str, ...]
    """Phenomena of the out-of-domain split: seen in pretraining, never in SFT or RL."""
    pretraining_size: int
    prompts_size: int
    """Sentences for SFT, and as many for RL."""
    held_out_size: int
    out_of_domain_size: int
    rl_prompts: Literal["shared", "disjoint", "shifted"]
    """Whether RL sees the sentences of SFT, others from the same distribution, or those of the
    phenomena that SFT never sees."""
    sentences: Sentences = "own"
    prompt_template: str = "{sentence}\n"
    answers: tuple[str, ...] = ("acceptable", "unacceptable")
    """What the verifier rewards; two further ones mean the same and are not rewarded."""
    other_words_share: float = 0.0
    """Share of the demonstrations that are in the other words."""
    max_completion_tokens: int = 8
    """A completion that is sampled to be observed is cut there."""


@dataclass(frozen=True, kw_only=True)
class ColaSpec:
    """The Corpus of Linguistic Acceptability, public version 1.1."""

    name: str = "cola"
    seed: int = 0
    """Draws which sentences of the training file go to pretraining and which to SFT and RL."""
    files: tuple[tuple[str, str], ...]
    """(split file, sha256 of its bytes): the identity of the data, wherever it lies."""
    pretraining_share: float
    """Share of the training file that the embedded model is pretrained on, apart from the rest."""
    prompts_size: int | None = None
    """SFT prompts, and RL prompts: at most so many; all by default."""
    held_out_size: int | None = None
    rl_prompts: Literal["shared"] = "shared"
    sentences: Sentences = "own"
    prompt_template: str = "{sentence}\n"
    answers: tuple[str, str] = ("acceptable", "unacceptable")
    max_completion_tokens: int = 8
    """A completion that is sampled to be observed is cut there."""
    folder: str | None = field(default=None, metadata=EXECUTION)
    """Where the files lie; None: the Hub's copy at a pinned revision."""


@dataclass(frozen=True, kw_only=True)
class JsonlSpec:
    """A user's own task: prompts and responses in JSONL files, and a verifier (``task.toml``)."""

    name: str
    seed: int = 0
    """Draws which rows go where, as far as the files leave that open."""
    files: tuple[tuple[str, str], ...]
    """(split, sha256 of the file's bytes): ``train``, and ``held_out`` and ``out_of_domain`` if
    given."""
    held_out_share: float = 0.2
    """Share of the training rows that are held out where there is no file of them."""
    pretraining_share: float = 0.5
    """Share of the rest that the embedded model is pretrained on, apart from SFT and RL."""
    prompts_size: int | None = None
    """SFT prompts, and RL prompts: at most so many; all by default."""
    held_out_size: int | None = None
    rl_prompts: Literal["shared"] = "shared"
    sentences: Sentences = "own"
    prompt_template: str = "{prompt}\n"
    answers: tuple[str, ...] | None = None
    """The closed set of answers, whose probabilities are computed; None: answers are sampled."""
    verifier: str
    """``exact``, ``contains``, ``label``, ``numeric``, ``json``, or ``module:function``."""
    verifier_source: str | None = None
    """sha256 of the file that a verifier of the user's lies in."""
    verifier_options: tuple[tuple[str, float | str | bool | tuple[str, ...]], ...] = ()
    """Further keys of the table ``[verifier]``, sorted by name."""
    max_completion_tokens: int = 16
    """A sampled completion is cut there, in RL and in observations."""
    sampling_temperature: float = 0.6
    sampling_top_p: float = 0.95
    samples: int = 8
    """Completions a prompt at temperature 1, from which J is estimated where answers are open."""
    folder: str = field(metadata=EXECUTION)
    """Where ``task.toml`` lies, which file names are relative to."""
    paths: tuple[tuple[str, str], ...] = field(metadata=EXECUTION)
    """(split, path of its file), in the order of ``files``."""


@dataclass(frozen=True, kw_only=True)
class ArithmeticSpec:
    """Sums of cards, answered by a derivation: generated, and p_D of every answer is known."""

    name: str = "arithmetic"
    seed: int = 0
    """Draws which hands go where."""
    highest_card: int = 13
    """Number cards are 1 to this one; the other cards are faces, worth what the prompt says."""
    face_value: int = 10
    """The rule of SFT, RL and the held-out prompts."""
    other_face_values: tuple[int, ...] = (11, 12, 13)
    """The rules of the out-of-domain prompts: seen in pretraining, never in SFT or RL."""
    cards: int = 3
    """Cards of a hand; those of the split ``longer`` and of half the pretraining have one more."""
    slip_rate: float = 0.1
    """Rate at which an addition of a demonstrator's comes to one too many."""
    left_to_right_share: float = 0.7
    """Share of the derivations that begin with the first card; the others begin with the last."""
    pretraining_size: int
    prompts_size: int
    """Prompts for SFT and RL: hands that are dealt again when all have been."""
    held_out_size: int
    """Prompts of each of the splits that are evaluated: held out, out of domain, longer."""
    rl_prompts: Literal["shared"] = "shared"
    sentences: Sentences = "own"
    prompt_template: str = "{prompt}\n"
    answers: None = None
    """Open: what a policy derives is sampled; what demonstrators derive is a finite set."""
    max_completion_tokens: int = 16
    """A completion that is sampled to be observed is cut there."""
    samples: int = 8
    """Completions a prompt at temperature 1, from which J is estimated."""


TaskSpec = GrammarSpec | ColaSpec | JsonlSpec | ArithmeticSpec
