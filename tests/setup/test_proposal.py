"""From inspections to settings that can be read, with questions for the rest."""

from __future__ import annotations

import asyncio
import tomllib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccops.config import ConfigError, PairSettings, SecretRef, parse
from ccops.setup.facts import FileText, LogFile, Manager, ManagerUser, NodeFacts
from ccops.setup.findings import gather, may_sudo
from ccops.setup.inspect import inspect_node
from ccops.setup.proposal import propose
from tests.setup.servers import SECRET, FolderRunner, elastix, lab, rename

Pair = tuple[NodeFacts, NodeFacts]


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    first, second = lab(tmp_path_factory.mktemp("n1")), lab(tmp_path_factory.mktemp("n2"))
    rename(second, "elaxtix-voip-2")
    return asyncio.run(_inspect(FolderRunner(first), FolderRunner(second)))


@pytest.fixture(scope="module")
def centos(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    first, second = elastix(tmp_path_factory.mktemp("n1")), elastix(tmp_path_factory.mktemp("n2"))
    rename(first, "elaxtix-voip")
    return asyncio.run(_inspect(FolderRunner(first), FolderRunner(second)))


async def _inspect(first: FolderRunner, second: FolderRunner) -> Pair:
    return await inspect_node(first, "admin@192.168.27.121"), await inspect_node(second, "admin@192.168.27.122")


def settings(text: str, name: str = "lab") -> PairSettings:
    return parse(text, None).pairs[name]


def change(pair: Pair, **changes: object) -> Pair:
    first, second = pair
    return msgspec.structs.replace(first, **changes), msgspec.structs.replace(second, **changes)


def test_a_debian_pair_needs_only_secrets_and_a_mysql_user(debian: Pair) -> None:
    proposal = propose("lab", debian)
    assert SECRET not in repr(proposal)
    pair = settings(proposal.settings)
    assert [(node.name, node.ssh) for node in pair.nodes] == [
        ("elaxtix-voip", "admin@192.168.27.121"),
        ("elaxtix-voip-2", "admin@192.168.27.122"),
    ]
    assert (pair.address, pair.resource, pair.minor, pair.device) == ("192.168.27.120", "data", 1, "/dev/drbd1")
    assert (pair.mount, pair.ha_log, pair.kernel_log) == ("/data", "/var/log/ha-log", "auto")
    assert pair.services == {"asterisk": "asterisk", "mysqld": "mariadb"}
    assert pair.sudo  # both nodes let admin run what watching needs
    assert pair.ami is not None
    assert (pair.ami.user, pair.ami.secret) == ("ccops", SecretRef(env="CCOPS_LAB_AMI_SECRET"))
    assert pair.mysql is not None
    assert (pair.mysql.user, pair.mysql.socket) == ("ccops", "/run/mysqld/mysqld.sock")
    assert [question.key for question in proposal.questions] == ["ami.secret", "mysql.user", "mysql.password"]
    shipped, rights, kept = proposal.notes
    assert "no FreePBX is there" in kept
    assert pair.pbx.backend == "files"
    assert "the call-center module is shipped with a log-in to its dialer, agentconsole" in shipped
    assert rights == "MySQL user ccops@localhost needs only the right SELECT on: asteriskcdrdb, asterisk, call_center"


def test_a_centos_5_pair_is_proposed_with_its_traps(centos: Pair) -> None:
    proposal = propose("elastix", centos)
    assert SECRET not in repr(proposal)
    pair = settings(proposal.settings, "elastix")
    assert (pair.address, pair.resource, pair.minor, pair.mount) == ("192.168.27.120", "data", 1, "/data")
    assert pair.services == {"asterisk": "asterisk", "mysqld": "mysqld"}
    assert not pair.sudo
    assert pair.ami is not None
    assert pair.ami.user == "watch"  # not admin: it may write everything
    assert pair.mysql is not None
    assert pair.mysql.socket == "/var/lib/mysql/mysql.sock"
    notes = "\n".join(proposal.notes)
    assert "authkeys has mode -rw-r--r--" in notes
    assert "auto_failback is legacy" in notes
    assert "elaxtix-voip: logged in as root" in notes


def test_answers_settle_questions(debian: Pair) -> None:
    answers = {
        "ami.secret": "command: pass show 'pbx ami'",
        "mysql.user": "reader",
        "mysql.password": "file:/home/noc/.mysql",
        "address": "10.0.0.9",
    }
    proposal = propose("lab", debian, answers)
    assert proposal.questions == ()
    pair = settings(proposal.settings)
    assert pair.address == "10.0.0.9"
    assert pair.ami is not None
    assert pair.ami.secret == SecretRef(command=("pass", "show", "pbx ami"))
    assert pair.mysql is not None
    assert (pair.mysql.user, pair.mysql.password) == ("reader", SecretRef(file="/home/noc/.mysql"))


def test_parts_can_be_left_out(debian: Pair) -> None:
    proposal = propose("lab", debian, {"ami.user": "none", "mysql.user": "none"})
    pair = settings(proposal.settings)
    assert (pair.ami, pair.mysql, proposal.questions) == (None, None, ())


@pytest.mark.parametrize("answer", ["hunter2", "env:", "command:", "command: 'a", "password:hunter2"])
def test_a_secret_given_as_an_answer_is_not_written(debian: Pair, answer: str) -> None:
    proposal = propose("lab", debian, {"ami.secret": answer})
    assert "hunter2" not in repr(proposal)
    question = next(question for question in proposal.questions if question.key == "ami.secret")
    assert "never the secret itself" in question.why
    assert settings(proposal.settings).ami is not None


def test_what_is_missing_becomes_questions() -> None:
    bare = (NodeFacts("admin@h1", complete=True), NodeFacts("admin@h2", complete=True))
    proposal = propose("new", bare)
    assert {q.key: q.default for q in proposal.questions} == {
        "address": None,
        "resource": "data",
        "device": "/dev/drbd1",
        "mount": "/data",
        "services": "asterisk=asterisk, mysqld=mysqld",
        "ha_log": "/var/log/ha-log",
        "nodes#1.name": None,
        "nodes#2.name": None,
        "ami.user": "ccops",
        "ami.secret": "env:CCOPS_NEW_AMI_SECRET",
    }
    assert all(len(question.why) > 20 for question in proposal.questions)
    with pytest.raises(ConfigError, match=r"pairs\.new\.nodes#1\.name: expected .* found an empty text"):
        parse(proposal.settings, None)
    answers = {q.key: q.default or "" for q in proposal.questions}
    answers |= {"nodes#1.name": "a", "nodes#2.name": "b", "address": "10.0.0.1", "services": "asterisk"}
    done = propose("new", bare, answers)
    assert done.questions == ()
    assert settings(done.settings, "new").services == {"asterisk": "asterisk"}
    assert any("[ccops] secret = (a new one)" in note for note in done.notes)


def test_a_device_without_a_number_asks_for_the_minor(debian: Pair) -> None:
    proposal = propose("lab", debian, {"device": "/dev/vg/data"})
    assert not any(question.key == "minor" for question in proposal.questions)  # DRBD's configuration tells it
    bare = (NodeFacts("h1", name="a"), NodeFacts("h2", name="b"))
    asked = propose("lab", bare, {"device": "/dev/vg/data", "address": "10.0.0.1"})
    assert "minor" in [question.key for question in asked.questions]
    answered = propose("lab", bare, {"device": "/dev/vg/data", "address": "10.0.0.1", "minor": "7"})
    assert settings(answered.settings).minor == 7


def test_two_servers_are_needed(debian: Pair) -> None:
    with pytest.raises(ValueError, match="expected two servers, found 1"):
        propose("lab", debian[:1])


def test_differences_between_the_nodes_are_told(debian: Pair) -> None:
    first, second = debian
    files = dict(second.files)
    files["/etc/ha.d/haresources"] = FileText("read", "elaxtix-voip-2 10.0.0.1 mysqld\n")
    files["/etc/drbd.d/data.res"] = FileText("read", first.file("/etc/drbd.d/data.res").text.replace("8M", "9M"))
    versions, services = {**second.versions, "drbd": "8.4.7"}, {**second.services, "mysqld": "mysql"}
    other = msgspec.structs.replace(second, files=files, versions=versions, services=services)
    notes = "\n".join(propose("lab", (first, other)).notes)
    assert "haresources differs between the nodes" in notes
    assert "DRBD's configuration differs" in notes
    assert "DRBD differs: 8.4.11 on elaxtix-voip, 8.4.7 on elaxtix-voip-2" in notes
    assert "mysqld is run by mariadb on elaxtix-voip and by mysql on elaxtix-voip-2" in notes
    assert propose("lab", (first, second)).notes == propose("lab", (second, first)).notes  # equal nodes: none of these


def test_the_same_server_twice_is_told(debian: Pair) -> None:
    notes = propose("lab", (debian[0], debian[0])).notes
    assert "are both elaxtix-voip: is one of them the virtual address?" in notes[0]


def test_files_that_heartbeat_would_refuse_are_told_with_their_line(debian: Pair) -> None:
    text = debian[0].file("/etc/ha.d/ha.cf").text
    text = text.replace("deadtime 12", "deadtime 1").replace("auto_failback on", "auto_failback legacy")
    files = {**debian[0].files, "/etc/ha.d/ha.cf": FileText("read", text)}
    notes = "\n".join(propose("lab", change(debian, files=files)).notes)
    assert "elaxtix-voip, ha.cf, line 5: deadtime must be more than 2 s" in notes
    assert "auto_failback is legacy" in notes


def test_rights_that_lack_are_told(debian: Pair) -> None:
    logs = (LogFile("heartbeat", "/var/log/ha-log", "unreadable"), LogFile("kernel", "/var/log/kern.log", "unreadable"))
    pair = change(debian, sudo=None, cl_status=False, logs=logs, refusals={"cl_status": "Cannot signon"})
    proposal = propose("lab", pair)
    assert not settings(proposal.settings).sudo
    notes = "\n".join(proposal.notes)
    assert "admin on elaxtix-voip may not ask Heartbeat (Cannot signon); see `ccops sudoers`" in notes
    assert "may not run `drbdadm get-gi`" in notes
    assert "may read no kernel log" in notes
    assert "may not read /var/log/ha-log" in notes


@pytest.mark.parametrize(
    ("permit", "deny", "shut"),
    [
        ((), (), False),
        ((), ("0.0.0.0/0.0.0.0",), True),
        (("127.0.0.1/255.255.255.0",), ("0.0.0.0/0.0.0.0",), False),
        (("10.0.0.0/8,127.0.0.0/8",), ("0.0.0.0/0",), False),
        (("10.0.0.0/8", "nonsense"), ("0.0.0.0/0",), True),
        ((), ("10.0.0.0/8",), False),
    ],
)
def test_a_manager_user_shut_out_from_the_node_itself_is_told(
    debian: Pair, permit: tuple[str, ...], deny: tuple[str, ...], shut: bool
) -> None:
    user = ManagerUser("ccops", ("all",), (), permit, deny, has_secret=True)
    notes = propose("lab", change(debian, manager=Manager("read", True, "10.1.1.1", 5039, (user,)))).notes
    assert any("is not permitted from 127.0.0.1" in note for note in notes) is shut


def test_where_the_manager_listens_is_written(debian: Pair) -> None:
    pair = change(debian, manager=Manager("read", False, "10.1.1.1", 5039))
    proposal = propose("lab", pair)
    ami = settings(proposal.settings).ami
    assert ami is not None
    assert (ami.host, ami.port, ami.user) == ("10.1.1.1", 5039, "ccops")
    assert any("the manager interface is off" in note for note in proposal.notes)


@pytest.mark.parametrize(
    ("lines", "enough"),
    [
        (None, False),
        ((), False),
        (("    (ALL : ALL) ALL",), False),
        (("    (ALL) NOPASSWD: ALL",), True),
        (("    (root) NOPASSWD: /usr/bin/cl_status hbstatus, /sbin/drbdadm", "        get-gi data"), True),
        (("    (root) NOPASSWD: /usr/bin/cl_status hbstatus",), False),
    ],
)
def test_what_sudo_offers_is_understood(lines: tuple[str, ...] | None, enough: bool) -> None:
    assert may_sudo(NodeFacts("h", sudo=lines)) is enough


def test_a_kernel_log_that_auto_would_not_take_is_written(debian: Pair) -> None:
    logs = (LogFile("kernel", "/var/log/kern.log", "unreadable"), LogFile("kernel", "/var/log/syslog", "readable"))
    assert gather(change(debian, logs=logs)).kernel_log == "/var/log/syslog"
    assert gather(debian).kernel_log is None


_TEXTS = st.text(max_size=12) | st.sampled_from(['"', "\\", "a b", "\u202e", "']'", "::", "10.0.0.1", "/dev/drbd9"])


@given(
    _TEXTS,
    _TEXTS,
    st.lists(_TEXTS, max_size=6),
    st.dictionaries(
        st.sampled_from(["address", "services", "mount", "ami.user", "mysql.user", "minor", "device"]), _TEXTS
    ),
)
def test_whatever_is_found_or_answered_gives_toml(
    name: str, node: str, words: list[str], answers: dict[str, str]
) -> None:
    files = {
        "/etc/ha.d/haresources": FileText("read", " ".join([node, *words])),
        "/etc/drbd.conf": FileText("read", node),
    }
    facts = NodeFacts("admin@h", name=node or None, files=files)
    proposal = propose(name, (facts, facts), answers)
    tomllib.loads(proposal.settings)


ASTERISK = {"asterisk": "/usr/sbin/asterisk"}


@pytest.mark.parametrize(
    ("freepbx", "programs", "backend", "told"),
    [
        (
            {"/etc/amportal.conf": "hidden"},
            {"asterisk": "/usr/sbin/asterisk", "php": "/usr/bin/php"},
            "freepbx",
            "amportal",
        ),
        ({"/etc/issabelpbx.conf": "readable"}, {"asterisk": "/usr/sbin/asterisk"}, "freepbx-sql", "mysql_control"),
        ({}, {"asterisk": "/usr/sbin/asterisk"}, "files", "no FreePBX"),
        ({}, {}, None, ""),
    ],
)
def test_what_keeps_extensions(
    debian: Pair, freepbx: dict[str, str], programs: dict[str, str], backend: str | None, told: str
) -> None:
    first, second = (msgspec.structs.replace(node, programs=programs, freepbx={}) for node in debian)
    proposal = propose("lab", (first, msgspec.structs.replace(second, freepbx=freepbx)))
    assert settings(proposal.settings).pbx.backend == backend
    assert told in " ".join(proposal.notes)
