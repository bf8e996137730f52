"""Rows as they are in the file, and every malformed line with its file, line and field."""

import hashlib
import json

import pytest

from coupling_bench.specs import JsonlSpec
from coupling_bench.tasks.jsonl import rows
from coupling_bench.verifiers.kinds import Label, Numeric, Verifier

GOOD = b'{"prompt": "p", "response": "yes"}\n'
USER = {"role": "user", "content": "?"}


def read(folder, content, answers=None, verifier=None):
    path = folder / "train.jsonl"
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    spec = JsonlSpec(
        name="mine",
        files=(("train", digest),),
        paths=(("train", str(path)),),
        folder=str(folder),
        answers=answers,
        verifier="label" if answers else "exact",
    )
    return rows.read(path, digest, spec, (verifier or Verifier()).truth)


def line(**row):
    return json.dumps(row).encode() + b"\n"


def test_a_row_is_read_as_it_is_written(tmp_path):
    row = {"prompt": " p\u2028{x} ", "response": "a b", "truth": "c", "group": "g", "n": [1, None]}
    (item,) = read(tmp_path, json.dumps(row, ensure_ascii=False).encode())
    assert (item.text, item.messages, item.response, item.group) == (" p\u2028{x} ", (), "a b", "g")
    assert item.columns == {"response": "a b", "truth": "c", "group": "g", "n": [1, None]}
    assert item.origin == "train.jsonl, line 1"


def test_messages_are_read_in_their_order_and_shown_as_one_text(tmp_path):
    messages = [{"role": "system", "content": "be brief"}, USER]
    (item,) = read(tmp_path, line(messages=messages, response="yes"))
    assert item.messages == (("system", "be brief"), ("user", "?"))
    assert item.text == "be brief\n?"
    assert item.columns == {"response": "yes", "truth": "yes"}


def test_the_response_is_the_truth_where_no_other_is_given(tmp_path):
    content = line(prompt="p", response="no") + line(prompt="q", response="no", truth="yes")
    first, second = read(tmp_path, content, ("yes", "no"), Label())
    assert (first.response, first.truth) == (1, 1)
    assert (second.response, second.truth) == (1, 0)
    assert [item.columns["truth"] for item in (first, second)] == ["no", "yes"]


@pytest.mark.parametrize("end", [b"", b"\n", b"\n\n", b" \r\n", b"\n \n"])
def test_blank_ends_and_windows_lines_are_fine(tmp_path, end):
    assert len(read(tmp_path, GOOD.replace(b"\n", b"\r\n") + GOOD.rstrip() + end)) == 2


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"{'prompt': 1}", "not JSON: Expecting property name"),
        (b'["prompt"]', r"found \['prompt'\], needed a JSON object"),
        (b'"text"', "found 'text', needed a JSON object"),
        (b"", "it is blank, needed a JSON object"),
        (b"  \t", "it is blank, needed a JSON object"),
        (b"\xff", "not UTF-8 text"),
        (b"\xef\xbb\xbf" + GOOD, "not JSON"),
        (b'{"prompt": "p", "prompt": "q"}', "not JSON: the key 'prompt' comes twice"),
        (b'{"prompt": "p", "response": NaN}', "not JSON: NaN is no JSON number"),
        (b'{"prompt": "\\ud800", "response": "r"}', "not JSON: .* surrogate"),
        (b'{"prompt": ' + b"[" * 100_000, "not JSON: it is nested too deeply"),
        (b" " * 1_000_001 + b"1", "it has 1,000,00. characters, at most 1,000,000 are read"),
        (line(), "found the fields of an empty object, needed either prompt or messages"),
        (line(response="r"), "found the fields response, needed either prompt or messages"),
        (line(prompt="p", messages=[USER]), "found the fields prompt, messages, needed either"),
        (line(prompt="p"), "the field response is missing; found prompt"),
        (line(prompt="p", completion="r"), "the field completion has a name that verifiers use"),
        (line(prompt="p", response=""), "the field response is '', needed a text that is not em"),
        (line(prompt="p", response=["r"]), r"the field response is \['r'\], needed a text"),
        (line(prompt="p", response=None), "the field response is None, needed a text"),
        (line(prompt=5, response="r"), "the field prompt is 5, needed a text"),
        (line(prompt=" \n", response="r"), r"the field prompt is ' \\n', needed a text"),
        (line(prompt="p", response="r", group=1), "the field group is 1, needed a text"),
        (line(prompt="p", response="r", truth=None), "the field truth is null; leave it out"),
        (
            line(prompt="p", response="r", truth=5),
            "the field truth is 5, for the verifier exact ne",
        ),
        (line(prompt="p", response="r", completions=1), "the field completions has a name that"),
        (line(messages="hi", response="r"), "the field messages is 'hi', needed a list of messag"),
        (line(messages=[], response="r"), r"the field messages is \[\], needed a list"),
        (line(messages=[USER, "hi"], response="r"), "messages, message 2, is 'hi', needed an obj"),
        (
            line(messages=[{"role": "user"}], response="r"),
            "message 1, is .* needed an object of ro",
        ),
        (
            line(messages=[{**USER, "x": 1}], response="r"),
            "message 1, is .* needed an object of ro",
        ),
        (line(messages=[{**USER, "role": "bot"}], response="r"), "message 1, has the role 'bot'"),
        (line(messages=[{**USER, "role": []}], response="r"), r"message 1, has the role \[\]"),
        (line(messages=[{**USER, "content": 1}], response="r"), "message 1, has the content 1, ne"),
        (
            line(messages=[USER, {"role": "assistant", "content": "a"}], response="r"),
            "the field messages ends with a message of the assistant's, needed the user's",
        ),
    ],
)
def test_a_malformed_line_is_named_with_its_field(tmp_path, content, found):
    """The broken line is the second of three."""
    with pytest.raises(ValueError, match=rf"^mine: .*train\.jsonl, line 2: .*{found}"):
        read(tmp_path, GOOD + content.rstrip(b"\n") + b"\n" + GOOD)


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ({"response": "maybe"}, "the field response is 'maybe', needed one of the answers yes, no"),
        (
            {"response": "yes", "truth": "Yes"},
            "the field truth is 'Yes', needed one of the answers",
        ),
        ({"response": "yes "}, "the field response is 'yes ', needed one of the answers yes, no"),
    ],
)
def test_with_a_closed_set_response_and_truth_are_among_the_answers(tmp_path, row, found):
    with pytest.raises(ValueError, match=rf"train\.jsonl, line 2: {found}"):
        read(tmp_path, GOOD + line(prompt="p", **row), ("yes", "no"), Label())


def test_a_truth_that_the_verifier_cannot_read_is_named_by_the_field_it_came_from(tmp_path):
    with pytest.raises(ValueError, match="line 2: the field response is 'many', for the verifier"):
        read(tmp_path, line(prompt="p", response="5") + line(prompt="p", response="many"), None,
             Numeric())  # fmt: skip


def test_a_byte_order_mark_an_empty_and_a_changed_file_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"train\.jsonl, line 1: .* byte order mark"):
        read(tmp_path, b"\xef\xbb\xbf" + GOOD)
    with pytest.raises(ValueError, match=r"train\.jsonl holds no rows"):
        read(tmp_path, b" \n")
    spec = JsonlSpec(name="mine", files=(), paths=(), folder="", verifier="exact")
    with pytest.raises(ValueError, match=r"train\.jsonl has changed while it was in use"):
        rows.read(tmp_path / "train.jsonl", "0" * 64, spec, Verifier().truth)
