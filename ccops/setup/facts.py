"""What an inspection found on one server, as values; pure.

Sources of the forms: Asterisk's manager.conf.sample, MySQL's option files, `ls -l`, sudo(8), os-release(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

LogState = Literal["readable", "unreadable", "missing"]
FileState = Literal["read", "missing", "unreadable"]

_FILE_STATES: Mapping[int | None, FileState] = {0: "read", 1: "missing"}
_VERSION = re.compile(r"(\d+\.\d+(?:\.\d+)*)")
_MYSQL_NAMES = ("mysqld", "mariadb", "mysql")
_TRUE = ("yes", "true", "on", "1", "y", "t")


class Section(msgspec.Struct, frozen=True):
    """One section of the inspection: its lines and the exit status; None when it broke off."""

    lines: tuple[str, ...] = ()
    exit: int | None = None

    @property
    def first(self) -> str | None:
        """Its first line if the command worked, else None."""
        return self.lines[0].strip() or None if self.exit == 0 and self.lines else None


class FileText(msgspec.Struct, frozen=True):
    """A file: whether it could be read, and its text (without secrets)."""

    state: FileState = "missing"
    text: str = ""


class ManagerUser(msgspec.Struct, frozen=True):
    """A section of manager.conf: classes in small letters; `permit` and `deny` as they stand."""

    name: str
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    permit: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    has_secret: bool = False


class Manager(msgspec.Struct, frozen=True):
    """Asterisk's manager interface as configured; `host` is where to reach it from the node itself."""

    state: FileState = "missing"
    enabled: bool = False
    host: str = "127.0.0.1"
    port: int = 5038
    users: tuple[ManagerUser, ...] = ()


class LogFile(msgspec.Struct, frozen=True):
    """A log: `kind` is heartbeat (ha.cf's logfile), logd, usual (/var/log/ha-log) or kernel."""

    kind: str
    path: str
    state: LogState


class NodeFacts(msgspec.Struct, frozen=True):
    """One server. `target` is how it was reached; None and empty mean that it could not be found out.

    `files` by path: drbd.conf and what is in drbd.d, ha.cf, haresources, /proc/drbd. `services` maps a service's name
    to the unit or init script that runs it. `programs` maps a name to its path. `call_center` maps a MySQL data folder
    to whether it has a call_center database: yes, no, hidden. `freepbx` maps each file that brings FreePBX up to
    whether this user may read it: readable, hidden. `sudo` are the lines of `sudo -n -l`, None when it refused.
    `refusals` are what a command said that could not be run as this user, by name.
    """

    target: str
    name: str | None = None
    user: str | None = None
    uid: int | None = None
    groups: tuple[str, ...] = ()
    known_groups: tuple[str, ...] = ()
    kernel: str | None = None
    distribution: str | None = None
    versions: Mapping[str, str] = {}
    files: Mapping[str, FileText] = {}
    resource_scripts: tuple[str, ...] = ()
    programs: Mapping[str, str] = {}
    services: Mapping[str, str] = {}
    authkeys: str | None = None
    manager: Manager = Manager()
    mysql: Mapping[str, str] = {}
    mysql_sockets: tuple[str, ...] = ()
    call_center: Mapping[str, str] = {}
    freepbx: Mapping[str, str] = {}
    logs: tuple[LogFile, ...] = ()
    journal: bool = False
    cl_status: bool = False
    sudo: tuple[str, ...] | None = None
    refusals: Mapping[str, str] = {}
    complete: bool = False

    @property
    def root(self) -> bool:
        """Logged in as the superuser."""
        return self.uid == 0

    def file(self, path: str) -> FileText:
        """That file; missing when it was not among those looked at."""
        return self.files.get(path, FileText())

    @property
    def drbd_conf(self) -> tuple[str, ...]:
        """The files of DRBD's configuration that could be read, drbd.conf first."""
        paths = sorted(path for path in self.files if path.startswith("/etc/drbd"))
        return tuple(self.files[path].text for path in paths if self.files[path].state == "read")


def read_facts(target: str, sections: Mapping[str, Section]) -> NodeFacts:
    """Facts from the sections of one inspection, by name. Never fails: what is not there is not known."""

    def get(name: str) -> Section:
        return sections.get(name, Section())

    uid = get("uid").first
    cl_status = get("cl_status")
    return NodeFacts(
        target=target,
        name=get("uname.n").first,
        user=get("user").first,
        uid=int(uid) if uid and uid.isascii() and uid.isdigit() else None,
        groups=tuple((get("groups").first or "").split()),
        known_groups=tuple(dict.fromkeys(get("groups.known").lines)),
        kernel=get("uname.sr").first,
        distribution=get("distribution").first,
        versions=_versions(sections),
        files=dict(_files(sections)),
        resource_scripts=get("resource.d").lines,
        programs=_pairs(get("programs")),
        services=_services(get("services").lines),
        authkeys=get("authkeys").first,
        manager=_manager([s for n, s in sections.items() if n.startswith("manager:")]),
        mysql=_mysql([s for n, s in sections.items() if n.startswith("mysql:")]),
        mysql_sockets=get("mysql.sockets").lines,
        call_center=_pairs(get("call_center")),
        freepbx=_pairs(get("freepbx")),
        logs=tuple(_logs(get("logs").lines)),
        journal=get("journal").exit == 0,
        cl_status=cl_status.exit in (0, 1) and not any("refuses" in line for line in cl_status.lines),
        sudo=get("sudo").lines if get("sudo").exit == 0 else None,
        refusals={n: " ".join(get(n).lines)[:300] for n in ("sudo", "cl_status", "journal") if get(n).exit != 0},
        complete="complete" in sections,
    )


