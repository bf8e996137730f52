"""Models and tokenizers: made from a ModelSpec, or loaded from a checkpoint's folder.

A checkpoint's folder holds a whole model, or low-rank adapters with a link ``base`` to the folder
that they adapt. Its snapshots are the weights along the run; the last one is the checkpoint itself.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coupling_bench.specs import AnyModel, LoraSpec, ModelSpec

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

END_OF_SEQUENCE = "<|end|>"
PADDING = "<|pad|>"
ADAPTERS = "adapter_config.json"
"""The file that tells a folder of adapters from one of a whole model."""
BASE = "base"
SNAPSHOTS = "snapshots"
LAST = "last_step"
AUTO = "auto"
NORMS_IN_FP32 = ("LlamaRMSNorm", "MistralRMSNorm", "Qwen2RMSNorm", "Qwen3RMSNorm")
"""Of transformers: weight * x / sqrt(mean(x^2) + eps), with what it multiplies cast to fp32."""


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


def load(
    folder: Path, model: AnyModel | None = None, *, dtype: str | None = None
) -> tuple[Any, Any]:
    """Return the model, in evaluation mode, and the tokenizer of a checkpoint's folder.

    Args:
        folder: of a checkpoint, with adapters or without.
        model: how it is computed with; None: in fp32 on the CPU.
        dtype: of the weights, whatever ``model`` says; in ``float64`` the norms are computed so
            too, which transformers computes in fp32.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

    adapters = (folder / ADAPTERS).exists()
    trusted = model is not None and model.trust_remote_code
    attention = model.attention if model else AUTO
    source = folder / BASE if adapters else folder
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            source,
            dtype=getattr(torch, dtype or (model.dtype if model else "float32")),
            attn_implementation=None if attention == AUTO else attention,
            local_files_only=True,
            trust_remote_code=trusted,
        )
    except SafetensorError as error:
        raise ValueError(
            f"model: the weights in {source.resolve()} are damaged ({error}). Copy them again."
        ) from None
    if loaded.dtype == torch.float64:
        _norms_in_fp64(loaded)
    tokenizer = AutoTokenizer.from_pretrained(
        folder, local_files_only=True, trust_remote_code=trusted
    )
    # How to sample is said by specs alone, and an answer ends in one way alone.
    loaded.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    if adapters:
        from peft import PeftModel

        loaded = PeftModel.from_pretrained(loaded, str(folder), is_trainable=True)
    return loaded.to(model.device if model else "cpu").eval(), tokenizer


def _norms_in_fp64(model: Any) -> None:
    """Let norms that transformers computes in fp32, whatever the model is in, be torch's own."""
    from torch import nn

    for parent in list(model.modules()):
        for name, norm in list(parent.named_children()):
            if type(norm).__name__ in NORMS_IN_FP32:
                own = nn.RMSNorm(norm.weight.shape, eps=norm.variance_epsilon)
                own.weight = norm.weight
                setattr(parent, name, own)


def adapt(model: PreTrainedModel, lora: LoraSpec) -> Any:
    """Return ``model`` with fresh low-rank adapters, which alone will be trained.

    A fresh adapter changes nothing: its second factor is zero.
    """
    import torch
    from peft import LoraConfig, get_peft_model

    linear = {
        name.rsplit(".", 1)[-1]
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) or type(module).__name__ == "Conv1D"
    }
    unknown = set() if isinstance(lora.targets, str) else {*lora.targets} - linear
    if unknown:
        raise ValueError(
            f"--lora-targets: {model.config.model_type} has no linear layers called "
            f"{', '.join(sorted(unknown))}; it has {', '.join(sorted(linear))}."
        )
    return get_peft_model(
        model,
        LoraConfig(
            r=lora.rank,
            lora_alpha=lora.alpha,
            target_modules=lora.targets if isinstance(lora.targets, str) else list(lora.targets),
            lora_dropout=0.0,
            bias="none",
            task_type="CAUSAL_LM",
        ),
    )


def context(model: Any, tokenizer: Any) -> int:
    """Return how many tokens the model can read, prompt and answer together."""
    known = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return int(known if known is not None else tokenizer.model_max_length)


