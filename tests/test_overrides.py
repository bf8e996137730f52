"""Overrides: what a user may change of a recipe, by name and type, and what becomes of it."""

import contextlib
import dataclasses
import math
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coupling_bench import overrides, typed
from coupling_bench.fingerprint import canonical_json, fingerprint
from coupling_bench.overrides import apply, parse, read
from coupling_bench.pipelines import NODES, NotHereError, lineage
from coupling_bench.specs import ColaSpec, JsonlSpec, LoraSpec
from tests.tiny import recipe

RECIPE = recipe()
COLA = replace(RECIPE, task=ColaSpec(files=(), pretraining_share=0.5))
JSONL = replace(RECIPE, task=JsonlSpec(name="own", files=(), verifier="exact", folder="", paths=()))
SECTIONS = [(RECIPE, "pretrain", "base"), (RECIPE, "sft", "sft"), (RECIPE, "grpo", "rl")] + [
    (one, "task", "task") for one in (RECIPE, COLA, JSONL)
]
RESERVED = {*overrides.OF_STAGES, *overrides.OF_TASKS, "recipe_version"} - {"seed"}
FIELDS = [
    pytest.param(whole, section, place, field, id=f"{type(spec).__name__}.{field.name}")
    for whole, section, place in SECTIONS
    for spec in [getattr(whole, place)]
    for field in dataclasses.fields(spec)
    if field.name not in RESERVED and (field.name != "seed" or section == "task")
]
ACCEPTED = {
    "int": {int}, "int | None": {int}, "float": {int, float}, "float | None": {int, float},
    "bool": {bool}, "bool | None": {bool}, "str": {str}, "str | None": {str},
    "LoraSpec | None": set(),
    "tuple[str, ...]": set(), "tuple[str, ...] | None": set(), "tuple[str, str]": set(),
    "tuple[tuple[str, float | str | bool | tuple[str, ...]], ...]": set(),
}  # fmt: skip
"""Types of a single value that each annotation takes; none of the values below is in a Literal."""
VALUES = (True, 3, 0.5, "some text", [1, 2], {"a": 1}, -1, math.nan, math.inf, 10**400)


def one(whole, section, name, value):
    """The recipe with one field set, as a recipe file would set it."""
    table = overrides.Override(section=section, path=(name,), value=value, origin="here")
    return apply(whole, [table])


def sensible(value):
    """Whether a value has only finite numbers above zero, and no text that means None."""
    if dataclasses.is_dataclass(value):
        return all(sensible(inner) for inner in vars(value).values())
    if isinstance(value, tuple):
        return all(sensible(inner) for inner in value)
    return value != typed.NONE and (not isinstance(value, int | float) or 0 < value < math.inf)


def as_toml(value):
    """A value as TOML has it: a list for a tuple, a table for a spec, a word for None."""
    if dataclasses.is_dataclass(value):
        return {name: as_toml(inner) for name, inner in vars(value).items()}
    if isinstance(value, tuple):
        return [as_toml(inner) for inner in value]
    return typed.NONE if value is None else value


@pytest.mark.parametrize(("whole", "section", "place", "field"), FIELDS)
@settings(max_examples=12)
@given(data=st.data())
def test_a_value_of_a_fields_type_is_taken_and_counts_if_the_field_does(
    whole, section, place, field, data
):
    """The fingerprint changes if, and only if, the value does and the field has an identity."""
    spec = getattr(whole, place)
    values = st.from_type(typed.hints(type(spec))[field.name])
    value = data.draw(values.filter(lambda v: sensible(v) and possible(field.name, v)))
    changed = getattr(one(whole, section, field.name, as_toml(value)), place)
    assert canonical_json(getattr(changed, field.name)) == canonical_json(value)
    differs = canonical_json(getattr(spec, field.name)) != canonical_json(value)
    has_identity = field.metadata.get("identity", True)
    assert (fingerprint(changed) != fingerprint(spec)) == (differs and has_identity)


@pytest.mark.parametrize(("whole", "section", "place", "field"), FIELDS)
def test_a_value_of_another_type_is_refused_by_name(whole, section, place, field):
    """Naming where it was said, what was found and what was needed."""
    accepted = ACCEPTED.get(field.type, set())
    for value in VALUES:
        usable = type(value) in accepted and is_usable(value, accepted)
        if usable and possible(field.name, value):
            one(whole, section, field.name, value)
        else:
            with pytest.raises(
                ValueError, match=r"^here: (found .*, needed|LoraSpec has no field)"
            ):
                one(whole, section, field.name, value)


