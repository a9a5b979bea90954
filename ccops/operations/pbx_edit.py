"""Editing extensions and trunks in the files of Asterisk that ccops owns: the plan, drawn from what was read there.

Arguments of a request: `do` (add, copy, edit, rename, disable, enable, delete, import), `key` (number or name), the
fields that are given, `secret` (a token of the vault), `to` (the new name of a copy or rename), `rows` (a token: a
sheet), and `was`, which the plan adds: the MD5 of the file that it was drawn from.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from ccops.config import Secret
from ccops.operations.exchange import FOLDER, Exchange, digest_of
from ccops.operations.pbx_deed import Change, apply, keep, put_back
from ccops.operations.plan import Check, Condition, Look, OperationError, Plan, Request, Step
from ccops.operations.scene import Scene, reachable, serves
from ccops.pbx import heard
from ccops.pbx.changes import diff
from ccops.pbx.model import Entry, Extension, Kind, fields, identity, key_of, made, renamed
from ccops.pbx.owned import NotOwned, OwnedFile, parse
from ccops.pbx.rules import Known, faults
from ccops.text import clean

if TYPE_CHECKING:
    from ccops.operations.bench import Bench

DEEDS = ("add", "copy", "edit", "rename", "disable", "enable", "delete", "import")
_WORDS = {"copy": "Copy", "import": "Import"}


def words(request: Request) -> tuple[str, ...]:
    """What to type for such a request after `ccops`; without secret and sheet, and without what a plan decided."""
    given = {name: clean(value, 300) for name, value in request.arguments.items()}
    first = ["ext" if request.operation == "extension" else "trunk", given.get("do", "")]
    first += [given[name] for name in ("key", "to") if name in given]
    rest = sorted(name for name in given if name not in ("do", "key", "to", "was", "rows", "secret"))
    return (*first, *(word for name in rest for word in (f"--{name.replace('_', '-')}", given[name])))


class _Draft(msgspec.Struct, frozen=True):
    """What would become of the file: `changes` by (before, after), each with the name it had where it keeps it."""

    before: OwnedFile
    after: OwnedFile
    changes: tuple[tuple[Entry | None, Entry | None], ...]


def plan_edit(request: Request, scene: Scene) -> Plan:
    """Adds, copies, edits, renames, disables, enables, deletes or imports extensions or trunks."""
    kind: Kind = "extension" if request.operation == "extension" else "trunk"
    do = request.arguments.get("do", "")
    if do not in DEEDS:
        raise OperationError(f"{request.operation} {do!r} is nothing that can be done; there are {', '.join(DEEDS)}")
    what = f"{request.arguments.get('key', '')}".strip() or f"{kind}s"
    title = f"{do.capitalize()} {kind} {clean(what, 60)}" if do != "import" else f"Import {kind}s"
    exchange = scene.exchange.value if scene.exchange else None
    node = scene.serving
    checks = list(_grounds(scene, exchange))
    if exchange is None or node is None or any(check.holds is not True for check in checks):
        return Plan(request, title, "Nothing can be planned yet.", (), tuple(checks), "administrator")
    assert exchange.tech is not None
    assert exchange.text is not None
    now = parse(exchange.text.reveal(), exchange.tech)
    asked = replace(request, node=node, arguments={"was": exchange.digest, **request.arguments})
    draft = _drawn(kind, do, request, scene, exchange, now, checks)
    change = Change(node, exchange.tech, exchange.path, exchange.text, Secret(draft.after.text))
    checks.append(_as_it_was(asked, exchange))
    checks += _faultless(draft, exchange, now)
    told = [line for before, after in draft.changes for line in diff(before, after)]
    return Plan(
        asked,
        title,
        f"{exchange.path} on {node} is written anew, and Asterisk reads its {_driver(exchange)} again.",
        _steps(change, node, told),
        checks=tuple(checks),
        role="administrator",
        notices=("calls in progress go on: a reload does not touch them", *_unreached(draft, exchange)),
        evidence=tuple(told) or ("nothing would change",),
        undo_text="the former file is kept beside the audit log; a failure puts it back at once",
    )


# What must hold whatever is edited


def _grounds(scene: Scene, exchange: Exchange | None) -> Iterator[Check]:
    node = scene.serving
    yield Check(
        "one node is seen to serve",
        node is not None,
        "" if node else "none, or two",
        "see `ccops triage`: an edit goes to the node that serves, and to no other",
        lasting=True,
    )
    if node is None:
        return
    yield reachable(scene, node)
    unread = (scene.exchange.problem if scene.exchange else None) or "it was not looked at"
    yield Check(
        f"Asterisk's files on {node} could be read",
        None if exchange is None else exchange.node == node,
        unread if exchange is None else f"{exchange.node} served when it was read",
        "they are read and written as root, by scripts: connect as root, or with `sudo = true` and rights for /bin/sh",
        lasting=True,
    )
    if exchange is None:
        return
    mount = scene.pair.layout.mount.rstrip("/")
    yield Check(
        f"{FOLDER} lies on the volume, so that the other node has it too",
        f"{exchange.folder}/".startswith(f"{mount}/"),
        f"it is {exchange.folder or 'not known'}",
        f"move it below {mount} and put a link in its place, on both nodes",
        lasting=True,
    )
    yield Check(
        "Asterisk has a driver for SIP that ccops can edit",
        exchange.tech is not None,
        "neither chan_sip nor chan_pjsip is loaded",
        "`asterisk -rx 'module show like chan_'`",
        lasting=True,
    )
    if exchange.tech is None:
        return
    make = f"install -m 0640 -o asterisk -g asterisk /dev/null {exchange.path}"
    # A blank line first: the file may end without a newline.
    include = f"printf '\\n#include {exchange.path.rpartition('/')[2]}\\n' >> {exchange.main}"
    yield Check(
        f"there is a file of ccops' own, {exchange.path}",
        exchange.text is not None,
        "there is none",
        f"once, on {node}: {make} && {include}",
        lasting=True,
    )
    if exchange.text is None:
        return
    yield Check(
        f"{exchange.main} includes it, at its end or before a section",
        exchange.included,
        "its instructions could not be read" if exchange.included is None else "it does not, or other keys follow it",
        f"once, on {node}: {include}",
        lasting=True,
    )
    why = _not_ours(exchange)
    yield Check(
        f"{exchange.path} is as ccops wrote it",
        why is None,
        why or "",
        "take out what ccops did not write",
        lasting=True,
    )


def _not_ours(exchange: Exchange) -> str | None:
    assert exchange.text is not None
    assert exchange.tech is not None
    if digest_of(exchange.text.reveal()) != exchange.digest:
        return "it has bytes that are no UTF-8 text, or it changes right now"
    try:
        parse(exchange.text.reveal(), exchange.tech)
    except NotOwned as error:
        return str(error)
    return None


def _as_it_was(asked: Request, exchange: Exchange) -> Check:
    """Two consoles may have drawn plans from one file: the second is refused, and looks again.

    It also holds back an interrupted edit that has written the file already, so that nothing is added to it twice.
    """
    return Check(
        f"{exchange.path} is the one that this was planned from",
        asked.arguments["was"] == exchange.digest,
        "it was changed meanwhile, by somebody else or by this very edit",
        "ask for it again, and look at what would change now; one that was interrupted can be undone",
        lasting=True,
    )


def _driver(exchange: Exchange) -> str:
    return "SIP peers" if exchange.tech == "sip" else "PJSIP endpoints"


# What would become of it


def _drawn(
    kind: Kind, do: str, request: Request, scene: Scene, exchange: Exchange, now: OwnedFile, checks: list[Check]
) -> _Draft:
    """The draft. One that is resumed and can no longer be drawn has a check that tells so, and can be undone."""
    try:
        if do == "import":
            return _import(kind, request, scene, exchange, now)
        return _one(kind, do, request, scene, exchange, now)
    except OperationError as error:
        if not scene.resuming:
            raise
        text = "what was asked for is still known, and not done yet"
        checks.append(Check(text, False, str(error), "undo it or leave it, and ask for it anew", lasting=True))
        return _Draft(now, now, ())


def _one(kind: Kind, do: str, request: Request, scene: Scene, exchange: Exchange, now: OwnedFile) -> _Draft:
    arguments = request.arguments
    key, to = arguments.get("key", ""), arguments.get("to", "")
    if not key:
        raise OperationError(f"which {kind}? its {identity(kind)} is missing")
    old = now.find(kind, key)
    given = _given(kind, request, scene)
    if do == "add":
        new = made(kind, key, given)
        return _Draft(now, now.added(new, exchange.version), ((None, new),))
    if old is None:
        there = ", ".join(key_of(e) for e in now.entries if isinstance(e, Extension) is (kind == "extension"))
        raise OperationError(f"{exchange.path} has no {kind} {key!r}; it has {clean(there, 300) or 'none'}")
    if do in ("copy", "rename") and not to:
        raise OperationError(f"to which {identity(kind)}? it is missing")
    if do == "copy":
        secret = given.get("secret") or (None if kind == "trunk" else _missing("secret"))
        new = replace(renamed(old, to), **{**given, "secret": secret})
        return _Draft(now, now.added(new, exchange.version), ((None, new),))
    if do == "delete":
        return _Draft(now, now.deleted(kind, key), ((old, None),))
    new = {
        "edit": lambda: replace(old, **given),
        "rename": lambda: renamed(old, to),
        "disable": lambda: replace(old, disabled=True),
        "enable": lambda: replace(old, disabled=False),
    }[do]()
    changes = ((old, new),) if do != "rename" else ((old, None), (None, new))
    return _Draft(now, now.edited(kind, key, new, exchange.version), changes)


def _missing(what: str) -> Secret:
    raise OperationError(f"a copy needs a {what} of its own")


def _given(kind: Kind, request: Request, scene: Scene) -> dict[str, str | bool | Secret]:
    given: dict[str, str | bool | Secret] = {}
    for field, value in request.arguments.items():
        if field in ("do", "key", "to", "was", "rows"):
            continue
        if field not in fields(kind) or (field == identity(kind)):
            raise OperationError(f"{field!r} is no field of a {kind}; there are {', '.join(fields(kind))}")
        if field == "secret":
            secret = scene.vault.secret(value) if scene.vault else None
            if secret is None:
                raise OperationError("its secret is not known any more: secrets are kept only while ccops runs")
            given[field] = secret
        elif field == "disabled":
            given[field] = value == "yes"
        else:
            given[field] = value
    return given


def _import(kind: Kind, request: Request, scene: Scene, exchange: Exchange, now: OwnedFile) -> _Draft:
    rows = scene.vault.rows(request.arguments.get("rows", "")) if scene.vault else None
    if rows is None:
        raise OperationError("the sheet is not known any more: it is kept only while ccops runs")
    after, changes = now, list[tuple[Entry | None, Entry | None]]()
    for row in rows:
        old = now.find(kind, row.key)
        secret = {"secret": row.secret} if row.secret is not None else {}
        if old is None:
            new = made(kind, row.key, {**row.given, **secret})
            after = after.added(new, exchange.version)
        else:
            new = replace(old, **{**row.given, **secret})
            after = after.edited(kind, row.key, new, exchange.version)
        if old != new:
            changes.append((old, new))
    return _Draft(now, after, tuple(changes))


# Whether it may be


def _faultless(draft: _Draft, exchange: Exchange, now: OwnedFile) -> Iterator[Check]:
    """A check a fault; of what is right one line is enough."""
    wrong = 0
    for old, new in draft.changes:
        if new is None:
            continue
        kept = key_of(old) if old is not None else None
        for fault in faults(new, _known(exchange, now, key_of(new)), kept):
            wrong += 1
            yield Check(
                f"{key_of(new)}: {fault.field} is {fault.expected}", False, fault.found, fault.remedy or "correct it"
            )
    if not wrong:
        yield Check("numbers and names are free, and every field is right", True)
    if not draft.changes:
        yield Check("something would change", False, "it is so already", "nothing has to be done")
    elif draft.after.text == draft.before.text:
        yield Check("something would change", False, "the file would stay as it is", "nothing has to be done")


def _known(exchange: Exchange, now: OwnedFile, key: str) -> Known:
    """What is in use: in ccops' own file, in the main file, as a peer of Asterisk, as a queue, in the dialplan."""
    names = {name: "a section of the main file" for name in exchange.sections}
    names |= {name: "Asterisk has one of that name, from another file or table" for name in exchange.peers}
    names |= {key_of(e): "an extension" if isinstance(e, Extension) else "a trunk" for e in now.entries}
    numbers = {queue: "a queue" for queue in exchange.queues}
    plan = exchange.dialplan
    if plan is not None and (what := heard.used_otherwise(key, plan)):
        numbers.setdefault(key, what)
    return Known(names, numbers, plan.contexts if plan else None)