def save(
    model: Any,
    tokenizer: Any,
    folder: Path,
    start: Path | None = None,
    state: dict[str, Any] | None = None,
) -> None:
    """Write a checkpoint: weights as safetensors, configuration and tokenizer.

    Args:
        model: with adapters, these alone are written.
        tokenizer: the model's.
        folder: to write into, an entry of the store.
        start: the entry that the training started from: where adapters find what they adapt.
        state: all weights by name, of a model that has a part of them only.
    """
    # Trainers keep the adapters that they started from as others of their own, for reference.
    chosen = {"selected_adapters": ["default"]} if _is_adapted(model) else {}
    model.save_pretrained(folder, state_dict=state, **chosen)
    tokenizer.save_pretrained(folder)
    if (folder / ADAPTERS).exists() and start is not None:
        link_base(folder, start / BASE if (start / ADAPTERS).exists() else start)


def link_base(folder: Path, base: Path) -> None:
    """Let adapters in ``folder`` find the model that they adapt.

    The link is relative within the store, which may be moved as a whole.
    """
    target, store = base.resolve(), folder.resolve().parent
    inside = target.is_relative_to(store)
    (folder / BASE).symlink_to(Path("..") / target.relative_to(store) if inside else target)


def save_snapshot(model: Any, folder: Path, step: int, state: dict[str, Any] | None = None) -> None:
    """Write the trained weights alone, as they are after ``step`` optimizer steps.

    ``state`` has all weights by name, of a model that has a part of them only.
    """
    from safetensors.torch import save_file, save_model

    (folder / SNAPSHOTS).mkdir(exist_ok=True)
    file = folder / SNAPSHOTS / f"{step:06d}.safetensors"
    if state is None and not _is_adapted(model):
        save_model(model, str(file))
        return
    if _is_adapted(model):
        from peft import get_peft_model_state_dict

        state = get_peft_model_state_dict(model, state_dict=state)
    elif state is not None:  # a tied weight once, as ``save_model`` has it
        once = {name for name, _ in (*model.named_parameters(), *model.named_buffers())}
        state = {name: value for name, value in state.items() if name in once}
    save_file({k: v.contiguous() for k, v in (state or {}).items()}, file)


def end_snapshots(folder: Path, last: int) -> None:
    """Write down after how many optimizer steps a checkpoint is: its last snapshot is itself."""
    (folder / SNAPSHOTS).mkdir(exist_ok=True)
    (folder / SNAPSHOTS / LAST).write_text(str(last))


def parameters(folder: Path) -> int:
    """Return how many numbers the weights of a checkpoint are, tied ones once; torch stays out.

    A file of safetensors begins with the length of its header, which holds the shapes as JSON.
    """
    total = 0
    for file in folder.glob("*.safetensors"):
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            header = json.loads(opened.read(length))
        total += sum(math.prod(v["shape"]) for k, v in header.items() if k != "__metadata__")
    return total


def named(weights: Iterable[str], modules: Sequence[str]) -> list[str]:
    """Return the names of the weight matrices of some modules, by the ends of the modules' names.

    Raises:
        ValueError: there are none.
    """
    names = list(weights)
    found = [one for one in names if one.endswith(tuple(f"{module}.weight" for module in modules))]
    if not found:
        has = sorted({one.split(".")[-2] for one in names if one.count(".") and "weight" in one})
        raise ValueError(
            f"model: looking for the matrices {', '.join(modules)}: the model has "
            f"{', '.join(has) or 'none of a name'}. Take a model whose queries, keys and values "
            "are matrices of their own, as Llama's and Qwen's are."
        )
    return found


def snapshot_steps(folder: Path) -> list[int]:
    """Return the optimizer steps of a checkpoint's snapshots, ascending; the last is itself."""
    earlier = sorted(int(path.stem) for path in (folder / SNAPSHOTS).glob("*.safetensors"))
    return [*earlier, int((folder / SNAPSHOTS / LAST).read_text())]


def load_snapshot(model: Any, folder: Path, step: int) -> None:
    """Put the weights of a snapshot, but the last, into a model that ``load`` has returned."""
    from safetensors.torch import load_file, load_model

    file = folder / SNAPSHOTS / f"{step:06d}.safetensors"
    if not _is_adapted(model):
        load_model(model, file, device=str(model.device))
        return
    from peft import set_peft_model_state_dict

    set_peft_model_state_dict(model, load_file(file, device=str(model.device)))


def _is_adapted(model: Any) -> bool:
    return hasattr(model, "peft_config")
