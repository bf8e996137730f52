"""``pytest suites --plan``: what the collected tests would train, and nothing is trained."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable

import pytest

from coupling_bench import collected
from coupling_bench.bench import Bench
from coupling_bench.collected import Needed
from coupling_bench.graph import missing
from coupling_bench.plan_table import plan_data, plan_lines
from coupling_bench.planning.overview import overview

NeededOf = Callable[[pytest.Item], Needed]


class Planner:
    """Prints the plan in the place of the tests; everything else of pytest's output is left out."""

    def __init__(self, config: pytest.Config, bench: Bench, needed_of: NeededOf):
        """Plan for ``config``; ``needed_of`` says what a test needs.

        Raises:
            pytest.UsageError: tests are to run in workers, where this process collects none.
        """
        if getattr(config.option, "dist", "no") != "no":
            raise pytest.UsageError("--plan: a plan needs no workers. Leave -n (or --dist) out.")
        self.bench, self.needed_of = bench, needed_of
        self.as_data = config.option.plan_json
        self.detailed = config.option.verbose > 0
        config.option.verbose = -2  # errors of collection are still shown

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Print the plan; with errors in collection pytest says what it says then."""
        if session.testsfailed and not session.config.option.continue_on_collection_errors:
            return None
        tests = defaultdict(list)
        needed: dict[tuple[str, str, str | None], None] = {}
        for item in session.items:
            for one in self.needed_of(item):
                needed[one] = None
                tests[one[:2]].append(item.nodeid)
        try:
            self._print(session.config, list(needed), tests)
        except (ValueError, OSError) as error:
            raise pytest.UsageError(str(error)) from None
        return True

    def _print(self, config: pytest.Config, needed: Needed, tests) -> None:
        bench = self.bench
        nodes = collected.nodes(bench, needed)
        names = collected.names(bench, needed)
        workers = 1 if bench.executor == "inline" else bench.workers
        plan = overview(nodes, missing(nodes, bench.store), bench.store, workers)
        writer = config.get_terminal_writer()
        if self.as_data:
            writer.line(json.dumps(plan_data(plan, names, tests), indent=1))
        elif not nodes:
            writer.line("Nothing to train: no collected test needs a node.")
        else:
            for line in plan_lines(plan, names, tests, detailed=self.detailed):
                writer.line(line)
