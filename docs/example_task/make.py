"""Writes the rows of the example: three-digit numbers, and how a hurried person compared them."""

import json
import random
from pathlib import Path

ANSWERS = ("less", "greater", "equal")
MISTAKES = 0.1
FILES = {"train": (4_000, 100, 800), "out_of_domain": (300, 800, 1_000)}
"""Rows, and the range of the larger number: numbers from 800 on are never trained on."""


def row(a: int, b: int, draw: random.Random) -> dict[str, str]:
    """Return the comparison of two numbers; one response in ten is wrong, the truth never is."""
    truth = "less" if a < b else "greater" if a > b else "equal"
    others = [answer for answer in ANSWERS if answer != truth]
    shown = draw.choice(others) if draw.random() < MISTAKES else truth
    places = zip(("hundreds", "tens", "ones"), str(a), str(b), strict=True)
    written = {
        "prompt": f"{' '.join(str(a))} ? {' '.join(str(b))}",  # each digit is a token of its own
        "response": shown,
        "group": next((place for place, x, y in places if x != y), "none"),
    }
    return written if shown == truth else {**written, "truth": truth}


def rows(count: int, lowest: int, highest: int, draw: random.Random) -> list[dict[str, str]]:
    """Return distinct comparisons, of numbers that often begin alike."""
    found: dict[tuple[int, int], dict[str, str]] = {}
    while len(found) < count:
        alike = draw.choice((1_000, 100, 10, 1))
        a = draw.randrange(100, highest)
        b = a // alike * alike + draw.randrange(alike)
        if b >= 100 and lowest <= max(a, b) < highest and (a, b) not in found:
            found[a, b] = row(a, b, draw)
    return list(found.values())


def write(folder: Path) -> None:
    """Write both files."""
    draw = random.Random(0)
    for name, (count, lowest, highest) in FILES.items():
        lines = [
            json.dumps(each, separators=(",", ":")) for each in rows(count, lowest, highest, draw)
        ]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    write(Path(__file__).parent)
