"""What one pytest run works with: its models, task, scale, seeds and store. Knows no pytest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from coupling_bench.claims import Claim
from coupling_bench.fingerprint import fingerprint
from coupling_bench.graph import Outcome
from coupling_bench.pipelines import NODES, Recipe
from coupling_bench.runs import Runs
from coupling_bench.specs import StageSpec, TaskSpec
from coupling_bench.store import Store


@dataclass(kw_only=True)
class Bench:
    """The choices of one run, and what became of its training graph."""

    models: tuple[str, ...]
    task: TaskSpec
    scale: str
    seeds: tuple[int, ...]
    store: Store
    executor: str
    workers: int
    references: Path
    """Folder of the accepted records."""
    outcome: Outcome = field(default_factory=Outcome)

    def recipe(self, model: str) -> Recipe:
        """Return how each stage of ``model`` is trained."""
        from coupling_bench.scales import recipe

        return recipe(model, self.task, self.scale)

    def stages(self, model: str, node: str) -> tuple[StageSpec, ...]:
        """Return the specs of one node, one a seed."""
        recipe = self.recipe(model)
        return tuple(NODES[node](recipe, seed) for seed in self.seeds)

    def runs(self, model: str, node: str) -> Runs:
        """Return the addresses of one node's checkpoints."""
        return Runs(node=node, seeds=self.seeds, stages=self.stages(model, node), store=self.store)

    def recipe_fingerprint(self, model: str, nodes: Iterable[str], claim: Claim) -> str:
        """Return the identity of how a claim is judged: training, margin and requirements.

        The seeds are left out: a claim is about all of them.
        """
        recipe = self.recipe(model)
        return fingerprint(
            {
                "nodes": [NODES[node](recipe, 0) for node in sorted(nodes)],
                "judged": [claim.direction, claim.margin, claim.alpha, claim.unit],
                "requires": [[r.name, r.above, r.below] for r in claim.requires],
            }
        )
