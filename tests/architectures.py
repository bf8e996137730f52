"""Tiny models of several architectures with random weights, far from uniform, saved to disk."""

from pathlib import Path

from coupling_bench import models
from tests.tiny import recipe

TEXTS = ["the cat sleeps .\nacceptable unacceptable", "a dog that sees us barks .\n"] * 3
PROMPTS = ["the cat sleeps .\n", "a dog that sees us barks .\n", "the\n", "a dog sleeps us cat .\n"]
"""Prompts of different lengths."""


CHAT = """{%- if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}
{{- bos_token or '' }}
{%- for message in messages %}
<|turn|>{{ message.role }}
{{ message.content }}<|over|>
{%- endfor %}
{%- if add_generation_prompt %}
<|turn|>assistant
{% if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}
{%- endif %}"""
"""A template with an end of turn of its own, a beginning of sequence, and thinking to turn off."""


def save(
    architecture: str,
    folder: Path,
    *,
    chat: bool = False,
    pad: bool = True,
    beginning: bool = False,
    **changes,
) -> Path:
    """Save a model of ``architecture`` with its tokenizer into ``folder``.

    Args:
        architecture: as transformers calls it.
        folder: to write into.
        chat: whether the tokenizer has a chat template.
        pad: whether it has a padding token.
        beginning: whether it puts a beginning of sequence before every text.
        changes: to the configuration.
    """
    import torch
    from tokenizers.processors import TemplateProcessing
    from transformers import AutoConfig, AutoModelForCausalLM

    tokenizer = models.new_tokenizer(recipe().base.start, TEXTS)
    if beginning:
        tokenizer.add_special_tokens({"bos_token": "<|begin|>"})
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
            single="<|begin|> $A", special_tokens=[("<|begin|>", tokenizer.bos_token_id)]
        )
    if chat:
        tokenizer.add_special_tokens({"additional_special_tokens": ["<|turn|>", "<|over|>"]})
        tokenizer.chat_template = CHAT
    if not pad:
        tokenizer.pad_token = None
    shape = {
        "hidden_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 256,
        "initializer_range": 0.3,
        "vocab_size": len(tokenizer),
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
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
