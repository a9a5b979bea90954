"""`ccops.toml`: settings of the console and of every pair, checked, with errors that name file, line and key."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ccops.config.check import Fault, faults, found, nearest, spelt
from ccops.config.lines import line_of, statements
from ccops.text import clean

ACCENTS = (
    *("red", "orange", "gold", "yellow", "lime", "green", "teal", "cyan", "blue"),
    *("navy", "purple", "magenta", "pink", "brown", "gray", "silver", "white"),
)
"""Names that `accent` takes beside #rrggbb; all of them are colours of CSS."""

SHIPPED_ECCP_USER = "agentconsole"
"""The user (and password) of ECCP that the call-center module brings along, for its own agents' console."""

_UNSEEN = r"\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff"
_PRINTABLE = rf"[^{_UNSEEN}]"
_NAME = rf"[^{_UNSEEN}\s@:/\[\]-][^{_UNSEEN}\s@:/\[\]]*"  # a "-" in front would be an option of ssh


def _like(pattern: str, description: str) -> Meta:
    """The whole text must match; the description is what an error says was expected."""
    return Meta(pattern=rf"\A(?:{pattern})\Z", description=description)


Text = Annotated[str, _like(rf"{_PRINTABLE}+", "a text without control characters, not empty")]
Word = Annotated[str, _like(r"[A-Za-z0-9_][A-Za-z0-9_.@-]*", "a name of letters, digits and . _ @ -")]
NodePath = Annotated[str, _like(rf"/{_PRINTABLE}*", 'a path that begins with "/"')]
LocalPath = Annotated[str, _like(rf"[/~]{_PRINTABLE}+", 'a path that begins with "/" or "~"')]
Device = Annotated[str, _like(r"/dev/[A-Za-z0-9/._-]+", 'a path under "/dev/"')]
LogPath = Annotated[str, _like(rf"auto|/{_PRINTABLE}*", '"auto" or a path that begins with "/"')]
Variable = Annotated[str, _like(r"[A-Za-z_][A-Za-z0-9_]*", "an environment variable's name")]
Accent = Annotated[str, _like(rf"#[0-9A-Fa-f]{{6}}|{'|'.join(ACCENTS)}", f"#rrggbb or one of {', '.join(ACCENTS)}")]
Target = Annotated[
    str,
    _like(
        rf"(?:{_NAME}@)?(?:\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._-]+)?\]|{_NAME})(?::[0-9]{{1,5}})?",
        "[user@]host[:port] (an IPv6 address in brackets) or a name from ~/.ssh/config",
    ),
]
Address = Annotated[str, Meta(description='the virtual IP address in quotes ("192.168.27.120")')]
Command = Annotated[tuple[Text, ...], Meta(min_length=1, description='a list of texts: ["pass", "show", "pbx"]')]
Port = Annotated[int, Meta(ge=1, le=65535, description="a number from 1 to 65535")]
Minor = Annotated[int, Meta(ge=0, le=1048575, description="a DRBD minor, a number from 0 to 1048575")]
Lines = Annotated[int, Meta(ge=1, le=100_000, description="a number of lines from 1")]
Seconds = Annotated[float, Meta(ge=0, le=604_800, description="seconds, a number from 0 to 604800")]
Percent = Annotated[float, Meta(gt=0, le=100, description="percent, a number up to 100")]
Count = Annotated[int, Meta(ge=1, le=1000, description="a number from 1 to 1000")]
Load = Annotated[float, Meta(gt=0, le=1000, description="a load average, a number up to 1000")]
RoleName = Literal["viewer", "supervisor", "operator", "administrator"]
Telephone = Annotated[str, _like(r"[A-Za-z][A-Za-z0-9]*/[A-Za-z0-9_][A-Za-z0-9_.-]*", 'a telephone such as "SIP/1001"')]
Dialled = Annotated[str, _like(r"[A-Za-z0-9*#_+.-]{1,79}", "an extension or a context of the dialplan")]
Interval = Annotated[float, Meta(ge=0.2, le=60, description="seconds, a number from 0.2 to 60")]


