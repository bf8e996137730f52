"""Models and tokenizers: made from a ModelSpec, or loaded from a checkpoint's folder.

Weights are safetensors and nothing is unpickled; every model is returned in fp32.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coupling_bench.specs import ModelSpec

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

END_OF_SEQUENCE = "<|end|>"
PADDING = "<|pad|>"
WEIGHTS = "model.safetensors"
SNAPSHOTS = "snapshots"


def new_tokenizer(spec: ModelSpec, texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE tokenizer of at most ``spec.vocab_size`` entries on ``texts``."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=spec.vocab_size,
        special_tokens=[END_OF_SEQUENCE, PADDING],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END_OF_SEQUENCE,
        pad_token=PADDING,
        padding_side="left",
        model_max_length=spec.max_position_embeddings,
        clean_up_tokenization_spaces=False,
    )


def new_model(spec: ModelSpec, tokenizer: PreTrainedTokenizerFast, seed: int) -> PreTrainedModel:
    """Return a Qwen3 of the given shape with random weights drawn from ``seed``."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=spec.hidden_size,
        intermediate_size=spec.intermediate_size,
        num_hidden_layers=spec.num_hidden_layers,
        num_attention_heads=spec.num_attention_heads,
        num_key_value_heads=spec.num_key_value_heads,
        head_dim=spec.head_dim,
        max_position_embeddings=spec.max_position_embeddings,
        tie_word_embeddings=spec.tie_word_embeddings,
        initializer_range=spec.initializer_range,
        hidden_act="silu",
        rms_norm_eps=1e-6,
        attention_bias=False,
        attention_dropout=0.0,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        dtype=torch.float32,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Qwen3ForCausalLM(config)


def load(folder: Path) -> tuple[PreTrainedModel, Any]:
    """Return the model (fp32, evaluation mode) and tokenizer of a checkpoint's folder."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, local_files_only=True, attn_implementation="sdpa"
    )
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return model.eval(), tokenizer


def save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write a checkpoint: weights as safetensors, configuration and tokenizer."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def save_snapshot(model: PreTrainedModel, folder: Path, step: int) -> None:
    """Write the weights alone, as they are after ``step`` optimizer steps."""
    from safetensors.torch import save_model

    (folder / SNAPSHOTS).mkdir(exist_ok=True)
    save_model(model, str(folder / SNAPSHOTS / f"{step:06d}.safetensors"))


def snapshot_steps(folder: Path) -> list[int]:
    """Return the optimizer steps of a checkpoint's stored snapshots, ascending."""
    return sorted(int(path.stem) for path in (folder / SNAPSHOTS).glob("*.safetensors"))


def load_snapshot(model: PreTrainedModel, folder: Path, step: int) -> None:
    """Put the weights of one snapshot into ``model``."""
    from safetensors.torch import load_model

    load_model(model, folder / SNAPSHOTS / f"{step:06d}.safetensors")
