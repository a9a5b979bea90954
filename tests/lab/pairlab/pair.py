"""The two machines together: booted, made into a pair, kept as a snapshot, put back, and hurt."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from . import facts
from .image import build_image, install_missing, run, say
from .machine import Machine, choose_accelerator, qemu_version, wait_until
from .settings import (
    CLEAN,
    DATA_DISK,
    DATA_PARTITIONS,
    IN_USE,
    NAMES,
    NODES,
    LabError,
    Ports,
    Settings,
)

T = TypeVar("T")
LIMIT = 1800.0
RETURN_LIMIT = 600.0  # for a pair that was healthy when it was saved

# Both disks are new and all zeros, hence equal: they need no first resync, only the word that they are in sync.
MAKE_VOLUME = {
    "both": "drbdadm create-md --force data >/dev/null 2>&1; drbdadm up data",
    "in sync": "drbdadm new-current-uuid --clear-bitmap data",
    "fill": """
        drbdadm primary data
        mkfs.ext3 -q -L data /dev/drbd1
        mount /dev/drbd1 /data
        cp -a /srv/data/. /data/
        umount /data
        drbdadm secondary data
        """,
    "start": """
        rm -rf /srv/data
        systemctl enable --quiet drbd heartbeat 2>/dev/null
        systemctl start --no-block heartbeat
        """,
}
PHONES = 5  # telephones 101 to 104 and the gateway
COUNT_PHONES = "asterisk -rx 'sip show peers' | grep -c ' OK (' || true"
CUT_REPLICATION = """
nft -f - <<'RULES'
add table inet lab
flush table inet lab
add chain inet lab incoming { type filter hook input priority 0; }
add chain inet lab outgoing { type filter hook output priority 0; }
add rule inet lab incoming tcp dport 7789 drop
add rule inet lab incoming tcp sport 7789 drop
add rule inet lab outgoing tcp dport 7789 drop
add rule inet lab outgoing tcp sport 7789 drop
RULES
"""
HEAL_REPLICATION = "if nft list table inet lab >/dev/null 2>&1; then nft delete table inet lab; fi"


class Lab:
    """The lab of one cache folder: the pair that runs there, or the one that would be started."""

    def __init__(self, settings: Settings) -> None:
        self.wanted = settings
        self.record = settings.cache / "run" / "lab.json"
        self.cut_mark = settings.cache / "run" / "lan-is-cut"
        self.machines = self.recorded_machines() or {}

    # Which machines these are.

    def recorded_machines(self) -> dict[int, Machine] | None:
        """The machines that were last started here, with the ports and the image of then."""
        try:
            kept = json.loads(self.record.read_text())
            settings = replace(self.wanted, ports=Ports(kept["ports"]), accel=kept["accelerator"])
            pair = Path(kept["pair"])
        except (OSError, ValueError, KeyError):
            return None
        return {node: Machine(node, settings, pair, kept["accelerator"]) for node in NODES}

    def choose_machines(self) -> None:
        """Turns to the machines that this checkout and this environment describe; stops any others."""
        accelerator = choose_accelerator(self.wanted.accel)
        sketch = Machine(1, self.wanted, self.wanted.image / "pair", accelerator)
        basis = repr((qemu_version(), sketch.hardware(), DATA_DISK, DATA_PARTITIONS, MAKE_VOLUME))
        pair = self.wanted.image / f"pair-{hashlib.sha256(basis.encode()).hexdigest()[:8]}"
        chosen = {node: Machine(node, self.wanted, pair, accelerator) for node in NODES}
        running = self.machines.get(1)
        if running and (running.pair, running.ports) != (pair, self.wanted.ports) and self.any_runs():
            say("the lab that runs was made from something else: stopping it")
            self.down()
        self.machines = chosen

    def any_runs(self) -> bool:
        return any(machine.pid() for machine in self.machines.values())

    def all_run(self) -> bool:
        return bool(self.machines) and all(machine.pid() for machine in self.machines.values())

    def machine(self, node: int) -> Machine:
        if not self.machines:
            raise LabError("the lab has not been started here yet: run `lab ready`")
        return self.machines[node]

    def both(self, action: Callable[[Machine], T]) -> dict[int, T]:
        """Does it to both machines at once; the first error is raised when both are through."""
        machines = [self.machine(node) for node in NODES]
        with ThreadPoolExecutor(len(machines)) as pool:
            return dict(zip(NODES, pool.map(action, machines), strict=True))

    def write_record(self) -> None:
        machine = self.machine(1)
        folder = machine.run_folder
        folder.mkdir(parents=True, exist_ok=True)
        self.cut_mark.unlink(missing_ok=True)
        lines = []
        for node in NODES:
            key = (machine.settings.image / f"host{node}.pub").read_text().split()
            lines.append(f"[127.0.0.1]:{machine.ports.ssh(node)} {key[0]} {key[1]}\n")
        (folder / "known_hosts").write_text("".join(lines))
        kept = {"ports": machine.ports.base, "pair": str(machine.pair), "accelerator": machine.accelerator}
        self.record.write_text(json.dumps(kept))

    # From nothing to a healthy pair.

    def ready(self) -> None:
        """A running, healthy pair, in the shortest way there is."""
        install_missing()
        if not self.wanted.image.is_dir():
            self.down()
            build_image(self.wanted.image)
        self.choose_machines()
        if self.has_snapshot(CLEAN):
            try:
                self.reset(CLEAN)
                self.wait("healthy", None, RETURN_LIMIT)
                return
            except LabError as error:
                say(f"the kept pair does not come back ({error}); making it anew")
        self.up()
        self.init()
        self.save(CLEAN)

    def up(self) -> None:
        """Boots both machines from fresh disks."""
        self.down()
        if not self.wanted.image.is_dir():
            raise LabError("there is no image yet: run `lab build` or `lab ready`")
        self.choose_machines()
        self.make_disks(self.machine(1).pair)
        self.write_record()
        say("booting both nodes")
        self.both(lambda machine: machine.start())
        self.both(lambda machine: machine.wait_for_answer())

    def make_disks(self, pair: Path) -> None:
        for old in pair.parent.glob("pair-*"):
            shutil.rmtree(old)
        pair.mkdir()
        for node in NODES:
            root, data = pair / f"root{node}.qcow2", pair / f"data{node}.qcow2"
            image = str(pair.parent / "root.img")
            run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", image, "-F", "raw", str(root)])
            with tempfile.NamedTemporaryFile(dir=pair) as raw:
                run(["truncate", "-s", DATA_DISK, raw.name])
                subprocess.run(["sfdisk", "-q", raw.name], input=DATA_PARTITIONS, text=True, check=True)
                run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw.name, str(data)])

    def init(self) -> None:
        """Makes the volume, puts MySQL and Asterisk's files on it, starts Heartbeat, waits until all is well."""
        say("making the volume")
        self.both(lambda machine: machine.run(MAKE_VOLUME["both"]))
        first = self.machine(1)
        if not wait_until(lambda: "cs:Connected" in first.run("cat /proc/drbd"), LIMIT, 1):
            raise LabError("DRBD does not connect")
        first.run(MAKE_VOLUME["in sync"])
        self.wait("in-sync")
        first.run(MAKE_VOLUME["fill"])
        say("starting Heartbeat")
        self.both(lambda machine: machine.run(MAKE_VOLUME["start"]))
        self.wait("healthy")
        # The telephones are asked once a minute, and ten seconds later if they were slow.
        if not wait_until(lambda: int(first.run(COUNT_PHONES)) == PHONES, LIMIT, 1):
            raise LabError("Asterisk does not reach its telephones and its gateway")

    # Snapshots.

    def has_snapshot(self, name: str) -> bool:
        return bool(self.machines) and all(name in machine.snapshots() for machine in self.machines.values())

    def save(self, name: str) -> None:
        """Keeps the whole state of both running machines under a name."""
        self.both(lambda machine: machine.run("sync"))
        self.both(lambda machine: machine.pause())
        try:
            self.both(lambda machine: machine.human_monitor(f"savevm {name}"))
        finally:
            self.both(lambda machine: machine.resume())
        say(f"saved as {name!r}")

    def reset(self, name: str) -> None:
        """Puts both machines into a saved state, starting those that are off; their clocks are then set right."""
        self.machine(1)
        if not self.has_snapshot(name):
            raise LabError(f"there is no saved state {name!r} of this pair")
        if not self.any_runs():
            self.write_record()

        def load(machine: Machine) -> None:
            if machine.pid() is None:
                machine.start(snapshot=name)
            else:
                machine.pause()
                machine.human_monitor(f"loadvm {name}")
            machine.connect_lan(True)

        self.both(load)
        self.cut_mark.unlink(missing_ok=True)
        self.both(lambda machine: machine.resume())
        self.both(lambda machine: machine.set_clock())

    def down(self) -> None:
        if self.machines:
            self.both(lambda machine: machine.power_off())

    # Faults.

    def cut(self) -> None:
        self.cut_mark.touch()
        self.both(lambda machine: machine.connect_lan(False) if machine.pid() else None)

    def heal(self) -> None:
        self.cut_mark.unlink(missing_ok=True)
        self.both(lambda machine: machine.connect_lan(True) if machine.pid() else None)

    def boot(self, node: int) -> None:
        """Switches a machine on that was switched off, with its disks as they were."""
        machine = self.machine(node)
        if machine.pid():
            raise LabError(f"node {node} is on already")
        machine.start()
        if self.cut_mark.exists():
            machine.connect_lan(False)
        machine.wait_for_answer()
        machine.set_clock()

    def cut_replication(self) -> None:
        """DRBD's port is dropped on both nodes, Heartbeat's is not."""
        self.both(lambda machine: machine.run(CUT_REPLICATION))

    def heal_replication(self) -> None:
        self.both(lambda machine: machine.run(HEAL_REPLICATION))

    # Looking.

    def look(self) -> dict[int, facts.Facts]:
        def ask(machine: Machine) -> facts.Facts:
            if machine.state() != "running":
                return facts.Facts({})
            try:
                return facts.Facts.parse(machine.run("lab-facts", limit=180))
            except LabError:
                return facts.Facts({})

        return self.both(ask)

    def wait(self, condition: str, node: int | None = None, limit: float = LIMIT) -> None:
        """Returns when the condition holds; LabError with what is the case instead after `limit` seconds."""
        began = time.monotonic()
        while True:
            pair = self.look()
            if facts.OF_THE_PAIR[condition](pair) if node is None else facts.OF_A_NODE[condition](pair, node):
                return
            if time.monotonic() - began > limit:
                wanted = condition if node is None else f"{condition} {node}"
                found = "\n".join(f"  node {n}: {pair[n].line()}" for n in NODES)
                raise LabError(f"not {wanted} within {limit:.0f} s:\n{found}")
            time.sleep(0.5)

    def call(self, count: int, extensions: list[str]) -> None:
        """Puts calls through the gateway of the node that serves; returns when Asterisk has answered them."""
        pair = self.look()
        serving = [node for node in NODES if pair[node].serves]
        if not serving:
            raise LabError("no node serves, so nobody takes calls")
        for node in serving:
            said = self.machine(node).run(shell_line("lab-phones", "call", count, *extensions))
            print(f"node {node}: {said.strip()}")

    def status(self) -> str:
        if not self.any_runs():
            return "the lab is off"
        pair = self.look()
        lines = ["the LAN is cut"] if self.cut_mark.exists() else []
        for node in NODES:
            state = self.machine(node).state()
            lines.append(f"node {node} {NAMES[node]}: {pair[node].line() if state == 'running' else state}")
        return "\n".join([*lines, f"healthy: {'yes' if facts.healthy(pair) else 'no'}"])

    def environment(self) -> dict[str, object]:
        machine = self.machine(1)
        ports = machine.ports
        values: dict[str, object] = {}
        values["CCOPS_LAB_KEY"] = machine.settings.image / "id_ed25519"
        values["CCOPS_LAB_KNOWN_HOSTS"] = machine.run_folder / "known_hosts"
        values["CCOPS_LAB_LOCK"] = machine.settings.cache / IN_USE
        for node in NODES:
            values[f"CCOPS_LAB_NODE{node}"] = NAMES[node]
            values[f"CCOPS_LAB_SSH{node}"] = ports.ssh(node)
            values[f"CCOPS_LAB_AMI{node}"] = ports.ami(node)
            values[f"CCOPS_LAB_MYSQL{node}"] = ports.mysql(node)
        return {
            **values,
            "CCOPS_LAB_ADMIN": "root",
            "CCOPS_LAB_USER": "ccops",
            "CCOPS_LAB_AMI_USER": "ccops",
            "CCOPS_LAB_AMI_SECRET": "labsecret",
            "CCOPS_LAB_AMI_VIEWER": "viewer",
            "CCOPS_LAB_AMI_VIEWER_SECRET": "viewonly",
            "CCOPS_LAB_MYSQL_USER": "ccops",
            "CCOPS_LAB_MYSQL_PASSWORD": "labsecret",
        }


def shell_line(*words: object) -> str:
    return " ".join("'" + str(word).replace("'", "'\\''") + "'" for word in words)
