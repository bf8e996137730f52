"""The part of the training graph that collected tests need, and what its nodes are called."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from coupling_bench.bench import Bench
from coupling_bench.fingerprint import address
from coupling_bench.graph import graph
from coupling_bench.specs import ObservationSpec, Spec, StageSpec, is_stage

Needed = Collection[tuple[str, str, str | None]]
"""What tests ask for: (model, node, task of lm-eval or None)."""


@dataclass(frozen=True)
class Name:
    """What a stage is called: by its model, its node, and its seed."""

    model: str
    node: str
    seed: int

    def __str__(self) -> str:
        """Return it as people read it; the base is one for all seeds."""
        return f"{self.model}: {self.node}" + (f", seed {self.seed}" if self.node != "base" else "")


def runs(bench: Bench, model: str, node: str) -> Iterator[tuple[int, StageSpec]]:
    """Yield the seeds of a node with their stages."""
    return zip(bench.seeds_of(node), bench.stages(model, node), strict=True)


def nodes(bench: Bench, needed: Needed) -> list[Spec]:
    """Return all that ``needed`` stands on, each once, parents first."""
    return graph(
        ((stage, seed) for model, node, _ in needed for seed, stage in runs(bench, model, node)),
        (e for model, node, task in needed if task for e in bench.evaluations(model, node, task)),
    )


def names(bench: Bench, needed: Needed) -> dict[str, Name]:
    """Return what stages are called, by address: those asked for, and what they descend from."""
    asked = dict.fromkeys((model, node) for model, node, _ in needed)
    others = [(model, node) for model in {model for model, _ in asked} for node in bench.nodes]
    found: dict[str, Name] = {}
    for model, node in [*asked, *others]:
        try:
            for seed, stage in runs(bench, model, node):
                found.setdefault(address(stage), Name(model, node, seed))
        except (ValueError, OSError):  # a node that this model or task does not have
            if (model, node) in asked:
                raise
    return found


def labels(specs: Iterable[Spec], named: dict[str, Name]) -> dict[str, str]:
    """Return all nodes in words, by address: stages, and what is asked of them."""
    found = {}
    for spec in specs:
        name = named.get(address(spec if is_stage(spec) else spec.of))
        if name is not None:
            found[address(spec)] = f"{name}{_asked(spec)}"
    return found


def _asked(spec: Spec) -> str:
    if is_stage(spec):
        return ""
    task = getattr(spec, "lm_eval_task", None)
    if task:
        return f", on {task}"
    split = f" on {spec.split}" if isinstance(spec, ObservationSpec) else ""
    return f", observed{split}"
