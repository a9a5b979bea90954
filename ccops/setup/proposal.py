"""From what was found to settings for `ccops.toml`, and to questions for what was not; pure.

Settings only refer to secrets; none is in them.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

import msgspec

from ccops.config import PairSettings
from ccops.setup.facts import NodeFacts
from ccops.setup.findings import Findings, gather
from ccops.setup.remarks import remarks
from ccops.text import clean

NONE = "none"
"""The answer that leaves a part out (a manager user, a MySQL user)."""


class Question(msgspec.Struct, frozen=True):
    """Something only a person knows: the setting's key (for `answers`), why it is asked, and the usual answer."""

    key: str
    why: str
    default: str | None = None


class Proposal(msgspec.Struct, frozen=True):
    """Settings as TOML text, the questions still open, and what else was noticed.

    While questions are open their defaults stand in the settings; without a default the setting is empty, and reading
    the settings says so.
    """

    settings: str
    questions: tuple[Question, ...] = ()
    notes: tuple[str, ...] = ()


def propose(name: str, nodes: Sequence[NodeFacts], answers: Mapping[str, str] | None = None) -> Proposal:
    """Settings for the pair `name` of two inspected nodes; `answers` are to an earlier proposal's questions, by key.

    Raises ValueError unless there are exactly two nodes.
    """
    if len(nodes) != 2:
        raise ValueError(f"expected two servers, found {len(nodes)}")
    found = gather(nodes)
    draft = _Draft(name, answers or {})
    draft.pair(nodes, found)
    draft.ami(found)
    draft.mysql(found)
    draft.pbx(nodes)
    return Proposal("\n".join(draft.lines) + "\n", tuple(draft.questions), (*remarks(nodes, found), *draft.notes))


