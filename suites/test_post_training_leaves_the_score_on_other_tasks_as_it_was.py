"""What does post-training do to everything else? Any lm-eval task, at each of the four stages."""

import pytest

from coupling_bench import claim, lm_eval_score


@claim(
    "{stage} leaves the score on {lm_eval_task} as it was",
    cites="no claim of the paper: what arXiv:2601.07389v1 asks of two stages, asked of other tasks",
    equal_within=0.02,
    unit="score",
)
@pytest.mark.parametrize("stage", ["sft", "sft_then_rl", "rl", "rl_then_sft"])
def test_post_training_leaves_the_score_on_other_tasks_as_it_was(
    base, node, stage, lm_eval_task, decide
):
    decide(lm_eval_score(node(stage), lm_eval_task) - lm_eval_score(base, lm_eval_task))
