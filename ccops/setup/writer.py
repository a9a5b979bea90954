"""Putting a pair into `ccops.toml` without touching the rest of it."""

from __future__ import annotations

import os
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ccops.config import ConfigError, parse
from ccops.config.lines import statements


def write_config(path: Path, text: str, *, replace: bool = False) -> Path | None:
    """Adds the pairs of `text` (TOML) to the settings in `path`, which is made when it is not there.

    What else is in the file stays as it is, comments too. The new file has mode 0600, its folder, if new, 0700; it
    appears in one piece. Returns where the former file was kept (`.bak`), None when there was none.

    Raises ConfigError: a pair of that name is there and `replace` is false; the result would not be right; or the file
    cannot be written. Nothing was changed then.
    """
    try:
        target = path.resolve()  # a link into a repository of settings stays a link
        old = target.read_text(encoding="utf-8") if target.exists() else None
        new = merge(old or "", text, path, replace=replace)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        backup = target.with_name(target.name + ".bak") if old is not None else None
        if backup is not None and old is not None:
            _place(backup, old)
        _place(target, new)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: expected to be able to write it, found: {error}") from None
    return backup


def merge(old: str, text: str, path: Path | None, *, replace: bool = False) -> str:
    """`old` with the pairs of `text` in it; raises ConfigError as `write_config` does. `path` is only for messages."""
    added = parse(text, None).pairs
    where = path or "ccops.toml"
    before = _read(old, path)
    pairs = before.get("pairs", {})
    for name in added:
        if isinstance(pairs, dict) and name in pairs:
            if not replace:
                raise ConfigError(f'{where}: expected no pair "{name}", found one; choose another name, or replace it')
            old = _without(old, name)
    merged = old.rstrip() + "\n\n" + text.strip() + "\n" if old.strip() else text.strip() + "\n"
    try:
        after = tomllib.loads(merged)
    except tomllib.TOMLDecodeError:
        raise ConfigError(
            f"{where}: expected each pair in tables of its own, [pairs.NAME], found another way of writing "
            "to which nothing can be added; rewrite it so, or add the new pair by hand"
        ) from None
    fresh = tomllib.loads(text)["pairs"]
    if _but(after, added) != _but(before, added) or any(after["pairs"].get(n) != pair for n, pair in fresh.items()):
        raise ConfigError(f"{where}: expected to add a pair and change nothing else, found no way; add it by hand")
    parse(merged, path)
    return merged


def _read(text: str, path: Path | None) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        parse(text, path)  # says where, in words
        raise


def _but(data: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The settings without those pairs."""
    pairs = {name: pair for name, pair in data.get("pairs", {}).items() if name not in names}
    return {**data, "pairs": pairs}


def _without(text: str, name: str) -> str:
    """The text without that pair: its statements, and what stands between two of them (comments on them)."""
    gone: set[int] = set()
    last = None
    for statement in statements(text):
        ours = statement.path[:2] == ("pairs", name)
        if ours:
            gone.update(range(last + 1 if last else statement.first, statement.last + 1))
        last = statement.last if ours else None
    lines = text.splitlines(keepends=True)
    return "".join(line for number, line in enumerate(lines, 1) if number not in gone)


def _place(path: Path, text: str) -> None:
    """Writes a file in one piece: whoever reads it sees the old one or the new one. Mode 0600."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
