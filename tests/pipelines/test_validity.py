"""The nodes of the map of validity: one base, shared starts, and who has no such map."""

from dataclasses import replace

import pytest

from coupling_bench.pipelines import NODES, NotHereError, lineage, validity
from coupling_bench.specs import ColaSpec, ExactSpec, SnapshotSpec
from tests.tiny import recipe

RECIPE = replace(recipe(), scale="small")


def names(grid):
    return {*grid.sft_then_rl().values(), *grid.rl_then_sft().values()}


def test_every_cell_has_a_node_and_a_part_of_the_map_is_less_than_the_whole():
    whole = names(validity.WHOLE) | {*validity.penalised().values(), *validity.sampled().values()}
    assert whole == set(validity.NODES)
    assert names(validity.SMALL) < names(validity.WHOLE)
    assert {*validity.sampled()} <= {*validity.WHOLE.sft_then_rl()}


@pytest.mark.parametrize("name", validity.NODES)
def test_every_node_descends_from_the_recipes_own_base_and_passes_from_sft_to_rl_or_back(name):
    stage = NODES[name](RECIPE, 2)
    first, *rest = lineage(stage)
    assert first == RECIPE.base
    assert all(one.seed == 2 for one in rest)
    trained = [one for one in rest if not isinstance(one, SnapshotSpec)]
    kinds = [getattr(one, "objective", "reward") for one in trained]
    assert kinds in (["reward"], ["loss", "reward"], ["reward", "loss"])


@pytest.mark.parametrize(("noise", "step"), [(0.05, 15), (0.3, 60)])
def test_a_cell_starts_where_its_name_says(noise, step):
    rl = NODES[validity.WHOLE.sft_then_rl()[noise, step]](RECIPE, 0)
    (sft,) = [s for s in lineage(rl) if isinstance(s, ExactSpec) and s.objective == "loss"]
    assert sft.task.label_noise == rl.task.label_noise == noise
    assert getattr(rl.start, "step", sft.max_steps) == step
    grpo = validity.grpo(RECIPE, 0, noise, step)
    assert (grpo.start, grpo.task, grpo.max_steps) == (rl.start, rl.task, rl.max_steps)


def test_where_there_is_no_such_map_a_node_says_what_it_needs():
    with pytest.raises(NotHereError, match=r"pretrained here, at the scale small .* at smoke"):
        NODES["map_rl"](recipe(), 0)
    cola = ColaSpec(files=(), pretraining_share=0.5)
    other = replace(RECIPE, task=cola)
    with pytest.raises(NotHereError, match=r"--task grammar\); those of cola"):
        NODES["map_rl"](other, 0)
