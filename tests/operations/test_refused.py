"""For each precondition a case in which it does not hold: it is refused, nothing is sent, and the way out is said."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from ccops.demo.machine import NAMES
from ccops.operations.plan import Busy, NotPermitted, OperationError, Refused, Request
from tests.operations.stage import Stage, settings, without_verify_alg
from tests.operations.virtual import play

ONE, TWO = NAMES
Spoil = Callable[[Stage], Awaitable[None]]

FAILOVER = Request("failover")
FAILBACK = Request("failback")
RESYNC = Request("resync")
VERIFY = Request("verify")
RECOVER = Request("recover", arguments={"victim": TWO})


async def nothing(stage: Stage) -> None:
    pass


async def replication_lost(stage: Stage) -> None:
    stage.pair.cut_replication()
    await stage.until(lambda: stage.pair.drbd.sides[0].connection == "WFConnection")
    await stage.wait(3)


async def resync_running(stage: Stage) -> None:
    await parted(stage)
    stage.pair.drbd.write(0, 100 << 10, 0)
    stage.pair.drbd.connect(1)
    await stage.until(lambda: stage.pair.drbd.sides[1].connection == "SyncTarget")
    await stage.wait(2)


async def parted(stage: Stage) -> None:
    stage.pair.drbd.disconnect(1)
    await stage.wait(3)


async def heartbeat_stopped(stage: Stage) -> None:
    stage.pair.heartbeat.stop(1)
    await stage.until(lambda: stage.pair.heartbeat.members[1].phase == "stopped")
    await stage.wait(3)


async def in_flux(stage: Stage) -> None:
    stage.pair.heartbeat.standby(0, "all")
    await stage.wait(1)


async def deaf(stage: Stage) -> None:
    stage.deaf[1] = True
    await stage.wait(1)


async def split(stage: Stage) -> None:
    stage.pair.cut_network()
    await stage.until(lambda: stage.pair.serving == (0, 1))
    stage.pair.heal()
    await stage.until(lambda: stage.now.verdict.code == "split-brain")
    await stage.wait(60)


async def cut_and_both_serve(stage: Stage) -> None:
    stage.pair.cut_network()
    await stage.until(lambda: stage.pair.serving == (0, 1))
    await stage.wait(3)


async def peer_dead(stage: Stage) -> None:
    stage.pair.power_off(1)
    await stage.wait(20)


async def console_cut(stage: Stage) -> None:
    stage.reach[1] = "cut"
    await stage.wait(5)


async def both_secondary_with_blocks(stage: Stage) -> None:
    stage.pair.drbd.damage(1, 8)
    stage.pair.drbd.verify(1)
    await stage.until(lambda: stage.pair.drbd.sides[0].connection == "Connected")
    for n in (1, 0):
        stage.pair.heartbeat.stop(n)
    await stage.until(lambda: not any(side.primary for side in stage.pair.drbd.sides))
    await stage.wait(3)


async def target_outdated(stage: Stage) -> None:
    stage.pair.drbd.sides[0].disk = stage.pair.drbd.sides[1].peer_disk = "Inconsistent"
    await stage.wait(2)


async def served_by_nobody(stage: Stage) -> None:
    for n in (1, 0):
        stage.pair.heartbeat.stop(n)
    await stage.until(lambda: all(m.phase == "stopped" for m in stage.pair.heartbeat.members))
    await stage.wait(3)


async def peer_detached(stage: Stage) -> None:
    stage.pair.drbd.disks.detach(0)
    await stage.wait(2)


def read(n: int, name: str, text: str, code: int = 0) -> Spoil:
    """What is read live of node n says that."""

    async def spoil(stage: Stage) -> None:
        stage.survey[n][name] = (text, code)

    return spoil


async def no_verify_alg(stage: Stage) -> None:
    stage.survey[0]["drbd.d_data.res.txt"] = without_verify_alg()


async def unreadable(stage: Stage) -> None:
    stage.survey[1].clear()


REFUSED: list[tuple[str, Request, Spoil, str, str]] = [
    ("replication lost", FAILOVER, replication_lost, "WFConnection", "ccops triage"),
    ("resync running", FAILOVER, resync_running, "a resync is under way", "wait"),
    ("parted", FAILOVER, parted, "StandAlone", "ccops triage"),
    ("Heartbeat stopped", FAILOVER, heartbeat_stopped, f"it is stopped on {TWO}", f"ccops rejoin {TWO}"),
    ("in flux", FAILOVER, in_flux, "resources are moving", "wait"),
    ("Heartbeat deaf", FAILOVER, deaf, f"{TWO} does not see {ONE}", "heartbeat-split"),
    ("peer dead", FAILOVER, peer_dead, "does not answer", "ccops triage"),
    ("peer unreachable", FAILOVER, console_cut, "does not answer", "another machine"),
    ("nobody serves", FAILOVER, served_by_nobody, "no single node is seen to serve", "ccops triage"),
    ("both serve", FAILOVER, cut_and_both_serve, "no single node is seen to serve", "ccops triage"),
    ("legacy", FAILOVER, read(0, "ha.cf.txt", "auto_failback legacy\n"), "legacy or missing", "auto_failback on"),
    ("absent", FAILOVER, read(1, "ha.cf.txt", "keepalive 2\n"), "legacy or missing", "auto_failback on"),
    ("ha.cf unread", FAILOVER, read(1, "ha.cf.txt", "", 2), "could not be read", "auto_failback"),
    (
        "a shell",
        FAILOVER,
        read(0, "holders.txt", "77 (bash)(sshd)(sshd) cwd:/data\n"),
        "bash (pid 77, cwd:/data)",
        "end",
    ),
    ("holders unknown", FAILOVER, read(0, "holders.txt", "", 2), "right to look", "ccops sudoers"),
    ("exported", FAILOVER, read(0, "kernel_holders.txt", "var/lib/nfs/etab /data\n"), "etab /data", "unexport"),
    (
        "no binary",
        FAILOVER,
        read(1, "missing.txt", "asterisk the program asterisk is not installed\n"),
        "asterisk",
        "as on",
    ),
    ("no room", FAILOVER, read(1, "space.txt", "/ 100\n"), "/ has 100 KiB free", "make room"),
    ("no hb_standby", FAILOVER, read(0, "tools.txt", ""), "/usr/share/heartbeat", "install"),
    ("not surveyed", FAILOVER, unreadable, "did not run there", "try again"),
    ("already home", FAILBACK, nothing, f"{ONE} serves already", "nothing"),
    (
        "haresources differ",
        FAILBACK,
        read(1, "haresources.txt", f"{TWO} 192.168.27.120 drbddisk::data\n"),
        "and",
        "same",
    ),
    ("nothing to sync", RESYNC, nothing, "both sides are the same", "ccops verify"),
    ("link down", RESYNC, replication_lost, "the replication link is down", "mend the network"),
    ("diverged", RESYNC, split, "", "ccops recover"),
    ("which is right", RESYNC, both_secondary_with_blocks, "DRBD would not decide", "resync --full"),
    ("full of the server", Request("resync", arguments={"full": ONE}), nothing, "it is Primary", "fail over first"),
    (
        "the only good copy",
        Request("resync", arguments={"full": TWO}),
        target_outdated,
        "it is Inconsistent",
        "up to date",
    ),
    ("full while parted", Request("resync", arguments={"full": TWO}), parted, "StandAlone", "ccops resync"),
    ("no verify-alg", VERIFY, no_verify_alg, "without it DRBD cannot compare", "verify-alg crc32c"),
    ("verify while syncing", VERIFY, resync_running, "a resync is under way", "wait"),
    ("nothing to pause", Request("pause-sync"), nothing, "there is none", "nothing"),
    ("nothing to resume", Request("resume-sync"), nothing, "not paused by hand", "ccops triage"),
    ("no resync to pace", Request("rate", arguments={"rate": "30M"}), nothing, "there is none", "resync-rate"),
    ("no split brain", RECOVER, nothing, "have not diverged", "ccops triage"),
    ("only parted", RECOVER, parted, "have not diverged", "ccops resync"),
    ("victim unreachable", RECOVER, console_cut, "does not answer", "another machine"),
    ("still cut", RECOVER, cut_and_both_serve, "the network between them is still cut", "mend the network first"),
    ("release of a stopped one", Request("release", TWO), heartbeat_stopped, "stopped already", "nothing"),
    ("rejoin of a running one", Request("rejoin", TWO), nothing, "runs already", "nothing"),
    ("rejoin when diverged", Request("rejoin", TWO), split, "", "ccops recover"),
    ("isolate the Primary", Request("isolate", ONE), nothing, "it is: it may be the one that serves", "the other one"),
    ("isolate the only one", Request("isolate", TWO), served_by_nobody, "it does not", "nobody would answer"),
    (
        "restart where nothing serves",
        Request("service", ONE, {"name": "asterisk"}),
        served_by_nobody,
        "does not hold the volume",
        "the node that holds",
    ),
    ("two Primaries", Request("primary", TWO), nothing, f"{ONE} is Primary", "split brain"),
    ("Heartbeat's business", Request("primary", ONE), nothing, "roles are its business", "ccops release"),
    ("secondary while mounted", Request("secondary", ONE), nothing, "it is", "ccops failover"),
    ("the last good disk", Request("detach", TWO), peer_detached, "it is", "only good copy"),
    ("connect when diverged", Request("connect", TWO), split, "", "ccops recover"),
]


@pytest.mark.parametrize(
    ("request_", "spoil", "found", "way_out"), [row[1:] for row in REFUSED], ids=[r[0] for r in REFUSED]
)
def test_refused(tmp_path: Path, request_: Request, spoil: Spoil, found: str, way_out: str) -> None:
    async def act() -> None:
        async with Stage(tmp_path) as stage:
            await spoil(stage)
            before = states(stage)
            plan = await stage.executor.prepare(request_)
            assert plan.refusals
            said = " / ".join(f"{check.text}: {check.found}: {check.way_out}" for check in plan.refusals)
            assert found in said
            assert way_out in said
            with pytest.raises(Refused):
                await stage.executor.run(plan)
            assert stage.sent == []
            assert not stage.locks
            assert stage.audit.records()[-1].ending == "refused"
            assert before == states(stage) or spoil in (resync_running, in_flux, split, cut_and_both_serve)

    play(act())


def states(stage: Stage) -> list[object]:
    return [(s.role, s.connection, s.disk) for s in stage.pair.drbd.sides] + [
        m.phase for m in stage.pair.heartbeat.members
    ]


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Request("fly"), "there is no operation 'fly'"),
        (Request("recover"), "--victim elaxtix-voip or --victim elaxtix-voip-2"),
        (Request("recover", arguments={"victim": "nobody"}), "--victim"),
        (Request("release"), "needs a node"),
        (Request("release", "nobody"), "found 'nobody'"),
        (Request("connect"), "needs a node"),
        (Request("service", arguments={"name": "httpd"}), "'httpd' is no service of this pair"),
        (Request("service", arguments={"name": "mysqld", "when": "idle"}), "only Asterisk"),
        (Request("rate", arguments={"rate": "fast"}), "'fast' is no rate"),
        (Request("rate", arguments={"rate": "0M"}), "is no rate"),
        (Request("rate", arguments={"rate": "30M; reboot"}), "is no rate"),
        (Request("resync", arguments={"full": "nobody"}), "there is no node 'nobody'"),
    ],
    ids=str,
)
def test_requests_that_make_no_sense(tmp_path: Path, request_: Request, words: str) -> None:
    async def act() -> None:
        async with Stage(tmp_path) as stage:
            with pytest.raises(OperationError, match=words):
                await stage.executor.prepare(request_)

    play(act())


@pytest.mark.parametrize(
    ("changes", "armed", "request_", "words"),
    [
        ({}, False, FAILOVER, "read-only until it is armed"),
        ({"read_only": True}, True, FAILOVER, "read_only = true"),
        ({"role": "viewer"}, True, FAILOVER, '"viewer"'),
        ({"role": "operator"}, True, RECOVER, 'for the role "administrator"'),
        ({"role": "operator"}, True, Request("detach", TWO), 'for the role "administrator"'),
    ],
)
def test_not_permitted(tmp_path: Path, changes: dict[str, object], armed: bool, request_: Request, words: str) -> None:
    async def act() -> None:
        stage = Stage(tmp_path, settings(**changes))
        stage.authority.arm = lambda seconds=None: None  # type: ignore[method-assign]
        async with stage:
            stage.authority._until = stage.clock() + 900 if armed else None
            plan = await stage.executor.prepare(request_)
            with pytest.raises(NotPermitted, match=words):
                await stage.executor.run(plan)
            assert stage.sent == []

    play(act())


def test_arming_ends_by_itself_and_never_begins_where_it_must_not(tmp_path: Path) -> None:
    async def act() -> None:
        async with Stage(tmp_path, settings(armed_for=60.0)) as stage:
            assert stage.authority.armed_for_s is not None
            await stage.wait(61)
            assert stage.authority.armed_for_s is None
            with pytest.raises(NotPermitted, match="read-only until it is armed"):
                await stage.operate(FAILOVER)
        with pytest.raises(NotPermitted, match="stays read-only"):
            Stage(tmp_path, settings(role="viewer")).authority.arm()

    play(act())


def test_another_console_is_named(tmp_path: Path) -> None:
    async def act() -> None:
        async with Stage(tmp_path) as stage:
            stage.other_console = "ana on jump1: recover since 02:41"
            with pytest.raises(Busy, match="ana on jump1"):
                await stage.operate(FAILOVER)
            assert stage.sent == []

    play(act())


def test_what_was_confirmed_is_what_is_done(tmp_path: Path) -> None:
    """Between the question and the answer the pair failed over: the other direction was not confirmed."""

    async def act() -> None:
        async with Stage(tmp_path) as stage:
            plan = await stage.executor.prepare(FAILOVER)
            stage.pair.heartbeat.standby(0, "all")
            await stage.until(lambda: stage.now.serving == TWO)
            await stage.wait(20)
            with pytest.raises(Refused, match="serves already"):
                await stage.executor.run(plan)
            assert stage.sent == []

    play(act())


def test_other_steps_need_another_confirmation(tmp_path: Path) -> None:
    async def act() -> None:
        async with Stage(tmp_path) as stage:
            plan = await stage.executor.prepare(FAILOVER)
            with pytest.raises(Refused, match="has changed since this was confirmed"):
                await stage.executor.run(replace(plan, steps=plan.steps[:1]))
            assert stage.sent == []

    play(act())


def test_nothing_is_done_that_cannot_be_recorded(tmp_path: Path) -> None:
    async def act() -> None:
        async with Stage(tmp_path) as stage:
            stage.audit.path.mkdir()
            with pytest.raises(OperationError, match="audit log"):
                await stage.operate(FAILOVER)
            assert stage.sent == []

    play(act())
