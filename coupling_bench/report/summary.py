"""The answer as Markdown: what came out, and the matrix of verdicts."""

import re
from typing import Any

from coupling_bench.report import claims
from coupling_bench.report.tables import grouped
from coupling_bench.report.text import interval, signed

SIGNS = {
    "supported": "✔ supported",
    "refuted": "✘ refuted",
    "inconclusive": "? inconclusive",
    "not applicable": "○ not applicable",
}
"""A sign and a word for each verdict; colour is not at hand."""
SPECIAL = re.compile(r"([\\`*_\[\]|~$])")

Record = dict[str, Any]


def markdown(record: Record) -> str:
    """The summary of a record, or of several as one."""
    shown = claims.view(record["claims"])
    parts = ["# Do supervised fine-tuning and RL decouple?", " ".join(
        plain(sentence) for sentence in claims.answer(record["claims"])
    )]  # fmt: skip
    if shown:
        parts.append(_matrix(shown))
    parts.append("The page with figures and evidence is index.html beside this file.")
    return "\n\n".join(parts) + "\n"


def _matrix(shown: list[Record]) -> str:
    """Claims by models: one row a sentence, one column a model and task."""
    where = claims.settings(shown)
    heads = ["Claim", "Asked for", *(", ".join(setting) for setting in where)]
    rows = [heads, ["---"] * len(heads)]
    for sentence in claims.sentences([c for _, _, found in claims.groups(shown) for c in found]):
        here = grouped([{**c, "where": claims.setting(c)} for c in sentence["members"]], "where")
        cells = ["; ".join(map(_cell, here.get((one,), []))) or "not tested" for one in where]
        rows.append([sentence["claim"], "; ".join(sentence["asked"]), *cells])
    lines = [[text if text == "---" else plain(text) for text in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(claim: Record) -> str:
    sign = SIGNS.get(claim.get("verdict") or "", claim["mark"][1])
    return f"{sign} {signed(claim.get('effect'))} {interval(claim.get('interval'))}"


def plain(text: str) -> str:
    """Text that Markdown shows as it is: no markup, no HTML, on one line."""
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return SPECIAL.sub(r"\\\1", text)
