"""Shapes: what is counted without data is what the model has and autograd keeps with data."""

from dataclasses import replace

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, DynamicCache

from coupling_bench import models
from coupling_bench.planning import of_model, of_model_spec, shape_of
from coupling_bench.specs import CheckpointSpec, LoraSpec
from tests import architectures, tiny

OPT = {"word_embed_proj_dim": 48, "ffn_dim": 96}
EAGER = CheckpointSpec(name="eager", folder="", attention="eager")
CASES = [
    pytest.param("qwen3", {}, None, False, id="qwen3"),
    pytest.param("qwen3", {}, LoraSpec(rank=4), False, id="qwen3-lora"),
    pytest.param("qwen3", {}, None, True, id="qwen3-autocast"),
    pytest.param("llama", {"tie_word_embeddings": False}, None, False, id="llama"),
    pytest.param("gpt2", {}, None, False, id="gpt2"),
    pytest.param("gpt2", {"attn_pdrop": 0.1}, None, False, id="gpt2-dropout"),
    pytest.param("opt", OPT, None, False, id="opt"),
]


@pytest.mark.filterwarnings("ignore::FutureWarning:transformers.*")
@pytest.mark.parametrize(("architecture", "changes", "lora", "autocast"), CASES)
def test_what_is_counted_without_data_is_what_is_there_with_data(
    architecture, changes, lora, autocast, tmp_path
):
    """Weights of the loaded model and of peft's adapters, and autograd's memory at other sizes."""
    folder = architectures.save(architecture, tmp_path, **changes)
    shape = shape_of(folder, lora=lora, autocast=autocast)
    bare, _ = models.load(folder)
    model = bare.train()
    if lora:
        config = LoraConfig(r=lora.rank, target_modules=lora.targets, task_type="CAUSAL_LM")
        model = get_peft_model(bare, config)
        assert shape.trained == 4 * model.get_nb_trainable_parameters()[0]
    assert shape.parameters == model.num_parameters()
    assert shape.weights == 4 * model.num_parameters()
    assert shape.adapted == (lora is not None)
    looked_up = 0 if bare.config.tie_word_embeddings else bare.get_input_embeddings().weight.numel()
    assert shape.parameters - shape.multiplied == looked_up

    for rows, width in ((3, 24), (5, 100)):
        kept = kept_by_autograd(bare, rows, width, autocast)
        assert kept == pytest.approx(shape.saved + shape.activations(rows, width), rel=0.05)


def kept_by_autograd(model, rows, width, autocast):
    """The bytes that a pass over padded rows leaves behind, beside the weights."""
    kept, weights = {}, {p.data_ptr() for p in model.parameters()}

    def keep(tensor):
        if tensor.untyped_storage().data_ptr() not in weights:
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    mask = torch.ones(rows, width, dtype=torch.long)
    mask[0, 0] = 0
    ids = torch.randint(3, 100, (rows, width))
    with (
        torch.autocast("cpu", torch.bfloat16, enabled=autocast),
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
    ):
        hidden = model.base_model(input_ids=ids, attention_mask=mask, use_cache=False)
    assert hidden[0].isfinite().all()
    return sum(storage.nbytes() for storage in kept.values())


def test_attention_that_keeps_its_matrix_costs_the_square_of_the_width(tmp_path):
    """The softmax of each head in each layer: 4 bytes a pair of tokens."""
    layers, heads = 2, 4
    shape = shape_of(architectures.save("qwen3", tmp_path), EAGER)
    assert shape.saved_per_token_pair == 4 * layers * heads


def test_keys_and_values_are_those_of_a_cache(tmp_path):
    folder = architectures.save("llama", tmp_path)
    model, _ = models.load(folder)
    cache = DynamicCache(config=model.config)
    model(input_ids=torch.ones(3, 7, dtype=torch.long), past_key_values=cache)
    held = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    assert held == 3 * 7 * shape_of(folder).cached_per_token


def test_a_published_model_has_the_size_that_is_published(tmp_path):
    """Qwen3-0.6B's card: 0.6 billion parameters, 0.44 without embeddings; no weights are needed."""
    AutoConfig.for_model(
        "qwen3", hidden_size=1024, intermediate_size=3072, num_hidden_layers=28,
        num_attention_heads=16, num_key_value_heads=8, head_dim=128, vocab_size=151_936,
        tie_word_embeddings=True,
    ).save_pretrained(tmp_path)  # fmt: skip
    card = CheckpointSpec(name="Qwen3-0.6B", folder=str(tmp_path), dtype="bfloat16")
    before = torch.get_rng_state()
    shape = of_model(card)
    assert shape.parameters == pytest.approx(0.6e9, rel=0.01)
    assert shape.parameters - shape.vocabulary * shape.hidden == pytest.approx(0.44e9, rel=0.01)
    assert shape.weights == 2 * shape.parameters
    assert torch.equal(torch.get_rng_state(), before)


def test_adapters_from_elsewhere_have_the_shape_of_what_they_adapt(tmp_path):
    whole = CheckpointSpec(name="whole", folder=str(architectures.save("llama", tmp_path)))
    adapters = CheckpointSpec(name="adapters", folder="nowhere", adapted=whole)
    assert of_model(adapters) == of_model(whole)


def test_a_model_that_is_pretrained_here_has_the_shape_of_the_one_that_is_made():
    spec = tiny.recipe().base.start
    texts = [f"{number} and {number * 7} make {number * 8}" for number in range(3000)]
    tokenizer = models.new_tokenizer(spec, texts)
    assert len(tokenizer) == spec.vocab_size
    assert of_model_spec(spec).parameters == models.new_model(spec, tokenizer, 0).num_parameters()
    assert of_model(replace(spec, name="other")) == of_model_spec(spec)


def test_a_model_that_cannot_be_counted_is_named_with_the_way_out(tmp_path):
    with pytest.raises(ValueError, match=r"its memory could not be planned.*sft\.micro_batch=1"):
        shape_of(tmp_path)
