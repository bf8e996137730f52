"""How processes share a stage's rows, one process a device (``launching``)."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any

from accelerate.data_loader import BatchSamplerShard
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.tensor import DTensor

from coupling_bench.fingerprint import address
from coupling_bench.specs import TrainingSpec


def processes() -> int:
    """Return how many processes train this stage together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rows_a_process(spec: TrainingSpec) -> int:
    """Return each process's rows of an optimizer step.

    Raises:
        ValueError: they cannot be shared out evenly.
    """
    if spec.rows_per_step % processes():
        raise ValueError(
            f"{address(spec)}: {processes()} processes cannot share the {spec.rows_per_step} rows "
            "of a step evenly. Take a number of them that divides it (num_processes in the file "
            "of --accelerate-config)."
        )
    return spec.rows_per_step // processes()


def gathered(model: Any) -> dict[str, Any] | None:
    """Return all weights of a model that FSDP has sharded, in the first process; else None.

    All processes have to ask.
    """
    if not any(isinstance(parameter, DTensor) for parameter in model.parameters()):
        return None
    whole = StateDictOptions(full_state_dict=True, cpu_offload=True)
    return get_model_state_dict(model, options=whole)


class EvenShares:
    """Batches of this process: of every round of batches its share, of the last one too.

    accelerate would fill up a last round with rows of the epoch's beginning, which one process does
    not train on.
    """

    def __init__(self, batches: Any):
        """Share out the rows of ``batches``, those of all processes."""
        self.sampler, self.batch_size = batches.sampler, batches.batch_size
        self._batches, self._round = batches, batches.batch_size * processes()

    def __len__(self) -> int:
        """Return the number of rounds."""
        return math.ceil(len(self._batches.sampler) / self._round)

    def __iter__(self) -> Iterator[list[int]]:
        """Yield rows of the data set.

        Raises:
            ValueError: the last round has less rows than there are processes.
        """
        rank, rows = int(os.environ["RANK"]), []
        for batch in self._batches:
            rows += batch
            if len(rows) == self._round:
                yield rows[rank * self.batch_size : (rank + 1) * self.batch_size]
                rows = []
        if rows and len(rows) < processes():
            raise ValueError(
                f"the last step of an epoch has {len(rows)} rows for {processes()} processes. Take "
                "fewer processes (--accelerate-config), or another batch_size."
            )
        if rows:
            yield rows[rank :: processes()]


def share_evenly(loader: Any) -> Any:
    """Let a data loader that accelerate has prepared take ``EvenShares``."""
    sharded = loader.batch_sampler
    if isinstance(sharded, BatchSamplerShard) and not sharded.drop_last:
        sharded.batch_sampler = EvenShares(sharded.batch_sampler)
        # What it hands out is this process's already: transformers does so for samplers of its own.
        sharded.num_processes, sharded.process_index, sharded.even_batches = 1, 0, False
    return loader
