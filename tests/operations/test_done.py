"""Operations that succeed: what is done, in which order, and that the end was seen and not only reported."""

from __future__ import annotations

from pathlib import Path

from ccops.demo.machine import NAMES
from ccops.operations.plan import Report, Request
from tests.operations.stage import Stage
from tests.operations.virtual import play

ONE, TWO = NAMES


def words(report: Report) -> dict[str, str]:
    return {step.name: state.word for step, state in zip(report.plan.steps, report.states, strict=True)}


def test_failover_and_failback(tmp_path: Path) -> None:
    async def act() -> None:
        async with Stage(tmp_path) as stage:
            report = await stage.operate(Request("failover"))
            assert report.ending == "done", report
            assert set(words(report).values()) == {"seen"}
            assert stage.pair.serving == (1,)
            assert stage.sent == [(ONE, "/usr/share/heartbeat/hb_standby all")]
            await stage.until(lambda: stage.now.verdict.code == "healthy")
            back = await stage.operate(Request("failback"))
            assert back.ending == "done", back
            assert stage.pair.serving == (0,)
            assert stage.sent[-1] == (ONE, "/usr/share/heartbeat/hb_takeover local")
            assert not stage.broken
            (took,) = (await stage.executor.prepare(Request("failover"))).took_s
            assert took == report.took_s

    play(act())


def test_recovery_of_a_split_brain_whoever_is_the_victim(tmp_path: Path) -> None:
    async def act(victim: int) -> None:
        async with Stage(tmp_path / str(victim)) as stage:
            await diverge(stage)
            report = await stage.operate(Request("recover", arguments={"victim": NAMES[victim]}))
            assert report.ending == "done", report
            assert stage.now.verdict.severity != "critical", stage.now.verdict
            assert stage.now.serving in NAMES
            sides = stage.pair.drbd.sides
            assert [(s.connection, s.disk, s.out_of_sync) for s in sides] == [("Connected", "UpToDate", 0)] * 2
            assert stage.saved == [NAMES[victim]]
            assert not stage.broken
            salvaged = tmp_path / str(victim) / f"demo-{report.id}" / f"salvage-{NAMES[victim]}"
            assert (salvaged / "files.tar").exists()
            assert words(report)["rehearse"] == "seen"
            assert "SyncTarget" in dict(zip(words(report), report.states, strict=True))["rehearse"].said

    for victim in (0, 1):
        play(act(victim))


async def diverge(stage: Stage) -> None:
    """Both sides serve, write, and find each other again: DRBD refuses to join them."""
    stage.pair.cut_network()
    await stage.until(lambda: stage.pair.serving == (0, 1))
    stage.pair.drbd.write(0, 3 << 10, 0)
    stage.pair.drbd.write(1, 20 << 10, 0)
    stage.pair.heal()
    await stage.until(
        lambda: stage.now.verdict.code == "split-brain" and all(not m.flux for m in stage.pair.heartbeat.members)
    )
    await stage.wait(60)


def test_resync_joins_what_an_administrator_parted(tmp_path: Path) -> None:
    async def act() -> None:
        async with Stage(tmp_path) as stage:
            stage.pair.drbd.disconnect(1)
            await stage.wait(30)
            stage.pair.drbd.write(0, 40 << 10, 0)
            await stage.wait(3)
            report = await stage.operate(Request("resync"))
            assert report.ending == "done", report
            assert stage.sent == [(TWO, "drbdadm connect data")]
            assert words(report) == {"connect-1": "seen", "joined": "seen", "in-sync": "seen"}
            assert is_whole(stage)

    play(act())


def test_a_verify_finds_blocks_and_a_resync_repairs_them(tmp_path: Path) -> None:
    async def act() -> None:
        async with Stage(tmp_path) as stage:
            stage.pair.drbd.damage(1, 40)
            report = await stage.operate(Request("verify"))
            assert report.ending == "done", report
            assert report.states[-1].said.startswith("40 blocks of 4 KiB differ (160 KiB)")
            repaired = await stage.operate(Request("resync"))
            assert repaired.ending == "done", repaired
            assert stage.sent[-2:] == [(TWO, "drbdadm disconnect data"), (TWO, "drbdadm connect data")]
            assert is_whole(stage)
            again = await stage.operate(Request("verify"))
            assert again.states[-1].said == "no differences: both sides are the same"

    play(act())


