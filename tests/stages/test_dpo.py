"""The DPO stage against the loss by hand and against plain DPOTrainer."""

import dataclasses
import json
import math

import pytest
import torch
from datasets import Dataset
from trl import DPOConfig, DPOTrainer

from coupling_bench import models, stages, tasks
from coupling_bench.pipelines import NODES, lineage
from coupling_bench.specs import JsonlSpec, LoraSpec
from coupling_bench.stages import dpo, preferences, tokens, training
from coupling_bench.store import Store
from coupling_bench.tasks import Item, Task
from tests import architectures
from tests.tiny import imported, recipe

RECIPE = recipe()
PAIRS = [
    ("the cat sleeps .\n", "acceptable", "unacceptable"),
    ("the cat sleep", "s", " unacceptable"),  # one of them merges with its prompt
    ("the\n", f"unacceptable{models.END_OF_SEQUENCE}", ""),
    ("über 中文 \n", " acceptable\n", "un"),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    """A store with the tiny base in it."""
    store = Store(tmp_path_factory.mktemp("store"))
    stages.make(RECIPE.base, store)
    return store


@pytest.fixture
def start(store):
    training.quiet_libraries()
    return store.get(RECIPE.base).folder


def plain(start, folder, rows, **options):
    """TRL's own trainer on texts, with options made by hand."""
    model, tokenizer = models.load(start)
    config = DPOConfig(
        output_dir=str(folder), use_cpu=True, bf16=False, activation_checkpointing=False,
        report_to="none", save_strategy="no", disable_tqdm=True, dataloader_pin_memory=False,
        disable_dropout=False, **options,
    )  # fmt: skip
    return DPOTrainer(
        model=model, args=config, train_dataset=Dataset.from_list(rows), processing_class=tokenizer
    )


def flat(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_pairs_become_the_tokens_of_trl(start, tmp_path):
    rows = [dict(zip(("prompt", "chosen", "rejected"), pair, strict=True)) for pair in PAIRS]
    theirs = plain(start, tmp_path, rows)
    prompts, chosen, rejected = zip(*PAIRS, strict=True)
    both = (
        tokens.of_completions(theirs.processing_class, prompts, answers, True)
        for answers in (chosen, rejected)
    )
    ours = [dpo.pair_row(*pair) for pair in zip(*both, strict=True)]
    assert ours == [{name: row[name] for name in ours[0]} for row in theirs.train_dataset]


@pytest.mark.parametrize("beta", [0.1, 2.0])
def test_the_loss_is_that_of_the_paper_by_hand(start, tmp_path, beta):
    """-log sigmoid of beta times the difference of log-ratios, each row alone, off the start."""
    spec = dataclasses.replace(NODES["dpo"](RECIPE, 0), beta=beta)
    made = dpo.build(spec, start, tmp_path, [])
    made.model.train()
    reference, _ = models.load(start)
    torch.manual_seed(5)
    with torch.no_grad():
        for parameter in made.model.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    rows = [made.train_dataset[n] for n in range(8)]
    found = made.compute_loss(made.model, made._prepare_inputs(made.data_collator(rows)))

    def logp(model, row, answer):
        ids = torch.tensor([row["prompt_ids"] + row[answer]])
        with torch.no_grad():
            logps = model(input_ids=ids).logits[0, :-1].double().log_softmax(-1)
        begin = len(row["prompt_ids"])
        return sum(logps[p - 1, ids[0, p]].item() for p in range(begin, ids.shape[1]))

    losses = []
    for row in rows:
        ratio = {
            answer: logp(made.model, row, answer) - logp(reference, row, answer)
            for answer in ("chosen_ids", "rejected_ids")
        }
        margin = beta * (ratio["chosen_ids"] - ratio["rejected_ids"])
        losses.append(math.log1p(math.exp(-margin)))
    assert found.item() == pytest.approx(sum(losses) / len(losses), abs=1e-5)
    assert found.item() != pytest.approx(math.log(2), abs=1e-3)


def test_dpo_is_trls_own_trainer_on_the_truth_and_the_wrong_answer(store, start, tmp_path):
    """Plain DPOTrainer with hand-made options and texts: a ten-thousandth of the way apart."""
    # A large epsilon keeps Adam from blowing rounding up where a gradient is nearly zero.
    spec = dataclasses.replace(NODES["dpo"](RECIPE, 2), adam_epsilon=1e-3)
    ours, _ = stages.make(spec, store)
    answers = ["acceptable", "unacceptable"]
    rows = [
        {
            "prompt": f"{item.text}\n",
            "chosen": answers[item.truth],
            "rejected": answers[1 - item.truth],
        }
        for item in tasks.load(spec.task).splits["rl"]
    ]
    trainer = plain(
        start, tmp_path, rows, per_device_train_batch_size=16, num_train_epochs=1, seed=2,
        learning_rate=spec.learning_rate, lr_scheduler_type="constant_with_warmup", data_seed=2,
        max_length=96, optim="adamw_torch", adam_epsilon=1e-3, adam_beta2=spec.adam_beta2,
        beta=spec.beta, max_grad_norm=spec.max_grad_norm,
    )  # fmt: skip
    before = flat(trainer.model).clone()
    trainer.train()
    theirs = flat(trainer.model)
    assert ours.facts["steps"] == trainer.state.global_step == 4
    moved = (theirs - before).norm()
    assert moved > 1e-3
    assert (flat(models.load(ours.folder)[0]) - theirs).norm() < 1e-4 * moved


@pytest.mark.parametrize("merged", [False, True])
def test_the_reference_is_the_start_with_its_adapters(tmp_path, merged):
    """The first loss is log 2, whether DPO goes on with adapters or makes weights of them."""
    folder = architectures.save("llama", tmp_path / "model", chat=True)
    recipe, store = imported(folder, LoraSpec(rank=4, alpha=8)), Store(tmp_path / "store")
    spec = NODES["sft_then_dpo"](recipe, 0)
    if merged:
        spec = dataclasses.replace(spec, lora=None)
    for stage in lineage(spec):
        entry, _ = stages.make(stage, store)
    assert (entry.folder / models.ADAPTERS).exists() is not merged
    assert not (entry.folder / "ref").exists()  # where TRL's copy of the start would be stored
    first = json.loads((entry.folder / "log.json").read_text())[0]
    assert first["loss"] == pytest.approx(math.log(2), abs=1e-5)
    before = store.get(spec.start).folder
    prompt = "the cat sleeps .\n"
    logits = []
    for place in (before, entry.folder):
        model, tokenizer = models.load(place)
        with torch.no_grad():
            logits.append(model(**tokenizer(prompt, return_tensors="pt")).logits)
    assert (logits[0] - logits[1]).abs().max() > 1e-3


def test_where_answers_are_open_a_sample_of_the_start_is_rejected(start, tmp_path, monkeypatch):
    """Drawn with the seed of the run: the same pairs for the same seed, others for another."""
    words = [f"{n} cats" for n in range(24)]
    items = tuple(
        Item(text=f"cats {n}", response=word, group="all") for n, word in enumerate(words)
    )
    spec = dataclasses.replace(
        NODES["dpo"](RECIPE, 0),
        task=JsonlSpec(name="made up", files=(), folder="", paths=(), verifier="exact"),
        max_completion_length=100,
    )

    def verify(items, texts):
        return [float(text == item.response) for item, text in zip(items, texts, strict=True)]

    task = Task(spec=spec.task, splits={"rl": items}, verify=verify)
    monkeypatch.setattr(dpo.tasks, "load", lambda spec: task)

    def texts(seed):
        made = dpo.build(dataclasses.replace(spec, seed=seed), start, tmp_path, [])
        decode = made.processing_class.decode
        return [{name: decode(ids) for name, ids in row.items()} for row in made.train_dataset]

    rows = texts(0)
    model, tokenizer = models.load(start)
    drawn = preferences.sampled(
        model, tokenizer, [f"cats {n}\n" for n in range(24)],
        max_new_tokens=spec.max_completion_length, seed=0,
    )  # fmt: skip
    end = models.END_OF_SEQUENCE
    assert [(row["prompt_ids"], row["chosen_ids"], row["rejected_ids"]) for row in rows] == [
        (f"cats {n}\n", word + end, text + end)
        for n, (word, text) in enumerate(zip(words, drawn, strict=True))
        if text is not None  # cut before its end
    ]
    assert len(rows) > 12
    assert rows == texts(0)
    assert rows != texts(1)


def test_a_pair_longer_than_its_limit_is_refused_and_not_cut(start, tmp_path):
    spec = dataclasses.replace(NODES["dpo"](RECIPE, 0), max_length=6)
    with pytest.raises(ValueError, match=r"DPOSpec-\w+: row \d+ has \d+ tokens .* limit is 6"):
        dpo.build(spec, start, tmp_path, [])
