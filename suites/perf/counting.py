"""What a piece of work takes besides time: bytes, floating-point operations."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode


def seconds(action: Callable[[], object]) -> float:
    """Return the seconds that ``action`` takes."""
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def peak_bytes(action: Callable[[], object]) -> int:
    """Return the most bytes of tensors that ``action`` has alive at once, beyond those before it.

    Counted from the allocator's events, not from the process: what one arm gave back would still
    be there for the other.
    """
    with memory_profile() as profiled:
        action()
    return peak_of(profiled)


def memory_profile() -> profile:
    """Return a profiler of the allocator's events, to be entered by the thread that works."""
    return profile(activities=[ProfilerActivity.CPU], profile_memory=True)


def peak_of(profiled: profile) -> int:
    """Return the most bytes alive at once while ``profiled`` was entered."""
    events = [e for e in profiled.profiler.kineto_results.events() if e.name() == "[memory]"]
    alive = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        alive += event.nbytes()
        peak = max(peak, alive)
    return peak


def operations(action: Callable[[], object]) -> int:
    """Return the operations of the matrix products in ``action``; torch counts no CPU attention."""
    with FlopCounterMode(display=False) as counter:
        action()
    return counter.get_total_flops()


def matrix_rate(threads: int, size: int = 1024) -> float:
    """Return the operations a second of a square fp32 matrix product on ``threads`` threads."""
    torch.set_num_threads(threads)
    a, b = torch.randn(size, size), torch.randn(size, size)
    times = [seconds(lambda: torch.mm(a, b)) for _ in range(12)]
    return 2 * size**3 / statistics.median(times[2:])
