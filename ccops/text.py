"""Text from outside made harmless: the one place where control characters are cut."""

from __future__ import annotations

import re

# C0 without tab and newline, DEL, C1, and the marks that turn the direction of text (Unicode TR9, TR36).
_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def clean(text: str, limit: int = 4096) -> str:
    """One line of `text` without control characters; tabs and newlines become spaces; at most `limit` characters."""
    if len(text) <= limit and text.isprintable():
        return text  # nothing of what is cut counts as printable (Unicode's Cc, Cf, Cs, Zl, Zp)
    return _HARMFUL.sub("", text[: limit * 2]).replace("\t", " ").replace("\n", " ")[:limit]


def decode(data: bytes) -> str:
    """Bytes from a node as text: UTF-8, else Latin-1 (old servers log in it). Never fails."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")
