"""The settings of a simulated pair as a file, so that other commands find it while it runs."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from ccops.config import Settings

_FIRST_LINE = "# A simulated pair of `ccops demo`, there as long as that runs."


@contextlib.contextmanager
def settings_file(settings: Settings, path: Path) -> Iterator[None]:
    """It is there (mode 0600) while this is entered. One that a demo has left is written over, any other file is not.

    Raises FileExistsError, or another OSError where it cannot be written.
    """
    with contextlib.suppress(FileNotFoundError, UnicodeDecodeError):
        if path.read_text(encoding="utf-8").split("\n", 1)[0] == _FIRST_LINE:
            path.unlink()
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text_of(settings))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def text_of(settings: Settings) -> str:
    """TOML of the pairs, and of where the console records and rings."""
    console = {"audit": settings.console.audit, "extension": settings.console.extension}
    pairs = {name: msgspec.to_builtins(pair) for name, pair in settings.pairs.items()}
    return "\n".join([_FIRST_LINE, *_table(("console",), console), *_table(("pairs",), pairs), ""])


def _table(path: tuple[str, ...], values: Mapping[str, Any]) -> Iterator[str]:
    plain = {key: value for key, value in values.items() if value is not None}
    tables = {key: value for key, value in plain.items() if isinstance(value, Mapping)}
    many = {
        key: value
        for key, value in plain.items()
        if isinstance(value, tuple | list) and value and isinstance(value[0], dict)
    }
    rest = {key: value for key, value in plain.items() if key not in tables and key not in many}
    if rest:
        yield f"\n[{_name(path)}]"
        yield from (f"{_word(key)} = {json.dumps(value)}" for key, value in rest.items())
    for key, value in tables.items():
        yield from _table((*path, key), value)
    for key, rows in many.items():
        for row in rows:
            yield f"\n[[{_name((*path, key))}]]"
            yield from (f"{_word(name)} = {json.dumps(value)}" for name, value in row.items() if value is not None)


def _name(path: tuple[str, ...]) -> str:
    return ".".join(map(_word, path))


def _word(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else json.dumps(key)
