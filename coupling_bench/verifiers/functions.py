"""``module:function``: a reward function of the user's own, called as TRL's GRPOTrainer calls it.

It gets ``prompts``, ``completions`` and the other fields of the rows, each as a list. What TRL
tells besides of the training at hand (``completion_ids``, ``trainer_state``, ``log_extra``,
``log_metric``) it does not get: the same function judges what is only observed.
"""

from __future__ import annotations

import copy
import hashlib
import importlib
import importlib.util
import inspect
import math
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coupling_bench.tasks import Item

TAKEN = frozenset(
    ("prompts", "completions", "completion", "completion_ids", "trainer_state", "log_extra",
     "log_metric", "environments")
)  # fmt: skip
"""Names that TRL gives to arguments of its own, or keeps back: no field of a row may have them."""


REFERENCE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
"""``module:function``"""


@dataclass(frozen=True, kw_only=True)
class RewardFunction:
    """A function that was found, and the file that it stands in."""

    name: str
    """``module:function``"""
    call: Callable[..., Any]
    source: str
    """sha256 of the file."""

    def truth(self, value: Any) -> Any:
        """Return ``value`` as the row has it: it is for the function to read."""
        return value

    def check(self, columns: Iterable[str]) -> None:
        """Refuse a function that cannot be called with a task's rows.

        Raises:
            ValueError: it is asynchronous, or wants an argument that is no field of the rows.
        """
        if inspect.iscoroutinefunction(self.call):
            raise ValueError(f"verifier {self.name}: it is asynchronous, needed a plain function.")
        given = ("prompts", "completions", *columns)
        try:
            inspect.signature(self.call).bind(**dict.fromkeys(given))
        except (TypeError, ValueError) as error:  # the latter of what has no signature
            raise ValueError(
                f"verifier {self.name}: it cannot be called with {', '.join(given)} ({error}). "
                "Give it **kwargs for what it does not use, and the rows a field for what it needs."
            ) from None

    def rewards(self, items: Sequence[Item], completions: Sequence[str]) -> list[float]:
        """Return the function's reward for one completion of each item.

        Raises:
            ValueError: the function failed, or did not return as many finite numbers.
        """
        if not items:
            return []
        try:
            returned = self._ask(items, completions)
        except (Exception, SystemExit) as error:
            where = self._blamed(items, completions)
            raise ValueError(f"verifier {self.name} failed on {where}.\n{_tail(error)}") from None
        return self._checked(returned, items)

    def _ask(self, items: Sequence[Item], completions: Sequence[str]) -> Any:
        returned = self.call(**arguments(items, completions))
        # A generator fails when it is asked for numbers, not before.
        return list(returned) if isinstance(returned, Iterator) else returned

    def _blamed(self, items: Sequence[Item], completions: Sequence[str]) -> str:
        """Return the row that the function fails on when it is called with it alone."""
        for item, text in zip(items, completions, strict=True):
            try:
                self._ask([item], [text])
            except Exception:
                return f"{item.origin}, with the completion {short(text)}"
        return f"{len(items)} rows together and on none alone; the first is {items[0].origin}"

    def _checked(self, returned: Any, items: Sequence[Item]) -> list[float]:
        needed = f"needed a list of {len(items)} finite numbers, one a completion"
        if isinstance(returned, str | bytes | dict) or not isinstance(returned, Iterable):
            raise ValueError(f"verifier {self.name} returned {short(returned)}, {needed}.")
        rewards = list(returned)
        if len(rewards) != len(items):
            raise ValueError(
                f"verifier {self.name} returned {len(rewards)} rewards, {needed}. The first row is "
                f"{items[0].origin}."
            )
        for item, value in zip(items, rewards, strict=True):
            if not _is_finite(value):
                raise ValueError(
                    f"verifier {self.name} returned {short(value)} for {item.origin}, needed a "
                    "finite number."
                )
        return [float(value) for value in rewards]


def arguments(items: Sequence[Item], completions: Sequence[str]) -> dict[str, list[Any]]:
    """Return what GRPOTrainer would pass if its dataset were the rows of the file.

    Rows with messages are conversational: their prompts and completions are lists of messages.
    """
    columns = {
        name: [copy.deepcopy(item.columns[name]) for item in items] for name in items[0].columns
    }
    if not items[0].messages:
        prompts: list[Any] = [item.text for item in items]
        return {"prompts": prompts, "completions": list(completions), **columns}
    prompts = [
        [{"role": role, "content": content} for role, content in item.messages] for item in items
    ]
    answers = [[{"role": "assistant", "content": text}] for text in completions]
    return {"prompts": prompts, "completions": answers, **columns}


def find(name: str, folder: Path, source: str | None = None) -> RewardFunction:
    """Return the function called ``module:function``.

    Args:
        name: the module is a file beneath ``folder``, or else an installed one.
        folder: where ``task.toml`` lies.
        source: sha256 of the file as it was before, if it must not have changed.

    Raises:
        ValueError: there is no such module or function, or importing it fails, or it has changed.
    """
    if not REFERENCE.fullmatch(name):
        raise ValueError(f"verifier {name}: it is none of ours, needed module:function.")
    module_name, _, function_name = name.partition(":")
    path = folder.joinpath(*module_name.split(".")).with_suffix(".py")
    try:
        found = _from_file(path) if path.is_file() else _installed(module_name, function_name)
    except _NotFoundError:
        raise ValueError(
            f"verifier {name}: found neither {path} nor an installed module {module_name}. Put the "
            "file next to task.toml."
        ) from None
    except Exception as error:
        raise ValueError(
            f"verifier {name}: its module could not be imported.\n{_tail(error)}"
        ) from None
    module, content = found
    call = getattr(module, function_name, None)
    if not callable(call):
        raise ValueError(f"verifier {name}: {module.__file__} defines no function {function_name}.")
    digest = hashlib.sha256(content).hexdigest()
    if source not in (None, digest):
        raise ValueError(f"verifier {name}: its file has changed while it was in use. Run again.")
    return RewardFunction(name=name, call=call, source=digest)


class _NotFoundError(Exception):
    """No module of that name."""


def _from_file(path: Path) -> tuple[ModuleType, bytes]:
    """Run the very bytes that are hashed: a cached compilation may be of another version.

    The module gets a name of its own, so that two tasks may each have a ``rewards.py``.
    """
    content = path.read_bytes()
    name = f"coupling_bench_verifier_{hashlib.sha256(content).hexdigest()[:12]}"
    found = importlib.util.spec_from_file_location(name, path)
    assert found is not None  # its suffix is .py
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module  # dataclasses look their module up
    exec(compile(content, str(path), "exec", dont_inherit=True), module.__dict__)
    return module, content


def _installed(module_name: str, function_name: str) -> tuple[ModuleType, bytes]:
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and f"{module_name}.".startswith(f"{error.name}."):
            raise _NotFoundError from None
        raise
    function, source = getattr(module, function_name, None), module.__file__
    if inspect.isfunction(function):  # a package may only hand on what a module of its own defines
        source = inspect.getsourcefile(inspect.unwrap(function))
    return module, Path(str(source)).read_bytes()


def _is_finite(value: Any) -> bool:
    if isinstance(value, str | bytes):
        return False
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError, OverflowError, RuntimeError):  # the last of a torch vector
        return False


def _tail(error: BaseException) -> str:
    """Return the last lines of a traceback, our own code left out."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != __file__]
    return "".join(
        [*traceback.format_list(frames[-3:]), *traceback.format_exception_only(error)]
    ).strip()


def short(value: Any) -> str:
    """Return ``value`` as Python writes it, cut to the length of a line."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
