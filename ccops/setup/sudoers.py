"""The rights ccops needs on a node, least first: none, a group, exact sudo lines for watching, and for operating.

Source: sudoers(5) and the release notes of sudo: `Defaults!COMMANDS` and `sudo -n` from 1.7.0, `#includedir` from
1.7.2, `pam_session` from 1.8.7. A comment must not begin with a digit or a minus directly after its `#`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ccops.config import PairSettings
from ccops.operations.exchange import TECHS
from ccops.operations.pbx_seen import SHOW_ALL, SHOW_ONE
from ccops.pair.drbdadm import Drbdadm
from ccops.pbx.freepbx_rows import ASTDB
from ccops.setup.facts import NodeFacts
from ccops.setup.findings import gather
from ccops.setup.inspect import InspectionError

ROLES = ("viewer", "supervisor", "operator", "administrator")
_USUAL_PATHS = {
    "cl_status": ("/usr/bin/cl_status",),
    "drbdadm": ("/sbin/drbdadm", "/usr/sbin/drbdadm"),
    "drbdsetup": ("/sbin/drbdsetup", "/usr/sbin/drbdsetup"),
    "service": ("/sbin/service", "/usr/sbin/service"),
    "asterisk": ("/usr/sbin/asterisk",),
    "fuser": ("/bin/fuser", "/usr/bin/fuser", "/sbin/fuser", "/usr/sbin/fuser"),
    "mount": ("/bin/mount", "/usr/bin/mount"),
    "umount": ("/bin/umount", "/usr/bin/umount"),
    "php": ("/usr/bin/php",),
    "amportal": ("/usr/sbin/amportal", "/var/lib/asterisk/bin/amportal"),
    "fwconsole": ("/usr/sbin/fwconsole", "/var/lib/asterisk/bin/fwconsole"),
    "ip": ("/sbin/ip", "/bin/ip", "/usr/sbin/ip", "/usr/bin/ip"),
    "hb_standby": tuple(f"/usr/{lib}/heartbeat/hb_standby" for lib in ("share", "lib", "lib64")),
    "hb_takeover": tuple(f"/usr/{lib}/heartbeat/hb_takeover" for lib in ("share", "lib", "lib64")),
}

Version = tuple[int, ...]
Command = tuple[str, str]


def sudoers(
    user: str, pair: PairSettings, facts: NodeFacts, interfaces: Sequence[str] = (), *, operating: bool = False
) -> str:
    """The text of a sudoers file for `user` on the node that `facts` tell of; `visudo -c` accepts it.

    A program whose path is not known gets its usual ones. `interfaces` are Heartbeat's links: those given, else those
    of ha.cf, else eth0. The rights to operate are commented out unless `operating`, and as far as the settings permit.
    Raises InspectionError when `facts` are not of one of the pair's nodes, or the user's name cannot stand in the file.
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
        *_operating(user, pair, facts, interfaces, operating),
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


def _operating(
    user: str, pair: PairSettings, facts: NodeFacts, interfaces: Sequence[str], wanted: bool
) -> Iterator[str]:
    """What operations send, by the role that may ask for them. Commented out, by a mark of its own so that one `sed`
    brings it in force, unless it is wanted and the pair's settings permit it."""
    permitted = () if pair.read_only else ROLES[: ROLES.index(pair.role) + 1]
    for letter, role, alias, commands in (
        ("D", "operator", "CCOPS_OPERATE", _operate_commands(pair, facts)),
        ("E", "administrator", "CCOPS_ADMINISTER", _administer_commands(pair, facts, interfaces)),
    ):
        in_force = wanted and role in permitted
        mark = "" if in_force else "#~ "
        off = "" if in_force else f"{_why_off(pair, role, role in permitted)}"
        yield f"# {letter}. {_TITLES[role]}{off}"
        yield f"#    What the role {role} sends; every one of these is logged by sudo."
        for line in _alias(alias, list(commands)):
            yield f"{mark}{line}"
        yield f"{mark}# No password; only these commands with exactly these arguments."
        yield f"{mark}{user} ALL = (root) NOPASSWD: {alias}"
        yield ""
    yield from _freepbx(user, facts, wanted and "administrator" in permitted)
    yield from _ungrantable(pair)


