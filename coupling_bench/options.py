"""The command line of ``pytest suites``: what users may say, checked before anything is trained."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from coupling_bench import environment, scales
from coupling_bench.bench import Bench
from coupling_bench.deciding import SCALES_WITHOUT_VERDICT
from coupling_bench.executors import EXECUTORS, default_workers
from coupling_bench.store import Store, default_root


def add(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("coupling_bench", "coupling_bench: experiment tests")
    models, tasks = ", ".join(scales.MODELS), ", ".join(scales.TASKS)
    group.addoption(
        "--model", action="append", metavar="NAME",
        help=f"model to run every suite on; repeatable. One of: {models} (default: embedded)",
    )  # fmt: skip
    group.addoption("--task", default="grammar", metavar="NAME", help=f"one of: {tasks}")
    group.addoption(
        "--data-dir",
        metavar="FOLDER",
        help="where the task's files lie (cola: its .tsv files)",
    )
    group.addoption(
        "--scale", default="small", metavar="NAME",
        help=f"one of: {', '.join(scales.SCALES)}. smoke proves the plumbing and gives no verdict",
    )  # fmt: skip
    group.addoption("--seeds", default="3", metavar="N", help="number of seeds (default: 3)")
    group.addoption(
        "--store", metavar="FOLDER",
        help="where stages are kept (default: $COUPLING_BENCH_STORE, else the user's cache)",
    )  # fmt: skip
    group.addoption(
        "--executor", default="process", metavar="NAME",
        help=f"where stages train, one of: {', '.join(EXECUTORS)}",
    )  # fmt: skip
    group.addoption(
        "--workers", metavar="N", help="worker processes of the process executor (default: cores)"
    )
    group.addoption(
        "--reports", metavar="FOLDER", help="where page and record go (default: reports/latest)"
    )
    group.addoption(
        "--record", action="store_true",
        help="accept this run's verdicts into reports/reference/ (needs a clean git tree)",
    )  # fmt: skip


def check(config: pytest.Config) -> Bench:
    """Return what the options ask for.

    Raises:
        pytest.UsageError: in one or two sentences, what is wrong and what would be right.
    """
    option = config.option
    models = tuple(dict.fromkeys(option.model or ["embedded"]))
    for model in models:
        _one_of("--model", model, tuple(scales.MODELS))
    _one_of("--task", option.task, scales.TASKS)
    _one_of("--scale", option.scale, scales.SCALES)
    _one_of("--executor", option.executor, EXECUTORS)
    seeds = _count("--seeds", option.seeds)
    workers = _count("--workers", option.workers) if option.workers else default_workers()
    _check_gpu(option.markexpr)
    if option.record:
        _check_recordable(config, option.scale)
    if option.data_dir is not None and option.task == "grammar":
        raise pytest.UsageError(
            "--data-dir: the task grammar is generated, it reads no file. Did you mean --task cola?"
        )
    try:
        folder = Path(option.data_dir).expanduser().resolve() if option.data_dir else None
        task = scales.task(option.task, option.scale, folder)
    except (ValueError, FileNotFoundError) as error:
        raise pytest.UsageError(str(error)) from None
    return Bench(
        models=models,
        task=task,
        scale=option.scale,
        seeds=tuple(range(seeds)),
        store=Store(Path(option.store).expanduser() if option.store else default_root()),
        executor=option.executor,
        workers=workers,
        references=config.rootpath / "reports" / "reference",
    )


def reports_folder(config: pytest.Config) -> Path:
    """Return where page and record go."""
    chosen = config.option.reports
    return Path(chosen) if chosen else config.rootpath / "reports" / "latest"


def _one_of(option: str, value: str, valid: Sequence[str]) -> None:
    if value in valid:
        return
    near = difflib.get_close_matches(value, valid, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise pytest.UsageError(
        f"{option}: {value!r} is unknown; valid names: {', '.join(valid)}.{hint}"
    )


def _count(option: str, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text) or int(text) == 0:
        raise pytest.UsageError(f"{option}: found {text!r}, needed a whole number from 1 to 9999.")
    return int(text)


def _check_gpu(mark_expression: str) -> None:
    wanted = re.search(r"\bgpu\b", mark_expression) and "not gpu" not in mark_expression
    if not wanted:
        return
    import torch

    if not torch.cuda.is_available():
        raise pytest.UsageError(
            "-m gpu: no CUDA device was found (torch.cuda.is_available() is False). "
            "Run on a machine with one, or run the laptop suites: pytest suites"
        )


def _check_recordable(config: pytest.Config, scale: str) -> None:
    if scale in SCALES_WITHOUT_VERDICT:
        raise pytest.UsageError(
            f"--record: the scale {scale} gives no verdicts to accept. Run it at --scale small."
        )
    state = environment.git_state(config.rootpath)
    if state["commit"] is None:
        raise pytest.UsageError(
            f"--record: {config.rootpath} is no git checkout, so an accepted verdict would name no "
            "commit. Run it in a clone."
        )
    if state["dirty"]:
        raise pytest.UsageError(
            "--record: the working tree has uncommitted changes, so an accepted verdict would name "
            "the wrong code. Commit or stash them first."
        )
