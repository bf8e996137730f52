"""One stage after the other in this very process: for debuggers and for tests."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from coupling_bench import progress, tracking
from coupling_bench.specs import Spec
from coupling_bench.store import Store


class InlineExecutor:
    """Runs each submitted stage at once, before ``submit`` returns."""

    workers = 1

    def __init__(
        self,
        store: Store,
        listener: Callable[[progress.Progress], None],
        tracker: tracking.Tracker | None = None,
    ):
        """Make entries of ``store`` and send progress to ``listener``, losses to ``tracker``."""
        self.store = store
        progress.listen(listener)
        tracking.use(tracker)

    def submit(self, spec: Spec) -> Future[bool]:
        """Make the entry of ``spec`` and return a finished future."""
        from coupling_bench import stages

        future: Future[bool] = Future()
        try:
            future.set_result(stages.make(spec, self.store)[1])
        except Exception as error:
            future.set_exception(error)
        return future

    def close(self) -> None:
        """Stop listening."""
        progress.listen(None)
        tracking.use(None)
