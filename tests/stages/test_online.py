"""What the stages of online RL share."""

import dataclasses

import pytest

from coupling_bench import stages
from coupling_bench.pipelines import NODES, lineage
from coupling_bench.specs import LoraSpec
from coupling_bench.store import Store
from tests import architectures
from tests.tiny import imported


@pytest.mark.parametrize("node", ["sft_then_rl", "sft_then_rloo"])
def test_a_policy_is_held_to_its_start_with_its_adapters_or_refused(tmp_path, node):
    """With adapters TRL keeps a copy of them; without, it would load the model that they adapt."""
    folder = architectures.save("llama", tmp_path / "model", chat=True)
    recipe, store = imported(folder, LoraSpec(rank=4, alpha=8)), Store(tmp_path / "store")
    spec = dataclasses.replace(NODES[node](recipe, 0), beta=0.5)
    for stage in lineage(spec):
        entry, _ = stages.make(stage, store)
    assert entry.facts["steps"] == 2
    merged = dataclasses.replace(spec, lora=None)
    with pytest.raises(
        ValueError, match=r"beta=0\.5 holds the policy to its start, whose adapters"
    ):
        stages.make(merged, store)
    assert stages.make(dataclasses.replace(merged, beta=0.0), store)[0].facts["steps"] == 2
