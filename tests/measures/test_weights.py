"""The distance of two checkpoints, against what was written into their files."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from coupling_bench.measures.weights import cosine, distance
from coupling_bench.runs import Runs
from coupling_bench.store import Store
from tests.tiny import recipe


def checkpoint(store, seed, *files) -> Runs:
    """One entry whose weights lie in so many files, and a snapshot that must not count."""

    def write(folder):
        for number, tensors in enumerate(files):
            save_file(tensors, folder / f"model-{number}.safetensors")
        (folder / "snapshots").mkdir()
        save_file({"a": torch.full((2, 3), 9.0)}, folder / "snapshots" / "000000.safetensors")
        return {}

    stage = replace(recipe().sft, seed=seed)
    store.get_or_make(stage, write)
    return Runs(node="sft", seeds=(0,), stages=(stage,), store=store)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_distance_is_euclidean_over_all_files(tmp_path, dtype):
    store, a = Store(tmp_path), torch.arange(6, dtype=dtype).reshape(2, 3)
    first = checkpoint(store, 0, {"a": a}, {"b": torch.zeros(4, dtype=dtype)})
    second = checkpoint(store, 1, {"a": a + 2}, {"b": torch.ones(4, dtype=dtype)})
    assert distance(first, second)[0] == pytest.approx((6 * 4 + 4) ** 0.5)
    assert distance(first, first)[0] == 0.0


def test_other_weights_have_no_distance(tmp_path):
    store = Store(tmp_path)
    whole, adapters = (checkpoint(store, n, {n * "l": torch.zeros(2)}) for n in (1, 2))
    with pytest.raises(ValueError, match="do not have the same weights"):
        distance(whole, adapters)


def test_the_cosine_is_that_of_two_moves_one_after_the_other(tmp_path):
    """East, then north-east, then back; and no move at all."""
    store = Store(tmp_path)
    places = ([0.0, 0.0], [3.0, 0.0], [5.0, 2.0], [3.0, 0.0])
    at = [checkpoint(store, n, {"a": torch.tensor(place)}) for n, place in enumerate(places)]
    assert cosine(*at[:3]) == pytest.approx([0.5**0.5])
    assert cosine(*at[1:]) == pytest.approx([-1.0])
    assert cosine(at[0], at[1], at[3]).tolist() == [0.0]
