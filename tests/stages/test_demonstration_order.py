"""Stages of a schedule go through the demonstrations one after the other."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coupling_bench import scales, stages, tasks
from coupling_bench.pipelines import strings
from coupling_bench.stages import demonstration_order, likely, pear, sft
from coupling_bench.stages.training import load, quiet_libraries
from coupling_bench.store import Store
from tests.measuring.asked import naive_logps
from tests.tiny import recipe

RECIPE = recipe()


@given(st.integers(1, 20), st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(0, 5))
def test_pieces_of_the_order_are_the_order_in_pieces(many, counts, seed):
    """However it is cut, and each epoch of it holds every demonstration once."""
    begin, pieces = 0, []
    for count in counts:
        pieces += demonstration_order.places(many, seed=seed, begin=begin, count=count)
        begin += count
    assert pieces == demonstration_order.places(many, seed=seed, begin=0, count=begin)
    for first in range(0, begin - many + 1, many):
        assert sorted(pieces[first : first + many]) == list(range(many))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """The folder of the tiny base."""
    return stages.make(RECIPE.base, Store(tmp_path_factory.mktemp("store")))[0].folder


@pytest.mark.parametrize("kind", [sft, pear], ids=["sft", "pear"])
def test_a_stage_trains_for_its_steps_on_the_next_demonstrations(kind, base, tmp_path):
    quiet_libraries()
    second = strings.build(f"sft:2,grpo:1,{kind.__name__.split('.')[-1]}:3", RECIPE, 1)
    trainer = kind.build(second, base, tmp_path, [])
    size, many = second.batch_size, len(tasks.load(RECIPE.task).splits["sft"])
    assert trainer.train().global_step == 3
    expected = demonstration_order.places(many, seed=1, begin=2 * size, count=3 * size)
    plain = sft.build(replace(RECIPE.sft, seed=1), base, tmp_path / "plain", []).train_dataset
    assert trainer.train_dataset["input_ids"] == [plain[p]["input_ids"] for p in expected]


DERIVATIONS = replace(
    scales.task("arithmetic", "smoke"), pretraining_size=16, prompts_size=16, held_out_size=4
)


@pytest.mark.parametrize("spec", [RECIPE.task, DERIVATIONS], ids=["answers", "derivations"])
def test_likely_demonstrations_are_those_of_the_largest_probability(base, spec):
    """By torch alone, one row at a time: short answers, and long ones that are no closed set."""
    task = tasks.load(spec)
    model, tokenizer = load(RECIPE.sft, base)
    items, shown = task.splits["sft"], task.demonstrations("sft", 0)
    texts = [task.candidates(item)[a] for item, a in zip(items, shown, strict=True)]
    kept = likely.places(model, tokenizer, [task.prompt(item) for item in items], texts, 0.25)
    of_all = naive_logps(base, task, "sft")
    of_shown = [of_all[place][a] for place, a in enumerate(shown)]
    assert len(kept) == len(items) // 4
    assert kept == sorted(kept)
    left = [logp for place, logp in enumerate(of_shown) if place not in kept]
    assert min(of_shown[place] for place in kept) >= max(left)
