"""A recipe that trains in a second: the smallest model and corpus that exercise every stage."""

from dataclasses import replace
from pathlib import Path

from coupling_bench import catalog, checkpoints, scales
from coupling_bench.pipelines import Recipe
from coupling_bench.specs import LoraSpec

MODELS = Path(__file__).parents[1] / "suites" / "models.toml"
EMBEDDED = catalog.read(MODELS)["embedded"].describe()


def recipe(**grammar) -> Recipe:
    """The smoke recipe, smaller: 40 pretraining, 8 SFT, 2 GRPO, 2 RLOO and 4 DPO steps.

    The base has learnt to answer, so that some completions earn the reward.
    """
    task = replace(
        scales.task("grammar", "smoke"),
        pretraining_size=400, prompts_size=64, held_out_size=40, out_of_domain_size=20, **grammar,
    )  # fmt: skip
    whole = scales.recipe(EMBEDDED, task, "smoke")
    base = replace(
        whole.base,
        max_steps=40,
        warmup_steps=2,
        batch_size=16,
        learning_rate=1e-2,
        judged_share=1.0,
    )
    return replace(
        whole,
        base=base,
        sft=replace(whole.sft, start=base, batch_size=16, snapshot_every=4, warmup_steps=0),
        rl=replace(
            whole.rl, start=base, max_steps=2, prompts_per_step=4, num_generations=4,
            snapshot_every=1, warmup_steps=0,
        ),
        rloo=replace(
            whole.rloo, start=base, max_steps=2, prompts_per_step=4, num_generations=4,
            snapshot_every=1, warmup_steps=0,
        ),
        dpo=replace(whole.dpo, start=base, batch_size=16, snapshot_every=2, warmup_steps=0),
    )  # fmt: skip


def imported(folder: Path, lora: LoraSpec | None = None, **options) -> Recipe:
    """The same, of the checkpoint in ``folder``: 8 SFT, 2 GRPO, 2 RLOO and 4 DPO steps."""
    model = checkpoints.find(str(folder), name=folder.name, **options)
    whole = scales.recipe(model, recipe().task, "smoke", lora)
    return replace(
        whole,
        sft=replace(
            whole.sft, batch_size=16, snapshot_every=4, warmup_steps=0, learning_rate=1e-3
        ),
        rl=replace(
            whole.rl, max_steps=2, prompts_per_step=4, num_generations=4, snapshot_every=1,
            warmup_steps=0, max_completion_length=3, learning_rate=1e-3,
        ),
        rloo=replace(
            whole.rloo, max_steps=2, prompts_per_step=4, num_generations=4, snapshot_every=1,
            warmup_steps=0, max_completion_length=3, learning_rate=1e-3,
        ),
        dpo=replace(
            whole.dpo, batch_size=16, snapshot_every=2, warmup_steps=0, learning_rate=1e-3
        ),
    )  # fmt: skip
