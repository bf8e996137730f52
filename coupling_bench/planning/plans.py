"""What a run will need, said before anything is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from coupling_bench.fingerprint import address
from coupling_bench.planning import devices, durations, shapes
from coupling_bench.planning.batches import GIB, settle
from coupling_bench.planning.footprints import footprint
from coupling_bench.planning.loads import Load, load_of
from coupling_bench.planning.shapes import Shape
from coupling_bench.specs import (
    ObservationSpec,
    Spec,
    TrainingSpec,
    model_of,
)


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One node, as it will be run."""

    address: str
    device: str
    seconds: float
    memory: int = 0
    """Bytes at its peak; 0 for what trains nothing."""
    micro_batch: int | None = None
    gradient_checkpointing: bool = False


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All nodes of a run that are not in the store yet."""

    nodes: tuple[Planned, ...]

    @property
    def seconds(self) -> float:
        """One node after the other."""
        return sum(node.seconds for node in self.nodes)

    def line(self, name: Callable[[str], str] = devices.name) -> str:
        """Return the plan as a line for people.

        Args:
            name: what people call a device.
        """
        trained = [node for node in self.nodes if node.memory]
        on = " and ".join(name(device) for device in sorted({n.device for n in self.nodes}))
        if not trained:
            return "planned: nothing to train"
        largest = max(node.memory for node in trained) / GIB
        return (
            f"planned: {len(trained)} stage{'s' * (len(trained) > 1)}, about "
            f"{_time(self.seconds)} on {on}, largest {largest:.2g} GiB"
        )


def plan(
    nodes: Iterable[Spec],
    *,
    rate: Callable[[str, str], float] = devices.throughput,
    free: Callable[[str], int] = devices.free_bytes,
    load: Callable[[Spec], Load] = load_of,
    shape: Callable[..., Shape] = shapes.of_model,
) -> Plan:
    """Return what ``nodes`` will need; nothing is trained, and no weights are read.

    Args:
        nodes: that the store does not hold, as ``graph.missing`` returns them.
        rate: operations a second of (device, type): of one core, or of a whole GPU.
        free: bytes of a device.
        load: what a node puts through its model.
        shape: of (model, ``lora``, ``autocast``).

    Raises:
        ValueError: a stage does not fit on its GPU, or its model cannot be counted.
    """
    planned = []
    for spec in nodes:
        model, tokens = model_of(spec), load(spec)
        if isinstance(spec, TrainingSpec):
            trained = shape(model, lora=spec.lora, autocast=spec.bf16)
            half = spec.bf16 or model.dtype == "bfloat16"
            speed = rate(model.device, "bfloat16" if half else "float32") * _cores(spec)
            planned.append(_stage(spec, trained, tokens, speed, free))
            continue
        seconds = 0.0
        if isinstance(spec, ObservationSpec):
            observed = shape(model)
            speed = rate(model.device, "float32") * _cores(spec)
            seconds = durations.work(spec, observed, tokens).seconds(observed, speed)
        planned.append(Planned(address=address(spec), device=model.device, seconds=seconds))
    return Plan(nodes=tuple(planned))


def plan_line(nodes: list[Spec]) -> str:
    """Return the line of what ``nodes`` will need on their devices."""
    return plan(nodes).line()


def _stage(
    spec: TrainingSpec, shape: Shape, load: Load, speed: float, free: Callable[[str], int]
) -> Planned:
    device = model_of(spec).device
    if device != "cpu":  # where the whole batch goes through the model at once
        spec = settle(spec, shape, load.longest, free(device))
    rows = spec.micro_batch or spec.rows_per_step
    work = durations.work(spec, shape, load)
    return Planned(
        address=address(spec),
        device=device,
        seconds=work.seconds(shape, speed),
        memory=footprint(spec, shape, load.longest, rows).total,
        micro_batch=rows,
        gradient_checkpointing=bool(spec.gradient_checkpointing),
    )


def _cores(spec: Spec | TrainingSpec) -> int:
    return spec.threads if model_of(spec).device == "cpu" else 1


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
