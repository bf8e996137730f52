"""A stage on several devices: ``accelerate launch`` as the user has configured it.

How many devices train a stage is no part of its spec, as the size of a micro-batch is none: the
rows of a step are the same, and sums are taken in another order. The launched processes get their
job over a socket, say how far they are, and leave when it closes: none outlives this process.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import Any

from coupling_bench import progress, tracking
from coupling_bench.fingerprint import address
from coupling_bench.specs import Spec, TrainingSpec

SOCKET, KEY = "COUPLING_BENCH_SOCKET", "COUPLING_BENCH_KEY"
"""Environment variables by which a launched process finds its job."""
PATIENCE = 10.0
"""Seconds that the launcher has to end its processes."""
SHOWN = 6
"""Last lines of a process that are shown when it fails."""

KINDS = ("MULTI_GPU", "FSDP")
"""What a configuration may say under ``distributed_type``: those that were tested."""


@dataclass(frozen=True, kw_only=True)
class Devices:
    """What a stage is shared among, as ``accelerate config`` has written it down."""

    config: Path
    processes: int
    """One a device."""

    @classmethod
    def read(cls, config: Path) -> Devices:
        """Read a configuration of accelerate.

        Raises:
            ValueError: it is none, or not one for several devices of one machine.
        """
        import yaml

        try:
            found = yaml.safe_load(config.read_text())
        except (OSError, yaml.YAMLError) as error:
            found = error
        if not isinstance(found, dict) or not isinstance(found.get("num_processes"), int):
            said = f" ({found})" if isinstance(found, Exception) else ""
            raise ValueError(
                f"--accelerate-config: {config} is no configuration of accelerate{said}. Write "
                f"one: accelerate config --config_file {config}"
            )
        kind, machines = found.get("distributed_type"), found.get("num_machines", 1)
        if kind not in KINDS:
            raise ValueError(
                f"--accelerate-config: {config} says distributed_type: {kind}, needed is one of "
                f"{', '.join(KINDS)} (on CPUs: MULTI_GPU with use_cpu: true)."
            )
        if machines != 1:
            raise ValueError(
                f"--accelerate-config: {config} says num_machines: {machines}. A stage is trained "
                "on the devices of one machine; several machines train several stages at a time: "
                "--executor ray"
            )
        return cls(config=config, processes=found["num_processes"])


_devices: Devices | None = None


def use(devices: Devices | None) -> None:
    """Train on ``devices`` from now on; None: on one."""
    global _devices
    _devices = devices


def fits(spec: Spec) -> bool:
    """Say whether ``spec`` is trained by a trainer that can share its rows among devices."""
    return isinstance(spec, TrainingSpec)


def wanted(spec: Spec) -> Devices | None:
    """Return the devices that ``spec`` is to be trained on; None: one is enough."""
    return _devices if fits(spec) else None


@dataclass(frozen=True, kw_only=True)
class Job:
    """What each launched process is told."""

    spec: Spec
    start: Path | None
    folder: Path
    outputs: Path
    """Folder of what the processes print, a file each."""
    tracker: tracking.Tracker | None


@dataclass(frozen=True, kw_only=True)
class End:
    """The last word of a launched process; of one that was killed there is none."""

    facts: Mapping[str, Any] | None = None
    error: BaseException | None = None


def launch(devices: Devices, spec: Spec, start: Path | None, folder: Path) -> dict[str, Any]:
    """Train ``spec`` on ``devices`` from the checkpoint in ``start`` into ``folder``; return facts.

    Raises:
        ChildProcessError: a process was killed, or the launcher failed; with its last lines.
        Exception: what a process raised first, as it was raised.
    """
    with tempfile.TemporaryDirectory(prefix="coupling-bench-") as outputs:
        job = Job(
            spec=spec, start=start, folder=folder, outputs=Path(outputs), tracker=tracking.current()
        )
        ends = _run(job, devices.config)
        for output in sorted(job.outputs.glob("*.txt")):  # into the stage's log
            print(f"{output.stem}: {output.read_text(errors='backslashreplace')}")
        failed = [end for end in ends if not isinstance(end, End) or end.error is not None]
        first = next(
            (end for end in failed if not _lost_another(end)), failed[0] if failed else None
        )
        if isinstance(first, End) and first.error is not None:
            raise first.error
        found = [end.facts for end in ends if isinstance(end, End) and end.facts is not None]
        if found:
            return dict(found[0])
        rank = first
        who = "accelerate launch" if rank is None else f"process {rank} of its devices"
        said = (job.outputs / f"{'launcher' if rank is None else rank}.txt").read_text()
        last = "\n".join(filter(None, said.splitlines()[-SHOWN:])) or "it said nothing"
        raise ChildProcessError(
            f"{address(spec)}: {who} ended before the stage was trained, perhaps for want of "
            f"memory. Run the same command again: finished stages are kept. Its last lines:\n{last}"
        )


def _lost_another(end: End | int) -> bool:
    """Say whether a process ended because it could not reach another, which is the one to name."""
    error = end.error if isinstance(end, End) else None
    return isinstance(error, RuntimeError) and bool(re.search("gloo|NCCL|nccl", str(error)))


def _run(job: Job, config: Path) -> list[End | int]:
    """Launch the processes of a job; return how each ended, first to last: a rank said nothing."""
    key = secrets.token_bytes(32)
    ends: list[End | int] = []
    open_connections: list[Connection] = []
    hearing: list[threading.Thread] = []
    with Listener(authkey=key) as listener:
        # The thread ends with the listener, and those of the processes with these.
        threading.Thread(
            target=_accept, args=(listener, job, ends, open_connections, hearing), daemon=True
        ).start()
        with (job.outputs / "launcher.txt").open("wb") as output:
            launcher = subprocess.Popen(
                [
                    sys.executable, "-m", "accelerate.commands.launch",
                    "--config_file", str(config), "--main_process_port", "0",
                    "-m", "coupling_bench.stages.launched",
                ],
                env=os.environ | {SOCKET: str(listener.address), KEY: key.hex()},
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        try:
            launcher.wait()
            for thread in list(hearing):  # a last word may still be on its way
                thread.join(PATIENCE)
        finally:
            for connection in open_connections:
                with contextlib.suppress(OSError):
                    connection.close()
            launcher.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                launcher.wait(PATIENCE)
            launcher.kill()
    return ends


def _accept(
    listener: Listener,
    job: Job,
    ends: list[End | int],
    connections: list[Connection],
    hearing: list[threading.Thread],
) -> None:
    """Give each process that is launched its job, and hear it in a thread of its own."""
    while True:
        try:
            connection = listener.accept()
        except OSError:  # closed: the launcher has ended
            return
        connections.append(connection)
        hearing.append(threading.Thread(target=_hear, args=(connection, job, ends), daemon=True))
        hearing[-1].start()


def _hear(connection: Connection, job: Job, ends: list[End | int]) -> None:
    """Pass on what a process says; put its last word among the ends, or its rank if it had none."""
    rank = -1
    try:
        rank = connection.recv()
        connection.send(job)
        while not isinstance(message := connection.recv(), End):
            progress.tell(message)
        ends.append(message)
    except (EOFError, OSError):
        ends.append(rank)
