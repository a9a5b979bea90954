"""Settings that are wrong: every message names line, key, what was expected, what was found and what to do."""

# ruff: noqa: E501 - a message stands on one line, as it is printed

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccops.config import ConfigError, PairSettings, parse
from ccops.config import check as config_check

BASE = """\
[console]
theme = "dark"
pair = "lab"

[pairs.lab]
address = "192.168.27.120"
interval = 1.0

[[pairs.lab.nodes]]
name = "elaxtix-voip"
ssh = "admin@192.168.27.121"

[[pairs.lab.nodes]]
name = "elaxtix-voip-2"
ssh = "admin@192.168.27.122"

[pairs.lab.ami]
user = "ccops"
secret = { env = "CCOPS_AMI_SECRET" }
"""


def faults(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        parse(text, Path("/etc/ccops.toml"))
    problems = caught.value.problems
    assert all(problem.startswith("/etc/ccops.toml, line ") for problem in problems)
    return tuple(problem.removeprefix("/etc/ccops.toml, ") for problem in problems)


def fault(old: str, new: str) -> str:
    assert BASE.count(old) >= 1
    (only,) = faults(BASE.replace(old, new, 1))
    return only


def test_the_base_is_right() -> None:
    assert parse(BASE, None).pairs


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        # types and ranges
        ('user = "ccops"', 'port = "five"\nuser = "c"', 'line 18, pairs.lab.ami.port: expected a number from 1 to 65535, found "five"'),
        ('user = "ccops"', 'port = 65536\nuser = "c"', "line 18, pairs.lab.ami.port: expected a number from 1 to 65535, found 65536"),
        ('user = "ccops"', 'port = true\nuser = "c"', "line 18, pairs.lab.ami.port: expected a number from 1 to 65535, found true"),
        ('user = "ccops"', "user = 5", "line 18, pairs.lab.ami.user: expected a text without control characters, not empty, found 5"),
        ("interval = 1.0", "interval = 0.1", "line 7, pairs.lab.interval: expected seconds, a number from 0.2 to 60, found 0.1"),
        ("interval = 1.0", "interval = 61", "line 7, pairs.lab.interval: expected seconds, a number from 0.2 to 60, found 61"),
        ("interval = 1.0", "interval = nan", "line 7, pairs.lab.interval: expected seconds, a number from 0.2 to 60, found nan"),
        ("interval = 1.0", "interval = 2026-01-01", "line 7, pairs.lab.interval: expected seconds, a number from 0.2 to 60, found a date or time"),
        ("interval = 1.0", "armed_for = -1", "line 7, pairs.lab.armed_for: expected seconds, a number from 0 to 604800, found -1"),
        ("interval = 1.0", 'read_only = "yes"', 'line 7, pairs.lab.read_only: expected true or false, found "yes"'),
        ("interval = 1.0", 'role = "root"', 'line 7, pairs.lab.role: expected "viewer" or "supervisor" or "operator" or "administrator", found "root"'),
        ('theme = "dark"', 'extension = "SIP/1001&SIP/1002"', 'line 2, console.extension: expected a telephone such as "SIP/1001", found "SIP/1001&SIP/1002"'),
        ('theme = "dark"', 'extension = "1001"', 'line 2, console.extension: expected a telephone such as "SIP/1001", found "1001"'),
        ("interval = 1.0", 'queues = { "400" = { extension = "400,1" } }', 'line 7, pairs.lab.queues.400.extension: expected an extension or a context of the dialplan, found "400,1"'),
        ("interval = 1.0", 'ami_control = { user = "c", secret = {} }', "line 7, pairs.lab.ami_control.secret: expected exactly one of env, command, file, found none of them"),
        ("interval = 1.0", 'eccp = { user = "c", password = { env = "X" } }', "line 7, pairs.lab.eccp: expected pairs.lab.mysql beside it, found none; its tables tell whose agents are the module's"),
        ("interval = 1.0", 'eccp = { user = "c", password = {} }\nmysql = { user = "c" }', "line 7, pairs.lab.eccp.password: expected exactly one of env, command, file, found none of them"),
        ("interval = 1.0", 'mysql_control = { user = "c" }', "line 7, pairs.lab.mysql_control: expected pairs.lab.mysql beside it, found none; it tells where MySQL is"),
        ('theme = "dark"', 'audit = "audit.jsonl"', 'line 2, console.audit: expected a path that begins with "/" or "~", found "audit.jsonl"'),
        ("interval = 1.0", 'mount = "data"', 'line 7, pairs.lab.mount: expected a path that begins with "/", found "data"'),
        ("interval = 1.0", 'kernel_log = "dmesg"', 'line 7, pairs.lab.kernel_log: expected "auto" or a path that begins with "/", found "dmesg"'),
        ("interval = 1.0", 'resource = "a b"', 'line 7, pairs.lab.resource: expected a name of letters, digits and . _ @ -, found "a b"'),
        ("interval = 1.0", 'resource = "-f"', 'line 7, pairs.lab.resource: expected a name of letters, digits and . _ @ -, found "-f"'),
        ("interval = 1.0", 'sudo = "yes"', 'line 7, pairs.lab.sudo: expected true or false, found "yes"'),
        ("interval = 1.0", "trunks = { gxw = 0 }", "line 7, pairs.lab.trunks.gxw: expected a number of lines from 1, found 0"),
        (
            "interval = 1.0",
            "thresholds = { filling = 120 }",
            "line 7, pairs.lab.thresholds.filling: expected percent, a number up to 100, found 120",
        ),
        (
            "interval = 1.0",
            "thresholds = { unserverd = 20 }",
            'line 7, pairs.lab.thresholds.unserverd: expected a known setting, found "unserverd"; did you mean "unserved"?',
        ),
        ("interval = 1.0", "trunks = 8", "line 7, pairs.lab.trunks: expected a table, found 8"),
        ("interval = 1.0", "services = { asterisk = 1 }", "line 7, pairs.lab.services.asterisk: expected a name of letters, digits and . _ @ -, found 1"),
        ('theme = "dark"', 'theme = ""', "line 2, console.theme: expected a text without control characters, not empty, found an empty text"),
        ('[console]', "console = 3\n[x]", None),
        # addresses and servers
        ('"192.168.27.120"', '"lab.example.org"', 'line 6, pairs.lab.address: expected the virtual IP address, found "lab.example.org"'),
        ('"192.168.27.120"', '"192.168.27.120/24"', 'line 6, pairs.lab.address: expected the virtual IP address, found "192.168.27.120/24"; leave the prefix length out'),
        ('"192.168.27.120"', '"192.168.27.121"', "line 11, pairs.lab.nodes#1.ssh: expected the node's own address, found the virtual one; it would lead to whichever node serves"),
        ('"admin@192.168.27.122"', '"root@192.168.27.121:22"', 'line 15, pairs.lab.nodes#2.ssh: expected another server than the first node\'s, found "root@192.168.27.121:22" again'),
        ('"elaxtix-voip-2"', '"Elaxtix-VOIP"', 'line 14, pairs.lab.nodes#2.name: expected another name than the first node\'s, found "Elaxtix-VOIP" twice'),
        ('"admin@192.168.27.122"', '"-oProxyCommand=x"', 'line 15, pairs.lab.nodes#2.ssh: expected [user@]host[:port] (an IPv6 address in brackets) or a name from ~/.ssh/config, found "-oProxyCommand=x"'),
        ('"admin@192.168.27.122"', '"ad\\u001bmin@h"', 'line 15, pairs.lab.nodes#2.ssh: expected [user@]host[:port] (an IPv6 address in brackets) or a name from ~/.ssh/config, found "admin@h"'),
        ('"admin@192.168.27.122"', '"fe80::1"', 'line 15, pairs.lab.nodes#2.ssh: expected [user@]host[:port] (an IPv6 address in brackets) or a name from ~/.ssh/config, found "fe80::1"'),
        ('"admin@192.168.27.122"', '"h:70000"', "line 15, pairs.lab.nodes#2.ssh: expected a port from 1 to 65535, found 70000"),
        # secrets
        ("secret = { env", 'secret = "hunter2" # { env', 'line 19, pairs.lab.ami.secret: expected where the secret is kept: { env = "NAME" }, { command = ["pass", "show", "pbx"] } or { file = "/path" }, never the secret itself, found a text (not shown)'),
        ('{ env = "CCOPS_AMI_SECRET" }', "{}", "line 19, pairs.lab.ami.secret: expected exactly one of env, command, file, found none of them"),
        ('{ env = "CCOPS_AMI_SECRET" }', '{ env = "A", file = "/f" }', "line 19, pairs.lab.ami.secret: expected exactly one of env, command, file, found env and file"),
        ('{ env = "CCOPS_AMI_SECRET" }', '{ env = "hunter 2" }', "line 19, pairs.lab.ami.secret.env: expected an environment variable's name, found a text (not shown)"),
        ('{ env = "CCOPS_AMI_SECRET" }', "{ command = [] }", 'line 19, pairs.lab.ami.secret.command: expected a list of texts: ["pass", "show", "pbx"], found a list of 0'),
        ('{ env = "CCOPS_AMI_SECRET" }', '{ file = "secret.txt" }', 'line 19, pairs.lab.ami.secret.file: expected a path that begins with "/" or "~", found a text (not shown)'),
        # names that are not known
        ('theme = "dark"', 'theem = "dark"', 'line 2, console.theem: expected a known setting, found "theem"; did you mean "theme"?'),
        ("[pairs.lab.ami]", "[pairs.lab.amy]", 'line 17, pairs.lab.amy: expected a known setting, found "amy"; did you mean "ami"?'),
        ('{ env = "CCOPS_AMI_SECRET" }', '{ env = "A", value = "hunter2" }', 'line 19, pairs.lab.ami.secret.value: expected a known setting, found "value"; known here: command, env, file'),
        ('pair = "lab"', 'pair = "lap"', 'line 3, console.pair: expected the name of a pair, found "lap"; did you mean "lab"?'),
        ('user = "ccops"', 'user = "c"\ndirect_hosts = { elaxtix-viop = "h" }', 'line 19, pairs.lab.ami.direct_hosts.elaxtix-viop: expected a node\'s name as the key, found "elaxtix-viop"; did you mean "elaxtix-voip"?'),
        ('user = "ccops"', 'user = "c"\nvia = "tcp"', 'line 19, pairs.lab.ami.via: expected "ssh" or "direct", found "tcp"'),
        # what is not there
        ('address = "192.168.27.120"\n', "", 'line 5, pairs.lab.address: expected the virtual IP address in quotes ("192.168.27.120"), found nothing; add it: address = …'),
        ('name = "elaxtix-voip"\n', "", "line 9, pairs.lab.nodes#1.name: expected a name of letters, digits and . _ @ -, found nothing; add it: name = …"),
        # settings that contradict each other
        ("interval = 1.0", "minor = 0", "line 7, pairs.lab.minor: expected 1, as device is /dev/drbd1, found 0; set both"),
        # hostile text
        ("interval = 1.0", 'resource = "a\\u001b[31m\\u202eb"', 'line 7, pairs.lab.resource: expected a name of letters, digits and . _ @ -, found "a[31mb"'),
        ("[pairs.lab.ami]", '["pairs"."la\\u0007b"]', None),
    ],
)  # fmt: skip
def test_one_fault_one_message(old: str, new: str, message: str | None) -> None:
    if message is None:
        assert all("\x07" not in found for found in faults(BASE.replace(old, new, 1)))
    else:
        assert fault(old, new) == message


