"""A simulated node's file system: /proc, logs and configuration as files, and its commands as small sh scripts."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from ccops.demo.answers import KERNEL, Answer, answers, unit_states
from ccops.demo.asterisk_files import FOLDER
from ccops.demo.configuration_files import configuration_files
from ccops.demo.heartbeat import VERSION as HEARTBEAT_VERSION
from ccops.demo.machine import HA_LOG, KERNEL_LOG
from ccops.demo.pair import SimulatedPair
from ccops.demo.processes import ProcessFiles, processes
from ccops.demo.replica import print_proc
from ccops.demo.volume_files import VolumeFiles

_PIDS = {
    "heartbeat": "var/run/heartbeat.pid",
    "asterisk": "var/run/asterisk/asterisk.pid",
    "mysqld": "var/run/mysqld/mysqld.pid",
}
_READERS = ("cl_status", "drbdadm", "ip", "ifconfig", "df", "uname", "hostname", "asterisk", "mysqld", "mysql")
_FOLDERS = (
    *(".replies", ".answers", ".units", "bin", "usr/share/heartbeat", "var/log", "data", "tmp"),
    "sys/block/drbd1/holders",
)
_RESOURCE_SCRIPTS = ("IPaddr2", "drbddisk", "Filesystem", "asterisk", "mysqld")
_RESOURCE_SCRIPT = '#!/bin/sh\nexec service "${0##*/}" "$@"\n'
_ACTORS = ("hb_standby", "hb_takeover", "service", "umount", "mount", "fuser", "kill", "reboot")
# What would reach beyond the demo is not simulated, and not found on the machine that the demo runs on either.
_HELD_BACK = (
    *("poweroff", "halt", "shutdown", "init", "telinit", "modprobe", "rmmod", "insmod", "iptables", "nft", "sysctl"),
    *("drbdsetup", "drbdmeta", "mkfs", "mke2fs", "fsck", "killall", "pkill", "skill", "crontab", "at"),
    *(
        "chkconfig",
        "update-rc.d",
        "amportal",
        "fwconsole",
        "php",
        "mysqladmin",
        "mysqldump",
        "send_arp",
        "arping",
        "ssh",
        "scp",
    ),
    *("rsync", "su", "chroot", "nsenter", "apt-get", "apt", "yum", "dnf", "dpkg", "rpm", "logger", "wall", "heartbeat"),
)

# Asks the simulator and prints its answer: the exit code first, then lines marked 1 (output) or 2 (error).
_ASK = r"""
r="$CCOPS_ROOT/.replies/$$"
mkfifo -m 600 "$r" || exit 1
trap 'rm -f "$r"' EXIT
m=$(printf '%s\037' "$$" "${0##*/}" "$@")
printf '%s\n' "$m" >"$CCOPS_ROOT/.requests" || exit 1
{ IFS= read -r c
  while IFS= read -r l; do
    case $l in 1*) printf '%s\n' "${l#1}" ;; *) printf '%s\n' "${l#2}" >&2 ;; esac
  done
} <"$r"
exit "${c:-1}"
"""
_LOOK_UP = 'a="$CCOPS_ROOT/.answers/${0##*/}${*:+ $*}"\n[ -f "$a" ] && . "$a"\n'
_SYSTEMCTL = r"""
q=; w=
for x do
  case $x in
    -q|--quiet) q=1 ;;
    -*) ;;
    is-active) w=1 ;;
    *) [ "$w" ] || break
       s=unknown
       [ -f "$CCOPS_ROOT/.units/${x%.service}" ] && IFS= read -r s <"$CCOPS_ROOT/.units/${x%.service}"
       [ "$s" = unknown ] && s=inactive
       [ "$q" ] || printf '%s\n' "$s"
       [ "$s" = active ] && ok=1 ;;
  esac
done
[ "$w" ] && { [ "${ok-}" ] && exit 0; exit 3; }
"""
_SUDO = r"""
while [ $# -gt 0 ]; do
  case $1 in --) shift; break ;; -u) shift 2 ;; -*) shift ;; *) break ;; esac
