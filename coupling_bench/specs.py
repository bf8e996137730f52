"""Frozen values that say what was trained, on what, and from what it was started.

A spec *is* its training run: two equal specs give the same numbers, and the address of a
checkpoint is the fingerprint of its spec. ``start`` holds the parent, so a pipeline is a nested
spec: ``GRPOSpec(start=SFTSpec(start=base))`` is SFT-then-RL.

Every trainer option that a result depends on is spelled out here and none is inherited: TRL's
defaults move between releases. Fields of a training spec go to the trainer's configuration under
their own name, except those marked ``OURS``; fields marked ``EXECUTION`` cannot change the numbers
(beyond rounding) and are no part of the identity.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

OURS = {"trainer": False}
EXECUTION = {"trainer": False, "identity": False}


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """A decoder-only transformer with random weights, and how it is computed with."""

    name: str
    """What users call it: ``--model NAME``, and the parameter in brackets of a test's name."""
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
    dtype: Literal["float32"] = "float32"
    device: Literal["cpu"] = "cpu"
    """Where it trains. Part of the identity: another device gives other numbers."""


@dataclass(frozen=True, kw_only=True)
class CheckpointSpec:
    """A causal language model from elsewhere: a repository of the Hub, or a folder."""

    name: str
    """What users call it: ``--model NAME``, and the parameter in brackets of a test's name."""
    revision: str | None = None
    """Commit of the Hub's repository; None for a folder."""
    files: tuple[tuple[str, str], ...] = ()
    """(file, sha256) of a folder's weights, configuration and tokenizer; empty for the Hub's."""
    prompts: Literal["plain", "chat"]
    """Whether prompts go through the tokenizer's chat template, with thinking turned off."""
    attention: str = "sdpa"
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Of the weights in training; observations are always made in fp32."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where it trains. Part of the identity: another device gives other numbers."""
    folder: str = field(metadata=EXECUTION)
    """Where the files lie: a folder, or the Hub client's copy of the revision."""
    trust_remote_code: bool = False


@dataclass(frozen=True, kw_only=True)
class LoraSpec:
    """Low-rank adapters: they alone are trained and stored (``peft.LoraConfig``)."""

    rank: int = 16
    alpha: int = 32
    targets: str | tuple[str, ...] = "all-linear"
    """Modules that get an adapter: names, or every linear layer but the head."""


@dataclass(frozen=True, kw_only=True)
class GrammarSpec:
    """The embedded acceptability corpus, generated from a hand-written grammar."""

    name: str = "grammar"
    seed: int = 0
    label_noise: float = 0.1
    """Rate at which a demonstrator flips the true label: L* = h(rate), J_D = 1 - 2 * rate."""
    acceptable_share: float = 0.7
    """Share of acceptable sentences in every split and phenomenon, as in CoLA."""
    held_out_phenomena: tuple[str, ...]
    """Phenomena of the out-of-domain split: seen in pretraining, never in SFT or RL."""
    pretraining_size: int
    prompts_size: int
    """Sentences for SFT, and as many for RL."""
    held_out_size: int
    out_of_domain_size: int
    rl_prompts: Literal["shared", "disjoint"]
    """Whether RL sees the sentences of SFT or others from the same distribution."""
    prompt_template: str = "{sentence}\n"
    answers: tuple[str, str] = ("acceptable", "unacceptable")


@dataclass(frozen=True, kw_only=True)
class ColaSpec:
    """The Corpus of Linguistic Acceptability, public version 1.1."""

    name: str = "cola"
    seed: int = 0
    """Draws which sentences of the training file go to pretraining and which to SFT and RL."""
    files: tuple[tuple[str, str], ...]
    """(split file, sha256 of its bytes): the identity of the data, wherever it lies."""
    pretraining_share: float
    """Share of the training file that the embedded model is pretrained on, apart from the rest."""
    prompts_size: int | None = None
    """SFT prompts, and RL prompts: at most so many; all by default."""
    held_out_size: int | None = None
    rl_prompts: Literal["shared"] = "shared"
    prompt_template: str = "{sentence}\n"
    answers: tuple[str, str] = ("acceptable", "unacceptable")
    folder: str | None = field(default=None, metadata=EXECUTION)
    """Where the files lie; None: the Hub's copy at a pinned revision."""


