"""One self-contained HTML page that shows a record of coupling_bench to its reader.

`reading` and `merging` make one record of several; `page` renders it; `export` writes what goes
beside the page. A section of the page is a module here, a template of its name, and an entry in
`page.view` and `page.contents`.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

SCHEMA = 1


def write_report(record: dict[str, Any], folder: Path) -> Path:
    """Write the page of a record, whole or not at all.

    Args:
        record: The record of a run, as schema 1 describes it.
        folder: Where `index.html` goes; made if it is not there. A `perf.json` and a
            `scaling.json` in it are shown too, and `measured.py` says what they hold.

    Returns:
        The path of the page.

    Raises:
        ValueError: The record is of another schema.
    """
    if record.get("schema") != SCHEMA:
        raise ValueError(
            f"This record is of schema {record.get('schema')!r}, "
            f"and this version of coupling_bench reads schema {SCHEMA} only."
        )
    # Imported here, so that a test run that writes no page never loads jinja2 and plotly.
    from coupling_bench.report.page import render

    folder = Path(folder)
    text = render(record, folder)
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "index.html"
    with tempfile.TemporaryDirectory(dir=folder, prefix=".report-") as scratch:
        draft = Path(scratch) / page.name
        draft.write_text(text, encoding="utf-8", errors="replace")
        os.replace(draft, page)
    return page
