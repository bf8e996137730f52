"""Held-out scoring of a checkpoint: exact from one forward a prompt, against generating."""

import pytest

from coupling_bench.pipelines import NODES, observation


def test_scoring_against_one_generation_a_prompt(duel, recipe, checkpoint):
    """Each prompt by itself, as harnesses do by default: one completion, and the answer's loss.

    Ours gives more: the probability of every answer, without sampling noise.
    """
    work = Scoring(observation(NODES["sft"](recipe, 0), 0, "held_out"), checkpoint("sft"))
    duel(
        name="held-out scoring",
        group="scoring",
        against="one generation a prompt",
        plain=lambda: work.generate(batch_size=1),
        ours=work.score,
        gate=5.0,
        target=5.0,
        rounds=3,
        memory=False,  # one row against a batch
        note=f"{len(work.prompts)} prompts, threads: 1, fp32. The other: generate, and a forward "
        "pass of the demonstrated answer, for each prompt.",
    )


@pytest.mark.parametrize("sampling", [False, True], ids=["exact", "exact and sampled"])
def test_scoring_against_batched_generation(duel, recipe, checkpoint, sampling):
    """The same in batches as large as ours; and with the paper's sampled completion."""
    work = Scoring(observation(NODES["sft"](recipe, 0), 0, "held_out"), checkpoint("sft"))
    duel(
        name="held-out scoring, with a sample" if sampling else "held-out scoring in batches",
        group="scoring",
        against="generation in batches",
        plain=lambda: work.generate(batch_size=work.spec.batch_size),
        ours=work.score_and_sample if sampling else work.score,
        gate=1.2,
        rounds=9,
        note=f"{len(work.prompts)} prompts, batches of {work.spec.batch_size}, threads: 1, fp32.",
    )


class Scoring:
    """A trained model, the held-out prompts of an observation, and two ways to score them."""

    def __init__(self, spec, folder):
        """Load the checkpoint in ``folder``."""
        import torch

        from coupling_bench import models, probes, tasks

        torch.set_num_threads(1)
        self.spec = spec
        self.model, self.tokenizer = models.load(folder)
        self.task = tasks.load(spec.of.task)
        self.items = self.task.splits[spec.split]
        self.prompts = [self.task.prompt(item) for item in self.items]
        answers = [[answer] * len(self.prompts) for answer in self.task.spec.answers]
        self.reader = lambda: probes.Reader(self.model, self.tokenizer, self.prompts, answers, spec)

    def score(self) -> None:
        """Tokenise, and compute the probability of every answer to every prompt; sample none."""
        self.reader().read((1.0,), sampling=False)

    def score_and_sample(self) -> None:
        """Do the same and sample one completion a prompt."""
        self.reader().read((1.0,))

    def generate(self, batch_size: int) -> None:
        """Sample one completion a prompt and compute the loss of the demonstrated answer."""
        import torch

        answers = self.task.spec.answers
        for begin in range(0, len(self.prompts), batch_size):
            prompts = self.prompts[begin : begin + batch_size]
            items = self.items[begin : begin + batch_size]
            whole = [p + answers[i.truth] for p, i in zip(prompts, items, strict=True)]
            with torch.inference_mode():
                batch = self.tokenizer(prompts, padding=True, return_tensors="pt")
                self.model.generate(
                    input_ids=batch["input_ids"],
                    attention_mask=batch["attention_mask"],
                    do_sample=True,
                    temperature=self.spec.sampling_temperature,
                    top_p=self.spec.sampling_top_p,
                    top_k=0,
                    max_new_tokens=self.spec.sampling_tokens,
                    pad_token_id=self.tokenizer.pad_token_id,
                    eos_token_id=self.tokenizer.eos_token_id,
                )
                batch = self.tokenizer(whole, padding=True, return_tensors="pt")
                labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
                self.model(
                    input_ids=batch["input_ids"],
                    attention_mask=batch["attention_mask"],
                    labels=labels,
                )
