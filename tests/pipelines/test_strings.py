"""Schedules as text: what is written is what is trained, and what is none is told from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coupling_bench.fingerprint import address
from coupling_bench.pipelines import lineage, strings
from coupling_bench.specs import GRPOSpec, JointSpec, RLOOSpec, ScheduledPEARSpec, ScheduledSFTSpec
from tests.tiny import recipe

RECIPE = recipe()
SPECS = {
    "sft": ScheduledSFTSpec, "pear": ScheduledPEARSpec, "grpo": GRPOSpec, "rloo": RLOOSpec,
    "joint": JointSpec,
}  # fmt: skip
PARTS = st.builds(
    strings.Part, kind=st.sampled_from(sorted(SPECS)), steps=st.integers(1, strings.MOST_STEPS)
)


@given(st.lists(PARTS, min_size=1, max_size=8), st.integers(1, 4), st.integers(0, 9))
def test_stages_have_the_kinds_and_steps_that_are_written(parts, times, seed):
    """In order, from the base, repetitions written out, and with the blanks that people type."""
    text = f"( {' , '.join(map(str, parts))} ) x{times}"
    assert strings.parse(text) == parts * times
    _, *stages = lineage(strings.build(text, RECIPE, seed))
    assert [(type(s), s.max_steps) for s in stages] == [
        (SPECS[part.kind], part.steps) for part in parts * times
    ]


@given(st.lists(PARTS, min_size=1, max_size=8), st.integers(0, 9))
def test_no_demonstration_is_seen_twice_before_all_are_seen_once(parts, seed):
    """Each stage begins in the demonstrations where the ones before have ended, by the run's seed.

    Later RL draws by other seeds than RL before it.
    """
    _, *stages = lineage(strings.build(",".join(map(str, parts)), RECIPE, seed))
    seen = 0
    for stage in stages:
        joint = isinstance(stage, JointSpec)
        if isinstance(stage, ScheduledSFTSpec) or joint:
            begin, drawn = (stage.sft_begin, stage.sft_seed) if joint else (stage.begin, stage.seed)
            assert (begin, drawn) == (seen, seed)
            seen += stage.max_steps * (stage.sft_batch_size if joint else stage.batch_size)
    of_rl = [stage.seed for stage in stages if not isinstance(stage, ScheduledSFTSpec)]
    assert len(set(of_rl)) == len(of_rl)
    assert not of_rl or of_rl[0] == seed


def test_what_schedules_share_is_trained_once():
    """A beginning is a schedule of its own: its stages have the same addresses."""
    whole = "(sft:4,grpo:2)x2,joint:3[sft_weight=0.3,sft_weight_end=0.1]"
    stages = list(lineage(strings.build(whole, RECIPE, 3)))[1:]
    built = [strings.build(text, RECIPE, 3) for text in strings.beginnings(whole)]
    assert list(map(address, built)) == list(map(address, stages))
    assert (stages[-1].sft_weight, stages[-1].sft_weight_end) == (0.3, 0.1)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "a stage is missing"),
        ("  ", "a stage is missing"),
        ("sft:10,", "a stage is missing"),
        ("stf:10", "'stf' is no kind of stage (did you mean sft?)"),
        ("sft", "'sft' is no stage"),
        ("sft:10 grpo:5", "'sft:10 grpo:5' is no stage"),
        ("sft:0", "sft has 0 steps, needed is a whole number, 1 to 99999"),
        ("sft:", "sft has no steps"),
        ("sft:-1", "sft has -1 steps"),
        ("sft:1e9", "sft has 1e9 steps"),
        ("grpo:100000", "grpo has 100000 steps"),
        ("(sft:10", "a bracket is not closed"),
        ("sft:10)", "')' closes what is not open"),
        ("(sft:10)x0", "'(sft:10)x0' is no stage"),
        ("((((sft:1)x99)x99)x99)x99", "it has more than 200 stages"),
        ("grpo:10[beta]", "[beta] is not [field=value,...]"),
    ],
)
def test_what_is_no_schedule_is_said_with_the_grammar_and_an_example(text, found):
    with pytest.raises(ValueError, match=r"^--pipeline ") as caught:
        strings.parse(text)
    assert f"--pipeline {text!r}: {found}" in str(caught.value)
    example = str(caught.value).rsplit('"', 2)[1]
    assert strings.parse(example)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("grpo:10[beto=0.1]", "GRPOSpec has no field 'beto'.*Did you mean beta?"),
        ("grpo:10[beta=-1]", "found -1, needed a finite number from 0"),
        ("sft:10[likely_share=0]", "found 0"),
        ("sft:10[max_steps=5]", "max_steps cannot be overridden: the schedule says it"),
    ],
)
def test_a_field_that_does_not_fit_is_told_with_its_stage(text, found):
    with pytest.raises(ValueError, match=found):
        strings.build(text, RECIPE, 0)
