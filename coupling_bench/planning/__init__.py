"""How much memory and time stages need, before anything is trained.

``plan`` sums a run up; ``settle`` and ``fit`` choose and lower the rows that go through a model at
a time; ``of_model``, ``footprint`` and ``work`` are what they stand on, each on a page of its own.
"""

from coupling_bench.planning.batches import (
    divisors,
    fit,
    gradient_checkpointing_needed,
    micro_batch,
    settle,
)
from coupling_bench.planning.devices import free_bytes, throughput
from coupling_bench.planning.durations import Work, work
from coupling_bench.planning.footprints import Footprint, footprint
from coupling_bench.planning.loads import Load, load_of
from coupling_bench.planning.plans import Plan, Planned, plan, plan_line
from coupling_bench.planning.shapes import Shape, of_model, of_model_spec, shape_of

__all__ = [
    "Footprint",
    "Load",
    "Plan",
    "Planned",
    "Shape",
    "Work",
    "divisors",
    "fit",
    "footprint",
    "free_bytes",
    "gradient_checkpointing_needed",
    "load_of",
    "micro_batch",
    "of_model",
    "of_model_spec",
    "plan",
    "plan_line",
    "settle",
    "shape_of",
    "throughput",
    "work",
]
