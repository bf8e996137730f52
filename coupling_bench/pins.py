"""Do the installed packages have the versions that were tested? What ``--strict-env`` asks.

The pins are those of ``requirements.lock``. A build of a release (``2.13.0+cpu``) counts as that
release: it has the same code, for another device.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

SHOWN = 5


def read(lock: Path) -> dict[str, str]:
    """Return the pinned version of each package that this machine is to have, by its name.

    Raises:
        ValueError: there is no such file, or a line pins no version.
    """
    if not lock.is_file():
        raise ValueError(
            f"--strict-env: there is no {lock} to compare with. Run it in a clone of the project."
        )
    pins: dict[str, str] = {}
    for line in lock.read_text().splitlines():
        text = line.partition("#")[0].strip()
        if not text:
            continue
        wanted = Requirement(text)
        exact = re.fullmatch(r"==([^,*]+)", str(wanted.specifier))
        if exact is None:
            raise ValueError(f"--strict-env: {lock} says {text!r}, needed NAME==VERSION.")
        if wanted.marker is None or wanted.marker.evaluate():
            pins[canonicalize_name(wanted.name)] = exact[1]
    return pins


def differences(
    pins: Mapping[str, str], version: Callable[[str], str] = metadata.version
) -> list[str]:
    """Return in words each package whose installed version is not the pinned one.

    Args:
        pins: versions by name.
        version: returns the installed version of a package, or raises ``PackageNotFoundError``.
    """
    found = []
    for name, pinned in pins.items():
        try:
            installed = version(name)
        except metadata.PackageNotFoundError:
            found.append(f"{name} is not installed (pinned {pinned})")
            continue
        if Version(Version(installed).public) != Version(pinned):
            found.append(f"{name} {installed} (pinned {pinned})")
    return found


def check(lock: Path) -> None:
    """Refuse to go on with other packages than the pinned ones.

    Raises:
        ValueError: naming the differences and the command that mends them.
    """
    pins = read(lock)
    found = differences(pins)
    if found:
        raise ValueError(
            f"--strict-env: {len(found)} of {len(pins)} packages are not those of {lock.name}: "
            f"{'; '.join(found)}. Install the pins: python -m pip install -r {lock}"
        )


def check_entries(lock: Path, manifests: Iterable[Mapping[str, Any]]) -> None:
    """Refuse entries of a store that were made with other packages than the pinned ones.

    Args:
        lock: the pins.
        manifests: of the entries that a run would reuse.

    Raises:
        ValueError: naming the first ones and what to do.
    """
    pins = read(lock)
    odd = []
    for manifest in manifests:
        made_with = manifest["environment"]["packages"]
        versions: dict[str, str] = {
            canonicalize_name(n): v for n, v in made_with.items() if v is not None
        }
        known = {name: pin for name, pin in pins.items() if name in versions}
        for difference in differences(known, versions.__getitem__):
            odd.append(f"{manifest['address']} was made with {difference}")
    if odd:
        more = f"; and {len(odd) - SHOWN} more" if len(odd) > SHOWN else ""
        raise ValueError(
            f"--strict-env: the store holds stages of other packages: {'; '.join(odd[:SHOWN])}"
            f"{more}. Train them anew in another store: --store FOLDER"
        )
