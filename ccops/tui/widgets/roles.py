"""The styles of the roles a text can have: severities from the theme's variables, with something to fall back on."""

from __future__ import annotations

from collections.abc import Mapping

from rich.style import Style
from textual.color import Color, ColorParseError

from ccops.tui.widgets.cells import Role

# The console's themes define the first of each; a plain Textual theme has the others.
_VARIABLES: Mapping[Role, tuple[str, ...]] = {
    "ok": ("ok", "success"),
    "info": ("info", "accent"),
    "warning": ("warning",),
    "critical": ("critical", "error"),
    "unknown": ("unknown",),
}
# What a role has beside its colour, so that it also stands out where there are no colours.
_ATTRIBUTES: Mapping[Role, Style] = {
    "critical": Style(bold=True),
    "unknown": Style(italic=True),
    "muted": Style(dim=True),
    "strong": Style(bold=True),
}
ROLES: tuple[Role, ...] = ("", "ok", "info", "warning", "critical", "unknown", "muted", "strong")


def role_styles(variables: Mapping[str, str], old: bool = False) -> Mapping[Role, Style]:
    """A style for every role, from the variables of the theme in use (`App.theme_variables`).

    What is `old` has no colour: a state of a while ago is neither good nor bad now.
    """
    if old:
        return {role: Style(dim=True) for role in ROLES}
    return {role: _colour(role, variables) + _ATTRIBUTES.get(role, Style()) for role in ROLES}


def _colour(role: Role, variables: Mapping[str, str]) -> Style:
    for name in _VARIABLES.get(role, ()):
        try:
            return Style(color=Color.parse(variables[name]).rich_color)
        except (KeyError, ColorParseError):
            continue
    return Style()
