"""Editing extensions and trunks, whichever back end keeps them: the plan, drawn from what was read there.

Arguments of a request: `do` (add, copy, edit, rename, disable, enable, delete, import), `key` (number or name), the
fields that are given, `secret` (a token of the vault), `to` (the new name of a copy or rename), `rows` (a token: a
sheet), and `was`, which the plan adds: the digest of what it was drawn from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ccops.config import Secret
from ccops.operations.exchange import Changes, Exchange, Work
from ccops.operations.pbx_seen import still
from ccops.operations.plan import Check, Condition, OperationError, Plan, Request, Step
from ccops.operations.scene import Scene, edited_on
from ccops.pbx.changes import diff
from ccops.pbx.model import Entry, Kind, Tech, fields, identity, key_of, kind_of, made, renamed
from ccops.pbx.rules import faults
from ccops.text import clean

if TYPE_CHECKING:
    from ccops.operations.bench import Bench

DEEDS = ("add", "copy", "edit", "rename", "disable", "enable", "delete", "import")


def words(request: Request) -> tuple[str, ...]:
    """What to type for such a request after `ccops`; without secret and sheet, and without what a plan decided."""
    given = {name: clean(value, 300) for name, value in request.arguments.items()}
    first = ["ext" if request.operation == "extension" else "trunk", given.get("do", "")]
    first += [given[name] for name in ("key", "to") if name in given]
    rest = sorted(name for name in given if name not in ("do", "key", "to", "was", "rows", "secret"))
    return (*first, *(word for name in rest for word in (f"--{name.replace('_', '-')}", given[name])))


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
    checks = list(_grounds(kind, request, scene, exchange))
    if exchange is None or node is None or any(check.holds is not True for check in checks):
        return Plan(request, title, "Nothing can be planned yet.", (), tuple(checks), "administrator")
    asked = replace(request, node=node, arguments={"was": exchange.digest, **request.arguments})
    changes = _drawn(kind, do, request, scene, exchange, checks)
    work = exchange.drawn(changes)
    checks.append(_as_it_was(asked, exchange))
    checks += _faultless(changes, exchange, work)
    told = [line for before, after in changes for line in diff(before, after)]
    return Plan(
        asked,
        title,
        work.purpose,
        _steps(work, node, told),
        checks=tuple(checks),
        role="administrator",
        notices=("calls in progress go on: a reload does not touch them", *work.aside),
        evidence=tuple(told) or ("nothing would change",),
        undo_text="what was there before is kept beside the audit log; a failure puts it back at once",
        statements=work.statements,
    )


# What must hold whatever is edited


def _grounds(kind: Kind, request: Request, scene: Scene, exchange: Exchange | None) -> Iterator[Check]:
    node = scene.serving
    yield from edited_on(scene)
    if node is None:
        return
    unread = (scene.exchange.problem if scene.exchange else None) or "it was not looked at"
    yield Check(
        f"what {node} has of extensions and trunks could be read",
        None if exchange is None else exchange.node == node,
        unread if exchange is None else f"{exchange.node} served when it was read",
        "mend what it says; `ccops ext list` tells what is read, and from where",
        lasting=True,
    )
    if exchange is not None:
        yield from exchange.grounds(scene, _techs(kind, request, scene, exchange))


def _techs(kind: Kind, request: Request, scene: Scene, exchange: Exchange) -> Sequence[Tech]:
    """The drivers that an edit is about, as far as it makes sense."""
    rows = scene.vault.rows(request.arguments.get("rows", "")) if scene.vault else None
    named = [(row.key, row.given.get("tech", "")) for row in rows or ()]
    if not named:
        named = [(request.arguments.get("key", ""), request.arguments.get("tech", ""))]
    found: list[Tech] = []
    for key, tech in named:
        entry = exchange.find(kind, key)
        found.append(entry.tech if entry is not None else _tech(str(tech)) or exchange.tech)
    return tuple(dict.fromkeys(found))


def _tech(word: str) -> Tech | None:
    known: tuple[Tech, ...] = ("sip", "pjsip", "iax2")
    return next((tech for tech in known if tech == word), None)


def _as_it_was(asked: Request, exchange: Exchange) -> Check:
    """Two consoles may have drawn plans from one state: the second is refused, and looks again.

    It also holds back an interrupted edit that has written already, so that nothing is added twice.
    """
    return Check(
        f"what {exchange.where} has is what this was planned from",
        asked.arguments["was"] == exchange.digest,
        "it was changed meanwhile, by somebody else or by this very edit",
        "ask for it again, and look at what would change now; one that was interrupted can be undone",
        lasting=True,
    )


# What would become of it


def _drawn(kind: Kind, do: str, request: Request, scene: Scene, exchange: Exchange, checks: list[Check]) -> Changes:
    """The changes. One that is resumed and can no longer be drawn has a check that tells so, and can be undone."""
    try:
        if do == "import":
            return _import(kind, request, scene, exchange)
        return _one(kind, do, request, scene, exchange)
    except OperationError as error:
        if not scene.resuming:
            raise
        text = "what was asked for is still known, and not done yet"
        checks.append(Check(text, False, str(error), "undo it or leave it, and ask for it anew", lasting=True))
        return ()


def _one(kind: Kind, do: str, request: Request, scene: Scene, exchange: Exchange) -> Changes:
    arguments = request.arguments
    key, to = arguments.get("key", ""), arguments.get("to", "")
    if not key:
        raise OperationError(f"which {kind}? its {identity(kind)} is missing")
    old = exchange.find(kind, key)
    given = _given(kind, request, scene)
    if do == "add":
        return ((None, made(kind, key, {"tech": exchange.tech, **given})),)
    if old is None:
        there = ", ".join(key_of(entry) for entry in exchange.entries if kind_of(entry) == kind)
        raise OperationError(f"{exchange.where} has no {kind} {key!r}; it has {clean(there, 300) or 'none'}")
    if given.get("tech", old.tech) != old.tech:
        raise OperationError(f"{kind} {key} is {old.tech}'s and stays so: add it anew with another driver")
    if do in ("copy", "rename") and not to:
        raise OperationError(f"to which {identity(kind)}? it is missing")
    if do == "copy":
        secret = given.get("secret") or (None if kind == "trunk" else _missing("secret"))
        return ((None, replace(renamed(old, to), **{**_own_mailbox(old, to), **given, "secret": secret})),)
    if do == "delete":
        return ((old, None),)
    if do == "rename":
        return ((old, None), (None, renamed(old, to)))
    new: Entry = {
        "edit": lambda: replace(old, **given),
        "disable": lambda: replace(old, disabled=True),
        "enable": lambda: replace(old, disabled=False),
    }[do]()
    return ((old, new),)


def _own_mailbox(old: Entry, to: str) -> dict[str, str]:
    """The mailbox of a copy, where the one that is copied has the mailbox of its own number."""
    number, at, where = getattr(old, "mailbox", "").partition("@")
    return {"mailbox": f"{to}{at}{where}"} if number and number == key_of(old) else {}


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


def _import(kind: Kind, request: Request, scene: Scene, exchange: Exchange) -> Changes:
    rows = scene.vault.rows(request.arguments.get("rows", "")) if scene.vault else None
    if rows is None:
        raise OperationError("the sheet is not known any more: it is kept only while ccops runs")
    changes: list[tuple[Entry | None, Entry | None]] = []
    for row in rows:
        old = exchange.find(kind, row.key)
        given = {**row.given, **({"secret": row.secret} if row.secret is not None else {})}
        if old is None:
            new = made(kind, row.key, {"tech": exchange.tech, **given})
        elif given.get("tech", old.tech) != old.tech:
            raise OperationError(f"line {row.line}: {kind} {row.key} is {old.tech}'s and stays so")
        else:
            new = replace(old, **given)
        if old != new:
            changes.append((old, new))
    return tuple(changes)


# Whether it may be


def _faultless(changes: Changes, exchange: Exchange, work: Work) -> Iterator[Check]:
    """A check a fault; of what is right one line is enough."""
    wrong = 0
    for number, (old, new) in enumerate(changes):
        if new is None:
            continue
        former = old or (changes[number - 1][0] if number and changes[number - 1][1] is None else None)
        kept = key_of(former) if former is not None else None
        # What is there already and stays is not judged: others may have made it otherwise.
        known = exchange.known(key_of(new))
        stays = {(f.field, f.expected) for f in faults(former, known, kept)} if former is not None else set()
        for fault in faults(new, known, kept):
            if (fault.field, fault.expected) in stays:
                continue
            wrong += 1
            yield Check(
                f"{key_of(new)}: {fault.field} is {fault.expected}", False, fault.found, fault.remedy or "correct it"
            )
    for check in exchange.checks(changes):
        wrong += check.holds is not True
        yield check
    if not wrong:
        yield Check("numbers and names are free, and every field is right", True)
    if not changes:
        yield Check("something would change", False, "it is so already", "nothing has to be done")
    elif work.changes_nothing:
        yield Check("something would change", False, "all would stay as it is", "nothing has to be done")


# Steps


def _steps(work: Work, node: str, told: list[str]) -> tuple[Step, ...]:
    async def keep_it(bench: Bench) -> str:
        return await work.keep(bench)

    async def do_it(bench: Bench) -> str:
        for line in told:
            bench.note(line)
        return await work.apply(bench)

    async def back(bench: Bench) -> str:
        return await work.put_back(bench)

    place = work.place
    return (
        Step(
            "keep",
            f"keep {place} as it is now on this host, beside the audit log",
            Condition("it is kept", lambda look: True),
            node,
            deed=keep_it,
            safe_next=f"nothing was changed on {node}; make room for it here",
        ),
        Step(
            "apply",
            f"write {place}, reload, and see it in Asterisk; where it is not seen, what was there before is put back",
            still(node),
            node,
            deed=do_it,
            before=still(node),
            limit_s=30.0,
            safe_next="`ccops resume` offers to put back what was there before",
            undo=Step(
                "put-back",
                f"{place} is as it was before, and Asterisk has read it",
                still(node),
                node,
                deed=back,
                safe_next=f"see {place} on {node}; what was there before is kept beside the audit log",
            ),
        ),
    )
