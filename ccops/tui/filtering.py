"""The filter of every list: plain words, without regard to case and accents; `!` turns it round."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import msgspec


class Filter(msgspec.Struct, frozen=True):
    """Words that all must occur somewhere in the texts; `inverted` shows what does not match.

    An empty filter matches everything.
    """

    words: tuple[str, ...] = ()
    inverted: bool = False

    @classmethod
    def parse(cls, pattern: str) -> Filter:
        """Reads what was typed: `word word`, `!word word`. Any text is a filter; a lone `!` is an empty one."""
        text = pattern.strip()
        inverted = text.startswith("!")
        words = tuple(fold(text.lstrip("!")).split())
        return cls(words=words, inverted=inverted and bool(words))

    def __bool__(self) -> bool:
        return bool(self.words)

    def matches(self, *texts: str) -> bool:
        """True when a row with these texts is to be shown."""
        if not self.words:
            return True
        # The newline keeps a word from matching across two texts.
        whole = "\n".join(map(fold, texts))
        return all(word in whole for word in self.words) != self.inverted


def matches(pattern: str, *texts: str) -> bool:
    """True when a row with these texts is to be shown under that pattern."""
    return Filter.parse(pattern).matches(*texts)


@lru_cache(maxsize=8192)
def fold(text: str) -> str:
    """`text` without case and accents, for comparing."""
    if text.isascii():
        return text.casefold()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))
