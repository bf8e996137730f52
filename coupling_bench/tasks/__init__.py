"""What models are trained and measured on: prompts, demonstrations, splits and the verifier.

``load(spec)`` returns a ``Task``, the same for the same spec, everywhere. A new task is a module
with ``load`` and one entry in ``LOADERS``.
"""

from __future__ import annotations

import functools
import importlib
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from coupling_bench.answers import REWARD_RIGHT, REWARD_WRONG, parse_strict
from coupling_bench.specs import ArithmeticSpec, ColaSpec, GrammarSpec, JsonlSpec, TaskSpec
from coupling_bench.tasks.forms import form_shares

FIELD = re.compile(r"\{(?:sentence|prompt)\}")
LOADERS = {
    GrammarSpec: "coupling_bench.tasks.grammar",
    ArithmeticSpec: "coupling_bench.tasks.arithmetic",
    ColaSpec: "coupling_bench.tasks.cola",
    JsonlSpec: "coupling_bench.tasks.jsonl",
}


@dataclass(frozen=True, kw_only=True)
class Item:
    """One prompt with its demonstrated and its true answer."""

    text: str
    """What the prompt template is filled with: the sentence of CoLA, the prompt of a JSONL row.
    Of a dialogue: all that was said, to be shown."""
    messages: tuple[tuple[str, str], ...] = ()
    """(role, content) of a dialogue, instead of ``text``."""
    truth: int = 0
    """Index of the true answer where answers are a closed set, in the form that is rewarded."""
    response: int | str = ""
    """What was demonstrated: an index into a closed set, or a text of its own."""
    group: str
    """What kind of prompt it is: the phenomenon (grammar), the source (CoLA), the user's own."""
    columns: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the row, for the verifier."""
    origin: str = field(default="", compare=False)
    """File and line that it was read from, for messages."""
    shown: Item | None = None
    """Whose prompt is shown instead of its own, as a control; its verifier still reads its own."""


Support = Callable[[Item, float | None], Sequence[tuple[str, float]]]
"""All answers that may be demonstrated for an item, with their probabilities, the flawless response
first; of demonstrators who err at a rate of their own, or (None) at that of the task."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """The splits of a corpus, what its demonstrators do and what its verifier says."""

    spec: TaskSpec
    splits: Mapping[str, tuple[Item, ...]]
    """``pretraining``, ``sft``, ``rl``, ``held_out``, ``out_of_domain`` (which may be empty), and
    ``longer`` where there is one."""
    verify: Callable[[Sequence[Item], Sequence[str]], list[float]] | None = None
    """Rewards of completions, of a user's verifier; None: the true answer to the letter."""
    support: Support | None = None
    """p_D of an item where answers are open and it is known: all that may be demonstrated, with its
    probability; None: p_D is over the closed set, or not known beyond the response."""
    reward_of_no_answer: float = REWARD_WRONG
    """What a completion that is none of a closed set of answers earns."""

    def prompt(self, item: Item) -> str:
        """Return the text that a base model continues with its answer."""
        item = item.shown or item
        if item.messages:
            return "\n".join(content for _, content in item.messages) + "\n"
        return render(self.spec.prompt_template, item.text)

    def messages(self, item: Item) -> list[dict[str, str]]:
        """Return the dialogue that a chat model answers."""
        item = item.shown or item
        if item.messages:
            return [{"role": role, "content": content} for role, content in item.messages]
        return [{"role": "user", "content": self.prompt(item).strip()}]

    def candidates(self, item: Item) -> tuple[str, ...]:
        """Return the answers that are scored: all that may be demonstrated, or the response."""
        if self.support is not None:
            return tuple(text for text, _ in self.support(item, None))
        return self.spec.answers if self.spec.answers is not None else (str(item.response),)

    def response(self, item: Item) -> str:
        """Return the text of the demonstration as it is in the data."""
        return self.candidates(item)[_shown(item)]

    def demonstrations(self, split: str, seed: int) -> list[int]:
        """Return one demonstrated answer for each item, an index into its candidates, from p_D.

        On ``grammar`` an annotator flips the truth with rate ``label_noise``, and says it in other
        words with rate ``other_words_share``; on ``arithmetic`` it is drawn from the support;
        elsewhere the corpus's own response is the demonstration.
        """
        draw = random.Random(f"demonstrations/{self.spec.name}/{split}/{seed}")
        if self.support is not None:
            chances = self.demonstrated(split)
            return [draw.choices(range(len(row)), row)[0] for row in chances.tolist()]
        noise = label_noise(self.spec)
        labels = [
            _shown(item) if draw.random() >= noise else 1 - item.truth
            for item in self.splits[split]
        ]
        shares = form_shares(self.spec)
        if len(shares) == 1:
            return labels
        many = len(self.spec.answers or ()) // len(shares)
        words = random.Random(f"words/{self.spec.name}/{split}/{seed}")
        return [label + many * (words.random() < shares[1]) for label in labels]

    def demonstrated(self, split: str) -> npt.NDArray[np.float64]:
        """Return p_D over the candidates of each item, ``(P, A)``; on real data the response."""
        items = self.splits[split]
        if self.support is not None:
            return np.array([[chance for _, chance in self.support(i, None)] for i in items])
        noise, shares = label_noise(self.spec), form_shares(self.spec)
        many = len(self.spec.answers) // len(shares) if self.spec.answers is not None else 1
        shown = np.arange(many) == np.array([_shown(item) for item in items])[:, None]
        labels = np.where(shown, 1.0 - noise, noise / max(many - 1, 1))
        return np.concatenate([share * labels for share in shares], axis=1)

    def rewards(self, items: Sequence[Item], completions: Sequence[str]) -> list[float]:
        """Return what the verifier gives to one completion of each item.

        It is strict on the format: what is no answer to the letter is wrong.
        """
        if self.verify is not None:
            return self.verify(items, completions)
        answers = self.spec.answers or ()
        return [
            REWARD_RIGHT if parse_strict(text, answers) == item.truth else REWARD_WRONG
            for item, text in zip(items, completions, strict=True)
        ]


def _shown(item: Item) -> int:
    return item.response if isinstance(item.response, int) else 0


def render(template: str, text: str) -> str:
    """Return ``template`` with its field, ``{sentence}`` or ``{prompt}``, filled in."""
    return FIELD.sub(lambda _: text, template)


def label_noise(spec: TaskSpec) -> float:
    """Return the rate at which demonstrators flip the true label; 0 where labels are the truth.

    Where answers are open, the rate at which they end with a wrong one.
    """
    if isinstance(spec, ArithmeticSpec):
        from coupling_bench.tasks.arithmetic import wrong_rate

        return wrong_rate(spec)
    return spec.label_noise if isinstance(spec, GrammarSpec) else 0.0


def optimal_loss_is_known(spec: TaskSpec) -> bool:
    """Say whether p_D is known by construction, and with it L*; on real data it is not."""
    return isinstance(spec, GrammarSpec | ArithmeticSpec)


@functools.lru_cache(maxsize=12)  # a run's own task, those of its controls, and of each noise
def load(spec: TaskSpec) -> Task:
    """Return the task that ``spec`` describes."""
    if spec.sentences == "shuffled":
        from coupling_bench.tasks.shuffling import shuffled

        return replace(shuffled(load(replace(spec, sentences="own"))), spec=spec)
    return importlib.import_module(LOADERS[type(spec)]).load(spec)
