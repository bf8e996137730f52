"""The only module that runs a checkpoint to observe it.

An observation is stored like a stage, under the fingerprint of its ObservationSpec, as arrays that
measures read with numpy: nothing here is averaged. Axes: N snapshots, P prompts, A answers,
K temperatures.

Answers are a closed set, so their probabilities are computed, not sampled: one forward pass of
each prompt with each answer and its end of sequence gives log pi(y, end | x) exactly.
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
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

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

    answer_logps, completions = [], []
    for number, step in enumerate(steps, start=1):
        models.load_snapshot(model, start, step)
        answer_logps.append(_answer_logps(model, tokenizer, prompts, answers, (1.0,), spec)[0])
        completions.append(_sample(model, tokenizer, prompts, spec))
        tell(Progress(address=address(spec), step=number, total=len(steps)))
    tempered = _answer_logps(model, tokenizer, prompts, answers, spec.temperatures, spec)

    truth = np.array([item.truth for item in items])
    np.savez_compressed(
        folder / ARRAYS,
        steps=np.array(steps),
        answer_logps=np.stack(answer_logps),
        answer_tokens=np.array([len(ids) for ids in _answer_ids(tokenizer, answers)]),
        temperatures=np.array(spec.temperatures),
        tempered_answer_logps=tempered,
        truth=truth,
        demonstrated=_demonstrated(truth, tasks.label_noise(task.spec)),
    )
    texts = {
        "prompts": prompts,
        "groups": [item.group for item in items],
        "answers": answers,
        "completions": completions,
    }
    (folder / TEXTS).write_text(json.dumps(texts))
    return {"snapshots": steps, "items": len(items)}


def _check_lengths(spec: ObservationSpec, tokenizer, prompts: Sequence[str], limit: int) -> None:
    answers = _answer_ids(tokenizer, spec.of.task.answers)
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


def _answer_ids(tokenizer: PreTrainedTokenizerFast, answers: Sequence[str]) -> list[list[int]]:
    return [[*tokenizer(answer)["input_ids"], tokenizer.eos_token_id] for answer in answers]


def _answer_logps(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    prompts: Sequence[str],
    answers: Sequence[str],
    temperatures: Sequence[float],
    spec: ObservationSpec,
) -> np.ndarray:
    """Return ``(K, P, A)``: log pi(answer, end | prompt) in nats, logits divided by each K."""
    import torch

    prompt_ids = tokenizer(list(prompts))["input_ids"]
    answer_ids = _answer_ids(tokenizer, answers)
    rows = [(ids, answer) for ids in prompt_ids for answer in answer_ids]
    scores = []
    with torch.inference_mode():
        for begin in range(0, len(rows), spec.batch_size):
            batch = rows[begin : begin + spec.batch_size]
            scores.append(_score(model, tokenizer.pad_token_id, batch, temperatures))
    return torch.cat(scores, dim=1).view(len(temperatures), len(prompts), len(answers)).numpy()


def _score(
    model: PreTrainedModel,
    pad: int,
    rows: Sequence[tuple[list[int], list[int]]],
    temperatures: Sequence[float],
) -> torch.Tensor:
    """Return ``(K, B)``: log-probability of each row's answer, in fp64 sums of fp32 logits."""
    import torch

    width = max(len(prompt) + len(answer) for prompt, answer in rows)
    tail = max(len(answer) for _, answer in rows)
    input_ids = torch.full((len(rows), width), pad)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    is_answer = torch.zeros((len(rows), tail), dtype=torch.bool)
    for number, (prompt, answer) in enumerate(rows):
        ids = prompt + answer
        input_ids[number, width - len(ids) :] = torch.tensor(ids)
        mask[number, width - len(ids) :] = 1
        is_answer[number, tail - len(answer) :] = True
    positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
    # Logits at position t are of token t + 1, so the answer's come from one position earlier.
    logits = model(
        input_ids=input_ids,
        attention_mask=mask,
        position_ids=positions,
        logits_to_keep=tail + 1,
        use_cache=False,
    ).logits[:, :-1]
    targets = input_ids[:, -tail:, None]
    scores = []
    for temperature in temperatures:
        logps = torch.log_softmax(logits.double() / temperature, dim=-1)
        token_logps = logps.gather(2, targets).squeeze(2)
        scores.append(token_logps.masked_fill(~is_answer, 0.0).sum(dim=1))
    return torch.stack(scores)


def _sample(
    model: Any,
    tokenizer: PreTrainedTokenizerFast,
    prompts: Sequence[str],
    spec: ObservationSpec,
) -> list[str]:
    """Return one sampled completion a prompt; the seed is the same for every snapshot."""
    import torch

    texts: list[str] = []
    with torch.random.fork_rng(), torch.inference_mode():
        torch.manual_seed(spec.sampling_seed)
        for begin in range(0, len(prompts), spec.batch_size):
            batch = tokenizer(
                list(prompts[begin : begin + spec.batch_size]),
                padding=True,
                padding_side="left",
                return_tensors="pt",
            )
            output = model.generate(
                input_ids=batch["input_ids"],
                attention_mask=batch["attention_mask"],
                do_sample=True,
                temperature=spec.sampling_temperature,
                top_p=spec.sampling_top_p,
                top_k=0,
                max_new_tokens=spec.sampling_tokens,
                pad_token_id=tokenizer.pad_token_id,
                eos_token_id=tokenizer.eos_token_id,
            )
            new = output[:, batch["input_ids"].shape[1] :]
            texts += tokenizer.batch_decode(new, skip_special_tokens=True)
    return texts
