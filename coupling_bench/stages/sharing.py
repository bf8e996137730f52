"""How processes share a stage's rows, one process a device (``launching``)."""

from __future__ import annotations

import os
from typing import Any

from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.tensor import DTensor

from coupling_bench.fingerprint import address
from coupling_bench.specs import PretrainSpec, SFTSpec, TrainingSpec


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


def check_last_step(spec: TrainingSpec, rows: int) -> None:
    """Refuse a last step of an epoch that accelerate would fill up with rows of its beginning.

    Raises:
        ValueError: ``rows``, those of an epoch, do not end with a whole step.
    """
    rest = rows % spec.rows_per_step
    kept = isinstance(spec, SFTSpec | PretrainSpec) and not spec.dataloader_drop_last
    if processes() > 1 and kept and rest:
        raise ValueError(
            f"{address(spec)}: {rows} rows in steps of {spec.rows_per_step} leave {rest} for the "
            "last one, which several processes do not share as one process takes them. Choose a "
            "batch_size that divides the rows, or train this stage without --accelerate-config."
        )
