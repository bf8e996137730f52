"""How a running stage tells whoever waits for it how far it is.

A stage calls ``tell``; the process that it runs in decides who listens: the terminal directly
(inline executor), or a queue to the parent (process executor).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Progress:
    """One message: stage ``address`` has done ``step`` of ``total`` optimizer steps."""

    address: str
    step: int
    total: int
    values: tuple[tuple[str, float], ...] = ()
    """What the trainer logged last: (name, value), as loss or reward."""
    note: str = ""
    """A sentence that users should read, whatever else is said of the stage."""


_listener: Callable[[Progress], None] | None = None
_also: list[Callable[[Progress], None]] = []


def listen(listener: Callable[[Progress], None] | None) -> None:
    """Send every message of this process to ``listener``; None: to nobody."""
    global _listener
    _listener = listener


@contextlib.contextmanager
def heard_by(listener: Callable[[Progress], None]) -> Iterator[None]:
    """Let ``listener`` hear every message of this process too, until the end of the block."""
    _also.append(listener)
    try:
        yield
    finally:
        _also.remove(listener)


def tell(message: Progress) -> None:
    """Pass a message on, if anybody listens."""
    for listener in _also:
        listener(message)
    if _listener is not None:
        _listener(message)
