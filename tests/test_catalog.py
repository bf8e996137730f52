"""models.toml, and what else users may name with --model."""

import pytest

from coupling_bench import catalog, scales
from coupling_bench.specs import CheckpointSpec, LoraSpec, ModelSpec
from tests import architectures
from tests.tiny import MODELS


def read(tmp_path, text):
    path = tmp_path / "models.toml"
    path.write_text(text)
    return catalog.read(path)


def test_the_shipped_entries_are_there_and_all_but_the_small_want_a_gpu():
    entries = catalog.read(MODELS)
    assert list(entries) == [
        "embedded", "embedded-small", "embedded-large", "embedded-25m",
        "qwen3-0.6b", "qwen3-0.6b-base", "smollm2-135m", "pythia-160m",
    ]  # fmt: skip
    on_a_laptop = ["embedded", "embedded-small", "embedded-large"]
    assert [name for name, entry in entries.items() if not entry.gpu] == on_a_laptop
    assert [name for name, entry in entries.items() if entry.default] == ["embedded", "qwen3-0.6b"]
    assert all(len(e.revision or "") == 40 for e in entries.values() if e.source)
    shape = entries["embedded-25m"].shape
    assert (shape["hidden_size"], shape["num_hidden_layers"]) == (512, 8)


def test_an_entry_says_all_that_a_recipe_needs(tmp_path):
    architectures.save("llama", tmp_path / "model")
    text = """[mine]
source = "model"
dtype = "bfloat16"
prompts = "plain"
marks = ["gpu"]
scale = "paper"
lora = { rank = 4, alpha = 8, targets = ["q_proj"] }
[mine.sft]
learning_rate = 0.25
"""
    entry = read(tmp_path, text)["mine"]
    assert (entry.gpu, entry.scale, entry.overrides) == (
        True,
        "paper",
        {"sft": {"learning_rate": 0.25}},
    )
    model = entry.describe("cpu")
    assert isinstance(model, CheckpointSpec)
    assert (model.dtype, model.prompts, model.device) == ("bfloat16", "plain", "cpu")
    assert entry.describe().device == "cuda"  # it is marked gpu
    recipe = scales.recipe(model, scales.task("grammar", "smoke"), "smoke", entry.lora)
    assert recipe.sft.lora == recipe.rl.lora == LoraSpec(rank=4, alpha=8, targets=("q_proj",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[a", "is not TOML"),
        ("a = 1", r"\[a\]: found 1, needed a table"),
        ('["a/b"]\nsource = "x"', "a name is made of"),
        ('[a]\nsorce = "x"', r"'sorce' is unknown.*Did you mean source"),
        ("[a]\nsource = 3", "source is 3, needed a string"),
        ("[a]\ndefault = true", "either source .* or shape"),
        ('[a]\nsource = "x"\nshape = {}', "either source .* or shape"),
        ('[a]\nsource = "x"\nprompts = "loud"', "prompts is 'loud', needed one of"),
        ('[a]\nsource = "x"\nscale = "huge"', "scale is 'huge', needed one of"),
        ('[a]\nsource = "x"\nmarks = ["tpu"]', r"marks is \['tpu'\]"),
        ('[a]\nsource = "x"\nlora = { rnk = 1 }', "lora: 'rnk' is unknown"),
        ('[a]\nsource = "x"\nlora = { rank = "four" }', "lora: .*needed a whole number"),
        ("[a]\nshape = { vocab_size = 64 }", "shape: hidden_size, .* missing"),
    ],
)
def test_a_malformed_entry_is_named_with_its_key(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, text)


def test_a_model_is_asked_for_by_name_source_folder_or_hub_id(tmp_path):
    entries = catalog.read(MODELS)
    assert catalog.find("embedded", entries).shape is not None
    assert catalog.find("Qwen/Qwen3-0.6B", entries).name == "qwen3-0.6b"
    assert catalog.find("Someone/Their_Model", entries).name == "their_model"
    folder = tmp_path / "My Model (v2)"
    folder.mkdir()
    assert catalog.find(str(folder), entries).name == "my-model-v2"
    with pytest.raises(ValueError, match="Did you mean embedded"):
        catalog.find("embeded", entries)


def test_a_model_that_is_pretrained_here_trains_on_the_cpu_unless_told_otherwise():
    entry = catalog.read(MODELS)["embedded"]
    assert isinstance(entry.describe(), ModelSpec)
    assert entry.describe().device == "cpu"
    assert entry.describe("cuda").device == "cuda"
