"""Training stages: how each is trained, and from what.

Every trainer option that a result depends on is spelled out here and none is inherited: TRL's
defaults move between releases. Fields of a training spec go to the trainer's configuration under
their own name, except those marked ``OURS``; fields marked ``EXECUTION`` cannot change the numbers
(beyond rounding) and are no part of the identity.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

from coupling_bench.specs.exact import ExactSpec
from coupling_bench.specs.marks import EXECUTION, OURS
from coupling_bench.specs.models import CheckpointSpec, LoraSpec
from coupling_bench.specs.perturb import PerturbSpec
from coupling_bench.specs.snapshot import SnapshotSpec
from coupling_bench.specs.tasks import TaskSpec


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
    """Rows in one forward pass; None: the whole batch, or on a GPU what its free memory holds. The
    rest is gradient accumulation."""
    planted: str | None = field(default=None, metadata=OURS)
    """A defect planted on purpose, for controls: one of ``stages.defects``."""
    lora: LoraSpec | None = field(default=None, metadata=OURS)
    """Adapters that alone are trained and stored; None: all weights."""

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
    gradient_checkpointing: bool | None = field(default=None, metadata=EXECUTION)
    """Whether activations are computed again in the backward pass, which saves memory; None: on a
    GPU where its memory asks for it, else not."""

    @property
    def rows_per_step(self) -> int:
        """Sequences that enter one optimizer step."""
        raise NotImplementedError

    def stores(self, step: int) -> bool:
        """Say whether a snapshot is stored after ``step`` steps; after the last one always is."""
        return step % self.snapshot_every == 0

    def trainer_options(self) -> dict[str, Any]:
        """Return the fields that go to the trainer's configuration as they are."""
        return {
            f.name: getattr(self, f.name)
            for f in dataclasses.fields(self)
            if f.metadata.get("trainer", True)
        }


@dataclass(frozen=True, kw_only=True)
class ImportSpec:
    """A model from elsewhere as a base: nothing is trained, and its files are linked."""

    start: CheckpointSpec
    task: TaskSpec
    """What it is observed on."""
    seed: int = 0
    threads: int = 1
    import_version: int = 1
    """Raised by hand when a change of how models are imported changes the numbers."""


@dataclass(frozen=True, kw_only=True)
class PretrainSpec(TrainingSpec):
    """Language modelling from random weights, on prompts and on a poor annotator's answers."""

    batch_size: int = field(metadata=OURS)
    max_steps: int
    judged_share: float = field(metadata=OURS)
    """Share of the prompts that are followed by an answer; the others stand alone."""
    annotator_noise: float = field(metadata=OURS)
    """Rate at which the annotator of pretraining flips the true label, or slips in an addition."""
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
    demonstrator: Literal["annotators", "start"] = field(default="annotators", metadata=OURS)
    """Who demonstrates: the task's annotators, or the policy that training starts from."""
    max_length: int
    completion_only_loss: bool = True
    loss_type: str = "nll"
    packing: bool = False

    @property
    def rows_per_step(self) -> int:
        """Sequences that enter one optimizer step."""
        return self.batch_size


@dataclass(frozen=True, kw_only=True)
class LongSFTSpec(SFTSpec):
    """SFT that is followed on its way: its steps are told, and every snapshot is widely observed.

    Other stages are observed out of domain at their end alone; this one at each of its snapshots.
    """

    max_steps: int
    """Optimizer steps, whatever the epochs: it is known before the data which snapshots there are.
    """
    num_train_epochs: int = 1
    """Without effect: the trainer goes by its steps."""
    also_after: tuple[int, ...] = field(default=(), metadata=OURS)
    """Further steps after which a snapshot is stored: close together where the path is fast."""

    def stores(self, step: int) -> bool:
        """Say whether a snapshot is stored after ``step`` steps; after the last one always is."""
        return super().stores(step) or step in self.also_after


@dataclass(frozen=True, kw_only=True)
class OnlineSpec(TrainingSpec):
    """Reinforcement learning from a verifier on completions of the policy's own."""

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
    """Coefficient of the KL penalty to the starting policy, part of GRPO's loss and of RLOO's
    reward; 0: no penalty, no reference model."""
    epsilon: float = 0.2
    epsilon_high: float | None = None
    num_iterations: int = 1
    mask_truncated_completions: bool = False
    sync_ref_model: bool = False
    disable_dropout: bool = False
    use_vllm: bool = False
    shuffle_dataset: bool = True

    @property
    def rows_per_step(self) -> int:
        """Completions that enter one optimizer step."""
        return self.prompts_per_step * self.num_generations


@dataclass(frozen=True, kw_only=True)
class GRPOSpec(OnlineSpec):
    """Reinforcement learning from a verifier by group-relative policy optimisation (TRL)."""

    loss_type: str
    scale_rewards: str
    delta: float | None = None
    importance_sampling_level: str = "token"
    use_bias_correction_kl: bool = True
    off_policy_mask_threshold: float | None = None
    top_entropy_quantile: float = 1.0
    entropy_coef: float = 0.0


@dataclass(frozen=True, kw_only=True)
class RLOOSpec(OnlineSpec):
    """Reinforcement learning from a verifier by REINFORCE with a leave-one-out baseline (TRL)."""

    normalize_advantages: bool
    """Whether advantages are divided by their standard deviation over the step."""
    reward_clip_range: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class DPOSpec(TrainingSpec):
    """Direct preference optimisation on pairs that the verifier tells apart (TRL)."""

    batch_size: int = field(metadata=OURS)
    """Pairs, of two sequences each."""
    num_train_epochs: int
    max_length: int
    max_completion_length: int = field(metadata=OURS)
    """Of the completions that are rejected where answers are open, and sampled at the start."""
    beta: float
    """How strongly the policy is held to the starting one, which is the reference."""
    loss_type: str
    label_smoothing: float = 0.0
    ld_alpha: float | None = None
    f_divergence_type: str = "reverse_kl"
    use_weighting: bool = False
    sync_ref_model: bool = False
    disable_dropout: bool = True
    """As TRL has it: the policy is compared with its start, not with the start's noise."""
    dataloader_drop_last: bool = True
    """TRL averages over micro-batches, whose mean is the batch's only if they are equally long."""

    @property
    def rows_per_step(self) -> int:
        """Pairs that enter one optimizer step."""
        return self.batch_size


StageSpec = (
    ImportSpec
    | PretrainSpec
    | SFTSpec
    | GRPOSpec
    | RLOOSpec
    | DPOSpec
    | ExactSpec
    | SnapshotSpec
    | PerturbSpec
)
