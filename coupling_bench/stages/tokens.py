"""Token ids and labels, exactly those that TRL's SFTTrainer prepares, from one tokenizer call.

TRL maps a dataset row by row, five times over. Here each distinct text is tokenised once, and a
task once in a process, however many seeds train on it.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from trl.data_utils import common_prefix_length

from coupling_bench import tasks
from coupling_bench.prompting import prompt_texts
from coupling_bench.specs import AnyModel, TaskSpec

Row = dict[str, list[int]]
"""``input_ids`` and ``labels``, the end of sequence included; -100 where there is no label."""


def of_texts(tokenizer, texts: Sequence[str]) -> list[Row]:
    """Return texts as rows whose every token is a label."""
    ended = [_end(text, tokenizer.eos_token) for text in texts]
    ids_of = _tokenise(tokenizer, ended)
    return [{"input_ids": ids_of[text], "labels": ids_of[text]} for text in ended]


def of_completions(
    tokenizer, prompts: Sequence[str], completions: Sequence[str], completion_only: bool
) -> list[Row]:
    """Return prompts with their completions as rows.

    Args:
        tokenizer: the model's.
        prompts: texts.
        completions: as many.
        completion_only: whether the tokens of a prompt have no label.
    """
    pairs = [
        (prompt, prompt + _end(completion, tokenizer.eos_token))
        for prompt, completion in zip(prompts, completions, strict=True)
    ]
    ids_of = _tokenise(tokenizer, [text for pair in pairs for text in pair])
    rows = []
    for prompt, whole in pairs:
        ids = ids_of[whole]
        unlabelled = common_prefix_length(ids_of[prompt], ids) if completion_only else 0
        rows.append({"input_ids": ids, "labels": [-100] * unlabelled + ids[unlabelled:]})
    return rows


def of_answers(
    tokenizer, model: AnyModel, task: TaskSpec, split: str, completion_only: bool
) -> list[list[Row]]:
    """Return for each item of a split its row with each answer; computed once in a process."""
    content = f"{tokenizer.backend_tokenizer.to_str()}{tokenizer.eos_token}"
    key = _Tokenizer(f"{content}{tokenizer.chat_template}", tokenizer)
    return _of_answers(key, model, task, split, completion_only)


def forget() -> None:
    """Let the next call of ``of_answers`` compute its rows anew."""
    _of_answers.cache_clear()


@dataclass(frozen=True)
class _Tokenizer:
    """A tokenizer that equals another if both make the same tokens."""

    content: str
    tokenizer: Any = field(compare=False)


@functools.lru_cache(maxsize=4)  # a run's own task, and those of its controls
def _of_answers(
    key: _Tokenizer, model: AnyModel, task: TaskSpec, split: str, completion_only: bool
) -> list[list[Row]]:
    loaded = tasks.load(task)
    items = loaded.splits[split]
    candidates = [loaded.candidates(item) for item in items]
    prompts = prompt_texts(model, key.tokenizer, loaded, items)
    repeated = [p for p, of_item in zip(prompts, candidates, strict=True) for _ in of_item]
    answers = [answer for of_item in candidates for answer in of_item]
    rows = iter(of_completions(key.tokenizer, repeated, answers, completion_only))
    return [[next(rows) for _ in of_item] for of_item in candidates]


def _tokenise(tokenizer, texts: Sequence[str]) -> dict[str, list[int]]:
    distinct = list(dict.fromkeys(texts))
    ids = tokenizer(distinct, return_attention_mask=False)["input_ids"]
    return dict(zip(distinct, ids, strict=True))


def _end(text: str, end: str) -> str:
    return text if text.endswith(end) else text + end