class Secret:
    """A secret that prints as `***`; `reveal()` is called only where it is sent."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


class ConfigError(Exception):
    """Settings that are wrong: file, line, key, what was expected, what was found, what to do; one line a fault."""

    @property
    def problems(self) -> tuple[str, ...]:
        """The faults one by one, in the order of the file."""
        return tuple(str(self).splitlines())


class ConfigMissing(ConfigError):
    """There is no settings file yet."""


class SecretRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a secret is kept, exactly one of: an environment variable, a command (arguments), a file of mode 0600."""

    env: Variable | None = None
    command: Command | None = None
    file: LocalPath | None = None


_WAYS = 'where the secret is kept: { env = "NAME" }, { command = ["pass", "show", "pbx"] } or { file = "/path" }'
KeptSecret = Annotated[SecretRef, Meta(description=f"{_WAYS}, never the secret itself")]


class NodeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One node. `ssh` is `[user@]host[:port]` or an alias of ~/.ssh/config; `name` is what `uname -n` says there."""

    name: Word
    ssh: Target
    identity: Text | None = None
    ssh_config: Text | None = None
    known_hosts: Text | None = None


class AmiSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Asterisk's manager interface; `via = "direct"` connects without SSH to the node's host."""

    user: Text
    secret: KeptSecret
    port: Port = 5038
    host: Text = "127.0.0.1"
    via: Literal["ssh", "direct"] = "ssh"
    direct_hosts: Mapping[Word, Text] = {}


class AmiControlSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another manager user of the same Asterisk, one that may act on agents, calls and queues."""

    user: Text
    secret: KeptSecret


class QueueSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One queue, or all others (`"*"`): its limits, and where the dialplan leads into it.

    It is beyond its limits from so many `waiting` callers, such a `longest_wait` (s) and so many `abandoned` calls on,
    and below such a `service_level` (percent). `context` and `extension`: by default its name in FreePBX' ext-queues.
    """

    waiting: Count | None = None
    longest_wait: Seconds | None = None
    service_level: Percent | None = None
    abandoned: Count | None = None
    context: Dialled | None = None
    extension: Dialled | None = None


class MysqlSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """MySQL on the serving node; a `socket` path on the node is preferred to host and port."""

    user: Text
    password: KeptSecret | None = None
    port: Port = 3306
    host: Text = "127.0.0.1"
    socket: NodePath | None = None
    via: Literal["ssh", "direct"] = "ssh"
    direct_hosts: Mapping[Word, Text] = {}


class MysqlControlSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another user of the same MySQL, one that may write what ccops edits there."""

    user: Text
    password: KeptSecret | None = None


class EccpSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The dialer of the call-center module, as a user of its table eccp_authorized_clients; always reached over SSH."""

    user: Text
    password: KeptSecret
    port: Port = 20005
    host: Text = "127.0.0.1"


class PbxSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What keeps extensions and trunks: FreePBX by its functions, FreePBX by its tables, or files of ccops' own.

    Without `backend` the first of these that is there is used. `database`: FreePBX', in the MySQL of the pair.
    """

    backend: Literal["freepbx", "freepbx-sql", "files"] | None = None
    database: Word = "asterisk"


class Thresholds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From when on something is a fault. Times are in seconds.

    `unserved`: nobody serves; `transition`: Heartbeat moves resources; `starting`: a node or Heartbeat has started;
    `service`: a service is down on the serving node; `connecting`: DRBD stays in a passing state. `recent`: how long
    what only a log tells is told; `discarded`: the same for data that a policy has discarded. `late_heartbeats`,
    `bounces`: how many late heartbeats, or starts of the same resource, within `recent`. `clock_skew`: between the
    nodes. `filling`, `full`: percent of the volume; `load`: of five minutes, for each processor.
    """

    unserved: Seconds = 60.0
    transition: Seconds = 180.0
    starting: Seconds = 180.0
    service: Seconds = 15.0
    connecting: Seconds = 10.0
    late_heartbeats: Count = 3
    bounces: Count = 3
    recent: Seconds = 900.0
    discarded: Seconds = 86_400.0
    clock_skew: Seconds = 5.0
    filling: Percent = 85.0
    full: Percent = 95.0
    load: Load = 8.0


class PairSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One pair: its two nodes and what moves between them. `interval` is in seconds; `trunks` are lines a trunk has.

    `read_only`: nothing may ever be changed; `role`: what may be; `armed_for`: seconds that the console stays armed.
    """

    nodes: tuple[NodeSettings, NodeSettings]
    address: Address
    resource: Word = "data"
    minor: Minor = 1
    device: Device = "/dev/drbd1"
    mount: NodePath = "/data"
    services: Mapping[Word, Word] = msgspec.field(default_factory=lambda: {"asterisk": "asterisk", "mysqld": "mysqld"})
    interval: Interval = 1.0
    ha_log: NodePath = "/var/log/ha-log"
    kernel_log: LogPath = "auto"
    sudo: bool = False
    ami: AmiSettings | None = None
    ami_control: AmiControlSettings | None = None
    mysql: MysqlSettings | None = None
    mysql_control: MysqlControlSettings | None = None
    eccp: EccpSettings | None = None
    pbx: PbxSettings = PbxSettings()
    trunks: Mapping[Text, Lines] = {}
    queues: Mapping[Text, QueueSettings] = {}
    thresholds: Thresholds = Thresholds()
    accent: Accent | None = None
    theme: Text | None = None
    read_only: bool = False
    role: RoleName = "administrator"
    armed_for: Seconds = 900.0


class ConsoleSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The console itself. `keys` maps a binding's id (`view.queues`) to the key or keys (comma separated) wanted.

    `audit` is the file in which every operation is recorded (None: audit.jsonl in the user's state folder). `extension`
    is one's own telephone, which rings to listen to a call.
    """

    theme: Text = "dark"
    pair: str | None = None
    keys: Mapping[Text, Text] = {}
    bell: bool = True
    audit: LocalPath | None = None
    extension: Telephone | None = None


class Settings(msgspec.Struct, frozen=True):
    """Everything in the file; `path` is where it was read, None when it was made in memory (a demo, a bundle).

    `warnings` are sentences for whoever starts the console: the settings are right, something around them is not.
    """

    pairs: Mapping[str, PairSettings]
    console: ConsoleSettings = ConsoleSettings()
    path: Path | None = None
    warnings: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pairs: Mapping[Text, PairSettings] = {}
    console: ConsoleSettings = ConsoleSettings()


def default_path() -> Path:
    """Where the settings are: $CCOPS_CONFIG, else ccops/ccops.toml in the user's configuration folder (XDG)."""
    named = os.environ.get("CCOPS_CONFIG")
    if named:
        return Path(named).expanduser()
    from platformdirs import user_config_path  # only when it is needed

    return user_config_path("ccops") / "ccops.toml"


def load(path: Path | None = None) -> Settings:
    """The settings in `path` (or `default_path()`).

    Raises ConfigMissing when there is no file, ConfigError when it cannot be read or is wrong.
    """
    path = default_path() if path is None else path
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read()
    except FileNotFoundError:
        raise ConfigMissing(
            f"{_short(path)}: expected the settings of ccops, found no such file; "
            "make it with `ccops init admin@node1 admin@node2`, or look around with `ccops demo`"
        ) from None
    except OSError as error:
        raise ConfigError(f"{_short(path)}: expected a readable file, found: {error.strerror}") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{_short(path)}, line {line}: expected UTF-8 text, found byte 0x{data[error.start]:02x}; save it as UTF-8"
        ) from None
    settings = parse(text, path)
    warnings = (*_mode_warnings(path, stat.S_IMODE(mode)), *_user_warnings(settings.pairs))
    return msgspec.structs.replace(settings, warnings=warnings)


