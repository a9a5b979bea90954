"""The demo as the console meets it: real SSH, AMI and MySQL on loopback, and nothing left when it ends."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import asyncssh
import pytest
from msgspec.structs import replace

from ccops.config import AmiSettings, MysqlSettings, load
from ccops.demo.machine import HA_LOG, NAMES
from ccops.demo.settings_file import settings_file, text_of
from ccops.demo.world import Demo
from tests.demo.conftest import log_in, until

ESTABLISHED_OR_LISTENING = {"0A"}


def listening() -> set[str]:
    """Addresses on which this process listens (TCP), from /proc."""
    own = set()
    for link in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(link)
        except OSError:
            continue
        if target.startswith("socket:["):
            own.add(target[8:-1])
    found = set()
    for table in ("tcp", "tcp6"):
        path = Path(f"/proc/self/net/{table}")
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            words = line.split()
            if words[3] in ESTABLISHED_OR_LISTENING and words[9] in own:
                found.add(words[1].partition(":")[0])
    return found


def sessions_of(root: Path) -> list[int]:
    """Processes whose environment names that root."""
    wanted = f"CCOPS_ROOT={root}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


async def test_settings_lead_to_both_nodes(demo: Demo) -> None:
    pair = demo.settings.pairs["demo"]
    assert [node.name for node in pair.nodes] == list(NAMES)
    assert isinstance(pair.ami, AmiSettings)
    assert isinstance(pair.mysql, MysqlSettings)
    for n, node in enumerate(pair.nodes):
        for path in (node.identity, node.known_hosts, node.ssh_config, pair.ami.secret.file):
            assert path is not None
            assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600
        assert Path(str(node.ssh_config)).read_text() == ""
        async with log_in(demo, n) as connection:
            done = await connection.run("uname -n; cl_status hbstatus; hostname")
            assert done.stdout == f"{node.name}\nHeartbeat is running on this machine.\n{node.name}\n"
    assert stat.S_IMODE(demo.folder.stat().st_mode) == 0o700


async def test_listens_on_loopback_only_and_leaves_nothing() -> None:
    before = listening()
    async with Demo(agents=10) as demo:
        folder = demo.folder
        assert listening() - before <= {"0100007F"}
        assert "0100007F" in listening()
        async with log_in(demo, 0) as connection:
            process = await connection.create_process("exec /bin/sh -s")
            process.stdin.write("sleep 1000 & echo begun\n")
            assert await process.stdout.readline() == "begun\n"
            assert sessions_of(folder / "node1")
    assert not folder.exists()
    assert listening() == before
    await until(lambda: not sessions_of(folder / "node1"))


async def test_another_key_is_not_let_in(demo: Demo) -> None:
    node = demo.settings.pairs["demo"].nodes[0]
    port = int(node.ssh.rpartition(":")[2])
    stranger = asyncssh.generate_private_key("ssh-ed25519")
    with pytest.raises(asyncssh.PermissionDenied):
        await asyncssh.connect(
            "127.0.0.1", port, username="root", client_keys=[stranger], known_hosts=node.known_hosts, config=[]
        )


async def test_a_script_on_stdin_is_fed_line_by_line(demo: Demo) -> None:
    """What the probe does: one channel, a script, then a line for every sample."""
    async with log_in(demo, 1) as connection:
        process = await connection.create_process("exec /bin/sh -s")
        loop = "while read -r n; do read -r v <$CCOPS_ROOT/proc/sys/kernel/hostname; echo $n $v; done"
        process.stdin.write(f"echo ready; {loop}\n")
        # A shell reads ahead: what it is to read itself may only come once it runs.
        assert await process.stdout.readline() == "ready\n"
        for n in range(3):
            process.stdin.write(f"{n}\n")
            assert await process.stdout.readline() == f"{n} {NAMES[1]}\n"
        process.stdin.write_eof()
        done = await process.wait()
        assert done.exit_status == 0


async def test_what_a_channel_began_ends_with_it(demo: Demo) -> None:
    root = demo.nodes[0].root
    async with log_in(demo, 0) as connection:
        process = await connection.create_process("exec /bin/sh -s")
        process.stdin.write("sleep 1000 & sleep 1000 & echo begun\n")
        assert await process.stdout.readline() == "begun\n"
        assert len(sessions_of(root)) >= 3
        process.close()
        await until(lambda: not sessions_of(root))


async def test_exit_codes_and_errors_come_through(demo: Demo) -> None:
    async with log_in(demo, 0) as connection:
        for command, code, out, err in (
            ("exit 7", 7, "", ""),
            ("systemctl is-active drbd", 3, "inactive\n", ""),
            ("systemctl -q is-active asterisk", 0, "", ""),
            ("sudo -n drbdadm role data", 0, "Primary/Secondary\n", ""),
            ("drbdadm role nothing", 3, "", "'nothing' not defined in your config (for this host).\n"),
            ("drbdadm frobnicate data", 1, "", "drbdadm: Unknown command 'frobnicate'.\n"),
            ("umount /data", 32, "", "umount: /data: target is busy.\n"),
            ("service nope start", 5, "", "Failed to start nope.service: Unit nope.service not found.\n"),
        ):
            done = await connection.run(command)
            assert (done.exit_status, done.stdout, done.stderr) == (code, out, err), command


async def test_a_command_that_acts_is_seen_by_the_next(demo: Demo) -> None:
    async with log_in(demo, 1) as connection:
        done = await connection.run(
            "drbdadm disconnect data; echo $?; drbdadm cstate data; drbdadm disconnect data; echo $?"
        )
        assert done.stdout == "0\nStandAlone\n0\n"
        done = await connection.run("drbdadm connect data; drbdadm connect data; echo $?")
        assert done.stdout == "10\n"
        assert str(done.stderr).endswith("Command 'drbdsetup-84 connect 1' terminated with exit code 10\n")
    async with log_in(demo, 0) as connection:
        for spelling in ("drbdadm -- --discard-my-data connect data", "drbdadm connect --discard-my-data data"):
            done = await connection.run(spelling)
            assert done.exit_status == 10
            assert "--discard-my-data not allowed when primary" in str(done.stderr)


async def test_a_failover_by_command_moves_everything() -> None:
    async with Demo(agents=10, speed=20) as demo:
        async with log_in(demo, 0) as connection:
            done = await connection.run("/bin/sh -c '$CCOPS_ROOT/usr/share/heartbeat/hb_standby all'")
            assert (done.exit_status, done.stdout) == (0, "Going standby [all].\n")
        await until(lambda: demo.pair.serving == (1,))
        async with log_in(demo, 1) as connection:
            done = await connection.run(
                "drbdadm role data; ip -o -4 addr show | grep -c 192.168.27.120/24; df -P /data"
            )
            assert str(done.stdout).startswith("Primary/Secondary\n1\n")
            assert "/dev/drbd1" in str(done.stdout)
            reader, _ = await connection.open_connection("127.0.0.1", 5038)
            assert await reader.readline() == b"Asterisk Call Manager/5.0.4\r\n"
        async with log_in(demo, 0) as connection:
            for port in (5038, 3306):
                with pytest.raises(asyncssh.ChannelOpenError, match="Connection refused"):
                    await connection.open_connection("127.0.0.1", port)


async def test_stopping_heartbeat_returns_when_it_has_stopped() -> None:
    async with Demo(agents=10, speed=30) as demo, log_in(demo, 1) as connection:
        done = await connection.run("systemctl stop heartbeat; cl_status hbstatus; echo $?; cl_status rscstatus 2>&1")
        assert str(done.stdout).startswith("Heartbeat is stopped on this machine.\n1\n")
        assert "ERROR: Cannot signon with heartbeat" in str(done.stdout)
        done = await connection.run("service heartbeat start; cl_status hbstatus")
        assert done.stdout == "Heartbeat is running on this machine.\n"


async def test_restarting_asterisk_gives_a_new_process_and_a_new_start(demo: Demo) -> None:
    demo.speed = 20
    pid = demo.pair.machines[0].pids["asterisk"]
    started = demo.centre.exchanges[0].started_at
    async with log_in(demo, 0) as connection:
        done = await connection.run("systemctl restart asterisk; cat $CCOPS_ROOT/var/run/asterisk/asterisk.pid")
    assert done.stdout == f"{demo.pair.machines[0].pids['asterisk']}\n"
    assert demo.pair.machines[0].pids["asterisk"] != pid
    assert demo.centre.exchanges[0].started_at > started


async def test_the_clock_is_skewed(demo: Demo) -> None:
    async with log_in(demo, 1) as connection:
        before = time.time()
        done = await connection.run("date '+%s.%N'; date '+%s.%N %z'; date +%s")
        after = time.time()
        first, second, whole = str(done.stdout).splitlines()
        assert before - 0.21 <= float(first) <= float(second.split()[0]) <= after - 0.19
        assert second.split()[1] == "+0000"
        assert abs(int(whole) - after) <= 3


async def test_logs_are_appended_and_rotated(demo: Demo) -> None:
    files = demo.nodes[0]
    log = files.root / HA_LOG
    before, inode = log.read_text(), log.stat().st_ino
    demo.pair.heartbeat.takeover(0, "local")
    demo.refresh()
    assert log.read_text().startswith(before)
    assert "hb_takeover" in log.read_text()[len(before) :]
    files.rotate()
    assert log.with_name("ha-log.1").stat().st_ino == inode
    demo.pair.machines[0].log_heartbeat("info", "after the rotation", 1)
    demo.refresh()
    assert "after the rotation" in log.read_text()
    assert log.stat().st_ino != inode


async def test_only_what_changed_is_written(demo: Demo) -> None:
    files = demo.nodes[1]
    demo.refresh()
    inodes = {path: path.stat().st_ino for path in (files.root / ".answers").rglob("*") if path.is_file()}
    assert len(inodes) > 60
    demo.pair.drbd.pause(1, True)
    demo.refresh()
    changed = {path.name for path, inode in inodes.items() if path.stat().st_ino != inode}
    assert changed == {"drbdadm status", "drbdadm status all", "drbdadm status data"}


# Nodes that die, hang, and cannot be reached.


async def test_a_dead_node_resets_and_refuses_until_it_boots(demo: Demo) -> None:
    async with log_in(demo, 0) as connection:
        process = await connection.create_process("cat")
        demo.pair.power_off(0)
        await asyncio.wait_for(connection.wait_closed(), 10)
        assert process.exit_status is None
    port = demo.ssh[0].door.port
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    await until(lambda: not sessions_of(demo.nodes[0].root))
    demo.pair.boot(0)
    async with log_in(demo, 0) as connection:
        done = await connection.run("cut -d. -f1 $CCOPS_ROOT/proc/uptime; drbdadm role data")
    assert demo.ssh[0].door.port == port
    assert done.exit_status == 10


async def test_a_frozen_node_is_silent_and_goes_on(demo: Demo) -> None:
    async with log_in(demo, 0) as connection:
        process = await connection.create_process("while read -r n; do echo $n; done")
        process.stdin.write("1\n")
        assert await process.stdout.readline() == "1\n"
        demo.pair.freeze(0)
        process.stdin.write("2\n")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(reading := asyncio.ensure_future(process.stdout.readline())), 0.4)
        states = {Path(f"/proc/{pid}/stat").read_text().split()[2] for pid in sessions_of(demo.nodes[0].root)}
        assert states == {"T"}
        reader, writer = await asyncio.open_connection("127.0.0.1", demo.ssh[0].door.port)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(reader.readline(), 0.3)
        demo.pair.thaw(0)
        assert await asyncio.wait_for(reading, 10) == "2\n"
        assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"SSH-2.0-OpenSSH")
        writer.close()


async def test_a_node_out_of_reach_is_well(demo: Demo) -> None:
    async with log_in(demo, 1) as connection:
        demo.cut_console(1)
        await asyncio.wait_for(connection.wait_closed(), 10)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", demo.ssh[1].door.port)
    assert demo.pair.machines[1].powered
    demo.mend_console(1)
    async with log_in(demo, 1) as connection:
        assert (await connection.run("true")).exit_status == 0


@pytest.mark.parametrize(("what", "value"), [("agents", 5), ("agents", 2000), ("speed", 0.0), ("speed", -1.0)])
def test_settings_out_of_range_are_refused(what: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{what}: expected .* found"):
        Demo(**{what: value})  # type: ignore[arg-type]


async def test_commands_that_would_reach_beyond_the_demo_are_held_back(demo: Demo) -> None:
    async with log_in(demo, 0) as connection:
        for name in ("poweroff", "shutdown", "modprobe", "drbdsetup", "killall", "mke2fs"):
            done = await connection.run(f"command -v {name}; {name} --help")
            assert done.stdout == f"{demo.nodes[0].root}/bin/{name}\n"
            assert (done.exit_status, done.stderr) == (1, f"{name}: not simulated: --help\n")


async def test_a_node_that_is_told_to_reboot_does() -> None:
    async with Demo(agents=10, speed=30) as demo:
        async with log_in(demo, 1) as connection:
            assert (await connection.run("reboot")).exit_status == 0
            await asyncio.wait_for(connection.wait_closed(), 10)
        await until(lambda: demo.pair.machines[1].powered)
        async with log_in(demo, 1) as connection:
            uptime = (await connection.run("cat $CCOPS_ROOT/proc/uptime")).stdout
        assert float(str(uptime).split()[0]) < 60


def test_importing_the_demo_is_light() -> None:
    code = (
        "import sys, ccops.demo.world, ccops.demo.scenarios\n"
        "heavy = {'asyncssh', 'mysql_mimic', 'sqlglot', 'textual', 'panoramisk', 'pymysql'} & set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


async def test_its_settings_as_a_file_are_the_same(demo: Demo, tmp_path: Path) -> None:
    settings = replace(demo.settings, console=replace(demo.settings.console, audit=str(tmp_path / "audit.jsonl")))
    path = tmp_path / "demo.toml"
    with settings_file(settings, path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        found = load(path)
        assert (found.pairs, found.console) == (settings.pairs, settings.console)
    assert not path.exists()
    path.write_text(text_of(settings))
    with settings_file(settings, path):  # what a demo that was killed has left
        assert path.exists()
    path.write_text("[console]\n")
    with pytest.raises(FileExistsError), settings_file(settings, path):
        pass
    assert path.read_text() == "[console]\n"