def _freepbx(user: str, facts: NodeFacts, in_force: bool) -> Iterator[str]:
    """Less than root: the user that FreePBX' own pages run as, and only where FreePBX is."""
    if not facts.freepbx:
        return
    mark = "" if in_force else "#~ "
    yield '# F. FreePBX\' own functions, for edits of extensions and trunks (backend = "freepbx"): PHP as the user'
    yield "#    asterisk, which may do what FreePBX' web pages may. Not as root."
    for path in _paths(facts, "php"):
        yield "# The script comes on standard input; no arguments."
        yield f'{mark}{user} ALL = (asterisk) NOPASSWD: {path} ""'
    for line in _alias("CCOPS_EXCHANGE", list(_exchange_commands(facts))):
        yield f"{mark}{line}"
    yield "# No password; only these commands with exactly these arguments."
    yield f"{mark}{user} ALL = (root) NOPASSWD: CCOPS_EXCHANGE"
    yield ""


def _why_off(pair: PairSettings, role: str, permitted: bool) -> str:
    if permitted:
        return " Off until `sed -i 's/^#~ //' ccops.sudoers`, or printed by `ccops sudoers --operate`."
    why = "read_only = true" if pair.read_only else f'role = "{pair.role}"'
    return f" Off: the settings say {why}."


def _ungrantable(pair: PairSettings) -> Iterator[str]:
    yield "# Not granted, because sudo cannot tell one script from another: what a recovery saves from the victim's"
    yield f"# volume ({pair.mount}) is read by `sh -c`. Without that right the recovery stops, and nothing is lost."
    yield '# Either connect as root for a recovery (`ssh = "root@..."` in ccops.toml), or save those files by'
    yield "# hand and use --no-salvage."
    yield "# Neither are edits of ccops' own files of extensions and trunks: they are read and written by `sh -c` too."
    yield "# Never sent, so never granted: a forced primary, create-md, hb_takeover failback."


_TITLES = {
    "operator": "Operating: moving the service, following and pacing the mirror.",
    "administrator": "Administering: Heartbeat on one node, split brain, whatever gives data up.",
}


def _operate_commands(pair: PairSettings, facts: NodeFacts) -> Iterator[Command]:
    for path in _paths(facts, "hb_standby"):
        yield f"{path} all", "failover: hand everything over"
        yield f"{path} local", "undo a failback"
    for path in _paths(facts, "hb_takeover"):  # failback would fall through and take all
        yield f"{path} local", "failback: take back what is this node's"
        yield f"{path} all", "undo a failover"
    for path in _paths(facts, "drbdadm"):
        for drbdadm in _spellings(pair, facts):
            yield from _drbd(
                path,
                (drbdadm.connect(), "connect to the peer"),
                (drbdadm.disconnect(), "part from the peer"),
                (drbdadm.verify(), "compare both sides"),
                (drbdadm.pause_sync(), "pause a resync"),
                (drbdadm.resume_sync(), "let a paused resync go on"),
                (drbdadm.adjust(), "revert the resync's rate"),
            )
    yield from _rates(pair, facts)
    for path in _paths(facts, "service"):
        for unit in dict.fromkeys(pair.services.values()):
            yield f"{path} {_escape(unit)} restart", f"restart {unit} where it serves"
    for path in _paths(facts, "asterisk"):
        for command in ("core restart when convenient", "restart when convenient"):
            yield f"{path} -rx {command}", "restart Asterisk when the last call has ended"
        for command in ("core abort shutdown", "abort halt"):
            yield f"{path} -rx {command}", "call that off"
    for path in _paths(facts, "fuser"):
        yield f"{path} -m {_escape(pair.mount)}", "look who has the volume open: Heartbeat could not unmount it"


