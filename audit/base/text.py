"""Strings from strangers, made safe to show."""

from __future__ import annotations

import unicodedata


def printable(text: str, *, limit: int = 120) -> str:
    """Make a hostile string safe to show: no control, bidi or unpaired characters, bounded length.

    Args:
        text: any string, for instance a file name (may hold surrogate escapes).
        limit: greatest length of the answer; longer text is cut and ends in an ellipsis.
    """
    kept = "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c)[0] == "C" else c for c in text)
    return kept if len(kept) <= limit else kept[: limit - 1] + "\N{HORIZONTAL ELLIPSIS}"
