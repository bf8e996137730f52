"""Exact log-probabilities against one unbatched pass at a time, and sampling against them."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from coupling_bench import models, probes
from coupling_bench.pipelines import observation
from tests.tiny import recipe

RECIPE = recipe()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A model with random weights, large enough to be far from uniform, with two snapshots."""
    folder = tmp_path_factory.mktemp("checkpoint")
    spec = dataclasses.replace(RECIPE.base.start, initializer_range=0.3)
    tokenizer = models.new_tokenizer(spec, ["the cat sleeps .\nacceptable unacceptable"] * 3)
    model = models.new_model(spec, tokenizer, seed=1)
    models.save(model, tokenizer, folder)
    models.save_snapshot(models.new_model(spec, tokenizer, seed=0), folder, 0)
    models.end_snapshots(folder, 8)
    return folder


def observe(checkpoint, folder, **changes):
    spec = dataclasses.replace(observation(RECIPE.base, 0, "held_out"), **changes)
    facts = probes.run(spec, checkpoint, folder)
    with np.load(folder / "observation.npz") as arrays:
        return dict(arrays), json.loads((folder / "texts.json").read_text()), facts


def naive_logp(model, tokenizer, prompt, answer, temperature=1.0):
    """One row at a time, without padding, token by token."""
    ids = tokenizer(prompt)["input_ids"]
    total = 0.0
    for token in [*tokenizer(answer)["input_ids"], tokenizer.eos_token_id]:
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([ids])).logits[0, -1].double() / temperature
        total += float(torch.log_softmax(logits, dim=-1)[token])
        ids = [*ids, token]
    return total


def test_batched_log_probabilities_are_those_of_one_row_at_a_time(checkpoint, tmp_path):
    arrays, texts, facts = observe(checkpoint, tmp_path, batch_size=7)
    model, tokenizer = models.load(checkpoint)
    assert facts["snapshots"] == [0, 8]
    for item in (0, 5, 39):
        for answer, text in enumerate(texts["answers"]):
            expected = naive_logp(model, tokenizer, texts["prompts"][item], text)
            assert arrays["answer_logps"][1, item, answer] == pytest.approx(expected, abs=1e-5)
            expected = naive_logp(model, tokenizer, texts["prompts"][item], text, 2.0)
            k = arrays["temperatures"].tolist().index(2.0)
            found = arrays["tempered_answer_logps"][k, item, answer]
            assert found == pytest.approx(expected, abs=1e-5)


def test_the_batch_size_does_not_change_the_log_probabilities(checkpoint, tmp_path):
    one, many = ({}, {})
    for size, into in ((3, one), (1000, many)):
        folder = tmp_path / str(size)
        folder.mkdir()
        into.update(observe(checkpoint, folder, batch_size=size)[0])
    assert np.abs(one["answer_logps"] - many["answer_logps"]).max() < 1e-5


def test_the_seed_draws_the_samples_and_the_answers_stay(checkpoint, tmp_path):
    seen = {}
    for name, seed in (("first", 0), ("again", 0), ("other", 1)):
        (tmp_path / name).mkdir()
        arrays, texts, _ = observe(checkpoint, tmp_path / name, sampling_seed=seed)
        seen[name] = (arrays["answer_logps"], texts["completions"])
    assert seen["first"][1] == seen["again"][1] != seen["other"][1]
    assert np.array_equal(seen["first"][0], seen["other"][0])


def test_a_held_out_sentence_longer_than_the_context_is_refused(checkpoint, tmp_path):
    spec = dataclasses.replace(observation(RECIPE.base, 0, "held_out"), sampling_tokens=156)
    with pytest.raises(ValueError, match=r"prompt \d+ of the split held_out has \d+ tokens"):
        probes.run(spec, checkpoint, tmp_path)


def test_snapshots_differ_and_the_last_alone_can_be_asked_for(checkpoint, tmp_path):
    both, last = tmp_path / "both", tmp_path / "last"
    [folder.mkdir() for folder in (both, last)]
    all_arrays = observe(checkpoint, both)[0]
    last_arrays = observe(checkpoint, last, snapshots="last")[0]
    assert not np.allclose(all_arrays["answer_logps"][0], all_arrays["answer_logps"][1])
    assert np.array_equal(last_arrays["answer_logps"][0], all_arrays["answer_logps"][1])
