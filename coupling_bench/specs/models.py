"""Models: what a pipeline starts from, and how it is computed with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from coupling_bench.specs.marks import EXECUTION


@dataclass(frozen=True, kw_only=True)
class AnyModel:
    """What is known of every model: its name, how it is prompted and how it is computed with."""

    name: str = field(metadata=EXECUTION)
    """What users call it: ``--model NAME``, and the parameter in brackets of a test's name."""
    prompts: Literal["plain", "chat"] = "plain"
    """Whether prompts go through the tokenizer's chat template, with thinking turned off."""
    attention: str = "auto"
    """One of transformers' attention implementations; ``auto``: the one that it would choose."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Of the weights in training; observations are made in fp32, whatever it is."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where it trains. Part of the identity: another device gives other numbers."""
    trust_remote_code: bool = False
    """Whether code that lies beside the weights may run."""


@dataclass(frozen=True, kw_only=True)
class ModelSpec(AnyModel):
    """A decoder-only transformer with random weights, which is pretrained here."""

    architecture: Literal["qwen3"] = "qwen3"
    vocab_size: int
    """Entries of the byte-level BPE tokenizer, at most: it is trained in the pretraining stage."""
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    max_position_embeddings: int
    """The context in tokens; a longer prompt with its answer is refused, never cut."""
    tie_word_embeddings: bool = True
    initializer_range: float = 0.02


@dataclass(frozen=True, kw_only=True)
class CheckpointSpec(AnyModel):
    """A causal language model from elsewhere: a repository of the Hub, a folder, or adapters."""

    revision: str | None = None
    """Commit of the Hub's repository; None for a folder."""
    files: tuple[tuple[str, str], ...] = ()
    """(file, sha256) of a folder's weights, configuration and tokenizer; empty for the Hub's."""
    folder: str = field(metadata=EXECUTION)
    """Where the files lie: a folder, or the Hub client's copy of the revision."""
    adapted: CheckpointSpec | None = None
    """What the files are low-rank adapters of; None: they are a whole model."""


@dataclass(frozen=True, kw_only=True)
class LoraSpec:
    """Low-rank adapters: they alone are trained and stored (``peft.LoraConfig``)."""

    rank: int = 16
    alpha: int = 32
    targets: str | tuple[str, ...] = "all-linear"
    """Modules that get an adapter: names, or every linear layer but the head."""
