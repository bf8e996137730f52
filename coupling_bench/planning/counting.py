"""Counting on a model without data: its weights, and what autograd keeps of a forward pass.

torch's meta and fake tensors have sizes and no numbers, so the model's own code runs in no memory
and in about a second, whatever its size. A formula knows one architecture and one implementation:
that of Korthikanti et al. 2022 (arXiv:2205.05198, section 4.1), 34 bytes times the hidden size for
each token and layer in 16 bit without attention's matrix, is less than half of the 74 that
transformers keeps of Qwen3-0.6B.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from coupling_bench import models
from coupling_bench.specs import LoraSpec

WIDTHS = (64, 128)
"""Tokens of the rows that are counted: a line and a square are told apart by two."""


def count(build: Callable[[], Any], lora: LoraSpec | None, autocast: bool) -> dict[str, Any]:
    """Return the fields of a ``Shape``.

    Args:
        build: makes the model, on the device that is torch's default at the time.
        lora: the adapters that alone are trained.
        autocast: whether products are computed in bfloat16.
    """
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of one library about another
        with torch.device("meta"):
            bare = build().train()
            model = models.adapt(bare, lora) if lora else bare
        sizes = _sizes(bare, model)
        with FakeTensorMode(allow_non_fake_inputs=True):
            # Attention on the meta device is not the one that trains; on a fake CPU it is.
            bare.to_empty(device="cpu")
            saved = {
                (rows, width): saved_bytes(bare, rows, width, autocast)
                for rows in (1, 2)
                for width in WIDTHS
            }
    if autocast:
        sizes["element"] = 2
    return {**sizes, **_per_token(saved)}


def _sizes(bare: Any, model: Any) -> dict[str, int]:
    """Return what is known of a model before it runs; ``bare`` is the model without adapters."""
    weights = list(model.parameters())
    head, table = bare.get_output_embeddings().weight, bare.get_input_embeddings().weight
    config = bare.config.get_text_config()
    parameters = sum(p.numel() for p in weights)
    heads = getattr(config, "num_attention_heads", 0)
    of_head = getattr(config, "head_dim", None) or config.hidden_size // max(heads, 1)
    key_heads = getattr(config, "num_key_value_heads", None) or heads
    return {
        "parameters": parameters,
        "multiplied": parameters - (0 if table is head else table.numel()),
        "weights": _bytes(weights),
        "trained": _bytes([p for p in weights if p.requires_grad]),
        "head": 4 * head.numel() if head.requires_grad else 0,
        "layers": config.num_hidden_layers,
        "hidden": config.hidden_size,
        "vocabulary": head.shape[0],
        "element": bare.dtype.itemsize,
        "cached_per_token": 2
        * config.num_hidden_layers
        * key_heads
        * of_head
        * bare.dtype.itemsize,
    }


def _per_token(saved: dict[tuple[int, int], int]) -> dict[str, float]:
    """Return a line and a square through what was saved of (rows, width)."""
    short, long = WIDTHS
    of_short, of_long = (saved[2, width] - saved[1, width] for width in WIDTHS)
    per_pair = max(of_long / long - of_short / short, 0.0) / (long - short)
    return {
        "saved": max(saved[1, short] - of_short, 0),
        "saved_per_token": of_short / short - per_pair * short,
        "saved_per_token_pair": per_pair,
    }


def saved_bytes(model: Any, rows: int, width: int, autocast: bool) -> int:
    """Return the bytes that autograd keeps of a forward pass up to the output layer.

    Each piece of memory counts once, and the weights themselves not at all.
    """
    import torch

    known = {tensor.untyped_storage()._cdata for tensor in model.parameters()}
    kept: dict[int, Any] = {}

    def keep(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        if storage._cdata not in known:
            kept[storage._cdata] = storage  # kept alive, so that no address is used twice
        return tensor

    ids = torch.zeros(rows, width, dtype=torch.long)
    with (
        torch.autocast("cpu", torch.bfloat16, enabled=autocast),
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
    ):
        hidden = model.base_model(
            input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False
        )
    del hidden
    return sum(storage.nbytes() for storage in kept.values())


def _bytes(tensors: list[Any]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
