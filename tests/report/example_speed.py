"""Example measurements for the tests of the section on speed: every number is invented."""

import json
from pathlib import Path
from typing import Any


def benchmark(name: str, ratio: float, **changes: Any) -> dict[str, Any]:
    """A benchmark that passes and reaches its target."""
    return {
        "name": name, "group": "grpo", "ratio": ratio, "ours_seconds": 0.08,
        "plain_seconds": round(0.08 * ratio, 3), "ours_peak_bytes": 41_000_000,
        "plain_peak_bytes": 93_000_000, "gate": 3.0, "target": 5.0, "passed": True, "rounds": 7,
        "against": "plain TRL", "note": "", "bare_seconds": 0.05, "floor_seconds": 0.03,
    } | changes  # fmt: skip


def perf() -> list[dict[str, Any]]:
    """One benchmark of each kind that the table tells apart."""
    return [
        benchmark("GRPO step, embedded, G=16, from sft", 6.1),
        benchmark(
            "GRPO step, embedded, G=4, from base", 3.4, note="four answers leave less to share"
        ),
        benchmark(
            "SFT step, embedded", 1.3, group="sft", gate=1.1, target=None, floor_seconds=None,
            ours_peak_bytes=97_500_000,
        ),
        benchmark(
            "One cold run, two pipelines, three seeds", 0.94, group="whole run", gate=2.0,
            target=4.0, passed=False, ours_seconds=34.2, plain_seconds=32.1, bare_seconds=None,
            floor_seconds=None, ours_peak_bytes=None, plain_peak_bytes=None, rounds=3,
        ),
    ]  # fmt: skip


def point(axis: str, x: float, ours: float, plain: float | None, **changes: Any) -> dict[str, Any]:
    """One point of one axis."""
    return {
        "axis": axis, "unit": "seconds", "what": "one GRPO step", "x": x, "ours_seconds": ours,
        "plain_seconds": plain,
    } | changes  # fmt: skip


def scaling() -> list[dict[str, Any]]:
    """Points of every axis; plain TRL was not run on the largest model."""
    return [
        *(
            point("seeds", x, 1.2 * x**0.8, 5.0 * x, what="one cold run, both pipelines")
            for x in (1, 2, 4, 8)
        ),
        *(point("claims", x, 30 + 0.4 * x, 28.0 * x, what="one cold run") for x in (1, 4, 8, 12)),
        *(point("G", x, 0.02 + 0.003 * x, 0.03 * x) for x in (2, 4, 8, 16, 32, 64)),
        *(point("prompt length", x, 0.001 * x, 0.0021 * x) for x in (16, 32, 64, 128)),
        *(
            point("parameters", x, 3e-8 * x, 7e-8 * x if x < 1e8 else None)
            for x in (130_000, 1_000_000, 14_000_000, 124_000_000)
        ),
    ]


def lay(folder: Path, **files: Any) -> None:
    """Put measurements into a folder, under the names that the page looks for."""
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
