"""Trainers that sample, TRL's and ours, on tiny models, and whether they agree."""

import pytest
import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig, RLOOConfig, RLOOTrainer

from coupling_bench.stages.training import quiet_libraries
from tests.architectures import PROMPTS

FP32 = 1e-5
"""Largest relative difference of two gradients (norms) in fp32: only the order of sums differs."""


def rewards(completion_ids, **_):
    """Depends on the tokens alone: groups are alive where completions differ enough."""
    return [float(len(ids) % 2) + 0.1 * (ids[0] % 3) for ids in completion_ids]


def trainer(
    kind, folder, output, *, reward=rewards, attention="sdpa", peft_config=None, prompts=PROMPTS,
    change=lambda model: None, **options,
):  # fmt: skip
    """Return a trainer of ``kind``; ``change`` is done to its model before it is built."""
    quiet_libraries()
    configuration = RLOOConfig if issubclass(kind, RLOOTrainer) else GRPOConfig
    model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation=attention)
    change(model)
    generations = options.setdefault("num_generations", 4)
    config = {
        "output_dir": str(output), "per_device_train_batch_size": len(PROMPTS) * generations,
        "max_completion_length": 5, "max_steps": 1, "learning_rate": 1e-3, "use_cpu": True,
        "bf16": False, "activation_checkpointing": False, "report_to": "none", "top_k": 0,
        "save_strategy": "no", "disable_tqdm": True, "dataloader_pin_memory": False,
    }  # fmt: skip
    made = kind(
        model=model,
        reward_funcs=reward,
        args=configuration(**config | options),
        train_dataset=Dataset.from_list([{"prompt": prompt} for prompt in prompts]),
        processing_class=AutoTokenizer.from_pretrained(folder),
        peft_config=peft_config,
    )
    made.model.train()
    made.current_gradient_accumulation_steps = 1
    return made


def pair(kinds, folder, output, **options):
    """Return (plain, ours), trainers of two kinds with the same weights."""
    plain, ours = (trainer(kind, folder, output, **options) for kind in kinds)
    if options.get("peft_config"):
        move(plain)  # a fresh adapter is zero
    ours.model.load_state_dict(plain.model.state_dict())
    return plain, ours


def move(*trainers):
    """Move the weights off the policy that sampled, the same way in every trainer."""
    for each in trainers:
        torch.manual_seed(5)
        with torch.no_grad():
            for parameter in each.model.parameters():
                if parameter.requires_grad:
                    parameter.add_(0.02 * torch.randn_like(parameter))


def sampled(plain):
    """Return a batch as plain TRL samples and scores it."""
    torch.manual_seed(1)
    rows = [{"prompt": p} for p in PROMPTS for _ in range(plain.num_generations)]
    return plain._generate_and_score_completions(rows)


def gradient(each, inputs):
    """Return loss, gradient and metrics of one batch."""
    each.model.zero_grad()
    each._metrics["train"].clear()
    loss = each.compute_loss(each.model, dict(inputs))
    loss.backward()
    flat = torch.cat([p.grad.flatten() for p in each.model.parameters() if p.requires_grad])
    return loss.item(), flat, {k: list(v) for k, v in each._metrics["train"].items()}


def assert_equal(plain, ours, inputs, tolerance=FP32):
    """Loss, whole gradient and metrics of both trainers agree on ``inputs``."""
    loss, expected, metrics = gradient(plain, inputs)
    found_loss, found, found_metrics = gradient(ours, inputs)
    assert expected.norm() > 1e-4
    assert (found - expected).norm() < tolerance * expected.norm()
    assert found_loss == pytest.approx(loss, abs=tolerance * 10)
    for name, values in metrics.items():
        if name != "num_tokens":
            assert found_metrics[name] == pytest.approx(values, abs=tolerance * 10, nan_ok=True)