done
exec "$@"
"""
# Asterisk's files are the node's own, wherever the demo runs.
_CAT = r"""
for x do
  shift
  case $x in /etc/asterisk/*) x=$CCOPS_ROOT$x ;; esac
  set -- "$@" "$x"
done
exec {real} "$@"
"""
# The machine's own date, moved by the node's skew (nanoseconds).
_DATE = r"""
IFS= read -r k <"$CCOPS_ROOT/.skew"
t=$({real} +%s.%N); n=${{t#*.}}
v=$(( ${{t%.*}} * 1000000000 + 1$n - 1000000000 + k ))
s=$(( v / 1000000000 )); n=$(( v % 1000000000 + 1000000000 ))
case $* in
  +%s.%N) printf '%s\n' "$s.${{n#1}}" ;;
  +%s) printf '%s\n' "$s" ;;
  *) exec {real} -d "@$s.${{n#1}}" "$@" ;;
esac
"""


class NodeFiles:
    """Writes node n's state below `root`; only what changed is written, always by renaming a finished file."""

    def __init__(self, root: Path, pair: SimulatedPair, n: int) -> None:
        self.root = root
        self.pair = pair
        self.n = n
        self._written: dict[str, str] = {}
        self._processes = ProcessFiles(root)
        self._volume = VolumeFiles(root, lambda name, content: pair.write_file(n, name, content))
        self._stacked: set[str] = set()
        self._uptime_at = -1.0

    def create(self) -> None:
        """The first state: folders, configuration, commands, logs."""
        self.root.mkdir(mode=0o700, parents=True)
        os.mkfifo(self.root / ".requests", 0o600)
        for folder in _FOLDERS:
            (self.root / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.root / "run").symlink_to("var/run")
        (self.root / "etc").mkdir()
        (self.root / "etc/asterisk").symlink_to(f"../data/{FOLDER}")
        (self.root / "var/spool/asterisk").mkdir(parents=True)
        (self.root / "var/log/asterisk").symlink_to("../../data/log")
        (self.root / "var/spool/asterisk/monitor").symlink_to("../../../data/monitor")
        self._put_configuration()
        for path in (HA_LOG, KERNEL_LOG):
            self._put(path, "")
        for name in _RESOURCE_SCRIPTS:
            self._put(f"etc/ha.d/resource.d/{name}", _RESOURCE_SCRIPT, 0o755)
        for name, text in scripts().items():
            self._put(f"bin/{name}", text, 0o755)
        for name in ("hb_standby", "hb_takeover"):
            (self.root / "usr/share/heartbeat" / name).symlink_to(f"../../../bin/{name}")
        self._put("usr/lib/heartbeat/heartbeat", f"#!/bin/sh\necho {HEARTBEAT_VERSION}\n", 0o755)
        self._put(".skew", f"{round(self.pair.machines[self.n].skew * 1e9)}\n")
        self.update()

    def update(self) -> None:
        """Brings the files up to the node's state; a node that is off or frozen changes nothing."""
        machine = self.pair.machines[self.n]
        self._append_logs()
        if not machine.alive:
            return
        self._put_configuration()
        for line, answer in answers(self.pair, self.n):
            if self.pair.faults.expects(self.n, line.split()):
                self._remove(f".answers/{line}")
            else:
                self._put(f".answers/{line}", _snippet(answer, machine.name))
        for unit, state in unit_states(self.pair, self.n):
            self._put(f".units/{unit}", f"{state}\n")
        self._put("proc/drbd", print_proc(self.pair.drbd.sides[self.n], machine.wall()))
        volume = f"/dev/drbd1 /data ext3 {'ro' if machine.read_only else 'rw'},relatime 0 0\n"
        mounts = "/dev/vda / ext4 rw,relatime 0 0\nproc /proc proc rw,nosuid,nodev,noexec,relatime 0 0\n"
        self._put("proc/mounts", mounts + (volume if machine.mounted else ""))
        self._put("proc/sys/kernel/hostname", f"{machine.name}\n")
        self._put("proc/sys/kernel/osrelease", f"{KERNEL}\n")
        self._put_uptime()
        self._put_processes()
        self._put_kernel_holders()
        side = self.pair.drbd.sides[self.n]
        self._volume.update(machine.mounted, side.calls, side.asterisk)

    def settle(self) -> None:
        """Takes over what a shell wrote to the volume."""
        self._volume.settle()

    def _put_configuration(self) -> None:
        for path, text in configuration_files(self.n, self.pair.machines[self.n].configuration).items():
            self._put(path, text, 0o600 if path.endswith("authkeys") else 0o644)

    def rotate(self, path: str = HA_LOG) -> None:
        """What logrotate does: the log becomes `.1` and a new one is begun."""
        log = self.root / path
        log.replace(log.with_name(f"{log.name}.1"))
        log.touch(0o640)

    def _put_uptime(self) -> None:
        machine = self.pair.machines[self.n]
        uptime = machine.uptime()
        if 0 <= uptime - self._uptime_at < 1.0:
            return
        self._uptime_at = uptime
        self._put("proc/uptime", f"{uptime:.2f} {uptime * 0.6:.2f}\n")
        load = machine.load
        procs = 151 if machine.runs("mysqld") else 84
        self._put(
            "proc/loadavg", f"{load:.2f} {load * 0.9 + 0.05:.2f} {load * 0.5 + 0.1:.2f} 1/{procs} {machine.last_pid}\n"
        )

    def _put_processes(self) -> None:
        present = list(processes(self.pair, self.n))
        self._processes.update(iter(present))
        pids = {process.name: process.pid for process in present if process.name in _PIDS}
        for name, path in _PIDS.items():
            if name in pids:
                self._put(path, f"{pids[name]}\n")
            elif path in self._written:
                self._remove(path)

    def _put_kernel_holders(self) -> None:
        """Devices stacked on the volume's, and exports of what is mounted."""
        holders = self.pair.machines[self.n].holders
        block = self.root / "sys/block"
        wanted = {holder.name for holder in holders.of_device if holder.kernel}
        for name in wanted - self._stacked:
            (block / name).mkdir(exist_ok=True)
            (block / "drbd1/holders" / name).symlink_to(f"../../{name}")
        for name in self._stacked - wanted:
            (block / "drbd1/holders" / name).unlink(missing_ok=True)
        self._stacked = wanted
        exports = [holder.path for holder in holders.of_mount if holder.kernel]
        self._put("var/lib/nfs/etab", "".join(f"{path}\t192.168.27.0/24(rw,sync,root_squash)\n" for path in exports))

    def _append_logs(self) -> None:
        for path, lines in self.pair.machines[self.n].unwritten.items():
            if lines:
                with (self.root / path).open("a", encoding="utf-8") as file:
                    file.write("".join(f"{line}\n" for line in lines))
                lines.clear()

    def _put(self, path: str, text: str, mode: int = 0o644) -> None:
        if self._written.get(path) == text:
            return
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.root / ".fresh"
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
            file.write(text)
        fresh.replace(target)
        self._written[path] = text

    def _remove(self, path: str) -> None:
        self._written.pop(path, None)
        (self.root / path).unlink(missing_ok=True)


def scripts() -> dict[str, str]:
    """The commands in the node's `bin`, by name."""
    real = _program("date")
    return {
        **{name: f"#!/bin/sh\n{_LOOK_UP}{_ASK}" for name in _READERS},
        **{name: f"#!/bin/sh\n{_ASK}" for name in (*_ACTORS, *_HELD_BACK)},
        "systemctl": f"#!/bin/sh\n{_SYSTEMCTL}{_ASK}",
        "sudo": f"#!/bin/sh\n{_SUDO}",
        "date": f"#!/bin/sh\n{_DATE.format(real=real)}",
        "cat": f"#!/bin/sh\n{_CAT.format(real=_program('cat'))}",
    }


def _program(name: str) -> str:
    """The machine's own one."""
    return next((path for path in (f"/bin/{name}", f"/usr/bin/{name}") if os.access(path, os.X_OK)), name)


def _snippet(answer: Answer, host: str) -> str:
    """An answer as sh that prints it and exits; text and exit code can so never be from two different states."""
    lines = []
    if answer.out:
        lines.append(f"printf '%s' {shlex.quote(answer.out)}")
    if answer.err:
        text = answer.err.replace("{host}", host)
        if "{date}" in text:
            lines.append("d=$(date -u '+%b %e %T')")
            quoted = shlex.quote(text).replace("{date}", "'\"$d\"'").replace("{pid}", "'$$'")
        else:
            quoted = shlex.quote(text)
        lines.append(f"printf '%s' {quoted} >&2")
    return "\n".join([*lines, f"exit {answer.code}", ""])
