"""The inspection run for real, in several shells, on folders that look like servers."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccops.setup.facts import LogFile, Manager, ManagerUser, Section, read_facts
from ccops.setup.inspect import InspectionError, cut, inspect_node, script
from tests.setup.servers import SECRET, Done, FolderRunner, busybox_path, elastix, lab

SHELLS = ["sh", "dash", "bash", "busybox"]


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Sequence[str], str | None]:
    name: str = request.param
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    if name == "busybox":
        return (found, "ash"), busybox_path(tmp_path / "tools")
    return (found,), None


async def test_freepbx_is_found_and_its_passwords_are_not(
    tmp_path: Path, shell: tuple[Sequence[str], str | None]
) -> None:
    root = elastix(tmp_path / "root")
    (root / "etc" / "amportal.conf").write_text(f"AMPDBPASS={SECRET}\nAMPWEBROOT=/var/www/html\n")
    (root / "usr" / "bin" / "php").write_text("#!/bin/sh\n")
    (root / "usr" / "bin" / "php").chmod(0o755)
    runner = FolderRunner(root, *shell)
    facts = await inspect_node(runner, "root@192.168.27.121")
    assert facts.freepbx == {"/etc/amportal.conf": "readable"}
    assert facts.programs["php"] == "/usr/bin/php"
    assert SECRET.encode() not in runner.output


async def test_a_debian_node_is_read_in_every_shell(tmp_path: Path, shell: tuple[Sequence[str], str | None]) -> None:
    runner = FolderRunner(lab(tmp_path / "root"), *shell)
    facts = await inspect_node(runner, "admin@192.168.27.121")
    assert SECRET.encode() not in runner.output
    assert facts.complete
    assert (facts.target, facts.name, facts.user, facts.uid) == ("admin@192.168.27.121", "elaxtix-voip", "admin", 1000)
    assert not facts.root
    assert facts.groups == ("admin", "adm")
    assert set(facts.known_groups) == {"haclient", "adm", "systemd-journal", "asterisk", "root"}
    assert facts.kernel == "Linux 5.10.0-32-amd64"
    assert facts.distribution == "Debian GNU/Linux 11 (bullseye)"
    assert facts.versions == {
        "drbd": "8.4.11",
        "drbdadm": "9.15.0",
        "heartbeat": "3.0.6",
        "asterisk": "16.28.0",
        "mysql": "10.5.29",
        "sudo": "1.9.5",
    }
    assert facts.services == {
        "asterisk": "asterisk",
        "mysqld": "mariadb",
        "mysql": "mariadb",
        "mariadb": "mariadb",
        "heartbeat": "heartbeat",
        "drbd": "drbd",
    }
    assert facts.resource_scripts == ("asterisk", "mysqld")
    assert facts.authkeys is not None
    assert facts.authkeys.startswith("-rw-------")
    assert facts.programs["cl_status"] == "/usr/bin/cl_status"
    assert facts.programs["hb_standby"] == "/usr/share/heartbeat/hb_standby"
    assert facts.logs == (
        LogFile("heartbeat", "/var/log/ha-log", "readable"),
        LogFile("usual", "/var/log/ha-log", "readable"),
        LogFile("kernel", "/var/log/kern.log", "readable"),
        LogFile("kernel", "/var/log/messages", "missing"),
        LogFile("kernel", "/var/log/syslog", "missing"),
    )
    assert facts.manager == Manager(
        state="read",
        enabled=True,
        users=(
            ManagerUser("ccops", ("system", "call", "agent", "reporting"), ("reporting",), has_secret=True),
            ManagerUser("admin", ("all",), ("all",), has_secret=True),
        ),
    )
    assert facts.mysql["socket"] == "/run/mysqld/mysqld.sock"
    assert facts.call_center == {"/data/mysql/data": "yes"}
    assert facts.cl_status
    assert not facts.journal
    assert "insufficient permissions" in facts.refusals["journal"]
    assert facts.sudo is not None
    assert "cl_status hbstatus" in facts.sudo[1]
    assert 'shared-secret "***"' in "".join(facts.drbd_conf)
    assert len(facts.drbd_conf) == 3
    assert facts.file("/etc/ha.d/haresources").text.splitlines()[1].startswith("elaxtix-voip IPaddr2::")
    assert facts.file("/nowhere").state == "missing"


async def test_a_centos_5_node_is_read_in_every_shell(tmp_path: Path, shell: tuple[Sequence[str], str | None]) -> None:
    runner = FolderRunner(elastix(tmp_path / "root"), *shell)
    facts = await inspect_node(runner, "root@n2")
    assert SECRET.encode() not in runner.output
    assert (facts.name, facts.root) == ("elaxtix-voip-2", True)
    assert facts.distribution == "redhat-release: CentOS release 5.5 (Final)"
    assert facts.versions == {
        "drbd": "8.0.16",
        "heartbeat": "2.1.3",
        "asterisk": "1.4.33.1",
        "mysql": "5.0.77",
        "sudo": "1.6.9",
    }
    assert facts.services["mysqld"] == "mysqld"
    assert facts.programs["drbdadm"] == "/sbin/drbdadm"
    assert facts.cl_status  # it may ask; that Heartbeat is stopped is an answer
    assert facts.sudo is None
    assert "invalid option" in facts.refusals["sudo"]
    assert [user.name for user in facts.manager.users] == ["admin", "watch"]
    assert facts.manager.users[1].read == ("system", "call", "agent")
    assert facts.call_center == {}
    assert "after-sb-0pri" in facts.drbd_conf[0]
    assert facts.mysql == {"datadir": "/data/mysql/data", "socket": "/var/lib/mysql/mysql.sock"}


@pytest.mark.parametrize(
    "line",
    [
        'shared-secret "{}";',
        "shared-secret {};",
        'shared-secret\t"{}" ;',
        'shared-secret\n"{}"\n;',
        'shared-secret # why "not\n "{}";',
        'net {{ shared-secret "{}"; }} net {{ shared-secret "{}"; }}',
        'shared-secret "a\\"{}";',
        'shared-secret "a;{}";',
        'shared-secret "{}"',
        'x "shared-secret {}";',
        "# shared-secret {}",
        'protocol C; # "quoted shared-secret "{}"',
        'shared-secret "{}\n";',
    ],
)
async def test_drbd_secrets_stay_on_the_server_however_they_are_written(tmp_path: Path, line: str) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/drbd.conf").write_text("resource r {\n" + line.format(SECRET, SECRET) + "\nprotocol A;\n}\n")
    runner = FolderRunner(tmp_path)
    await inspect_node(runner, "n")
    assert b"|resource r {" in runner.output
    assert SECRET.encode() not in runner.output


async def test_files_on_the_volume_of_the_other_node_are_not_readable_rather_than_missing(tmp_path: Path) -> None:
    root = lab(tmp_path)
    (root / "etc/asterisk/manager.conf").unlink()
    (root / "etc/asterisk/manager.conf").symlink_to("/data/not-mounted/manager.conf")
    facts = await inspect_node(FolderRunner(root), "n")
    assert facts.manager.state == "unreadable"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user can reach (pytest's own are closed)."""
    with tempfile.TemporaryDirectory(prefix="ccops-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="becoming another user needs root")
async def test_what_a_plain_user_may_not_read_is_told_apart(open_folder: Path) -> None:
    root = lab(open_folder / "root")
    (root / "etc/ha.d/authkeys").chmod(0o600)
    (root / "etc/asterisk/manager.conf").chmod(0o640)
    (root / "etc/drbd.d").chmod(0o750)
    (root / "var/log/kern.log").chmod(0o640)
    (root / "data/mysql/data").chmod(0o700)
    plain = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/bin/sh"]
    facts = await inspect_node(FolderRunner(root, plain), "n")
    assert facts.manager.state == "unreadable"
    assert facts.authkeys is not None
    assert facts.file("/etc/drbd.conf").state == "read"
    assert len(facts.drbd_conf) == 1  # what is in drbd.d cannot even be listed
    assert LogFile("kernel", "/var/log/kern.log", "unreadable") in facts.logs
    assert facts.call_center == {"/data/mysql/data": "hidden"}


async def test_an_empty_server_gives_facts_that_are_not_known(tmp_path: Path) -> None:
    facts = await inspect_node(FolderRunner(tmp_path), "n")
    assert facts.complete
    assert (facts.versions, facts.services, facts.programs, facts.manager.state) == ({}, {}, {}, "missing")
    assert facts.drbd_conf == ()
    assert not facts.cl_status


class Scripted:
    def __init__(self, done: Done) -> None:
        self.done = done

    async def run(self, argv: Sequence[str], *, timeout_s: float, input: bytes | None = None) -> Done:
        return self.done


async def test_a_server_without_a_shell_is_an_error_in_words() -> None:
    runner = Scripted(Done(b"Welcome\x1b[2J to the menu\n", b"", 0))
    with pytest.raises(InspectionError, match=r"admin@gw: expected /bin/sh .* exit status 0 and: Welcome\[2J to the"):
        await inspect_node(runner, "admin@gw")


def test_contents_cannot_forge_a_section(tmp_path: Path) -> None:
    forged = cut(b"motd\n#begin uname.n\n|#begin user\n|#end 0\nstray\n|real\n#end 0\n\n#begin broken\n|half")
    assert forged == {"uname.n": Section(("#begin user", "#end 0", "real"), 0), "broken": Section((), None)}


_PARTS = (
    *(f"#begin {name}\n".encode() for name in ("/proc/drbd", "services", "manager:x", "uid", "mysql:", "logs")),
    *(b"|asterisk unit\n", b"|[\n", b"|port = 99999999999\n", b"|port = \xb2\n", b"|\xd9\xa3\n"),
    *(b"|[mysqld]\n", b"|=\n", b"|a b c d\n", b"#end 0\n", b"#end \xb2\n"),
)


@given(st.binary(max_size=300), st.lists(st.sampled_from(_PARTS)))
def test_any_output_gives_facts(noise: bytes, parts: list[bytes]) -> None:
    facts = read_facts("n", cut(b"".join(parts) + noise + b"".join(parts)))
    assert 1 <= facts.manager.port <= 65535
    assert "\x1b" not in repr(facts)


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_the_script_is_clean_posix_sh() -> None:
    done = subprocess.run(["shellcheck", "-s", "sh", "-S", "warning", "-"], input=script(), capture_output=True)
    assert done.stdout.decode() == ""
