"""What a MySQL user may write, as `SHOW GRANTS` tells it (MySQL 5.0 to 9, MariaDB): lines in, an answer out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_GRANT = re.compile(
    r"GRANT (?P<what>.+) ON (?:TABLE )?(?P<base>`(?:[^`]|``)*`|[^\s.]+)\.(?P<table>`(?:[^`]|``)*`|\S+) TO "
)
_RIGHT = re.compile(r"\s*([A-Za-z ]+?)\s*(?:\(([^)]*)\))?\s*(?:,|$)")
_BASE = "call_center"


def may(lines: Iterable[str] | None, verb: str, table: str, columns: Sequence[str] = ()) -> bool | None:
    """Whether they allow that verb (`UPDATE`) on that table of call_center, on all of those columns where they count.

    None is not known: without lines, or where roles are granted, whose rights are not among them.
    """
    if lines is None:
        return None
    left, roles = set(columns), False
    for line in lines:
        match = _GRANT.match(line)
        if match is None:
            roles = roles or (line.startswith("GRANT ") and " ON " not in line)
            continue
        if not _covers(match["base"], match["table"], table):
            continue
        for name, of in _rights(match["what"]):
            if name in ("ALL", "ALL PRIVILEGES"):
                return True
            if name == verb and not of:
                return True
            if name == verb:
                left -= of
                if columns and not left:
                    return True
    return None if roles else False


def grant(verb: str, table: str, columns: Sequence[str], user: str) -> str:
    """The statement that gives that right. `user` as CURRENT_USER() has it, `ccops@localhost`."""
    name, _, host = user.rpartition("@")
    only = f" ({', '.join(columns)})" if columns else ""
    spelt = "`break`" if table == "break" else table
    return f"GRANT {verb}{only} ON {_BASE}.{spelt} TO '{name or user}'@'{host if name else 'localhost'}'"


def _rights(what: str) -> Iterable[tuple[str, frozenset[str]]]:
    """`SELECT, UPDATE (a, b)` as names with the columns that they are limited to."""
    for match in _RIGHT.finditer(what):
        of = frozenset(part.strip().strip("`") for part in (match[2] or "").split(",") if part.strip())
        yield match[1].strip().upper(), of


def _covers(base: str, of: str, table: str) -> bool:
    """Whether `base.of` of a grant is about that table; a database may be a pattern (`call\\_center`, `call%`)."""
    name = _bare(of)
    if name not in ("*", table):
        return False
    pattern = _bare(base)
    if pattern in ("*", _BASE):
        return True
    parts = re.split(r"(\\.|%|_)", pattern)
    spelt = {"%": ".*", "_": "."}
    regex = "".join(re.escape(p[1:]) if p.startswith("\\") else spelt.get(p, re.escape(p)) for p in parts)
    return re.fullmatch(regex, _BASE) is not None


def _bare(name: str) -> str:
    return name[1:-1].replace("``", "`") if name.startswith("`") else name
