"""Tokens and labels against those that TRL's SFTTrainer prepares."""

import dataclasses

import pytest
from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from coupling_bench import models, scales, tasks
from coupling_bench.stages import tokens, training
from tests.tiny import recipe

PAIRS = [
    ("the cat sleeps .\n", "acceptable"),
    ("the cat sleep", "s"),  # merges with its prompt
    ("", "acceptable"),
    ("the\n", f"unacceptable{models.END_OF_SEQUENCE}"),
    ("the cat sleeps .\n", ""),
    ("über 中文 \n", " acceptable\n"),
]


@pytest.fixture(scope="module")
def model_and_tokenizer():
    training.quiet_libraries()
    start = recipe().base.start
    tokenizer = models.new_tokenizer(start, ["the cat sleeps .\nacceptable"] * 3)
    return models.new_model(start, tokenizer, 0), tokenizer


def prepared(model_and_tokenizer, rows, folder, **options):
    """What TRL makes of ``rows``."""
    model, tokenizer = model_and_tokenizer
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(
            output_dir=str(folder), use_cpu=True, bf16=False, report_to="none",
            activation_checkpointing=False, **options,
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
    )  # fmt: skip
    return [
        {"input_ids": row["input_ids"], "labels": row["labels"]} for row in trainer.train_dataset
    ]


@pytest.mark.parametrize("completion_only", [True, False])
def test_completions_become_the_tokens_and_labels_of_trl(
    model_and_tokenizer, tmp_path, completion_only
):
    rows = [{"prompt": prompt, "completion": completion} for prompt, completion in PAIRS]
    theirs = prepared(model_and_tokenizer, rows, tmp_path, completion_only_loss=completion_only)
    ours = tokens.of_completions(model_and_tokenizer[1], *zip(*PAIRS, strict=True), completion_only)
    assert ours == theirs


def test_texts_become_the_tokens_and_labels_of_trl(model_and_tokenizer, tmp_path):
    texts = [prompt + completion for prompt, completion in PAIRS]
    theirs = prepared(model_and_tokenizer, [{"text": text} for text in texts], tmp_path)
    assert tokens.of_texts(model_and_tokenizer[1], texts) == theirs


def test_a_task_is_tokenised_once_for_each_content_of_a_tokenizer(
    model_and_tokenizer, tmp_path, monkeypatch
):
    """Another object with the same content shares the tokens, other content does not."""
    _, tokenizer = model_and_tokenizer
    tokenizer.save_pretrained(tmp_path)
    again = type(tokenizer).from_pretrained(tmp_path)
    other = models.new_tokenizer(recipe().base.start, ["the dog barks ."] * 3)
    task = dataclasses.replace(scales.task("grammar", "smoke"), prompts_size=8)
    calls = []
    counted = tokens._tokenise
    monkeypatch.setattr(tokens, "_tokenise", lambda *args: calls.append(args[0]) or counted(*args))
    model = recipe().base.start
    rows = tokens.of_answers(tokenizer, model, task, "sft", True)
    assert tokens.of_answers(again, model, task, "sft", True) is rows
    assert tokens.of_answers(other, model, task, "sft", True) != rows
    assert calls == [tokenizer, other]
    items = tasks.load(task).splits["sft"]
    assert len(rows) == len(items)
    for item, of_item in zip(items, rows, strict=True):
        for answer, row in zip(task.answers, of_item, strict=True):
            text = tokenizer.decode(row["input_ids"])
            assert text == f"{item.text}\n{answer}{models.END_OF_SEQUENCE}"
            labelled = [label for label in row["labels"] if label != -100]
            assert tokenizer.decode(labelled) == f"{answer}{models.END_OF_SEQUENCE}"
