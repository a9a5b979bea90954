"""Where things stand in a TOML file: every statement with its key path and its lines (TOML 1.0, toml.io).

The standard parser says what a file means but not where; errors and careful edits need the line.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

Path = tuple[str | int, ...]


class Statement(NamedTuple):
    """One header or one key with its value. Lines count from 1, `last` included.

    `path` is complete (the table's path and the key's); an array of tables has its index in it.
    """

    kind: Literal["table", "array", "key"]
    path: Path
    first: int
    last: int


def statements(text: str) -> list[Statement]:
    """All statements of a TOML text, in order. Text that is not TOML gives what could be read, never an error."""
    return list(_Scanner(text).run())


def line_of(text: str, path: Path) -> int:
    """The line on which `path` stands; else that of its longest known beginning, else 1.

    What is inside an inline table or an array has the line of the key that begins it.
    """
    known: dict[Path, int] = {}
    for statement in statements(text):
        for end in range(len(statement.path), 0, -1):
            known.setdefault(statement.path[:end], statement.first)
    return next((known[path[:end]] for end in range(len(path), 0, -1) if path[:end] in known), 1)


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n")
        self.at = 0
        self.line = 1
        self.counts: dict[Path, int] = {}

    def run(self) -> Iterator[Statement]:
        table: Path = ()
        while self._skip_blank():
            first = self.line
            if self._peek("["):
                kind: Literal["table", "array"] = "array" if self._peek("[[") else "table"
                self._step(2 if kind == "array" else 1)
                table = self._resolve(self._key("]"), kind)
                self._skip_line()
                yield Statement(kind, table, first, first)
            else:
                path = (*table, *self._key("="))
                self._step(1)
                self._skip_value()
                yield Statement("key", path, first, self.line)
                self._skip_line()

    def _resolve(self, keys: list[str], kind: Literal["table", "array"]) -> Path:
        """A header's path: names that are arrays of tables mean their newest element."""
        path: Path = ()
        for key in keys[:-1]:
            path = self._newest((*path, key))
        path = (*path, *keys[-1:])
        if kind == "array":
            self.counts[path] = self.counts.get(path, -1) + 1
        return self._newest(path)

    def _newest(self, path: Path) -> Path:
        return (*path, self.counts[path]) if path in self.counts else path

    def _key(self, end: str) -> list[str]:
        """A dotted key up to `end` (which is left unread) or the end of the line."""
        parts = [""]
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == end or char == "\n":
                break
            if char in "\"'":
                start = self.at
                self._skip_string()
                parts[-1] += _unquote(self.text[start : self.at])
                continue
            if char == ".":
                parts.append("")
            elif not char.isspace():
                parts[-1] += char
            self._step(1)
        return parts

    def _skip_value(self) -> None:
        """Past a value: to the end of its line, or of the line on which its brackets or quotes close."""
        depth = 0
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == "\n" and depth <= 0:
                return
            if char == "#":
                self._skip_line()
            elif char in "\"'":
                self._skip_string()
            else:
                depth += (char in "[{") - (char in "]}")
                self._step(1)

    def _skip_string(self) -> None:
        quote = self.text[self.at]
        multi = self._peek(quote * 3)
        closing = quote * 3 if multi else quote
        self._step(len(closing))
        while self.at < len(self.text):
            if self._peek(closing):
                self._step(len(closing))
                while multi and self._peek(quote):  # """two quotes may stand before the closing three"""""
                    self._step(1)
                return
            if self._peek("\n") and not multi:
                return
            self._step(2 if quote == '"' and self._peek("\\") else 1)

    def _skip_blank(self) -> bool:
        """To the next statement; False at the end."""
        while self.at < len(self.text):
            if self._peek("#"):
                self._skip_line()
            elif self.text[self.at].isspace() or self._peek("\ufeff"):
                self._step(1)
            else:
                return True
        return False

    def _skip_line(self) -> None:
        """To the end of this line, in front of its newline."""
        end = self.text.find("\n", self.at)
        self.at = len(self.text) if end < 0 else end

    def _peek(self, what: str) -> bool:
        return self.text.startswith(what, self.at)

    def _step(self, count: int) -> None:
        self.line += self.text.count("\n", self.at, self.at + count)
        self.at = min(self.at + count, len(self.text))


def _unquote(quoted: str) -> str:
    """A quoted key's name. Escapes other than of the quote and the backslash are left as they stand."""
    inner = quoted[1:-1] if len(quoted) > 1 else ""
    return inner.replace('\\"', '"').replace("\\\\", "\\") if quoted[0] == '"' else inner