@dataclass(frozen=True, kw_only=True)
class JsonlSpec:
    """A user's own task: prompts and responses in JSONL files, and a verifier (``task.toml``)."""

    name: str
    seed: int = 0
    """Draws which rows go where, as far as the files leave that open."""
    files: tuple[tuple[str, str], ...]
    """(split, sha256 of the file's bytes): ``train``, and ``held_out`` and ``out_of_domain`` if
    given."""
    held_out_share: float = 0.2
    """Share of the training rows that are held out where there is no file of them."""
    pretraining_share: float = 0.5
    """Share of the rest that the embedded model is pretrained on, apart from SFT and RL."""
    prompts_size: int | None = None
    """SFT prompts, and RL prompts: at most so many; all by default."""
    held_out_size: int | None = None
    rl_prompts: Literal["shared"] = "shared"
    prompt_template: str = "{prompt}\n"
    answers: tuple[str, ...] | None = None
    """The closed set of answers, whose probabilities are computed; None: answers are sampled."""
    verifier: str
    """``exact``, ``contains``, ``label``, ``numeric``, ``json``, or ``module:function``."""
    verifier_source: str | None = None
    """sha256 of the file that a verifier of the user's lies in."""
    verifier_options: tuple[tuple[str, float | str], ...] = ()
    """Further keys of the table ``[verifier]``, sorted by name."""
    max_completion_tokens: int = 16
    """A sampled completion is cut there, in RL and in observations."""
    sampling_temperature: float = 0.6
    sampling_top_p: float = 0.95
    samples: int = 8
    """Completions a prompt at temperature 1, from which J is estimated where answers are open."""
    folder: str = field(metadata=EXECUTION)
    """Where ``task.toml`` lies, which file names are relative to."""
    paths: tuple[tuple[str, str], ...] = field(metadata=EXECUTION)
    """(split, path of its file), in the order of ``files``."""


TaskSpec = GrammarSpec | ColaSpec | JsonlSpec


@dataclass(frozen=True, kw_only=True)
class TrainingSpec:
    """What every training stage has; the names are those of ``transformers.TrainingArguments``."""

    start: Any = field(metadata=OURS)
    """What training starts from: a ModelSpec or the spec of another stage."""
    task: TaskSpec = field(metadata=OURS)
    seed: int = 0
    recipe_version: int = field(default=2, metadata=OURS)
    """Raised by hand when a change of the training code changes the numbers."""
    threads: int = field(default=1, metadata=OURS)
    """Torch threads, part of the identity: they order the sums. A small model gains little from a
    second one; two stages side by side, one thread each, gain more."""
    snapshot_every: int = field(metadata=OURS)
    """Optimizer steps between two stored snapshots; the last step is always stored."""
    micro_batch: int | None = field(default=None, metadata=EXECUTION)
    """Rows in one forward pass; None: the whole batch. The rest is gradient accumulation."""

    learning_rate: float
    lr_scheduler_type: str = "constant_with_warmup"
    warmup_steps: int = 0
    optim: str = "adamw_torch"
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    adam_epsilon: float = 1e-8
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    label_smoothing_factor: float = 0.0
    neftune_noise_alpha: float | None = None
    dataloader_drop_last: bool = False
    bf16: bool = False
    gradient_checkpointing: bool = False

    @property
    def rows_per_step(self) -> int:
        """Sequences that enter one optimizer step."""
        raise NotImplementedError

    def trainer_options(self) -> dict[str, Any]:
        """Return the fields that go to the trainer's configuration as they are."""
        return {
            f.name: getattr(self, f.name)
            for f in dataclasses.fields(self)
            if f.metadata.get("trainer", True)
        }


