"""Preference pairs: the verifier prefers, each prompt has one pair at most."""

import dataclasses

import pytest
import torch

from coupling_bench import models, scales, tasks
from coupling_bench.specs import JsonlSpec
from coupling_bench.stages import preferences
from coupling_bench.tasks import Item, Task
from tests import architectures
from tests.architectures import PROMPTS

WORDS = ("one", "two", "three", "four")


def never():
    raise AssertionError("nothing is sampled where answers are a closed set")


def made_up(verify, answers=WORDS, many=400):
    """A task of the user's: what its verifier gives is known."""
    items = tuple(
        Item(text=f"prompt {n}", truth=n % 4, response=f"response {n}", group="all")
        for n in range(many)
    )
    spec = JsonlSpec(
        name="made up", files=(), folder="", paths=(), verifier="exact", answers=answers
    )
    return Task(spec=spec, splits={"rl": items}, verify=verify), items


def found(task, items, seed=0, sample=never):
    return preferences.pairs(task, items, seed, sample)


def test_on_the_shipped_task_every_prompt_prefers_the_truth():
    """To the wrong answer, and never to what a noisy demonstrator said."""
    spec = dataclasses.replace(scales.task("grammar", "smoke"), pretraining_size=400)
    task = tasks.load(spec)
    items = task.splits["rl"]
    pairs = found(task, items)
    assert [pair.place for pair in pairs] == list(range(len(items)))
    for pair in pairs:
        truth = items[pair.place].truth
        assert (pair.chosen, pair.rejected) == (spec.answers[truth], spec.answers[1 - truth])
    assert pairs == found(task, items, seed=1)  # there is nothing to draw


def test_of_many_answers_a_best_one_is_preferred_to_any_that_earns_less():
    """The truth and the first word earn most, the others less and differently."""

    def verify(items, texts):
        return [
            1.0 if WORDS.index(text) in (0, item.truth) else -WORDS.index(text) / 10
            for item, text in zip(items, texts, strict=True)
        ]

    task, items = made_up(verify)
    pairs = found(task, items)
    assert [pair.place for pair in pairs] == list(range(len(items)))
    seen = {}
    for pair in pairs:
        truth = items[pair.place].truth
        seen.setdefault(truth, set()).add((pair.chosen, pair.rejected))
    for truth, of_truth in seen.items():
        best = {"one", WORDS[truth]}
        assert of_truth == {(a, b) for a in best for b in set(WORDS) - best}
    assert found(task, items) == pairs
    assert found(task, items, seed=1) != pairs


def test_a_prompt_whose_answers_all_earn_the_same_has_no_pair():
    def verify(items, texts):
        return [float(i.truth == 2 and t == "two") for i, t in zip(items, texts, strict=True)]

    task, items = made_up(verify)
    pairs = found(task, items)
    assert [pair.place for pair in pairs] == [n for n in range(400) if n % 4 == 2]
    assert {pair.chosen for pair in pairs} == {"two"}


def test_an_open_response_is_preferred_to_a_sampled_completion_that_earns_less():
    def verify(items, texts):
        return [float(text.startswith("response")) for text in texts]

    task, items = made_up(verify, answers=None, many=3)
    sampled = ["nothing", "response of another kind", "too little"]
    assert found(task, items, sample=lambda: sampled) == [
        preferences.Pair(place=0, chosen="response 0", rejected="nothing"),
        preferences.Pair(place=2, chosen="response 2", rejected="too little"),
    ]


@pytest.mark.parametrize(
    ("answers", "alike"),
    [(WORDS, "all answers"), (None, "response and sampled completion")],
)
def test_without_any_pair_there_is_nothing_to_prefer(answers, alike):
    task, items = made_up(lambda items, texts: [0.5] * len(items), answers=answers, many=3)
    message = f"made up: there is nothing to prefer. The verifier rewards {alike} alike at each of "
    with pytest.raises(ValueError, match=f"{message}the 3 prompts"):
        found(task, items, sample=lambda: ["a", "b", "c"])


def test_a_reward_that_is_no_number_is_refused():
    task, items = made_up(lambda items, texts: [float("nan")] * len(items))
    with pytest.raises(ValueError, match="made up: the verifier gave nan to 'one'"):
        found(task, items)


def test_completions_are_sampled_the_same_for_the_same_seed_and_each_from_its_own_prompt(
    tmp_path, monkeypatch
):
    """In several batches; the draws of the caller go on as if nothing had been sampled."""
    monkeypatch.setattr(preferences, "SAMPLED_TOGETHER", 3)
    model, tokenizer = models.load(architectures.save("qwen3", tmp_path))

    def draw(seed, prompts=PROMPTS * 2):
        return preferences.sampled(model, tokenizer, prompts, max_new_tokens=100, seed=seed)

    torch.manual_seed(5)
    first, after = draw(0), torch.rand(())
    torch.manual_seed(5)
    assert torch.equal(torch.rand(()), after)
    assert first == draw(0)
    assert {text is None for text in first} == {True, False}  # cut, and ended
    assert first != draw(1)
    with torch.no_grad():
        model.lm_head.weight.mul_(1e4)  # so cold that every prompt has one completion
    expected = []
    for prompt in PROMPTS * 2:
        ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
        whole = model.generate(input_ids=ids, max_new_tokens=100, do_sample=False)
        text = tokenizer.decode(whole[0, ids.shape[1] :], skip_special_tokens=True)
        expected.append(text if whole[0, -1] == tokenizer.eos_token_id else None)
    assert draw(2) == expected
