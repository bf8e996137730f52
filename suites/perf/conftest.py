"""Fixtures of the benchmarks: trained checkpoints, and duels between plain TRL and ours."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from coupling_bench import catalog, options, perf, record, scales
from coupling_bench.environment import describe
from coupling_bench.pipelines import NODES, Recipe, lineage
from coupling_bench.recording import BENCH
from coupling_bench.report import SCHEMA, write_report
from coupling_bench.specs import GRPOSpec
from suites.perf import counting

EMBEDDED = catalog.read(Path(__file__).parents[1] / "models.toml")["embedded"].describe()
DUELS = pytest.StashKey[list[perf.Duel]]()
POINTS = pytest.StashKey[list[perf.Point]]()


@pytest.fixture(scope="session", autouse=True)
def measured(request: pytest.FixtureRequest):
    """Empty lists for what the benchmarks of this run measure."""
    request.config.stash[DUELS], request.config.stash[POINTS] = [], []
    return request.config.stash


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    """The default recipe: embedded model, grammar, small scale."""
    return scales.recipe(EMBEDDED, scales.task("grammar", "small"), "small")


@pytest.fixture(scope="session")
def checkpoint(request: pytest.FixtureRequest, recipe: Recipe) -> Callable[[str], Path]:
    """The folder of a trained node of seed 0, from the store or trained now."""
    from coupling_bench import stages

    store = request.config.stash[BENCH].store

    def folder(node: str) -> Path:
        for stage in lineage(NODES[node](recipe, 0)):
            entry, _ = stages.make(stage, store)
        return entry.folder

    return folder


@pytest.fixture(scope="session")
def larger(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> tuple[GRPOSpec, Path]:
    """A spec on a Qwen3 of 25 million parameters, and a checkpoint that has learnt to answer."""
    from suites.perf.workloads import answering

    shape = replace(
        recipe.base.start, name="embedded-25m", hidden_size=512, intermediate_size=1536,
        num_hidden_layers=8, num_attention_heads=8, num_key_value_heads=4, head_dim=64,
        initializer_range=0.02,
    )  # fmt: skip
    spec = replace(
        recipe.rl, prompts_per_step=8, num_generations=16, max_steps=10_000,
        snapshot_every=10_000, learning_rate=1e-5, threads=2,
    )  # fmt: skip
    return answering(spec, shape, prompt_tokens=56, folder=tmp_path_factory.mktemp("larger"))


@pytest.fixture
def duel(request, benchmark, measured):
    """Run plain TRL and ours in turns and hold the ratio of their medians against its gate.

    The other arms come before ours in one round and after it in the next.
    """
    if hasattr(request.config, "workerinput"):
        pytest.fail("benchmarks that share the cores measure each other: run them without -n.")

    def run(
        name: str,
        *,
        plain: Callable[[], object],
        ours: Callable[[], object],
        gate: float,
        rounds: int,
        target: float | None = None,
        others: dict[str, Callable[[], object]] | None = None,
        memory: bool = True,
        **facts,
    ) -> perf.Duel:
        beside = {"plain": plain, **(others or {})}
        times: dict[str, list[float]] = {key: [] for key in ("ours", *beside)}
        turn = itertools.count()

        def others_on(parity: int) -> None:
            if next(turn) % 4 == parity:  # counted before and after each round
                for key, action in beside.items():
                    times[key].append(counting.seconds(action))

        for warm_up in (ours, *beside.values()):
            warm_up()
        benchmark.group = facts["group"]
        benchmark.name = name
        benchmark.pedantic(
            lambda: times["ours"].append(counting.seconds(ours)),
            setup=lambda: others_on(0),
            teardown=lambda: others_on(3),
            rounds=rounds,
        )
        medians = {key: statistics.median(values) for key, values in times.items()}
        found = perf.Duel(
            name=name,
            ours_seconds=medians.pop("ours"),
            plain_seconds=medians.pop("plain"),
            ours_peak_bytes=_peak(ours) if memory else None,
            plain_peak_bytes=_peak(plain) if memory else None,
            gate=gate,
            target=target,
            rounds=rounds,
            **facts,
            **medians,
        )
        benchmark.extra_info |= {"ratio": found.ratio, "plain_seconds": found.plain_seconds}
        measured[DUELS].append(found)
        assert found.passed, f"{name}: {found.ratio:.2f} times as fast, needed {gate:g}"
        return found

    return run


def _peak(action: Callable[[], object]) -> int:
    own = getattr(action, "peak_bytes", None)
    return own() if own is not None else counting.peak_bytes(action)


@pytest.fixture
def curve(measured) -> Callable[[list[perf.Point]], None]:
    """Keep the points of a curve for the report."""
    return measured[POINTS].extend


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write what was measured beside the record, and the page anew."""
    duels, points = (session.config.stash.get(key, []) for key in (DUELS, POINTS))
    if not (duels or points):
        return
    folder = options.reports_folder(session.config)
    perf.write(duels, points, folder)
    try:
        written = record.read(folder / "record.json")
    except (OSError, ValueError):  # the benchmarks ran alone
        written = {"schema": SCHEMA, "claims": [], "environment": describe()}
    write_report(written, folder)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table of ratios."""
    config = terminalreporter.config
    duels = config.stash.get(DUELS, [])
    if duels:
        terminalreporter.section("ours and plain TRL, or what a name says; medians")
        for line in perf.lines(duels):
            terminalreporter.write_line(line)
        terminalreporter.write_line(f"Report: {options.reports_folder(config) / 'index.html'}")
