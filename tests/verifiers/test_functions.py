"""A reward function of the user's own: found, called as TRL calls it, and not trusted."""

import copy
import sys

import pytest

from coupling_bench.tasks import Item
from coupling_bench.tasks.jsonl import read_task
from coupling_bench.tasks.jsonl.splits import load
from coupling_bench.verifiers import functions
from tests.tasks.jsonl.files import rows, write

ITEMS = [
    Item(text=f"p{n}", group="g", columns={"truth": n}, origin=f"train.jsonl, line {n + 1}")
    for n in range(3)
]


def function(folder, body, signature="completions, prompts, **columns"):
    (folder / "rewards.py").write_text(f"import math\n\ndef f({signature}):\n    {body}\n")
    return functions.find("rewards:f", folder)


@pytest.mark.parametrize("conversational", [False, True], ids=["texts", "messages"])
def test_it_is_called_as_trls_own_trainer_calls_it(tmp_path, conversational):
    """Plain TRL with the rows themselves as its dataset, and one call of it recorded."""
    told = recorded_call(tmp_path / "trl", conversational)
    for name in ("completion_ids", "trainer_state", "log_extra", "log_metric"):
        del told[name]  # of the training at hand
    said = [c[0]["content"] if conversational else c for c in told["completions"]]
    task = load(read_task(write(tmp_path / "ours", rows(8, conversational=conversational))))
    by_text = {
        item.text: item
        for split in ("pretraining", "sft", "held_out")
        for item in task.splits[split]
    }
    asked = ["\n".join(m["content"] for m in p) if conversational else p for p in told["prompts"]]
    items = [by_text[text] for text in asked]
    assert functions.arguments(items, said) == told


