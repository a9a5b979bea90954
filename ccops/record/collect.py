"""Collects a bundle's files from a node: the captures' commands, and the configuration without its secrets.

One POSIX sh script a node, sent over `/bin/sh -s`; nothing is written there. Secrets (`shared-secret`, keys of
authkeys, `secret`) are cut on the node, before anything is sent.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from ccops.links.errors import LinkError
from ccops.pair.model import PairLayout
from ccops.pair.services import asked_units
from ccops.text import decode
from ccops.watch.traces_script import FILE, Runner, read_output

_TIMEOUT_S = 90.0
_MARK = re.compile(rb"^##### (\S+)\n(.*?)^##### rc=(\d+)\n", re.M | re.S)

_SCRIPT = r"""
LC_ALL=C; export LC_ALL
PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin; export PATH
R=${CCOPS_ROOT-}
as() { if [ -n "$SUDO" ]; then sudo -n "$@"; else "$@"; fi; }
s() { n=$1; shift; printf '##### %s\n' "$n"; "$@" 2>&1 </dev/null; c=$?; printf '\n##### rc=%s\n' "$c"; }
keyless() { sed -e 's/^\([ 	]*[0-9][0-9]*[ 	][ 	]*[a-z0-9]*\).*/\1 ***/' "$@"; }
unshared() { sed -e 's/\(shared-secret[ 	]*\)[^;]*/\1"***"/' "$@"; }
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
s ha.cf.txt cat "$R/etc/ha.d/ha.cf"
s haresources.txt cat "$R/etc/ha.d/haresources"
[ -r "$R/etc/ha.d/authkeys" ] && s authkeys.txt keyless "$R/etc/ha.d/authkeys"
s authkeys_mode.txt ls -ln "$R/etc/ha.d/authkeys"
s drbd.conf.txt unshared "$R/etc/drbd.conf"
for f in "$R"/etc/drbd.d/*.res "$R"/etc/drbd.d/*.conf; do [ -r "$f" ] && s "drbd.d_${f##*/}.txt" unshared "$f"; done
s asterisk_version.txt asterisk -V
"""


async def collect(
    runner: Runner, layout: PairLayout, node: str, *, ha_log: str, sudo: bool
) -> Mapping[str, tuple[str, int]]:
    """The files of one node's folder: name → (text, exit code). What `runner` raises is let through."""
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
    found = {decode(m[1]): (_text(m[2]), int(m[3])) for m in _MARK.finditer(done.stdout)}
    return {**found, **await _traces(runner, layout)}


async def _traces(runner: Runner, layout: PairLayout) -> Mapping[str, tuple[str, int]]:
    """In a command of its own: where the volume's I/O hangs, so would all the rest."""
    try:
        return {FILE: (await read_output(runner, layout), 0)}
    except LinkError:
        return {}


def _text(body: bytes) -> str:
    # The script adds one newline, so that its mark begins a line whatever the command printed.
    return decode(body.removesuffix(b"\n"))
