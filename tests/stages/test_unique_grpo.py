"""GRPO on unique work against plain GRPOTrainer: same samples, same loss, same gradient."""

import functools
import itertools
import re
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from peft import LoraConfig
from trl import GRPOTrainer

from coupling_bench.stages.unique_grpo import UniqueGRPOTrainer
from tests import architectures, commands
from tests.architectures import PROMPTS
from tests.stages import online
from tests.stages.online import assert_equal, gradient, move, sampled, trainer

LOSSES = ["grpo", "bnpo", "dr_grpo", "dapo", "cispo", "sapo", "luspo", "vespo"]
BF16 = 5e-2
"""Largest relative difference of two gradients under bf16 autocast, whose numbers have eight bits.
"""
pair = functools.partial(online.pair, (GRPOTrainer, UniqueGRPOTrainer))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Folders of models with random weights, by architecture."""
    names = ("qwen3", "llama", "gpt2")
    return {name: architectures.save(name, tmp_path_factory.mktemp(name)) for name in names}


@pytest.mark.parametrize("architecture", ["qwen3", "llama", "gpt2"])
@pytest.mark.parametrize("beta", [0.0, 0.5])
def test_every_loss_has_trls_gradient(saved, tmp_path, architecture, beta):
    """Eight loss types, off the sampling policy, prompts of different lengths."""
    plain, ours = pair(saved[architecture], tmp_path, beta=beta, num_iterations=2)
    assert not ours.reasons
    inputs = sampled(plain)
    move(plain, ours)
    for loss, scale in itertools.product(LOSSES, ("token", "sequence")):
        for each in (plain, ours):
            each.loss_type, each.importance_sampling_level = loss, scale
        assert_equal(plain, ours, inputs)


@pytest.mark.parametrize(
    "options",
    [
        {"num_generations": 2},
        {"num_generations": 8},
        {"num_generations": 16},
        {"scale_rewards": "batch"},
        {"scale_rewards": "none"},
        {"entropy_coef": 0.1},
        {"top_entropy_quantile": 0.5},
        {"temperature": 0.7},
        {"off_policy_mask_threshold": 0.1, "num_iterations": 2},
        {"delta": 1.1, "num_iterations": 2},
        {"use_bias_correction_kl": True, "beta": 0.2},
        {"attention": "eager"},
    ],
    ids=str,
)
def test_every_option_has_trls_gradient(saved, tmp_path, options):
    plain, ours = pair(saved["qwen3"], tmp_path, **options)
    inputs = sampled(plain)
    if "num_iterations" in options:
        move(plain, ours)
    assert_equal(plain, ours, inputs)


def test_a_lora_adapter_has_trls_gradient(saved, tmp_path):
    """With a KL penalty too, whose reference is the model without its adapter."""
    for beta in (0.0, 0.5):
        adapter = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
        plain, ours = pair(saved["llama"], tmp_path, beta=beta, peft_config=adapter)
        assert not ours.reasons
        assert_equal(plain, ours, sampled(plain))


def test_bf16_has_trls_gradient_to_its_own_rounding(saved, tmp_path):
    """And is no further from the fp32 gradient than TRL's own bf16 is, within a factor of two."""
    plain, ours = pair(saved["qwen3"], tmp_path, bf16=True)
    exact = trainer(GRPOTrainer, saved["qwen3"], tmp_path)
    inputs = sampled(exact)
    assert_equal(plain, ours, inputs, tolerance=BF16)
    truth = gradient(exact, inputs)[1]
    errors = [(gradient(each, inputs)[1] - truth).norm() for each in (plain, ours)]
    assert errors[1] < 2 * errors[0]


def with_completions(inputs, rows, advantages):
    """Return ``inputs`` with these completions (token ids) and advantages instead."""
    width = max(len(row) for row in rows)
    ids = torch.full((len(rows), width), inputs["completion_ids"].new_tensor(1).item())
    mask = torch.zeros_like(ids)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.tensor(row)
        mask[number, : len(row)] = 1
    return {
        **inputs, "completion_ids": ids, "completion_mask": mask,
        "advantages": torch.tensor(advantages), "num_items_in_batch": mask.sum(),
    }  # fmt: skip


