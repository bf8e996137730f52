"""What one pytest run works with: its models, task, scale, seeds and store. Knows no pytest."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from coupling_bench import scales
from coupling_bench.catalog import Device, Entry
from coupling_bench.claims import Claim
from coupling_bench.executors import Cluster
from coupling_bench.fingerprint import fingerprint
from coupling_bench.graph import Outcome
from coupling_bench.overrides import Override
from coupling_bench.pipelines import GROUPS, LEAST_SEEDS, NODES, Node, Recipe, evaluation, strings
from coupling_bench.runs import Runs
from coupling_bench.specs import EvaluationSpec, LoraSpec, StageSpec, TaskSpec
from coupling_bench.stages.launching import Devices
from coupling_bench.store import Store
from coupling_bench.tracking import Tracker


@dataclass(kw_only=True)
class Bench:
    """The choices of one run, and what became of its training graph."""

    entries: tuple[Entry, ...]
    task_name: str
    data_dir: Path | None
    scale_asked: str | None
    """The scale of every model; None: each model's own."""
    seeds: tuple[int, ...]
    """Numbers in a row; the first need not be 0."""
    store: Store
    executor: str
    workers: int
    references: Path
    """Folder of the accepted records."""
    device: Device = "auto"
    lora: LoraSpec | None = None
    """Adapters for every model; None: as its entry says."""
    overrides: tuple[Override, ...] = ()
    """What users changed about the recipes, in the order in which it counts."""
    pipelines: tuple[str, ...] = ()
    """Schedules of the user's own, as they were written: nodes of that name."""
    lm_eval_tasks: tuple[str, ...] = ()
    """What else the stages are evaluated on, by lm-eval."""
    tracker: Tracker | None = None
    """Where trainers log, which changes no number; None: nowhere."""
    devices: Devices | None = None
    """What a trained stage is shared among, which changes no number beyond rounding; None: one."""
    cluster: Cluster = field(default_factory=Cluster)
    """Where the executor ``ray`` works."""
    outcome: Outcome = field(default_factory=Outcome)

    @property
    def models(self) -> tuple[str, ...]:
        """The names of the models."""
        return tuple(entry.name for entry in self.entries)

    def scale(self, model: str) -> str:
        """Return the scale at which ``model`` is run."""
        return self.scale_asked or self._entry(model).scale

    @functools.cached_property
    def task(self) -> TaskSpec:
        """The task, as the first model gets it."""
        return self.recipe(self.models[0]).task

    def recipe(self, model: str) -> Recipe:
        """Return how each stage of ``model`` is trained; the model is looked for the first time.

        Raises:
            FileNotFoundError: model or data cannot be found or fetched.
            ValueError: data are malformed, or an override does not fit.
        """
        if model not in self._recipes:
            self._recipes[model] = self._make_recipe(self._entry(model))
        return self._recipes[model]

    def _make_recipe(self, entry: Entry) -> Recipe:
        scale = self.scale(entry.name)
        task = scales.task(self.task_name, scale, self.data_dir)
        return entry.recipe(task, scale, device=self.device, lora=self.lora, changes=self.overrides)

    def _entry(self, model: str) -> Entry:
        return next(entry for entry in self.entries if entry.name == model)

    @functools.cached_property
    def nodes(self) -> dict[str, Node]:
        """Every node by its name: those of all runs, and the run's own schedules and beginnings."""
        own = [name for whole in self.pipelines for name in strings.beginnings(whole)]
        return NODES | {name: strings.node(name) for name in own}

    @functools.cached_property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """Nodes that go together, by the name that a test asks for them all with."""
        return GROUPS | {"own_schedules": self.pipelines}

    @functools.cached_property
    def _recipes(self) -> dict[str, Recipe]:
        return {}

    def seeds_of(self, node: str) -> tuple[int, ...]:
        """Return the seeds that a node is trained with: the run's, or more where it needs more."""
        first, count = self.seeds[0], max(len(self.seeds), LEAST_SEEDS.get(node, 0))
        return tuple(range(first, first + count))

    def stages(self, model: str, node: str) -> tuple[StageSpec, ...]:
        """Return the specs of one node, one a seed.

        Raises:
            NotHereError: model or task do not have this node.
        """
        recipe = self.recipe(model)
        return tuple(self.nodes[node](recipe, seed) for seed in self.seeds_of(node))

    def runs(self, model: str, node: str) -> Runs:
        """Return the addresses of one node's checkpoints."""
        stages = self.stages(model, node)
        return Runs(node=node, seeds=self.seeds_of(node), stages=stages, store=self.store)

    def evaluations(self, model: str, node: str, lm_eval_task: str) -> list[EvaluationSpec]:
        """Return what lm-eval is to find of one node, one a checkpoint."""
        stages = dict.fromkeys(self.stages(model, node))
        return [evaluation(stage, lm_eval_task) for stage in stages]

    def recipe_fingerprint(self, model: str, nodes: Iterable[str], claim: Claim) -> str:
        """Return the identity of how a claim is judged: training, margin and requirements.

        The seeds are left out: a claim is about all of them.
        """
        recipe = self.recipe(model)
        return fingerprint(
            {
                "nodes": [self.nodes[node](recipe, 0) for node in sorted(nodes)],
                "judged": [claim.direction, claim.margin, claim.alpha, claim.unit],
                "requires": [[r.name, r.above, r.below] for r in claim.requires],
            }
        )
