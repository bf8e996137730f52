"""lm-eval as others run it: its own model, and of ours the folder of tasks alone."""

import logging
from pathlib import Path
from typing import Any

import pytest

from coupling_bench import harness


def plain_lm_eval(folder: Path, *tasks: str, model_args: dict[str, Any] | None = None, **options):
    """Return what ``lm_eval run --model hf --model_args pretrained=... --include_path ...`` finds.

    The command line builds the same task manager, with lm-eval's own tasks beside ours.
    """
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    arguments = {"pretrained": str(folder), "dtype": "float32", **(model_args or {})}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging.getLogger("lm_eval"), "disabled", True)
        return simple_evaluate(
            model="hf",
            model_args=arguments,
            tasks=list(tasks),
            task_manager=TaskManager(
                include_path=harness.TASKS, include_defaults=False, metadata=arguments
            ),
            batch_size=16,
            device="cpu",
            bootstrap_iters=100,
            **options,
        )


def our_task(name: str, data_dir: Path | None = None):
    """Return one task of ours as lm-eval loads it."""
    from lm_eval.tasks import TaskManager

    metadata = {"data_dir": str(data_dir)} if data_dir else {}
    manager = TaskManager(include_path=harness.TASKS, include_defaults=False, metadata=metadata)
    return manager.load(name)["tasks"][name]
