"""A small store without any training: three stages of one pipeline, and one of another seed."""

from dataclasses import replace

from coupling_bench.pipelines import NODES
from coupling_bench.store import Store
from tests.tiny import recipe

RECIPE = recipe()
BASE, SFT, RL = (NODES[name](RECIPE, 0) for name in ("base", "sft", "sft_then_rl"))
OTHER = replace(SFT, seed=1)


def write(folder):
    (folder / "weights").write_text("w" * 1000)
    (folder / "snapshots").mkdir()
    (folder / "snapshots" / "1").write_text("s" * 1000)
    return {"steps": 3}


def filled(root, specs=(BASE, SFT, RL, OTHER)):
    store = Store(root)
    for spec in specs:
        store.get_or_make(spec, write)
    return store
