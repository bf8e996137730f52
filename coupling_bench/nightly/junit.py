"""What a JUnit file says of tests that broke down: pytest --junitxml FILE."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree


def errors(path: Path) -> dict[str, str]:
    """Return the tests that broke down (set-up, training, a crash), by id, with the first line.

    A test that fails is no breakdown: its claim's verdict is in the record.
    """
    try:
        cases = ElementTree.parse(path).getroot().iter("testcase")
        found = {}
        for case in cases:
            error = case.find("error")
            if error is not None:
                why = (error.text or error.get("message") or "no message").strip()
                found[_id(case)] = why.splitlines()[-1] if why else "no message"
    except OSError as error:
        return {str(path): f"cannot be read ({error.strerror})"}
    except ElementTree.ParseError:
        return {str(path): "is no JUnit file, or half of one: pytest --junitxml FILE"}
    return found


def _id(case: ElementTree.Element) -> str:
    """Return pytest's id of a test: JUnit has dots where the path has slashes."""
    place = case.get("classname", "").replace(".", "/")
    return f"{place}.py::{case.get('name', '')}" if place else case.get("name", "")
