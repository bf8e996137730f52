"""One JSONL file, read to its end: every row is an item, or an error that names file and line."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coupling_bench import strict_json
from coupling_bench.specs import JsonlSpec
from coupling_bench.tasks import Item
from coupling_bench.verifiers.functions import TAKEN, short

LONGEST_LINE = 1_000_000
"""Characters: far beyond any model's context, and short of what fills the memory."""
ROLES = ("system", "user", "assistant")
PROMPTS = ("prompt", "messages")
UNGROUPED = "ungrouped"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
TEXT = "a text that is not empty"

ReadTruth = Callable[[Any], Any]


def read(path: Path, digest: str, spec: JsonlSpec, read_truth: ReadTruth) -> list[Item]:
    """Return the rows of one file as items.

    Args:
        path: of the file.
        digest: sha256 of its bytes, as they were when the spec was made.
        spec: of the task: its answers decide what a response may be.
        read_truth: the verifier's: raises ValueError, with what was needed, for a truth of no use.

    Raises:
        ValueError: a line is malformed, and the message names file, line and field; or the file has
            changed since.
    """
    content, file = path.read_bytes(), f"{spec.name}: {path}"
    if hashlib.sha256(content).hexdigest() != digest:
        raise ValueError(f"{file} has changed while it was in use. Run the same command again.")
    items = []
    for number, line in enumerate(_lines(file, content), start=1):
        where = f"{path.name}, line {number}"
        try:
            items.append(_item(_row(line), spec, read_truth, where))
        except ValueError as error:
            raise ValueError(f"{file}, line {number}: {error}.") from None
    if not items:
        raise ValueError(f"{file} holds no rows.")
    return items


def _lines(file: str, content: bytes) -> list[str]:
    if content.startswith(BYTE_ORDER_MARK):
        raise ValueError(
            f"{file}, line 1: it begins with a byte order mark. Save it as UTF-8 without one."
        )
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        number = content[: error.start].count(b"\n") + 1
        raise ValueError(f"{file}, line {number}: not UTF-8 text.") from None
    # Lines end at a newline alone: other characters that Python splits at may stand in a text.
    text = text.rstrip()
    return text.split("\n") if text else []


def _row(line: str) -> dict[str, Any]:
    if len(line) > LONGEST_LINE:
        raise ValueError(f"it has {len(line):,} characters, at most {LONGEST_LINE:,} are read")
    if not line.strip():
        raise ValueError("it is blank, needed a JSON object")
    try:
        row = strict_json.loads(line)
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(row, dict):
        raise ValueError(f"found {short(row)}, needed a JSON object")
    return row


def _item(row: dict[str, Any], spec: JsonlSpec, read_truth: ReadTruth, where: str) -> Item:
    given = [name for name in PROMPTS if name in row]
    if len(given) != 1:
        raise ValueError(
            f"found the fields {', '.join(row) or 'of an empty object'}, needed either prompt or "
            "messages"
        )
    for name in row:
        if name in TAKEN:
            raise ValueError(f"the field {name} has a name that verifiers use otherwise; rename it")
    messages = _messages(row["messages"]) if "messages" in row else ()
    text = "\n".join(said for _, said in messages) if messages else _text(row, "prompt")
    columns = {name: value for name, value in row.items() if name not in PROMPTS}
    response = _text(row, "response")
    columns.setdefault("truth", response)
    return Item(
        text=text,
        messages=messages,
        truth=_truth(row, columns["truth"], spec, read_truth),
        response=response if spec.answers is None else _index("response", response, spec.answers),
        group=_text(row, "group") if "group" in row else UNGROUPED,
        columns=columns,
        origin=where,
    )


def _text(row: dict[str, Any], field: str) -> str:
    if field not in row:
        raise ValueError(f"the field {field} is missing; found {', '.join(row)}")
    value = row[field]
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"the field {field} is {short(value)}, needed {TEXT}")
    return value


def _messages(value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"the field messages is {short(value)}, needed a list of messages")
    for number, message in enumerate(value, start=1):
        field = f"the field messages, message {number},"
        if not isinstance(message, dict) or message.keys() != {"role", "content"}:
            raise ValueError(f"{field} is {short(message)}, needed an object of role and content")
        if message["role"] not in ROLES:
            raise ValueError(
                f"{field} has the role {short(message['role'])}, needed {', '.join(ROLES)}"
            )
        if not isinstance(message["content"], str) or not message["content"].strip():
            raise ValueError(f"{field} has the content {short(message['content'])}, needed {TEXT}")
    if value[-1]["role"] != "user":
        raise ValueError(
            f"the field messages ends with a message of the {value[-1]['role']}'s, needed the "
            "user's; what follows it is the response"
        )
    return tuple((message["role"], message["content"]) for message in value)


def _truth(row: dict[str, Any], value: Any, spec: JsonlSpec, read_truth: ReadTruth) -> int:
    """Return the index of the true answer, or 0 where answers are open, after a look at it."""
    field = "truth" if "truth" in row else "response"
    if value is None:
        raise ValueError("the field truth is null; leave it out where the response is the truth")
    try:
        read_truth(value)
    except ValueError as error:
        raise ValueError(
            f"the field {field} is {short(value)}, for the verifier {spec.verifier} needed {error}"
        ) from None
    return 0 if spec.answers is None else _index(field, value, spec.answers)


def _index(field: str, value: Any, answers: tuple[str, ...]) -> int:
    if value not in answers:
        raise ValueError(
            f"the field {field} is {short(value)}, needed one of the answers {', '.join(answers)}"
        )
    return answers.index(value)
