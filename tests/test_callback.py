"""CouplingCallback: its numbers, its log, its warning, and a training that does not notice it."""

import random
import subprocess
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from datasets import Dataset
from transformers import Trainer, TrainerCallback, TrainerState, TrainingArguments
from trl import GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer

from coupling_bench import CouplingCallback, models, tasks
from coupling_bench.callback import Measured, marginal_cost
from coupling_bench.stages.training import quiet_libraries
from tests import architectures, open_task
from tests.measuring.asked import TASK, naive_logps, taught, with_template

PLAIN = with_template(tasks.load(TASK), "{sentence}\n")
SPLITS = {**PLAIN.splits, "held_out": PLAIN.splits["held_out"][:9]}
NINE = replace(PLAIN, splits=SPLITS)
"""The tiny grammar with nine held-out sentences, asked as bare ones."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model with dropout, so that a mode or a random state that is not put back is seen."""
    quiet_libraries()
    return architectures.save("gpt2", tmp_path_factory.mktemp("model") / "m", attn_pdrop=0.2)


def options(tmp_path, **more):
    return {
        "output_dir": str(tmp_path), "max_steps": 4, "per_device_train_batch_size": 4,
        "learning_rate": 1e-3, "use_cpu": True, "report_to": "none", "save_strategy": "no",
        "disable_tqdm": True, "dataloader_pin_memory": False, "logging_steps": 3, "seed": 0,
        "activation_checkpointing": True,
    } | more  # fmt: skip


def rows(task=PLAIN, flipped=False):
    answers = task.spec.answers
    return [
        {"prompt": task.prompt(item), "completion": answers[item.truth ^ flipped]}
        for item in task.splits["sft"][:16]
    ]


def sft(folder, tmp_path, callbacks, task=PLAIN, flipped=False, **more):
    model, tokenizer = models.load(folder)
    args = SFTConfig(**options(tmp_path, bf16=False, max_length=64, **more))
    data = Dataset.from_list(rows(task, flipped))
    return SFTTrainer(
        model=model, args=args, train_dataset=data, processing_class=tokenizer, callbacks=callbacks
    )


def grpo(folder, tmp_path, callbacks):
    model, tokenizer = models.load(folder)
    args = GRPOConfig(**options(tmp_path, bf16=False, num_generations=2, max_completion_length=3))

    def longer(completions, **_):
        return [float(len(text)) for text in completions]

    data = Dataset.from_list([{"prompt": row["prompt"]} for row in rows()])
    return GRPOTrainer(
        model=model, args=args, reward_funcs=longer, train_dataset=data,
        processing_class=tokenizer, callbacks=callbacks,
    )  # fmt: skip


def plain(folder, tmp_path, callbacks):
    model, tokenizer = models.load(folder)
    ids = tokenizer([row["prompt"] for row in rows()], padding=True)["input_ids"]
    data = Dataset.from_list([{"input_ids": row, "labels": row} for row in ids])
    return Trainer(
        model=model, args=TrainingArguments(**options(tmp_path)), train_dataset=data,
        processing_class=tokenizer, callbacks=callbacks,
    )  # fmt: skip


class Listener(TrainerCallback):
    """Keeps what the trainer logs, as a reporter would get it."""

    def __init__(self):
        self.heard = []

    def on_log(self, args, state, control, logs=None, **kwargs):
        self.heard.append((state.global_step, dict(logs)))


def outcome(build, folder, tmp_path, callbacks):
    """What a training leaves behind: weights, random states, modes, its own log."""
    trainer = build(folder, tmp_path, callbacks)
    names = [str(trainer.model.training), str(trainer.processing_class.padding_side)]
    trainer.train()
    log = [
        {k: v for k, v in entry.items() if not k.endswith(("_runtime", "_second", "step_time"))}
        for entry in trainer.state.log_history
        if "coupling/loss" not in entry
    ]
    weights = torch.cat([p.detach().flatten() for p in trainer.model.parameters()])
    states = (torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist())
    modes = [module.training for module in trainer.model.modules()]
    config = trainer.model.config.to_dict(), trainer.processing_class.eos_token, names
    return trainer, weights, log, states, (modes, config)


@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")  # TRL's own use
@pytest.mark.parametrize("build", [sft, grpo, plain])
def test_a_training_is_the_same_to_the_bit_with_and_without_it(build, folder, tmp_path):
    callback = CouplingCallback(NINE, every=1)
    _, weights, log, states, rest = outcome(build, folder, tmp_path, [])
    trainer, watched, its_log, its_states, its_rest = outcome(build, folder, tmp_path, [callback])
    assert torch.equal(weights, watched)
    assert log == its_log
    assert torch.equal(states[0], its_states[0])
    assert states[1:] == its_states[1:]
    assert rest == its_rest
    found = [e for e in trainer.state.log_history if "coupling/loss" in e]
    assert [entry["step"] for entry in found] == [0, 1, 2, 3, 4]


