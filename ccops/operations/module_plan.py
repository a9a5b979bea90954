"""What the edits of the call-center module have in common: what must hold, the steps, and what is typed for them.

Arguments of a request: `do`, `key` (`out:3`, a name, a number), `name` and `about` (of a break), `kind` and `name` (of
an agent), `password` and `eccp` (tokens of the vault); `was`, which the plan adds, tells what the row had by then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ccops.operations import module_rows
from ccops.operations.exchange import digest_of
from ccops.operations.grants import grant, may
from ccops.operations.module import Module
from ccops.operations.module_rows import RowChange
from ccops.operations.plan import Check, Condition, Look, OperationError, Plan, Request, Role, Step
from ccops.operations.scene import Scene, edited_on, serves
from ccops.text import clean

if TYPE_CHECKING:
    from ccops.operations.bench import Bench


def words(request: Request) -> tuple[str, ...]:
    """What to type for such a request after `ccops`; without passwords, and without what a plan decided."""
    given = {name: clean(value, 300) for name, value in request.arguments.items()}
    group = {"module-agent": "agent"}.get(request.operation, request.operation)
    first = [group, given.get("do", ""), *([given["key"]] if given.get("key") else [])]
    if request.operation == "break" and given.get("do") == "rename" and given.get("name"):
        first.append(given["name"])
    options = {"kind": "--type", "about": "--description"}
    if request.operation == "module-agent":
        options["name"] = "--name"
    return (*first, *(word for name, option in options.items() if given.get(name) for word in (option, given[name])))


def ground(request: Request, scene: Scene, title: str, role: Role) -> Plan | tuple[Module, list[Check]]:
    """The module and the checks that hold; a plan without steps where it is not known enough to draw one."""
    checks = list(_grounds(scene))
    module = scene.module.value if scene.module else None
    if module is None or any(check.holds is not True for check in checks):
        return Plan(request, title, "Nothing can be planned yet.", (), tuple(checks), role)
    return module, checks


def _grounds(scene: Scene) -> Iterator[Check]:
    node = scene.serving
    yield from edited_on(scene)
    if node is None:
        return
    found = scene.module.value if scene.module else None
    unread = (scene.module.problem if scene.module else None) or "it was not looked at"
    yield Check(
        f"the call-center module's tables on {node} could be read",
        None if found is None else found.node == node,
        unread if found is None else f"{found.node} served when they were read",
        "give the pair a MySQL user: [pairs.NAME.mysql_control], with SELECT on call_center.*",
        lasting=True,
    )


def permitted(module: Module, verb: str, table: str, columns: Sequence[str]) -> Check:
    """What the user may do; where that is not told, MySQL itself refuses, and the report says what it takes."""
    allowed = may(module.grants, verb, table, columns)
    return Check(
        f"the MySQL user {module.user or '?'} may {verb} call_center.{table}",
        allowed is not False,
        "its rights (SHOW GRANTS) do not have that",
        f"as an administrator of MySQL on {module.node}: {grant(verb, table, columns, module.user)}",
        lasting=True,
    )


def fingerprint(change: RowChange) -> str:
    """What a row has now, for the request: short, and without anybody's text."""
    return digest_of("\n".join(f"{name}={value}" for name, value in sorted(change.before.items())))[:12]


def as_it_was(request: Request, change: RowChange) -> Check:
    """Of two consoles that change one row the second is refused; and what was interrupted is not done twice."""
    return Check(
        f"the row of {change.spelt} is as it was when this was planned",
        request.arguments.get("was", fingerprint(change)) == fingerprint(change),
        "it was changed meanwhile, by somebody else or by this very edit",
        "ask for it again, and look at what would change now; one that was interrupted can be undone",
        lasting=True,
    )


def something(changes: bool) -> Check:
    return Check("something would change", changes, "it is so already", "nothing has to be done")


def deed_of(request: Request, deeds: Sequence[str]) -> str:
    do = request.arguments.get("do", "")
    if do not in deeds:
        raise OperationError(f"{request.operation} {do!r} is nothing that can be done; there are {', '.join(deeds)}")
    return do


def row_plan(
    request: Request,
    title: str,
    purpose: str,
    change: RowChange,
    checks: Sequence[Check],
    notices: tuple[str, ...],
    undo: str,
    evidence: tuple[str, ...] = (),
) -> Plan:
    async def apply(bench: Bench) -> str:
        await module_rows.write(bench, change)
        return f"read back from MySQL on {change.node}"

    sent = change.shown()
    if change.id is not None:
        checks = [*checks, as_it_was(request, change)]
        request = replace(request, arguments={"was": fingerprint(change), **request.arguments})
    return Plan(
        request,
        title,
        purpose,
        steps_of(
            change.node,
            partial(module_rows.keep, change=change),
            apply,
            partial(module_rows.put_back, change=change),
            change.spelt,
        ),
        checks=tuple(checks),
        role="operator",
        notices=notices,
        evidence=evidence,
        statements=(sent,),
        undo_text=undo,
    )


def steps_of(node: str, keep: object, apply: object, put_back: object, what: str) -> tuple[Step, ...]:
    back = Step(
        "put-back",
        f"{what} is as it was before",
        _still(node),
        node,
        deed=put_back,  # type: ignore[arg-type]
        safe_next=f"look at {what} on {node}; what was there before is kept beside the audit log",
    )
    return (
        Step(
            "keep",
            f"keep {what} as it is now on this host, beside the audit log",
            Condition("it is kept", lambda look: True),
            node,
            deed=keep,  # type: ignore[arg-type]
            safe_next=f"nothing was changed on {node}; make room for it here",
        ),
        Step(
            "apply",
            f"write {what}, and read it back; where it is not so, what was there before is put back",
            _still(node),
            node,
            deed=apply,  # type: ignore[arg-type]
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
