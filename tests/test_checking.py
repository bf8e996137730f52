"""check-model: what would go wrong hours later is found in seconds."""

import dataclasses

import pytest

from coupling_bench import checking, models, stages
from coupling_bench.cli import main
from coupling_bench.store import Store
from tests import architectures
from tests.tiny import imported, recipe


def findings(of, store=None):
    return {finding.name: finding for finding in checking.check(of, store)}


def test_a_base_that_gives_both_answers_fits(tmp_path):
    store = Store(tmp_path)
    stages.make(recipe().base, store)
    found = findings(recipe(), store)
    assert {finding.outcome for finding in found.values()} == {checking.GOOD}
    assert "'acceptable'" in found["signal for RL"].detail


def test_a_base_that_never_answers_gives_rl_no_signal(tmp_path):
    folder = architectures.save("llama", tmp_path / "model", chat=True, beginning=True)
    found = findings(imported(folder))
    assert found["signal for RL"].outcome == checking.BAD
    assert "RL has nothing to learn from" in found["signal for RL"].detail
    assert found["chat template"].outcome == checking.GOOD
    assert found["end of an answer"].detail == "'<|over|>'"


def test_a_context_too_short_for_the_prompts_does_not_fit(tmp_path):
    folder = architectures.save("llama", tmp_path / "model", max_position_embeddings=32)
    assert findings(imported(folder))["context"].outcome == checking.BAD


def test_a_prompt_that_melts_into_its_answer_does_not_fit(tmp_path):
    folder = architectures.save("llama", tmp_path / "model")
    of = imported(folder)
    melting = dataclasses.replace(of.task, prompt_template="{sentence} un")
    of = dataclasses.replace(of, task=melting, base=dataclasses.replace(of.base, task=melting))
    tokenizer = models.load(folder)[1]
    together = tokenizer("unacceptable")["input_ids"]
    assert together[0] != tokenizer("un")["input_ids"][-1]  # the premise: it is one token
    melting = findings(of)
    assert melting["prompts and answers"].outcome == checking.BAD


def test_the_command_says_what_it_found_and_exits_by_it(tmp_path, capsys):
    folder = architectures.save("llama", tmp_path / "model", max_position_embeddings=512)
    assert main(["check-model", str(folder), "--scale", "smoke"]) == 1
    said = capsys.readouterr().out
    assert "does not fit  signal for RL" in said
    assert "The model does not fit the task as it is." in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["embeded"], "Did you mean embedded"),
        (["embedded", "--task", "cola", "--data-dir", "/no/such"], "is missing"),
        (["embedded", "--set", "grpo.beat=1"], "beat"),
    ],
)
def test_a_users_mistake_is_said_in_a_sentence(arguments, message, capsys, monkeypatch):
    assert main(["check-model", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