def _unreached(draft: _Draft, exchange: Exchange) -> Iterator[str]:
    if any(old is None and isinstance(new, Extension) for old, new in draft.changes):
        yield "the dialplan is not changed: a new number rings where a pattern or line of it dials it"


# Steps


def _steps(change: Change, node: str, told: list[str]) -> tuple[Step, ...]:
    async def keep_it(bench: Bench) -> str:
        return await keep(bench, change)

    async def do_it(bench: Bench) -> str:
        for line in told:
            bench.note(line)
        return await apply(bench, change)

    path, tech = change.path, change.tech
    back = Step(
        "put-back",
        f"{path} is as it was before, and Asterisk has read it",
        _still(node),
        node,
        deed=partial(put_back, node=node, tech=tech, path=path),
        safe_next=f"see {path} on {node}; the former one is kept beside the audit log",
    )
    return (
        Step(
            "keep",
            f"keep {path} as it is now on this host, beside the audit log",
            Condition("it is kept", lambda look: True),
            node,
            deed=keep_it,
            safe_next=f"nothing was changed on {node}; make room for it here",
        ),
        Step(
            "apply",
            f"write {path}, reload, and see it in Asterisk; where it is not seen, what was there before is put back",
            _still(node),
            node,
            deed=do_it,
            before=_still(node),
            limit_s=30.0,
            safe_next="`ccops resume` offers to put back what was there before",
            undo=back,
        ),
    )


def _still(node: str) -> Condition:
    def holds(look: Look) -> bool | None:
        return serves(look, node)

    return Condition(f"{node} serves, and Asterisk answers", holds)