def test_accents_are_listed() -> None:
    message = fault("interval = 1.0", 'accent = "mauve"')
    assert message.startswith("line 7, pairs.lab.accent: expected #rrggbb or one of red, orange,")
    assert message.endswith('found "mauve"')


def test_direct_needs_a_host_for_each_node() -> None:
    first, second = faults(BASE.replace('user = "ccops"', 'user = "c"\nvia = "direct"'))
    assert first == (
        "line 19, pairs.lab.ami.via: expected a direct host for elaxtix-voip, found none; "
        'add it to pairs.lab.ami.direct_hosts: elaxtix-voip = "host"'
    )
    assert "elaxtix-voip-2" in second


@pytest.mark.parametrize(("count", "line"), [(1, 9), (3, 17)])
def test_a_pair_has_two_nodes(count: int, line: int) -> None:
    head, first, second, tail = BASE.split("[[pairs.lab.nodes]]\n")[0], *_nodes(), BASE[BASE.index("[pairs.lab.ami]") :]
    third = first.replace("elaxtix-voip", "third").replace("121", "123")
    text = head + "".join([first, second, third][:count]) + tail
    assert faults(text) == (
        f"line {line}, pairs.lab.nodes{'#3' if count == 3 else ''}: "
        f"expected exactly 2 tables [[pairs.lab.nodes]], found {count} of them",
    )


