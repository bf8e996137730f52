"""Who is trained on what: no prompt is both trained on and held out, and none is lost."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coupling_bench import tasks
from coupling_bench.specs import JsonlSpec
from coupling_bench.tasks import Item
from coupling_bench.tasks.jsonl import read_task, splits
from tests.tasks.jsonl.files import TASK, rewards, rows, write

CLOSED = 'answers = ["r0", "r1", "r2"]\n[data]\ntrain = "train.jsonl"\n'
PROMPTS = st.lists(st.integers(0, 60), min_size=1, max_size=60)


def items(prompts):
    return [Item(text=str(p), group="g", origin=f"{n}") for n, p in enumerate(prompts)]


@given(
    PROMPTS, st.none() | PROMPTS, st.none() | PROMPTS,
    st.floats(0.05, 0.95), st.floats(0.0, 0.95), st.integers(0, 3),
)  # fmt: skip
def test_every_row_is_dealt_once_and_no_prompt_is_on_two_sides(
    train, held_out, out_of_domain, held_out_share, pretraining_share, seed
):
    files = {"train": items(train)}
    files |= {"held_out": items(held_out)} if held_out is not None else {}
    files |= {"out_of_domain": items(out_of_domain)} if out_of_domain is not None else {}
    spec = JsonlSpec(
        name="mine", files=(), paths=(), folder="", verifier="exact", seed=seed,
        held_out_share=held_out_share, pretraining_share=pretraining_share,
    )  # fmt: skip
    dealt = splits._deal(spec, files)
    prompts = {split: {item.text for item in of_split} for split, of_split in dealt.items()}
    assert not prompts["pretraining"] & prompts["sft"]
    assert not (prompts["pretraining"] | prompts["sft"]) & (
        prompts["held_out"] | prompts["out_of_domain"]
    )
    assert dealt["rl"] == dealt["sft"]
    assert dealt["out_of_domain"] == files.get("out_of_domain", [])
    evaluated = prompts["out_of_domain"]
    if held_out is not None:
        assert dealt["held_out"] == files["held_out"]
        evaluated = evaluated | prompts["held_out"]
    else:
        assert len(prompts["held_out"]) == round(held_out_share * len(set(train)))
        evaluated = evaluated - prompts["held_out"]
    found = dealt["pretraining"] + dealt["sft"] + ([] if held_out else dealt["held_out"])
    expected = [item for item in files["train"] if item.text not in evaluated]
    assert sorted(item.origin for item in found) == sorted(item.origin for item in expected)


def test_the_seed_decides_who_is_held_out_and_the_share_of_pretraining_does_not(tmp_path):
    path = write(tmp_path, rows(40))
    spec = read_task(path)
    same, other = (
        splits.load(replace(spec, **change)) for change in ({"pretraining_share": 0.1}, {"seed": 1})
    )
    first = tasks.load(spec)
    assert first.splits["held_out"] == same.splits["held_out"] != other.splits["held_out"]


def test_sizes_are_upper_limits(tmp_path):
    spec = read_task(write(tmp_path, rows(40), out_of_domain=rows(9)))
    task = splits.load(replace(spec, prompts_size=5, held_out_size=3))
    assert [len(task.splits[split]) for split in ("sft", "rl", "held_out")] == [5, 5, 3]


def test_a_closed_set_is_the_candidates_and_needs_no_verifier(tmp_path):
    task = tasks.load(read_task(write(tmp_path, rows(30), CLOSED)))
    answers = ("r0", "r1", "r2")
    held_out = task.splits["held_out"]
    assert task.verify is None
    assert {task.candidates(item) for item in held_out} == {answers}
    for item in held_out:
        page = item.columns["source"]["page"]
        assert (item.response, item.truth) == (page % 3, page % 2)
        earned = [task.rewards([item], [text])[0] for text in (*answers, "r0 ", "")]
        assert earned == [1.0 if text == f"r{page % 2}" else -1.0 for text in (*answers, "r0 ", "")]
    shown = task.demonstrated("held_out")
    assert shown.argmax(axis=1).tolist() == [i.columns["source"]["page"] % 3 for i in held_out]
    assert shown.sum() == len(held_out)


def test_an_open_task_has_its_response_as_the_one_candidate_and_is_judged_by_its_truth(tmp_path):
    task = tasks.load(read_task(write(tmp_path, rows(30))))
    item = task.splits["sft"][0]
    page = item.columns["source"]["page"]
    assert task.candidates(item) == (f"r{page % 3}",)
    assert task.rewards([item, item], [f"r{page % 2}\n", f"r{1 - page % 2}"]) == [1.0, -1.0]
    assert task.prompt(item) == f"p{page}\n"


def test_a_spawned_worker_makes_the_users_verifier_from_the_spec(tmp_path):
    path = write(tmp_path, rows(30), '[data]\ntrain = "train.jsonl"\n[verifier]\nkind = "mine:f"\n')
    (tmp_path / "mine.py").write_text(
        "def f(completions, source, **_):\n    return [float(page['page']) for page in source]\n"
    )
    spec = read_task(path)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as worker:
        there = worker.submit(rewards, spec, "r0").result()
    held_out = tasks.load(spec).splits["held_out"]
    assert there == [item.columns["source"]["page"] for item in held_out]


def test_rows_of_messages_are_dialogues(tmp_path):
    task = tasks.load(read_task(write(tmp_path, rows(30, conversational=True))))
    item = task.splits["sft"][0]
    user = {"role": "user", "content": f"p{item.columns['source']['page']}"}
    assert task.messages(item) == [{"role": "system", "content": "s"}, user]


def test_a_field_that_a_row_lacks_is_none_there_as_in_a_dataset(tmp_path):
    train = [{**row, "extra": 1} if number % 2 else row for number, row in enumerate(rows(20))]
    task = tasks.load(read_task(write(tmp_path, train)))
    names = ["response", "truth", "source", "extra"]
    for item in (*task.splits["sft"], *task.splits["held_out"]):
        assert list(item.columns) == names
        assert item.columns["extra"] == (1 if item.columns["source"]["page"] % 2 else None)


def test_what_no_answer_earns_is_what_a_users_function_gives_to_all_that_is_none(tmp_path):
    path = write(tmp_path, rows(30), f'{CLOSED}[verifier]\nkind = "rewards:f"\n')
    (tmp_path / "rewards.py").write_text(
        "def f(completions, **_):\n"
        "    return [1.0 if c in ('r0', 'r1', 'r2') else 0.25 for c in completions]\n"
    )
    assert tasks.load(read_task(path)).reward_of_no_answer == 0.25
    (tmp_path / "rewards.py").write_text(
        "def f(truth, **_):\n    return [float(t[1]) for t in truth]\n"
    )
    with pytest.raises(ValueError, match=r"gives .* to '', which is no answer, and .* elsewhere"):
        read_task(path)
    for lenient in ("contains", "exact"):
        path = write(tmp_path, rows(30), f'{CLOSED}[verifier]\nkind = "{lenient}"\n')
        with pytest.raises(ValueError, match="take the verifier label"):
            read_task(path)


@pytest.mark.parametrize(
    ("files", "toml", "found"),
    [
        ({"train": rows(7)}, TASK, "the split held_out has too few rows, needed 2 at least"),
        ({"train": rows(6), "held_out": rows(4)}, 'held_out = "held_out.jsonl"',
         "the split pretraining has too few rows, .* pretraining 1, sft 1, rl 1, held_out 4"),
        ({"train": rows(6), "held_out": rows(6)}, 'held_out = "held_out.jsonl"',
         r"the split pretraining has too few rows.* \(prompts that are held out are left out"),
        ({"train": rows(20), "out_of_domain": rows(1)}, 'out_of_domain = "out_of_domain.jsonl"',
         "the split out_of_domain has too few rows"),
    ],
)  # fmt: skip
def test_a_split_with_too_few_rows_is_named_with_what_was_found(tmp_path, files, toml, found):
    train = files.pop("train")
    extra = "" if toml == TASK else toml
    path = write(tmp_path, train, TASK.replace("[verifier]", f"{extra}\n[verifier]"), **files)
    with pytest.raises(ValueError, match=found):
        read_task(path)


def test_prompts_and_messages_are_not_mixed(tmp_path):
    mixed = [*rows(10), *rows(1, conversational=True)]
    with pytest.raises(ValueError, match=r"train\.jsonl, line 11 and train\.jsonl, line 1 differ"):
        read_task(write(tmp_path, mixed))
