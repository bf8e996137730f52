"""The only module that runs a checkpoint to observe it.

An observation is stored like a stage, under the fingerprint of its ObservationSpec, as arrays that
measures read with numpy: nothing here is averaged. Axes: N snapshots, P prompts, A answers, K
temperatures, G completions a prompt.

Where answers are a closed set their probabilities are computed, not sampled: each prompt is run
once, and what branches from it, every answer with its end of sequence and the sampled completion,
costs its own tokens alone. log pi(y, end | x) is exact. Where answers are open, that of the
demonstrated response is exact, and J is estimated from completions sampled at temperature 1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from coupling_bench import models, tasks
from coupling_bench.fingerprint import address
from coupling_bench.progress import Progress, tell
from coupling_bench.prompting import answer_ids, prompt_texts
from coupling_bench.specs import ObservationSpec, model_of
from coupling_bench.tasks.forms import labels_of_answers

ARRAYS = "observation.npz"
TEXTS = "texts.json"


def run(spec: ObservationSpec, start: Path, folder: Path) -> dict[str, Any]:
    """Observe the snapshots of the checkpoint in ``start`` and write arrays and texts.

    ``observation.npz``: ``steps (N,)``, ``answer_logps (N, P, A)`` in nats with the end of
    sequence, ``answer_tokens (P, A)`` with it, ``temperatures (K,)``, ``tempered_answer_logps
    (K, P, A)`` of the last snapshot, ``truth (P,)``, ``demonstrated (P, A)`` probabilities p_D (on
    real data the response itself), ``rewards (P, A)`` of the answers, ``other_reward ()`` of
    anything else (NaN where answers are open), ``sampled_rewards (N, P, G)`` at temperature 1 (G is
    0 where answers are closed), ``completion_rewards (N, P)``. ``texts.json``: prompts, groups, the
    closed set of answers or null, the label that each of them means (null if each is its own), the
    demonstrated responses, and the sampled completions ``(N, P)`` of the paper's protocol.
    """
    task = tasks.load(spec.of.task)
    items = task.splits[spec.split]
    model, tokenizer = models.load(start, model_of(spec), dtype="float32")
    prompts = prompt_texts(model_of(spec), tokenizer, task, items)
    answers = list(zip(*(task.candidates(item) for item in items), strict=True))
    reader = Reader(model, tokenizer, prompts, answers, spec)
    check_lengths(spec, reader, prompts, models.context(model, tokenizer))
    steps = models.snapshot_steps(start)

    def observe(step: int, temperatures: Sequence[float]) -> dict[str, Any]:
        scores, texts = reader.read(temperatures)
        sampled = [task.rewards(items, one) for one in reader.sample_more()]
        tell(Progress(address=address(spec), step=step, total=steps[-1]))
        return {
            "scores": scores,
            "completions": texts,
            "completion_rewards": task.rewards(items, texts),
            "sampled_rewards": np.array(sampled).reshape(len(sampled), len(items)).T,
        }

    # As it was loaded the model is the last snapshot; the earlier ones follow.
    last = observe(steps[-1], (1.0, *spec.temperatures))
    seen = []
    for step in steps[:-1] if spec.snapshots == "all" else ():
        models.load_snapshot(model, start, step)
        seen.append(observe(step, (1.0,)))
    seen.append(last)

    closed = task.spec.answers is not None
    np.savez_compressed(
        folder / ARRAYS,
        steps=np.array(steps[-len(seen) :]),
        answer_logps=np.stack([one["scores"][0] for one in seen]),
        answer_tokens=np.array([[len(ids) for ids in of_all] for of_all in reader.answers]).T,
        temperatures=np.array(spec.temperatures),
        tempered_answer_logps=last["scores"][1:],
        truth=np.array([item.truth for item in items]),
        demonstrated=task.demonstrated(spec.split),
        rewards=np.array([task.rewards(items, of_all) for of_all in answers]).T,
        other_reward=np.array(task.reward_of_no_answer if closed else np.nan),
        sampled_rewards=np.stack([one["sampled_rewards"] for one in seen]),
        completion_rewards=np.array([one["completion_rewards"] for one in seen]),
    )
    documents = {
        "prompts": prompts,
        "groups": [item.group for item in items],
        "answers": task.spec.answers,
        "labels": labels_of_answers(task.spec),
        "responses": [task.response(item) for item in items],
        "completions": [one["completions"] for one in seen],
    }
    (folder / TEXTS).write_text(json.dumps(documents))
    return {"snapshots": steps, "items": len(items), "fallbacks": reader.fallbacks}


def check_lengths(
    spec: ObservationSpec, reader: Reader, prompts: Sequence[str], limit: int
) -> None:
    """Refuse a prompt that does not fit into ``limit`` tokens with its answer.

    Raises:
        ValueError: naming the first one.
    """
    for number, ids in enumerate(reader.prompt_ids):
        longest = max(len(of_all[number]) for of_all in reader.answers)
        room = max(spec.sampling_tokens, longest)
        if len(ids) + room > limit:
            raise ValueError(
                f"{address(spec)}: prompt {number + 1} of the split {spec.split} has {len(ids)} "
                f"tokens and needs {room} for its answer; the context holds {limit}: "
                f"{prompts[number][:80]!r}. Shorten it, or take a model with a longer context."
            )


class Reader:
    """Reads what a model answers to prompts: each prompt is computed once a snapshot."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        prompts: Sequence[str],
        answers: Sequence[Sequence[str]],
        spec: ObservationSpec,
    ):
        """Read from ``model`` as its weights are when it is asked.

        Args:
            model: a causal language model.
            tokenizer: the model's.
            prompts: P texts.
            answers: for each of A answers its text after each prompt.
            spec: how to sample and in which batches.
        """
        from coupling_bench import branching

        self.model, self.tokenizer, self.spec = model, tokenizer, spec
        self.prompt_ids = tokenizer(list(prompts))["input_ids"]
        self.answers = [answer_ids(tokenizer, prompts, of_all) for of_all in answers]
        # Batches of prompts of like length: padding costs as much as words.
        by_length = sorted(range(len(prompts)), key=lambda place: len(self.prompt_ids[place]))
        size = spec.batch_size
        self.batches = [by_length[at : at + size] for at in range(0, len(by_length), size)]
        bare = model.get_base_model() if hasattr(model, "peft_config") else model
        reason = branching.obstacle(bare)
        self.fallbacks = {"observing": reason} if reason else {}

    def read(
        self, temperatures: Sequence[float], *, sampling: bool = True
    ) -> tuple[np.ndarray, list[str]]:
        """Return ``(K, P, A)`` log-probabilities in nats, and one sampled completion a prompt.

        Logits are divided by each temperature. The seed of the samples is the same for every
        snapshot; without ``sampling`` they are empty.
        """
        shape = (len(temperatures), len(self.prompt_ids), len(self.answers))
        scores, texts = np.zeros(shape), [""] * len(self.prompt_ids)
        for batch, prompts in self.computed(self.spec.sampling_seed):
            after = [[of_all[place] for place in batch] for of_all in self.answers]
            scores[:, batch] = prompts.score(after, temperatures).cpu().numpy()
            if sampling:
                spec = self.spec
                drawn = self._draw(prompts, 1, spec.sampling_temperature, spec.sampling_top_p)
                for place, text in zip(batch, drawn, strict=True):
                    texts[place] = text
            del prompts  # the next batch's should not lie beside them
        return scores, texts

    def sample_more(self) -> list[list[str]]:
        """Return G completions a prompt at temperature 1, ``(G, P)`` texts."""
        many = self.spec.samples
        texts = [[""] * len(self.prompt_ids) for _ in range(many)]
        if not many:
            return texts
        for batch, prompts in self.computed(~self.spec.sampling_seed):
            drawn = self._draw(prompts, many, 1.0, 1.0)
            for number, place in enumerate(batch):
                for copy in range(many):
                    texts[copy][place] = drawn[number * many + copy]
            del prompts
        return texts

    def computed(self, seed: int) -> Iterator[tuple[list[int], Any]]:
        """Yield places and prompts of each batch, computed, with the draws of ``seed``.

        The prompts are a ``branching.Branching`` or, where they cannot branch, ``WholeRows``.
        """
        import torch

        from coupling_bench.branching import Branching
        from coupling_bench.whole_rows import WholeRows

        kind = WholeRows if self.fallbacks else Branching
        padding, ends = self.tokenizer.pad_token_id, [self.tokenizer.eos_token_id]
        with torch.random.fork_rng(), torch.inference_mode():
            torch.manual_seed(seed)
            for batch in self.batches:
                ids = [self.prompt_ids[place] for place in batch]
                yield batch, kind(self.model, ids, padding, ends)

    def _draw(self, prompts, copies: int, temperature: float, top_p: float) -> list[str]:
        drawn = prompts.sample(copies, self.spec.sampling_tokens, temperature, top_p)
        return self.tokenizer.batch_decode(drawn, skip_special_tokens=True)