def _nodes() -> tuple[str, str]:
    _, first, second = BASE[: BASE.index("[pairs.lab.ami]")].split("[[pairs.lab.nodes]]")
    return f"[[pairs.lab.nodes]]{first}", f"[[pairs.lab.nodes]]{second}"


def test_all_faults_come_at_once_in_the_order_of_the_file() -> None:
    text = BASE.replace('"dark"', "1").replace("1.0", "0").replace('"ccops"', '""')
    assert [message.split(",")[0] for message in faults(text)] == ["line 2", "line 7", "line 18"]


@pytest.mark.parametrize(
    ("old", "new", "begins"),
    [
        ('"dark"', "dark", "line 2, column 9, console.theme: expected TOML, found a fault: "),
        ('"CCOPS_AMI_SECRET" }', "hunter2", "line 19, column 18, pairs.lab.ami.secret: expected TOML, found a fault: "),
        ("[pairs.lab.ami]", "[pairs.lab", "line 17"),
        ("[pairs.lab.ami]", "[pairs.lab]", "line 17"),
        ('theme = "dark"', 'theme = "dark"\ntheme = "light"', "line 3"),
        ("interval = 1.0", 'resource = """', "line 7"),
        ("interval = 1.0", "interval = [1,", "line"),
    ],
)
def test_faults_of_syntax_have_a_line_and_hide_values(old: str, new: str, begins: str) -> None:
    message = fault(old, new)
    assert message.startswith(begins)
    assert "expected TOML" in message
    assert "hunter2" not in message