def _administer_commands(pair: PairSettings, facts: NodeFacts, interfaces: Sequence[str]) -> Iterator[Command]:
    for path in _paths(facts, "service"):
        yield f"{path} heartbeat stop", "release this node: it gives everything up"
        yield f"{path} heartbeat start", "let it rejoin"
    for path in _paths(facts, "drbdadm"):
        for drbdadm in _spellings(pair, facts):
            yield from _drbd(
                path,
                (drbdadm.rehearse(discard=True), "after a split brain: rehearse giving up what only this side has"),
                (drbdadm.discard(), "after a split brain: give up what only this side has"),
                (drbdadm.invalidate(), "copy everything from the peer anew"),
                (drbdadm.primary(), "make this side the writable one, if DRBD agrees"),
                (drbdadm.secondary(), "make this side the mirror"),
                (drbdadm.attach(), "take the backing disk"),
                (drbdadm.detach(), "let the backing disk go"),
            )
    device, mount = _escape(pair.device), _escape(pair.mount)
    for path in _paths(facts, "mount"):
        yield f"{path} -o ro {device} {mount}", "look at the volume of the victim of a split brain"
    for path in _paths(facts, "umount"):
        yield f"{path} {mount}", "and put it back"
    for path in _paths(facts, "ip"):
        for interface in interfaces:
            for prefix in ("[0-9]", "[0-9][0-9]"):
                yield (
                    f"{path} addr del {_escape(pair.address)}/{prefix} dev {_escape(interface)}",
                    f"isolate: take the doubled address from {interface}",
                )


def _exchange_commands(facts: NodeFacts) -> Iterator[Command]:
    """What an edit of FreePBX' extensions and trunks sends, beside what goes to MySQL and to Asterisk's manager."""
    for path in _paths(facts, "asterisk"):
        for command in ("core show version", "dialplan show", "queue show", *SHOW_ALL.values()):
            yield f"{path} -rx {command}", "what is in use, before an edit"
        for tech in TECHS:
            yield f"{path} -rx module show like chan_{tech}.so", "which drivers are loaded"
        for family in ASTDB:
            yield f"{path} -rx database show {family}", "what FreePBX keeps in Asterisk's own database"
        for tech in TECHS:
            for digits in range(2, _LONGEST_NUMBER + 1):
                key = "[0-9]" * digits
                yield f"{path} -rx {SHOW_ONE[tech]} {key}", "whether an extension is seen as it is wanted"
            for letters in range(1, _LONGEST_NAME + 1):
                key = "[A-Za-z]" + "[A-Za-z0-9_-]" * (letters - 1)
                yield f"{path} -rx {SHOW_ONE[tech]} {key}", "whether a trunk is seen as it is wanted"
    for path in _paths(facts, "amportal"):
        yield f"{path} a r", "apply what was saved in FreePBX"
    for path in _paths(facts, "fwconsole"):
        yield f"{path} reload", "apply what was saved in FreePBX, from 13 on"


_LONGEST_NUMBER, _LONGEST_NAME = 8, 16
"""Longer numbers and names are not granted: each length takes a line of its own, since a `*` would take more words."""


def _drbd(path: str, *commands: tuple[tuple[str, ...] | None, str]) -> Iterator[Command]:
    """DRBD's commands with the path of drbdadm; one that this version does not have is left out."""
    for argv, meaning in commands:
        if argv is not None:
            yield " ".join([path, *(_escape(word) for word in argv[1:])]), meaning


def _rates(pair: PairSettings, facts: NodeFacts) -> Iterator[Command]:
    """Rates of one to four digits and a unit: a `*` would take further arguments with it."""
    for drbdadm in _spellings(pair, facts):
        for digits in range(1, 5):
            rate = "[0-9]" * digits + "[KMG]"
            program, *words = drbdadm.rate("RATE")
            arguments = " ".join(_escape(word) for word in words).replace("RATE", rate)
            for path in _paths(facts, program):
                yield f"{path} {arguments}", f"a resync rate of {digits} digit{'s' if digits > 1 else ''} and K, M or G"


def _spellings(pair: PairSettings, facts: NodeFacts) -> tuple[Drbdadm, ...]:
    """How this DRBD spells its commands; in both ways when its version is not known."""
    known = facts.versions.get("drbd") or facts.versions.get("drbdadm")
    versions = (known,) if _version(known) is not None else ("8.3.11", "8.4.11")
    return tuple(Drbdadm(pair.resource, pair.minor, version) for version in versions)


def _alias(name: str, commands: list[Command]) -> Iterator[str]:
    """A Cmnd_Alias a command, each with its comment above it, and one that joins them (no comment fits inside one)."""
    commands = list(dict(commands).items())
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
