"""The rights ccops needs on a node, least first: none, a group, exact sudo lines for watching, and for operating.

Source: sudoers(5) and the release notes of sudo: `Defaults!COMMANDS` and `sudo -n` from 1.7.0, `#includedir` from
1.7.2, `pam_session` from 1.8.7. A comment must not begin with a digit or a minus directly after its `#`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ccops.config import PairSettings
from ccops.setup.facts import NodeFacts
from ccops.setup.findings import gather
from ccops.setup.inspect import InspectionError

_USUAL_PATHS = {
    "cl_status": ("/usr/bin/cl_status",),
    "drbdadm": ("/sbin/drbdadm", "/usr/sbin/drbdadm"),
    "hb_standby": tuple(f"/usr/{lib}/heartbeat/hb_standby" for lib in ("share", "lib", "lib64")),
    "hb_takeover": tuple(f"/usr/{lib}/heartbeat/hb_takeover" for lib in ("share", "lib", "lib64")),
}

Version = tuple[int, ...]
Command = tuple[str, str]


def sudoers(user: str, pair: PairSettings, facts: NodeFacts, interfaces: Sequence[str] = ()) -> str:
    """The text of a sudoers file for `user` on the node that `facts` tell of; `visudo -c` accepts it.

    A program whose path is not known gets its usual ones. `interfaces` are Heartbeat's links: those given, else those
    of ha.cf, else eth0. Operating is commented out. Raises InspectionError when `facts` are not of one of the pair's
    nodes, or the user's name cannot stand in the file.
    """
    interfaces = interfaces or gather([facts]).interfaces or ("eth0",)
    names = [node.name for node in pair.nodes]
    if facts.name not in names:
        raise InspectionError(
            f"{facts.target}: expected one of the nodes {' and '.join(names)}, found {facts.name or 'no name'}; "
            "correct the node's name in the settings"
        )
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*\$?", user, re.A):
        raise InspectionError(
            f"{facts.target}: expected a user's name of letters, digits and _ . -, found {user!r}; "
            "log in as a local user of the server"
        )
    peer = names[1 - names.index(facts.name)]
    lines = [
        *_heading(user, facts),
        *_without_rights(pair),
        *_groups(user, facts),
        *_watching(user, pair, facts, peer, interfaces),
        *_operating(user, pair, facts),
    ]
    return "\n".join(lines) + "\n"


def _heading(user: str, facts: NodeFacts) -> Iterator[str]:
    yield f"# What {user} may do on {facts.name} for ccops."
    if _sudo(facts) >= (1, 7, 2):
        yield "# Save it as ccops.sudoers, check it with `visudo -cf ccops.sudoers`, and as root put it in its place:"
        yield "#   install -m 0440 -o root -g root ccops.sudoers /etc/sudoers.d/ccops"
        yield "# /etc/sudoers must have the line `#includedir /etc/sudoers.d` (or `@includedir`)."
    else:
        yield f"# This server's sudo ({_shown(facts)}) may not read /etc/sudoers.d: add the lines with `visudo`."
    if _sudo(facts) < (1, 7) and "sudo" in facts.versions:
        yield "# It does not know `sudo -n` either, so ccops cannot use it: use the groups below, or update sudo."
    yield ""


def _without_rights(pair: PairSettings) -> Iterator[str]:
    yield "# A. Needs no rights at all: /proc/drbd, /proc/mounts, addresses, `df`, load, whether services run."
    yield f"#    Also {pair.ha_log} and the kernel log, wherever they may be read by everybody."
    yield ""


def _groups(user: str, facts: NodeFacts) -> Iterator[str]:
    """Memberships that make sudo unnecessary, with why; those that are held already are said to be."""
    reasons = {
        "haclient": "cl_status may talk to Heartbeat",
        "adm": "the logs in /var/log that belong to it may be read (Debian)",
        "systemd-journal": "the journal may be read",
        "asterisk": "/etc/asterisk may be read when ccops looks at a server",
    }
    yield "# B. Groups that spare sudo; as root, then log in anew:"
    for group, reason in reasons.items():
        if facts.known_groups and group not in facts.known_groups:
            continue
        if group in facts.groups:
            yield f"#    {user} is in {group} already: {reason}."
        else:
            yield f"#    usermod -a -G {group} {user}    (then {reason})"
    for log in facts.logs:
        if log.state == "unreadable":
            yield f"#    {log.path} may not be read by {user}. If no group helps:"
            yield f"#    setfacl -m u:{user}:r {log.path}    (and the same in logrotate's postrotate)"
    yield ""


def _watching(user: str, pair: PairSettings, facts: NodeFacts, peer: str, interfaces: Sequence[str]) -> Iterator[str]:
    yield "# C. Watching: what ccops runs while it only looks. None of it changes anything."
    yield from _alias("CCOPS_WATCH", list(_watch_commands(pair, facts, peer, interfaces)))
    yield "# These lines take effect with `sudo = true` in ccops.toml."
    yield f"# {user} has no terminal when ccops asks; CentOS 5 and 6 would refuse that."
    yield f"Defaults:{user} !requiretty"
    if _sudo(facts) >= (1, 7):
        yield "# They run every few seconds; without this each would be a line in the system's log."
        yield "Defaults!CCOPS_WATCH !syslog"
    if _sudo(facts) >= (1, 8, 7):
        yield "# The same for the line that PAM writes about each session."
        yield "Defaults!CCOPS_WATCH !pam_session"
    yield "# No password, since nobody is there to type it; only the commands above, with exactly these arguments."
    yield f"{user} ALL = (root) NOPASSWD: CCOPS_WATCH"
    yield ""


def _watch_commands(pair: PairSettings, facts: NodeFacts, peer: str, interfaces: Sequence[str]) -> Iterator[Command]:
    for path in _paths(facts, "cl_status"):
        yield f"{path} hbstatus", "does Heartbeat run here"
        yield f"{path} rscstatus", "what Heartbeat says it holds"
        yield f"{path} listnodes", "the nodes Heartbeat knows"
        for node in pair.nodes:
            yield f"{path} nodestatus {_escape(node.name)}", f"how Heartbeat here sees {node.name}"
        yield f"{path} listhblinks {_escape(peer)}", f"the links to {peer}"
        for interface in interfaces:
            yield f"{path} hblinkstatus {_escape(peer)} {_escape(interface)}", f"does {interface} reach {peer}"
    for path in _paths(facts, "drbdadm"):
        yield f"{path} get-gi {_escape(pair.resource)}", "the generations of the data: is one side a descendant"


def _operating(user: str, pair: PairSettings, facts: NodeFacts) -> Iterator[str]:
    """Commented out as a whole by a mark of its own, so that one `sed` brings it in force."""
    yield "# D. Operating: moving the service and mending the mirror. Off until `sed -i 's/^#~ //' ccops.sudoers`."
    yield "#    Left out on purpose: whatever overwrites a whole disk (invalidate, a forced primary, create-md)."
    yield "#    Every one of these is logged by sudo."
    for line in _alias("CCOPS_OPERATE", list(_operate_commands(pair, facts))):
        yield f"#~ {line}"
    yield "#~ # No password; only these commands with exactly these arguments."
    yield f"#~ {user} ALL = (root) NOPASSWD: CCOPS_OPERATE"


def _operate_commands(pair: PairSettings, facts: NodeFacts) -> Iterator[Command]:
    resource = _escape(pair.resource)
    for path in _paths(facts, "hb_standby"):
        for what in ("all", "local", "foreign", "failback"):
            yield f"{path} {what}", f"hand over: {what}"
    for path in _paths(facts, "hb_takeover"):
        for what in ("all", "local", "foreign"):  # failback would fall through and take all
            yield f"{path} {what}", f"take over: {what}"
    for path in _paths(facts, "drbdadm"):
        for verb, meaning in (
            ("connect", "connect to the peer"),
            ("disconnect", "part from the peer"),
            ("primary", "make this side the writable one, if DRBD agrees"),
            ("secondary", "make this side the mirror"),
            ("resume-sync", "let a paused resync go on"),
            ("pause-sync", "pause a resync"),
            ("resume-io", "let frozen I/O go on"),
            ("verify", "compare both sides"),
            ("up", "start the resource"),
        ):
            yield f"{path} {verb} {resource}", meaning
        for spelling in _discard(facts):
            yield f"{path} {spelling} {resource}", "after a split brain: give up what only this side has"
    for path in _starters(facts):
        yield path.format("start"), "start Heartbeat"
        yield path.format("stop"), "stop Heartbeat: this node gives everything up"


def _discard(facts: NodeFacts) -> tuple[str, ...]:
    """How this DRBD spells it; both ways when its version is not known."""
    old, new = "-- --discard-my-data connect", "connect --discard-my-data"
    version = _version(facts.versions.get("drbdadm") or facts.versions.get("drbd"))
    if version is None:
        return old, new
    return (new,) if version >= (8, 4) else (old,)


def _starters(facts: NodeFacts) -> Iterator[str]:
    if "systemctl" in facts.programs:
        yield f"{facts.programs['systemctl']} {{}} heartbeat"
        return
    yield f"{facts.programs.get('service', '/sbin/service')} heartbeat {{}}"
    yield "/etc/init.d/heartbeat {}"


def _alias(name: str, commands: list[Command]) -> Iterator[str]:
    """A Cmnd_Alias a command, each with its comment above it, and one that joins them (no comment fits inside one)."""
    width = len(str(len(commands)))
    names = []
    for number, (command, meaning) in enumerate(commands, 1):
        names.append(f"{name}_{number:0{width}d}")
        yield f"# {meaning}"
        yield f"Cmnd_Alias {names[-1]} = {command}"
    yield "# all of them together"
    yield f"Cmnd_Alias {name} = {', '.join(names)}"


def _paths(facts: NodeFacts, program: str) -> tuple[str, ...]:
    return (facts.programs[program],) if program in facts.programs else _USUAL_PATHS[program]


def _escape(argument: str) -> str:
    r"""An argument as sudoers wants it: `, : = \` and blanks behind a backslash, wildcards taken literally."""
    return re.sub(r"([,:=\\\s*?\[\]!()])", r"\\\1", argument)


def _sudo(facts: NodeFacts) -> Version:
    """sudo's version; of none that is known, the oldest, so that only what every sudo takes is written."""
    return _version(facts.versions.get("sudo")) or (0,)


def _shown(facts: NodeFacts) -> str:
    return facts.versions.get("sudo") or "version not known"


def _version(text: str | None) -> Version | None:
    return tuple(int(part) for part in text.split(".")[:4]) if text and re.fullmatch(r"[\d.]*\d", text, re.A) else None
