"""The house has floors: a module imports its own floor or a lower one, never a higher one."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "coupling_bench"
FLOORS = [
    {
        "fingerprint",
        "environment",
        "progress",
        "stage_log",
        "typed",
        "strict_json",
        "theory",
        "pins",
        "tracking",
    },
    {"specs", "pipelines", "scales", "overrides"},
    {
        "store",
        "tasks",
        "answers",
        "models",
        "branching",
        "whole_rows",
        "prompting",
        "checkpoints",
        "catalog",
        "verifiers",
    },
    {"stages", "executors", "graph", "planning"},
    {"probes", "runs", "landscape", "synthetic", "statistics"},
    {
        "measures",
        "requirements",
        "flow_requirements",
        "healing_requirements",
        "pear_requirements",
        "schedule_requirements",
        "views",
        "claims",
        "theorems",
    },
    {
        "bench",
        "deciding",
        "replaying",
        "record",
        "frames",
        "references",
        "report",
        "perf",
        "checking",
        "lm_eval_tasks",
        "harness",
        "measuring",
        "nightly",
        "watching",
        "callback",
    },
    {
        "options",
        "command_line",
        "preparing",
        "again",
        "collected",
        "console",
        "live",
        "verdict_table",
        "summary",
        "plugin",
        "planner",
        "plan_table",
        "recording",
        "cli",
        "__main__",
    },
]
FLOOR_OF = {name: number for number, names in enumerate(FLOORS) for name in names}
FILES = sorted(PACKAGE.rglob("*.py"))
HEAVY = {"torch", "trl", "transformers", "datasets", "scipy", "pandas", "plotly", "jinja2"}
MAY_BE_HEAVY = {"stages", "landscape", "branching", "whole_rows", "callback"}
LAZY_UPWARD = {("scales", "tasks"), ("pipelines", "tasks")}
"""Imports inside a function that reach up: they ask CoLA's files for their identity."""


def module(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)


def targets(name, members):
    """The modules of ours that an import reaches."""
    parts = name.split(".")
    if parts[0] != "coupling_bench":
        return []
    return [parts[1]] if len(parts) > 1 else [m for m in members if m in FLOOR_OF]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_module_imports_its_own_floor_or_a_lower_one(path):
    here = module(path)
    if here == "__init__":
        return
    assert here in FLOOR_OF, f"{here} has no floor yet: add it to FLOORS"
    for name, members in imports(ast.parse(path.read_text())):
        for target in targets(name, members):
            allowed = FLOOR_OF[target] <= FLOOR_OF[here] or (here, target) in LAZY_UPWARD
            assert allowed, f"{here} imports {target}, which is on a higher floor"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_heavy_packages_are_imported_where_they_are_needed_and_not_at_the_top(path):
    if module(path) in MAY_BE_HEAVY:
        return
    top = ast.parse(path.read_text()).body
    for name, _ in imports(ast.Module(body=top_level(top), type_ignores=[])):
        assert name.split(".")[0] not in HEAVY, f"{path.name} imports {name} at the top"


def top_level(body):
    """Statements that run on import: functions, classes and TYPE_CHECKING blocks left out."""
    skipped = (ast.FunctionDef, ast.ClassDef, ast.If)
    return [node for node in body if not isinstance(node, skipped)]


def test_files_stay_small():
    """Median under 160 lines, none above 360: one concept a file."""
    lengths = sorted(len(path.read_text().splitlines()) for path in FILES)
    assert lengths[len(lengths) // 2] < 160
    assert lengths[-1] <= 360