def possible(name, value):
    """Whether a number lies where the field of that name can."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return not number or typed.in_range(name, value)


def is_usable(value, accepted):
    """Whether a number is finite, if it becomes a float, and above zero, if it counts something."""
    if float in accepted:
        return abs(value) < 1e300
    return isinstance(value, bool | str) or 0 < value < math.inf


@given(st.text(), st.text(), st.text())
def test_what_is_parsed_is_what_was_said_or_refused(section, name, value):
    """Any text gives an override of that section and field, or a ValueError."""
    try:
        found = parse(f"{section}.{name}={value}")
    except ValueError as error:
        assert "section.field=value" in str(error)
    else:
        assert all([found.section, *found.path])
        assert isinstance(found.value, bool | int | float | str | list | dict)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.04", 0.04), ("true", True), ("3", 3), ("'3'", "3"), ("cosine", "cosine"),
        ('["a", "b"]', ["a", "b"]), ("{rank = 8}", {"rank": 8}), ("2024-01-01", "2024-01-01"),
        ("{sentence}\n", "{sentence}"), ("1\nother = 2", "1\nother = 2"), ("a=b", "a=b"),
    ],
)  # fmt: skip
def test_a_value_is_toml_where_it_can_be_and_else_plain_text(text, value):
    assert parse(f"sft.anything={text}").value == value


def test_every_stage_of_a_run_follows_the_base_and_the_task():
    """An override of what stages repeat reaches the nodes, and the last word counts."""
    said = ["pretrain.max_steps=7", "pretrain.max_steps=9", "task.acceptable_share=0.6"]
    changed = apply(RECIPE, [parse(text) for text in said])
    for node in NODES.values():
        with contextlib.suppress(NotHereError):  # at the smoke scale there is no map
            stages = list(lineage(node(changed, 0)))
            assert {stage.task.acceptable_share for stage in stages} == {0.6}
            assert stages[0].max_steps == 9
    assert changed.sft.start == changed.rl.start == changed.base


def test_a_file_says_what_the_command_line_says(tmp_path):
    file = tmp_path / "recipe.toml"
    file.write_text('[grpo]\nbeta = 0.04\nmin_p = "none"\n[task]\nanswers = ["yes", "no"]\n')
    said = ["grpo.beta=0.04", "grpo.min_p=none", 'task.answers=["yes", "no"]']
    assert apply(RECIPE, read(file)) == apply(RECIPE, [parse(text) for text in said])
    assert apply(RECIPE, []) == RECIPE


@dataclass(frozen=True, kw_only=True)
class Adapted:
    """A spec with adapters."""

    lora: LoraSpec | None = None


@dataclass(frozen=True, kw_only=True)
class Adaptable:
    """A recipe of such a spec alone."""

    task: str = ""
    sft: Adapted = Adapted()


@pytest.mark.parametrize(
    ("said", "lora"),
    [
        (["sft.lora.rank=8"], LoraSpec(rank=8)),
        (["sft.lora={rank = 8, targets = ['q_proj']}"], LoraSpec(rank=8, targets=("q_proj",))),
        (["sft.lora.rank=8", "sft.lora.alpha=4"], LoraSpec(rank=8, alpha=4)),
        (["sft.lora={}"], LoraSpec()),
        (["sft.lora.rank=8", "sft.lora=none"], None),
    ],
)
def test_adapters_are_set_field_by_field_or_by_a_table(said, lora):
    assert apply(Adaptable(), [parse(text) for text in said]).sft.lora == lora


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("grpo.bata=1", r"GRPOSpec has no field 'bata'; valid names: .*beta.* Did you mean beta\?"),
        ("gpro.beta=1", r"no section 'gpro'; valid names: .*dpo, task\. Did you mean grpo\?"),
        ("sft.seed=1", "seed cannot be overridden: each seed of the run .* --seeds"),
        ("sft.start=1", "start cannot be overridden: the order of the pipeline"),
        ("sft.task.seed=1", "task cannot be overridden: .* task.FIELD"),
        (
            "grpo.recipe_version=9",
            "recipe_version cannot be overridden: it is raised with the code",
        ),
        ("task.name=mine", "name cannot be overridden: the task is chosen with --task"),
        ("grpo.beta=high", "--set grpo.beta: found the text 'high', needed a finite number"),
        ("sft.max_length=-1", "found -1, needed a whole number from 1"),
        ("sft.learning_rate=nan", "found nan, needed a number above 0"),
        ("task.rl_prompts=both", "needed one of 'shared', 'disjoint'"),
        ("rloo.reward_clip_range=[1]", r"needed .* a list of 2 \(a finite number, a finite"),
        ("sft.learning_rate.x=1", "learning_rate has no fields of its own"),
        ("beta=1", "needed section.field=value"),
        ("grpo.beta", "needed section.field=value"),
    ],
)
def test_a_mistake_is_said_with_what_would_be_right(said, message):
    with pytest.raises(ValueError, match=message):
        apply(RECIPE, [parse(said)])


def test_an_imported_model_is_not_pretrained():
    imported = replace(RECIPE, model="gpt2", base=RECIPE.sft)
    with pytest.raises(ValueError, match="the model gpt2 is imported and not pretrained here"):
        apply(imported, [parse("pretrain.max_steps=1")])


@pytest.mark.parametrize("content", ["beta = 1\n", "[grpo\n", "\xff".encode("latin1"), "[" * 9999])
def test_a_file_that_cannot_be_read_is_named(content, tmp_path):
    file = tmp_path / "recipe.toml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=r"--recipe .*recipe\.toml: "):
        read(file)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read(tmp_path / "other.toml")


@pytest.mark.parametrize(
    ("said", "needed"),
    [
        ("grpo.temperature=0", "a number above 0"),
        ("grpo.top_p=1.5", "a number above 0 and at most 1"),
        ("grpo.beta=-1", "a finite number from 0"),
        ("grpo.num_generations=1", "a whole number from 2"),
    ],
)
def test_a_number_that_would_stop_the_run_in_its_middle_is_refused_before(said, needed):
    with pytest.raises(ValueError, match=needed):
        apply(RECIPE, [parse(said)])
