"""What ccops says of a real pair is what its nodes say: while it moves, resyncs, splits, freezes and dies."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from ccops.pair import joined
from ccops.pair.drbd import parse_proc_drbd
from ccops.pair.model import DrbdResource, Sync
from ccops.watch.once import look
from ccops.watch.pair import PairWatch
from ccops.watch.snapshot import Snapshot
from ccops.watch.status import status
from tests.lab.conftest import Lab, Watching

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]

GRAVE = {"split-brain-active", "split-brain", "nobody-serves", "served-apart", "address-on-both", "service-down"}


def by_the_node(lab: Lab, node: int) -> DrbdResource:
    """/proc/drbd as the node itself prints it."""
    found = parse_proc_drbd(lab.ssh(node, "cat /proc/drbd")).minor(1)
    assert found is not None
    return found


def by_ccops(snapshot: Snapshot, name: str) -> DrbdResource | None:
    return joined.resource(snapshot.pair.node(name), snapshot.pair.layout)


def states(found: DrbdResource | None) -> tuple[str | None, ...]:
    return () if found is None else (found.connection, found.role, found.peer_role, found.disk, found.peer_disk)


async def agree(lab: Lab, watching: Watching) -> None:
    """ccops and each node say the same of DRBD, address and mount. Both may move on meanwhile: three tries."""
    for attempt in range(3):
        nodes = [await asyncio.to_thread(by_the_node, lab, n) for n in (1, 2)]
        addresses = [await lab.later("ssh", str(n), "ip -o addr show; cat /proc/mounts") for n in (1, 2)]
        told = status(watching.now)["nodes"]
        ours = [by_ccops(watching.now, name) for name in lab.names]
        held = [told[name]["addresses"]["192.168.27.120"] for name in lab.names]
        mounted = [told[name]["mounts"]["/data"] for name in lab.names]
        same = [states(found) for found in nodes] == [states(found) for found in ours]
        same &= held == ["192.168.27.120/" in text for text in addresses]
        same &= mounted == ["/dev/drbd1 /data " in text for text in addresses]
        if same:
            return
        await asyncio.sleep(2 + attempt)
    assert [states(found) for found in nodes] == [states(found) for found in ours]
    assert held == ["192.168.27.120/" in text for text in addresses]


@pytest.mark.smoke
async def test_healthy_pair(pair: Lab, watching: Watching) -> None:
    await agree(pair, watching)
    told = status(watching.now)
    assert told["serving"] == pair.names[0]
    first = told["nodes"][pair.names[0]]
    assert first["heartbeat"]["nodes"] == dict.fromkeys(pair.names, "active")
    assert first["heartbeat"]["links"] == {"eth0": "up"}
    assert first["services"] == {"asterisk": "running", "mysqld": "running"}
    assert first["versions"]["asterisk"].startswith("16.")
    assert {queue["name"] for queue in told["queues"]} == {"ventas", "soporte", "cobranza"}
    assert [trunk["name"] for trunk in told["trunks"]] == ["gxw4108"]
    assert any(line.source == "kernel" for line in watching.lines)
    assert any(line.source == "ha-log" for line in watching.lines)


@pytest.mark.smoke
async def test_standby_and_back(pair: Lab, watching: Watching) -> None:
    await pair.later("ssh", "1", "/usr/share/heartbeat/hb_standby all")
    await watching.verdict("in-transition")
    await watching.until(lambda s: s.serving == pair.names[1] and s.verdict.code == "healthy")
    await agree(pair, watching)
    await watching.until(lambda s: s.centre.value is not None and s.centre_node == pair.names[1])
    await pair.later("ssh", "1", "/usr/share/heartbeat/hb_takeover local")
    await watching.until(lambda s: s.serving == pair.names[0] and s.verdict.code == "healthy")
    await agree(pair, watching)
    assert not GRAVE & set(watching.verdicts), watching.verdicts


async def test_resync_pause_and_verify(pair: Lab, watching: Watching) -> None:
    await pair.later("ssh", "2", "drbdadm disconnect data")
    await watching.verdict("disconnected-by-administrator")
    await agree(pair, watching)
    await pair.later("ssh", "1", "dd if=/dev/urandom of=/data/blob bs=1M count=120 conv=fsync 2>/dev/null")
    seen: list[float] = []

    def note(snapshot: Snapshot) -> None:
        under_way = joined.best_sync(snapshot.pair)
        if under_way is not None and under_way.sync.percent is not None and under_way.sync.kind == "resync":
            seen.append(under_way.sync.percent)

    watching.watch.store.subscribe(note)
    await pair.later("ssh", "2", "drbdadm connect data")
    await watching.verdict("resyncing")
    await watching.until(lambda _s: len(set(seen)) >= 2)
    await pair.later("ssh", "2", "drbdadm pause-sync data")
    await watching.verdict("resync-paused")
    await agree(pair, watching)
    await pair.later("ssh", "2", "drbdadm resume-sync data")
    await watching.verdict("healthy")
    assert seen == sorted(seen)
    assert len(set(seen)) >= 3
    await pair.later("ssh", "2", "drbdadm verify data")
    await watching.verdict("verifying")
    verify: list[Sync] = []
    await watching.until(lambda s: bool((found := joined.best_sync(s.pair)) and not verify.append(found.sync)))
    assert verify[0].kind == "verify"
    await agree(pair, watching)
    await watching.verdict("healthy")


async def test_split_brain(pair: Lab, watching: Watching) -> None:
    await pair.later("cut")
    await watching.verdict("split-brain-active")
    await agree(pair, watching)
    # Node 1 serves on; as soon as node 2 does too, nobody can be called the one that serves.
    await watching.until(lambda s: s.serving is None and all(node.services.value for node in s.pair.nodes))
    await pair.later("ssh", "1", "dd if=/dev/urandom of=/data/one bs=1M count=3 conv=fsync 2>/dev/null")
    await pair.later("ssh", "2", "dd if=/dev/urandom of=/data/two bs=1M count=7 conv=fsync 2>/dev/null")
    await pair.later("heal")
    await watching.verdict("split-brain")
    await watching.until(lambda s: all(states(by_ccops(s, name))[:1] == ("StandAlone",) for name in pair.names))
    await agree(pair, watching)
    evidence = "\n".join(map(str, watching.now.verdict.evidence))
    assert "Split-Brain detected" in evidence
    assert "rule 90" in evidence


async def test_node_that_serves_loses_its_current(pair: Lab, watching: Watching) -> None:
    await pair.later("off", "1")
    noticed = await watching.until(lambda s: s.pair.nodes[0].link.phase in ("silent", "down"), 60)
    assert noticed < 6
    await watching.until(lambda s: s.pair.nodes[0].drbd.value is None, 60)
    told = status(watching.now)["nodes"][pair.names[0]]
    assert told["drbd"] is None
    assert told["addresses"] == {"192.168.27.120": None}
    await watching.verdict("running-on-one-node")
    await watching.until(lambda s: s.serving == pair.names[1])
    await pair.later("boot", "1")
    await watching.verdict("healthy")
    await agree(pair, watching)


async def test_standby_is_frozen_for_a_minute(pair: Lab, watching: Watching) -> None:
    await pair.later("freeze", "2")
    noticed = await watching.until(lambda s: s.pair.nodes[1].link.phase in ("silent", "down"), 60)
    assert noticed < 6
    await watching.until(lambda s: s.pair.nodes[1].drbd.value is None, 60)
    assert watching.now.serving == pair.names[0]
    await watching.verdict("running-on-one-node")
    await pair.later("thaw", "2")
    await watching.until(lambda s: s.pair.nodes[1].link.phase == "up" and s.pair.nodes[1].drbd.value is not None)
    await agree(pair, watching)


async def test_asterisk_restarts_under_calls(pair: Lab, watching: Watching) -> None:
    await pair.later("calls", "20")
    await watching.until(lambda s: s.centre.value is not None and len(s.centre.value.channels) >= 10)
    await pair.later("ssh", "1", "systemctl restart asterisk")
    await watching.until(lambda s: s.centre.value is not None and not s.centre.value.channels)
    # Nothing of before is left: no call, no talk, no caller.
    centre = watching.now.centre.value
    assert centre is not None
    assert not centre.talks
    assert not any(queue.callers for queue in centre.queues.values())
    await watching.verdict("healthy")
    assert any(line.source == "ami" for line in watching.lines)


async def test_queues_are_what_asterisk_lists(pair: Lab, watching: Watching) -> None:
    await pair.later("calls", "8")
    await watching.until(lambda s: s.centre.value is not None and len(s.centre.value.channels) >= 6)
    for attempt in range(5):
        shown = await pair.later("ssh", "1", "asterisk -rx 'core show channels count'")
        centre = watching.now.centre.value
        assert centre is not None
        if f"{len(centre.channels)} active channel" in shown:
            return
        await asyncio.sleep(attempt)
    pytest.fail(f"ccops has {len(centre.channels)} channels; Asterisk says {shown}")


async def test_sshd_restarts(pair: Lab, watching: Watching) -> None:
    before = [line.text for line in watching.lines if line.source == "ha-log" and line.node == pair.names[1]]
    ending = "sleep 1; systemctl restart ssh; pkill -f 'sshd: root@notty'"
    await pair.later("ssh", "2", f'setsid sh -c "{ending}" >/dev/null 2>&1 </dev/null &')
    await watching.until(lambda s: s.pair.nodes[1].link.phase != "up", 60)
    await watching.until(lambda s: s.pair.nodes[1].link.phase == "up" and s.pair.nodes[1].sampled_at is not None)
    await pair.later("ssh", "2", "echo 'heartbeat: one more line' >> /var/log/ha-log")
    await watching.until(lambda _s: any("one more line" in line.text for line in watching.lines))
    after = [line.text for line in watching.lines if line.source == "ha-log" and line.node == pair.names[1]]
    assert after[: len(before)] == before
    assert len([text for text in after if "one more line" in text]) == 1
    assert len(after) - len(before) < 20


@pytest.mark.smoke
async def test_without_root(pair: Lab) -> None:
    """A user without any right sees the pair all the same; what it cannot read is said."""
    snapshot = await look(PairWatch("lab", pair.settings(user="ccops")), 60)
    told = status(snapshot)
    assert told["serving"] == pair.names[0]
    assert told["nodes"][pair.names[0]]["drbd"]["resources"]["data"]["role"] == "Primary"
    for name in pair.names:
        node = told["nodes"][name]
        for field in ("heartbeat",):
            if node[field] is None:
                assert any(name in finding["nodes"] for finding in told["findings"])


def toml(lab: Lab) -> str:
    pair = lab.settings()
    lines = ["[pairs.lab]", f'address = "{pair.address}"', "[pairs.lab.services]"]
    lines += [f'{name} = "{unit}"' for name, unit in pair.services.items()]
    for node in pair.nodes:
        lines += [
            "[[pairs.lab.nodes]]",
            f'name = "{node.name}"',
            f'ssh = "{node.ssh}"',
            f'identity = "{node.identity}"',
        ]
        lines += [f'known_hosts = "{node.known_hosts}"', f'ssh_config = "{node.ssh_config}"']
    lines += ["[pairs.lab.ami]", 'user = "viewer"', 'secret = { env = "CCOPS_LAB_SECRET" }']
    return "\n".join(lines) + "\n"


@pytest.mark.smoke
def test_commands(pair: Lab, tmp_path: Path) -> None:
    """status --json live, a bundle, and status --from of that bundle say the same."""
    config, bundle = tmp_path / "ccops.toml", tmp_path / "bundle.tar.gz"
    config.write_text(toml(pair))
    config.chmod(0o600)

    def ccops(*words: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "ccops", "-c", str(config), *words]
        return subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)

    live = ccops("status", "--json", "--timeout", "60")
    assert live.returncode == 0, live.stderr
    made = ccops("bundle", str(bundle))
    assert made.returncode == 0, made.stderr
    read = ccops("status", "--json", "--from", str(bundle))
    assert read.returncode == 0, read.stderr
    a, b = json.loads(live.stdout), json.loads(read.stdout)
    assert a["verdict"]["code"] == b["verdict"]["code"] == "healthy"
    assert a["serving"] == b["serving"] == pair.names[0]
    for name in pair.names:
        for field in ("connection", "role", "disk", "peer_disk", "out_of_sync_kib"):
            assert (
                a["nodes"][name]["drbd"]["resources"]["data"][field]
                == b["nodes"][name]["drbd"]["resources"]["data"][field]
            )
        assert a["nodes"][name]["services"] == b["nodes"][name]["services"]
        assert a["nodes"][name]["heartbeat"]["nodes"] == b["nodes"][name]["heartbeat"]["nodes"]
    assert "labsecret" not in live.stdout + made.stdout
    assert b"labsecret" not in subprocess.run(["tar", "-xzOf", str(bundle)], capture_output=True, check=True).stdout
