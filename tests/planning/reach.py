"""How long the plan of many models and recipes takes to build and to print.

    python -m tests.planning.reach [--models 100] [--recipes 100]

Models of different widths, each with a base and as many learning rates of SFT, all observed; an
empty store. Nothing is trained.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

from coupling_bench import scales
from coupling_bench.collected import Name
from coupling_bench.fingerprint import address
from coupling_bench.graph import graph, missing
from coupling_bench.pipelines import NODES
from coupling_bench.plan_table import plan_lines
from coupling_bench.planning.overview import overview
from coupling_bench.store import Store
from tests.tiny import EMBEDDED


def specs(models, recipes):
    """The last stage of each run, with what it is called."""
    task = scales.task("grammar", "small")
    for i in range(models):
        model = replace(EMBEDDED, name=f"model-{i}", intermediate_size=64 + i)
        recipe = scales.recipe(model, task, "small")
        for j in range(recipes):
            sft = replace(recipe.sft, learning_rate=1e-5 * (j + 1))
            yield NODES["sft"](replace(recipe, sft=sft), 0), Name(model.name, f"sft-{j}", 0)


def measure(models, recipes):
    """Print the plan and the seconds of this process that each step takes."""
    store, clock = Store(Path("no-such-store")), time.perf_counter()
    begun = time.process_time()
    runs = list(specs(models, recipes))
    names = {address(stage): name for stage, name in runs}
    nodes = graph((stage, 0) for stage, _ in runs)
    graphed = time.process_time()
    absent = missing(nodes, store)
    plan = overview(nodes, absent, store, workers=2)
    for line in plan_lines(plan, names, {}):
        print(line)
    done = time.process_time()
    print(
        f"{len(nodes)} nodes: specs and graph {graphed - begun:.2f} s, store, estimates and table "
        f"{done - graphed:.2f} s, together {done - begun:.2f} s of "
        f"this process, {time.perf_counter() - clock:.2f} s on the clock"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=100)
    parser.add_argument("--recipes", type=int, default=100)
    asked = parser.parse_args()
    measure(asked.models, asked.recipes)
