"""What becomes different, in the field's words; a secret is said to change and never told."""

from __future__ import annotations

from ccops.pbx.model import LABELS, Entry, fields, identity, key_of, kind_of
from ccops.text import clean


def diff(before: Entry | None, after: Entry | None) -> tuple[str, ...]:
    """A line a field that changes: `name: Ana → Ana Lucía`. Added and deleted ones are told with all that they have."""
    if before is None and after is None:
        return ()
    some = after or before
    assert some is not None
    kind = kind_of(some)
    if before is None or after is None:
        word = "added" if before is None else "deleted"
        told = (_told(field, getattr(some, field)) for field in fields(kind) if field != identity(kind))
        given = [f"{LABELS[field]} {text}" for field, text in zip(_others(some), told, strict=True) if text]
        return (f"{kind} {key_of(some)} {word}: {', '.join(given)}",)
    lines = []
    for field in fields(kind):
        old, new = getattr(before, field), getattr(after, field)
        if old == new:
            continue
        if field == "secret":
            lines.append("secret: another one" if old and new else "secret: set" if new else "secret: none any more")
        elif field == "disabled":
            lines.append("disabled: Asterisk no longer knows it" if new else "enabled: Asterisk knows it again")
        else:
            lines.append(f"{LABELS[field]}: {clean(str(old)) or 'not set'} → {clean(str(new)) or 'not set'}")
    return tuple(f"{kind} {key_of(after)}: {line}" for line in lines)


def _others(entry: Entry) -> tuple[str, ...]:
    kind = kind_of(entry)
    return tuple(field for field in fields(kind) if field != identity(kind))


def _told(field: str, value: object) -> str:
    if value is None or value is False or value == "":
        return ""
    return "yes" if value is True else clean(str(value))
