"""Making what the collected tests need, once and before the first of them.

Imports no torch: what trains is other processes.
"""

from __future__ import annotations

import contextlib
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import pytest

from coupling_bench import collected, harness, options, pins, progress
from coupling_bench.collected import Needed
from coupling_bench.console import Console
from coupling_bench.executors import Settings, open_executor
from coupling_bench.fingerprint import address
from coupling_bench.graph import Outcome, missing
from coupling_bench.graph import run as run_graph
from coupling_bench.planning import plan_line
from coupling_bench.recording import BENCH
from coupling_bench.specs import EvaluationSpec, Spec, model_of


def prepare(config: pytest.Config, needed: Needed, using: contextlib.ExitStack) -> Outcome:
    """Make what the store lacks, and keep all that is needed in it as long as ``using`` lasts."""
    bench = config.stash[BENCH]
    nodes = collected.nodes(bench, needed)
    labels = collected.labels(nodes, collected.names(bench, needed))
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    console = Console(terminal, labels, config.option.verbose)
    using.enter_context(bench.store.in_use(map(address, nodes)))
    progress.listen(console.progress)  # the store says here what it finds damaged
    absent = missing(nodes, bench.store)
    if any(isinstance(spec, EvaluationSpec) for spec in absent):
        harness.check_names(bench.lm_eval_tasks)
    if config.option.strict_env:
        reused = [entry.manifest for spec in nodes if (entry := bench.store.find(spec))]
        pins.check_entries(options.lock(config), reused)
    console.announce(nodes, absent, bench)
    if not absent:
        return Outcome(reused={address(spec) for spec in nodes})
    workers = min(bench.workers, len(absent))
    on_gpu = any(model_of(spec).device == "cuda" for spec in absent)
    if on_gpu and bench.executor != "ray":  # whose GPUs are elsewhere
        console.plan(_planned(absent))
    tracker = replace(bench.tracker, names=labels) if bench.tracker else None
    try:
        with console.following(nodes, absent, bench):
            executor = open_executor(
                bench.executor,
                bench.store,
                workers,
                console.progress,
                fresh=on_gpu,
                settings=Settings(tracker=tracker, devices=bench.devices),
                cluster=bench.cluster,
            )
            try:
                outcome = run_graph(nodes, bench.store, executor, console.finished)
            finally:
                executor.close()
        console.not_run(outcome.failed)
        return outcome
    except KeyboardInterrupt:
        console.interrupted(nodes, bench.store)
        raise


def _planned(absent: list[Spec]) -> str:
    """Return what ``absent`` will need, asked in a process that gives the GPU back."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=spawn) as process:
        return process.submit(plan_line, absent).result()
