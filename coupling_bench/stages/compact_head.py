"""TRL's fused LM head on the positions that have a label, on every device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock


@contextmanager
def compact_head() -> Iterator[None]:
    """Let TRL's fused LM head project only the positions that have a label.

    TRL does so where Triton runs and projects every position elsewhere, to spare compiled devices
    changing shapes; on a CPU that only costs. Numbers differ by the order of sums.
    """
    with mock.patch("trl.trainer.utils._use_triton", lambda device: True):
        yield
