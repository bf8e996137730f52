"""How long the history of many nights takes, and how large its page is.

    python -m tests.nightly.reach [--nights 365] [--claims 58]

Claims are invented; stages and environment are those of the accepted record.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from coupling_bench.cli import main
from coupling_bench.nightly import archive
from tests.example_nights import drawn, record
from tests.report.reach import REFERENCE, clock


def measure(nights, claims):
    """Print seconds and bytes."""
    accepted = json.loads(REFERENCE.read_text(encoding="utf-8"))
    folder, draw = Path(tempfile.mkdtemp()), np.random.default_rng(0)
    for night in range(nights):
        found = drawn(range(3), claims=claims, draw=draw)
        stages = accepted["stages"]
        archive.add(record(found, night, stages=stages, **accepted["environment"]), folder)
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{nights} nights, {size / 1e6:.0f} MB")
    clock("history", lambda: main(["history", str(folder), "-o", str(folder / "page")]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nights", type=int, default=365)
    parser.add_argument("--claims", type=int, default=58)
    asked = parser.parse_args()
    measure(asked.nights, asked.claims)
