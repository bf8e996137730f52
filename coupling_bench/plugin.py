"""The pytest plugin: trains what the collected suites need, judges their claims, writes the record.

Loaded by the root ``conftest.py``. Imports no torch: collecting suites, and a run whose stages are
all in the store, take about a second.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from coupling_bench import (
    again,
    collected,
    command_line,
    options,
    recording,
    references,
    theorems,
)
from coupling_bench.claims import Claim
from coupling_bench.collected import Needed
from coupling_bench.console import told
from coupling_bench.deciding import decide as decide_claim
from coupling_bench.deciding import failure
from coupling_bench.fingerprint import address
from coupling_bench.pipelines import NotHereError, observations
from coupling_bench.planner import Planner
from coupling_bench.preparing import prepare
from coupling_bench.recording import BENCH, RecordWriter
from coupling_bench.runs import Runs

MARKERS = (
    "claim(sentence, *, cites, increase_by | decrease_by | equal_within | not_increase_by | "
    "not_decrease_by, unit, requires, beside, undecided): this test checks a claim of a paper by "
    "an interval over seeds, beyond a margin in a unit. Written @claim(...) "
    "(coupling_bench.claim); the test judges it with the fixture decide. All of them: pytest "
    "suites -m claim",
    "theorem(sentence, *, cites, assumes, false): this test checks a statement on instances, of "
    "which one that breaks it is enough; one that is false as printed is declared so. Written "
    "@theorem(...) (coupling_bench.theorems); the test uses the fixture check. All of them: pytest "
    "suites -m theorem",
    "gpu: this test needs a CUDA device, because its model is marked so in suites/models.toml. "
    "Those alone: pytest suites -m gpu",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options of the suites."""
    command_line.add(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Check the options before anything is collected."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    config.stash[BENCH] = bench = options.check(config)
    if config.option.plan or config.option.plan_json:
        config.pluginmanager.register(Planner(config, bench, _needed), "coupling_bench_plan")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(RecordWriter(config), "coupling_bench_record")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make the model a parameter of every suite."""
    if "model" in metafunc.fixturenames:
        bench = metafunc.config.stash[BENCH]
        models = [
            pytest.param(entry.name, marks=[pytest.mark.gpu] if entry.gpu else [])
            for entry in bench.entries
        ]
        metafunc.parametrize("model", models, indirect=True, scope="session")
    if "lm_eval_task" in metafunc.fixturenames:
        reason = "name tasks of lm-eval: --lm-eval-tasks coupling_grammar_ood,blimp,..."
        none = pytest.param("none", marks=pytest.mark.skip(reason=reason))
        tasks = metafunc.config.stash[BENCH].lm_eval_tasks
        metafunc.parametrize("lm_eval_task", tasks or [none], indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what the model or the task of a test do not have, with the reason."""
    if config.option.collectonly:
        return
    for item in items:
        try:
            for node in _nodes(item):
                config.stash[BENCH].stages(_texts(item)["model"], node)
        except NotHereError as error:
            item.add_marker(pytest.mark.skip(reason=str(error)))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse schedules of the user's own that no collected test asks for."""
    own = session.config.stash[BENCH].pipelines
    if own and not any(node in own for item in session.items for _, node, _ in _needed(item)):
        raise pytest.UsageError(
            f"--pipeline {own[0]!r}: no test that was collected asks for schedules. Add theirs: "
            "suites/neighbours/schedules"
        )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session):
    """Train what the collected tests need, after deselection and before the first test."""
    stopped = session.testsfailed and not session.config.option.continue_on_collection_errors
    planned = session.config.pluginmanager.hasplugin("coupling_bench_plan")
    if not (session.config.option.collectonly or stopped or planned):
        items = getattr(session, "items", ())
        needed = dict.fromkeys(one for item in items for one in _needed(item))
        with contextlib.ExitStack() as using:
            try:
                if session.config.option.record:
                    _check_complete(session)
                if needed:
                    store = session.config.stash[BENCH].store.root
                    options.check_folders(store, options.reports_folder(session.config))
                    session.config.stash[BENCH].outcome = prepare(session.config, needed, using)
            except (ValueError, OSError) as error:  # a store of another version, a full disk
                raise pytest.UsageError(str(error)) from None
            return (yield)
    return (yield)


def _needed(item: pytest.Item) -> Needed:
    """Return what a test needs, with its model and its task of lm-eval."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    nodes = _nodes(item) if parameters else []
    return [(parameters["model"], node, parameters.get("lm_eval_task")) for node in nodes]


def _nodes(item: pytest.Item) -> list[str]:
    """Return the nodes that a test needs, as fixtures or for its claim's requirements."""
    fixtures = getattr(item, "fixturenames", ())
    ours = {"model", "node"} <= set(fixtures)  # a test of ours may call a parameter of its own so
    if not ours or item.get_closest_marker("skip"):
        return []
    claim = _claim(item)
    views = (*claim.requires, *claim.beside) if claim else ()
    named = {*fixtures, *_texts(item).values(), *(node for view in views for node in view.nodes)}
    bench = item.config.stash[BENCH]
    named |= {node for name in named & set(bench.groups) for node in bench.groups[name]}
    return [node for node in bench.nodes if node in named]


def nodes_asked(session: pytest.Session, model: str) -> list[str]:
    """Return the nodes that the collected tests of a model need, in the order of all nodes."""
    items = [item for item in session.items if _texts(item).get("model") == model]
    asked = {name for item in items for name in _nodes(item)}
    return [name for name in session.config.stash[BENCH].nodes if name in asked]


def _claim(item: pytest.Item) -> Claim | None:
    """Return what a test checks, its sentence filled in with the test's own parameters."""
    mark = item.get_closest_marker("claim")
    return mark.args[0].about(**_texts(item)) if mark else None


