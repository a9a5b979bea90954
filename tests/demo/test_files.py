"""What a simulated node shows as files: who holds the volume, what lies on it, what a node is configured to."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

from ccops.demo.answer import Answer
from ccops.demo.calls import Call
from ccops.demo.node import NodeFiles
from ccops.demo.pair import SimulatedPair
from ccops.demo.world import Demo
from ccops.pair.hacf import parse_ha_cf
from tests.demo.conftest import log_in
from tests.demo.test_state_machine import run as go_on

SCAN = """
R=$CCOPS_ROOT
ls -l $R/proc/[0-9]*/cwd $R/proc/[0-9]*/root $R/proc/[0-9]*/exe $R/proc/[0-9]*/fd 2>/dev/null
"""


def ask(files: NodeFiles, script: str) -> subprocess.CompletedProcess[str]:
    environment = {"CCOPS_ROOT": str(files.root), "PATH": f"{files.root}/bin:{os.environ['PATH']}", "LC_ALL": "C"}
    return subprocess.run(["/bin/sh", "-c", script], env=environment, capture_output=True, text=True, timeout=20)


@pytest.fixture
def nodes(tmp_path: Path) -> tuple[SimulatedPair, list[NodeFiles]]:
    pair = SimulatedPair()
    files = [NodeFiles(tmp_path / f"node{n + 1}", pair, n) for n in (0, 1)]
    for each in files:
        each.create()
    return pair, files


def update(files: list[NodeFiles]) -> None:
    for each in files:
        each.update()


def call(at: float, number: str) -> Call:
    return Call(at, f"{int(at)}.99", "gxw4108", number, "ventas", "400", "101", 5, 60)


Nodes = tuple[SimulatedPair, list[NodeFiles]]


def test_who_holds_the_volume_is_found_as_on_a_real_node(nodes: Nodes) -> None:
    pair, files = nodes
    bash = pair.hold(0, "bash", "/data/monitor")
    tail = pair.hold(0, "tail", "/data/log/queue_log.1", killable=False)
    pair.hold(0, "dm-0", "/dev/drbd1", kernel=True)
    pair.hold(0, "nfsd", kernel=True)
    update(files)
    lines = ask(files[0], SCAN).stdout.splitlines()
    found = {line.partition(" -> ")[2] for line in lines if re.search(r" -> /data(/|$)", line)}
    assert {"/data/monitor", "/data/log/queue_log.1", "/data/mysql/data/ibdata1", "/data/log/queue_log"} <= found
    proc = files[0].root / "proc"
    assert (proc / str(bash) / "cmdline").read_bytes() == b"-bash\0"
    assert (proc / str(tail) / "stat").read_text().split()[1:4] == ["(tail)", "D", "1"]
    assert (proc / str(pair.machines[0].pids["mysqld"]) / "comm").read_text() == "mysqld\n"
    assert ask(files[0], "ls -L $CCOPS_ROOT/sys/block/drbd1/holders").stdout == "dm-0\n"
    assert (files[0].root / "var/lib/nfs/etab").read_text().startswith("/data\t")
    assert " -> /data" not in ask(files[1], SCAN).stdout
    pair.let_go(0)
    update(files)
    assert not (proc / str(bash)).exists()
    assert not os.listdir(files[0].root / "sys/block/drbd1/holders")


def test_the_volume_holds_its_own_sides_calls_and_only_while_mounted(nodes: Nodes) -> None:
    pair, files = nodes
    one, two = (each.root / "data" for each in files)
    with (one / "log/cdr-csv/Master.csv").open() as file:
        rows = list(csv.reader(file))
    assert len(rows) == 24
    assert all(len(row) == 18 and row[14] == "ANSWERED" for row in rows)
    assert len(list((one / "monitor").glob("*.wav"))) == 24
    assert not list(two.iterdir())
    pair.cut_network()
    go_on(pair, 60)
    now = pair.machines[0].wall()
    pair.record_call(0, call(now, "0900000001"))
    pair.record_call(1, call(now + 1, "0900000002"))
    update(files)
    for mine, other, data in (("0900000001", "0900000002", one), ("0900000002", "0900000001", two)):
        log = (data / "log/queue_log").read_text()
        assert mine in log
        assert other not in log
        assert len(list((data / "monitor").glob(f"*{mine}*.wav"))) == 1
    newest = max((two / "monitor").iterdir(), key=lambda path: path.stat().st_mtime)
    assert "0900000002" in newest.name
    assert newest.stat().st_mtime == pytest.approx(now + 1)
    pair.heal()
    go_on(pair, 90)
    pair.drbd.connect(1, discard=True)
    pair.drbd.connect(0)
    go_on(pair, 60)
    assert [len(side.calls) for side in pair.drbd.sides] == [25, 25]
    pair.heartbeat.standby(0)
    go_on(pair, 60)
    update(files)
    assert not list(one.iterdir())
    assert "0900000001" in (two / "log/queue_log").read_text()
    assert "0900000002" not in (two / "log/queue_log").read_text()


def test_what_lies_on_the_volume_can_be_packed(nodes: Nodes, tmp_path: Path) -> None:
    _, files = nodes
    script = 'cd "$CCOPS_ROOT/data" && find log monitor mysql/data -type f | tar czf - -T -'
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        env={"CCOPS_ROOT": str(files[0].root), "PATH": f"{files[0].root}/bin:{os.environ['PATH']}"},
        capture_output=True,
        timeout=20,
    )
    assert done.returncode == 0, done.stderr
    (tmp_path / "packed.tgz").write_bytes(done.stdout)
    with tarfile.open(tmp_path / "packed.tgz") as archive:
        names = set(archive.getnames())
    assert {"log/queue_log", "log/cdr-csv/Master.csv", "mysql/data/call_center/call_entry.MYD"} <= names
    assert sum(name.endswith(".wav") for name in names) == 24


def test_a_volume_that_is_only_read_says_so(nodes: Nodes) -> None:
    pair, files = nodes
    for service in ("asterisk", "mysqld"):
        pair.machines[0].set_service(service, "inactive")
    pair.resources[0].unmount()
    pair.resources[0].mount(read_only=True)
    update(files)
    assert "/dev/drbd1 /data ext3 ro,relatime 0 0\n" in (files[0].root / "proc/mounts").read_text()
    assert (files[0].root / "data/log/queue_log").exists()


def test_a_node_is_configured_as_it_is_told(nodes: Nodes) -> None:
    pair, files = nodes
    for value in ("off", "legacy", None):
        pair.configure(0, auto_failback=value, verify_alg=None, resync_rate=30 * 1024)
        update(files)
        text = (files[0].root / "etc/ha.d/ha.cf").read_text()
        assert ("auto_failback" in text) is (value is not None)
        assert parse_ha_cf(text)
        assert "syncer { rate 30M; }" in (files[0].root / "etc/drbd.d/data.res").read_text()
        dump = ask(files[0], "drbdadm dump data").stdout
        assert "verify-alg" not in dump
        assert "resync-rate      30M;" in dump


def test_a_peer_is_ready(nodes: Nodes) -> None:
    _, files = nodes
    script = """