@dataclass(frozen=True, kw_only=True)
class PretrainSpec(TrainingSpec):
    """Language modelling from random weights, on sentences and on a poor annotator's judgements."""

    batch_size: int = field(metadata=OURS)
    max_steps: int
    judged_share: float = field(metadata=OURS)
    """Share of the sentences that are followed by a judgement; the others stand alone."""
    annotator_noise: float = field(metadata=OURS)
    """Rate at which the annotator of pretraining flips the true label."""
    overlooked_phenomena: tuple[str, ...] = field(default=(), metadata=OURS)
    """Phenomena whose violations the annotator often overlooks."""
    overlooked_share: float = field(default=0.0, metadata=OURS)
    """Share of those violations that the annotator calls acceptable."""
    max_length: int
    loss_type: str = "nll"
    packing: bool = False

    @property
    def rows_per_step(self) -> int:
        """Sequences that enter one optimizer step."""
        return self.batch_size


@dataclass(frozen=True, kw_only=True)
class SFTSpec(TrainingSpec):
    """Supervised fine-tuning: cross-entropy on the demonstrators' answers (TRL's SFTTrainer)."""

    batch_size: int = field(metadata=OURS)
    num_train_epochs: int
    max_length: int
    completion_only_loss: bool = True
    loss_type: str = "nll"
    packing: bool = False

    @property
    def rows_per_step(self) -> int:
        """Sequences that enter one optimizer step."""
        return self.batch_size


@dataclass(frozen=True, kw_only=True)
class GRPOSpec(TrainingSpec):
    """Reinforcement learning from a verifier by group-relative policy optimisation (TRL)."""

    prompts_per_step: int = field(metadata=OURS)
    max_steps: int
    num_generations: int
    max_completion_length: int
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float | None = None
    repetition_penalty: float = 1.0
    beta: float
    """Coefficient of the KL penalty to the starting policy; 0: no penalty, no reference model."""
    loss_type: str
    scale_rewards: str
    epsilon: float = 0.2
    epsilon_high: float | None = None
    delta: float | None = None
    num_iterations: int = 1
    importance_sampling_level: str = "token"
    use_bias_correction_kl: bool = True
    mask_truncated_completions: bool = False
    off_policy_mask_threshold: float | None = None
    top_entropy_quantile: float = 1.0
    entropy_coef: float = 0.0
    sync_ref_model: bool = False
    disable_dropout: bool = False
    use_vllm: bool = False
    shuffle_dataset: bool = True

    @property
    def rows_per_step(self) -> int:
        """Completions that enter one optimizer step."""
        return self.prompts_per_step * self.num_generations


StageSpec = PretrainSpec | SFTSpec | GRPOSpec


@dataclass(frozen=True, kw_only=True)
class ObservationSpec:
    """What a stage's snapshots answer on one split: exact log-probabilities and sampled text."""

    of: StageSpec
    split: Literal["held_out", "out_of_domain"]
    snapshots: Literal["all", "last"]
    temperatures: tuple[float, ...] = tuple(round(2 ** (k / 8), 6) for k in range(-8, 25))
    """Divisors of the last snapshot's logits, for the best-temperature fit: 1/2 to 8."""
    sampling_temperature: float = 0.6
    sampling_top_p: float = 0.95
    """The paper's protocol: one sampled completion a prompt, "mean@1"."""
    sampling_tokens: int = 8
    sampling_seed: int
    """The seed of the run that asks, so that seeds sample independently, of a shared base too."""
    batch_size: int = 128
    """Prompts at a time. Part of the identity: it orders the random draws."""
    threads: int = 1
    """Torch threads."""
    probe_version: int = 3
    """Raised by hand when a change of the probe changes what it observes."""


Spec = StageSpec | ObservationSpec


def parent(spec: Spec) -> StageSpec | None:
    """Return the stage that must be finished before ``spec`` can run, or None for the first."""
    start = spec.of if isinstance(spec, ObservationSpec) else spec.start
    return start if isinstance(start, StageSpec) else None


def model_of(spec: Spec) -> ModelSpec:
    """Return the model that a stage or an observation descends from."""
    value: Any = spec
    while not isinstance(value, ModelSpec):
        value = value.of if isinstance(value, ObservationSpec) else value.start
    return value
