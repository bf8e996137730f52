"""How fast the store is: ``python -m tests.reliability.reach`` (docs/reliability.md has the figures).

Ratios travel, seconds do not. Nothing is trained: entries are files of the size of real ones.
"""

import os
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from coupling_bench.graph import graph, missing
from coupling_bench.pipelines import NODES
from coupling_bench.store import Store
from tests.tiny import recipe

ENTRIES = 1_000
STAGE_SECONDS = 10.0
FILES, BYTES = 40, 21_000_000
"""Of an SFT stage of the default suites: its checkpoint and its snapshots."""
ROUNDS = 7


def warm_graph(root: Path) -> tuple[int, float]:
    """Return the nodes of a graph that is wholly in the store, and seconds to look it up."""
    whole, runs = recipe(), []
    base = NODES["base"](whole, 0)
    for seed in range(ENTRIES // 6):  # two stages and four observations each
        sft = replace(NODES["sft"](whole, 0), start=base, seed=seed)
        runs += [(replace(NODES["sft_then_rl"](whole, 0), start=sft, seed=seed), seed)]
    nodes = graph(runs)
    store = Store(root)
    for spec in nodes:
        store.get_or_make(spec, lambda folder: _write(folder, 3, 200_000))
    took = []
    for _ in range(ROUNDS):
        again = graph([(replace(stage), seed) for stage, seed in runs])  # nothing is remembered
        started = time.perf_counter()
        assert not missing(again, Store(root))
        took.append(time.perf_counter() - started)
    return len(nodes), statistics.median(took)


def overhead(root: Path) -> float:
    """Return what the store adds to a stage, in seconds: locking, hashing, syncing, renaming."""
    spec, took = NODES["sft"](recipe(), 0), []
    for seed in range(ROUNDS):
        inside = []

        def make(folder: Path, inside: list[float] = inside) -> dict[str, int]:
            started = time.perf_counter()
            facts = _write(folder, FILES, BYTES)
            inside.append(time.perf_counter() - started)
            return facts

        started = time.perf_counter()
        Store(root).get_or_make(replace(spec, seed=seed), make)
        took.append(time.perf_counter() - started - inside[0])
    return statistics.median(took)


def _write(folder: Path, files: int, size: int) -> dict[str, int]:
    for number in range(files):
        (folder / f"{number}.safetensors").write_bytes(os.urandom(size // files))
    return {"steps": 1}


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        nodes, seconds = warm_graph(Path(folder) / "graph")
        print(f"looking up a warm graph of {nodes} entries: {seconds:.2f} s")
        share = overhead(Path(folder) / "stages") / STAGE_SECONDS
        print(f"the store's share of a {STAGE_SECONDS:.0f}-second stage: {100 * share:.2f} %")


if __name__ == "__main__":
    main()
