"""A model that is being trained, asked the same items again and again without its noticing."""

from __future__ import annotations

import contextlib
import copy
import random
from collections.abc import Iterator
from typing import Any

import numpy as np

from coupling_bench import models, prompting
from coupling_bench.pipelines import observation
from coupling_bench.probes import Reader, check_lengths
from coupling_bench.runs import Observation
from coupling_bench.specs import CheckpointSpec, ImportSpec
from coupling_bench.tasks import Task
from coupling_bench.tasks.forms import labels_of_answers

SPLIT = "held_out"
NAME = "the model in training"


class Watch:
    """Evenly spaced held-out items of a task, and one model that answers them."""

    def __init__(self, task: Task, items: int, model: Any, tokenizer: Any, prompts: str):
        """Prepare the questions.

        Args:
            task: whose held-out items are asked.
            items: how many; all of them if there are fewer.
            model: asked as its weights are at each call.
            tokenizer: the model's; a copy is used, because it is set up in our way.
            prompts: ``plain``, ``chat``, or ``auto``: chat if the tokenizer has a template.

        Raises:
            ValueError: the items do not fit the model.
        """
        every = task.splits[SPLIT]
        places = np.unique(np.linspace(0, len(every) - 1, min(items, len(every))).astype(int))
        self.task, self.items = task, [every[place] for place in places]
        self.demonstrated = task.demonstrated(SPLIT)[places]
        tokenizer = copy.deepcopy(tokenizer)
        if prompts == "auto":
            prompts = "chat" if tokenizer.chat_template else "plain"
        spec = CheckpointSpec(name=NAME, folder="", prompts=prompts)  # type: ignore[arg-type]
        prompting.prepare(spec, tokenizer)
        asked = observation(ImportSpec(start=spec, task=task.spec), 0, SPLIT)
        self.texts = prompting.prompt_texts(spec, tokenizer, task, self.items)
        self.answers = list(zip(*(task.candidates(item) for item in self.items), strict=True))
        self.model = model
        self.reader = Reader(model, tokenizer, self.texts, self.answers, asked)
        check_lengths(asked, self.reader, self.texts, models.context(model, tokenizer))

    def observe(self) -> Observation:
        """Return what the model answers now, as an observation of one snapshot.

        The samples, where answers are open, are drawn with the same seed every time. The paper's
        protocol, one completion a prompt, is left out.
        """
        with _undisturbed(self.model):
            scores, _ = self.reader.read((1.0,), sampling=False)
            sampled = [self.task.rewards(self.items, texts) for texts in self.reader.sample_more()]
            rewards = [self.task.rewards(self.items, of_all) for of_all in self.answers]
        closed = self.task.spec.answers
        return Observation(
            steps=np.array([0]),
            answer_logps=scores,
            answer_tokens=np.array([[len(ids) for ids in of] for of in self.reader.answers]).T,
            temperatures=np.array([1.0]),
            tempered_answer_logps=scores,
            truth=np.array([item.truth for item in self.items]),
            demonstrated=self.demonstrated,
            rewards=np.array(rewards).T,
            other_reward=np.array(self.task.reward_of_no_answer if closed else np.nan),
            sampled_rewards=np.array(sampled).reshape(len(sampled), len(self.items)).T[None],
            completion_rewards=np.zeros((1, 0)),
            prompts=self.texts,
            groups=[item.group for item in self.items],
            answers=None if closed is None else list(closed),
            responses=[self.task.response(item) for item in self.items],
            completions=[],
            labels=labels_of_answers(self.task.spec),
        )


@contextlib.contextmanager
def _undisturbed(model: Any) -> Iterator[None]:
    """Put a model into evaluation mode, and afterwards all as it was: modes and random states."""
    import torch

    modes = [(module, module.training) for module in model.modules()]
    states = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(range(torch.cuda.device_count())):  # a verifier may draw, too
        model.eval()
        try:
            yield
        finally:
            for module, mode in modes:  # one by one: a part may be kept in evaluation mode
                module.training = mode
            random.setstate(states[0])
            np.random.set_state(states[1])