def parse(text: str, path: Path | None) -> Settings:
    """Settings from the text of a file; `path` is only for messages. Raises ConfigError with every fault found."""
    where = _short(path) if path else "ccops.toml"
    text = text.replace("\r\n", "\n")
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(_syntax(text, where, str(error))) from None
    except ValueError:  # Python reads no number of thousands of digits
        line = next((n for n, row in enumerate(text.split("\n"), 1) if re.search(r"[\d_]{4000}", row)), 1)
        raise ConfigError(f"{where}, line {line}: expected a number, found one of thousands of digits") from None
    wrong = list(faults(data, _File))
    if not wrong:
        file = msgspec.convert(data, _File, strict=True)
        wrong = list(_contradictions(file))
        if not wrong:
            return Settings(pairs=file.pairs, console=file.console, path=path)
    placed = sorted((line_of(text, fault.path), n, fault) for n, fault in enumerate(wrong))
    raise ConfigError("\n".join(_sentence(where, line, fault) for line, _, fault in placed))


def _sentence(where: str, line: int, fault: Fault) -> str:
    remedy = f"; {fault.remedy}" if fault.remedy else ""
    return f"{where}, line {line}, {spelt(fault.path)}: expected {fault.expected}, found {fault.found}{remedy}"


def _syntax(text: str, where: str, message: str) -> str:
    """tomllib's message with its place first and the key, but never the value: a secret may stand there."""
    place = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)\Z", message)
    line = int(place[1]) if place and place[1] else text.count("\n") + 1
    what = clean(message[: place.start()] if place else message, 200)
    broken = next((s for s in statements(text) if s.first <= line <= s.last and s.path), None)
    if broken and not (place and place[1]):
        line = broken.first  # what never ends is looked for where it begins
    key = f", {spelt(broken.path)}" if broken else ""
    column = f", column {place[2]}" if place and place[2] else ""
    return (
        f"{where}, line {line}{column}{key}: expected TOML, found a fault: {what}; texts need quotes, tables [brackets]"
    )


def _contradictions(file: _File) -> Iterator[Fault]:
    """What is wrong between settings that are each well formed."""
    if file.console.pair is not None and file.console.pair not in file.pairs:
        path = ("console", "pair")
        yield Fault(path, "the name of a pair", found(file.console.pair, path), nearest(file.console.pair, file.pairs))
    for name, pair in file.pairs.items():
        yield from _pair_contradictions(("pairs", name), pair)


def _pair_contradictions(path: tuple[str, ...], pair: PairSettings) -> Iterator[Fault]:
    first, second = pair.nodes
    hosts = [_host(node.ssh) for node in pair.nodes]
    if first.name.lower() == second.name.lower():
        yield Fault((*path, "nodes", 1, "name"), "another name than the first node's", f'"{second.name}" twice')
    if hosts[0] == hosts[1]:
        yield Fault((*path, "nodes", 1, "ssh"), "another server than the first node's", f'"{second.ssh}" again')
    try:
        address = str(ip_address(pair.address))
    except ValueError:
        remedy = "leave the prefix length out" if "/" in pair.address else ""
        yield Fault((*path, "address"), "the virtual IP address", found(pair.address, path), remedy)
    else:
        for index, (host, _port) in enumerate(hosts):
            if host == address:
                yield Fault(
                    (*path, "nodes", index, "ssh"),
                    "the node's own address",
                    "the virtual one",
                    "it would lead to whichever node serves",
                )
    yield from _port_faults(path, pair)
    minor = re.fullmatch(r"/dev/drbd(\d+)", pair.device)
    if minor and int(minor[1]) != pair.minor:
        yield Fault((*path, "minor"), f"{int(minor[1])}, as device is {pair.device}", str(pair.minor), "set both")
    if pair.ami_control is not None:
        yield from _secret_faults((*path, "ami_control"), "secret", pair.ami_control.secret)
        if pair.ami is None:
            yield Fault(
                (*path, "ami_control"), f"{spelt((*path, 'ami'))} beside it", "none", "it tells where Asterisk is"
            )
    if pair.mysql_control is not None:
        if pair.mysql_control.password is not None:
            yield from _secret_faults((*path, "mysql_control"), "password", pair.mysql_control.password)
        if pair.mysql is None:
            yield Fault(
                (*path, "mysql_control"), f"{spelt((*path, 'mysql'))} beside it", "none", "it tells where MySQL is"
            )
    if pair.eccp is not None:
        yield from _secret_faults((*path, "eccp"), "password", pair.eccp.password)
        if pair.mysql is None:
            remedy = "its tables tell whose agents are the module's"
            yield Fault((*path, "eccp"), f"{spelt((*path, 'mysql'))} beside it", "none", remedy)
    for link_name, link in (("ami", pair.ami), ("mysql", pair.mysql)):
        if link is not None:
            yield from _link_contradictions((*path, link_name), link, [first.name, second.name])


