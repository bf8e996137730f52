"""RLOO on unique work against plain RLOOTrainer and against its closed form."""

import collections
import functools

import pytest
import torch
from peft import LoraConfig
from scipy import stats
from trl import RLOOTrainer

from coupling_bench.stages.unique_rloo import UniqueRLOOTrainer
from tests import architectures
from tests.architectures import PROMPTS
from tests.stages import online
from tests.stages.online import assert_equal, gradient, move, rewards, sampled, trainer

pair = functools.partial(online.pair, (RLOOTrainer, UniqueRLOOTrainer))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Folders of models with random weights, by architecture."""
    names = ("qwen3", "llama", "gpt2")
    return {name: architectures.save(name, tmp_path_factory.mktemp(name)) for name in names}


@pytest.mark.parametrize("architecture", ["qwen3", "llama", "gpt2"])
@pytest.mark.parametrize("options", [{}, {"num_generations": 8}, {"temperature": 0.7}], ids=str)
def test_rloo_has_trls_loss_and_gradient(saved, tmp_path, architecture, options):
    """On the sampling policy and off it, prompts of different lengths."""
    plain, ours = pair(saved[architecture], tmp_path, **options)
    assert not ours.reasons
    inputs = sampled(plain)
    assert_equal(plain, ours, inputs)
    move(plain, ours)
    assert_equal(plain, ours, inputs)


def test_a_lora_adapter_has_trls_gradient(saved, tmp_path):
    adapter = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    plain, ours = pair(saved["llama"], tmp_path, beta=0.5, peft_config=adapter)
    assert not ours.reasons
    assert_equal(plain, ours, sampled(plain))


def by_row(inputs):
    """Return for each row its tokens, its log-probability when it was drawn and its advantage."""
    ids = [
        tuple(row[mask.bool()].tolist())
        for row, mask in zip(inputs["completion_ids"], inputs["completion_mask"], strict=True)
    ]
    return ids, inputs["old_logps"], inputs["advantages"]


@pytest.mark.parametrize("kind", [RLOOTrainer, UniqueRLOOTrainer])
@pytest.mark.parametrize("beta", [0.0, 0.5])
def test_an_advantage_is_the_reward_minus_the_mean_of_the_others(saved, tmp_path, kind, beta):
    """By hand, with a KL penalty of beta times the log-ratio to the start taken off the reward."""
    made = trainer(kind, saved["qwen3"], tmp_path, beta=beta)
    move(made)
    ids, logps, advantages = by_row(sampled(made))
    start = trainer(RLOOTrainer, saved["qwen3"], tmp_path)
    prompts = [p for p in PROMPTS for _ in range(4)]
    for group in range(len(PROMPTS)):
        rows = range(4 * group, 4 * group + 4)
        earned = []
        for row in rows:
            prompt = start.processing_class(prompts[row])["input_ids"]
            kl = logps[row].item() - alone(start, prompt, ids[row])
            earned.append(rewards([ids[row]])[0] - beta * kl)
        for place, row in enumerate(rows):
            others = [r for other, r in enumerate(earned) if other != place]
            expected = earned[place] - sum(others) / 3
            assert advantages[row].item() == pytest.approx(expected, abs=1e-4)


def alone(made, prompt, completion):
    """Return log pi(completion | prompt), one row without padding through the whole model."""
    ids = torch.tensor([[*prompt, *completion]])
    with torch.no_grad():
        logps = made.model(input_ids=ids).logits[0, :-1].log_softmax(-1)
    places = range(len(prompt) - 1, ids.shape[1] - 1)
    return sum(logps[p, ids[0, p + 1]].item() for p in places)


def test_a_micro_batch_is_scored_at_the_start_as_trl_scores_it(saved, tmp_path):
    """``old_logps`` of a batch, which RLOO always computes, in four forward passes."""
    found = []
    for kind in (RLOOTrainer, UniqueRLOOTrainer):
        made = trainer(kind, saved["qwen3"], tmp_path, per_device_train_batch_size=4,
                       gradient_accumulation_steps=4)  # fmt: skip
        made._generate_single_turn = lambda *a, e=made: RLOOTrainer._generate_single_turn(e, *a)
        found.append(by_row(sampled(made)))
    assert found[0][0] == found[1][0]
    assert torch.allclose(found[0][1], found[1][1], atol=1e-5)
    assert torch.equal(found[0][2], found[1][2])


def test_completions_are_drawn_as_trl_draws_them(saved, tmp_path):
    """Two samples of a prompt, ours and theirs, are told apart by no chi-square test."""
    counts, copies = [], 3000
    for kind in (RLOOTrainer, UniqueRLOOTrainer):
        made = trainer(kind, saved["qwen3"], tmp_path, max_completion_length=2, temperature=0.5)
        prompts = [made.processing_class(p)["input_ids"] for p in PROMPTS for _ in range(copies)]
        torch.manual_seed(3)
        drawn = made._generate_single_turn(prompts, None, {})
        counts.append(
            [
                collections.Counter(map(tuple, drawn[n * copies : (n + 1) * copies]))
                for n in range(len(PROMPTS))
            ]
        )
    for ours, theirs in zip(*counts, strict=True):
        common = [k for k in ours | theirs if ours[k] + theirs[k] >= 10]
        assert len(common) > 3
        table = [
            [c[k] for k in common] + [copies - sum(c[k] for k in common)] for c in (ours, theirs)
        ]
        columns = [column for column in zip(*table, strict=True) if sum(column)]
        assert stats.chi2_contingency(list(zip(*columns, strict=True))).pvalue > 1e-4


@pytest.mark.parametrize("beta", [0.0, 0.2])
def test_whole_trainings_on_the_same_samples_end_as_trls_do(saved, tmp_path, beta):
    """Micro-batches and a second pass over each batch: a thousandth of the way apart at most."""
    ends = []
    for kind in (RLOOTrainer, UniqueRLOOTrainer):
        made = trainer(
            kind, saved["qwen3"], tmp_path, beta=beta, max_steps=4, gradient_accumulation_steps=4,
            per_device_train_batch_size=4, steps_per_generation=4, num_iterations=2,
            adam_epsilon=1e-3, seed=3,
        )  # fmt: skip
        begin = torch.cat([p.detach().flatten().clone() for p in made.model.parameters()])
        made._generate_single_turn = lambda *a, e=made: RLOOTrainer._generate_single_turn(e, *a)
        torch.manual_seed(7)
        made.train()
        ends.append(torch.cat([p.detach().flatten() for p in made.model.parameters()]))
    moved = (ends[0] - begin).norm()
    assert moved > 1e-3
    assert (ends[0] - ends[1]).norm() < 1e-3 * moved


def test_rows_without_advantage_have_a_gradient_of_zero_with_a_kl_penalty_too(saved, tmp_path):
    """RLOO's penalty is part of the reward, so such a row is dead whatever beta is."""
    for inputs_are in ("half dead", "all dead"):
        plain, ours = pair(saved["qwen3"], tmp_path, beta=0.5)
        inputs = sampled(plain)
        alive = torch.arange(len(inputs["advantages"])) % 2 if inputs_are == "half dead" else 0
        inputs["advantages"] = inputs["advantages"] * alive
        if inputs_are == "half dead":
            assert_equal(plain, ours, inputs)
        else:
            assert all(gradient(each, inputs)[1].abs().max() == 0.0 for each in (plain, ours))


def test_what_cannot_be_shared_is_done_by_trl_and_says_why(tmp_path):
    folder = architectures.save("gpt2", tmp_path / "model", resid_pdrop=0.1)
    ours = trainer(UniqueRLOOTrainer, folder, tmp_path)
    assert set(ours.reasons) == {"scoring", "sampling"}
    assert all("makes equal rows unequal" in reason for reason in ours.reasons.values())
    ours.train()
    assert ours.state.global_step == 1
