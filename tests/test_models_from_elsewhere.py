"""Any causal language model goes through all stages and is observed exactly."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch

from coupling_bench import models, probes, stages, tasks
from coupling_bench.fingerprint import address
from coupling_bench.pipelines import NODES, observation
from coupling_bench.prompting import prepare, prompt_texts
from coupling_bench.specs import LoraSpec
from coupling_bench.store import Store
from tests import architectures
from tests.architectures import CHAT
from tests.tiny import imported

KINDS = {
    "qwen3 chat": ("qwen3", {"chat": True}),
    "qwen3 plain, no padding token": ("qwen3", {"pad": False}),
    "llama with a beginning of sequence": ("llama", {"beginning": True}),
    "llama chat with a beginning of sequence": ("llama", {"chat": True, "beginning": True}),
    "llama, untied head, no padding token": (
        "llama", {"tie_word_embeddings": False, "pad": False}
    ),
    "gpt2, tied head": ("gpt2", {"tie_word_embeddings": True}),
    "gpt_neox, untied head": ("gpt_neox", {"tie_word_embeddings": False}),
    "gemma chat": ("gemma", {"chat": True, "beginning": True}),
    "mistral, a sliding window": ("mistral", {"sliding_window": 8}),
}  # fmt: skip


def naive(folder, messages, prompt, answer, chat):
    """Log pi(answer, end | prompt): one row, token by token, prompted by transformers alone."""
    model, tokenizer = models.load(folder)
    if chat:
        ids = tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, enable_thinking=False, return_dict=False
        )
    else:
        ids = tokenizer(prompt)["input_ids"]
    end = tokenizer.convert_tokens_to_ids("<|over|>") if chat else tokenizer.eos_token_id
    total = 0.0
    for token in [*tokenizer(answer, add_special_tokens=False)["input_ids"], end]:
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([ids])).logits[0, -1].double()
        total += float(torch.log_softmax(logits, dim=-1)[token])
        ids = [*ids, token]
    return total


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_from_elsewhere_is_trained_by_both_stages_and_observed_exactly(kind, tmp_path):
    architecture, options = KINDS[kind]
    folder = architectures.save(architecture, tmp_path / "model", **options)
    recipe, store = imported(folder), Store(tmp_path / "store")
    chat = options.get("chat", False)
    assert recipe.base.start.prompts == ("chat" if chat else "plain")
    for node in ("base", "sft", "sft_then_rl"):
        entry, _ = stages.make(NODES[node](recipe, 0), store)
    assert entry.facts["steps"] == 2
    task = tasks.load(recipe.task)
    for node in ("base", "sft"):
        stage = NODES[node](recipe, 0)
        watched, _ = stages.make(observation(stage, 0, "held_out"), store)
        arrays = np.load(watched.folder / probes.ARRAYS)
        item = task.splits["held_out"][3]
        for answer, text in enumerate(task.spec.answers):
            expected = naive(
                store.get(stage).folder, task.messages(item), task.prompt(item), text, chat
            )
            assert arrays["answer_logps"][-1, 3, answer] == pytest.approx(expected, abs=2e-4)
    before, after = (store.get(NODES[n](recipe, 0)).folder for n in ("base", "sft"))
    assert not same_weights(before, after)


def same_weights(first, second):
    mine, other = (models.load(folder)[0].parameters() for folder in (first, second))
    return all(torch.equal(a, b) for a, b in zip(mine, other, strict=True))


def test_the_base_of_a_model_from_elsewhere_is_the_model_itself_and_takes_no_room(tmp_path):
    folder = architectures.save("llama", tmp_path / "model")
    entry, _ = stages.make(imported(folder).base, Store(tmp_path / "store"))
    assert same_weights(folder, entry.folder)
    assert (entry.folder / "model.safetensors").is_symlink()


def test_a_folder_is_known_by_its_files_and_not_by_its_place(tmp_path):
    """The same files elsewhere are the same model; one changed byte of weights is another."""
    first = architectures.save("llama", tmp_path / "a")
    again = architectures.save("llama", tmp_path / "b")
    assert address(imported(first).base) == address(imported(again).base)
    weights = again / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert address(imported(first).base) != address(imported(again).base)


def test_adapters_alone_are_trained_and_stored_through_the_whole_pipeline(tmp_path):
    """SFT makes them, RL goes on with them, and the weights that they adapt stay as they were."""
    folder = architectures.save("llama", tmp_path / "model", chat=True)
    recipe, store = imported(folder, LoraSpec(rank=4, alpha=8)), Store(tmp_path / "store")
    for node in ("base", "sft", "sft_then_rl"):
        entry, _ = stages.make(NODES[node](recipe, 0), store)
    assert not (entry.folder / "model.safetensors").exists()
    settings = json.loads((entry.folder / "adapter_config.json").read_text())
    assert (settings["r"], settings["lora_alpha"]) == (4, 8)
    model, _ = models.load(entry.folder)
    original, _ = models.load(folder)
    kept = dict(model.get_base_model().named_parameters())
    for name, weight in original.named_parameters():
        adapted = name.replace(".weight", ".base_layer.weight")
        assert torch.equal(weight, kept.get(adapted, kept.get(name)))
    watched, _ = stages.make(observation(NODES["sft"](recipe, 0), 0, "held_out"), store)
    arrays = np.load(watched.folder / probes.ARRAYS)
    base, _ = stages.make(observation(recipe.base, 0, "held_out"), store)
    start = np.load(base.folder / probes.ARRAYS)["answer_logps"][0]
    assert arrays["steps"].tolist() == [0, 4, 8]
    assert arrays["answer_logps"][0] == pytest.approx(start, abs=1e-4)  # fresh ones change nothing
    assert np.abs(arrays["answer_logps"][-1] - start).max() > 0.01


def test_adapters_from_elsewhere_are_a_model_too(tmp_path):
    folder = architectures.save("llama", tmp_path / "model")
    recipe, store = imported(folder, LoraSpec(rank=4, alpha=8)), Store(tmp_path / "store")
    stages.make(recipe.base, store)
    trained, _ = stages.make(NODES["sft"](recipe, 0), store)
    elsewhere = tmp_path / "adapters"
    model, _ = models.load(trained.folder)
    model.peft_config["default"].base_model_name_or_path = str(folder)
    model.save_pretrained(elsewhere)
    again = imported(elsewhere)
    assert again.base.start.adapted is not None
    stages.make(again.base, store)
    observed = [
        np.load(stages.make(observation(stage, 0, "held_out"), store)[0].folder / probes.ARRAYS)
        for stage in (NODES["sft"](recipe, 0), again.base)
    ]
    assert observed[1]["answer_logps"][-1] == pytest.approx(
        observed[0]["answer_logps"][-1], abs=1e-5
    )


def test_a_chat_template_that_refuses_a_dialogue_is_named(tmp_path):
    from transformers import AutoTokenizer

    folder = architectures.save("llama", tmp_path / "model", chat=True)
    recipe = imported(folder)
    task = tasks.load(recipe.task)
    item = dataclasses.replace(
        task.splits["sft"][0], messages=(("system", "be kind"), ("user", "?"))
    )
    with pytest.raises(ValueError, match=r"chat template refuses item 0 .* no system role"):
        prompt_texts(recipe.base.start, AutoTokenizer.from_pretrained(folder), task, [item])


@pytest.mark.parametrize(
    ("content", "message"),
    [({}, "no config.json"), ({"config.json": "{}"}, "holds no weights"),
     ({"adapter_config.json": "{}"}, "names no base_model_name_or_path")],
)  # fmt: skip
def test_a_folder_that_is_no_model_says_what_is_missing(tmp_path, content, message):
    for name, text in content.items():
        (tmp_path / name).write_text(text)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        imported(tmp_path)


def test_a_model_that_cannot_be_had_says_how_to_point_to_a_copy():
    from coupling_bench import checkpoints

    with pytest.raises(FileNotFoundError, match=r"could not be fetched .* --model FOLDER"):
        checkpoints.find("nobody/no-such-model", name="m")
    with pytest.raises(FileNotFoundError, match="is nothing there, needed the folder"):
        checkpoints.find("./no/such folder", name="m")


def test_a_folder_that_was_written_over_is_not_served_for_the_copy_made_before(tmp_path):
    """The copy has the identity of what was imported first, from a folder that has changed."""
    latest = architectures.save("llama", tmp_path / "latest")
    kept = tmp_path / "kept"
    shutil.copytree(latest, kept)
    store = Store(tmp_path / "store")
    first, _ = stages.make(imported(latest).base, store)
    architectures.save("llama", latest, initializer_range=0.1)
    assert not same_weights(first.folder, kept)  # the danger: its links lead to the new weights
    stages.make(NODES["sft"](imported(kept), 0), store)
    assert same_weights(first.folder, kept)
    shutil.rmtree(latest)
    stages.make(NODES["sft"](imported(kept), 1), store)


def test_adapters_that_are_not_those_of_the_spec_are_refused(tmp_path):
    folder = architectures.save("llama", tmp_path / "model")
    recipe, store = imported(folder, LoraSpec(rank=4, alpha=8)), Store(tmp_path / "store")
    stages.make(recipe.base, store)
    sft = NODES["sft"](recipe, 0)
    stages.make(sft, store)
    other = dataclasses.replace(recipe.rl, start=sft, lora=LoraSpec(rank=16, alpha=8))
    with pytest.raises(ValueError, match=r"rank 16 .* checkpoint with rank 4"):
        stages.make(other, store)


def test_full_training_goes_on_from_adapters_as_part_of_the_weights(tmp_path):
    folder = architectures.save("llama", tmp_path / "model")
    recipe, store = imported(folder, LoraSpec(rank=4, alpha=8)), Store(tmp_path / "store")
    stages.make(recipe.base, store)
    sft = NODES["sft"](recipe, 0)
    stages.make(sft, store)
    whole = dataclasses.replace(recipe.rl, start=sft, lora=None)
    entry, _ = stages.make(whole, store)
    assert (entry.folder / "model.safetensors").is_file()
    seen = [stages.make(observation(stage, 0, "held_out"), store)[0] for stage in (sft, whole)]
    end, start = (np.load(e.folder / probes.ARRAYS)["answer_logps"] for e in seen)
    assert start[0] == pytest.approx(end[-1], abs=1e-4)


def test_a_store_with_adapters_can_be_moved_as_a_whole(tmp_path):
    folder = architectures.save("llama", tmp_path / "model")
    recipe, store = imported(folder, LoraSpec(rank=4, alpha=8)), Store(tmp_path / "store")
    stages.make(recipe.base, store)
    sft = NODES["sft"](recipe, 0)
    stages.make(sft, store)
    (tmp_path / "store").rename(tmp_path / "moved")
    models.load(Store(tmp_path / "moved").get(sft).folder)


def test_a_config_beside_adapters_does_not_make_them_a_whole_model(tmp_path):
    folder = architectures.save("llama", tmp_path / "model")
    recipe, store = imported(folder, LoraSpec(rank=4, alpha=8)), Store(tmp_path / "store")
    stages.make(recipe.base, store)
    trained, _ = stages.make(NODES["sft"](recipe, 0), store)
    elsewhere = tmp_path / "adapters"
    shutil.copytree(trained.folder, elsewhere, symlinks=False)
    shutil.copy(folder / "config.json", elsewhere)  # as some trainers leave it
    again = imported(elsewhere)
    assert again.base.start.adapted is not None
    entry, _ = stages.make(again.base, store)
    assert not same_weights(entry.folder, folder)


def test_a_prompt_does_not_change_with_the_day(tmp_path, monkeypatch):
    """Templates may ask for the date: what SFT saw on Monday, RL sees on Tuesday."""
    import transformers.utils.chat_template_utils as templates

    folder = architectures.save("llama", tmp_path / "model", chat=True)
    recipe = imported(folder)
    task = tasks.load(recipe.task)
    _, tokenizer = models.load(folder)
    tokenizer.chat_template = "\n{{ strftime_now('%d %b %Y') }}" + CHAT
    prepare(recipe.base.start, tokenizer)

    class Later(templates.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2031, 1, 1)

    items = task.splits["sft"][:1]
    today = prompt_texts(recipe.base.start, tokenizer, task, items)
    monkeypatch.setattr(templates, "datetime", Later)
    assert prompt_texts(recipe.base.start, tokenizer, task, items) == today
    assert today[0].startswith("\n01 Jan 2026<")


def test_an_end_of_turn_that_the_model_has_no_embedding_of_is_named(tmp_path):
    folder = architectures.save("llama", tmp_path / "model")
    _, tokenizer = models.load(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|turn|>", "<|over|>"]})
    tokenizer.chat_template = CHAT
    tokenizer.save_pretrained(folder)
    with pytest.raises(ValueError, match=r"eos_token '<\|over\|>' has the number .* embeddings of"):
        stages.make(imported(folder).base, Store(tmp_path / "store"))


def test_damaged_weights_are_named(tmp_path):
    folder = architectures.save("llama", tmp_path / "model")
    (folder / "model.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match=r"the weights in .*model are damaged"):
        models.load(folder)
