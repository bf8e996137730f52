"""A question that cannot be answered is refused in a sentence that says what to do."""

import dataclasses

import pytest

from coupling_bench import catalog, measuring
from tests import architectures
from tests.measuring.asked import measure, question
from tests.tiny import MODELS


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return architectures.save("llama", tmp_path_factory.mktemp("model"), max_position_embeddings=24)


def test_no_checkpoint_at_all(tmp_path):
    with pytest.raises(ValueError, match="no checkpoint was named"):
        question(tmp_path, {}).stages()


def test_two_of_one_name(tiny, tmp_path):
    asked = question(tmp_path, {"sft": tiny})
    twice = dataclasses.replace(asked, checkpoints=[*asked.checkpoints] * 2)
    with pytest.raises(ValueError, match="two checkpoints are called 'sft'"):
        twice.stages()


def test_a_context_that_is_too_short_names_the_checkpoint(tiny, tmp_path):
    with pytest.raises(ValueError, match=r"^mine: .* tokens .* the context holds 24"):
        measure(tmp_path, {"mine": tiny})


def test_a_repository_that_cannot_be_fetched_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"model base: .* could not be fetched"):
        question(tmp_path, {"base": "nobody/no-such-model"}).stages()


def test_a_shape_is_no_checkpoint(tmp_path):
    with pytest.raises(ValueError, match=r"base: embedded is a shape .* PretrainSpec"):
        question(tmp_path, {"base": "embedded"}, entries=catalog.read(MODELS)).stages()


def test_a_template_without_the_item(tiny, tmp_path):
    with pytest.raises(ValueError, match=r"'Is it\?' has no field \{sentence\} or \{prompt\}"):
        question(tmp_path, {"sft": tiny}, prompt_template="Is it?").stages()


@pytest.mark.parametrize(
    ("name", "folder", "message"),
    [("gramar", None, "'gramar' is unknown.* Did you mean grammar"),
     ("grammar", "somewhere", "grammar reads no files from somewhere")],
)  # fmt: skip
def test_a_task_that_is_not_there(name, folder, message):
    with pytest.raises(ValueError, match=message):
        measuring.find_task(name, folder)


def test_prompts_are_those_of_models_toml_unless_asked_otherwise(tmp_path):
    """An entry may say plain for a model that brings a chat template."""
    chat = architectures.save("llama", tmp_path / "chat", chat=True)
    (tmp_path / "models.toml").write_text(f'[mine]\nsource = "{chat}"\nprompts = "plain"\n')
    entries = catalog.read(tmp_path / "models.toml")

    def prompts(source, **changes):
        (stage,) = question(tmp_path, {"m": source}, entries=entries, **changes).stages().values()
        return stage.start.prompts

    assert prompts("mine") == "plain"
    assert prompts("mine", prompts="chat") == "chat"


def test_a_folder_with_a_manifest_of_somebody_else_is_a_plain_model(tmp_path):
    folder = architectures.save("llama", tmp_path / "model")
    (folder / "manifest.json").write_text('{"spec": ["not", "ours"]}')
    (stage,) = question(tmp_path, {"m": folder}).stages().values()
    assert "acceptable English" in stage.task.prompt_template
