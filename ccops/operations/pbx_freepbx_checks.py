"""What must hold before extensions and trunks of FreePBX are edited, whichever way leads there. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ccops.operations.exchange import Changes, joined
from ccops.operations.plan import Check
from ccops.pbx import freepbx_extensions, freepbx_trunks
from ccops.pbx.freepbx_rows import Edit, Tables, too_long
from ccops.pbx.model import DRIVERS, LABELS, Entry, Extension, Tech, Trunk, key_of, kind_of
from ccops.pbx.rules import shown
from ccops.pbx.spelling import unspelt


def grounds(tables: Tables, techs: Sequence[Tech], node: str, can_apply: bool, resuming: bool) -> Iterator[Check]:
    """What must hold for an edit of any entry of these drivers; `can_apply`: there is a command that applies it."""
    if not resuming:
        yield Check(
            "nothing that was saved in FreePBX waits to be applied (need_reload)",
            not tables.need_reload,
            "somebody has saved something there and has not applied it: this edit would apply it too",
            "apply it in FreePBX, or ask who saved it",
        )
    yield Check(
        "FreePBX can be told to apply what is saved",
        can_apply,
        "neither fwconsole nor amportal is there",
        f"install it on {node}, or put it on the PATH",
        lasting=True,
    )
    for tech in techs:
        if tech == "pjsip":
            able = tables.issabel or tables.version >= (12,)
            yield Check("this FreePBX knows PJSIP", able, f"it is {tables.spelt}", "name another driver")


def checks(tables: Tables, changes: Changes, edit: Edit, *, exact: bool) -> Iterator[Check]:
    """What must hold for these changes, which come to `edit`; `exact`: those very rows are written."""
    numbers = {line.trunk.name: line for line in freepbx_trunks.lines(tables)}
    for old, new in joined(changes):
        some = new or old
        assert some is not None
        key = key_of(some)
        yield from _unlike_driver(new, key)
        if isinstance(new, Extension):
            yield from _extension(tables, old, new, exact)
        if isinstance(some, Trunk):
            yield from _trunk(tables, old, new, numbers.get(key_of(old)) if old is not None else None)
    for table, column, most in too_long(tables, edit):
        yield Check(f"{table}.{column} takes it", False, f"more than {most} bytes, the rest would be cut", "shorten it")


def _extension(tables: Tables, old: Entry | None, new: Extension, exact: bool) -> Iterator[Check]:
    if new.disabled:
        yield Check(
            f"{new.number}: stays in force",
            False,
            "FreePBX has no extensions that are disabled",
            "delete it, or give it another secret",
        )
    if new.tech == "pjsip" and not tables.issabel and new.nat != (getattr(old, "nat", "") or "yes"):
        yield Check(
            f"{new.number}: NAT stays as it is",
            False,
            "FreePBX has three settings for it with PJSIP",
            "leave it out, and set them in FreePBX",
        )
    changed = old is None or getattr(old, "name", "") != new.name
    if changed and "'" in new.name and tables.issabel and not exact:
        yield Check(
            f"{new.number}: the name has no '",
            False,
            "IssabelPBX' functions would put \\ in front of it",
            "write it without",
        )
    if changed and tables.unlike_utf8 and not new.name.isascii():
        yield Check(
            f"{new.number}: the name is ASCII",
            False,
            "this FreePBX' names are not in UTF-8",
            "write it without accents",
        )


def _trunk(tables: Tables, old: Entry | None, new: Entry | None, line: freepbx_trunks.Line | None) -> Iterator[Check]:
    some = new or old
    assert some is not None
    name = key_of(old or some)
    if new is not None and new.tech == "pjsip":
        yield Check(f"{name} is a trunk of chan_sip or IAX2", False, "PJSIP", "PJSIP trunks are edited in FreePBX")
    twice = sum(each.trunk.name == name for each in freepbx_trunks.lines(tables)) > 1
    if twice:
        yield Check(f"{name} is one trunk", False, "FreePBX has two of that name", "rename one of them there")
    if old is None and isinstance(new, Trunk):
        number = freepbx_trunks.free(freepbx_trunks.taken(tables))
        ids = [row for table in ("sip", "iax") for row in tables.of(table) if row.get("id") in _ids_of(tables, number)]
        if ids:
            yield Check(
                f"number {number} is free for the trunk",
                False,
                "rows of another trunk have its ids",
                "add it in FreePBX",
            )
    if isinstance(new, Trunk) and new.register == "yes":
        before = freepbx_trunks.registration(tables, line) if line is not None else ""
        if before and isinstance(old, Trunk) and freepbx_trunks.registered_as(before, old, new) is None:
            yield Check(
                f"{name}: its registration is of a known form", False, "user:secret@host/number was expected",
                "change it in FreePBX",
            )  # fmt: skip
        secret = new.secret.reveal() if new.secret else ""
        if (old is None or getattr(old, "secret", None) != new.secret) and any(c in secret for c in "@:/"):
            yield Check(f"{name}: a secret that registers has none of @ : /", False, "it has one", "choose another")


def _ids_of(tables: Tables, number: str) -> frozenset[str]:
    about = ("tr-peer-", "tr-user-", "tr-reg-", "pjsip-") if tables.has("trunks") else ("9999", "99999", "9999999")
    return frozenset(f"{word}{number}" for word in about)


def _unlike_driver(new: Entry | None, key: str) -> Iterator[Check]:
    if new is None:
        return
    fixed = {**unspelt(kind_of(new), new.tech)}
    if isinstance(new, Extension) and new.tech == "pjsip":
        fixed |= freepbx_extensions.PJSIP_ONLY
    for field, only in fixed.items():
        value = getattr(new, field)
        if field not in ("channels", "register") and value not in (only, ""):
            yield Check(
                f"{key}: {LABELS[field]} is {shown(only)} with {DRIVERS[new.tech]}", False, shown(value), "leave it out"
            )
