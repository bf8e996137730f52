"""TRL's fused LM head on the positions that have a label, on every device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from trl.trainer import utils


@contextmanager
def compact_head() -> Iterator[None]:
    """Let TRL's fused LM head project only the positions that have a label.

    TRL does so where Triton runs and projects every position elsewhere, to spare compiled devices
    changing shapes; on a CPU that only costs. Numbers differ by the order of sums. The choice is
    one of TRL's module and not of a trainer, so this is for one thread at a time.
    """
    chosen = utils._use_triton
    utils._use_triton = lambda device: True
    try:
        yield
    finally:
        utils._use_triton = chosen
