"""Each condition that can be provoked on a real pair is provoked, and is found; the summary tells after how long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import msgspec
import pytest

from ccops.config import Thresholds
from ccops.pair import joined
from ccops.watch.once import is_complete, look
from ccops.watch.pair import PairWatch
from ccops.watch.snapshot import Snapshot
from tests.lab.conftest import Lab, Watching

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800)]

WRITE = "dd if=/dev/urandom of=/data/{} bs=1M count={} conv=fsync 2>/dev/null"
FILL = (
    "dd if=/dev/zero of=/data/much bs=1M 2>/dev/null "
    "count=$(df -Pm /data | awk 'NR == 2 {{ print int(($3 + $4) * 0.{} - $3) }}')"
)
DEAF = (
    "nft add table inet deaf; nft add chain inet deaf incoming '{ type filter hook input priority 0; }'; "
    "nft add rule inet deaf incoming udp dport 694 drop"
)
ADDRESS = "192.168.27.120/24 dev eth0"
BROKEN = 'printf "#!/bin/sh\\n[ \\$1 != {} ]\\n" > /etc/ha.d/resource.d/asterisk'
UNSTOPPABLE = (
    r"printf '#!/bin/sh\ncase $1 in stop) exit 1 ;; status) echo running ;; esac\n' >/etc/ha.d/resource.d/asterisk"
)


class Way(msgspec.Struct, frozen=True):
    """One way to a condition: what is done first, what is done to bring it about (words of the lab, N: a command on
    that node, or `until CODE`), and whether it must be the verdict.
    """

    code: str
    how: str
    does: tuple[str, ...]
    first: tuple[str, ...] = ()
    is_verdict: bool = True
    thresholds: Thresholds = Thresholds()


_LATE = f"{DEAF}; sleep 6; nft delete table inet deaf; sleep 3"
_LOSE_LINK = ("cut-replication", "until replication-link-down", "heal-replication", "wait in-sync 400s")
# DRBD's identifiers by hand: of a disk that never belonged to the pair; of an older side, and of its newer one.
_SET_GI = "drbdmeta --force /dev/drbd1 v08 /dev/vdb2 0 set-gi {}:C0FFEE0000000004:C0FFEE0000000006:1:1:0:0:0:0:0"
_STRANGE = _SET_GI.format("C0FFEE0000000002:0000000000000000")
_OLDER = _SET_GI.format("AAAA000000000002:BBBB000000000002")
_NEWER = _SET_GI.format("CCCC000000000002:AAAA000000000002")
_STOPPED = ("2: service heartbeat stop", "1: service heartbeat stop")
_APART = ("1: drbdadm disconnect data", f"1: {WRITE.format('mine', 4)}", "2: drbdadm primary --force data")

_STANDBY = "1: /usr/share/heartbeat/hb_standby"
_GIVEN_UP = "2: until [ $(grep -c 'Giving up' /var/log/ha-log) -ge {} ]; do sleep 1; done"
_IS_BACK = "1: until mountpoint -q /data && cl_status rscstatus | grep -q local; do sleep 1; done"
# A second link for Heartbeat: a VLAN on the same wire, so that one can die while the peer is still seen.
_VLAN = (
    "ip link add link eth0 name hb1 type vlan id 5 && ip addr add 192.168.28.12{}/24 dev hb1 && ip link set hb1 up && "
    "printf 'ucast hb1 192.168.28.121\nucast hb1 192.168.28.122\n' >>/etc/ha.d/ha.cf"
)

WAYS = [
    Way("split-brain-active", "LAN cut until both serve", ("cut",)),
    Way("replication-link-down", "DRBD's port dropped", ("cut-replication",)),
    Way("disconnected-by-administrator", "drbdadm disconnect", ("2: drbdadm disconnect data",)),
    Way(
        "authentication-failed",
        "another shared-secret on node 2, connected anew",
        ("2: drbdadm connect data",),
        (
            "2: drbdadm disconnect data",
            "2: sed -i s/pair-of-the-lab/another/ /etc/drbd.d/data.res",
        ),
    ),
    Way(
        "resyncing",
        "60 MB written while disconnected, connect",
        ("2: drbdadm connect data",),
        ("2: drbdadm disconnect data", f"1: {WRITE.format('much', 60)}"),
    ),
    Way(
        "resync-paused",
        "pause-sync during a resync",
        ("2: drbdadm pause-sync data",),
        ("2: drbdadm disconnect data", f"1: {WRITE.format('much', 60)}", "2: drbdadm connect data"),
    ),
    Way(
        "resync-stalled",
        "a resync at no rate at all",
        ("2: drbdadm disk-options --c-plan-ahead=0 --resync-rate=1 data",),
        ("2: drbdadm disconnect data", f"1: {WRITE.format('much', 60)}", "2: drbdadm connect data", "until resyncing"),
    ),
    Way(
        "replication-behind",
        "protocol A, on-congestion pull-ahead, 60 MB written",
        (f"1: {WRITE.format('much', 60)}",),
        (
            "1: drbdadm net-options --protocol=A --on-congestion=pull-ahead --congestion-fill=100k data",
            "2: drbdadm net-options --protocol=A --on-congestion=pull-ahead --congestion-fill=100k data",
        ),
        is_verdict=False,
    ),
    Way("replication-flapping", "DRBD's port dropped three times", _LOSE_LINK * 3, is_verdict=False),
    Way(
        "replication-refused",
        "protocol A written on node 2, DRBD brought up anew there",
        ("2: drbdadm down data; sed -i 's/protocol C/protocol A/' /etc/drbd.d/data.res; drbdadm up data",),
    ),
    Way(
        "unrelated-data",
        "other identifiers on node 2, connected anew",
        ("2: drbdadm up data",),
        ("2: drbdadm down data", f"2: {_STRANGE}"),
    ),
    Way(
        "stale-primary",
        "identifiers of an older copy on node 1, promoted, connected",
        ("1: drbdadm connect data",),
        (
            *_STOPPED,
            f"1: drbdadm down data; {_OLDER}",
            f"2: drbdadm down data; {_NEWER}; drbdadm up data",
            "1: for step in new-resource new-minor attach primary; do drbdadm $step data; done",
        ),
        is_verdict=False,
    ),
    Way("verifying", "drbdadm verify", ("1: drbdadm verify data",)),
    Way(
        "verify-found-blocks",
        "40 blocks written past DRBD on node 2, verify",
        ("1: drbdadm verify data",),
        ("2: dd if=/dev/urandom of=/dev/vdb1 bs=4k seek=90000 count=40 oflag=direct 2>/dev/null",),
    ),
    Way("running-on-one-node", "node 2's current cut", ("off 2",)),
    Way("link-to-node-lost", "node 2's current cut", ("off 2",), is_verdict=False),
    Way(
        "unreachable-from-here",
        "sshd of node 2 ended",
        ("2: (sleep 1; systemctl stop ssh.socket ssh; pkill -9 sshd) >/dev/null 2>&1 &",),
    ),
    Way("data-old", "node 2 frozen", ("freeze 2",), is_verdict=False),
    Way("nobody-serves", "Heartbeat stopped on both", _STOPPED, is_verdict=False),
    Way("address-on-both", "the address added on node 2", (f"2: ip addr add {ADDRESS}",)),
    Way("address-missing", "the address taken away", (f"1: ip addr del {ADDRESS}",)),
    Way(
        "served-apart",
        "services stopped and the volume unmounted by hand",
        ("1: systemctl stop asterisk mariadb; sleep 1; umount /data",),
    ),
    Way("service-down", "Asterisk stopped by hand", ("1: systemctl stop asterisk",)),
    Way("in-transition", "hb_standby", ("1: /usr/share/heartbeat/hb_standby",)),
    Way("late-heartbeats", "UDP 694 dropped for 6 s three times", (f"2: {_LATE}; {_LATE}; {_LATE}",)),
    Way(
        "partition-healed",
        "LAN cut until both serve, and healed",
        ("heal",),
        ("cut", "until split-brain-active"),
        is_verdict=False,
    ),
    Way("heartbeat-stopped", "Heartbeat stopped on node 2", ("2: service heartbeat stop",)),
    Way(
        "heartbeat-split",
        "UDP 694 dropped on both",
        (
            f"1: {DEAF}",
            f"2: {DEAF}",
        ),
        is_verdict=False,
    ),
    Way(
        "standby-ignored", "hb_standby twice", ("1: /usr/share/heartbeat/hb_standby; /usr/share/heartbeat/hb_standby",)
    ),
    Way(
        "start-failed",
        "Asterisk's script fails to start on node 2, hb_standby",
        ("1: /usr/share/heartbeat/hb_standby",),
        (f"2: {BROKEN.format('start')}",),
        is_verdict=False,
    ),
    Way(
        "stop-failed",
        "Asterisk's script fails to stop on node 1 and says that it runs, hb_standby",
        (_STANDBY,),
        (f"1: {UNSTOPPABLE}",),
        is_verdict=False,
    ),
    Way(
        "resources-bouncing",
        "Asterisk's script fails to start on node 2, hb_standby three times",
        (
            _STANDBY,
            _GIVEN_UP.format(1),
            _IS_BACK,
            _STANDBY,
            _GIVEN_UP.format(2),
            _IS_BACK,
            _STANDBY,
            _GIVEN_UP.format(3),
        ),
        (f"2: {BROKEN.format('start')}",),
        is_verdict=False,
    ),
    Way(
        "heartbeat-link-down",
        "a second link of Heartbeat's, a VLAN, set down on node 2",
        ("2: ip link set hb1 down",),
        (
            f"1: {_VLAN.format(1)}",
            f"2: {_VLAN.format(2)}",
            *_STOPPED,
            "1: service heartbeat start",
            "2: service heartbeat start",
            "wait healthy",
        ),
    ),
    Way(
        "device-held",
        "a shell in the volume, hb_standby",
        ("1: /usr/share/heartbeat/hb_standby",),
        ("1: (cd /data && exec setsid sleep 900) >/dev/null 2>&1 </dev/null &",),
        is_verdict=False,
    ),
    Way("disk-failed", "drbdadm detach", ("2: drbdadm detach data",)),
    Way("disk-outdated", "drbdadm outdate", ("2: drbdadm disconnect data; drbdadm outdate data",), is_verdict=False),
    Way("io-frozen", "drbdadm suspend-io", ("1: drbdadm suspend-io data",)),
    Way("drbd-not-up", "drbdadm down, and the module unloaded", ("2: drbdadm down data; rmmod drbd",)),
    Way(
        "both-primary",
        "allow-two-primaries, promoted by hand",
        ("2: drbdadm primary data",),
        (
            "1: drbdadm net-options --protocol=C --allow-two-primaries=yes data",
            "2: drbdadm net-options --protocol=C --allow-two-primaries=yes data",
        ),
    ),
    Way(
        "promotion-refused",
        "node 1's current cut in mid-resync",
        ("off 1",),
        ("2: drbdadm disconnect data", f"1: {WRITE.format('much', 60)}", "2: drbdadm connect data", "until resyncing"),
        is_verdict=False,
    ),
    Way("data-filling", "the volume filled to 89 %", (f"1: {FILL.format(89)}",)),
    Way("data-full", "the volume filled to 97 %", (f"1: {FILL.format(97)}",)),
    Way("clock-skew", "node 2's clock set ahead", ("2: date -s '+40 seconds'",), is_verdict=False),
    Way(
        "load-high",
        "four busy loops (threshold 0.5)",
        ("2: for i in 1 2 3 4; do (timeout 400 sh -c 'while :; do :; done' >/dev/null 2>&1 &) ; done",),
        is_verdict=False,
        thresholds=Thresholds(load=0.5),
    ),
    Way(
        "auto-resolved",
        "after-sb-0pri discard-least-changes, both written apart",
        ("1: drbdadm connect data", "2: drbdadm connect data"),
        (
            *_STOPPED,
            "1: sed -i 's/verify-alg/after-sb-0pri discard-least-changes; verify-alg/' /etc/drbd.d/data.res",
            "2: sed -i 's/verify-alg/after-sb-0pri discard-least-changes; verify-alg/' /etc/drbd.d/data.res",
            "1: drbdadm adjust data; drbdadm disconnect data",
            "2: drbdadm adjust data; drbdadm disconnect data",
            "1: drbdadm primary data; dd if=/dev/urandom of=/dev/drbd1 bs=1M seek=300 count=1 conv=fsync; "
            "drbdadm secondary data",
            "2: drbdadm primary data; dd if=/dev/urandom of=/dev/drbd1 bs=1M seek=310 count=3 conv=fsync; "
            "drbdadm secondary data",
        ),
        is_verdict=False,
    ),
]


async def do(lab: Lab, watching: Watching, line: str) -> None:
    """A word of the lab, a command on a node, or a finding to wait for."""
    if line.startswith("until "):
        await watching.until(has(line.removeprefix("until "), is_verdict=False))
    elif line[:3] in ("1: ", "2: "):
        await lab.later("ssh", line[0], line[3:])
    else:
        await lab.later(*line.split())


def has(code: str, is_verdict: bool) -> Callable[[Snapshot], bool]:
    def check(snapshot: Snapshot) -> bool:
        if is_verdict:
            return snapshot.verdict.code == code
        return any(finding.code == code for finding in snapshot.findings)

    return check


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.code)
async def test_provoked(pair: Lab, way: Way, shown_after: Callable[[str, str, float], None]) -> None:
    settings = msgspec.structs.replace(pair.settings(), thresholds=way.thresholds)
    watch = PairWatch("lab", settings)
    watching = Watching(watch)
    await watch.start()
    try:
        await watching.until(lambda s: is_complete(s) and s.verdict.code == "healthy")
        for line in way.first:
            await do(pair, watching, line)
        before = next((f for f in watching.now.findings if f.code == way.code), None)
        assert before is None, before
        seen: list[Snapshot] = []
        passes = has(way.code, way.is_verdict)
        # Some last for seconds only: they are looked for while it is being done.
        waiting = asyncio.create_task(watching.until(lambda s: passes(s) and not seen.append(s)))  # type: ignore[func-returns-value]
        for line in way.does:
            await do(pair, watching, line)
        shown_after(way.code, way.how, await waiting)
        finding = next(f for f in seen[0].findings if f.code == way.code)
        assert finding.evidence
        assert finding.remedy
    finally:
        await watch.stop()


@pytest.mark.smoke
async def test_a_split_brain_of_the_past_is_diagnosed_from_a_cold_start(
    pair: Lab, watching: Watching, shown_after: Callable[[str, str, float], None]
) -> None:
    """Nobody watched when it happened: both logs, the identifiers and the states tell it all."""
    await pair.later("cut")
    await watching.until(lambda s: len(joined.primaries(s.pair)) == 2)
    await pair.later("ssh", "1", WRITE.format("mine", 3))
    await pair.later("ssh", "2", WRITE.format("theirs", 20))
    await pair.later("heal")
    await watching.until(lambda s: s.verdict.code == "split-brain")
    await watching.watch.stop()
    later = Watching(PairWatch("lab", pair.settings()))
    await later.watch.start()
    seconds = await later.verdict("split-brain", "split-brain-active")
    await later.watch.stop()
    shown_after("split-brain", "LAN cut and healed before ccops was started", seconds)
    snapshot = await look(PairWatch("lab", pair.settings()), 60)
    assert snapshot.verdict.code in ("split-brain", "split-brain-active")
    assert snapshot.divergence is not None
    assert snapshot.divergence.rule == 90
    assert snapshot.divergence.parted_at is not None
    assert all(side.only_here_kib for side in snapshot.divergence.sides)
    assert seconds < 15  # about 3 s here; this machine may be busy


async def test_a_standby_a_failback_and_a_start_cry_no_wolf(pair: Lab, watching: Watching) -> None:
    first, second = pair.names
    for node, target in ((1, second), (2, first)):
        await pair.later("ssh", str(node), "/usr/share/heartbeat/hb_standby")
        await watching.until(lambda s, target=target: s.serving == target and s.verdict.code == "healthy")  # type: ignore[misc]
    assert set(watching.verdicts) <= {"healthy", "in-transition"}, watching.verdicts
    for node in (2, 1):
        await pair.later("ssh", str(node), "service heartbeat stop")
    await asyncio.sleep(5)
    for node in (1, 2):
        await pair.later("ssh", str(node), "service heartbeat start")
    await watching.until(lambda s: all(n.heartbeat.value and n.heartbeat.value.running for n in s.pair.nodes))
    watching.verdicts.clear()
    await watching.verdict("healthy")
    assert set(watching.verdicts) <= {"healthy", "in-transition"}, watching.verdicts


async def test_a_cold_start_of_both_cries_no_wolf(pair: Lab, watching: Watching) -> None:
    """Both are shut down in order and switched on: nothing, then unknown, then in transition, then healthy."""
    for node in (2, 1):
        await pair.later("ssh", str(node), "service heartbeat stop; sync")
    for node in (2, 1):
        await pair.later("off", str(node))
    await watching.until(lambda s: all(n.link.phase == "down" for n in s.pair.nodes))
    watching.verdicts.clear()
    for node in (1, 2):
        await pair.later("boot", str(node))
    await watching.verdict("healthy")
    assert set(watching.verdicts) <= {"healthy", "in-transition", "link-to-node-lost", "not-known"}, watching.verdicts


_CF, _RES, _MYSQL = "/etc/ha.d/ha.cf", "/etc/drbd.d/data.res", "/etc/mysql/mariadb.conf.d/99-moved.cnf"
# What is written wrong, and the codes that this gives; nothing of it is taken over by what runs.
WRITTEN_WRONG: tuple[tuple[int, str, tuple[str, ...]], ...] = (
    (1, f"sed -i '/auto_failback/d; s/deadtime 12/deadtime 2/' {_CF}", ("auto-failback", "deadtime")),
    (2, f"sed -i '/auto_failback/d; s/deadtime 12/deadtime 2/' {_CF}", ("single-link",)),
    (2, f"sed -i 's/warntime 5/warntime 4/; s/^node elaxtix-voip$/node pbx/' {_CF}", ("ha-cf-differs",)),
    (1, f"sed -i 's/^node elaxtix-voip$/node pbx/' {_CF}", ("node-name", "haresources")),
    (1, "chmod 644 /etc/ha.d/authkeys", ("authkeys",)),
    (2, "sed -i 's/^1 sha1 .*/1 sha1 another/' /etc/ha.d/authkeys", ("authkeys-differ",)),
    (2, "sed -i 's/ mysqld//' /etc/ha.d/haresources", ("haresources-differs",)),
    (1, f"sed -i 's/verify-alg crc32c;/after-sb-0pri discard-younger-primary;/' {_RES}", ("after-split-brain",)),
    (2, f"sed -i 's/verify-alg crc32c;/allow-two-primaries;/' {_RES}", ("two-primaries", "verify-alg")),
    (2, f"sed -i 's/protocol C/protocol A/' {_RES}", ("drbd", "drbd-differs")),
    (1, f"printf '[mysqld]\ndatadir = /var/lib/elsewhere\n' >{_MYSQL}; mkdir /var/lib/elsewhere", ("mysql-datadir",)),
    (1, "systemctl enable asterisk", ("init",)),
)


async def test_what_is_written_wrong_is_found(pair: Lab, shown_after: Callable[[str, str, float], None]) -> None:
    for node, line, _ in WRITTEN_WRONG:
        await pair.later("ssh", str(node), line)
    began = time.monotonic()
    snapshot = await look(PairWatch("lab", pair.settings()), 60, lambda seen: seen.examined)
    wanted = {f"configuration-{code}" for _, _, codes in WRITTEN_WRONG for code in codes}
    shown_after("configuration-…", f"files written wrong in {len(wanted)} ways", time.monotonic() - began)
    found = {finding.code: finding for finding in snapshot.findings}
    assert wanted - set(found) == set()
    assert all(found[code].evidence and found[code].remedy for code in wanted)
    assert not snapshot.verdict.code.startswith("configuration-")
