"""From a task's items to the text and the tokens that a model sees: one way for all stages.

Chat models get their own template, base models the plain prompt. SFT, RL and the probes ask here,
so that they mean the same by "the probability of an answer".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from coupling_bench.specs import AnyModel
from coupling_bench.tasks import Item, Task

FIXED_DATE = "{%- macro strftime_now(form) -%}01 Jan 2026{%- endmacro %}{{ '' }}"
"""Goes before a template that asks for the date: prompts must not change from day to day."""
SENTINEL = "ANSWER"
"""Stands for an answer while a template's end of a turn is looked for."""


def prompt_texts(model: AnyModel, tokenizer: Any, task: Task, items: Sequence[Item]) -> list[str]:
    """Return the text that each item's answer follows.

    Tokenising it with the tokenizer's own special tokens gives what ``apply_chat_template`` gives:
    a beginning of sequence that the tokenizer adds by itself is left out of the text.

    Raises:
        ValueError: the template refuses a dialogue, or there is no template.
    """
    if model.prompts == "plain":
        return [task.prompt(item) for item in items]
    added = _added_beginning(tokenizer)
    texts = []
    for number, item in enumerate(items):
        try:
            text = _render(tokenizer, task.messages(item), add_generation_prompt=True)
        except Exception as error:  # whatever a template of the user's raises
            raise ValueError(
                f"{model.name}: the chat template refuses item {number} of {task.spec.name} "
                f'({type(error).__name__}: {error}). Ask for plain prompts (prompts = "plain" in '
                "models.toml) or change the roles of the messages."
            ) from None
        texts.append(text.removeprefix(added))
    return texts


def end_of_answer(model: AnyModel, tokenizer: Any) -> str:
    """Return the special token that ends an answer: of a turn in a chat, else of the sequence."""
    if model.prompts == "chat":
        user = [{"role": "user", "content": "?"}]
        whole = _render(tokenizer, [*user, {"role": "assistant", "content": SENTINEL}])
        after = whole.rpartition(SENTINEL)[2].lstrip()
        ids = tokenizer(after, add_special_tokens=False)["input_ids"]
        if ids and ids[0] in tokenizer.all_special_ids + list(tokenizer.added_tokens_decoder):
            return tokenizer.convert_ids_to_tokens(ids[0])
    if tokenizer.eos_token is None:
        raise ValueError(
            f"{model.name}: the tokenizer has no end of sequence, so an answer could never end. "
            "Set eos_token in its tokenizer_config.json."
        )
    return tokenizer.eos_token


def prepare(model: AnyModel, tokenizer: Any) -> None:
    """Make a tokenizer from elsewhere ready: how answers end, something to pad with, no clock.

    Raises:
        ValueError: it ends every text by itself, or cannot say how an answer ends.
    """
    if model.prompts == "chat" and "strftime_now" in tokenizer.get_chat_template():
        tokenizer.chat_template = FIXED_DATE + tokenizer.get_chat_template()
    tokenizer.eos_token = end_of_answer(model, tokenizer)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "left"
    if tokenizer("a")["input_ids"][-1:] == [tokenizer.eos_token_id]:
        raise ValueError(
            f"{model.name}: the tokenizer ends every text with {tokenizer.eos_token!r}, prompts "
            "too. Set add_eos_token to false in its tokenizer_config.json."
        )


def answer_ids(tokenizer: Any, prompts: Sequence[str], answers: Sequence[str]) -> list[list[int]]:
    """Return the token ids that follow each prompt for its answer, the end of sequence included.

    They are those of prompt and answer written together, from where the prompt ends.

    Raises:
        ValueError: a prompt's last token and an answer's first melt into one.
    """
    if not prompts:
        return []
    alone = tokenizer(list(prompts))["input_ids"]
    together = tokenizer([p + a for p, a in zip(prompts, answers, strict=True)])["input_ids"]
    for prompt, answer, short, long in zip(prompts, answers, alone, together, strict=True):
        if long[: len(short)] != short or len(long) == len(short):
            raise ValueError(
                f"the prompt {prompt[-40:]!r} and its answer {answer[:40]!r} share a token, so the "
                "answer's probability is not defined. End the prompt with a newline, or move its "
                "last blank to the start of the answer."
            )
    end = tokenizer.eos_token_id
    return [[*long[len(short) :], end] for short, long in zip(alone, together, strict=True)]


def _render(tokenizer: Any, messages: list[dict[str, str]], **options: Any) -> str:
    return tokenizer.apply_chat_template(messages, tokenize=False, enable_thinking=False, **options)


def _added_beginning(tokenizer: Any) -> str:
    """Return the beginning of sequence that the tokenizer puts before every text, or nothing."""
    first = tokenizer("a")["input_ids"][:1]
    beginning = tokenizer.bos_token
    return beginning if beginning and first == [tokenizer.bos_token_id] else ""
