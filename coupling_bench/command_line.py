"""The options of ``pytest suites`` as ``--help`` shows them; ``options.py`` checks what is said."""

from __future__ import annotations

import pytest

from coupling_bench import scales, tracking
from coupling_bench.executors import EXECUTORS
from coupling_bench.specs import LoraSpec


def add(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("coupling_bench", "coupling_bench: experiment tests")
    option = group.addoption
    option(
        "--model", action="append", metavar="NAME",
        help="model to run every suite on: an entry of suites/models.toml, a folder or a Hub id; "
        "repeatable (default: embedded; with -m gpu: qwen3-0.6b)",
    )  # fmt: skip
    option("--models", metavar="FILE", help="another file of entries than suites/models.toml")
    option(
        "--task", default="grammar", metavar="NAME",
        help=f"one of: {', '.join(scales.TASKS)}, or a task.toml of your own (docs/your_own.md)",
    )  # fmt: skip
    option(
        "--data-dir", metavar="FOLDER",
        help="where the task's files lie (cola: its .tsv files)",
    )  # fmt: skip
    option(
        "--scale", metavar="NAME",
        help=f"one of: {', '.join(scales.SCALES)} (default: the model's own, else small). smoke "
        "proves the plumbing and gives no verdict",
    )  # fmt: skip
    option(
        "--lm-eval-tasks", metavar="NAMES",
        help="tasks of lm-eval, comma-separated: what does post-training do to everything else?",
    )  # fmt: skip
    option("--seeds", default="3", metavar="N", help="number of seeds (default: 3)")
    option(
        "--first-seed", default="0", metavar="N",
        help="the seeds are N, N + 1, ... (default: 0); a reference is trained on seeds of its own",
    )  # fmt: skip
    option(
        "--set", action="append", metavar="STAGE.FIELD=VALUE",
        help="another value of a field of a recipe, as --set grpo.beta=0.04; repeatable",
    )  # fmt: skip
    option(
        "--pipeline", action="append", metavar="SCHEDULE",
        help="a schedule of your own beside those of suites/neighbours/schedules, in optimizer "
        "steps: \"sft:200,grpo:100,sft:50\", \"(sft:10,grpo:10)x5\", \"joint:40[sft_weight=0.3]\"; "
        "repeatable",
    )  # fmt: skip
    option(
        "--plan", action="store_true",
        help="show what would be trained, what of it is in the store and how long the rest takes; "
        "with -v each stage. Nothing is trained",
    )  # fmt: skip
    option("--plan-json", action="store_true", help="the same as data, on standard output")
    option("--recipe", metavar="FILE", help="a TOML file of such fields: tables [sft], [grpo], ...")
    option("--peft", metavar="KIND", help="lora: train and store adapters alone")
    option("--lora-rank", metavar="N", help=f"rank of the adapters (default: {LoraSpec.rank})")
    option("--lora-alpha", metavar="N", help=f"their scale times the rank ({LoraSpec.alpha})")
    option(
        "--lora-targets", metavar="NAMES",
        help=f"modules that get one, comma-separated (default: {LoraSpec.targets})",
    )  # fmt: skip
    option(
        "--device", default="auto", metavar="NAME",
        help="auto, cpu or cuda: where models are trained and observed",
    )  # fmt: skip
    option(
        "--store", metavar="FOLDER",
        help="where stages are kept (default: $COUPLING_BENCH_STORE, else the user's cache)",
    )  # fmt: skip
    option(
        "--executor", default="process", metavar="NAME",
        help=f"where stages train, one of: {', '.join(EXECUTORS)}",
    )  # fmt: skip
    option(
        "--workers", metavar="N",
        help="worker processes on this machine, of the executor process or of a Ray that is "
        "started here (default: cores; on a GPU: 1)",
    )  # fmt: skip
    option(
        "--ray-address", metavar="ADDRESS",
        help="of the Ray cluster (default: $RAY_ADDRESS, else Ray is started on this machine)",
    )  # fmt: skip
    option(
        "--gpus-per-stage", metavar="N",
        help="what a stage on a GPU asks of Ray; a fraction lets some share one (default: "
        "1, or as many as --accelerate-config has processes)",
    )  # fmt: skip
    option(
        "--accelerate-config", metavar="FILE",
        help="what accelerate config wrote: trained stages share their rows among its devices",
    )  # fmt: skip
    option(
        "--track", metavar="TOOL",
        help=f"where trainers log their losses, one of: {', '.join(tracking.TOOLS)} (default: "
        "nowhere); TensorBoard's files lie beside the report",
    )  # fmt: skip
    option(
        "--strict-env", action="store_true",
        help="train nothing unless the installed packages, and those that reused stages were made "
        "with, are the pins of requirements.lock",
    )  # fmt: skip
    option("--reports", metavar="FOLDER", help="where page and record go (reports/latest)")
    option(
        "--record", action="store_true",
        help="accept this run's verdicts into reports/reference/ (needs a clean git tree)",
    )  # fmt: skip
