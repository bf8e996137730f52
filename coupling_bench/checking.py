"""Does a model fit a task? What would go wrong hours later is tried here in seconds."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from coupling_bench import models, planning, prompting, stages, tasks
from coupling_bench.graph import graph
from coupling_bench.pipelines import NODES, Recipe, observation
from coupling_bench.probes import Reader
from coupling_bench.specs import AnyModel, ObservationSpec, PretrainSpec
from coupling_bench.stages.training import quiet_libraries
from coupling_bench.store import Store
from coupling_bench.tasks import Item, Task

PROMPTS = 64
"""Held-out prompts that are tried."""
SIGNAL = 0.01
"""Share of groups with unequal rewards below which RL has next to nothing to learn from."""
GOOD, WARNING, BAD = "ok", "warning", "does not fit"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was tried, how it went, and what to do about it."""

    name: str
    outcome: str
    """``ok``, ``warning`` or ``does not fit``."""
    detail: str


def check(recipe: Recipe, store: Store | None = None) -> Iterator[Finding]:
    """Yield what was found out about the base of a recipe on its task, one thing at a time.

    Args:
        recipe: of the model; its base is imported, or must be pretrained in ``store``.
        store: where a base that is pretrained here lies.

    Raises:
        FileNotFoundError: the model cannot be found, or is not pretrained yet.
        ValueError: its tokenizer cannot be used at all.
    """
    quiet_libraries()
    with tempfile.TemporaryDirectory() as folder:
        own = store if isinstance(recipe.base, PretrainSpec) and store else Store(Path(folder))
        if isinstance(recipe.base, PretrainSpec):
            entry = own.get(recipe.base)
        else:
            entry, _ = stages.make(recipe.base, own)
        described = recipe.base.start
        model, tokenizer = models.load(entry.folder, described, dtype="float32")
        task = tasks.load(recipe.task)
        items = task.splits["held_out"][:PROMPTS]
        yield _loaded(model, described)
        yield from _tokens(described, tokenizer, task, items)
        try:
            texts = prompting.prompt_texts(described, tokenizer, task, items)
            spec = replace(observation(recipe.base, 0, "held_out"), sampling_tokens=1)
            answers = list(zip(*(task.candidates(item) for item in items), strict=True))
            reader = Reader(model, tokenizer, texts, answers, spec)
        except ValueError as error:
            yield Finding(name="prompts and answers", outcome=BAD, detail=str(error))
            return
        yield from _answers(tokenizer, task, reader)
        yield _context(model, tokenizer, recipe, reader)
        yield from _signal(task, items, texts, reader, recipe, spec)
        yield _needs(recipe)


def _loaded(model: Any, described: AnyModel) -> Finding:
    count = sum(p.numel() for p in model.parameters())
    return Finding(
        name="model",
        outcome=GOOD,
        detail=f"{type(model).__name__}, {count / 1e6:,.1f} million parameters, "
        f"{described.prompts} prompts, on {described.device}",
    )


def _tokens(
    described: AnyModel, tokenizer: Any, task: Task, items: tuple[Item, ...]
) -> Iterator[Finding]:
    """Try that texts survive the tokenizer, and that a chat is what transformers makes of it."""
    texts = [task.prompt(item) for item in items]
    texts += [answer for item in items for answer in task.candidates(item)]
    lost = [
        text
        for text in dict.fromkeys(texts)
        if tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True) != text
    ]
    yield Finding(
        name="round trip of the tokenizer",
        outcome=WARNING if lost else GOOD,
        detail=f"{len(lost)} of {len(set(texts))} texts come back changed, as {lost[0]!r}: an "
        "answer that is sampled could then not equal its text"
        if lost
        else f"{len(set(texts))} prompts and answers come back as they were",
    )
    if described.prompts == "chat":
        item = items[0]
        theirs = tokenizer.apply_chat_template(
            task.messages(item), add_generation_prompt=True, enable_thinking=False,
            return_dict=False,
        )  # fmt: skip
        ours = tokenizer(prompting.prompt_texts(described, tokenizer, task, [item])[0])["input_ids"]
        yield Finding(
            name="chat template",
            outcome=GOOD if ours == theirs else BAD,
            detail=f"begins {tokenizer.decode(ours)[:60]!r}"
            if ours == theirs
            else 'as text and as tokens it gives different tokens; set prompts = "plain"',
        )


