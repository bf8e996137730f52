"""SFT on answers of the policy's own: drawn from its exact probabilities, and trained on."""

import dataclasses
from collections import Counter

import numpy as np
import pytest
import torch
from scipy import stats

from coupling_bench import models, stages, tasks
from coupling_bench.pipelines import NODES, NotHereError
from coupling_bench.stages import own_answers, sft
from coupling_bench.store import Store
from tests import architectures, open_task
from tests.tiny import recipe

ANSWERS = ("dog", "sleeps", "barks")


@pytest.fixture(scope="module", params=["qwen3", "gpt2"])
def policy(request, tmp_path_factory):
    """One that can branch, and one that counts its positions itself."""
    folder = architectures.save(request.param, tmp_path_factory.mktemp(request.param))
    model, tokenizer = models.load(folder)
    with torch.no_grad():
        model.lm_head.weight.mul_(0.1)  # no answer is rare
    return model, tokenizer


def probabilities(model, tokenizer, prompt):
    """Of each answer with its end, renormalised: one row at a time, without padding."""
    begin = tokenizer(prompt)["input_ids"]
    logps = []
    for answer in ANSWERS:
        ids = [*tokenizer(prompt + answer)["input_ids"], tokenizer.eos_token_id]
        with torch.inference_mode():
            of_all = model(input_ids=torch.tensor([ids])).logits[0].double().log_softmax(dim=-1)
        logps.append(sum(float(of_all[n - 1, ids[n]]) for n in range(len(begin), len(ids))))
    p = np.exp(np.array(logps) - max(logps))
    return p / p.sum()


def test_answers_are_drawn_from_the_policys_own_probabilities(policy):
    """Chi-square against one row at a time; prompts of different lengths, in several batches."""
    many = 300
    prompts = list(architectures.PROMPTS) * many
    drawn = own_answers.draw(*policy, prompts, [ANSWERS] * len(prompts), seed=0)
    assert drawn == own_answers.draw(*policy, prompts, [ANSWERS] * len(prompts), seed=0)
    assert drawn != own_answers.draw(*policy, prompts, [ANSWERS] * len(prompts), seed=1)
    for place, prompt in enumerate(architectures.PROMPTS):
        expected = many * probabilities(*policy, prompt)
        counts = Counter(drawn[place :: len(architectures.PROMPTS)])
        assert expected.min() > 5
        assert stats.chisquare([counts[a] for a in range(3)], expected).pvalue > 1e-3


def test_sft_trains_on_what_its_start_would_say(tmp_path):
    """A start that is sure of its answers is taught these, whoever annotates the task."""
    tiny = recipe()
    store = Store(tmp_path)
    base, _ = stages.make(tiny.base, store)
    spec = dataclasses.replace(tiny.sft, demonstrator="start")
    model, tokenizer = models.load(base.folder)
    with torch.no_grad():
        model.lm_head.weight.mul_(100)
    task = tasks.load(spec.task)
    shown = sft.demonstrations(spec, task, model, tokenizer)
    items = task.splits["sft"]
    prompts = [task.prompt(item) for item in items]
    after = [task.candidates(item) for item in items]
    logps = own_answers.answer_logps(model, tokenizer, prompts, list(zip(*after, strict=True)))
    assert shown == logps.argmax(dim=1).tolist()
    entry, made = stages.make(spec, store)
    assert made
    assert entry.facts["steps"] == 8
    assert not np.array_equal(shown, task.demonstrations("sft", spec.seed))


def test_where_answers_are_open_nothing_can_be_drawn():
    tiny = recipe()
    task = open_task.spec()
    with pytest.raises(NotHereError, match="closed set of answers"):
        NODES["rl_then_sft_own"](dataclasses.replace(tiny, task=task), 0)
    spec = dataclasses.replace(tiny.sft, demonstrator="start", task=task)
    with pytest.raises(ValueError, match="Leave demonstrator as it is"):
        sft.demonstrations(spec, open_task.load(task), None, None)
