"""What a node will take: as nodes like it took, in proportion to their work, and else nothing."""

import json
from dataclasses import replace

import pytest

from coupling_bench.fingerprint import canonical
from coupling_bench.pipelines import NODES, observations
from coupling_bench.planning.experience import Experience, Work, of_store
from coupling_bench.store import MANIFEST, Store
from tests.tiny import recipe

RECIPE = recipe()
SFT, RL = NODES["sft"](RECIPE, 0), NODES["rl"](RECIPE, 0)
AFTER_SFT = NODES["sft_then_rl"](RECIPE, 0)
ALL = [RECIPE.base, SFT, RL, AFTER_SFT, *observations(SFT, 0)]


@pytest.mark.parametrize("spec", ALL, ids=lambda spec: type(spec).__name__)
def test_a_manifest_says_of_a_node_what_its_spec_says(spec):
    written = json.loads(json.dumps(canonical(spec)))
    assert Work.of(written) == Work.of(spec)


def known(spec, seconds=10.0, size=1000):
    experience = Experience()
    experience.learn(Work.of(spec), seconds, size)
    return experience


@pytest.mark.parametrize(
    ("like", "times"),
    [
        (replace(RL, seed=7, learning_rate=1e-9), 1),
        (replace(RL, max_steps=3 * RL.max_steps), 3),
        (replace(RL, prompts_per_step=2 * RL.prompts_per_step), 2),
    ],
)
def test_other_seeds_take_as_long_and_longer_runs_in_proportion(like, times):
    assert known(RL).seconds(Work.of(like)) == pytest.approx(10.0 * times)


def test_snapshots_decide_the_size():
    """Those on the way and, however few these are, the start and the end."""
    steps = SFT.num_train_epochs * SFT.task.prompts_size // SFT.batch_size
    often, never = (replace(SFT, snapshot_every=apart) for apart in (1, 1_000_000))
    assert known(never).size(Work.of(often)) == pytest.approx(1000 * (2 + steps) / 2)
    (of_never, *_), (of_often, *_) = observations(never, 0), observations(often, 0)
    assert known(of_never).seconds(Work.of(of_often)) == pytest.approx(10 * (2 + steps) / 2)


def test_nothing_is_said_of_another_kind_model_or_amount_of_text():
    wide = replace(RECIPE.base.start, intermediate_size=999)
    of_wide = replace(RL, start=replace(RECIPE.base, start=wide))
    more_text = replace(RL, task=replace(RL.task, prompts_size=63))
    for other in (SFT, of_wide, more_text, *observations(RL, 0)):
        assert known(RL).seconds(Work.of(other)) is None


def test_the_nearest_kin_counts_first():
    experience = known(RL, seconds=10.0)
    assert experience.seconds(Work.of(AFTER_SFT)) == pytest.approx(10.0)
    experience.learn(Work.of(AFTER_SFT), 4.0)
    assert experience.seconds(Work.of(replace(AFTER_SFT, seed=3))) == pytest.approx(4.0)


def test_a_store_tells_what_its_manifests_hold_and_damaged_ones_say_nothing(tmp_path):
    store = Store(tmp_path)
    assert of_store(store, ["SFTSpec"]).seconds(Work.of(SFT)) is None
    entry, _ = store.get_or_make(SFT, lambda folder: {"n": (folder / "f").write_bytes(b"x" * 500)})
    entry.manifest["seconds"] = 12.5
    (entry.folder / MANIFEST).write_text(json.dumps(entry.manifest))
    for name, text in (("SFTSpec-1", "{"), ("SFTSpec-2", "{}"), ("SFTSpec-3", "[]")):
        (tmp_path / name).mkdir()
        (tmp_path / name / MANIFEST).write_text(text)
    found, like = of_store(store, ["SFTSpec"]), Work.of(replace(SFT, seed=1))
    assert found.seconds(like) == pytest.approx(12.5)
    files = sum(path.stat().st_size for path in entry.folder.iterdir())
    assert found.size(like) == pytest.approx(files)
    assert of_store(store, ["GRPOSpec"]).seconds(like) is None