def recorded_call(folder, conversational):
    """Return the arguments of the first call of a reward function by plain GRPOTrainer."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    from coupling_bench import models
    from coupling_bench.stages.training import quiet_libraries
    from tests import architectures

    quiet_libraries()
    model, tokenizer = models.load(architectures.save("qwen3", folder))
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"
    calls = []

    def record(**arguments):
        calls.append({k: copy.deepcopy(v) for k, v in arguments.items() if not callable(v)})
        calls[-1].update({k: None for k, v in arguments.items() if callable(v)})
        return [float(len(calls))] * len(arguments["completions"])

    dataset = [
        {("prompt" if name == "messages" else name): value for name, value in row.items()}
        for row in rows(8, conversational=conversational)
    ]
    GRPOTrainer(
        model=model,
        processing_class=tokenizer,
        reward_funcs=record,
        train_dataset=Dataset.from_list(dataset),
        args=GRPOConfig(
            output_dir=str(folder), max_steps=1, per_device_train_batch_size=8, num_generations=4,
            max_completion_length=3, use_cpu=True, bf16=False, activation_checkpointing=False,
            report_to="none", save_strategy="no", disable_tqdm=True, dataloader_pin_memory=False,
        ),
    ).train()  # fmt: skip
    return calls[0]


def test_a_file_beside_the_task_is_found_without_any_path(tmp_path):
    before = list(sys.path)
    found = function(tmp_path, "return [float(t) for t in columns['truth']]")
    assert found.rewards(ITEMS, ["a", "b", "c"]) == [0.0, 1.0, 2.0]
    assert sys.path == before
    assert "rewards" not in sys.modules
    assert not (tmp_path / "__pycache__").exists()


def test_its_file_is_run_as_python_runs_it(tmp_path):
    """Neither our own __future__ imports nor a module without a name change what it does."""
    (tmp_path / "rewards.py").write_text(
        "from dataclasses import dataclass\n"
        "@dataclass\nclass Reward:\n    value: float = 0.5\n"
        "assert Reward.__annotations__ == {'value': float}\n"
        "def f(**_): return [Reward().value]\n"
    )
    assert functions.find("rewards:f", tmp_path).rewards(ITEMS[:1], ["a"]) == [0.5]


def test_two_tasks_may_each_have_a_file_of_the_same_name(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one = function(tmp_path / "one", "return [1.0] * len(prompts)")
    two = function(tmp_path / "two", "return [2.0] * len(prompts)")
    assert (one.rewards(ITEMS, "abc")[0], two.rewards(ITEMS, "abc")[0]) == (1.0, 2.0)
    assert one.source != two.source


def test_a_module_in_a_folder_or_an_installed_one_is_found_too(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "rewards.py").write_text("def f(**_): return [0]\n")
    assert functions.find("mine.rewards:f", tmp_path).rewards(ITEMS[:1], ["a"]) == [0.0]
    assert functions.find("statistics:mean", tmp_path).call([1, 3]) == 2


def test_it_cannot_change_the_rows(tmp_path):
    item = Item(text="p", group="g", columns={"tests": [1, 2]})
    found = function(tmp_path, "columns['tests'][0].clear(); return [1.0]")
    assert found.rewards([item], [""]) == [1.0]
    assert item.columns == {"tests": [1, 2]}


@pytest.mark.parametrize("body", ["numpy.array", "torch.tensor", "tuple", "iter"])
def test_it_may_return_numbers_of_any_kind(tmp_path, body):
    module = body.partition(".")[0] if "." in body else "math"
    found = function(tmp_path, f"import {module}; return {body}([1, 0.5, True])")
    assert found.rewards(ITEMS, "abc") == [1.0, 0.5, 1.0]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("return None", "returned None, needed a list of 3 finite numbers"),
        ("return 1.0", "returned 1.0, needed a list of 3 finite numbers"),
        ("return 'abc'", "returned 'abc', needed a list of 3 finite numbers"),
        ("return {1: 1, 2: 2, 3: 3}", "returned {1: 1, 2: 2, 3: 3}, needed a list"),
        ("return [1.0]", "returned 1 rewards, needed a list of 3 .* first row is train.jsonl, li"),
        ("return [1, None, 1]", r"returned None for train.jsonl, line 2, needed a finite number"),
        ("return [1, 1, math.nan]", "returned nan for train.jsonl, line 3, needed a finite"),
        ("return [math.inf, 1, 1]", "returned inf for train.jsonl, line 1, needed a finite"),
        ("return [1, 10**400, 1]", "returned 10+[.]{3} for train.jsonl, line 2, needed a finite"),
        ("return [1, '1', 1]", "returned '1' for train.jsonl, line 2, needed a finite number"),
        ("return [1, [1], 1]", r"returned \[1\] for train.jsonl, line 2, needed a finite"),
    ],
)
def test_what_it_returns_is_checked_and_the_row_named(tmp_path, body, found):
    with pytest.raises(ValueError, match=f"verifier rewards:f {found}"):
        function(tmp_path, body).rewards(ITEMS, "abc")


def test_when_it_fails_the_row_and_its_own_line_are_named(tmp_path):
    with pytest.raises(ValueError) as caught:
        function(tmp_path, "return [1 / (1 - t) for t in columns['truth']]").rewards(ITEMS, "abc")
    message = str(caught.value)
    assert message.startswith(
        "verifier rewards:f failed on train.jsonl, line 2, with the completion 'b'."
    )
    assert 'rewards.py", line 4' in message
    assert message.endswith("ZeroDivisionError: division by zero")
    assert "functions.py" not in message


def test_when_it_is_a_generator_that_fails_the_row_is_named_too(tmp_path):
    with pytest.raises(ValueError, match=r"failed on train.jsonl, line 1, with the completion 'a'"):
        function(tmp_path, "yield 1 / 0").rewards(ITEMS, "abc")


def test_when_it_fails_on_rows_together_and_on_none_alone_it_says_so(tmp_path):
    with pytest.raises(ValueError, match=r"failed on 3 rows together and on none alone"):
        function(tmp_path, "return [1 / (2 - len(prompts) // 2 * 2)]").rewards(ITEMS, "abc")


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("x = 1", "defines no function f"),
        ("f = 1", "defines no function f"),
        ("def f(:", r"could not be imported[\s\S]*rewards.py[\s\S]*SyntaxError"),
        ("import no_such_thing", r"could not be imported[\s\S]*ModuleNotFoundError.*no_such_thing"),
        ("1 / 0", r"could not be imported[\s\S]*line 1[\s\S]*ZeroDivisionError"),
    ],
)
def test_a_module_that_is_broken_is_named_with_the_reason(tmp_path, source, found):
    (tmp_path / "rewards.py").write_text(source)
    with pytest.raises(ValueError, match=f"verifier rewards:f: .*{found}"):
        functions.find("rewards:f", tmp_path)


def test_a_name_that_is_no_function_of_a_module_is_refused(tmp_path):
    with pytest.raises(ValueError, match="verifier best: it is none of ours, needed module:functi"):
        functions.find("best", tmp_path)


def test_a_module_that_is_nowhere_says_where_it_was_looked_for(tmp_path):
    with pytest.raises(ValueError, match=r"found neither .*nowhere.py nor an installed module"):
        functions.find("nowhere:f", tmp_path)
    with pytest.raises(ValueError, match=r"found neither .*b.py nor an installed module"):
        functions.find("nowhere.b:f", tmp_path)


@pytest.mark.parametrize(
    ("signature", "found"),
    [
        ("completions, prompts", "got an unexpected keyword argument 'truth'"),
        ("completions, solution, **_", "missing a required argument: 'solution'"),
        ("completion_ids, **_", "missing a required argument: 'completion_ids'"),
    ],
)
def test_arguments_that_the_rows_do_not_have_are_named(tmp_path, signature, found):
    with pytest.raises(ValueError, match=rf"prompts, completions, truth \({found}\)"):
        function(tmp_path, "return []", signature).check(["truth"])


def test_an_asynchronous_function_is_refused(tmp_path):
    (tmp_path / "rewards.py").write_text("async def f(**_): return []\n")
    with pytest.raises(ValueError, match="it is asynchronous, needed a plain function"):
        functions.find("rewards:f", tmp_path).check([])


def test_a_file_that_has_changed_since_is_not_run_under_its_old_name(tmp_path):
    before = function(tmp_path, "return [1.0]").source
    assert functions.find("rewards:f", tmp_path, before).source == before
    function(tmp_path, "return [2.0]")
    with pytest.raises(ValueError, match="has changed while it was in use"):
        functions.find("rewards:f", tmp_path, before)
