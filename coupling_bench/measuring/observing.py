"""What checkpoints answer, from the store or into it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from coupling_bench import stages
from coupling_bench.pipelines import observation
from coupling_bench.runs import Runs
from coupling_bench.specs import ImportSpec
from coupling_bench.store import Store

SEED = 0
"""Of the sampled completions."""


def observe(
    checkpoints: Mapping[str, ImportSpec], split: str, store: Store, tell: Callable[[str], None]
) -> dict[str, Runs]:
    """Return the addresses of what each checkpoint answers on a split; what is missing is made.

    Args:
        checkpoints: by name.
        split: ``held_out`` or ``out_of_domain``.
        store: where observations are kept.
        tell: is told of each checkpoint in a line.

    Raises:
        ValueError: a model does not fit the task; the message names it.
    """
    found = {}
    for name, stage in checkpoints.items():
        wanted = observation(stage, SEED, split)
        if store.find(wanted) is None:
            tell(f"{name}: observing {stage.start.folder}")
        try:
            stages.make(stage, store)
            _, made = stages.make(wanted, store)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        tell(f"{name}: {'observed' if made else 'in the store'}")
        found[name] = Runs(node=name, seeds=(SEED,), stages=(stage,), store=store)
    return found
