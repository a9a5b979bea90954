"""Split-brain recovery: a person chooses whose changes are given up; everything else is seen, rehearsed and followed.

Order, after DRBD's user's guide (8.4, "Manual split brain recovery") and what a pair under Heartbeat needs beside it:
save what only the victim has; stop Heartbeat there, so that it holds nothing and takes nothing; part; rehearse;
discard; follow; start Heartbeat again.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from msgspec.structs import replace

from ccops.operations.bench import Bench
from ccops.operations.plan import Argv, Check, Condition, Look, OperationError, Plan, Request, Step, Surprise
from ccops.operations.resync import in_sync
from ccops.operations.salvage import salvage
from ccops.operations.scene import (
    JOINED,
    SOURCES,
    TARGETS,
    Scene,
    connection,
    heartbeat_runs,
    holding,
    hurt,
    in_transition,
    is_primary,
    known,
    lacking,
    let_go,
    reachable,
    resource_of,
    sees_peer,
    serves,
    surveyed,
)
from ccops.pair import joined
from ccops.text import clean, decode
from ccops.triage import prose
from ccops.triage.finding import Divergence

_APART = frozenset({"StandAlone", "WFConnection", "Unconnected"})
_SPLIT = ("split-brain", "split-brain-active")
_UNTOUCHED = "nothing was given up yet: both sides still have their own changes"


def plan_recover(request: Request, scene: Scene) -> Plan:
    """Gives the victim's changes up in favour of its peer's, and brings the pair back to health."""
    victim = request.arguments.get("victim", "")
    if victim not in scene.names:
        raise OperationError(
            f"recover needs the node whose changes are given up: --victim {' or --victim '.join(scene.names)}; "
            "`ccops triage` shows what each side has"
        )
    survivor = scene.peer(victim)
    divergence = scene.snapshot.divergence
    return Plan(
        request,
        f"Recovery from split brain: what {victim} changed is given up for what {survivor} has",
        f"{survivor}'s data stay; {victim} is made its copy again, and joins the pair.",
        tuple(_steps(request, scene, victim, survivor)),
        checks=tuple(_checks(scene, victim, survivor)),
        role="administrator",
        notices=tuple(_notices(scene, victim, survivor)),
        irrevocable=(
            f"everything written on {victim} since the sides parted, except what is saved on this host first",
        ),
        evidence=_evidence(divergence),
        typed=victim,
        undo_text=f"until {victim}'s changes are discarded all of it can be left or taken back; after that nothing can",
    )


def _evidence(divergence: Divergence | None) -> tuple[str, ...]:
    if divergence is None:
        return ("how far the sides diverged is not known",)
    rows = [
        f"{label}: {' | '.join(value or 'not known' for value in values)}"
        for label, *values in prose.side_rows(divergence)
    ]
    return (f"{' | '.join(side.name for side in divergence.sides)}", *rows, *prose.conclusion(divergence))


def _notices(scene: Scene, victim: str, survivor: str) -> Iterator[str]:
    look = Look(scene.snapshot)
    if joined.holds_address(scene.pair, victim) or serves(look, victim):
        yield f"callers whose calls are on {victim} are cut off when it lets go"
        yield from hurt(scene) if scene.snapshot.centre_node == victim else ()
    if serves(look, survivor) is not True:
        yield f"{survivor} is not seen to serve now: it takes over when {victim} lets go, if its Heartbeat runs"
    if _takes_back(scene, victim):
        yield (
            f"auto_failback is on: at the end {victim} takes the service back when its Heartbeat starts, and calls of "
            "then are cut off"
        )
    yield f"until it is over nothing can fail over: {survivor} carries the service alone"


def _takes_back(scene: Scene, victim: str) -> bool:
    """Whether the victim takes the service back by itself when its Heartbeat starts again."""
    home = next((s.home for n in scene.names if (s := scene.survey(n)) and s.home), None)
    back = next((s.auto_failback for n in scene.names if (s := scene.survey(n)) and s.auto_failback), None)
    return home == victim and back == "on"


def _checks(scene: Scene, victim: str, survivor: str) -> Iterator[Check]:
    yield reachable(scene, victim)
    yield reachable(scene, survivor)
    yield surveyed(scene, victim)
    other = scene.drbd(survivor)
    yield Check(
        f"{survivor}, whose data stay, is UpToDate",
        None if other is None else other.disk == "UpToDate",
        "DRBD's state there is not known" if other is None else f"it is {other.disk}",
        f"its data are no good copy: see `ccops triage`, and whether {victim} is the one to keep",
        lasting=True,
    )
    told = scene.found(*_SPLIT)
    yield Check(
        "there is a split brain",
        told is not None or scene.snapshot.divergence is not None,
        "the sides have not diverged, as far as can be seen",
        "`ccops triage` says what is wrong; `ccops resync` joins two sides that have not diverged",
    )
    states = [scene.drbd(name) for name in scene.names]
    yield Check(
        "the sides are not joined",
        None if None in states else all(s is not None and s.connection in _APART for s in states),
        ", ".join(f"{n} is {s.connection}" for n, s in zip(scene.names, states, strict=True) if s),
        "wait for it to settle, then look again",
    )
    look = Look(scene.snapshot)
    moving = [name for name in scene.names if in_transition(look, name)]
    yield Check(
        "Heartbeat is not in the middle of a move or of a restart",
        not moving,
        f"{' and '.join(moving)} says that resources are moving",
        "wait: after the network has come back Heartbeat restarts on both nodes by itself",
    )
    sees = [sees_peer(Look(scene.snapshot), name) for name in scene.names]
    running = [heartbeat_runs(Look(scene.snapshot), name) for name in scene.names]
    cut = running == [True, True] and False in sees
    yield Check(
        "the nodes reach each other",
        not cut,
        "Heartbeat on one does not see the other: the network between them is still cut",
        "mend the network first: while it is cut nothing can be copied, and both may go on serving",
    )
    if scene.settings.sudo is False and scene.survey(victim) and scene.survey(victim).holders is None:  # type: ignore[union-attr]
        yield Check(
            f"ccops has the rights of root on {victim}",
            False,
            "it cannot look at all processes there",
            "connect as root, or give it sudo (`ccops sudoers`)",
        )


def _steps(request: Request, scene: Scene, victim: str, survivor: str) -> Iterator[Step]:
    drbdadm, other = scene.drbdadm(victim), scene.drbdadm(survivor)
    saved = Step(
        "salvage",
        f"save what only {victim} has to this host",
        Condition("it is saved", lambda look: True),
        victim,
        deed=partial(salvage, node=victim),
        safe_next=f"{_UNTOUCHED}; mend what was in the way, or use --no-salvage to give those up too",
    )
    start = Step(
        "start-again",
        f"Heartbeat runs on {victim} again",
        Condition(f"Heartbeat runs on {victim}", lambda look: heartbeat_runs(look, victim)),
        victim,
        ("service", "heartbeat", "start"),
        limit_s=180.0,
        command_limit_s=180.0,
    )
    released = Step(
        "release",
        f"Heartbeat stops on {victim}, so that it lets go of everything and takes nothing",
        Condition(
            f"Heartbeat is stopped on {victim}, which holds nothing: no address, no mount, not Primary, no daemon",
            partial(_released, name=victim),
            None,
            partial(holding, name=victim),
        ),
        victim,
        ("service", "heartbeat", "stop"),
        limit_s=240.0,
        command_limit_s=240.0,
        safe_next=f"{_UNTOUCHED}. See what holds {scene.pair.layout.mount} on {victim}, end that, unmount it, "
        f"`drbdadm secondary {scene.pair.layout.resource}` there, then `ccops resume`",
        undo=start,
        kept_until="rejoin",
    )
    # Where the victim still runs its MySQL, that is asked for its rows; a volume that is not mounted must be promoted
    # to be read, and nothing may take it for a server meanwhile.
    first = (saved, released) if joined.has_mount(scene.pair, victim) else (released, saved)
    yield from (step for step in first if step is not saved or request.arguments.get("salvage") != "no")
    # After a partition Heartbeat restarts on both nodes, and may stay stopped on either.
    yield Step(
        "keep-serving",
        f"Heartbeat runs on {survivor}",
        Condition(f"Heartbeat runs on {survivor}", lambda look: heartbeat_runs(look, survivor)),
        survivor,
        ("service", "heartbeat", "start"),
        limit_s=180.0,
        command_limit_s=180.0,
        safe_next=f"{_UNTOUCHED}; see /var/log/ha-log on {survivor} why it does not start",
    )
    yield Step(
        "part",
        f"{victim} leaves its peer",
        Condition(f"{victim} is StandAlone", lambda look: known(connection(look, victim), "StandAlone".__eq__)),
        victim,
        drbdadm.disconnect(),
        before=Condition(f"{victim} is not joined", partial(_not_joined, name=victim)),
        limit_s=60.0,
        safe_next=_UNTOUCHED,
    )
    yield Step(
        "await-victim",
        f"{survivor} waits for {victim}",
        Condition(f"{survivor} waits for its peer", partial(_waits, name=survivor)),
        survivor,
        other.connect(),
        limit_s=60.0,
        safe_next=f"{_UNTOUCHED}; {survivor} serves as before",
    )
    rehearsal = drbdadm.rehearse(discard=True)
    if rehearsal is not None and request.arguments.get("rehearsal") != "no":
        yield Step(
            "rehearse",
            f"rehearse: {victim} would become the target",
            Condition(
                f"{victim} is StandAlone again, and {survivor} waits",
                partial(_rehearsed, victim=victim, survivor=survivor),
            ),
            victim,
            deed=partial(_rehearse, victim=victim, survivor=survivor, command=rehearsal, connect=other.connect()),
            before=_bare(victim),
            limit_s=60.0,
            safe_next=f"{_UNTOUCHED}; do not discard by hand before it is clear why DRBD would copy the other way",
        )
    yield Step(
        "discard",
        f"{victim} gives its changes up and becomes the target",
        Condition(
            f"{survivor} is copied to {victim}",
            partial(_right_direction, victim=victim, survivor=survivor),
            partial(_wrong_direction, victim=victim, survivor=survivor),
        ),
        victim,
        drbdadm.discard(),
        before=_bare(victim),
        limit_s=120.0,
        safe_next=f"`ccops drbd disconnect {victim}` parts them at once; {survivor} serves. Then read both kernel logs",
    )
    yield replace(
        in_sync(), safe_next=f"{survivor} serves; when the link is back the copy goes on by itself, then `ccops resume`"
    )
    yield replace(start, name="rejoin", text=f"Heartbeat starts on {victim}", safe_next=f"`ccops rejoin {victim}`")
    # With auto_failback the service moves once more: before that is over nobody may lean back.
    server = victim if _takes_back(scene, victim) else None
    yield Step(
        "healthy",
        "the pair is healthy",
        Condition(
            f"{server or 'one node'} serves, both sides UpToDate, both Heartbeats see each other",
            partial(_healthy, server=server),
            lacking=partial(_unwell, server=server),
        ),
        limit_s=300.0,
        safe_next="the data are whole again; `ccops triage` says what is still wrong",
    )


def _bare(name: str) -> Condition:
    """The victim must hold nothing whenever something of its data is about to be given up."""
    return Condition(
        f"{name} is Secondary, unmounted, and its Heartbeat is stopped",
        partial(_released, name=name),
        lacking=partial(holding, name=name),
    )


def _released(look: Look, name: str) -> bool | None:
    runs, free = heartbeat_runs(look, name), let_go(look, name)
    if runs is True or free is False:
        return False
    return True if runs is False and free is True else None


def _not_joined(look: Look, name: str) -> bool | None:
    return known(connection(look, name), lambda state: state not in JOINED)


def _waits(look: Look, name: str) -> bool | None:
    """It looks for its peer, or they are joined already (an interrupted recovery)."""
    return known(connection(look, name), lambda state: state in JOINED or state in ("WFConnection", "WFReportParams"))


def _rehearsed(look: Look, victim: str, survivor: str) -> bool | None:
    alone = known(connection(look, victim), "StandAlone".__eq__)
    waits = known(connection(look, survivor), "WFConnection".__eq__)
    if False in (alone, waits):
        return False
    return None if None in (alone, waits) else True


async def _rehearse(bench: Bench, victim: str, survivor: str, command: Argv, connect: Argv) -> str:
    """Has DRBD say what the connect would do; raises Surprise where that is not what is wanted.

    The survivor may be thrown into StandAlone by it: then it is made to wait again.
    """
    mark = bench.eyes.mark()
    done = await bench.send(victim, command, 60.0)
    if done.exit_status != 0:
        said = clean(decode(done.stderr or done.stdout).strip(), 200)
        raise Surprise(
            f"the rehearsal on {victim} failed (exit {done.exit_status}{f': {said}' if said else ''})",
            f"{_UNTOUCHED}; where DRBD cannot rehearse, --no-rehearsal goes on without: the direction is seen when "
            "it connects",
        )

    def told(look: Look) -> bool | None:
        return any(word.event.kind == "rehearsed" and word.line.node == victim for word in look.told.kernel)

    def refused(look: Look) -> str | None:
        for word in look.told.kernel:
            if word.event.kind in ("unrelated-data", "authentication-failed"):
                return word.line.text
            if word.event.kind == "split-brain-detected":
                return f"DRBD does not take {victim} for a victim ({word.line.text})"
        return None

    await bench.eyes.until(Condition("DRBD tells what it would do", told, refused), limit_s=60.0, after=0.0, since=mark)
    words = [w for w in bench.eyes.look(mark).told.kernel if w.event.kind == "rehearsed" and w.line.node == victim]
    said = words[-1].line.text
    if "SyncTarget" not in said:
        raise Surprise(f"the rehearsal on {victim} shows another direction than is wanted: {said}")
    await _wait_again(bench, survivor, connect)
    return said


async def _wait_again(bench: Bench, survivor: str, connect: Argv) -> None:
    """After the rehearsal: the survivor waits for its peer, as before it."""
    settled = Condition(
        f"{survivor} has settled",
        lambda look: known(connection(look, survivor), lambda state: state in ("WFConnection", "StandAlone")),
    )
    await bench.eyes.until(settled, limit_s=60.0)
    found = resource_of((await bench.eyes.anew()), survivor)
    if found is not None and found.connection == "StandAlone":
        await bench.send(survivor, connect, 60.0)


def _right_direction(look: Look, victim: str, survivor: str) -> bool | None:
    mine, theirs = connection(look, victim), connection(look, survivor)
    if mine is None or theirs is None:
        return None
    if mine in TARGETS or theirs in SOURCES:
        return True
    # A small difference is copied before anybody looks.
    began = {(w.line.node, w.event.role) for w in look.told.kernel if w.event.kind == "resync-began"}
    solved = (victim, "SyncTarget") in began or (survivor, "SyncSource") in began
    return mine == theirs == "Connected" and (solved or _same(look))


def _same(look: Look) -> bool:
    views = [resource_of(look.snapshot, name) for name in look.snapshot.pair.layout.nodes]
    return all(v is not None and v.disk == v.peer_disk == "UpToDate" and not v.out_of_sync_kib for v in views)


def _wrong_direction(look: Look, victim: str, survivor: str) -> str | None:
    if connection(look, victim) in SOURCES or connection(look, survivor) in TARGETS:
        return f"{survivor}, whose data should stay, is being overwritten"
    for word in look.told.kernel:
        if word.event.kind in ("split-brain-detected", "unrelated-data", "authentication-failed") and (
            not word.event.automatic
        ):
            return f"DRBD refused ({word.line.node}: {word.line.text})"
    return None


def _healthy(look: Look, server: str | None) -> bool | None:
    return not _unwell(look, server)


def _unwell(look: Look, server: str | None) -> str:
    """What is still missing to a healthy pair; "" when nothing is."""
    names = look.snapshot.pair.layout.nodes
    if look.snapshot.serving is None:
        holder = next((name for name in names if is_primary(look, name)), names[0])
        return f"no single node serves; {lacking(look, holder)}"
    if server is not None and look.snapshot.serving != server:
        return f"{server} has not taken its resources back yet (auto_failback)"
    for name in names:
        if connection(look, name) != "Connected":
            return f"{name} is {connection(look, name) or 'not known'}"
        if sees_peer(look, name) is not True:
            return f"Heartbeat on {name} does not see its peer"
        if in_transition(look, name):
            return f"{name} says that resources are moving"
    if not _same(look):
        return "the sides are not both UpToDate"
    if [is_primary(look, name) for name in names].count(True) != 1:
        return "not exactly one side is Primary"
    told = [f.code for f in look.snapshot.findings if f.cause is None and f.code in _SPLIT]
    return f"{told[0]} is still found" if told else ""
