"""The scripts that operations send, run for real under every shell at hand, against folders that stand for nodes."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from ccops.operations import lock, salvage, survey
from ccops.pair.model import PairLayout
from ccops.watch.configuration import cut_frames

SHELLS = {"dash": ["dash"], "bash": ["bash", "--posix"], "busybox": ["busybox", "ash"], "sh": ["/bin/sh"]}
LAYOUT = PairLayout("office", ("one", "two"), "192.168.27.120")


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    found = SHELLS[request.param]
    if shutil.which(found[0]) is None:
        pytest.skip(f"{found[0]} is not installed")
    return found


def run(shell: list[str], text: str, root: Path) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "CCOPS_ROOT": str(root)}
    return subprocess.run(
        [*shell, "-s"], input=text.encode(), capture_output=True, env=environment, timeout=60, check=False
    )


# The lock


class Holder:
    """One console's process on a node."""

    def __init__(self, shell: list[str], root: Path, who: str, patience: int = 30) -> None:
        text = lock.script("data", "one", who).replace("PATIENCE=30", f"PATIENCE={patience}")
        assert f"PATIENCE={patience}" in text
        self.process = subprocess.Popen(
            [*shell, "-c", text],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "CCOPS_ROOT": str(root)},
            start_new_session=True,
        )

    def say(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n".encode())
        self.process.stdin.flush()

    def take(self) -> str:
        assert self.process.stdout is not None
        self.say("take")
        return self.process.stdout.readline().decode().rstrip("\n")

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(10)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "tmp").mkdir()
    return tmp_path


def test_one_holds_it_and_the_other_is_told_who(shell: list[str], root: Path) -> None:
    one, two = Holder(shell, root, "ana on jump1: failover"), Holder(shell, root, "ben on jump2: recover")
    assert one.take() == "H"
    assert two.take() == "B ana on jump1: failover"
    one.end()
    assert two.take() == "H"
    two.end()


def test_it_ends_with_its_holder_however_that_ends(shell: list[str], root: Path) -> None:
    one, two = Holder(shell, root, "ana"), Holder(shell, root, "ben")
    assert one.take() == "H"
    one.process.send_signal(signal.SIGKILL)
    one.process.wait(10)
    deadline = time.monotonic() + 10
    while (answer := two.take()) != "H":
        assert time.monotonic() < deadline, answer
        time.sleep(0.1)
    two.end()


def test_a_holder_who_is_not_heard_of_loses_it(shell: list[str], root: Path) -> None:
    """A connection that is only half open: nothing ends, and nothing comes any more."""
    one, two = Holder(shell, root, "ana", patience=10), Holder(shell, root, "ben")
    assert one.take() == "H"
    assert two.take() == "B ana"
    one.process.wait(60)
    assert two.take() == "H"
    two.end()


def test_holders_who_are_heard_of_keep_it_however_quickly_they_speak(shell: list[str], root: Path) -> None:
    """What watches over one ends with the next word, also if it has only just been started."""
    patience = 8
    holders = []
    for n in range(12):
        (root / str(n) / "tmp").mkdir(parents=True)
        holders.append(Holder(shell, root / str(n), "ana", patience))
    for holder in holders:
        holder.say("take\n.\n.")
    heard = time.monotonic()
    ends = heard + patience + 3
    while heard < ends:
        time.sleep(0.5)
        for holder in holders:
            holder.say(".")
        before, heard = heard, time.monotonic()
        if heard - before >= patience:
            pytest.skip("this machine stood still for so long that nothing is known")
    assert [holder.process.poll() for holder in holders] == [None] * len(holders)
    for holder in holders:
        holder.end()


def test_words_in_who_are_only_words(shell: list[str], root: Path) -> None:
    hostile = "ana'; touch /tmp/never; echo '$(id) `id` \"x\""
    one, two = Holder(shell, root, hostile), Holder(shell, root, "ben")
    assert one.take() == "H"
    assert two.take() == f"B {hostile}"
    one.end()
    two.end()


def test_without_flock_it_is_said(shell: list[str], root: Path) -> None:
    (root / "bin").mkdir()
    for name in ("sh", "sleep", "cat"):
        (root / "bin" / name).symlink_to(shutil.which(name) or "/bin/sh")
    text = lock.script("data", "one", "ana")
    program = shutil.which(shell[0]) or shell[0]
    if shell[0] == "busybox":
        pytest.skip("busybox has a flock of its own")
    done = subprocess.run(
        [program, *shell[1:], "-c", text],
        input=b"",
        capture_output=True,
        env={"PATH": str(root / "bin"), "CCOPS_ROOT": str(root)},
        timeout=10,
        check=False,
    )
    assert done.stdout.startswith(b"N the node has no flock command")


# The survey


def process(root: Path, pid: int, name: str, parent: int, **links: str) -> None:
    folder = root / "proc" / str(pid)
    (folder / "fd").mkdir(parents=True)
    (folder / "stat").write_text(f"{pid} ({name}) S {parent} {pid} {pid} 0 -1\n")
    for link, target in links.items():
        (folder / link.replace("fd_", "fd/")).symlink_to(target)


