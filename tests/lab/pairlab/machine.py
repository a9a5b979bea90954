"""One node as a QEMU process: start it, speak to its monitor (QMP), speak to it over SSH."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from .image import say
from .settings import LabError, NotHere, Settings

QEMU = "qemu-system-x86_64"
MONITOR_LIMIT = 600.0
BOOT_LIMIT = 1800.0
STALL_LIMIT = 300.0
# A kernel that takes the TSC for its clock sees time jump when a snapshot is loaded, and each node takes the other
# for dead; the emulated HPET stands still with the machine.
# One processor, and room for a second that never comes: only with more than one possible does QEMU's emulation turn the
# guest's locked instructions into real barriers, and without these a disk request can be lost between the guest's
# thread and QEMU's own (seen once: a boot that stood still in `mount`).
ACCELERATORS = {"tcg": "tcg,thread=multi", "kvm": "kvm"}
KERNEL_ARGUMENTS = "root=/dev/vda rw console=ttyS0 net.ifnames=0 quiet mitigations=off clocksource=hpet tsc=unstable"


def choose_accelerator(wanted: str) -> str:
    """`kvm` if it is wanted and truly runs code (the device may be there and not work), else `tcg`."""
    if wanted != "kvm":
        return "tcg"
    # A boot sector that does nothing but end the machine with exit code 33.
    sector = bytes.fromhex("baf400b010eef4ebfd").ljust(510, b"\0") + b"\x55\xaa"
    with tempfile.NamedTemporaryFile() as disk:
        disk.write(sector)
        disk.flush()
        command = [QEMU, "-accel", "kvm", "-machine", "q35", "-nodefaults", "-display", "none", "-no-reboot"]
        command += ["-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-drive", f"file={disk.name},format=raw"]
        try:
            works = subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 33
        except subprocess.TimeoutExpired:
            works = False
    if not works:
        say("KVM was asked for and does not work here; going on in software emulation")
    return "kvm" if works else "tcg"


def qemu_version() -> str:
    try:
        done = subprocess.run([QEMU, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise NotHere(f"{QEMU} does not run here: {error}") from error
    return done.stdout.splitlines()[0]


class Machine:
    """Node 1 or 2. Its disks lie in `pair`, its process id and monitor socket in the lab's `run` folder."""

    def __init__(self, node: int, settings: Settings, pair: Path, accelerator: str) -> None:
        self.node = node
        self.settings = settings
        self.ports = settings.ports
        self.pair = pair
        self.accelerator = accelerator
        self.run_folder = settings.cache / "run"
        # Tells this lab's process from any other's, should its id have been given to another.
        self.name = f"ccops-lab-node{node}-{hashlib.sha256(str(settings.cache).encode()).hexdigest()[:8]}"

    def hardware(self) -> list[str]:
        """The arguments a snapshot depends on."""
        node, image = self.node, self.pair.parent
        return [
            *("-machine", "q35", "-accel", ACCELERATORS[self.accelerator], "-m", "768", "-rtc", "clock=vm"),
            *("-smp", "1,maxcpus=2"),
            *("-nodefaults", "-no-user-config", "-display", "none"),
            *("-kernel", str(image / "vmlinuz"), "-initrd", str(image / "initrd.img")),
            *("-append", f"{KERNEL_ARGUMENTS} lab.node={node}"),
            *("-drive", f"file={self.pair}/root{node}.qcow2,if=virtio,format=qcow2,discard=unmap"),
            *("-drive", f"file={self.pair}/data{node}.qcow2,if=virtio,format=qcow2"),
            *("-device", f"virtio-net-pci,netdev=lan,mac=52:54:00:c0:01:0{node},id=lan0"),
            *("-device", f"virtio-net-pci,netdev=host,mac=52:54:00:c0:00:0{node},id=host0"),
        ]

    def connections(self) -> list[str]:
        """The arguments that tie this machine to the host: ports and files."""
        node, ports = self.node, self.ports
        forwarded = ((ports.ssh(node), 22), (ports.ami(node), 5038), (ports.mysql(node), 3306))
        forwards = ",".join(f"hostfwd=tcp:127.0.0.1:{outer}-:{inner}" for outer, inner in forwarded)
        mine, peer = ports.lan(node), ports.lan(3 - node)
        return [
            *("-netdev", f"socket,id=lan,udp=127.0.0.1:{peer},localaddr=127.0.0.1:{mine}"),
            *("-netdev", f"user,id=host,net=10.0.2.0/24,restrict=on,{forwards}"),
            *("-serial", f"file:serial{node}.log", "-qmp", f"unix:monitor{node},server=on,wait=off"),
            *("-pidfile", f"pid{node}", "-daemonize", "-name", self.name),
        ]

    # The process.

    def start(self, snapshot: str | None = None) -> None:
        """Starts the machine; with a snapshot it stands still in that state until `resume`."""
        self.check_ports()
        command = [QEMU, *self.hardware(), *self.connections()]
        if snapshot:
            command += ["-S", "-loadvm", snapshot]
        log = self.run_folder / f"qemu{self.node}.log"
        with log.open("w") as output:
            # In the run folder, because a socket's path may have no more than 107 bytes.
            done = subprocess.run(command, cwd=self.run_folder, stdout=output, stderr=output, check=False)
        if done.returncode != 0:
            raise LabError(f"node {self.node} does not start: {log.read_text().strip()}")

    def check_ports(self) -> None:
        node, ports = self.node, self.ports
        wanted = [(socket.SOCK_STREAM, port(node)) for port in (ports.ssh, ports.ami, ports.mysql)]
        for kind, port in [*wanted, (socket.SOCK_DGRAM, ports.lan(node))]:
            with socket.socket(socket.AF_INET, kind) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError as error:
                    advice = "set CCOPS_LAB_PORTS to another base"
                    raise LabError(f"port {port} on 127.0.0.1 is taken ({error}); {advice}") from error

    def pid(self) -> int | None:
        """The process, if it runs and is truly this machine."""
        try:
            pid = int((self.run_folder / f"pid{self.node}").read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return pid if self.name.encode() in command else None

    def power_off(self) -> None:
        """Cuts the current: the guest is told nothing."""
        pid = self.pid()
        if pid is None:
            return
        with contextlib.suppress(OSError, LabError):
            self.monitor("quit", limit=30)
        if not wait_until(lambda: self.pid() is None, 30):
            os.kill(pid, signal.SIGKILL)
            if not wait_until(lambda: self.pid() is None, 60):
                raise LabError(f"node {self.node} (process {pid}) does not end")
        (self.run_folder / f"pid{self.node}").unlink(missing_ok=True)

    # The monitor.

    def monitor(
        self, command: str, arguments: Mapping[str, object] | None = None, limit: float = MONITOR_LIMIT
    ) -> object:
        """Runs one QMP command and returns what it returned; LabError if QEMU refuses it."""
        if self.pid() is None:
            raise LabError(f"node {self.node} is off")
        folder = os.open(self.run_folder, os.O_RDONLY)
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(limit)
                connection.connect(f"/proc/self/fd/{folder}/monitor{self.node}")
                with connection.makefile("rwb") as stream:
                    stream.readline()  # the greeting
                    order = {"execute": command, "arguments": arguments or {}}
                    for message in ({"execute": "qmp_capabilities"}, order):
                        stream.write(json.dumps(message).encode() + b"\n")
                        stream.flush()
                        answer: dict[str, object] = {"event": ""}
                        while "event" in answer:
                            line = stream.readline()
                            if not line and command == "quit":
                                return None
                            answer = json.loads(line)
        finally:
            os.close(folder)
        if "error" in answer:
            raise LabError(f"node {self.node}, {command}: {answer['error']}")
        return answer.get("return")

    def human_monitor(self, line: str) -> None:
        """Runs one command of the human monitor; LabError if it says anything, for these say only what went wrong."""
        said = str(self.monitor("human-monitor-command", {"command-line": line})).strip()
        if said:
            raise LabError(f"node {self.node}, {line}: {said}")

    def pause(self) -> None:
        self.monitor("stop")

    def resume(self) -> None:
        self.monitor("cont")

    def state(self) -> str:
        """off, running, or another run state of QEMU, e.g. paused."""
        if self.pid() is None:
            return "off"
        answer = self.monitor("query-status")
        return str(answer["status"]) if isinstance(answer, dict) else "unknown"

    def connect_lan(self, up: bool) -> None:
        self.monitor("set_link", {"name": "lan0", "up": up})

    def snapshots(self) -> set[str]:
        """Names of the snapshots on its disks; also while it runs."""
        disks = [self.pair / f"{name}{self.node}.qcow2" for name in ("root", "data")]
        names: list[set[str]] = []
        for disk in disks:
            command = ["qemu-img", "snapshot", "-U", "-l", str(disk)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            names.append(set(re.findall(r"^\d+\s+(\S+)\s", done.stdout, re.MULTILINE)))
        return set.intersection(*names)

    # SSH.

    def ssh_command(self, *remote: str, user: str = "root") -> list[str]:
        options = {
            "IdentityFile": self.settings.image / "id_ed25519",
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": self.run_folder / "known_hosts",
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
            "LogLevel": "ERROR",
            "ConnectTimeout": "60",
            "ServerAliveInterval": "20",
            "BatchMode": "yes",
        }
        command = ["ssh", "-F", "/dev/null", "-p", str(self.ports.ssh(self.node))]
        for name, value in options.items():
            command += ["-o", f"{name}={value}"]
        return [*command, f"{user}@127.0.0.1", *remote]

    def run(self, script: str, limit: float = 900) -> str:
        """Runs a shell script as root and returns its output; LabError with what it said if it fails."""
        command = self.ssh_command("sh -eu")
        try:
            done = subprocess.run(command, input=script, capture_output=True, text=True, timeout=limit, check=False)
        except subprocess.TimeoutExpired as error:
            raise LabError(f"node {self.node} has not finished in {limit:.0f} s: {script[:60]!r}") from error
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip()
            raise LabError(f"node {self.node}: {script.strip()[:60]!r} failed ({done.returncode}): {said}")
        return done.stdout

    def wait_for_answer(self, limit: float = BOOT_LIMIT) -> None:
        """Waits until the node answers SSH; a boot during which the disks stand still is begun again."""
        end = time.monotonic() + limit
        activity, since = "", time.monotonic()
        while not self.answers():
            if self.pid() is None or time.monotonic() > end:
                console = self.run_folder / f"serial{self.node}.log"
                raise LabError(f"node {self.node} does not come up; its console is in {console}")
            now = self.disk_activity()
            if now != activity:
                activity, since = now, time.monotonic()
            elif time.monotonic() - since > STALL_LIMIT:
                say(f"node {self.node} stands still in its boot: once more from the start")
                self.monitor("system_reset")
                since = time.monotonic()
            time.sleep(0.5)

    def disk_activity(self) -> str:
        """Something that is another whenever a disk was read or written."""
        if self.pid() is None:
            return ""
        return " ".join(re.findall(r"'(?:rd|wr)_operations': \d+", str(self.monitor("query-blockstats"))))

    def answers(self) -> bool:
        try:
            return self.run("echo here", limit=120).strip() == "here"
        except LabError:
            return False

    def set_clock(self) -> None:
        """Sets the guest's clock to the host's; the time is sent when the guest is ready to take it."""
        command = self.ssh_command('echo ready; read -r now; date -s "@$now" >/dev/null')
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin
            assert process.stdout
            if process.stdout.readline().strip() != "ready":
                raise LabError(f"node {self.node} does not take the time")
            process.stdin.write(f"{time.time():.3f}\n")
            process.stdin.close()
        if process.returncode != 0:
            raise LabError(f"node {self.node} could not set its clock")


def wait_until(condition: Callable[[], bool], limit: float, pause: float = 0.2) -> bool:
    """True as soon as the condition holds, False when `limit` seconds have passed without."""
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True
