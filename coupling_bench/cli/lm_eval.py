"""``coupling-bench lm-eval``: a checkpoint on lm-eval's tasks and ours."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Any, get_args

from coupling_bench import catalog, harness
from coupling_bench.cli import common
from coupling_bench.harness import finding
from coupling_bench.lm_eval_tasks.documents import environments_template
from coupling_bench.store import Store, default_root

EPILOG = """examples:
  coupling-bench lm-eval SFTSpec-3f9a1c22b0de --tasks coupling,blimp --limit 100
  coupling-bench lm-eval path/to/model --tasks coupling_grammar_ood --output scores.json
"""
COLUMNS = ("task", "metric", "value", "error", "items")


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        "lm-eval",
        help="evaluate a checkpoint with lm-eval",
        description="Evaluate a checkpoint on tasks of lm-eval and of coupling_bench, in fp32. "
        "Answers are kept for each checkpoint, so that a second run computes nothing.",
        epilog=EPILOG,
    )
    parser.add_argument(
        "checkpoint",
        metavar="CHECKPOINT",
        help="an entry of the store (SFTSpec-3f9a1c22b0de, or its beginning) or of models.toml, a "
        "folder, or a Hub id",
    )
    parser.add_argument(
        "--tasks", default=harness.GROUP, metavar="NAMES",
        help="tasks, groups or tags, with commas between (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--limit", type=_count, metavar="N", help="the first N items of each task")
    parser.add_argument(
        "--data-dir", type=Path, metavar="FOLDER",
        help="where CoLA's files lie (default: $COUPLING_BENCH_COLA, else the Hub's copy)",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write scores and items there, as JSON"
    )
    parser.add_argument("--seed", type=int, default=0, help="of sampled completions (default: 0)")
    parser.add_argument(
        "--models", type=Path, default=common.MODELS, metavar="FILE",
        help=f"entries (default: {common.MODELS})",
    )  # fmt: skip
    parser.add_argument(
        "--device", default="auto", choices=get_args(catalog.Device), help="where it runs"
    )
    parser.add_argument("--store", type=Path, metavar="FOLDER", help="where stages are kept")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Evaluate, print the table, write the JSON."""
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_DISABLE", "1")  # lm-eval's bars are for people who watch
    store = Store(arguments.store or default_root())
    device = arguments.device
    if device == "auto":
        device = "cuda" if catalog.cuda_is_there() else "cpu"
    checkpoint = finding.find(arguments.checkpoint, store, arguments.models, device)
    named = environments_template()
    if named is not None:
        checkpoint = dataclasses.replace(checkpoint, prompt_template=named)
    results = harness.evaluate(
        checkpoint,
        [name.strip() for name in arguments.tasks.split(",") if name.strip()],
        cache=store.root / "lm-eval",
        limit=arguments.limit,
        device=device,
        seed=arguments.seed,
        data_dir=arguments.data_dir,
    )
    print(f"{checkpoint.name} ({checkpoint.folder})\n")
    print(table(results))
    if arguments.output:
        document = {"schema": 1, "name": checkpoint.name, **dataclasses.asdict(results)}
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(json.dumps(document, indent=1) + "\n")
    return 0


def table(results: harness.Results) -> str:
    """Return scores as aligned columns; errors are standard errors over items."""
    rows = [COLUMNS]
    for task, metrics in results.scores.items():
        ids = {item["id"] for item in results.items.get(task, ())}
        for metric, value in metrics.items():
            error = results.errors.get(task, {}).get(metric)
            shown = "" if error is None else f"{error:.4f}"
            rows.append((task, metric, f"{value:.4f}", shown, str(len(ids) or "")))
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _count(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"found {text!r}, needed a whole number from 1.")
    return int(text)
