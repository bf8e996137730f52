"""Where a number was measured: versions, machine, commit. Stored with every artefact."""

from __future__ import annotations

import functools
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = (
    "coupling-bench", "torch", "transformers", "trl", "peft", "datasets", "accelerate",
    "tokenizers", "lm-eval", "numpy", "scipy", "pandas", "pytest",
)  # fmt: skip

GENERATION = {"family": "cpu family", "model": "model"}
"""What tells two processors of one name apart, as Linux calls it."""
VECTORS = {"avx512f": "AVX512", "avx2": "AVX2"}
"""Flags of the vectors that torch chooses its kernels by, the widest first."""


@functools.cache
def describe() -> dict[str, Any]:
    """Return versions, machine and commit of this process, as JSON types. Imports no package."""
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "memory_gib": _memory_gib(),
        "gpus": _gpus(),
        "packages": {name: _version(name) for name in PACKAGES},
        **git_state(Path(__file__).parent),
    }


def git_state(folder: Path) -> dict[str, Any]:
    """Return the commit of the checkout that ``folder`` is part of, and whether anything differs.

    A folder that git does not track (a package installed inside somebody's repository) has none.
    """
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None or not _git(folder, "ls-files", "."):
        return {"commit": None, "dirty": None}
    return {"commit": commit, "dirty": bool(_git(folder, "status", "--porcelain"))}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cpu_name() -> str:
    """Return the processor, as precisely as decides how it rounds: virtual machines hide names."""
    if sys.platform == "linux":
        first = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
        pairs = (line.partition(":") for line in first.splitlines())
        found = {name.strip(): value.strip() for name, _, value in pairs}
        if "model name" in found:
            return f"{found['model name']}{_generation(found)}"
    return platform.processor() or platform.machine()


def _generation(found: Mapping[str, str]) -> str:
    """Return family, model and the widest vectors of a processor in brackets, if it tells them."""
    parts = [f"{name} {found[key]}" for name, key in GENERATION.items() if key in found]
    flags = found.get("flags", "").split()
    parts += [name for flag, name in VECTORS.items() if flag in flags][:1]
    return f" ({', '.join(parts)})" if parts else ""


def _memory_gib() -> int | None:
    """Return the machine's memory in whole GiB."""
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    except (AttributeError, ValueError, OSError):  # not every system tells
        return None


def _gpus() -> list[str]:
    """Return the models of NVIDIA's devices, as the driver lists them."""
    named = []
    for file in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        lines = file.read_text(errors="replace").splitlines()
        named += [line.partition(":")[2].strip() for line in lines if line.startswith("Model")]
    return named
