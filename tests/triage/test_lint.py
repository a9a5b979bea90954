"""The configuration examined: the lab's is right but for what is known of it, and each fault has its code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ccops.pair.configuration import configuration_of
from ccops.pair.model import PairLayout
from ccops.record.bundle import read_bundle
from ccops.triage.finding import Finding
from ccops.triage.lint import lint

ETC = Path(__file__).parents[1] / "lab/overlay/etc"
NAMES = ("elaxtix-voip", "elaxtix-voip-2")
LAYOUT = PairLayout("lab", NAMES, "192.168.27.120", services={"asterisk": "asterisk", "mysqld": "mariadb"})
Files = dict[str, str]


def files(name: str) -> Files:
    """What one node of the lab has, as the script on it prints it."""
    return {
        "uname_n.txt": f"{name}\n",
        "ha.cf.txt": (ETC / "ha.d/ha.cf").read_text(),
        "haresources.txt": (ETC / "ha.d/haresources").read_text(),
        "authkeys_mode.txt": "-rw------- 1 0 0 35 Nov 24 15:31 /etc/ha.d/authkeys\n",
        "authkeys.txt": "auth 1\n1 sha1 ***\n",
        "authkeys_fingerprint.txt": "9bba\n",
        "drbd_files.txt": "/etc/drbd.conf\n/etc/drbd.d/data.res\n",
        "drbd.conf.txt": 'include "drbd.d/*.res";\n',
        "drbd.d_data.res.txt": (ETC / "drbd.d/data.res").read_text(),
    }


def found(change: Callable[[Files], object] = lambda _files: None, both: bool = False) -> dict[str, Finding]:
    """The findings by code, after a change on node 1 (or on both)."""
    nodes = [files(name) for name in NAMES]
    for node in nodes if both else nodes[:1]:
        change(node)
    first, second = (configuration_of(node, {}) for node in nodes)
    return {finding.code: finding for finding in lint((first, second), LAYOUT)}


def replaced(name: str, old: str, new: str) -> Callable[[Files], object]:
    def change(node: Files) -> None:
        assert old in node[name]
        node[name] = node[name].replace(old, new)

    return change


def test_the_lab_is_right_but_for_its_one_link() -> None:
    findings = found()
    assert set(findings) == {"configuration-single-link", "configuration-not-known"}
    assert any(
        "ucast eth0" in e.text and e.source.endswith("line 9") for e in findings["configuration-single-link"].evidence
    )


@pytest.mark.parametrize(
    ("code", "name", "old", "new", "both"),
    [
        ("configuration-auto-failback", "ha.cf.txt", "auto_failback on\n", "", True),
        ("configuration-deadtime", "ha.cf.txt", "deadtime 12", "deadtime 2", True),
        ("configuration-ha-cf-differs", "ha.cf.txt", "deadtime 12", "deadtime 20", False),
        ("configuration-authkeys", "authkeys_mode.txt", "-rw-------", "-rw-r--r--", False),
        ("configuration-authkeys", "authkeys.txt", "auth 1\n1 sha1 ***", "1 sha1 ***\nauth 1", False),
        ("configuration-authkeys-differ", "authkeys_fingerprint.txt", "9bba", "0001", False),
        ("configuration-haresources-differs", "haresources.txt", " mysqld", "", False),
        ("configuration-drbd-differs", "drbd.d_data.res.txt", "protocol C", "protocol A", False),
        ("configuration-verify-alg", "drbd.d_data.res.txt", "verify-alg crc32c;", "", True),
        (
            "configuration-after-split-brain",
            "drbd.d_data.res.txt",
            "verify-alg",
            "after-sb-0pri discard-younger-primary; verify-alg",
            True,
        ),
        ("configuration-two-primaries", "drbd.d_data.res.txt", "verify-alg", "allow-two-primaries; verify-alg", True),
        ("configuration-node-name", "uname_n.txt", "elaxtix-voip", "pbx1", False),
    ],
)
def test_a_fault_has_its_code(code: str, name: str, old: str, new: str, both: bool) -> None:
    assert code not in found()
    finding = found(replaced(name, old, new), both)[code]
    assert finding.meaning
    assert finding.remedy
    assert finding.evidence


PLACES = (
    "/etc/asterisk -> /data/etc/asterisk\n/data/etc/asterisk dir\n/var/lib/mysql -> /data/mysql\n/data/mysql dir\n"
    "/var/lib/asterisk -> /data/lib/asterisk\n/data/lib/asterisk dir\nmounted /dev/drbd1 /data\n"
)
DISK = "/dev/vdb1 brw-rw---- 1 0 6 252, 17 Nov 24 15:31 /dev/vdb1\n"


def whole(node: Files) -> None:
    """What the lab's nodes say of disks, folders, init and versions."""
    node |= {
        "places.txt": PLACES,
        "devices.txt": DISK,
        "partitions.txt": "major minor  #blocks  name\n\n 252       17     393216 vdb1\n",
        "init.txt": "heartbeat enabled\ndrbd enabled\nasterisk disabled\nmariadb disabled\n",
        "asterisk_version.txt": "Asterisk 16.28.0\n",
    }


def beyond(change: Callable[[Files], object]) -> dict[str, Finding]:
    """The findings of two nodes that say all of that, after a change on node 1."""
    nodes = [files(name) for name in NAMES]
    for node in nodes:
        whole(node)
    change(nodes[0])
    first, second = (configuration_of(node, {}) for node in nodes)
    return {finding.code: finding for finding in lint((first, second), LAYOUT)}


@pytest.mark.parametrize(
    ("code", "name", "old", "new"),
    [
        ("configuration-ha-cf", "ha.cf.txt", "keepalive 1", "keepalive soon"),
        ("configuration-haresources", "haresources.txt", "elaxtix-voip ", "pbx1 "),
        ("configuration-drbd", "drbd.d_data.res.txt", "protocol C", "protocol A"),
        ("configuration-partitions", "partitions.txt", "393216", "393215"),
        ("configuration-mysql-datadir", "places.txt", "/var/lib/mysql -> /data/mysql\n", "/var/lib/mysql dir\n"),
        ("configuration-asterisk", "places.txt", "/etc/asterisk -> /data/etc/asterisk\n", "/etc/asterisk dir\n"),
        ("configuration-init", "init.txt", "asterisk disabled", "asterisk enabled"),
        ("configuration-init", "init.txt", "heartbeat enabled", "heartbeat disabled"),
        ("configuration-versions", "asterisk_version.txt", "16.28.0", "18.10.0"),
    ],
)
def test_a_fault_beyond_the_files_has_its_code(code: str, name: str, old: str, new: str) -> None:
    assert code not in beyond(lambda _node: None)
    finding = beyond(replaced(name, old, new))[code]
    assert finding.meaning
    assert finding.evidence
    assert finding.nodes


def test_no_secret_is_in_a_finding() -> None:
    def leak(node: Files) -> None:
        node["authkeys.txt"] = "auth 1\n1 sha1 topsecret\n1 sha1 topsecret\n"

    assert "topsecret" not in repr(found(leak))


def test_what_was_not_read_is_said_and_nothing_else() -> None:
    bundle = read_bundle(Path(__file__).parents[1] / "captures/01-healthy")
    findings = lint(bundle.configurations, bundle.pair.layout)
    assert {finding.code for finding in findings} == {"configuration-not-known"}
