"""lm-eval on a checkpoint, in fp32, with our tasks and its own; nothing is computed twice."""

from __future__ import annotations

import contextlib
import difflib
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from coupling_bench import models
from coupling_bench.harness.finding import Checkpoint, digest

TASKS = Path(__file__).parents[1] / "lm_eval_tasks"
"""The YAML files of our tasks, for ``--include_path`` of lm-eval."""
GROUP = "coupling"
UNFILTERED = "none"
LARGEST_BATCH = 256
LOGITS = 2**27
"""Entries of the logits of one batch, at most: half a GiB in fp32."""
ROW = 64
"""Tokens of a row, about, when a batch is measured out."""


@dataclass(frozen=True, kw_only=True)
class Results:
    """Metrics of a checkpoint, and of each item, so that two checkpoints can be paired."""

    checkpoint: str
    """The identity of what was evaluated (``finding.digest``)."""
    scores: Mapping[str, Mapping[str, float]]
    """{task or group: {metric: value}}; a filter's name follows its metric after a comma."""
    errors: Mapping[str, Mapping[str, float]]
    """Standard errors over items, where lm-eval has one."""
    items: Mapping[str, Sequence[Mapping[str, Any]]]
    """{task: [{"id", "filter", "truth", each metric}]}."""

    def values(self, task: str, metric: str) -> dict[str, float]:
        """Return {item: value}; ``metric`` is named as in ``scores``."""
        name, _, chosen = metric.partition(",")
        return {
            item["id"]: item[name]
            for item in self.items[task]
            if item["filter"] == (chosen or UNFILTERED)
        }


def evaluate(
    checkpoint: Checkpoint,
    tasks: Sequence[str],
    *,
    cache: Path,
    limit: int | None = None,
    batch_size: int | None = None,
    device: Literal["cpu", "cuda"] = "cpu",
    seed: int = 0,
    data_dir: Path | None = None,
) -> Results:
    """Evaluate a checkpoint on tasks, groups or tags, of ours or of lm-eval.

    Args:
        checkpoint: a folder, with adapters or without, and how it is asked.
        tasks: their names.
        cache: folder where answers are kept, in one file for each checkpoint.
        limit: the first so many items of each task; None: all.
        batch_size: rows at a time; None: as many as the vocabulary allows.
        device: where it runs.
        seed: of the sampled completions.
        data_dir: of CoLA's files; None: the environment's folder, or the Hub's copy.

    Raises:
        ValueError: a task is unknown, or a prompt does not fit the model.
        OSError: data are missing and cannot be fetched.
    """
    manager = _manager(tasks, _metadata(checkpoint, data_dir))
    from lm_eval import simple_evaluate

    from coupling_bench.harness.remembering import Remembering

    identity = digest(checkpoint.folder)
    model = Remembering(
        load=lambda: _load(checkpoint, device, batch_size),
        file=cache / f"{identity[:32]}.sqlite",
        seed=seed,
        draws=[seed, device, batch_size],
    )
    with model, _quiet("api.task", "evaluator"), _no_report_on_the_machine(), _data_errors():
        found: Any = simple_evaluate(
            model=model,
            tasks=list(tasks),
            limit=limit,
            task_manager=manager,
            apply_chat_template=checkpoint.chats,
            bootstrap_iters=1_000,
            torch_random_seed=None,  # sampling is seeded where it happens
        )
    return _results(identity, found)


def _metadata(checkpoint: Checkpoint, data_dir: Path | None) -> dict[str, Any]:
    """Return what our tasks are told; what stands around a chat's prompt is the template's."""
    template = checkpoint.prompt_template
    return {
        "pretrained": str(checkpoint.folder),
        "trust_remote_code": checkpoint.model.trust_remote_code,
        "prompt_template": template.strip() if checkpoint.chats else template,
        "data_dir": str(data_dir) if data_dir else None,
    }