class _Draft:
    """Lines of TOML as they come, with the questions that came up on the way."""

    def __init__(self, name: str, answers: Mapping[str, str]) -> None:
        self.table = f"pairs.{_key(name)}"
        self.variable = re.sub(r"[^A-Z0-9]+", "_", name.upper(), flags=re.A).strip("_")
        self.answers = {key: clean(answer).strip() for key, answer in answers.items()}
        self.lines: list[str] = []
        self.questions: list[Question] = []
        self.notes: list[str] = []

    def settle(self, key: str, found: str | None, why: str, default: str | None = None) -> str | None:
        """The answer, else what was found, else the default; without an answer and a finding it becomes a question."""
        if answer := self.answers.get(key):
            return answer
        if found:
            return found
        self.questions.append(Question(key, why, default))
        return default

    def pair(self, nodes: Sequence[NodeFacts], found: Findings) -> None:
        usual = {field.name: field.default for field in msgspec.structs.fields(PairSettings)}
        self.lines.append(f"[{self.table}]")
        unread = "Heartbeat's files could not be read"
        missing = "haresources names none" if found.ha_cf else unread
        self.put("address", self.settle("address", found.address, f"the virtual IP address: {missing}"))
        no_drbd = "neither haresources nor DRBD's configuration tells it"
        self.put(
            "resource", self.settle("resource", found.resource, f"the DRBD resource: {no_drbd}", str(usual["resource"]))
        )
        device = self.settle("device", found.device, f"the DRBD device: {no_drbd}", str(usual["device"]))
        self.put("device", device)
        numbered = re.fullmatch(r"/dev/drbd(\d{1,7})", device or "", re.A)
        minor = int(numbered[1]) if numbered else found.minor
        if minor is None:
            answer = self.settle("minor", None, f"the DRBD minor: {device} does not tell it", str(usual["minor"])) or ""
            minor = int(answer) if answer.isascii() and answer.isdigit() else -1
        self.lines.append(f"minor = {minor}")
        why = "where the volume is mounted: haresources mounts nothing"
        self.put("mount", self.settle("mount", found.mount, why, str(usual["mount"])))
        self.services(found)
        why = "where Heartbeat logs: " + (
            "ha.cf names no logfile (with logfacility only, it is the system's log)" if found.ha_cf else unread
        )
        self.put("ha_log", self.settle("ha_log", found.ha_log, why, str(usual["ha_log"])))
        if found.kernel_log:
            self.put("kernel_log", found.kernel_log)
        if found.sudo:
            self.lines.append("sudo = true")
        for number, node in enumerate(nodes, 1):
            why = f"what `uname -n` says on {node.target}: it could not be asked"
            self.lines += ["", f"[[{self.table}.nodes]]"]
            self.put("name", self.settle(f"nodes#{number}.name", node.name, why))
            self.put("ssh", node.target)

    def services(self, found: Findings) -> None:
        services = found.services
        if not services or "services" in self.answers:
            why = "the services that move, as NAME=UNIT (name in haresources, unit or init script): none was found"
            words = re.split(r"[,\s]+", self.settle("services", None, why, "asterisk=asterisk, mysqld=mysqld") or "")
            services = {word.partition("=")[0]: word.partition("=")[2] or word for word in words if word}
        self.lines.append(f"services = {{ {', '.join(f'{_key(n)} = {_text(u)}' for n, u in services.items())} }}")

    def ami(self, found: Findings) -> None:
        why = {
            "read": "no user of manager.conf may read system, call and agent",
            "unreadable": "manager.conf may not be read by this user",
            "missing": "there is no manager.conf",
        }[found.manager.state]
        offered = found.ami_user.name if found.ami_user else None
        user = self.settle(
            "ami.user", offered, f"the manager user to watch Asterisk with ({NONE}: do not): {why}", "ccops"
        )
        if user is None or user == NONE:
            return
        self.lines += ["", f"[{self.table}.ami]"]
        self.put("user", user)
        self.secret("ami.secret", "secret", "AMI_SECRET", f"where the secret of manager user {user} is kept")
        if found.manager.port != 5038:
            self.lines.append(f"port = {found.manager.port}")
        if found.manager.host != "127.0.0.1":
            self.put("host", found.manager.host)
        if offered is None and found.manager.state != "unreadable":
            self.notes.append(
                f"manager user {user}: add to manager.conf and `manager reload`: [{user}] secret = (a new one) "
                "deny = 0.0.0.0/0.0.0.0 permit = 127.0.0.1/255.255.255.255 read = system,call,agent write = reporting"
            )

    def mysql(self, found: Findings) -> None:
        if not found.mysql and "mysql.user" not in self.answers:
            return
        why = f"the MySQL user to read the call centre's tables with ({NONE}: do not): only a person can choose one"
        user = self.settle("mysql.user", None, why, "ccops")
        if user is None or user == NONE:
            return
        self.lines += ["", f"[{self.table}.mysql]"]
        self.put("user", user)
        self.secret("mysql.password", "password", "MYSQL_PASSWORD", f"where the password of MySQL user {user} is kept")
        if found.mysql_socket:
            self.put("socket", found.mysql_socket)
        elif found.mysql_port and found.mysql_port != 3306:
            self.lines.append(f"port = {found.mysql_port}")
        databases = ["asteriskcdrdb"] if found.call_center is False else ["asteriskcdrdb", "asterisk", "call_center"]
        self.notes.append(f"MySQL user {user}@localhost needs only the right SELECT on: {', '.join(databases)}")

    def pbx(self, nodes: Sequence[NodeFacts]) -> None:
        """What keeps extensions and trunks: FreePBX where a node has it, by its functions if there is php."""
        conf = next((path for node in nodes for path in node.freepbx), None)
        if conf is None and not any("asterisk" in node.programs for node in nodes):
            return
        self.lines += ["", f"[{self.table}.pbx]"]
        if conf is None:
            self.put("backend", "files")
            self.notes.append(
                "extensions and trunks: no FreePBX is there, so ccops keeps those that it makes in files of its own"
            )
        elif any("php" in node.programs for node in nodes):
            self.put("backend", "freepbx")
            self.notes.append(
                f"extensions and trunks: FreePBX is there ({conf}) and php too, so its own functions edit them, as the "
                'user asterisk; backend = "freepbx-sql" writes its tables instead'
            )
        else:
            self.put("backend", "freepbx-sql")
            self.notes.append(
                f"extensions and trunks: FreePBX is there ({conf}) and no php, so its tables are edited; that takes a "
                f"MySQL user that may write them, [{self.table}.mysql_control]"
            )

    def secret(self, key: str, setting: str, variable: str, why: str) -> None:
        """A reference to where a secret is kept. An answer that is none is not written: it may be the secret itself."""
        default = f"env:CCOPS_{self.variable}_{variable}" if self.variable else f"env:CCOPS_{variable}"
        answer = self.answers.get(key)
        table = _reference(answer) if answer else None
        if table is None:
            ways = "env:VARIABLE, file:/PATH (mode 0600) or command:PROGRAM ARGUMENT…"
            asked = f"{why}: {ways}" if not answer else f"{why}: expected {ways}, never the secret itself"
            self.questions.append(Question(key, asked, default))
            table = _reference(default)
        self.lines.append(f"{setting} = {table}")

    def put(self, key: str, value: str | None) -> None:
        self.lines.append(f"{key} = {_text(value or '')}")


def _reference(text: str) -> str | None:
    """`env:…`, `file:…` or `command:…` as an inline table; None for anything else."""
    kind, _, rest = text.partition(":")
    rest = rest.strip()
    if kind in ("env", "file") and rest:
        return f"{{ {kind} = {_text(rest)} }}"
    if kind == "command":
        try:
            words = shlex.split(rest)
        except ValueError:
            return None
        return f"{{ command = [{', '.join(_text(word) for word in words)}] }}" if words else None
    return None


def _text(value: str) -> str:
    """A TOML basic string."""
    return '"' + clean(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name, re.A) else _text(name)
