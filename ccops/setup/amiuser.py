"""The manager users that ccops needs, as sections of manager.conf with no more rights than each role takes.

Source of the classes: `ast_manager_register` in main/manager.c, apps/app_queue.c and channels/chan_sip.c of Asterisk
1.4 to 23. A user has what its `write` line names; 1.4 has neither the class `reporting` nor `originate`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

ROLES = ("viewer", "supervisor", "administrator")


def sections(role: str, version: tuple[int, int], make_secret: Callable[[], str]) -> str:
    """What to put into manager.conf for that role on that Asterisk; ends with a newline. KeyError for another role."""
    return "".join(f"{line}\n" for line in _ROLES[role](version >= (1, 6), make_secret))


def _viewer(modern: bool, make_secret: Callable[[], str]) -> Iterator[str]:
    yield "; Watching: what happens, and lists of queues, channels and peers. It can change nothing."
    yield '; In ccops.toml: [pairs.NAME.ami] user = "ccops"'
    yield from _section("ccops", make_secret())
    yield f"read = system,call,agent{',reporting' if modern else ''}"
    if modern:
        yield "write = reporting"
    else:
        yield "; Asterisk 1.4 lists channels only to who may write call, peers to who may write system: without this"
        yield "; line queues are seen, channels and trunks not. With it this user could hang up calls."
        yield ";write = call,system"


def _supervisor(modern: bool, make_secret: Callable[[], str]) -> Iterator[str]:
    yield from _viewer(modern, make_secret)
    yield ""
    yield "; Acting on agents and queues (agent), hanging up and moving callers (call), listening (originate)."
    yield '; ccops uses it only while it acts. In ccops.toml: [pairs.NAME.ami_control] user = "ccops-control"'
    yield from _section("ccops-control", make_secret())
    yield f"write = agent,call{',originate' if modern else ''}"


def _administrator(modern: bool, make_secret: Callable[[], str]) -> Iterator[str]:
    yield from _supervisor(modern, make_secret)
    yield ""
    yield "; An administrator needs no more here, unless extensions are edited in FreePBX' tables: then `system` added"
    yield "; to `write` lets Asterisk's own database be written (DBPut), else the console is told over SSH."
    yield "; All other configuration is edited over SSH, with the rights that `ccops sudoers --operate` prints."


def _section(user: str, secret: str) -> Iterator[str]:
    yield f"[{user}]"
    yield f"secret = {secret}"
    yield "deny = 0.0.0.0/0.0.0.0"
    yield "permit = 127.0.0.1/255.255.255.255"
    yield "writetimeout = 1000"


_ROLES: dict[str, Callable[[bool, Callable[[], str]], Iterator[str]]] = {
    "viewer": _viewer,
    "supervisor": _supervisor,
    "administrator": _administrator,
}
