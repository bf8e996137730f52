"""The only module that runs a checkpoint to observe it.

An observation is stored like a stage, under the fingerprint of its ObservationSpec, as arrays that
measures read with numpy: nothing here is averaged. Axes: N snapshots, P prompts, A answers,
K temperatures.

Answers are a closed set, so their probabilities are computed, not sampled: each prompt is run once,
and what branches from it, every answer with its end of sequence and the sampled completion, costs
its own tokens alone. log pi(y, end | x) is exact.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from coupling_bench import models, tasks
from coupling_bench.fingerprint import address
from coupling_bench.progress import Progress, tell
from coupling_bench.specs import ObservationSpec

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from coupling_bench import branching

ARRAYS = "observation.npz"
TEXTS = "texts.json"


def run(spec: ObservationSpec, start: Path, folder: Path) -> dict[str, Any]:
    """Observe the snapshots of the checkpoint in ``start`` and write arrays and texts.

    ``observation.npz``: ``steps (N,)``, ``answer_logps (N, P, A)`` in nats with the end of
    sequence, ``answer_tokens (A,)`` with it, ``temperatures (K,)``, ``tempered_answer_logps
    (K, P, A)`` of the last snapshot, ``truth (P,)``, ``demonstrated (P, A)`` probabilities p_D (on
    real data the label itself). ``texts.json``: prompts, groups and the sampled completions
    ``(N, P)`` of the paper's protocol.
    """
    task = tasks.load(spec.of.task)
    items = task.splits[spec.split]
    prompts = [task.prompt(item) for item in items]
    answers = task.spec.answers
    model, tokenizer = models.load(start)
    _check_lengths(spec, tokenizer, prompts, model.config.max_position_embeddings)
    steps = models.snapshot_steps(start)
    if spec.snapshots == "last":
        steps = steps[-1:]

    reader = Reader(model, tokenizer, prompts, answers, spec)
    answer_logps, completions = [], []
    for number, step in enumerate(steps, start=1):
        models.load_snapshot(model, start, step)
        last = number == len(steps)
        scores, texts = reader.read((1.0, *spec.temperatures) if last else (1.0,))
        answer_logps.append(scores[0])
        completions.append(texts)
        tell(Progress(address=address(spec), step=number, total=len(steps)))

    truth = np.array([item.truth for item in items])
    np.savez_compressed(
        folder / ARRAYS,
        steps=np.array(steps),
        answer_logps=np.stack(answer_logps),
        answer_tokens=np.array([len(ids) for ids in reader.answer_ids]),
        temperatures=np.array(spec.temperatures),
        tempered_answer_logps=scores[1:],
        truth=truth,
        demonstrated=_demonstrated(truth, tasks.label_noise(task.spec)),
    )
    documents = {
        "prompts": prompts,
        "groups": [item.group for item in items],
        "answers": answers,
        "completions": completions,
    }
    (folder / TEXTS).write_text(json.dumps(documents))
    return {"snapshots": steps, "items": len(items)}


def _check_lengths(spec: ObservationSpec, tokenizer, prompts: Sequence[str], limit: int) -> None:
    answers = answer_ids(tokenizer, spec.of.task.answers)
    room = max(spec.sampling_tokens, *(len(ids) for ids in answers))
    for number, ids in enumerate(tokenizer(list(prompts))["input_ids"], start=1):
        if len(ids) + room > limit:
            raise ValueError(
                f"{address(spec)}: sentence {number} of the split {spec.split} has {len(ids)} "
                f"tokens and needs {room} for its answer; the context holds {limit}: "
                f"{prompts[number - 1][:80]!r}. Shorten it, or take a model with a longer context."
            )


def _demonstrated(truth: np.ndarray, label_noise: float) -> np.ndarray:
    right = np.arange(2) == truth[:, None]
    return np.where(right, 1.0 - label_noise, label_noise)


def answer_ids(tokenizer: PreTrainedTokenizerFast, answers: Sequence[str]) -> list[list[int]]:
    """Return the token ids of each answer, its end of sequence included."""
    return [[*tokenizer(answer)["input_ids"], tokenizer.eos_token_id] for answer in answers]


class Reader:
    """Reads what a model answers to prompts: each prompt is computed once a snapshot."""

    def __init__(self, model: PreTrainedModel, tokenizer, prompts, answers, spec: ObservationSpec):
        """Read from ``model`` as its weights are when it is asked."""
        self.model, self.tokenizer, self.spec = model, tokenizer, spec
        self.answer_ids = answer_ids(tokenizer, answers)
        self.prompt_ids = tokenizer(list(prompts))["input_ids"]
        # Batches of prompts of like length: padding costs as much as words.
        by_length = sorted(range(len(prompts)), key=lambda place: len(self.prompt_ids[place]))
        size = spec.batch_size
        self.batches = [by_length[at : at + size] for at in range(0, len(by_length), size)]

    def read(
        self, temperatures: Sequence[float], *, sampling: bool = True
    ) -> tuple[np.ndarray, list[str]]:
        """Return ``(K, P, A)`` log-probabilities in nats, and one sampled completion a prompt.

        Logits are divided by each temperature. The seed of the samples is the same for every
        snapshot; without ``sampling`` they are empty.
        """
        import torch

        from coupling_bench import branching

        shape = (len(temperatures), len(self.prompt_ids), len(self.answer_ids))
        scores, texts = np.zeros(shape), [""] * len(self.prompt_ids)
        with torch.random.fork_rng(), torch.inference_mode():
            torch.manual_seed(self.spec.sampling_seed)
            for batch in self.batches:
                prompts = [self.prompt_ids[place] for place in batch]
                trunk = branching.trunk(self.model, prompts, self.tokenizer.pad_token_id)
                scored = branching.answer_logps(self.model, trunk, self.answer_ids, temperatures)
                scores[:, batch] = scored.cpu().numpy()
                if sampling:
                    for place, text in zip(batch, self._sample(trunk), strict=True):
                        texts[place] = text
                del trunk  # the next batch's should not lie beside it
        return scores, texts

    def _sample(self, trunk: branching.Trunk) -> list[str]:
        from coupling_bench import branching

        spec = self.spec
        sampled = branching.sample(
            self.model,
            trunk,
            [1] * len(trunk.mask),
            max_new_tokens=spec.sampling_tokens,
            ends=[self.tokenizer.eos_token_id],
            warp=branching.warpers(
                temperature=spec.sampling_temperature, top_p=spec.sampling_top_p, top_k=0
            ),
        )
        return self.tokenizer.batch_decode(sampled, skip_special_tokens=True)
