"""What a page carries packed, and the reader's browser unpacks when a figure comes into sight."""

import base64
import functools
import gzip


def pack(text: str) -> str:
    """A text as base64 of gzip, the same at every call."""
    return base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode()


@functools.cache
def packed() -> str:
    """Plotly's script, packed: a third of its size, and no cost before it is needed."""
    from plotly.offline import get_plotlyjs

    return pack(get_plotlyjs())
