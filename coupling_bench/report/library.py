"""Plotly as the page carries it: once, packed, and unpacked by the reader's browser."""

import base64
import functools
import gzip


@functools.cache
def packed() -> str:
    """Plotly's script as base64 of gzip: a third of its size, and no cost before it is needed."""
    from plotly.offline import get_plotlyjs

    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode()
