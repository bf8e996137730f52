r"""The number that a text ends with: ``1,234``, ``-3.5e2``, ``3/4``, ``\boxed{\frac{3}{4}}``.

Other notations (``5 \times 10^3``, ``2 1/2``, ``fifty``) are not read. Numbers are decimals and not
floats: the product of two ten-digit numbers has twenty digits, and a float would call its
neighbour equal to it.
"""

from __future__ import annotations

import decimal
import re
from decimal import Decimal

_DIGITS = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?"
# No number begins within a name (x2, H2O); three dots before one are no decimal point.
_VALUE = rf"(?<!\w)(?:{_DIGITS}|(?<!\.)\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
# A minus right after a word, a number or a bracket is a subtraction or a hyphen.
_SIGN = r"(?<![\w)\]}])[-+\u2212][$€£]?"
_NUMBER = re.compile(rf"(?P<sign>{_SIGN})?(?P<top>{_VALUE})(?: ?/ ?(?P<bottom>{_VALUE}))?")
_FRACTION = re.compile(r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}")
_BOX = re.compile(r"\\boxed ?\{([^{}]*)\}")


def last_number(text: str) -> Decimal | None:
    r"""Return the last finite number in ``text``, or None.

    Where the text has a ``\boxed{...}``, only the last box is looked at.
    """
    plain = _FRACTION.sub(r"\1/\2", text.replace("{,}", ",").replace(r"\!", ""))
    boxes = _BOX.findall(plain)
    found = list(_NUMBER.finditer(boxes[-1] if boxes else plain))
    if not found:
        return None
    sign, top, bottom = found[-1].group("sign", "top", "bottom")
    with _arithmetic():
        value = _decimal(top) / _decimal(bottom or "1")
        value = value.copy_negate() if sign and sign[0] in "-\u2212" else value
    return value if value.is_finite() else None


def close(one: Decimal, other: Decimal, *, absolute: float, relative: float) -> bool:
    """Say whether ``|one - other| <= absolute + relative * |other|``."""
    with _arithmetic():
        room = Decimal(repr(absolute)) + Decimal(repr(relative)) * abs(other)
        return abs(one - other) <= room


def _decimal(digits: str) -> Decimal:
    return Decimal(digits.replace(",", ""))


def _arithmetic():
    """60 digits, and nothing raised: what has no finite result is no number."""
    return decimal.localcontext(decimal.Context(prec=60, traps=[]))
