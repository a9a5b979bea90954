"""Asterisk's agents.conf: which agents it has, and the text with one more or one less.

Two formats: chan_agent's lines `agent => 9000,1234,Ana Torres` (Asterisk 1.4 to 11; as the call-center module writes
them), and app_agent_pool's sections `[9000]` with `fullname` (12 on, without a password). Everything else in the file
stays as it is.
"""

from __future__ import annotations

import re

_LINE = re.compile(r"[ \t]*agent[ \t]*=>?[ \t]*(\d+)[ \t]*(?:,|$)")
_HEAD = re.compile(r"[ \t]*\[([^\]]+)\][ \t]*(\([^)]*\))?")
_TEMPLATE = "agent-defaults"


def has_sections(version: str | None) -> bool:
    """Whether that Asterisk reads sections (app_agent_pool) instead of lines; None counts as an old one."""
    match = re.match(r"(\d+)", version or "")
    return match is not None and int(match[1]) >= 12


def numbers(text: str) -> frozenset[str]:
    """The agents in it, of both formats; `general`, `agents` and templates are none."""
    found = set()
    for line in text.split("\n"):
        match, head = _LINE.match(line), _HEAD.match(line)
        if match is not None:
            found.add(match[1])
        elif head is not None and head[1].isdecimal() and "!" not in (head[2] or ""):
            found.add(head[1])
    return frozenset(found)


def added(text: str, number: str, password: str, name: str, sections: bool) -> str:
    """With one agent more, at its end. The name must be one line without `,` or `;`."""
    body = text if not text or text.endswith("\n") else f"{text}\n"
    if not sections:
        return f"{body}agent => {number},{password},{name}\n"
    inherits = f"({_TEMPLATE})" if f"[{_TEMPLATE}](!)" in text else ""
    return f"{body}\n[{number}]{inherits}\nfullname={name}\n"


def removed(text: str, number: str) -> str:
    """Without that agent: its line, and its section with all that is in it."""
    kept, inside = [], False
    for line in text.split("\n"):
        match = _LINE.match(line)
        if match and match[1] == number:
            continue
        if head := _HEAD.match(line):
            inside = head[1] == number
        if not inside:
            kept.append(line)
    found = "\n".join(kept)
    return found if not text.endswith("\n") or found.endswith("\n") or not found else f"{found}\n"
