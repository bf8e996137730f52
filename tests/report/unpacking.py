"""What a page carries packed, as its reader's browser would take it out."""

import base64
import gzip
import json
import re


def plots(text):
    """What plotly is given, as the browser's own parser would read it."""
    found = re.search(r'id="plots">(.*?)</script>', text, re.DOTALL)
    if not found:
        return []

    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    return json.loads(gzip.decompress(base64.b64decode(found.group(1))), parse_constant=refuse)
