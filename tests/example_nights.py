"""Records of nights with invented numbers: claims whose seeds are drawn, stages, an environment."""

from datetime import UTC, datetime, timedelta

import numpy as np

from coupling_bench.nightly.rows import judged

FIRST = datetime(2026, 1, 1, 3, tzinfo=UTC)


def claim(name, values, seeds, **changes):
    """A claim as a record has it, judged by its own seeds."""
    row = {
        "claim": name, "test": f"suites/test_{name}.py::test_{name}[embedded]",
        "model": "embedded", "task": "grammar", "scale": "small", "recipe": "abc",
        "nodes": ["sft"], "cites": "nowhere", "margin": 0.02, "direction": "increase_by",
        "unit": "nats/sequence", "alpha": 0.05, "seeds": list(seeds),
        "per_seed": [float(v) for v in values], "requires": [], "beside": [], "message": "",
    } | changes  # fmt: skip
    verdict = judged(row, row["per_seed"])
    interval = [verdict.interval.low, verdict.interval.high]
    told = {"effect": verdict.interval.estimate, "interval": interval}
    return {"verdict": verdict.verdict.value, **told, **row}


def record(claims, night=0, theorems=(), stages=(), **environment):
    """A record of a night."""
    return {
        "schema": 1, "created": (FIRST + timedelta(days=night)).isoformat(),
        "claims": list(claims), "theorems": list(theorems), "tables": {}, "stages": list(stages),
        "environment": {
            "commit": f"{night:040x}", "dirty": False, "python": "3.11.7", "cpu": "example",
            "cores": 2, "platform": "Linux x86_64", "memory_gib": 8, "gpus": [],
            "packages": {"trl": "1.16.0", "torch": "2.13.0"}, **environment,
        },
    }  # fmt: skip


def drawn(seeds, *, claims=20, shift=0.0, of=1, spread=0.02, draw=None, heavy=False, **changes):
    """Claims around effects of 0.1, 0.2, ...; ``shift`` spreads are added to the first ``of``."""
    draw = draw or np.random.default_rng(0)
    found = []
    for k in range(claims):
        noise = draw.standard_t(3, len(seeds)) if heavy else draw.normal(size=len(seeds))
        values = 0.1 * (k + 1) + spread * (noise + (shift if k < of else 0.0))
        found.append(claim(f"claim_{k}", values, seeds, **changes))
    return found
