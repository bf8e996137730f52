"""What tests of executors and of several devices share: configurations, and what is compared."""

from dataclasses import replace

from safetensors.torch import load_file

from coupling_bench.pipelines import NODES
from tests.tiny import recipe

CONFIG = """
compute_environment: LOCAL_MACHINE
distributed_type: MULTI_GPU
num_machines: 1
num_processes: 2
use_cpu: true
mixed_precision: 'no'
"""
"""What ``accelerate config`` writes for two GPUs, on the CPU: gloo instead of NCCL."""
FSDP = """
compute_environment: LOCAL_MACHINE
distributed_type: FSDP
num_machines: 1
num_processes: 2
use_cpu: true
mixed_precision: 'no'
fsdp_config:
  fsdp_version: 2
  fsdp_auto_wrap_policy: TRANSFORMER_BASED_WRAP
  fsdp_reshard_after_forward: true
  fsdp_state_dict_type: FULL_STATE_DICT
"""
"""The same for weights that are sharded."""
GRPO = replace(
    NODES["rl"](recipe(), 0),
    max_steps=4, prompts_per_step=3, num_generations=4, max_completion_length=3,
    learning_rate=1e-3, adam_epsilon=1e-4,
)  # fmt: skip
"""12 completions a step: two processes have six each, so that they share the second group."""


def numbers(entry):
    """The sha256 of each file of an entry but the stage's log, which has times in it."""
    files = {name: sha for name, sha in entry.manifest["files"].items() if name != "stage.log"}
    return {"spec": entry.manifest["spec"], **files}


def weights_apart(start, one, two, name="model.safetensors"):
    """The distance of two checkpoints as a share of how far the first is from its start."""
    first = load_file(start / "model.safetensors")
    last, other = load_file(one / name), load_file(two / name)
    shared = first.keys() & last.keys() & other.keys()  # a tied weight may have either of its names
    moved = sum(((last[k] - first[k]) ** 2).sum() for k in shared)
    return (sum(((last[k] - other[k]) ** 2).sum() for k in shared) / moved).sqrt().item()
