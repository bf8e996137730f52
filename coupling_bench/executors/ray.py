"""Stages as tasks of Ray, on this machine or on a whole cluster: one task a stage.

Ray places the tasks by what they ask for and does those again whose worker or node is lost. What a
stage leaves is in the store, which every node must see at the same path.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import platform
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import coupling_bench
from coupling_bench.executors import worker
from coupling_bench.fingerprint import address
from coupling_bench.progress import Progress
from coupling_bench.specs import Spec, model_of, parent
from coupling_bench.stages import launching
from coupling_bench.store import Store

RETRIES = 3
"""How often a stage is begun again whose worker or node was lost. Its own errors are final."""
PATIENCE = 5.0
"""Seconds that cancelled stages have to clean up."""
NO_GPU = (
    "--executor ray: no node of the cluster has the GPUs that a stage asks for. Start one with "
    "them (ray start --num-gpus N), ask for less (--gpus-per-stage), or wait for a CPU: "
    "--device cpu"
)


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Which cluster, and what a stage asks of it."""

    address: str | None = None
    """``--ray-address``; None: $RAY_ADDRESS, else a Ray of its own on this machine."""
    gpus_per_stage: float = 1.0
    """What each stage on CUDA asks for; others ask for none. A fraction lets some share a GPU."""


def check() -> None:
    """Refuse to go on without Ray.

    Raises:
        ValueError: with the command that installs it.
    """
    if importlib.util.find_spec("ray") is None:
        raise ValueError(
            "--executor ray: the package ray is not installed. Install it: "
            "pip install 'coupling-bench[ray]'"
        )


class RayExecutor:
    """Makes entries in tasks of Ray."""

    def __init__(
        self,
        store: Store,
        workers: int,
        listener: Callable[[Progress], None],
        settings: worker.Settings,
        cluster: Cluster,
    ):
        """Connect to ``cluster``, or start one of ``workers`` CPUs on this machine.

        Raises:
            ValueError: Ray is not installed.
            OSError: there is no such cluster.
        """
        check()
        import ray
        from ray.util.queue import Queue
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        self._root = store.root.resolve()  # workers have working directories of their own
        self._settings = settings
        self._gpus_per_stage = cluster.gpus_per_stage
        self._running: dict[Future[bool], Any] = {}
        self._connected_here = not ray.is_initialized()
        if self._connected_here:
            _connect(cluster.address, workers)
        self.workers = int(ray.cluster_resources().get("CPU", 1))
        cpus = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
        self._largest = max(cpus, default=1)  # more than one node has would be waited for for ever
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        # On this node, whatever becomes of others, and at no stage's expense.
        self._messages = Queue(actor_options={"num_cpus": 0, "scheduling_strategy": here})
        threading.Thread(target=self._listen, args=(listener,), daemon=True).start()
        self._task = ray.remote(max_retries=RETRIES, retry_exceptions=False)(_make)

    def submit(self, spec: Spec) -> Future[bool]:
        """Queue the entry of ``spec`` as a task."""
        outcome: Future[bool] = Future()
        if self._gpus(spec) and not self._has_gpus():
            outcome.set_exception(ValueError(NO_GPU))  # it would wait for ever
            return outcome
        options = {
            "name": address(spec),
            "num_cpus": min(spec.threads * _processes(spec, self._settings), self._largest),
            "num_gpus": self._gpus(spec),
            "runtime_env": {"env_vars": {"PYTHONPATH": _python_path()}},
        }
        task = self._task.options(**options).remote(
            spec, self._root, self._messages, self._settings
        )
        self._running[outcome] = task
        task.future().add_done_callback(lambda done: self._pass_on(done, outcome))
        return outcome

    def close(self) -> None:
        """Cancel what is running; leave the cluster, or end it if it was started here."""
        import ray

        running = list(self._running.values())
        for task in running:
            ray.cancel(task)
        ray.wait(running, num_returns=len(running), timeout=PATIENCE) if running else None
        self._messages.shutdown(force=True)
        if self._connected_here:
            ray.shutdown()

    def _gpus(self, spec: Spec) -> float:
        if model_of(spec).device != "cuda":
            return 0
        return self._gpus_per_stage if launching.fits(spec) else min(1, self._gpus_per_stage)

    def _has_gpus(self) -> bool:
        import ray

        return any(
            node["Resources"].get("GPU", 0) >= self._gpus_per_stage
            for node in ray.nodes()
            if node["Alive"]
        )

    def _pass_on(self, done: Future[bool], outcome: Future[bool]) -> None:
        """Give ``outcome`` what became of a task, its error as the stage has raised it."""
        self._running.pop(outcome, None)
        error = done.exception()
        if error is None:
            outcome.set_result(done.result())
        else:
            outcome.set_exception(_of_stage(error))

    def _listen(self, listener: Callable[[Progress], None]) -> None:
        from ray.exceptions import RayError

        with contextlib.suppress(RayError):  # the queue is gone: the executor was closed
            while True:
                listener(self._messages.get())


def _connect(asked: str | None, workers: int) -> None:
    import ray

    known = asked or os.environ.get("RAY_ADDRESS")
    # "local": without it Ray would join any cluster that somebody has started on this machine.
    here = {"address": "local", "num_cpus": workers, "include_dashboard": False}
    where: dict[str, Any] = {"address": known} if known else here
    try:
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **where)
    except (OSError, RuntimeError, ValueError) as error:
        said = " ".join(str(error).split())
        raise ConnectionError(
            f"--executor ray: no cluster could be reached at {known or 'this machine'}: {said} "
            "Look at it with: ray status --address ADDRESS; without --ray-address Ray is started "
            "on this machine."
        ) from None


def _python_path() -> str:
    """Return where workers find this very package, which need not be installed."""
    here = str(Path(coupling_bench.__file__).parents[1])
    return os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))


def _processes(spec: Spec, settings: worker.Settings) -> int:
    return settings.devices.processes if settings.devices and launching.fits(spec) else 1


def _of_stage(error: BaseException) -> BaseException:
    """Return the error of the stage itself, without Ray's account of how it came here."""
    from ray.exceptions import RayTaskError, TaskCancelledError

    if isinstance(error, RayTaskError):
        return error.cause
    if isinstance(error, TaskCancelledError):
        return ChildProcessError("the stage was cancelled.")
    said = " ".join(str(error).split())
    return ChildProcessError(
        f"Ray lost the worker or the node {RETRIES + 1} times at this stage: {said} Run the same "
        "command again: finished stages are kept."
    )


def _make(spec: Spec, root: Path, messages: Any, settings: worker.Settings) -> bool:
    """Make the entry of ``spec`` on the node that Ray has chosen."""
    start = parent(spec)
    if not root.is_dir() or (start is not None and Store(root).find(start) is None):
        missing = f"its start {address(start)} there" if root.is_dir() and start else "it"
        raise FileNotFoundError(
            f"--executor ray: the store {root} is not shared: node {platform.node()} does not find "
            f"{missing}. Name a folder that every node sees at the same path: --store FOLDER"
        )
    worker.quieten()
    # Without waiting for the answer: a stage is not to be slower for being watched.
    worker.set_up(lambda message: messages.actor.put_nowait.remote(message), settings)
    try:
        return worker.make(spec, root)
    finally:
        worker.set_up(None, worker.Settings())
