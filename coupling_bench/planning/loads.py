"""How much text a node puts through its model."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

from typing_extensions import TypeIs

from coupling_bench import prompting, tasks
from coupling_bench.specs import (
    AnyModel,
    BestSnapshotSpec,
    CheckpointSpec,
    DPOSpec,
    EditSpec,
    EvaluationSpec,
    ExactSpec,
    ImportSpec,
    JointSpec,
    LandscapeSpec,
    LongSFTSpec,
    ObservationSpec,
    OnlineSpec,
    PerturbSpec,
    PretrainSpec,
    ScheduledSFTSpec,
    SFTSpec,
    SnapshotSpec,
    Spec,
    TaskSpec,
    TrainingSpec,
    model_of,
)

NOT_PLANNED = (
    ImportSpec, SnapshotSpec, BestSnapshotSpec, EditSpec, ExactSpec, PerturbSpec, LandscapeSpec,
    EvaluationSpec,
)  # fmt: skip
"""What trains nothing, or whose text is not known."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """Rows of text, and their tokens; both of a pair of preferences are rows."""

    prompt_tokens: float = 0.0
    """Mean over the rows."""
    answer_tokens: float = 0.0
    """Mean over the rows, the end of the answer included; of completions the most there can be."""
    longest: int = 0
    """Tokens of the longest row, prompt and answer together."""
    rows: int = 0
    """Sequences that a node computes from its beginning to its end, each as often as it is."""


def load_of(spec: Spec | TrainingSpec) -> Load:
    """Return what a node computes; nothing for what trains nothing, and for evaluations.

    How much lm-eval's tasks hold is not known before they are fetched. Exact training and its
    landscape, which are for models of a laptop, are not planned. A random step scores a few
    hundred prompts some twenty times; the choice of a snapshot, a few hundred at each.
    """
    if isinstance(spec, NOT_PLANNED):
        return Load()
    task = spec.of.task if isinstance(spec, ObservationSpec) else spec.task
    sizes = lengths(model_of(spec), task, split_of(spec))
    most = spec.max_completion_length if draws(spec) else 0
    rows = [(prompt, most or answer) for prompt, answer in sizes]
    many = max(len(rows), 1)
    return Load(
        prompt_tokens=sum(prompt for prompt, _ in rows) / many,
        answer_tokens=sum(answer for _, answer in rows) / many,
        longest=max((prompt + answer for prompt, answer in rows), default=0),
        rows=_rows(spec, len(sizes)),
    )


@functools.lru_cache(maxsize=16)
def lengths(model: AnyModel, spec: TaskSpec, split: str) -> tuple[tuple[int, int], ...]:
    """Return the tokens of each prompt of a split and of its longest answer, with its end.

    The tokenizer of a model that is pretrained here does not exist before: its tokens are taken for
    words, of which it knows the frequent ones whole.
    """
    task = tasks.load(spec)
    items = task.splits[split]
    answers = [max(task.candidates(item), key=len) for item in items]
    if not isinstance(model, CheckpointSpec):
        prompts = [task.prompt(item) for item in items]
        sizes = [[len(text.split()) + 1 for text in texts] for texts in (prompts, answers)]
    else:
        from coupling_bench.stages.importing import load_tokenizer

        tokenizer = load_tokenizer(model)
        prompting.prepare(model, tokenizer)
        prompts = prompting.prompt_texts(model, tokenizer, task, items)
        of_prompts = tokenizer(prompts)["input_ids"]
        of_answers = tokenizer(answers, add_special_tokens=False)["input_ids"]
        sizes = [[len(ids) for ids in of_prompts], [len(ids) + 1 for ids in of_answers]]
    return tuple(zip(*sizes, strict=True))


def draws(spec: Spec | TrainingSpec) -> TypeIs[OnlineSpec]:
    """Say whether a stage draws the completions that it learns from."""
    return isinstance(spec, OnlineSpec)


def has_reference(spec: TrainingSpec) -> bool:
    """Say whether a stage compares its policy with the one that it started from."""
    return isinstance(spec, DPOSpec) or (draws(spec) and spec.beta != 0.0)


def sequences(spec: Spec | TrainingSpec) -> int:
    """Return how many sequences a row of a stage is: a pair of preferences is two."""
    return 2 if isinstance(spec, DPOSpec) else 1


def steps_of(spec: TrainingSpec, size: int) -> int:
    """Return the optimizer steps of a stage, whose split holds ``size`` prompts."""
    if isinstance(spec, PretrainSpec | OnlineSpec | LongSFTSpec | ScheduledSFTSpec):
        return spec.max_steps
    if isinstance(spec, SFTSpec | DPOSpec):
        return math.ceil(size / spec.rows_per_step) * spec.num_train_epochs
    raise TypeError(f"planning: {type(spec).__name__} has no number of steps that is known.")


def split_of(spec: Spec | TrainingSpec) -> str:
    """Return the split whose prompts a node computes."""
    if isinstance(spec, ObservationSpec):
        return spec.split
    if isinstance(spec, PretrainSpec):
        return "pretraining"
    return "sft" if isinstance(spec, SFTSpec) else "rl"


def _rows(spec: Spec | TrainingSpec, size: int) -> int:
    if isinstance(spec, TrainingSpec):
        beside = spec.sft_batch_size if isinstance(spec, JointSpec) else 0
        return steps_of(spec, size) * (spec.rows_per_step * sequences(spec) + beside)
    assert isinstance(spec, ObservationSpec)
    stage = spec.of
    if spec.snapshots == "all" and isinstance(stage, ExactSpec):
        return size * (1 + math.ceil(stage.max_steps / stage.snapshot_every))
    if spec.snapshots == "last" or not isinstance(stage, TrainingSpec):
        return size
    trained_on = len(tasks.load(stage.task).splits[split_of(stage)])
    # Its start, those on the way, and the checkpoint itself.
    further = len(stage.also_after) if isinstance(stage, LongSFTSpec) else 0
    return size * (1 + further + math.ceil(steps_of(stage, trained_on) / stage.snapshot_every))
