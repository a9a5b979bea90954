"""Themes as TOML files, and the one place where a severity becomes a mark and a colour.

A theme file has `name`, optionally `dark` and `ansi`, a table `[colors]` (Textual's base colours) and a table
`[tones]` (what the console means by its colours). A colour is what CSS calls one: `#rrggbb`, a name, or
`ansi_red` and its like. A file in the user's folder replaces a shipped theme of the same name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import platformdirs
from textual.color import Color, ColorParseError
from textual.theme import BUILTIN_THEMES, Theme

FALLBACK: Final = "dark"

COLOURS: Final = (
    "primary", "secondary", "accent", "foreground", "background", "surface", "panel", "success", "warning", "error",
)  # fmt: skip

# Every `$tone` that styles may name, with what it is when a theme is not ours (Textual's own ones in a test).
TONES: Final[Mapping[str, str]] = {
    "ok": "#8fc79a",
    "info": "#7fb2e5",
    "warning": "#e9b949",
    "critical": "#ff7b72",
    "unknown": "#bfa3e6",
    "label": "#8793a1",
    "frame": "#3b4654",
    "node-1": "#6fb9dc",
    "node-2": "#d9a56b",
    "ami": "#a9c46c",
    "ccops": "#cf94d9",
}

_MARKS: Final = {"ok": "✓", "info": "•", "warning": "▲", "critical": "✖", "unknown": "?"}
_STYLES: Final = {
    "ok": "$ok",
    "info": "$info",
    "warning": "$warning",
    "critical": "bold $critical",
    "unknown": "$unknown",
}


class Loaded(NamedTuple):
    """The themes that are sound, by name, and one line for every fault found."""

    themes: Mapping[str, Theme]
    faults: tuple[str, ...]


def mark(severity: str) -> str:
    """One cell that says the severity without colour: `✓ • ▲ ✖ ?`."""
    return _MARKS.get(severity, "?")


def style(severity: str) -> str:
    """The style (as `Content` takes it, `"bold $critical"`) of a severity; unknown for one it does not know."""
    return _STYLES.get(severity, "$unknown")


def folders() -> tuple[Path, ...]:
    """Where themes are read: the shipped ones (in the package, or beside it in a checkout), then the user's."""
    package = Path(__file__).parent.parent
    shipped = package / "themes"
    if not shipped.is_dir():
        shipped = package.parent / "themes"
    return shipped, platformdirs.user_config_path("ccops") / "themes"


def load(where: Iterable[Path] | None = None) -> Loaded:
    """Reads every `*.toml` of the folders (see `folders`), later ones winning; a faulty file is left out."""
    themes: dict[str, Theme] = {}
    faults: list[str] = []
    for folder in folders() if where is None else where:
        for path in sorted(folder.glob("*.toml")):
            try:
                table = tomllib.loads(path.read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
                faults.append(f"{path}: expected a readable TOML file: {error}")
                continue
            theme, wrong = read(table)
            faults += [f"{path}: {fault}" for fault in wrong]
            if theme is not None:
                themes[theme.name] = theme
    if FALLBACK not in themes:
        faults.append(f"no theme {FALLBACK!r} was found; the console's built-in colours stand in for it")
        themes[FALLBACK] = Theme(FALLBACK, primary="#5f9fc9", variables=dict(TONES))
    return Loaded(themes, tuple(faults))


def read(table: Mapping[str, Any]) -> tuple[Theme | None, list[str]]:
    """A parsed theme file as a `Theme`, or None with all its faults."""
    faults = [
        f"{key}: not a key of a theme; remove it" for key in table.keys() - {"name", "dark", "ansi", "colors", "tones"}
    ]
    name = table.get("name")
    if not isinstance(name, str) or not name.isprintable() or not name:
        faults.append(f"name: expected a word, found {name!r}")
    for key in ("dark", "ansi"):
        if not isinstance(table.get(key, False), bool):
            faults.append(f"{key}: expected true or false, found {table[key]!r}")
    colours = _section(table, "colors", COLOURS, faults)
    tones = _section(table, "tones", tuple(TONES), faults)
    if faults:
        return None, faults
    # Textual's own widgets want more variables in a theme of terminal colours than the sixteen say by themselves.
    base = (
        BUILTIN_THEMES[f"ansi-{'dark' if table.get('dark', True) else 'light'}"].variables if table.get("ansi") else {}
    )
    theme = Theme(
        str(name), dark=table.get("dark", True), ansi=table.get("ansi", False), variables={**base, **tones}, **colours
    )
    try:
        theme.to_color_system().generate()
    except Exception as error:  # Textual checks nothing on registration and crashes on activation
        return None, [f"the colours do not go together: {error}"]
    return theme, []


def _section(table: Mapping[str, Any], name: str, keys: tuple[str, ...], faults: list[str]) -> dict[str, Any]:
    section = table.get(name)
    if not isinstance(section, dict):
        faults.append(
            f"[{name}]: expected a table with {', '.join(keys)}; found {'none' if section is None else section!r}"
        )
        return {}
    faults += [f"{name}.{key}: not a key of this table; remove it" for key in sorted(section.keys() - set(keys))]
    found: dict[str, Any] = {}
    for key in keys:
        value = section.get(key)
        if value is None:
            faults.append(f"{name}.{key}: missing; give it a colour such as {TONES.get(key, '#8793a1')!r}")
        elif not isinstance(value, str) or not is_colour(value):
            faults.append(f"{name}.{key}: expected a colour such as '#8fc79a' or 'ansi_green', found {value!r}")
        else:
            found[key] = value
    return found


def is_colour(text: str) -> bool:
    """True when Textual can read `text` as a colour."""
    try:
        Color.parse(text)
    except (ColorParseError, ValueError):
        return False
    return True
