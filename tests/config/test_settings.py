"""Settings that are right: what is read, from where, and what the console is warned of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from ccops import config
from ccops.config import ConfigError, ConfigMissing, SecretRef, Settings, default_path, load, parse

EXAMPLE = """\
[console]
theme = "dark"
pair = "lab"
audit = "~/ccops/audit.jsonl"
[console.keys]
"view.queues" = "2,f2"
[pairs.lab]
address = "192.168.27.120"
interval = 1
services = { asterisk = "asterisk", mysqld = "mariadb" }
trunks = { gxw4108 = 8 }
thresholds = { unserved = 90, late_heartbeats = 5 }
accent = "#ff8800"
read_only = true
role = "operator"
armed_for = 300
[[pairs.lab.nodes]]
name = "elaxtix-voip"
ssh = "admin@192.168.27.121"
[[pairs.lab.nodes]]
name = "elaxtix-voip-2"
ssh = "admin@[fe80::2%eth0]:2222"
[pairs.lab.ami]
user = "ccops"
secret = { env = "CCOPS_AMI_SECRET" }
[pairs.lab.ami_control]
user = "ccops-control"
secret = { env = "CCOPS_CONTROL_SECRET" }
[pairs.lab.queues."*"]
context = "queues"
[pairs.lab.queues.ventas]
extension = "400"
[pairs.lab.mysql]
user = "ccops"
socket = "/var/lib/mysql/mysql.sock"
password = { command = ["pass", "show", "pbx/mysql"] }
[pairs.lab.mysql_control]
user = "ccops-control"
[pairs.lab.eccp]
user = "ccops"
password = { file = "~/.eccp-secret" }
"""


def test_reads_everything_in_the_example() -> None:
    settings = parse(EXAMPLE, Path("/x/ccops.toml"))
    lab = settings.pairs["lab"]
    assert [node.name for node in lab.nodes] == ["elaxtix-voip", "elaxtix-voip-2"]
    assert (lab.thresholds.unserved, lab.thresholds.late_heartbeats, lab.thresholds.filling) == (90, 5, 85)
    assert (lab.address, lab.interval, lab.trunks, lab.accent) == ("192.168.27.120", 1.0, {"gxw4108": 8}, "#ff8800")
    assert isinstance(lab.interval, float)
    assert lab.services == {"asterisk": "asterisk", "mysqld": "mariadb"}
    assert lab.ami is not None
    assert (lab.ami.secret, lab.ami.port, lab.ami.via) == (SecretRef(env="CCOPS_AMI_SECRET"), 5038, "ssh")
    assert lab.ami_control is not None
    assert (lab.ami_control.user, lab.ami_control.secret) == ("ccops-control", SecretRef(env="CCOPS_CONTROL_SECRET"))
    assert (lab.queues["*"].context, lab.queues["ventas"].extension) == ("queues", "400")
    assert lab.mysql is not None
    assert lab.mysql.password == SecretRef(command=("pass", "show", "pbx/mysql"))
    assert lab.eccp is not None
    assert (lab.eccp.user, lab.eccp.port, lab.eccp.host) == ("ccops", 20005, "127.0.0.1")
    assert lab.mysql_control is not None
    assert (lab.mysql_control.user, lab.mysql_control.password) == ("ccops-control", None)
    assert settings.console.keys == {"view.queues": "2,f2"}
    assert settings.console.audit == "~/ccops/audit.jsonl"
    assert (lab.read_only, lab.role, lab.armed_for) == (True, "operator", 300.0)
    assert settings.path == Path("/x/ccops.toml")
    assert settings.warnings == ()


@pytest.mark.parametrize(
    "line",
    [
        'ssh = "node2"',
        'ssh = "10.0.0.2:2222"',
        'ssh = "root@node-2.example.org"',
        'ssh = "[::1]:22"',
        'ssh = "admin@192.168.27.121:2222"',  # the same host, another port: two nodes behind one forward
    ],
)
def test_takes_every_way_to_name_a_server(line: str) -> None:
    text = EXAMPLE.replace('ssh = "admin@[fe80::2%eth0]:2222"', line)
    assert parse(text, None).pairs["lab"].nodes[1].ssh == line.split('"')[1]


def test_who_operates_may_do_all_for_a_quarter_of_an_hour_unless_the_settings_say_less() -> None:
    lines = ("read_only", "role", "armed_for", "audit")
    text = "".join(f"{line}\n" for line in EXAMPLE.splitlines() if not line.startswith(lines))
    settings = parse(text, None)
    lab = settings.pairs["lab"]
    assert (lab.read_only, lab.role, lab.armed_for) == (False, "administrator", 900.0)
    assert settings.console.audit is None


def test_an_empty_file_is_settings_without_pairs() -> None:
    assert parse("", None) == Settings(pairs={})


def test_windows_line_ends_are_read() -> None:
    assert parse(EXAMPLE.replace("\n", "\r\n"), None) == parse(EXAMPLE, None)


def test_direct_connections_name_a_host_for_each_node() -> None:
    text = EXAMPLE.replace(
        'secret = { env = "CCOPS_AMI_SECRET" }',
        'secret = { env = "A" }\nvia = "direct"\ndirect_hosts = { elaxtix-voip = "h1", elaxtix-voip-2 = "h2" }',
    )
    ami = parse(text, None).pairs["lab"].ami
    assert ami is not None
    assert ami.direct_hosts == {"elaxtix-voip": "h1", "elaxtix-voip-2": "h2"}


def test_the_default_place_follows_xdg_and_the_override(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CCOPS_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert default_path() == tmp_path / "ccops" / "ccops.toml"
    monkeypatch.setenv("CCOPS_CONFIG", str(tmp_path / "other.toml"))
    assert default_path() == tmp_path / "other.toml"
    (tmp_path / "other.toml").write_text(EXAMPLE)
    assert load().path == tmp_path / "other.toml"
    (tmp_path / "third.toml").write_text("")
    assert load(tmp_path / "third.toml").pairs == {}


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigMissing, match=r"none\.toml: .*ccops init admin@node1 admin@node2"):
        load(tmp_path / "none.toml")


def test_a_folder_in_its_place_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected a readable file, found: Is a directory"):
        load(tmp_path)


def test_bytes_that_are_no_text_are_located(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(b"# one\n# caf\xe9\n")
    with pytest.raises(ConfigError, match=r"line 2: expected UTF-8 text, found byte 0xe9"):
        load(path)


@pytest.mark.parametrize(
    ("mode", "who"), [(0o600, None), (0o644, None), (0o660, "its group"), (0o666, "everybody"), (0o602, "everybody")]
)
def test_warns_when_others_can_write_it(tmp_path: Path, mode: int, who: str | None) -> None:
    path = tmp_path / "c.toml"
    path.write_text(EXAMPLE)
    path.chmod(mode)
    warnings = load(path).warnings
    assert len(warnings) == (who is not None)
    assert who is None or (f"{who} can change" in warnings[0] and "chmod 600" in warnings[0])


def test_the_secret_type_does_not_print_itself() -> None:
    secret = config.Secret("hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]} {msgspec.structs.replace(Settings(pairs={}))}"
    assert secret.reveal() == "hunter2"


def test_importing_the_settings_is_quick() -> None:
    """Nothing heavy comes with it; what takes time to import is named so that the cause shows."""
    heavy = "('textual', 'rich', 'asyncssh', 'panoramisk', 'pymysql', 'asyncio', 'platformdirs', 'difflib')"
    code = f"import sys; import ccops.config; print([m for m in {heavy} if m in sys.modules])"
    root = Path(config.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"


def test_the_users_that_are_shipped_with_the_call_center_module_are_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "ccops.toml"
    for user, told in (("agentconsole", 1), ("ccops", 0)):
        path.write_text(EXAMPLE.replace('eccp]\nuser = "ccops"', f'eccp]\nuser = "{user}"'))
        path.chmod(0o600)
        warnings = load(path).warnings
        assert len(warnings) == told
        assert not told or ("[pairs.lab.eccp]" in warnings[0] and "ccops amiuser --eccp" in warnings[0])
