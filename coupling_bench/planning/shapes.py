"""What a model is made of, as far as memory and time depend on it: counted on the model itself."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from coupling_bench import models
from coupling_bench.planning import counting
from coupling_bench.specs import (
    AnyModel,
    CheckpointSpec,
    LoraSpec,
    ModelSpec,
)


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Sizes of a model as it is trained, with adapters if it has some. Bytes, unless it is said."""

    parameters: int
    """Numbers, adapters included; a weight that is used twice counts once."""
    multiplied: int
    """Parameters that every token is multiplied with; embeddings that are looked up are not."""
    weights: int
    trained: int
    """Of the weights that are trained: all, or the adapters."""
    head: int
    """Of the gradient of the output layer in fp32; 0 if it is not trained."""
    layers: int
    hidden: int
    """Width of the residual stream, in numbers."""
    vocabulary: int
    """Entries of the output layer."""
    element: int
    """Of one activation."""
    cached_per_token: int
    """Keys and values of all layers."""
    saved: int
    """What autograd keeps of a forward pass whatever its rows: weights that autocast has cast."""
    saved_per_token: float
    saved_per_token_pair: float
    """Pairs of tokens of one row: attention's mask, and its matrix where attention keeps that."""

    @property
    def adapted(self) -> bool:
        """Whether only a part of the weights is trained."""
        return self.trained < self.weights

    def activations(self, rows: int, width: int) -> float:
        """Return what autograd keeps of ``rows`` of ``width`` tokens, the output layer left out."""
        return rows * (self.saved_per_token * width + self.saved_per_token_pair * width**2)


@functools.lru_cache(maxsize=8)
def of_model(model: AnyModel, *, lora: LoraSpec | None = None, autocast: bool = False) -> Shape:
    """Return the shape of a model as a stage trains it; counted once in a process.

    Args:
        model: one that is pretrained here, with its largest vocabulary, or a checkpoint.
        lora: the adapters that alone are trained.
        autocast: whether products are computed in bfloat16 (``bf16=True`` of a trainer).

    Raises:
        ValueError: as for ``shape_of``.
    """
    if isinstance(model, ModelSpec):
        return of_model_spec(model, lora=lora, autocast=autocast)
    assert isinstance(model, CheckpointSpec)
    whole = model
    while whole.adapted is not None:
        whole = whole.adapted
    return shape_of(Path(whole.folder), model, lora=lora, autocast=autocast)


def shape_of(
    folder: Path,
    model: AnyModel | None = None,
    *,
    lora: LoraSpec | None = None,
    autocast: bool = False,
) -> Shape:
    """Return the shape of the model whose configuration lies in ``folder``.

    Args:
        folder: of a whole model; its weights are not read.
        model: how it is computed with; None: in fp32.
        lora: the adapters that alone are trained.
        autocast: whether products are computed in bfloat16 (``bf16=True`` of a trainer).

    Raises:
        ValueError: there is no configuration, or the model cannot be built or run without data.
    """

    def build() -> Any:
        import torch
        from transformers import AutoConfig, AutoModelForCausalLM

        trusted = model is not None and model.trust_remote_code
        attention = model.attention if model else models.AUTO
        config = AutoConfig.from_pretrained(
            folder, local_files_only=True, trust_remote_code=trusted
        )
        return AutoModelForCausalLM.from_config(
            config,
            dtype=getattr(torch, model.dtype if model else "float32"),
            attn_implementation=None if attention == models.AUTO else attention,
            trust_remote_code=trusted,
        )

    return _shape(build, str(folder), lora, autocast)


def of_model_spec(
    spec: ModelSpec, *, lora: LoraSpec | None = None, autocast: bool = False
) -> Shape:
    """Return the shape of the model that pretraining makes, with its largest vocabulary.

    Args:
        spec: of the model.
        lora: the adapters that alone are trained.
        autocast: whether products are computed in bfloat16.
    """

    class NoTokenizer(SimpleNamespace):
        def __len__(self) -> int:
            return spec.vocab_size

    tokenizer: Any = NoTokenizer(eos_token_id=0, pad_token_id=1)
    return _shape(lambda: models.new_model(spec, tokenizer, seed=0), spec.name, lora, autocast)


def _shape(build: Callable[[], Any], name: str, lora: LoraSpec | None, autocast: bool) -> Shape:
    try:
        return Shape(**counting.count(build, lora, autocast))
    except Exception as error:  # whatever an architecture of somebody else's raises
        raise ValueError(
            f"{name}: its memory could not be planned, because building and running it without "
            f"data failed ({type(error).__name__}: {str(error)[:200]}). Check its config.json, or "
            "set how many rows it computes at a time: --set sft.micro_batch=1."
        ) from error