def _pairs(section: Section) -> Mapping[str, str]:
    return {words[0]: words[1] for line in section.lines if len(words := line.split()) == 2}


def _versions(sections: Mapping[str, Section]) -> Mapping[str, str]:
    """Versions by name: drbd (the module), drbdadm, heartbeat, asterisk, mysql, sudo."""
    texts = {name: sections.get(f"version.{name}", Section()) for name in ("heartbeat", "asterisk", "mysql", "sudo")}
    texts["drbd"] = sections.get("/proc/drbd", Section())
    tools = sections.get("version.drbdadm", Section())
    texts["drbdadm"] = Section(tuple(line for line in tools.lines if "VERSION=" in line), tools.exit)
    out = {}
    for name, section in texts.items():
        match = next((m for line in section.lines if (m := _VERSION.search(line))), None)
        if section.exit == 0 and match:
            out[name] = match[1]
    return out


def _files(sections: Mapping[str, Section]) -> Iterator[tuple[str, FileText]]:
    for name, section in sections.items():
        path = name.removeprefix("drbd:")
        if path.startswith("/"):
            yield path, FileText(_FILE_STATES.get(section.exit, "unreadable"), "\n".join(section.lines) + "\n")


def _services(lines: tuple[str, ...]) -> Mapping[str, str]:
    """Service → what runs it. A unit that is a link has the name it leads to; one that leads to /dev/null is none."""
    found: dict[str, str] = {}
    for line in lines:
        words = line.split()
        if len(words) < 3:
            continue
        name, kind = words[:2]
        leads_to = words[3].removesuffix(".service") if len(words) > 3 else name
        if kind == "unit" and leads_to != "null":
            found[name] = leads_to
        elif kind == "script":
            found.setdefault(name, name)
    runs_mysql = next((found[name] for name in _MYSQL_NAMES if name in found), None)
    if runs_mysql:
        for name in _MYSQL_NAMES:
            found.setdefault(name, runs_mysql)
    return found


def _manager(sections: list[Section]) -> Manager:
    general: dict[str, str] = {}
    users: dict[str, dict[str, list[str]]] = {}
    current: dict[str, list[str]] | None = None
    for section in sections:
        for line in section.lines:
            if line.startswith("["):
                name = line.strip("[]").strip()
                current = None if name.lower() == "general" else users.setdefault(name, {})
            elif "=" in line:
                key, _, value = (part.strip() for part in line.partition("="))
                if current is None:
                    general[key] = value
                else:
                    current.setdefault(key, []).append(value)
    states = {_FILE_STATES.get(s.exit, "unreadable") for s in sections}
    bound = general.get("bindaddr", "0.0.0.0")  # noqa: S104 - read, not bound
    port = general.get("port", "5038")
    return Manager(
        state="read" if "read" in states else "unreadable" if "unreadable" in states else "missing",
        enabled=general.get("enabled", "no").lower() in _TRUE,
        host="127.0.0.1" if bound in ("0.0.0.0", "::", "") else bound,  # noqa: S104
        port=int(port) if re.fullmatch(r"[1-9]\d{0,4}", port, re.A) and int(port) < 65536 else 5038,
        users=tuple(_manager_user(name, keys) for name, keys in users.items()),
    )


def _manager_user(name: str, keys: Mapping[str, list[str]]) -> ManagerUser:
    def classes(key: str) -> tuple[str, ...]:
        return tuple(word.strip().lower() for value in keys.get(key, []) for word in value.split(",") if word.strip())

    return ManagerUser(
        name=name,
        read=classes("read"),
        write=classes("write"),
        permit=tuple(keys.get("permit", [])),
        deny=tuple(keys.get("deny", [])),
        has_secret="secret" in keys or "md5secret" in keys,
    )


def _mysql(sections: list[Section]) -> Mapping[str, str]:
    """The server's options (datadir, socket, port, bind-address); a later file wins, as in MySQL."""
    options: dict[str, str] = {}
    group = ""
    for section in sections:
        for line in section.lines:
            if line.startswith("["):
                group = line.strip("[]").lower()
            elif "=" in line and group in ("mysqld", "mariadb", "server", "mysqld_safe"):
                key, _, value = (part.strip() for part in line.partition("="))
                options[key] = value
    return options


def _logs(lines: tuple[str, ...]) -> Iterator[LogFile]:
    states: Mapping[str, LogState] = {"readable": "readable", "unreadable": "unreadable", "missing": "missing"}
    for line in lines:
        words = line.split()
        if len(words) == 3 and words[2] in states:
            yield LogFile(words[0], words[1], states[words[2]])