def test_a_full_copy(tmp_path: Path) -> None:
    async def act() -> None:
        async with Stage(tmp_path, size=1 << 15) as stage:
            report = await stage.operate(Request("resync", arguments={"full": TWO}))
            assert report.ending == "done", report
            assert stage.sent == [(TWO, "drbdadm invalidate data")]
            assert is_whole(stage)

    play(act())


def test_a_resync_is_paused_slowed_and_goes_on(tmp_path: Path) -> None:
    async def act() -> None:
        async with Stage(tmp_path, size=1 << 20) as stage:
            stage.pair.drbd.disconnect(1)
            await stage.wait(20)
            stage.pair.drbd.write(0, 600 << 10, 0)
            stage.pair.drbd.connect(1)
            await stage.until(lambda: stage.now.verdict.code == "resyncing")
            assert (await stage.operate(Request("pause-sync"))).ending == "done"
            assert stage.pair.drbd.sides[1].user_paused
            await stage.until(lambda: stage.now.verdict.code == "resync-paused")
            assert (await stage.operate(Request("resume-sync"))).ending == "done"
            slowed = await stage.operate(Request("rate", arguments={"rate": "2M"}))
            assert slowed.ending == "done", slowed
            assert stage.sent[-1] == (TWO, "drbdadm disk-options --c-plan-ahead=0 --resync-rate=2M data")
            assert stage.pair.drbd.sides[1].rate == 2048
            back = await stage.operate(Request("rate", arguments={"revert": "yes"}))
            assert back.ending == "done", back
            assert stage.pair.drbd.sides[1].rate == 10_240
            followed = await stage.operate(Request("resync"))
            assert followed.ending == "done", followed
            assert is_whole(stage)

    play(act())


def test_release_and_rejoin(tmp_path: Path) -> None:
    async def act() -> None:
        async with Stage(tmp_path) as stage:
            report = await stage.operate(Request("release", ONE))
            assert report.ending == "done", report
            assert words(report) == {"stop-heartbeat": "seen", "taken-over": "seen"}
            assert stage.pair.serving == (1,)
            await stage.wait(30)
            back = await stage.operate(Request("rejoin", ONE))
            assert back.ending == "done", back
            assert any("takes its resources back" in notice for notice in back.plan.notices)
            await stage.until(lambda: stage.pair.serving == (0,))

    play(act())


def test_isolate_takes_a_doubled_address_away(tmp_path: Path) -> None:
    async def act() -> None:
        async with Stage(tmp_path) as stage:
            stage.pair.machines[1].address = True
            await stage.wait(2)
            report = await stage.operate(Request("isolate", TWO))
            assert report.ending == "done", report
            assert not stage.pair.machines[1].address
            assert stage.pair.serving == (0,)
            # Heartbeat takes the address down itself when it thinks that it holds it.
            assert stage.sent[0] == (TWO, "service heartbeat stop")

    play(act())


def test_services_restart_where_they_serve(tmp_path: Path) -> None:
    async def act() -> None:
        async with Stage(tmp_path) as stage:
            before = stage.pair.machines[0].pids["asterisk"]
            report = await stage.operate(Request("service", arguments={"name": "asterisk"}))
            assert report.ending == "done", report
            assert stage.pair.machines[0].pids["asterisk"] != before
            other = await stage.operate(Request("service", arguments={"name": "mysqld"}))
            assert other.ending == "done", other
            assert stage.sent == [(ONE, "service asterisk restart"), (ONE, "service mariadb restart")]

    play(act())


def test_drbds_own_verbs(tmp_path: Path) -> None:
    async def act() -> None:
        async with Stage(tmp_path) as stage:
            for verb, state in (("disconnect", "StandAlone"), ("connect", "Connected")):
                assert (await stage.operate(Request(verb, TWO))).ending == "done"
                await stage.until(lambda state=state: stage.pair.drbd.sides[1].connection == state)  # type: ignore[misc]
            assert (await stage.operate(Request("detach", TWO))).ending == "done"
            assert stage.pair.drbd.sides[1].disk == "Diskless"
            assert (await stage.operate(Request("attach", TWO))).ending == "done"
            await stage.until(lambda: is_whole(stage))

    play(act())


def is_whole(stage: Stage) -> bool:
    return [(s.connection, s.disk, s.out_of_sync) for s in stage.pair.drbd.sides] == [("Connected", "UpToDate", 0)] * 2
