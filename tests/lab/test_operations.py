"""Operations on a real pair: done, refused, raced for, killed and taken up again; the summary has the seconds."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ccops.operations.audit import Audit
from ccops.operations.executor import Executor
from ccops.operations.permission import Authority
from ccops.operations.plan import Busy, Progress, Refused, Report, Request
from ccops.pair import joined
from ccops.watch.once import is_complete
from ccops.watch.snapshot import Snapshot
from tests.lab.conftest import Lab, Watching

pytestmark = [pytest.mark.lab, pytest.mark.timeout(2400)]

WRITE = "dd if=/dev/urandom of=/data/{} bs=1M count={} conv=fsync 2>/dev/null"
HOLD = "nohup sh -c 'cd /data && exec sleep 987' >/dev/null 2>&1 </dev/null &"
Tell = Callable[[str, str, float], None]


class Console:
    """A watched pair and what acts on it."""

    def __init__(self, pair: Lab, watching: Watching, folder: Path) -> None:
        settings = pair.settings()
        self.watching = watching
        authority = Authority(settings)
        authority.arm(3600)
        self.executor = Executor("lab", settings, watching.watch.store, authority, Audit(folder / "audit.jsonl"))

    async def operate(self, request: Request, tell: Callable[[Progress], None] = lambda progress: None) -> Report:
        """As a user would: look, then do it."""
        plan = await self.executor.prepare(request)
        assert not plan.refusals, plan.refusals
        return await self.executor.run(plan, tell)

    async def refused(self, request: Request) -> str:
        """Why it is refused, in words."""
        plan = await self.executor.prepare(request)
        assert plan.refusals
        with pytest.raises(Refused):
            await self.executor.run(plan)
        return " / ".join(f"{check.text}: {check.found}: {check.way_out}" for check in plan.refusals)


@asynccontextmanager
async def console(pair: Lab, watching: Watching, folder: Path) -> AsyncIterator[Console]:
    await watching.until(lambda s: is_complete(s) and s.verdict.code == "healthy")
    made = Console(pair, watching, folder)
    try:
        yield made
    finally:
        await made.executor.close()


async def calm(watching: Watching) -> None:
    """Nothing moves any more. On a busy machine Heartbeat complains of late heartbeats all the while."""
    await watching.until(
        lambda s: s.verdict.code in ("healthy", "late-heartbeats") and s.serving is not None and not is_moving(s)
    )


def seconds(report: Report) -> str:
    """Step by step, for the log of the test."""
    told = (
        f"{step.name} {state.ended_at - state.began_at:.1f} s ({state.word})"
        for step, state in zip(report.plan.steps, report.states, strict=True)
        if state.began_at is not None and state.ended_at is not None
    )
    return ", ".join(told)


@pytest.mark.smoke
async def test_failover_and_failback_under_calls(
    pair: Lab, watching: Watching, tmp_path: Path, shown_after: Tell
) -> None:
    """From the confirmed key to calls that are answered, beside bare hb_standby in the same run."""
    second = pair.names[1]
    async with console(pair, watching, tmp_path) as it:
        await pair.later("calls", "20")
        await watching.until(lambda s: s.centre.value is not None and len(s.centre.value.channels) >= 20)
        report = await it.operate(Request("failover"))
        print(seconds(report))
        assert report.ending == "done", report
        assert any("channels are up" in notice for notice in report.plan.notices)
        shown_after("failover", "20 calls up", report.took_s)
        await calm(watching)
        back = await it.operate(Request("failback"))
        print(seconds(back))
        assert back.ending == "done", back
        shown_after("failback", "hb_takeover local", back.took_s)
        await calm(watching)
        bare = time.monotonic()
        await pair.later("ssh", "1", "/usr/share/heartbeat/hb_standby all")
        await watching.until(lambda s: joined.serves(s.pair, second) is True and s.links[f"ami:{second}"].phase == "up")
        shown_after("bare hb_standby", "the same, by hand", time.monotonic() - bare)
        assert joined.serving(watching.now.pair) == second


async def split(pair: Lab, watching: Watching) -> None:
    await pair.later("cut")
    # Primary alone is not mounted yet: what is written then is not on the volume.
    await watching.until(lambda s: len(joined.servers(s.pair)) == 2)
    await pair.later("ssh", "1", WRITE.format("mine", 3))
    await pair.later("ssh", "2", WRITE.format("theirs", 20))
    for node in ("1", "2"):
        await pair.later("ssh", node, "mkdir -p /data/log/asterisk; echo 1234567890.1 >>/data/log/asterisk/queue_log")
    await pair.later("heal")
    # Heartbeat restarts on both by itself, and may stay stopped on one or on both: then nobody serves.
    await watching.until(
        lambda s: s.verdict.code == "split-brain" and not is_moving(s) and (s.serving is not None or is_stopped(s))
    )


def is_moving(snapshot: Snapshot) -> bool:
    """Whether Heartbeat on either node says that it moves resources."""
    beats = [node.heartbeat.value for node in snapshot.pair.nodes]
    return any(beat is None or beat.resources == "transition" for beat in beats)


def is_stopped(snapshot: Snapshot) -> bool:
    """Whether Heartbeat is stopped on both nodes."""
    beats = [node.heartbeat.value for node in snapshot.pair.nodes]
    return all(beat is not None and beat.running is False for beat in beats)


@pytest.mark.parametrize("victim", [1, 2])
async def test_a_split_brain_is_recovered_end_to_end(
    pair: Lab, watching: Watching, tmp_path: Path, shown_after: Tell, victim: int
) -> None:
    name = pair.names[victim - 1]
    async with console(pair, watching, tmp_path) as it:
        await split(pair, watching)
        report = await it.operate(Request("recover", arguments={"victim": name}))
        print(seconds(report))
        assert report.ending == "done", report
        shown_after("recover", f"victim {name}", report.took_s)
        kept, lost = ("theirs", "mine") if victim == 1 else ("mine", "theirs")
        serving = pair.names.index(watching.now.serving or "") + 1
        assert pair.ssh(serving, f"ls /data/{kept} 2>/dev/null; ls /data/{lost} 2>/dev/null || true").split() == [
            f"/data/{kept}"
        ]
        folder = tmp_path / f"lab-{report.id}" / f"salvage-{name}"
        with tarfile.open(folder / "files.tar") as archive:
            names = archive.getnames()
        assert any("queue_log" in each for each in names), names
        print((folder / "README.txt").read_text())


async def test_a_verify_finds_40_blocks_and_a_resync_repairs_them(
    pair: Lab, watching: Watching, tmp_path: Path, shown_after: Tell
) -> None:
    async with console(pair, watching, tmp_path) as it:
        await pair.later(
            "ssh", "2", "dd if=/dev/urandom of=/dev/vdb1 bs=4k seek=90000 count=40 oflag=direct 2>/dev/null"
        )
        verified = await it.operate(Request("verify"))
        assert verified.ending == "done", verified
        assert verified.states[-1].said.startswith("40 blocks of 4 KiB differ"), verified.states
        shown_after("verify", "40 blocks written past DRBD", verified.took_s)
        repaired = await it.operate(Request("resync"))
        assert repaired.ending == "done", repaired
        shown_after("resync", "repairs them", repaired.took_s)
        again = await it.operate(Request("verify"))
        assert again.states[-1].said.startswith("no differences"), again.states


async def test_failover_is_refused_when_it_would_not_work(pair: Lab, watching: Watching, tmp_path: Path) -> None:
    first, second = pair.names
    async with console(pair, watching, tmp_path) as it:
        await pair.later("ssh", "1", HOLD)
        said = await it.refused(Request("failover"))
        assert "cwd:/data" in said, said
        await pair.later("ssh", "1", "pkill -f 'sleep 987'")
        await pair.later("ssh", "2", "service heartbeat stop")
        await watching.until(lambda s: (h := s.pair.node(second).heartbeat.value) is not None and h.running is False)
        assert f"it is stopped on {second}" in await it.refused(Request("failover"))
        await pair.later("ssh", "2", "service heartbeat start")
        await calm(watching)
        await pair.later("cut-replication")
        await watching.verdict("replication-link-down")
        assert "WFConnection" in await it.refused(Request("failover"))
        await pair.later("ssh", "1", WRITE.format("much", 120))
        await pair.later("heal-replication")
        await watching.verdict("resyncing")
        paused = await it.operate(Request("pause-sync"))
        assert paused.ending == "done", paused
        assert "a resync is under way" in await it.refused(Request("failover"))
        slowed = await it.operate(Request("rate", arguments={"rate": "2M"}))
        assert slowed.ending == "done", slowed
        reverted = await it.operate(Request("rate", arguments={"revert": "yes"}))
        assert reverted.ending == "done", reverted
        assert (await it.operate(Request("resume-sync"))).ending == "done"
        followed = await it.operate(Request("resync"))
        assert followed.ending == "done", followed
        assert joined.serving(watching.now.pair) == first


async def test_of_two_consoles_one_acts_and_the_other_says_who(pair: Lab, watching: Watching, tmp_path: Path) -> None:
    async with console(pair, watching, tmp_path) as it:
        other = Console(pair, watching, tmp_path)
        request = Request("failover")
        mine, theirs = await it.executor.prepare(request), await other.executor.prepare(request)
        results = await asyncio.gather(it.executor.run(mine), other.executor.run(theirs), return_exceptions=True)
        await other.executor.close()
        busy = [result for result in results if isinstance(result, Busy)]
        assert len(busy) == 1, results
        assert "failover" in str(busy[0])
        assert [result.ending for result in results if isinstance(result, Report)] == ["done"]


async def test_a_recovery_that_was_killed_is_resumed(pair: Lab, watching: Watching, tmp_path: Path) -> None:
    """`ccops recover` dies by SIGKILL in the middle of the resync; `ccops resume` goes on from what is there."""
    victim = pair.names[1]
    settings = tmp_path / "ccops.toml"
    settings.write_text(toml(pair, tmp_path))
    ccops = [sys.executable, "-m", "ccops", "-c", str(settings)]
    await split(pair, watching)
    if watching.now.serving is not None:
        await pair.later("ssh", str(pair.names.index(watching.now.serving) + 1), WRITE.format("more", 60))
    child = await asyncio.create_subprocess_exec(
        *ccops, "recover", "--victim", victim, "--yes", "--timeout", "120", stdout=asyncio.subprocess.PIPE
    )
    await watching.until(lambda s: any(f.code in ("resyncing", "resync-paused") for f in s.findings))
    child.send_signal(signal.SIGKILL)
    await child.wait()
    done = await asyncio.to_thread(
        subprocess.run,
        [*ccops, "resume", "--go-on", "--yes", "--confirm", victim],
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    print(done.stdout[-3000:], done.stderr[-2000:])
    assert done.returncode == 0
    await watching.until(lambda s: s.serving is not None and not any(f.code.startswith("split") for f in s.findings))
    record = Audit(tmp_path / "audit.jsonl").records()[-1]
    assert record.ending == "done"
    sent = [entry.command for entry in record.entries if entry.event == "step"]
    assert sum("discard" in command and "tentative" not in command for command in sent) == 1


def toml(pair: Lab, folder: Path) -> str:
    """The lab's pair as a settings file; the secrets are in the environment."""
    made = pair.settings()
    lines = [
        f'[console]\naudit = "{folder}/audit.jsonl"\n',
        '[pairs.lab]\naddress = "192.168.27.120"\nservices = { asterisk = "asterisk", mysqld = "mariadb" }\n',
    ]
    lines += [
        f'[[pairs.lab.nodes]]\nname = "{node.name}"\nssh = "{node.ssh}"\nidentity = "{node.identity}"\n'
        f'known_hosts = "{node.known_hosts}"\nssh_config = "/dev/null"\n'
        for node in made.nodes
    ]
    assert made.ami is not None
    assert made.mysql is not None
    lines.append(f'[pairs.lab.ami]\nuser = "{made.ami.user}"\nsecret = {{ env = "CCOPS_LAB_SECRET" }}\n')
    lines.append(f'[pairs.lab.mysql]\nuser = "{made.mysql.user}"\npassword = {{ env = "CCOPS_LAB_PASSWORD" }}\n')
    return "\n".join(lines)