def check_names(names: Sequence[str]) -> None:
    """Refuse a task that there is not; lm-eval is imported only if one is not ours.

    Raises:
        ValueError: naming the task and those that are spelled like it.
    """
    ours = {path.stem for path in TASKS.glob("*.yaml")}
    foreign = [name for name in names if name not in ours]
    if foreign:
        _manager(foreign, {})


def _manager(names: Sequence[str], metadata: dict[str, Any]) -> Any:
    """Return what finds the tasks; lm-eval's own are read, for seconds, only if one is asked."""
    from lm_eval.tasks import TaskManager

    for defaults in (False, True):
        manager = TaskManager(include_path=TASKS, include_defaults=defaults, metadata=metadata)
        unknown = [name for name in names if name not in manager.all_tasks]
        if not unknown:
            return manager
    near = difflib.get_close_matches(unknown[0], manager.all_tasks, n=3, cutoff=0.5)
    hint = f" The nearest: {', '.join(near)}." if near else " lm-eval ls tasks lists them."
    raise ValueError(f"lm-eval: no task is called {unknown[0]!r}.{hint} Ours are in {GROUP!r}.")


def _load(checkpoint: Checkpoint, device: Literal["cpu", "cuda"], batch_size: int | None) -> Any:
    import torch
    from lm_eval.models.huggingface import HFLM

    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("lm-eval: --device cuda: no CUDA device was found. Use the CPU: cpu.")
    how = replace(checkpoint.model, device=device)
    with _quiet("models.huggingface"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
        model, tokenizer = models.load(checkpoint.folder, how, dtype="float32")
        rows = batch_size or max(1, min(LARGEST_BATCH, LOGITS // (len(tokenizer) * ROW)))
        return HFLM(model, tokenizer=tokenizer, batch_size=rows, enable_thinking=False)


@contextlib.contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Leave out lm-eval's advice to those who write tasks or load models; truncation is told."""
    advisers = [logging.getLogger(f"lm_eval.{name}") for name in names]
    before = [logger.level for logger in advisers]
    for logger in advisers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(advisers, before, strict=True):
            logger.setLevel(level)


@contextlib.contextmanager
def _no_report_on_the_machine() -> Iterator[None]:
    """Leave out what lm-eval asks pip and the drivers for a second: nothing of it is kept."""
    from lm_eval import evaluator

    whole, evaluator.add_env_info = evaluator.add_env_info, lambda storage: None
    try:
        yield
    finally:
        evaluator.add_env_info = whole


@contextlib.contextmanager
def _data_errors() -> Iterator[None]:
    try:
        yield
    except ConnectionError as error:
        raise ConnectionError(
            f"lm-eval: a task's data could not be fetched ({error}). With a network they are "
            f"fetched once and kept; without one, evaluate on what is generated: coupling_grammar."
        ) from None


def _results(identity: str, found: Mapping[str, Any]) -> Results:
    scores: dict[str, dict[str, float]] = {}
    errors: dict[str, dict[str, float]] = {}
    for task, metrics in found["results"].items():
        for key, value in metrics.items():
            metric, _, chosen = key.partition(",")
            if not chosen or not isinstance(value, int | float):
                continue
            name = metric.removesuffix("_stderr")
            kept = scores if name == metric else errors
            whole = name if chosen == UNFILTERED else f"{name},{chosen}"
            kept.setdefault(task, {})[whole] = float(value)
    items = {task: [_item(s) for s in samples] for task, samples in found["samples"].items()}
    return Results(checkpoint=identity, scores=scores, errors=errors, items=items)


def _item(sample: Mapping[str, Any]) -> dict[str, Any]:
    doc = sample["doc"]
    ours = isinstance(doc, dict) and {"id", "prompt", "truth"} <= doc.keys()
    return {
        "id": doc["id"] if ours else str(sample["doc_id"]),
        "filter": sample["filter"],
        "truth": sample["target"],
        **{metric: sample[metric] for metric in sample["metrics"]},
    }
