"""What a run says in the terminal: the plan, progress, and the table of verdicts."""

from __future__ import annotations

import time
from typing import Any

import pytest

from coupling_bench.bench import Bench
from coupling_bench.fingerprint import address
from coupling_bench.progress import Progress
from coupling_bench.specs import ObservationSpec, Spec

QUIET_SECONDS = 15.0
"""A running stage is heard of at least this often, and not much more."""
MARKUP = {
    "supported": {"green": True},
    "refuted": {"yellow": True},
    "inconclusive": {"red": True},
    "not applicable": {"cyan": True},
}


class Console:
    """Says what is trained, as plain lines; silent where pytest has no terminal (xdist workers)."""

    def __init__(self, terminal: pytest.TerminalReporter | None, labels: dict[str, str]):
        """Write to ``terminal``; ``labels`` gives the stages' addresses in words."""
        self.terminal, self.labels = terminal, labels
        self.started = time.monotonic()
        self.heard: dict[str, float] = {}

    def announce(self, nodes: list[Spec], absent: list[Spec], bench: Bench) -> None:
        """Say how much of the graph is to be made and how much is in the store."""
        stages = [spec for spec in nodes if not isinstance(spec, ObservationSpec)]
        to_train = [spec for spec in absent if not isinstance(spec, ObservationSpec)]
        self._line(
            f"coupling_bench: {', '.join(bench.models)} on {bench.task.name}, scale {bench.scale}, "
            f"{len(bench.seeds)} seed{'s' * (len(bench.seeds) != 1)}; {len(stages)} stages, "
            f"{len(stages) - len(to_train)} in the store, {len(to_train)} to train "
            f"({bench.executor}, {bench.workers} workers). Store: {bench.store.root}"
        )

    def progress(self, message: Progress) -> None:
        """Say how far a stage is, unless it was heard of just now."""
        now = time.monotonic()
        label = self.labels.get(message.address)
        if label is None or now - self.heard.setdefault(message.address, now) < QUIET_SECONDS:
            return
        self.heard[message.address] = now
        values = "".join(f", {name} {value:.3f}" for name, value in message.values)
        self._line(f"{self._clock()} {label}: step {message.step}/{message.total}{values}")

    def finished(self, spec: Spec, error: BaseException | None) -> None:
        """Say that a stage is done, or why it failed."""
        if error is not None:
            self._line(f"{self._clock()} FAILED {address(spec)}: {error}", red=True)
        elif address(spec) in self.labels:
            self._line(f"{self._clock()} {self.labels[address(spec)]}: done")

    def _clock(self) -> str:
        return f"[{time.monotonic() - self.started:5.0f} s]"

    def _line(self, text: str, **markup: bool) -> None:
        if self.terminal is not None:
            self.terminal.ensure_newline()
            self.terminal.write_line(text, **markup)


def verdict_table(claims: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the table of verdicts as aligned lines, each with its verdict for colouring."""
    rows = [
        (
            f"{c['claim']} [{c['model']}]",
            f"{c['effect']:+.4f}",
            "[" + ", ".join("inf" if b is None else f"{b:+.4f}" for b in c["interval"]) + "]",
            f"{'>' if c['direction'] == 'increase_by' else '<'} {c['margin']:+.2f}",
            c["unit"],
            _verdict_words(c),
        )
        for c in claims
    ]
    table = [("claim", "effect", "interval", "needed", "unit", "verdict"), *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    right_aligned = (1, 2, 3)
    lines = [
        "  ".join(
            cell.rjust(width) if i in right_aligned else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]
    return list(zip(lines, ["", *(c["verdict"] or "" for c in claims)], strict=True))


def _verdict_words(claim: dict[str, Any]) -> str:
    words = claim["verdict"] or "none (smoke)"
    words += " (reversed)" * claim["reversed"]
    return words + " (accepted)" * (claim["accepted"] == claim["verdict"] is not None)
