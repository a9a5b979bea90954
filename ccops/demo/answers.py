"""What the commands of a node print in its present state, with their exit codes."""

from __future__ import annotations

from collections.abc import Iterator

from ccops.demo.answer import Answer as Answer
from ccops.demo.configuration import Configuration
from ccops.demo.heartbeat import VERSION as HEARTBEAT_VERSION
from ccops.demo.machine import ADDRESS, HOSTS, NAMES
from ccops.demo.pair import SimulatedPair
from ccops.demo.replica import RESOURCE, print_generation, print_status

KERNEL = "5.10.0-30-amd64"
ASTERISK = "16.28.0~dfsg-0+deb11u4"
MYSQL = "10.5.23-MariaDB-0+deb11u1"

_FOREVER = "valid_lft forever preferred_lft forever"
_DF_HEAD = "Filesystem     1024-blocks   Used Available Capacity Mounted on"
_ROOT_DISK = "/dev/vda           3021608 911072   1936868      32% /"


def answers(pair: SimulatedPair, n: int) -> Iterator[tuple[str, Answer]]:
    """Every command line that only reads, and its answer; `cl_status` errors have {date} and {pid} to fill in."""
    yield from _cluster_answers(pair, n)
    yield from _drbd_answers(pair, n)
    yield from _address_answers(pair, n)
    yield from _system_answers(pair, n)


def unit_states(pair: SimulatedPair, n: int) -> Iterator[tuple[str, str]]:
    """Units and what `systemctl is-active` says of each."""
    machine = pair.machines[n]
    yield "asterisk", machine.services["asterisk"]
    for name in ("mysqld", "mysql", "mariadb"):
        yield name, machine.services["mysqld"]
    yield "heartbeat", pair.heartbeat.members[n].unit
    yield "drbd", "inactive"
    yield "ssh", "active"


def print_space(pair: SimulatedPair, n: int, path: str) -> str:
    """`df -P`, in blocks of 1024 bytes: of the volume, or of the disk of everything else."""
    if not pair.machines[n].mounted or not (path == "/data" or path.startswith("/data/")):
        return f"{_DF_HEAD}\n{_ROOT_DISK}\n"
    total = int(pair.drbd.size * 0.9428)
    used = pair.drbd.sides[n].content
    free = total - used - 20_480
    width = max(5, len(str(used)))
    return (
        f"Filesystem     1024-blocks {'Used':>{width}} Available Capacity Mounted on\n"
        f"/dev/drbd1     {total:11d} {used:{width}d} {free:9d} {-(-100 * used // (used + free)):7d}% /data\n"
    )


def _cluster_answers(pair: SimulatedPair, n: int) -> Iterator[tuple[str, Answer]]:
    member, peer, me = pair.heartbeat.members[n], NAMES[1 - n], NAMES[n]
    if member.phase == "stopped":
        yield "cl_status hbstatus", Answer("Heartbeat is stopped on this machine.\n", 1)
        refusal = _error("Cannot signon with heartbeat", "hb_api_signon: Can't initiate connection to heartbeat")
        for rest in _cluster_queries(me, peer):
            yield f"cl_status {rest}", Answer("", 1, refusal)
        return
    share = pair.heartbeat.share(n)
    yield "cl_status hbstatus", Answer("Heartbeat is running on this machine.\n")
    yield "cl_status rscstatus", Answer(f"{share}\n")
    yield "cl_status rscstatus -m", Answer(f"This node is holding {share} resources.\n")
    for rest in ("listnodes", "listnodes -n"):
        yield f"cl_status {rest}", Answer(f"{NAMES[1]}\n{NAMES[0]}\n")
    yield f"cl_status nodestatus {me}", Answer("active\n")
    seen = member.peer
    yield f"cl_status nodestatus {peer}", Answer(f"{seen}\n", 0 if seen in {"active", "up"} else 1)
    for name in NAMES:
        yield f"cl_status nodetype {name}", Answer("normal\n")
        yield f"cl_status listhblinks {name}", Answer("\teth0\n")
    yield f"cl_status hblinkstatus {peer} eth0", Answer("up\n") if member.link else Answer("dead\n", 1)
    late = _error("Cannot get heartbeat client heartbeat's status", "No timely response.")
    yield (
        f"cl_status clientstatus {peer} heartbeat",
        Answer("", 13, late) if member.link else Answer("offline\n", 1),
    )
    for name, value in (("keepalive", "1000"), ("deadtime", "12000"), ("hbversion", HEARTBEAT_VERSION)):
        yield f"cl_status hbparameter -p {name}", Answer(f"{value}\n")


