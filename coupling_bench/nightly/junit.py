"""What a JUnit file says of tests that broke down: pytest --junitxml FILE."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path
from xml.etree import ElementTree


def errors(path: Path, recorded: Container[str]) -> dict[str, str]:
    """Return the tests that broke down (set-up, training, a crash), by id, each with its last line.

    A test that failed and has a row in the record is no breakdown: it found something.

    Args:
        path: of the file.
        recorded: tests of which the record has a claim or a theorem.
    """
    try:
        cases = ElementTree.parse(path).getroot().iter("testcase")
        found = {}
        for case in cases:
            test, error = _id(case), case.find("error")
            if error is None and test not in recorded:
                error = case.find("failure")
            if error is not None:
                why = (error.text or error.get("message") or "").strip() or "no message"
                found[test] = why.splitlines()[-1]
    except OSError as error:
        return {str(path): f"cannot be read ({error.strerror})"}
    except (ElementTree.ParseError, LookupError, ValueError):  # an encoding that is none
        return {str(path): "is no JUnit file, or half of one: pytest --junitxml FILE"}
    return found


def _id(case: ElementTree.Element) -> str:
    """Return pytest's id of a test: JUnit has dots where the path has slashes."""
    place = case.get("classname", "").replace(".", "/")
    return f"{place}.py::{case.get('name', '')}" if place else case.get("name", "")
