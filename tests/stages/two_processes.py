"""One of the two processes of test_unique_grpo: trains plain TRL and ours on the same samples."""

import sys
from pathlib import Path

import torch
from trl import GRPOTrainer

from coupling_bench.stages.unique_grpo import UniqueGRPOTrainer
from tests.architectures import PROMPTS
from tests.stages.online import trainer


def reward(completion_ids, prompts, **_):
    """Groups of the first two prompts are alive, and the other process has nothing to learn."""
    return [
        0.1 * (ids[0] % 7) if prompt in PROMPTS[:2] else 0.0
        for ids, prompt in zip(completion_ids, prompts, strict=True)
    ]


def main(folder: Path, output: Path) -> None:
    """Train three steps on two processes and say how far the weights of both ended apart."""
    ends = []
    for kind in (GRPOTrainer, UniqueGRPOTrainer):
        each = trainer(
            kind, folder, output, reward=reward, max_steps=3, per_device_train_batch_size=8,
            adam_epsilon=1e-3, logging_steps=1, shuffle_dataset=False,
        )  # fmt: skip
        begin = torch.cat([p.detach().flatten() for p in each.model.parameters()])
        if kind is UniqueGRPOTrainer:
            each._generate_single_turn = lambda *a, e=each: GRPOTrainer._generate_single_turn(e, *a)
        torch.manual_seed(7 + each.accelerator.process_index)
        each.train()
        ends.append(torch.cat([p.detach().flatten() for p in each.model.parameters()]))
        logged = [entry["entropy"] for entry in each.state.log_history if "entropy" in entry]
    apart = (ends[0] - ends[1]).norm() / (ends[0] - begin).norm()
    print(f"process {each.accelerator.process_index}: apart {apart:.2e}, {len(logged)} steps")


main(Path(sys.argv[1]), Path(sys.argv[2]))