@pytest.mark.parametrize("alive", [4, 2, 1], ids=["all alive", "half dead", "one alive"])
@pytest.mark.parametrize("repeats", [False, True], ids=["distinct", "duplicates"])
def test_dead_groups_and_duplicates_leave_trls_gradient(saved, tmp_path, alive, repeats):
    plain, ours = pair(saved["qwen3"], tmp_path)
    rows, advantages = [], []
    for number in range(len(PROMPTS)):
        for copy in range(4):
            token = 20 + number * 4 + (copy // 2 if repeats else copy)
            rows.append([token, 30 + copy % 2, 0] if not repeats else [token, 0])
            advantages.append((-1.0) ** (copy // 2) if number < alive else 0.0)
    inputs = with_completions(sampled(plain), rows, advantages)
    assert_equal(plain, ours, inputs)


def test_masked_completions_leave_trls_gradient(saved, tmp_path):
    """As ``mask_truncated_completions`` leaves them: no token of theirs counts."""
    plain, ours = pair(saved["qwen3"], tmp_path)
    inputs = sampled(plain)
    mask = inputs["completion_mask"].clone()
    mask[::3] = 0
    assert_equal(plain, ours, {**inputs, "completion_mask": mask})


def test_a_batch_without_advantage_has_a_gradient_of_zero_and_the_optimizer_still_steps(
    saved, tmp_path
):
    """Zero exactly, in both; None would let AdamW's momentum rest where TRL's moves the weights."""
    plain, ours = pair(saved["qwen3"], tmp_path)
    inputs = sampled(plain)
    dead = {**inputs, "advantages": torch.zeros_like(inputs["advantages"])}
    ends = []
    for each in (plain, ours):
        # A large epsilon keeps Adam from blowing rounding up where a gradient is nearly zero.
        optimizer = torch.optim.AdamW(each.model.parameters(), lr=1e-2, eps=1e-3)
        gradient(each, inputs)
        optimizer.step()
        before = torch.cat([p.detach().flatten().clone() for p in each.model.parameters()])
        loss, flat, _ = gradient(each, dead)
        assert loss == 0.0
        assert flat.abs().max() == 0.0
        optimizer.step()
        ends.append(torch.cat([p.detach().flatten() for p in each.model.parameters()]))
        assert (ends[-1] - before).norm() > 0
    assert torch.allclose(ends[0], ends[1], atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"beta": 0.2}, {"beta": 0.2, "lora": True}], ids=str)
def test_whole_trainings_on_the_same_samples_end_as_trls_do(saved, tmp_path, options):
    """Micro-batches, old and reference log-probabilities: a thousandth of the way apart at most."""
    folder, ends = saved["qwen3"], []
    adapter = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    config = {
        "beta": options.get("beta", 0.0), "peft_config": adapter if "lora" in options else None,
        "learning_rate": 1e-2 if "lora" in options else 1e-3,
        "max_steps": 4, "gradient_accumulation_steps": 4, "per_device_train_batch_size": 4,
        "steps_per_generation": 4, "num_iterations": 2, "adam_epsilon": 1e-3, "seed": 3,
    }  # fmt: skip
    plain = trainer(GRPOTrainer, folder, tmp_path, **config)
    ours = trainer(UniqueGRPOTrainer, folder, tmp_path, **config)
    assert not ours.reasons
    begin = torch.cat([p.detach().flatten() for p in plain.model.parameters()])
    ours._generate_single_turn = lambda *a: GRPOTrainer._generate_single_turn(ours, *a)
    for each in (plain, ours):
        torch.manual_seed(7)
        each.train()
        ends.append(torch.cat([p.detach().flatten() for p in each.model.parameters()]))
    moved = (ends[0] - begin).norm()
    assert moved > 1e-3
    assert (ends[0] - ends[1]).norm() < 1e-3 * moved


def test_each_prompt_gets_its_own_completions(saved, tmp_path):
    """Equal prompts apart from each other, as another process's slice may have them."""
    # So cold that every prompt has one completion.
    ours = trainer(UniqueGRPOTrainer, saved["qwen3"], tmp_path, temperature=1e-4)
    tokenizer = ours.processing_class
    prompts = [tokenizer(p)["input_ids"] for p in (PROMPTS[0], PROMPTS[1], PROMPTS[0], PROMPTS[3])]
    found, _ = ours._generate_single_turn(prompts, None, {}, 1)
    greedy = trainer(GRPOTrainer, saved["qwen3"], tmp_path, temperature=1e-4)
    expected = [greedy._generate_single_turn([p], None, {}, 1)[0][0] for p in prompts]
    assert found == expected


def test_prompts_of_one_token_have_nothing_to_share_and_trls_gradient(saved, tmp_path):
    plain, ours = pair(saved["qwen3"], tmp_path, prompts=["c", "d", "e", "f"])
    torch.manual_seed(1)
    rows = [{"prompt": p} for p in "cdef" for _ in range(4)]
    inputs = plain._generate_and_score_completions(rows)
    assert inputs["prompt_ids"].shape[1] == 1
    assert_equal(plain, ours, inputs)


def test_an_open_top_k_is_the_fifty_of_transformers(saved, tmp_path):
    """``None`` leaves it to the checkpoint and then to transformers' default, which is no zero."""
    ours = trainer(UniqueGRPOTrainer, saved["qwen3"], tmp_path, top_k=None, temperature=5.0)
    assert not ours.reasons
    prompt = ours.processing_class(PROMPTS[0])["input_ids"]
    drawn = ours._generate_single_turn([prompt] * 2000, None, {}, 1)[0]
    assert 40 < len({row[0] for row in drawn}) <= 50


def suppress(model):
    model.generation_config.suppress_tokens = [5, 6]


FALLBACKS = {
    "dropout": (
        "gpt2", {}, {"resid_pdrop": 0.1}, None, ("scoring", "sampling"), "makes equal rows",
    ),
    "dropout in a function": (
        "opt", {}, {"dropout": 0.1}, None, ("scoring", "sampling"), "makes equal rows",
    ),
    "positions from the mask": (
        "opt", {}, {"dropout": 0.0}, None, ("prompts in training", "sampling"), "prompt is shared",
    ),
    "repetition": (
        "gpt2", {"repetition_penalty": 1.1}, {}, None, ("sampling",), "repetition_penalty",
    ),
    "generation_kwargs": (
        "gpt2", {"generation_kwargs": {"typical_p": 0.9}}, {}, None, ("sampling",), "typical_p",
    ),
    "the checkpoint's own settings": ("gpt2", {}, {}, suppress, ("sampling",), "suppress_tokens"),
    "checkpointing": (
        "gpt2", {"activation_checkpointing": True}, {}, None, ("prompts in training",), "keeps no",
    ),
    "checkpointing of the model alone": (
        "gpt2", {}, {}, lambda m: m.gradient_checkpointing_enable(), ("prompts in training",),
        "keeps no",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FALLBACKS)
def test_what_cannot_be_shared_is_done_by_trl_and_says_why(tmp_path, name):
    architecture, options, shape, change, parts, reason = FALLBACKS[name]
    folder = architectures.save(architecture, tmp_path / "model", **shape)
    options = options | ({"change": change} if change else {})
    ours = trainer(UniqueGRPOTrainer, folder, tmp_path, **options)
    assert set(ours.reasons) == set(parts)
    assert all(reason in because for because in ours.reasons.values())
    ours.train()
    assert ours.state.global_step == 1


@pytest.mark.parametrize(
    ("adapter", "reason"),
    [
        ({"lora_dropout": 0.1}, "dropout"),
        ({"alora_invocation_tokens": [7]}, "no plain LoRA"),
    ],
)
def test_what_a_fresh_adapter_does_not_show_yet_is_looked_up(saved, tmp_path, adapter, reason):
    config = LoraConfig(r=4, target_modules=["q_proj"], task_type="CAUSAL_LM", **adapter)
    ours = trainer(UniqueGRPOTrainer, saved["qwen3"], tmp_path, peft_config=config)
    assert len(ours.reasons) == 2
    assert all(reason in because for because in ours.reasons.values())


@pytest.mark.parametrize("name", ["positions from the mask", "checkpointing of the model alone"])
def test_where_trl_does_it_the_gradient_is_trls(tmp_path, name):
    architecture, options, shape, change, _, _ = FALLBACKS[name]
    folder = architectures.save(architecture, tmp_path / "model", **shape)
    options = options | ({"change": change} if change else {})
    plain, ours = pair(folder, tmp_path, **options)
    assert_equal(plain, ours, sampled(plain))


def test_two_processes_train_as_trl_does(saved, tmp_path):
    """Under DDP, where one process has nothing to learn and must not keep the other waiting."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    together = {
        "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port), "ACCELERATE_USE_CPU": "true",
    }  # fmt: skip

    def train(rank):
        return commands.run("tests.stages.two_processes", saved["qwen3"], tmp_path,
                            RANK=str(rank), LOCAL_RANK=str(rank), **together)  # fmt: skip

    with ThreadPoolExecutor(2) as both:
        ends = list(both.map(train, range(2)))
    for rank, done in enumerate(ends):
        assert done.returncode == 0, done.stderr[-3000:]
        (apart,) = re.findall(rf"process {rank}: apart (\S+), 3 steps", done.stdout)
        assert float(apart) < 1e-3