def test_its_numbers_are_those_of_naive_log_probabilities(folder, tmp_path):
    """Loss, reward and KL to the start of the trained model, written out from its saved weights."""
    callback = CouplingCallback(NINE, every=100)
    trainer = sft(folder, tmp_path, [callback], learning_rate=1e-2)
    trainer.train()
    models.save(trainer.model, trainer.processing_class, tmp_path / "end")
    start, end = (np.exp(naive_logps(path, NINE)) for path in (folder, tmp_path / "end"))
    right = np.arange(2) == np.array([[item.truth] for item in SPLITS["held_out"]])
    first, last = callback.history
    for found, p in ((first, start), (last, end)):
        losses = -(np.where(right, 0.9, 0.1) * np.log(p)).sum(axis=1)
        rest = 1 - p.sum(axis=1)
        assert found.loss == pytest.approx(losses.mean(), abs=1e-4)
        earned = np.where(right, p, -p).sum(axis=1) - rest
        assert found.reward == pytest.approx(earned.mean(), abs=1e-4)
    p, q = (np.column_stack([each, 1 - each.sum(axis=1)]) for each in (end, start))
    assert last.kl_to_start == pytest.approx((p * np.log(p / q)).sum(axis=1).mean(), abs=1e-4)
    assert (first.kl_to_start, first.step, last.step) == (0.0, 0, 4)
    assert last.kl_to_start > 0.01


def test_reporters_get_its_numbers_through_the_trainers_own_log(folder, tmp_path):
    listener = Listener()
    sft(folder, tmp_path, [listener, CouplingCallback(NINE, every=2)]).train()
    heard = {step: logs for step, logs in listener.heard if "coupling/loss" in logs}
    assert list(heard) == [0, 2, 4]
    assert {"coupling/loss", "coupling/reward", "coupling/kl_to_start", "epoch"} <= set(heard[2])
    assert [step for step, logs in listener.heard if "loss" in logs] == [3]  # its own, when due


def test_open_answers_have_a_sampled_reward_and_no_divergence(folder, tmp_path):
    task = open_task.load(open_task.spec())
    callback = CouplingCallback(task, every=4)
    sft(folder, tmp_path, [callback]).train()
    assert [found.kl_to_start for found in callback.history] == [None, None]
    expected = -np.mean([score for (score,) in naive_logps(folder, task)])
    assert callback.history[0].loss == pytest.approx(expected, abs=1e-4)
    assert -1 <= callback.history[0].reward <= 1


def history(*pairs):
    return [Measured(step=i, loss=x, reward=y, kl_to_start=None) for i, (x, y) in enumerate(pairs)]


@pytest.mark.parametrize(
    ("pairs", "cost"),
    [([(1.0, 0.0)], None),
     ([(1.0, 0.0), (1.2, 0.1)], 2.0),
     ([(9.0, 0.9), (1.0, 0.0), (1.0, 0.1), (1.1, 0.1), (1.2, 0.4)], 0.5),  # the last three
     ([(1.0, 0.5), (1.2, 0.5)], float("inf")),
     ([(1.0, 0.5), (1.2, 0.4)], float("inf")),
     ([(1.0, 0.5), (0.9, 0.6)], -1.0),
     ([(1.0, 0.5), (0.9, 0.4)], 0.0),
     ([(1.0, 0.5), (1.0005, 0.5)], 0.0)],
)  # fmt: skip
def test_the_marginal_cost_is_the_rise_of_the_loss_over_that_of_the_reward(pairs, cost):
    assert marginal_cost(history(*pairs)) == (cost if cost is None else pytest.approx(cost))


def test_it_warns_once_a_crossing_when_the_loss_rises_for_no_reward(folder, tmp_path):
    """A model that calls all acceptable, rightly, learns the contrary: L rises and J falls."""
    spec = replace(NINE.spec, label_noise=0.0)
    splits = {k: tuple(i for i in items if i.truth == 0) for k, items in PLAIN.splits.items()}
    sound = replace(PLAIN, spec=spec, splits=splits)
    able = taught(folder, tmp_path / "able", sound, steps=8)
    callback = CouplingCallback(sound, every=1, items=9, nats_per_reward=5.0)
    trainer = sft(able, tmp_path, [callback], sound, flipped=True, learning_rate=1e-2)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer.train()
    said = [str(w.message) for w in caught if "CouplingCallback" in str(w.message)]
    start, *later = callback.history
    assert all(found.loss > start.loss + 1 and found.reward < start.reward for found in later)
    assert len(said) == 1
    assert "at step 1 the SFT loss rises and the reward does not" in said[0]
    assert "nats_per_reward=5" in said[0]


def test_it_warns_again_at_the_next_crossing():
    callback = CouplingCallback(NINE, nats_per_reward=2.0)
    state = TrainerState(is_world_process_zero=True)
    callback.history = history((1.0, 0.5))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for cost in (1.0, 3.0, 4.0, 1.0, 3.0):
            callback.warn(state, cost, 2.0)
    assert len(caught) == 2


def test_importing_the_package_imports_neither_torch_nor_transformers():
    code = (
        "import sys, coupling_bench; assert not {'torch', 'transformers'} & {*sys.modules}; "
        "assert 'CouplingCallback' in coupling_bench.__all__"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"every": 0}, "every=0"), ({"items": 0}, "items=0"), ({"prompts": "x"}, "prompts='x'"),
     ({"nats_per_reward": -1.0}, "nats_per_reward=-1.0")],
)  # fmt: skip
def test_an_argument_that_makes_no_sense_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        CouplingCallback(NINE, **arguments)


def test_a_task_is_named_as_on_the_command_line():
    with pytest.raises(ValueError, match="'gramar' is unknown"):
        CouplingCallback("gramar")
    assert "acceptable English" in CouplingCallback("grammar").task.spec.prompt_template


def test_a_trainer_without_a_tokenizer_is_told(folder, tmp_path):
    trainer = plain(folder, tmp_path, [CouplingCallback(NINE)])
    trainer.callback_handler.processing_class = None
    with pytest.raises(ValueError, match="the trainer has no tokenizer"):
        trainer.train()