def _cluster_queries(me: str, peer: str) -> tuple[str, ...]:
    return (
        "rscstatus",
        "rscstatus -m",
        "listnodes",
        "listnodes -n",
        *(f"{word} {name}" for word in ("nodestatus", "nodetype", "listhblinks") for name in (me, peer)),
        f"hblinkstatus {peer} eth0",
        f"clientstatus {peer} heartbeat",
        "hbparameter -p hbversion",
    )


def _error(what: str, reason: str) -> str:
    return "".join(f"{{date}} {{host}} cl_status: [{{pid}}]: ERROR: {text}\n" for text in (what, f"REASON: {reason}"))


def _drbd_answers(pair: SimulatedPair, n: int) -> Iterator[tuple[str, Answer]]:
    side = pair.drbd.sides[n]
    yield (
        "drbdadm --version",
        Answer(
            "DRBDADM_BUILDTAG=GIT-hash:\\ 4c5ad1e0e2b0a8c2f3b3e4c9b6a5b6c0f5c8a7d1\\ build\\ by\\ buildd@debian\n"
            "DRBDADM_API_VERSION=1\nDRBD_KERNEL_VERSION_CODE=0x08040b\nDRBD_KERNEL_VERSION=8.4.11\n"
            "DRBDADM_VERSION_CODE=0x090f00\nDRBDADM_VERSION=9.15.0\n"
        ),
    )
    texts = {
        "role": f"{side.role}/{side.peer_role}\n",
        "cstate": f"{side.connection}\n",
        "dstate": f"{side.disk}/{side.peer_disk}\n",
        "get-gi": f"{side.generation()}\n",
        "show-gi": print_generation(side),
        "status": print_status(side),
    }
    for word, text in texts.items():
        gone = Answer(
            "", 10, f"{RESOURCE}: Unknown resource\nCommand 'drbdsetup-84 {word} 1' terminated with exit code 10\n"
        )
        for which in (RESOURCE, "all"):
            yield f"drbdadm {word} {which}", Answer(text) if side.configured else gone
    yield "drbdadm status", Answer(print_status(side))
    for rest in ("", f" {RESOURCE}"):
        yield f"drbdadm dump{rest}", Answer(_dump(pair.machines[n].configuration))
    yield f"drbdadm sh-dev {RESOURCE}", Answer("/dev/drbd1\n")
    yield f"drbdadm sh-minor {RESOURCE}", Answer("1\n")


def _address_answers(pair: SimulatedPair, n: int) -> Iterator[tuple[str, Answer]]:
    machine = pair.machines[n]
    four = [
        f"1: lo    inet 127.0.0.1/8 scope host lo\\       {_FOREVER}",
        f"2: eth0    inet {HOSTS[n]}/24 scope global eth0\\       {_FOREVER}",
    ]
    if machine.address:
        four.append(f"2: eth0    inet {ADDRESS}/24 scope global secondary eth0\\       {_FOREVER}")
    console = f"3: eth1    inet 10.0.2.15/24 scope global eth1\\       {_FOREVER}"
    mac = f"5054:ff:fe00:10{n + 1}"
    lines = [
        four[0],
        f"1: lo    inet6 ::1/128 scope host \\       {_FOREVER}",
        *four[1:],
        f"2: eth0    inet6 fe80::{mac}/64 scope link \\       {_FOREVER}",
        console,
        f"3: eth1    inet6 fec0::5054:ff:fe00:{n + 1}/64 scope site dynamic mngtmpaddr \\       "
        "valid_lft 86241sec preferred_lft 14241sec",
        f"3: eth1    inet6 fe80::5054:ff:fe00:{n + 1}/64 scope link \\       {_FOREVER}",
    ]
    everything = "".join(f"{line}\n" for line in lines)
    only_four = "".join(f"{line}\n" for line in (*four, console))
    for rest in ("show", "", "list"):
        for word in ("addr", "address", "a"):
            tail = f"{word} {rest}".strip()
            yield f"ip -o {tail}", Answer(everything)
            for flag in ("-4 -o", "-o -4", "-o -f inet"):
                yield f"ip {flag} {tail}", Answer(only_four)
    eth0 = "".join(f"{line}\n" for line in lines if ": eth0 " in line)
    yield "ip -o addr show eth0", Answer(eth0)
    yield "ip -o addr show dev eth0", Answer(eth0)
    # IPaddr2 adds the address without a label: ifconfig does not know of it.
    yield "ifconfig", Answer(_interfaces(n))
    yield "ifconfig -a", Answer(_interfaces(n))


def _interfaces(n: int) -> str:
    blocks = (("eth0", HOSTS[n], "192.168.27.255"), ("eth1", "10.0.2.15", "10.0.2.255"))
    text = "".join(
        f"{name}: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500\n"
        f"        inet {address}  netmask 255.255.255.0  broadcast {broadcast}\n\n"
        for name, address, broadcast in blocks
    )
    return f"{text}lo: flags=73<UP,LOOPBACK,RUNNING>  mtu 65536\n        inet 127.0.0.1  netmask 255.0.0.0\n\n"


def _system_answers(pair: SimulatedPair, n: int) -> Iterator[tuple[str, Answer]]:
    machine = pair.machines[n]
    for flag in ("-P", "-kP", "-Pk", "-P -k", "-k -P"):
        yield f"df {flag} /data", Answer(print_space(pair, n, "/data"))
    for line in ("uname -n", "hostname", "hostname -s"):
        yield line, Answer(f"{machine.name}\n")
    yield "uname -r", Answer(f"{KERNEL}\n")
    yield "uname -sr", Answer(f"Linux {KERNEL}\n")
    yield "uname", Answer("Linux\n")
    yield "uname -s", Answer("Linux\n")
    yield "uname -m", Answer("x86_64\n")
    yield "asterisk -V", Answer(f"Asterisk {ASTERISK}\n")
    version = f"Ver {MYSQL} for debian-linux-gnu on x86_64 (Debian 11)"
    for name in ("mysqld", "mysql"):
        for flag in ("--version", "-V"):
            yield f"{name} {flag}", Answer(f"{name}  {version}\n")


def _dump(configuration: Configuration) -> str:
    """`drbdadm dump`."""
    verify = f"        verify-alg       {configuration.verify_alg};\n" if configuration.verify_alg else ""
    hosts = "".join(_DUMPED_HOST.format(name=name, address=HOSTS[n]) for n, name in enumerate(NAMES))
    return (
        f"# resource data on {NAMES[0]}: not ignored, not stacked\n# defined at /etc/drbd.d/data.res:1\n"
        f"resource data {{\n    protocol             C;\n{hosts}"
        "    net {\n        cram-hmac-alg    sha1;\n        shared-secret    demo;\n"
        f"{verify}        ping-timeout      20;\n    }}\n"
        f"    disk {{\n        resync-rate      {configuration.rate};\n    }}\n}}\n\n"
    )


_DUMPED_HOST = """    on {name} {{
        volume 0 {{
            device           /dev/drbd1 minor 1;
            disk             /dev/vdb1;
            meta-disk        /dev/vdb2 [0];
        }}
        address          ipv4 {address}:7789;
    }}
"""
