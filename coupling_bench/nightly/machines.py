"""Which machine a record comes from: what of it decides how long things take, and no name of it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

PARTS = ("platform", "cpu", "cores", "memory_gib", "gpus")


def machine(record: dict[str, Any]) -> str:
    """Return a short key of the machine: records of equal hardware share it."""
    environment = record.get("environment") or {}
    parts = json.dumps([environment.get(name) for name in PARTS])
    return hashlib.sha256(parts.encode()).hexdigest()[:8]


def told(record: dict[str, Any]) -> str:
    """Return the machine in words."""
    environment = record.get("environment") or {}
    memory = environment.get("memory_gib")
    gpus = environment.get("gpus") or []
    parts = [
        str(environment.get("cpu") or "unknown processor"),
        f"{environment.get('cores') or '?'} cores",
        f"{memory} GiB" if memory else "memory not recorded",
        *(str(name) for name in gpus),
    ]
    return ", ".join(parts)