@pytest.fixture
def node(root: Path) -> Path:
    """A node whose services have files on the volume, as has a shell of somebody."""
    for folder in ("etc/ha.d/resource.d", "etc/drbd.d", "usr/lib64/heartbeat", "var/lib/nfs", "bin"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    process(root, 1, "init", 0, cwd="/")
    process(root, 300, "safe_asterisk", 1, cwd="/tmp")
    process(root, 301, "asterisk", 300, cwd="/tmp", fd_7="/data/log/asterisk/full")
    process(root, 302, "my agi (x)", 301, cwd="/data/agi")
    process(root, 400, "mysqld", 1, cwd="/data/mysql/data")
    process(root, 500, "sshd", 1, cwd="/")
    process(root, 501, "bash", 500, cwd="/data")
    process(root, 502, "vi", 501, cwd="/home", fd_4="/data/my notes -> old")
    process(root, 600, "other", 1, cwd="/database", fd_3="/srv/data/x")
    (root / "proc/mounts").write_text("/dev/drbd1 /data ext3 rw 0 0\n/dev/sdc1 /data/archive ext3 rw 0 0\n")
    (root / "var/lib/nfs/etab").write_text("/data\t10.0.0.0/8(rw)\n")
    (root / "usr/lib64/heartbeat/hb_standby").write_text("")
    (root / "usr/lib64/heartbeat/hb_standby").chmod(0o755)
    (root / "etc/ha.d/ha.cf").write_text("keepalive 2\nauto_failback on\nstonith_host * x y secret\n")
    (root / "etc/ha.d/haresources").write_text("one IPaddr2::192.168.27.120/24 drbddisk::data asterisk mysqld\n")
    (root / "etc/ha.d/resource.d/asterisk").write_text("")
    (root / "etc/ha.d/resource.d/asterisk").chmod(0o755)
    (root / "etc/drbd.conf").write_text('include "drbd.d/*.res";\n')
    (root / "etc/drbd.d/data.res").write_text(
        'resource data { net { shared-secret "hidden"; verify-alg sha1; } disk { resync-rate 20M; } }\n'
    )
    return root


def test_who_holds_the_volume_and_what_is_missing(shell: list[str], node: Path) -> None:
    done = run(shell, survey.script(LAYOUT), node)
    assert done.stderr == b""
    assert b"hidden" not in done.stdout
    found = survey.parse_survey(cut_frames(done.stdout), LAYOUT)
    assert found.standby == "/usr/lib64/heartbeat/hb_standby"
    assert found.takeover is None
    assert found.auto_failback == "on"
    assert found.home == "one"
    assert found.verify_alg == "sha1"
    assert found.rate == "20M"
    assert found.holders is not None
    assert {holder.pid for holder in found.holders} == {301, 302, 400, 501, 502}
    assert [str(holder) for holder in found.outsiders or ()] == [
        "bash (pid 501, cwd:/data)",
        "vi (pid 502, fd:/data/my notes -> old)",
    ]
    assert set(found.kernel_holders) == {"proc/mounts /data/archive", "var/lib/nfs/etab /data"}
    assert any(line.startswith("mysqld no script or unit starts it") for line in found.missing)
    assert not any(line.startswith("asterisk no script") for line in found.missing)


def test_a_survey_of_nothing_tells_nothing(shell: list[str], root: Path) -> None:
    found = survey.parse_survey(cut_frames(run(shell, survey.script(LAYOUT), root).stdout), LAYOUT)
    assert found.standby is None
    assert found.auto_failback is None
    assert found.home is None
    assert not found.configured


# The salvage


@pytest.fixture
def volume(root: Path) -> Path:
    """A volume with files of today and of long ago."""
    for folder in (
        "data/log/asterisk/cdr-csv",
        "data/monitor/2026",
        "data/mysql/data/call_center",
        "var/log",
        "var/spool",
    ):
        (root / folder).mkdir(parents=True)
    (root / "var/log/asterisk").symlink_to("../../data/log/asterisk")
    (root / "var/spool/asterisk").mkdir()
    (root / "var/spool/asterisk/monitor").symlink_to("../../../data/monitor")
    for name in (
        "log/asterisk/queue_log",
        "log/asterisk/cdr-csv/Master.csv",
        "monitor/2026/a call.wav",
        "monitor/old.wav",
    ):
        (root / "data" / name).write_text(name)
    for name in ("mysql/data/call_center/call_entry.MYD", "mysql/data/ibdata1"):
        (root / "data" / name).write_text(name)
    os.utime(root / "data/monitor/old.wav", (1e9, 1e9))
    return root


def salvaged(shell: list[str], root: Path, *, raw: bool, since: float, only_size: bool = False) -> bytes:
    text = salvage.script(LAYOUT, since, raw=raw, only_size=only_size)
    done = subprocess.run(
        [*shell, "-c", text],
        capture_output=True,
        env={**os.environ, "CCOPS_ROOT": str(root)},
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_was_written_since_is_saved(shell: list[str], volume: Path) -> None:
    since = time.time() - 3600
    with tarfile.open(fileobj=io.BytesIO(salvaged(shell, volume, raw=False, since=since))) as archive:
        assert set(archive.getnames()) == {
            "log/asterisk/queue_log",
            "log/asterisk/cdr-csv/Master.csv",
            "monitor/2026/a call.wav",
        }
    count, kib = salvaged(shell, volume, raw=False, since=since, only_size=True).split()
    assert int(count) == 3
    assert int(kib) >= 3
    with tarfile.open(fileobj=io.BytesIO(salvaged(shell, volume, raw=True, since=since))) as archive:
        assert {"mysql/data/call_center/call_entry.MYD", "mysql/data/ibdata1"} < set(archive.getnames())


def test_a_volume_that_is_not_there_is_no_archive(shell: list[str], root: Path) -> None:
    done = subprocess.run(
        [*shell, "-c", salvage.script(LAYOUT, 0, raw=False, only_size=False)],
        capture_output=True,
        env={**os.environ, "CCOPS_ROOT": str(root)},
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert b"cannot be entered" in done.stderr