def _texts(item: pytest.Item) -> dict[str, str]:
    """Return the parameters of a test that are texts: the model, and what a suite adds."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return {name: value for name, value in parameters.items() if isinstance(value, str)}


def _check_complete(session: pytest.Session) -> None:
    """Refuse to accept some suites of a folder alone: the others' verdicts would be forgotten."""
    bench = session.config.stash[BENCH]
    for model in bench.models:
        claims = {
            claim.sentence: item.nodeid
            for item in session.items
            if _nodes(item) and _texts(item).get("model") == model and (claim := _claim(item))
        }
        missing_claims = references.left_out(
            bench.references, model, bench.task.name, bench.scale(model), claims
        )
        if missing_claims:
            raise ValueError(
                f"--record: this run leaves out accepted claims of {model}: "
                f"{'; '.join(missing_claims)}. Run all suites of their "
                "folders, or simply all: pytest suites --record"
            )


@pytest.fixture(scope="session")
def model(request: pytest.FixtureRequest) -> str:
    """The model that a suite runs on, by name: a parameter of every suite (--model)."""
    return request.param


@pytest.fixture(scope="session")
def node(request: pytest.FixtureRequest, model: str) -> Callable[[str], Runs]:
    """The runs of a node of the training graph by its name, over all seeds, trained."""
    bench = request.config.stash[BENCH]

    def runs(name: str) -> Runs:
        for seed, stage in collected.runs(bench, model, name):
            for spec in (stage, *observations(stage, seed)):
                error = bench.outcome.failed.get(address(spec))
                if error is not None:
                    pytest.fail(f"{name} could not be trained: {told(error)}", pytrace=False)
        return bench.runs(model, name)

    return runs


@pytest.fixture
def lm_eval_task(request: pytest.FixtureRequest, model: str) -> str:
    """A task of lm-eval that the test's nodes were evaluated on (--lm-eval-tasks)."""
    bench = request.config.stash[BENCH]
    for name in _nodes(request.node):
        for spec in bench.evaluations(model, name, request.param):
            error = bench.outcome.failed.get(address(spec))
            if error is not None:
                pytest.fail(f"{name} on {request.param}: {told(error)}", pytrace=False)
    return request.param


@pytest.fixture
def decide(request: pytest.FixtureRequest, model: str, node: Callable[[str], Runs]):
    """Judge the test's claim by per-seed differences: pass, fail, xfail or skip, with numbers."""
    bench = request.config.stash[BENCH]
    claim = _claim(request.node)
    if claim is None:
        pytest.fail("decide: the test declares no claim. Mark it with @claim(...).", pytrace=False)
    nodes = _nodes(request.node)
    recipe = bench.recipe_fingerprint(model, nodes, claim)
    seeds = max((bench.seeds_of(name) for name in nodes), key=len)
    setting = {"model": model, "task": bench.task.name, "scale": bench.scale(model)}

    def by_chance(found: Mapping[str, Any]) -> str | None:
        from coupling_bench.nightly import chance  # rarely asked

        return chance.explain({**setting, "recipe": recipe, **found}, bench.references)

    def decide(differences) -> None:
        decision = decide_claim(
            claim,
            differences,
            runs=node,
            seeds=seeds,
            scale=bench.scale(model),
            accepted=references.accepted_verdict(
                bench.references, **setting, claim=claim.sentence, recipe=recipe
            ),
            recording=request.config.option.record,
            chance=by_chance,
        )
        found = {
            "test": request.node.nodeid,
            **setting,
            "recipe": recipe,
            "nodes": nodes,
            "outcome": decision.outcome,
            **decision.record,
        }
        recording.add(request.node, "claims", [found])
        if decision.outcome == "failed":
            stages = {name: bench.stages(model, name) for name in nodes}
            once_more = again.command(request.config, request.node.nodeid)
            pytest.fail(failure(decision, stages, once_more), pytrace=False)
        if decision.outcome == "xfailed":
            pytest.xfail(decision.message)
        if decision.outcome == "skipped":
            pytest.skip(decision.message)

    return decide


@pytest.fixture
def check(request: pytest.FixtureRequest):
    """Check the test's theorem on instances by their slack: one below zero fails, with numbers."""
    mark = request.node.get_closest_marker("theorem")
    if mark is None:
        pytest.fail("check: the test has no theorem. Mark it with @theorem(...).", pytrace=False)

    def check(slack, *, tolerance: float, unit: str, where=None) -> None:
        checked = theorems.check(mark.args[0], slack, tolerance=tolerance, unit=unit, where=where)
        model = _texts(request.node).get("model")
        found = {"test": request.node.nodeid, "model": model, **checked.record}
        recording.add(request.node, "theorems", [found])
        if checked.outcome == "failed":
            pytest.fail(checked.message, pytrace=False)

    return check


@pytest.fixture
def table(request: pytest.FixtureRequest):
    """Put rows into a named table of the record: what a figure is drawn from, as flat dicts."""
    bench = request.config.stash[BENCH]
    model = _texts(request.node).get("model")
    of_all = {"model": model, "task": bench.task.name} if model else {}

    def table(name: str, rows: Iterable[dict[str, Any]]) -> None:
        recording.add(request.node, name, [{**of_all, **row} for row in rows], recording.TABLES)

    return table


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """Let the report of a test carry what it found."""
    report = yield
    if call.when == "call":
        recording.attach(item, report)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In an xdist worker: tell the controller which stages were trained here."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        outcome = session.config.stash[BENCH].outcome
        output["stages"] = [(a, True) for a in sorted(outcome.made)] + [
            (a, False) for a in sorted(outcome.reused)
        ]
