"""The verifiers of the house: how a completion is compared with what its row says is true.

A verifier is a frozen value and its fields are its options. ``truth`` reads what a row says is
true; ``accepts`` compares a completion with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from coupling_bench import strict_json
from coupling_bench.answers import REWARD_RIGHT, REWARD_WRONG
from coupling_bench.verifiers import numbers

if TYPE_CHECKING:
    from coupling_bench.tasks import Item


@dataclass(frozen=True, kw_only=True)
class Verifier:
    """What all have: two rewards."""

    right: float = REWARD_RIGHT
    wrong: float = REWARD_WRONG

    def __post_init__(self) -> None:
        """Refuse rewards that do not tell right from wrong."""
        if self.right <= self.wrong:
            raise ValueError(
                f"found right = {self.right} and wrong = {self.wrong}, needed right above wrong"
            )

    def truth(self, value: Any) -> Any:
        """Return what a completion is compared with.

        Args:
            value: of a row's field ``truth``, or else its ``response``.

        Raises:
            ValueError: it is of no use; the message is what was needed.
        """
        if not isinstance(value, str) or not value.strip():
            raise ValueError("a text that is not empty")
        return value

    def accepts(self, completion: str, truth: Any) -> bool:
        """Say whether ``completion`` is right; ``truth`` is what ``self.truth`` returned."""
        raise NotImplementedError

    def check(self, columns: Iterable[str]) -> None:
        """Refuse no rows: the truth is all that is needed, and every row has it."""

    def rewards(self, items: Sequence[Item], completions: Sequence[str]) -> list[float]:
        """Return the reward of one completion of each item."""
        return [
            self.right if self.accepts(text, self.truth(item.columns["truth"])) else self.wrong
            for item, text in zip(items, completions, strict=True)
        ]


@dataclass(frozen=True, kw_only=True)
class Label(Verifier):
    """The true answer of a closed set to the letter: no blank, no full stop, no other case."""

    def accepts(self, completion: str, truth: str) -> bool:
        """Say whether the two are the same characters."""
        return completion == truth


@dataclass(frozen=True, kw_only=True)
class Exact(Verifier):
    """The truth and nothing else, except for blanks and newlines around it."""

    ignore_case: bool = False

    def accepts(self, completion: str, truth: str) -> bool:
        """Say whether the two are the same text."""
        return _folded(completion, self.ignore_case) == _folded(truth, self.ignore_case)


@dataclass(frozen=True, kw_only=True)
class Contains(Verifier):
    """The truth somewhere in the completion, as whole words: no "acceptable" in "unacceptable"."""

    ignore_case: bool = False

    def accepts(self, completion: str, truth: str) -> bool:
        """Say whether the truth occurs."""
        sought = re.escape(_folded(truth, self.ignore_case))
        found = re.search(rf"(?<!\w){sought}(?!\w)", _folded(completion, self.ignore_case))
        return found is not None


def _folded(text: str, ignore_case: bool) -> str:
    return text.strip().casefold() if ignore_case else text.strip()


@dataclass(frozen=True, kw_only=True)
class Numeric(Verifier):
    """The last number in the completion: ``|x - truth| <= tolerance + relative * |truth|``."""

    tolerance: float = 1e-6
    relative_tolerance: float = 0.0

    def __post_init__(self) -> None:
        """Refuse tolerances that no number would meet."""
        super().__post_init__()
        for name in ("tolerance", "relative_tolerance"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: found {getattr(self, name)}, needed at least 0")

    def truth(self, value: Any) -> Decimal:
        """Return the number that ``value`` is, or the last one in it."""
        isnumber = isinstance(value, int | float) and not isinstance(value, bool)
        number = numbers.last_number(str(value)) if isnumber or isinstance(value, str) else None
        if number is None:
            raise ValueError("a finite number, or a text with one")
        return number

    def accepts(self, completion: str, truth: Decimal) -> bool:
        """Say whether the completion's last number is close; a text without one is wrong."""
        number = numbers.last_number(completion)
        return number is not None and numbers.close(
            number, truth, absolute=self.tolerance, relative=self.relative_tolerance
        )


@dataclass(frozen=True, kw_only=True)
class Json(Verifier):
    """The truth as a JSON value: order of keys and blanks are free, 1 is 1.0 and not true."""

    required_keys: tuple[str, ...] = ()
    """If given: the completion is an object with the truth's values at these keys; others are
    free."""

    def truth(self, value: Any) -> Any:
        """Return ``value``, or what it writes down if it is a text."""
        try:
            truth = strict_json.loads(value) if isinstance(value, str) else value
        except ValueError as error:
            raise ValueError(f"JSON; it is not: {error}") from None
        if self.required_keys and self._required(truth) is None:
            raise ValueError(f"an object with the required keys {', '.join(self.required_keys)}")
        return truth

    def accepts(self, completion: str, truth: Any) -> bool:
        """Say whether the completion is JSON and the same value."""
        try:
            found = strict_json.loads(completion)
        except ValueError:
            return False
        if self.required_keys:
            found, truth = self._required(found), self._required(truth)
        return strict_json.same(found, truth)

    def _required(self, value: Any) -> dict[str, Any] | None:
        if not isinstance(value, dict) or not all(key in value for key in self.required_keys):
            return None
        return {key: value[key] for key in self.required_keys}


KINDS: dict[str, type[Verifier]] = {
    "exact": Exact,
    "contains": Contains,
    "label": Label,
    "numeric": Numeric,
    "json": Json,
}
