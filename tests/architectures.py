"""Tiny models of several architectures with random weights, far from uniform, saved to disk."""

from pathlib import Path

from coupling_bench import models
from tests.tiny import recipe

TEXTS = ["the cat sleeps .\nacceptable unacceptable", "a dog that sees us barks .\n"] * 3
PROMPTS = ["the cat sleeps .\n", "a dog that sees us barks .\n", "the\n", "a dog sleeps us cat .\n"]
"""Prompts of different lengths."""


def save(architecture: str, folder: Path, **changes) -> Path:
    """Save a model of ``architecture`` with its tokenizer into ``folder``."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    tokenizer = models.new_tokenizer(recipe().base.start, TEXTS)
    shape = {
        "hidden_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 128,
        "initializer_range": 0.3,
        "vocab_size": len(tokenizer),
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": None,
    }
    if architecture == "gpt2":
        shape |= {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    elif architecture == "opt":
        shape |= {"word_embed_proj_dim": 48, "ffn_dim": 96, "init_std": 0.3}
    else:
        shape |= {"num_key_value_heads": 2, "intermediate_size": 96, "head_dim": 12}
    torch.manual_seed(0)
    config = AutoConfig.for_model(architecture, **(shape | changes))
    models.save(AutoModelForCausalLM.from_config(config), tokenizer, folder)
    return folder
