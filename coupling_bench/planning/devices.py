"""What a device has to give: memory that is free, and operations a second."""

from __future__ import annotations

import functools
import statistics
import time

UTILISATION = {"cpu": 0.75, "cuda": 0.4}
"""Share of a large product's rate that training reaches while it computes products. On a CPU SFT of
a model of 25 million parameters reached 0.79, with checkpointing 0.85, with adapters 0.71. On CUDA
it has not been measured: PaLM reached 0.46 of its chips' peak (Chowdhery et al. 2022,
arXiv:2204.02311, table 3)."""
PATIENCE = 0.4
"""Seconds that a measurement may take, the first round left out."""
SIZES = {"cpu": 1024, "cuda": 8192}
"""Rows and columns of the matrices: large enough that the product alone takes time."""


def name(device: str) -> str:
    """Return what people call a device: ``cpu`` itself, a GPU by its maker's name."""
    if device == "cpu":
        return "the CPU"
    import torch

    return torch.cuda.get_device_name(device)


def free_bytes(device: str) -> int:
    """Return the memory of a device that is free, or held by torch and used for nothing.

    On CUDA it has not been run.
    """
    if device == "cpu":
        import psutil

        return psutil.virtual_memory().available
    import torch

    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + unused


@functools.cache
def throughput(device: str, dtype: str) -> float:
    """Return the operations a second that training can count on: measured, in less than a second.

    The median rate of a square matrix product in ``dtype``, times ``UTILISATION``. On CUDA it has
    not been run.

    Args:
        device: ``cpu``, of which one core is measured, or ``cuda``.
        dtype: ``float32`` or ``bfloat16``.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        matrix = torch.ones(
            SIZES[device], SIZES[device], device=device, dtype=getattr(torch, dtype)
        )
        times: list[float] = []
        while len(times) < 2 or sum(times[1:]) < PATIENCE:
            begun = time.perf_counter()
            torch.mm(matrix, matrix)
            if device == "cuda":
                torch.cuda.synchronize()
            times.append(time.perf_counter() - begun)
    finally:
        torch.set_num_threads(threads)
    later = statistics.median(times[1:])  # the first round pays for loading libraries
    return UTILISATION[device] * 2 * SIZES[device] ** 3 / later
