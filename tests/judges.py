"""Tiny models with random weights, far from uniform, whose tokenizers differ where it hurts."""

from dataclasses import replace
from pathlib import Path

import torch

from coupling_bench import models
from coupling_bench.tasks import cola
from tests.tiny import recipe

KINDS = ("blanks_apart", "marks_with_newlines", "beginning_added")
ANSWERS = ("acceptable", "unacceptable")
TEXTS = [
    "the cat sleeps .\nacceptable",
    "a dog that sees us barks .\nunacceptable",
    "she saw the dogs .\nacceptable unacceptable",
] * 3


def save(folder: Path, kind: str = "blanks_apart", seed: int = 1) -> Path:
    """Save a model into ``folder``.

    ``blanks_apart`` is the embedded model's tokenizer; ``marks_with_newlines`` writes a full stop
    and the newline behind it as one token, as Qwen's does; ``beginning_added`` puts a token before
    every text, as Llama's does.
    """
    tokenizer = models.new_tokenizer(recipe().base.start, TEXTS)
    if kind == "marks_with_newlines":
        _split_like_qwen(tokenizer)
    elif kind == "beginning_added":
        _add_a_beginning(tokenizer)
    spec = replace(recipe().base.start, initializer_range=0.3)
    models.save(models.new_model(spec, tokenizer, seed), tokenizer, folder)
    return folder


def naive_logp(folder: Path, prompt: str, answer: str) -> float:
    """Return log pi(answer, end | prompt): one row at a time, without padding, token by token."""
    model, tokenizer = models.load(folder)
    ids = tokenizer(prompt)["input_ids"]
    total = 0.0
    answer_ids = tokenizer(answer, add_special_tokens=False)["input_ids"]
    for token in [*answer_ids, tokenizer.eos_token_id]:
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([ids])).logits[0, -1].double()
        total += float(torch.log_softmax(logits, dim=-1)[token])
        ids = [*ids, token]
    return total


def _split_like_qwen(tokenizer) -> None:
    from tokenizers import Regex, pre_tokenizers, trainers

    backend = tokenizer.backend_tokenizer
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r" ?\w+| ?[^\s\w]+[\r\n]*|\s+"), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=[models.END_OF_SEQUENCE, models.PADDING],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(TEXTS, trainer)


def _add_a_beginning(tokenizer) -> None:
    from tokenizers.processors import TemplateProcessing

    tokenizer.bos_token = models.PADDING
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"{models.PADDING} $A", special_tokens=[(models.PADDING, tokenizer.bos_token_id)]
    )


def save_cola(folder: Path) -> Path:
    """Write a small corpus in the format of CoLA's files, of our own sentences."""
    nouns, verbs = ("cat", "dog", "child", "judge", "king"), ("sleeps", "sees us", "sleep", "bark")
    for number, name in enumerate(cola.FILES.values()):
        rows = [
            f"own\t{int(verb.endswith('s'))}\t\tThe {noun} {verb} {number} times."
            for noun in nouns
            for verb in verbs
        ]
        (folder / name).write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder
