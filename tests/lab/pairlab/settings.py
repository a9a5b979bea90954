"""Where the lab keeps its files, which ports it uses, and the constants of the pair."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

LAB = Path(__file__).resolve().parent.parent
NODES = (1, 2)
NAMES = {1: "elaxtix-voip", 2: "elaxtix-voip-2"}
CLEAN = "clean"
IN_USE = "in-use"  # the lock file of a test session

SUITE = "bullseye"  # the last Debian with Heartbeat 3.0.6, Asterisk with chan_sip, and DRBD 8.4 in its kernel
PACKAGES = [
    "asterisk",
    "asterisk-core-sounds-en-gsm",
    "asterisk-modules",
    "drbd-utils",
    "e2fsprogs",
    "heartbeat",
    "initramfs-tools",
    "iproute2",
    "iputils-arping",
    "kmod",
    "linux-image-amd64",
    "mariadb-server",
    "netbase",
    "nftables",
    "openssh-server",
    "procps",
    "psmisc",
    "python3",
    "rsyslog",
    "sudo",
    "systemd-sysv",
    "tcpdump",
    "udev",
]
ROOT_SIZE = "3G"
# Table 2 of the paper: on the second disk 400 MB for the data and 160 MB for DRBD's meta-data.
DATA_DISK = "600M"
DATA_PARTITIONS = "size=400M\nsize=160M\n"


class LabError(Exception):
    """What went wrong, in words for whoever ran the command. Exit code 1."""

    code = 1


class NotHere(LabError):
    """The lab cannot be had on this machine or at this moment. Exit code 3."""

    code = 3


@dataclass(frozen=True)
class Ports:
    """TCP and UDP ports on 127.0.0.1, all within a hundred of CCOPS_LAB_PORTS (default 22000)."""

    base: int

    def ssh(self, node: int) -> int:
        return self.base + 10 * node + 2

    def mysql(self, node: int) -> int:
        return self.base + 10 * node + 6

    def ami(self, node: int) -> int:
        return self.base + 10 * node + 8

    def lan(self, node: int) -> int:
        return self.base + 70 + node


@dataclass(frozen=True)
class Settings:
    cache: Path
    ports: Ports
    accel: str

    @property
    def image(self) -> Path:
        """The folder of the image that this checkout describes; it is complete as soon as it exists."""
        return self.cache / image_hash()


def read_settings() -> Settings:
    env = os.environ
    cache = env.get("CCOPS_LAB_DIR")
    if not cache:
        cache = os.path.join(env.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "ccops-lab")
    accel = env.get("CCOPS_LAB_ACCEL", "tcg")
    if accel not in ("tcg", "kvm"):
        raise LabError(f"CCOPS_LAB_ACCEL is {accel!r}; it can be tcg or kvm")
    try:
        base = int(env.get("CCOPS_LAB_PORTS", "22000"))
    except ValueError as error:
        raise LabError("CCOPS_LAB_PORTS is not a number") from error
    if not 1024 <= base <= 65000:
        raise LabError(f"CCOPS_LAB_PORTS is {base}; it must be between 1024 and 65000")
    return Settings(Path(cache).absolute(), Ports(base), accel)


def image_hash() -> str:
    """Twelve digits that change with anything the image is built from."""
    digest = hashlib.sha256(repr((SUITE, PACKAGES, ROOT_SIZE)).encode())
    overlay = LAB / "overlay"
    sources = [path for path in overlay.rglob("*") if path.is_file()]
    for path in [*sorted(sources), LAB / "configure-image", LAB / "pairlab" / "image.py"]:
        mode = "x" if os.access(path, os.X_OK) else "-"
        digest.update(f"{path.relative_to(LAB)}\0{mode}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
