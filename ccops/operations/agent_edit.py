"""Registering and retiring agents of the call-center module: a row of `agent`, and for type Agent one of agents.conf.

As the module's pages do it (agents, cb_extensions): numbers are digits and unique among active agents; an agent of type
Agent also stands in Asterisk's agents.conf, which Asterisk is then told to read again; the others log in from a
telephone that Asterisk knows already.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from ccops.config import Secret
from ccops.links.errors import LinkError
from ccops.operations import module_rows
from ccops.operations.exchange import digest_of
from ccops.operations.grants import grant
from ccops.operations.module import AGENTS_CONF, AgentRow, AgentsFile, Module
from ccops.operations.module_plan import as_it_was, deed_of, fingerprint, ground, permitted, steps_of
from ccops.operations.module_rows import RowChange
from ccops.operations.plan import Check, Deed, OperationError, Plan, Request, Surprise
from ccops.operations.scene import Scene
from ccops.pbx import agents_conf
from ccops.text import clean, decode

if TYPE_CHECKING:
    from ccops.operations.bench import Bench

DEEDS = ("register", "retire")
_COMMAND_S = 30.0
_PASSWORD_DIGITS = 8
_ECCP_BYTES = 20


def plan_agent(request: Request, scene: Scene) -> Plan:
    """Registers an agent in the module, or retires one."""
    do = deed_of(request, DEEDS)
    title = f"{do.capitalize()} agent {clean(request.arguments.get('key', ''), 60)}"
    found = ground(request, scene, title, "administrator")
    if isinstance(found, Plan):
        return found
    module, checks = found
    draw = registered if do == "register" else retired
    draft = draw(module, request, scene)
    checks += [*draft.checks, permitted(module, draft.verb, "agent", draft.columns)]
    if do == "register":
        known = all(
            scene.vault and scene.vault.secret(request.arguments.get(name, "")) for name in ("password", "eccp")
        )
        way = "undo it or leave it, and ask for it anew"
        checks.append(Check("its passwords are still known", bool(known), "ccops has ended since", way, lasting=True))
    return Plan(
        replace(request, node=module.node, arguments={**request.arguments, **draft.decided}),
        draft.title,
        draft.purpose,
        steps_of(draft.node, draft.keep, draft.apply, draft.put_back, draft.what),
        checks=tuple(checks),
        role="administrator",
        notices=draft.notices,
        statements=draft.statements,
        evidence=draft.evidence,
        undo_text=draft.undo,
    )


class Draft(msgspec.Struct, frozen=True):
    """What becomes of an agent: its checks, its deeds, and all that is to be said of it."""

    node: str
    title: str
    purpose: str
    what: str
    checks: tuple[Check, ...]
    keep: Deed
    apply: Deed
    put_back: Deed
    verb: str
    columns: tuple[str, ...]
    statements: tuple[str, ...]
    decided: Mapping[str, str]
    notices: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    undo: str = ""


def passwords() -> tuple[Secret, Secret]:
    """New ones: what the agent types at the telephone (digits, as the module wants them), and that of ECCP."""
    digits = "".join(secrets.choice("0123456789") for _ in range(_PASSWORD_DIGITS))
    return Secret(digits), Secret(secrets.token_hex(_ECCP_BYTES))


def registered(module: Module, request: Request, scene: Scene) -> Draft:
    """A new agent. Raises OperationError where its passwords are not known."""
    number, name = request.arguments.get("key", "").strip(), request.arguments.get("name", "").strip()
    kind = request.arguments.get("kind") or "Agent"
    password, eccp = (_secret(scene, request, each) for each in ("password", "eccp"))
    typed = {"type": kind} if module.kinds else {}
    change = RowChange(
        module.node,
        "agent",
        {
            **typed,
            "number": number,
            "name": name,
            "password": password,
            **({"eccp_password": eccp} if module.eccp else {}),
        },
        known={"number": number, "estatus": "A"},
        grant=grant("INSERT, DELETE", "agent", (), module.user),
    )
    file = module.agents_file.value if module.agents_file else None
    entry: FileChange | None = None
    if kind == "Agent" and file is not None and number and not _misfit(name):
        sections = agents_conf.has_sections(file.version)
        text = agents_conf.added(file.text.reveal(), number, password.reveal(), name, sections)
        entry = FileChange(module.node, file, Secret(text), number, there=True)
    statements = (change.shown(), *(_written(entry) if entry else ()))
    return Draft(
        module.node,
        f"Register agent {kind}/{clean(number, 40)}",
        f"{clean(name, 60)} becomes an agent of the call-center module.",
        f"{change.spelt}{f' and {AGENTS_CONF}' if kind == 'Agent' else ''}",
        tuple(_may_register(module, scene, kind, number, name)),
        *_deeds(change, entry, number, file.version if file else None),
        "INSERT",
        (),
        statements,
        {"kind": kind},
        notices=("nobody is touched: the agent can log in once the dialer has read its agents anew",),
        evidence=() if module.eccp else ("this module knows no ECCP password: none is set",),
        undo=f"ccops agent retire {kind}/{clean(number, 40)}",
    )


def retired(module: Module, request: Request, scene: Scene) -> Draft:
    """An agent who is none any more: the row stays for reports."""
    agent = _agent(module, request.arguments.get("key", ""), scene.resuming)
    change = RowChange(
        module.node,
        "agent",
        {"estatus": "I"},
        agent.id,
        {"estatus": agent.status},
        grant=grant("UPDATE", "agent", ("estatus",), module.user),
    )
    file = module.agents_file.value if module.agents_file else None
    entry: FileChange | None = None
    if agent.kind == "Agent" and file is not None and agent.number in agents_conf.numbers(file.text.reveal()):
        text = agents_conf.removed(file.text.reveal(), agent.number)
        entry = FileChange(module.node, file, Secret(text), agent.number, there=False)
    checks = [*_file_check(module, agent.kind), as_it_was(request, change)]
    checks.append(
        Check(
            f"{agent.name or agent.key} is not logged in",
            not module.busy,
            "a session is open",
            f"log out first: ccops agent logout {agent.key}",
        )
    )
    return Draft(
        module.node,
        f"Retire agent {agent.key}",
        f"{agent.name or agent.key} is no agent of the call-center module any more; reports keep the name.",
        f"{change.spelt}{f' and {AGENTS_CONF}' if entry else ''}",
        tuple(checks),
        *_deeds(change, entry, agent.number, file.version if file else None),
        "UPDATE",
        ("estatus",),
        (change.shown(), *(_written(entry) if entry else ())),
        {"key": agent.key, "was": request.arguments.get("was", fingerprint(change))},
        notices=(f"{agent.name or agent.key} cannot log in any more",),
        undo="register the number anew; while nothing else was done, `ccops audit` has the former row",
    )


def _may_register(module: Module, scene: Scene, kind: str, number: str, name: str) -> Iterator[Check]:
    digits = number.isascii() and number.isdecimal() and len(number) <= 20
    yield Check("its number is digits, at most 20", digits, repr(clean(number, 40)), "give a number such as 9000")
    misfit = _misfit(name)
    yield Check("its name is one line of text without , and ;", not misfit, misfit, "give another one")
    kinds = module.kinds or ("Agent",)
    yield Check(f"its type is one of {', '.join(kinds)}", kind in kinds, kind, "give one of them with --type")
    same = next((each for each in module.agents if each.number == number and each.status == "A"), None)
    yield Check(
        "no active agent has that number",
        same is None,
        f"{same.key}, {same.name}" if same else "",
        f"ccops agent retire {same.key}, or another number" if same else "",
        lasting=True,
    )
    if kind == "Agent":
        yield from _file_check(module, kind)
        file = module.agents_file.value if module.agents_file else None
        if file is not None:
            taken = number in agents_conf.numbers(file.text.reveal())
            yield Check(
                f"{AGENTS_CONF} does not have it yet",
                not taken,
                f"agent {number} is there",
                "take it out, or retire it",
            )
        return
    centre = scene.snapshot.centre.value
    known = None if centre is None else any(e.casefold() == f"{kind}/{number}".casefold() for e in centre.endpoints)
    yield Check(
        f"Asterisk has the telephone {kind}/{number}",
        known,
        "it has none of that name" if known is False else "what telephones it has is not known",
        "add the extension first",
    )


def _file_check(module: Module, kind: str) -> Iterator[Check]:
    if kind == "Agent":
        read = module.agents_file
        yield Check(
            f"{AGENTS_CONF} on {module.node} could be read",
            True if read is not None and read.value is not None else None,
            (read.problem if read else None) or "it was not looked at",
            "it is read and written as root: connect as root, or with `sudo = true` and rights for cat and /bin/sh",
        )


def _agent(module: Module, key: str, resuming: bool) -> AgentRow:
    wanted = key.strip()
    active = [each for each in module.agents if each.status == "A"]
    if resuming and not any(each.key == wanted for each in active):
        active = [each for each in module.agents if each.key == wanted][-1:]  # it may be retired by now, by this one
    found = [each for each in active if each.key.casefold() == wanted.casefold()]
    found = found or [each for each in active if each.number == wanted]
    found = found or [each for each in active if each.name.casefold() == wanted.casefold()]
    if len(found) == 1:
        return found[0]
    if found:
        told = ", ".join(each.key for each in found)
        raise OperationError(f"{clean(wanted, 60)!r} is more than one agent: {clean(told, 300)}")
    raise OperationError(f"the module has no active agent {clean(wanted, 60)!r}: see `ccops agent sessions`")


def _secret(scene: Scene, request: Request, name: str) -> Secret:
    found = scene.vault.secret(request.arguments.get(name, "")) if scene.vault else None
    if found is None and not scene.resuming:
        raise OperationError("its passwords are not known any more: they are kept only while ccops runs")
    return found or Secret("")


def _misfit(name: str) -> str:
    if not name:
        return "it is empty"
    if clean(name, 1000) != name or any(c in name for c in ",;"):
        return f"found {clean(name, 60)!r}"
    return "" if len(name) <= 200 else f"{len(name)} characters"


# The file


class FileChange(msgspec.Struct, frozen=True):
    """agents.conf that becomes another one; afterwards Asterisk must know that agent, or (not `there`) must not."""

    node: str
    before: AgentsFile
    after: Secret
    number: str
    there: bool

    @property
    def reload(self) -> tuple[str, ...]:
        """What makes Asterisk read it again."""
        module = "app_agent_pool" if agents_conf.has_sections(self.before.version) else "chan_agent"
        return ("asterisk", "-rx", f"module reload {module}.so")

    @property
    def look(self) -> tuple[str, ...]:
        """What lists the agents that it has."""
        return ("asterisk", "-rx", "agent show all" if agents_conf.has_sections(self.before.version) else "agent show")


def _deeds(change: RowChange, entry: FileChange | None, number: str, version: str | None) -> tuple[Deed, Deed, Deed]:
    async def keep(bench: Bench) -> str:
        told = await module_rows.keep(bench, change)
        if entry is not None:
            for name, text in (("before", entry.before.text.reveal()), ("after.md5", digest_of(entry.after.reveal()))):
                module_rows.write_private(bench.folder / f"agents.conf.{name}", text)
        return told

    async def apply(bench: Bench) -> str:
        id = await module_rows.write(bench, change)
        if entry is None:
            return f"read back from MySQL on {change.node}, row {id}"
        try:
            await _put(bench, entry, entry.before.text.reveal(), entry.after.reveal())
            await _see(bench, entry, entry.there)
        except (Surprise, LinkError) as error:
            await _restore(bench, change, entry, str(error), id)
        return f"read back from MySQL on {change.node}, row {id}, and seen in Asterisk"

    async def put_back(bench: Bench) -> str:
        told = await module_rows.put_back(bench, change)
        path = bench.folder / "agents.conf.before"
        if not path.exists():
            return told
        before = path.read_text(encoding="utf-8")
        meant = (bench.folder / "agents.conf.after.md5").read_text(encoding="utf-8").strip()
        now = await _contents(bench, change.node)
        if digest_of(now) == meant:
            there = number in agents_conf.numbers(before)
            former = AgentsFile(Secret(now), digest_of(now), version)
            inverse = FileChange(change.node, former, Secret(before), number, there)
            await _put(bench, inverse, now, before)
            await _see(bench, inverse, inverse.there)
        elif now != before:
            raise Surprise(
                f"{AGENTS_CONF} was changed by somebody since: it is left; the former one is in {bench.folder}"
            )
        return f"{told}, and {AGENTS_CONF} too"

    return keep, apply, put_back


async def _restore(bench: Bench, change: RowChange, entry: FileChange, why: str, id: int) -> None:
    """Takes file and row back. Raises Surprise in any case."""
    bench.note(f"{why}: what was there before is put back")
    try:
        now = await _contents(bench, entry.node)
        if digest_of(now) == digest_of(entry.after.reveal()):
            await _put(bench, entry, now, entry.before.text.reveal())
            await _see(bench, entry, not entry.there)
    except (Surprise, LinkError) as error:
        bench.note(f"{AGENTS_CONF} is not seen to be back: {error}")
        why = f"{why}; and {AGENTS_CONF} is not seen to be as it was ({error})"
        try:
            await module_rows.take_back(bench, change, [id], why)
        except Surprise as surprise:
            raise Surprise(str(surprise), f"`ccops resume --undo` tries it again; see {bench.folder}") from None
    await module_rows.take_back(bench, change, [id], why)


async def _put(bench: Bench, entry: FileChange, before: str, after: str) -> None:
    """Replaces the file whole, where it is still that one, and has Asterisk read it."""
    was, new = digest_of(before), digest_of(after)
    bench.note(f"writes {AGENTS_CONF} on {entry.node}: {len(after.encode())} bytes, MD5 {new} instead of {was}")
    argv = ["/bin/sh", "-c", _script(), "ccops", AGENTS_CONF, was, new]
    done = await bench.hands.run(entry.node, argv, timeout_s=_COMMAND_S, input=after.encode())
    if done.exit_status != 0:
        raise Surprise(f"{AGENTS_CONF} was not written: {clean(decode(done.stderr).strip(), 200)}")
    told = await bench.send(entry.node, entry.reload, _COMMAND_S)
    if told.exit_status != 0:
        raise Surprise(f"`{' '.join(entry.reload)}` failed: {clean(decode(told.stderr).strip(), 200)}")


async def _see(bench: Bench, entry: FileChange, there: bool) -> None:
    done = await bench.send(entry.node, entry.look, _COMMAND_S)
    names = {
        line.split()[0] for line in decode(done.stdout).splitlines() if line.strip() and line.split()[0].isdecimal()
    }
    if (entry.number in names) is not there:
        raise Surprise(f"Asterisk {'does not know' if there else 'still knows'} agent {entry.number} after its reload")


async def _contents(bench: Bench, node: str) -> str:
    """The file as it is now; it holds passwords, so that it is in no log."""
    done = await bench.hands.run(node, ["cat", AGENTS_CONF], timeout_s=_COMMAND_S)
    if done.exit_status != 0:
        raise Surprise(f"{AGENTS_CONF} cannot be read: {clean(decode(done.stderr).strip(), 200)}")
    return decode(done.stdout)


def _written(entry: FileChange) -> tuple[str, ...]:
    """What is done to the file, in words: its contents are passwords."""
    what = "one agent more" if entry.there else "without that agent"
    return f"{AGENTS_CONF}: {what} ({entry.number})", " ".join(entry.reload[:2]) + f" '{entry.reload[2]}'"


def _script() -> str:
    """What puts a file in its place: whole or not at all, with its owner and mode."""
    lines = files("ccops.operations").joinpath("owned_file.sh").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("#"))
