"""One stage after the other in this very process: for debuggers and for tests."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from coupling_bench.executors import worker
from coupling_bench.progress import Progress
from coupling_bench.specs import Spec
from coupling_bench.store import Store


class InlineExecutor:
    """Runs each submitted stage at once, before ``submit`` returns."""

    workers = 1

    def __init__(
        self, store: Store, listener: Callable[[Progress], None], settings: worker.Settings
    ):
        """Make entries of ``store`` as ``settings`` say and send progress to ``listener``."""
        self.store = store
        worker.set_up(listener, settings)

    def submit(self, spec: Spec) -> Future[bool]:
        """Make the entry of ``spec`` and return a finished future."""
        future: Future[bool] = Future()
        try:
            future.set_result(worker.make(spec, self.store.root))
        except Exception as error:
            future.set_exception(error)
        return future

    def close(self) -> None:
        """Stop listening."""
        worker.set_up(None, worker.Settings())