def _port_faults(path: tuple[str, ...], pair: PairSettings) -> Iterator[Fault]:
    for index, node in enumerate(pair.nodes):
        port = _host(node.ssh)[1]
        if not 1 <= port <= 65535:
            yield Fault((*path, "nodes", index, "ssh"), "a port from 1 to 65535", str(port))


def _link_contradictions(path: tuple[str, ...], link: AmiSettings | MysqlSettings, nodes: list[str]) -> Iterator[Fault]:
    key, ref = ("secret", link.secret) if isinstance(link, AmiSettings) else ("password", link.password)
    if ref is not None:
        yield from _secret_faults(path, key, ref)
    for name in link.direct_hosts:
        if name not in nodes:
            yield Fault((*path, "direct_hosts", name), "a node's name as the key", f'"{name}"', nearest(name, nodes))
    if link.via == "direct":
        for name in nodes:
            if name not in link.direct_hosts:
                remedy = f'add it to {spelt((*path, "direct_hosts"))}: {name} = "host"'
                yield Fault((*path, "via"), f"a direct host for {name}", "none", remedy)


def _secret_faults(path: tuple[str, ...], key: str, ref: SecretRef) -> Iterator[Fault]:
    given = [name for name in ("env", "command", "file") if getattr(ref, name) is not None]
    if len(given) != 1:
        yield Fault((*path, key), "exactly one of env, command, file", " and ".join(given) or "none of them")


def _host(target: str) -> tuple[str, int]:
    """Host and port of an SSH target; two targets with the same ones are one server, whoever logs in."""
    host, port = target.rpartition("@")[2], 22
    tail = re.search(r":(\d+)\Z", host) if not host.endswith("]") else None
    if tail:
        host, port = host[: tail.start()], int(tail[1])
    return host.strip("[]").lower(), port


def _mode_warnings(path: Path, mode: int) -> Iterator[str]:
    if mode & 0o022:
        who = "everybody" if mode & 0o002 else "its group"
        yield (
            f"{_short(path)}: expected to be writable by its owner only, found mode {mode:04o}: {who} can change where "
            f"ccops connects and which commands give its secrets; chmod 600 it"
        )


def _user_warnings(pairs: Mapping[str, PairSettings]) -> Iterator[str]:
    for name, pair in pairs.items():
        if pair.eccp is not None and pair.eccp.user == SHIPPED_ECCP_USER:
            yield (
                f"[pairs.{name}.eccp]: expected a user of ccops' own, found {SHIPPED_ECCP_USER}, which every "
                "call-center module is shipped with (password the same); `ccops amiuser --eccp` prints how to make "
                "another, and how to give this one a new password"
            )


def _short(path: Path) -> str:
    """A path as people write it: the home folder as ~."""
    try:
        home = Path.home()
    except RuntimeError:
        return clean(str(path))
    return clean(f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path))
