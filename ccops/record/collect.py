"""Collects a bundle's files from a node: the captures' commands, and the configuration without its secrets.

POSIX sh scripts, sent over `/bin/sh -s`; nothing is written there. The configuration's secrets are cut on the node,
before anything is sent.
"""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Mapping

from ccops.links.errors import LinkError
from ccops.pair.model import PairLayout
from ccops.pair.services import asked_units
from ccops.watch.configuration import cut_frames, read_files
from ccops.watch.traces_script import FILE, Runner, read_output

_TIMEOUT_S = 90.0
Files = dict[str, tuple[str, int]]

_SCRIPT = r"""
LC_ALL=C; export LC_ALL
PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin; export PATH
R=${CCOPS_ROOT-}
as() { if [ -n "$SUDO" ]; then sudo -n "$@"; else "$@"; fi; }
s() { n=$1; shift; printf '##### %s\n' "$n"; "$@" 2>&1 </dev/null; c=$?; printf '\n##### rc=%s\n' "$c"; }
s proc_drbd.txt cat "$R/proc/drbd"
s drbdadm_role.txt as drbdadm role "$RES"
s drbdadm_cstate.txt as drbdadm cstate "$RES"
s drbdadm_dstate.txt as drbdadm dstate "$RES"
s drbdadm_get-gi.txt as drbdadm get-gi "$RES"
s drbdadm_show-gi.txt as drbdadm show-gi "$RES"
s drbdadm_status.txt as drbdadm status "$RES"
s cl_hbstatus.txt as cl_status hbstatus
s cl_rscstatus.txt as cl_status rscstatus
s cl_rscstatus-m.txt as cl_status rscstatus -m
s cl_listnodes.txt as cl_status listnodes
s cl_node1.txt as cl_status nodestatus "$NODE1"
s cl_node2.txt as cl_status nodestatus "$NODE2"
s cl_links.txt as cl_status listhblinks "$PEER"
n=0
for l in $(as cl_status listhblinks "$PEER" 2>/dev/null); do
    case $l in *[!A-Za-z0-9_.:-]*) continue ;; esac
    if [ $n = 0 ]; then f=cl_link.txt; else f=cl_link_$l.txt; fi
    n=1
    s "$f" as cl_status hblinkstatus "$PEER" "$l"
done
if command -v ip >/dev/null 2>&1; then s ip_addr.txt ip -o addr show; else s ifconfig.txt ifconfig; fi
s mounts.txt grep drbd "$R/proc/mounts"
if command -v systemctl >/dev/null 2>&1; then s units.txt systemctl is-active $UNITS
else
    for p in $SERVICES; do s "service_${p%%=*}.txt" "$R/etc/init.d/${p#*=}" status; done
fi
s uptime.txt cat "$R/proc/uptime"
s loadavg.txt cat "$R/proc/loadavg"
s df.txt df -P -k "$MOUNT"
s date.txt date +%s.%N
s zone.txt date +%z
s ha_log.txt tail -n 400 "$R$HALOG"
for f in "$R/var/log/kern.log" "$R/var/log/messages"; do
    [ -r "$f" ] && { printf '##### kern.txt\n'; grep -a -i drbd "$f" | tail -n 400; printf '\n##### rc=0\n'; break; }
done
"""


async def collect(
    runner: Runner, layout: PairLayout, node: str, *, ha_log: str, sudo: bool, salt: str = ""
) -> Mapping[str, tuple[str, int]]:
    """The files of one node's folder: name → (text, exit code). What `runner` raises is let through.

    `salt`: see `ccops.watch.configuration.read_files`.
    """
    values = {
        "RES": layout.resource,
        "MOUNT": layout.mount,
        "NODE1": layout.nodes[0],
        "NODE2": layout.nodes[1],
        "PEER": layout.nodes[1 - layout.nodes.index(node)],
        "UNITS": " ".join(asked_units(layout)),
        "SERVICES": " ".join(f"{name}={unit}" for name, unit in layout.services.items()),
        "HALOG": ha_log,
        "SUDO": "1" if sudo else "",
    }
    source = "".join(f"{key}={shlex.quote(value)}\n" for key, value in values.items())
    done = await runner.run(["/bin/sh", "-s"], timeout_s=_TIMEOUT_S, input=(source + _SCRIPT).encode())
    found = dict(cut_frames(done.stdout))
    return found | await _optional(_configuration(runner, layout, salt)) | await _optional(_traces(runner, layout))


async def _configuration(runner: Runner, layout: PairLayout, salt: str) -> Files:
    return dict(await read_files(runner, layout, salt))


async def _traces(runner: Runner, layout: PairLayout) -> Files:
    return {FILE: (await read_output(runner, layout), 0)}


async def _optional(files: Awaitable[Files]) -> Files:
    """In a command of its own: it looks at the volume, and where the volume's I/O hangs, so would all the rest."""
    try:
        return await files
    except LinkError:
        return {}