def _answers(tokenizer: Any, task: Task, reader: Reader) -> Iterator[Finding]:
    end = tokenizer.convert_ids_to_tokens(tokenizer.eos_token_id)
    yield Finding(name="end of an answer", outcome=GOOD, detail=f"{end!r}")
    if task.spec.answers is None:
        return
    after = [
        [of_all[number] for of_all in reader.answers] for number in range(len(reader.prompt_ids))
    ]
    first = after[0]
    if any(ids != first for ids in after):
        yield Finding(
            name="answers",
            outcome=WARNING,
            detail="their tokens differ from prompt to prompt; end the prompt with a newline",
        )
    alike = [
        f"{task.spec.answers[a]!r} and {task.spec.answers[b]!r}"
        for a in range(len(first))
        for b in range(a)
        if first[a][0] == first[b][0]
    ]
    lengths = ", ".join(
        f"{answer!r} {len(ids) - 1}" for answer, ids in zip(task.spec.answers, first, strict=True)
    )
    yield Finding(
        name="answers",
        outcome=GOOD,
        detail=f"tokens: {lengths}"
        + (f"; {'; '.join(alike)} start alike, which is scored exactly" if alike else ""),
    )


def _context(model: Any, tokenizer: Any, recipe: Recipe, reader: Reader) -> Finding:
    room = models.context(model, tokenizer)
    answer = max(len(ids) for of_all in reader.answers for ids in of_all)
    completion = max(answer, recipe.rl.max_completion_length, recipe.task.max_completion_tokens)
    longest = max(len(ids) for ids in reader.prompt_ids)
    return Finding(
        name="context",
        outcome=GOOD if longest + completion <= room else BAD,
        detail=f"the longest prompt has {longest} tokens, a completion up to {completion}, the "
        f"context holds {room}",
    )


def _signal(
    task: Task,
    items: tuple[Item, ...],
    texts: list[str],
    reader: Reader,
    recipe: Recipe,
    spec: ObservationSpec,
) -> Iterator[Finding]:
    """Find out whether the base ever earns a reward: RL learns from nothing else."""
    group = recipe.rl.num_generations
    if task.spec.answers is not None:
        scores, _ = reader.read((1.0,), sampling=False)
        said = np.exp(scores[0])
        shares = ", ".join(
            f"{answer!r} {share:.2g}"
            for answer, share in zip(task.spec.answers, said.mean(axis=0), strict=True)
        )
        right = said[np.arange(len(items)), [item.truth for item in items]]
        unequal = float((1 - right**group - (1 - right) ** group).mean())
        what = f"probability of each answer: {shares}"
    else:
        many = replace(spec, samples=group, sampling_tokens=recipe.rl.max_completion_length)
        sampler = Reader(reader.model, reader.tokenizer, texts, _responses(task, items), many)
        rewards = np.array([task.rewards(items, one) for one in sampler.sample_more()])
        unequal = float((rewards.std(axis=0) > 0).mean())
        what = f"mean reward of {rewards.size} samples {rewards.mean():+.3f}"
    yield Finding(
        name="signal for RL",
        outcome=GOOD if unequal >= SIGNAL else BAD,
        detail=f"{what}; {unequal:.1%} of groups of {group} would hold unequal rewards"
        + (
            ""
            if unequal >= SIGNAL
            else ": RL has nothing to learn from. Start it from SFT, make "
            "the prompt say what answers look like, or take another base"
        ),
    )


def _needs(recipe: Recipe) -> Finding:
    """Estimate time and memory of both orders, one seed."""
    nodes = graph((NODES[node](recipe, 0), 0) for node in ("sft_then_rl", "rl_then_sft"))
    try:
        line = planning.plan(nodes).line()
    except ValueError as error:
        return Finding(name="time and memory", outcome=BAD, detail=str(error))
    return Finding(name="time and memory", outcome=GOOD, detail=f"one seed, {line}")


def _responses(task: Task, items: tuple[Item, ...]) -> list[tuple[str, ...]]:
    return list(zip(*(task.candidates(item) for item in items), strict=True))