def test_nesting_without_end_is_an_error_not_a_crash() -> None:
    (message,) = faults("a = " + "[" * 100_000)
    assert "expected TOML" in message


def test_the_home_folder_is_written_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/noc")
    with pytest.raises(ConfigError, match=r"^~/\.config/ccops/ccops\.toml, line 1, console\.x: "):
        parse("console = { x = 1 }", Path("/home/noc/.config/ccops/ccops.toml"))


@pytest.mark.parametrize(
    "number",
    ["9" * 5000, "9" * 400, "-" + "9" * 30, "1e999"],
    ids=["5000 digits", "400 digits", "negative", "infinite"],
)
def test_numbers_beyond_reason_are_faults(number: str) -> None:
    (message,) = faults(BASE.replace("interval = 1.0", f"interval = {number}"))
    assert message.startswith("line 7")
    (message,) = faults(BASE.replace("interval = 1.0", f"minor = {number}"))
    assert message.startswith("line 7")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
_PLACES = st.sampled_from(["address", "minor", "nodes", "services", "ami", "mysql", "trunks", "kernel_log", "interval"])


@given(st.dictionaries(_PLACES, _JSON, max_size=3))
def test_any_data_is_settings_or_faults_in_words(pair: dict[str, Any]) -> None:
    wrong = list(config_check.faults(pair, PairSettings, ("pairs", "x")))
    if not wrong:
        assert msgspec.convert(pair, PairSettings)
    for fault in wrong:
        assert fault.path[:2] == ("pairs", "x")
        assert fault.expected
        assert fault.found


@given(st.text(alphabet="[]{}=.\"'\\#\n apirs1", max_size=60))
def test_any_text_is_settings_or_a_located_error(text: str) -> None:
    try:
        parse(text, None)
    except ConfigError as error:
        assert [line for line in error.problems if not line.startswith("ccops.toml, line ")] == []  # noqa: PT017