for s in IPaddr2 drbddisk Filesystem asterisk mysqld; do [ -x $CCOPS_ROOT/etc/ha.d/resource.d/$s ] || echo no $s; done
for c in asterisk mysqld service systemctl drbdadm; do
    case $(command -v $c) in $CCOPS_ROOT/*) ;; *) echo no $c ;; esac
done
[ -d $CCOPS_ROOT/tmp ] && flock -n $CCOPS_ROOT/tmp/x true && echo ready
"""
    assert ask(files[1], script).stdout == "ready\n"


async def test_a_command_that_reads_can_lie_and_hang(demo: Demo) -> None:
    demo.pair.lie(0, ("cl_status", "rscstatus"), Answer("none\n"))
    demo.pair.delay(0, ("drbdadm", "role"), 0.6)
    demo.refresh()
    async with log_in(demo, 0) as connection:
        done = await connection.run("cl_status rscstatus; cl_status hbstatus")
        assert done.stdout == "none\nHeartbeat is running on this machine.\n"
        before = demo.pair.schedule.now
        done = await connection.run("drbdadm role data")
        assert done.stdout == "Primary/Secondary\n"
        assert demo.pair.schedule.now - before >= 0.4
        assert (await connection.run("cl_status rscstatus; drbdadm role data")).stdout == "local\nPrimary/Secondary\n"
