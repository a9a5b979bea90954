"""The sudoers text: accepted by visudo, exact when sudo itself is asked, and of the version of the server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from fnmatch import fnmatchcase as fnmatch
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ccops.config import NodeSettings, PairSettings
from ccops.demo.machine import NAMES
from ccops.operations.catalogue import OPERATIONS
from ccops.operations.plan import Request
from ccops.setup.facts import FileText, LogFile, NodeFacts
from ccops.setup.inspect import InspectionError
from ccops.setup.sudoers import sudoers
from tests.operations.stage import Stage, settings
from tests.operations.test_refused import split
from tests.operations.virtual import play

PAIR = PairSettings(nodes=(NodeSettings("n1", "admin@h1"), NodeSettings("n2", "admin@h2")), address="10.0.0.1")
DEBIAN = NodeFacts(
    "admin@h1",
    name="n1",
    groups=("admin", "adm"),
    known_groups=("adm", "haclient"),
    versions={"sudo": "1.9.5", "drbdadm": "9.15.0", "drbd": "8.4.11"},
    programs={
        "cl_status": "/usr/bin/cl_status",
        "drbdadm": "/usr/sbin/drbdadm",
        "hb_standby": "/usr/share/heartbeat/hb_standby",
        "hb_takeover": "/usr/share/heartbeat/hb_takeover",
        "systemctl": "/usr/bin/systemctl",
    },
    logs=(LogFile("kernel", "/var/log/kern.log", "unreadable"),),
)
CENTOS = NodeFacts(
    "root@h2",
    name="n2",
    versions={"sudo": "1.6.9", "drbd": "8.0.16"},
    programs={"drbdadm": "/sbin/drbdadm", "service": "/sbin/service"},
)
NOTHING_KNOWN = NodeFacts("h1", name="n1")

needs_visudo = pytest.mark.skipif(shutil.which("visudo", path="/usr/sbin:/usr/bin") is None, reason="no visudo")


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@needs_visudo
@pytest.mark.parametrize("facts", [DEBIAN, CENTOS, NOTHING_KNOWN])
@pytest.mark.parametrize("operating", [False, True])
def test_visudo_accepts_it_with_and_without_operating(tmp_path: Path, facts: NodeFacts, operating: bool) -> None:
    text = sudoers("admin", PAIR, facts, ["eth0", "bond0:1", "/dev/ttyS0"])
    if operating:
        text = re.sub(r"(?m)^#~ ", "", text)
        assert text.count("\n") == sudoers("admin", PAIR, facts, ["eth0", "bond0:1", "/dev/ttyS0"]).count("\n")
        assert "admin ALL = (root) NOPASSWD: CCOPS_OPERATE" in lines(text)
        assert "admin ALL = (root) NOPASSWD: CCOPS_ADMINISTER" in lines(text)
    path = tmp_path / "ccops"
    path.write_text(text)
    path.chmod(0o440)
    done = subprocess.run(["/usr/sbin/visudo", "-cf", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_watching_is_granted_and_operating_is_not() -> None:
    text = sudoers("admin", PAIR, DEBIAN, ["eth0", "eth1"])
    granted = re.findall(r"(?m)^Cmnd_Alias CCOPS_WATCH_\d+ = (.*)$", text)
    assert granted == [
        "/usr/bin/cl_status hbstatus",
        "/usr/bin/cl_status rscstatus",
        "/usr/bin/cl_status listnodes",
        "/usr/bin/cl_status nodestatus n1",
        "/usr/bin/cl_status nodestatus n2",
        "/usr/bin/cl_status listhblinks n2",
        "/usr/bin/cl_status hblinkstatus n2 eth0",
        "/usr/bin/cl_status hblinkstatus n2 eth1",
        "/usr/sbin/drbdadm get-gi data",
    ]
    assert [line for line in lines(text) if "NOPASSWD" in line] == ["admin ALL = (root) NOPASSWD: CCOPS_WATCH"]
    assert "OPERATE" not in "\n".join(lines(text))


def test_the_links_are_those_of_ha_cf() -> None:
    ha_cf = FileText("read", "bcast eth1\nucast bond0 10.0.0.2\nnode n1 n2\n")
    text = sudoers("admin", PAIR, msgspec.structs.replace(DEBIAN, files={"/etc/ha.d/ha.cf": ha_cf}))
    assert re.findall(r"hblinkstatus (.*)", text) == ["n2 eth1", "n2 bond0"]
    assert re.findall(r"hblinkstatus (.*)", sudoers("admin", PAIR, DEBIAN)) == ["n2 eth0"]


def test_every_line_that_counts_has_a_comment_above_it() -> None:
    text = re.sub(r"(?m)^#~ ", "", sudoers("admin", PAIR, DEBIAN))
    previous = ""
    for line in text.splitlines():
        if line and not line.startswith("#"):
            assert previous.startswith("# "), line
        previous = line


@pytest.mark.parametrize("facts", [DEBIAN, CENTOS, NOTHING_KNOWN])
def test_no_comment_is_one_that_old_sudo_takes_for_a_user(facts: NodeFacts) -> None:
    assert not re.search(r"(?m)^#[-0-9]", sudoers("admin", PAIR, facts))


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.6.9", ["Defaults:admin !requiretty"]),
        ("1.7.2", ["Defaults:admin !requiretty", "Defaults!CCOPS_WATCH !syslog"]),
        ("1.9.5", ["Defaults:admin !requiretty", "Defaults!CCOPS_WATCH !syslog", "Defaults!CCOPS_WATCH !pam_session"]),
        (None, ["Defaults:admin !requiretty"]),
    ],
)
def test_only_what_that_sudo_knows_is_written(version: str | None, expected: list[str]) -> None:
    text = sudoers("admin", PAIR, NodeFacts("h", name="n1", versions={"sudo": version} if version else {}))
    assert [line for line in lines(text) if line.startswith("Defaults")] == expected
    assert ("does not know `sudo -n`" in text) is (version == "1.6.9")
    assert ("/etc/sudoers.d/ccops" in text) is (version in ("1.7.2", "1.9.5"))


def test_discarding_is_spelt_for_the_version_of_drbd() -> None:
    assert "drbdadm connect --discard-my-data data" in sudoers("admin", PAIR, DEBIAN)
    assert "-- --discard-my-data" not in sudoers("admin", PAIR, DEBIAN)
    assert "/sbin/drbdadm -- --discard-my-data connect data" in sudoers("root", PAIR, CENTOS)
    assert "connect --discard-my-data" not in sudoers("root", PAIR, CENTOS)


def test_what_is_never_sent_is_never_granted() -> None:
    for facts in (DEBIAN, CENTOS, NOTHING_KNOWN):
        text = "\n".join(line for line in sudoers("admin", PAIR, facts).splitlines() if "Cmnd_Alias" in line)
        assert "hb_takeover all" in text
        for never in ("failback", "foreign", "create-md", "--force", "overwrite-data", "*", "init.d", "/bin/sh"):
            assert never not in text


@pytest.mark.parametrize(
    ("changes", "granted"),
    [
        ({}, ["CCOPS_WATCH", "CCOPS_OPERATE", "CCOPS_ADMINISTER"]),
        ({"role": "operator"}, ["CCOPS_WATCH", "CCOPS_OPERATE"]),
        ({"role": "viewer"}, ["CCOPS_WATCH"]),
        ({"read_only": True}, ["CCOPS_WATCH"]),
    ],
)
def test_operating_is_granted_as_far_as_the_settings_permit(changes: dict[str, Any], granted: list[str]) -> None:
    pair = msgspec.structs.replace(PAIR, **changes)
    text = sudoers("admin", pair, DEBIAN, operating=True)
    assert [line for line in lines(text) if "NOPASSWD" in line] == [
        f"admin ALL = (root) NOPASSWD: {alias}" for alias in granted
    ]
    assert ("Off: the settings say" in text) is (len(granted) < 3)


def _grants(text: str) -> list[str]:
    """What is granted, as sudo would match it, without the folders of the programs."""
    found = re.findall(r"(?m)^Cmnd_Alias CCOPS_\w+_\d+ = (.*)$", text)
    return [_bare(re.sub(r"\\(.)", r"\1", command)) for command in found]


def test_what_operations_send_is_what_is_granted(tmp_path: Path) -> None:
    """Every command of every plan and of its undo, and all that a recovery sends to its end."""
    requests = [
        *(Request(name) for name in ("failover", "failback", "resync", "verify", "pause-sync", "resume-sync")),
        *(Request(verb, NAMES[1]) for verb in ("connect", "disconnect", "attach", "detach", "primary", "secondary")),
        *(Request(name, NAMES[1]) for name in ("release", "rejoin", "isolate")),
        Request("resync", arguments={"full": NAMES[1]}),
        *(Request("rate", arguments={"rate": rate}) for rate in ("5M", "800K", "9999K")),
        Request("rate", arguments={"revert": "yes"}),
        *(Request("service", arguments={"name": name}) for name in ("asterisk", "mysqld")),
        Request("service", arguments={"name": "asterisk", "when": "idle"}),
        Request("recover", arguments={"victim": NAMES[1]}),
    ]
    assert {request.operation for request in requests} == set(OPERATIONS)
    sent: set[str] = set()

    async def gather() -> None:
        async with Stage(tmp_path) as stage:
            for request in requests:
                for step in (await stage.executor.prepare(request)).steps:
                    sent.update(" ".join(s.command) for s in (step, step.undo) if s is not None and s.command)
            await split(stage)
            await stage.operate(requests[-1])
            sent.update(command for _, command in stage.sent)

    play(gather())
    facts = msgspec.structs.replace(DEBIAN, name=NAMES[0])
    grants = _grants(sudoers("admin", settings(), facts, ["eth0"], operating=True))
    denied = {command for command in sent if not any(fnmatch(_bare(command), grant) for grant in grants)}
    assert denied == set()
    assert len(sent) > 20


def _bare(command: str) -> str:
    """Without the folder of its program."""
    program, _, words = command.partition(" ")
    return f"{program.rpartition('/')[2]} {words}"


def test_groups_that_help_are_named_and_those_held_already_too() -> None:
    text = sudoers("admin", PAIR, DEBIAN)
    assert "usermod -a -G haclient admin" in text
    assert "admin is in adm already" in text
    assert "systemd-journal" not in text  # this server has no such group
    assert "setfacl -m u:admin:r /var/log/kern.log" in text


def test_wrong_names_are_refused() -> None:
    with pytest.raises(InspectionError, match="h: expected one of the nodes n1 and n2, found other; correct"):
        sudoers("admin", PAIR, NodeFacts("h", name="other"))
    for user in ("", "a b", "ALL=x", "admin\nroot"):
        with pytest.raises(InspectionError, match="expected a user's name"):
            sudoers(user, PAIR, DEBIAN)


def _namespaces() -> bool:
    unshare = shutil.which("unshare")
    return (
        os.geteuid() == 0
        and unshare is not None
        and shutil.which("setpriv") is not None
        and shutil.which("sudo") is not None
        and subprocess.run([unshare, "-m", "true"], capture_output=True).returncode == 0
    )


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ccops-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.skipif(not _namespaces(), reason="a mount of one's own needs root")
@pytest.mark.parametrize("operating", [False, True])
def test_sudo_itself_runs_these_commands_and_no_others(folder: Path, operating: bool) -> None:
    """Real sudo in a mount namespace of its own, where /etc/sudoers is what was generated."""
    programs = {}
    for name in ("cl_status", "drbdadm", "service", "asterisk", "ip", "fuser", "amportal", "php"):
        (folder / name).write_text('#!/bin/sh\necho "ran $*"\n')
        (folder / name).chmod(0o755)
        programs[name] = str(folder / name)
    facts = NodeFacts("h", name="n1", versions={"sudo": "1.9.5", "drbd": "8.4.11"}, programs=programs)
    facts = msgspec.structs.replace(facts, freepbx={"/etc/amportal.conf": "hidden"})
    (folder / "sudoers").write_text(sudoers("nobody", PAIR, facts, ["eth0"], operating=operating))
    (folder / "sudoers").chmod(0o440)
    calls = {
        "cl_status hbstatus": True,
        "cl_status hblinkstatus n2 eth0": True,
        "drbdadm get-gi data": True,
        "cl_status rscstatus -m": False,
        "cl_status": False,
        "drbdadm get-gi": False,
        "drbdadm get-gi other": False,
        "drbdadm get-gi data extra": False,
        "drbdadm connect data": operating,
        "drbdadm connect --discard-my-data data": operating,
        "drbdadm disk-options --c-plan-ahead=0 --resync-rate=30M data": operating,
        "drbdadm disk-options --c-plan-ahead=0 --resync-rate=30M --on-io-error=pass_on data": False,
        "drbdadm disk-options --c-plan-ahead=0 --resync-rate=M data": False,
        "drbdadm primary --force data": False,
        "service heartbeat stop": operating,
        "service ssh stop": False,
        "asterisk -rx 'core restart when convenient'": operating,
        "asterisk -rx 'dialplan reload'": False,
        "asterisk -rx 'sip show peer 101'": operating,
        "asterisk -rx 'iax2 show peer gw-2'": operating,
        "asterisk -rx 'sip show peer 101' -x 'core stop now'": False,
        "asterisk -rx 'database show AMPUSER'": operating,
        "asterisk -rx 'database put CW 101 x'": False,
        "amportal a r": operating,
        "amportal stop": False,
        "php": False,
        "ip addr del 10.0.0.1/24 dev eth0": operating,
        "ip addr del 10.0.0.2/24 dev eth0": False,
        "fuser -m /data": operating,
        "fuser -km /data": False,
    }
    steps = [f"{folder}/{call} 2>/dev/null || echo refused" for call in calls]
    as_nobody = "setpriv --reuid=nobody --regid=nogroup --clear-groups sudo -n "
    shell = f"mount --bind {folder}/sudoers /etc/sudoers && " + "; ".join(as_nobody + step for step in steps)
    done = subprocess.run(["unshare", "-m", "sh", "-c", shell], capture_output=True, text=True, timeout=60)
    answers = done.stdout.splitlines()
    assert len(answers) == len(calls), done.stderr
    assert {call: answer.startswith("ran ") for call, answer in zip(calls, answers, strict=True)} == calls
