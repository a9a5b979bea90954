"""What a supervisor may want done to agents, callers and queues, as values; `drawing` makes actions of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, get_args

import msgspec

from ccops.callcentre.dialer import Dialers
from ccops.callcentre.model import Caller, Centre, Channel, Member

Kind = Literal["pause", "unpause", "add", "remove", "penalty", "logout", "hangup", "listen", "whisper", "barge", "move"]
KINDS: tuple[Kind, ...] = get_args(Kind)

REASON_LIMIT = 79
"""Bytes that a reason may have (`reason_paused[80]` of struct member)."""

_INTERFACE = re.compile(r"[A-Za-z][A-Za-z0-9_]*/[A-Za-z0-9_][A-Za-z0-9_.@:+/-]{0,77}")
_CHANNEL = re.compile(r"[A-Za-z][A-Za-z0-9_]*/[A-Za-z0-9_][A-Za-z0-9_.@:+-]*(?:;[12])?")


class Deed(msgspec.Struct, frozen=True):
    """What is to be done to whom.

    `agent` is an interface (SIP/101); `queue` the queue meant, "" for all of the agent's; `caller` a waiting caller's
    uniqueid; `to` the queue that a caller is moved to, "" for the top of their own; `extension` the supervisor's own
    telephone (SIP/1001), which rings to listen. `pause` names the break (or its number) that an agent of the
    call-center module is paused for; other agents have a `reason`.
    """

    kind: Kind
    agent: str = ""
    queue: str = ""
    reason: str = ""
    penalty: int = 0
    caller: str = ""
    to: str = ""
    extension: str = ""
    pause: str = ""


class Site(msgspec.Struct, frozen=True):
    """What is possible there. `version` is Asterisk's; None where it is not known.

    `allowed`: the actions (lower case) that the manager user may do, None where that is not known. `dialer`: interfaces
    of the call-center module's agents, None where its tables are not read; `by_dialer` has what its dialer can do to
    those that were asked about. `places`: context and extension that lead
    into a queue, by its name; a queue that is not there is reached as `default_context`, its own name.
    """

    version: str | None = None
    allowed: frozenset[str] | None = None
    dialer: frozenset[str] | None = None
    places: Mapping[str, tuple[str, str]] = {}
    default_context: str = "ext-queues"
    by_dialer: Dialers = {}


class Action(msgspec.Struct, frozen=True):
    """One AMI action, or request of ECCP (`by`), with its fields; `needs` is the class of AMI write rights it takes."""

    name: str
    fields: Mapping[str, str]
    needs: str
    by: Literal["ami", "eccp"] = "ami"


class Drawing(msgspec.Struct, frozen=True):
    """A deed ready to be done: its title, what it sends, who notices, what cannot be undone.

    `inverse` is the deed that undoes it. `hurts`: somebody loses a call, a place or a log-in, so it is asked about
    first. `channel` is the one that a hang-up ends.
    """

    deed: Deed
    title: str
    actions: tuple[Action, ...]
    notices: tuple[str, ...] = ()
    irrevocable: tuple[str, ...] = ()
    inverse: Deed | None = None
    hurts: bool = False
    channel: str = ""


class Impossible(Exception):
    """It cannot be done: why, and what to do instead (`way_out`)."""

    def __init__(self, why: str, way_out: str = "") -> None:
        super().__init__(why)
        self.way_out = way_out


def memberships(centre: Centre, interface: str) -> dict[str, Member]:
    """The memberships of an interface by queue."""
    return {name: q.members[interface] for name, q in centre.queues.items() if interface in q.members}


def waiting(centre: Centre, uniqueid: str) -> Caller | None:
    """The waiting caller of that uniqueid."""
    return next((c for queue in centre.queues.values() for c in queue.callers if c.uniqueid == uniqueid), None)


def channels_of(centre: Centre, interface: str, state_interface: str = "") -> list[Channel]:
    """The channels of a member's telephone: those in a call first, then the youngest."""
    names = {name.removesuffix("/n") for name in (interface, state_interface) if name}
    found = [c for c in centre.channels.values() if c.name in names or c.name.rpartition("-")[0] in names]
    return sorted(found, key=lambda c: (not c.bridge, c.state != "Up", -(c.since or 0.0)))


def who(centre: Centre, interface: str) -> str:
    """`Ana Torres (SIP/101)`."""
    name = next((m.name for m in memberships(centre, interface).values() if m.name), "")
    return f"{name} ({interface})" if name and name != interface else interface


def agent_called(centre: Centre, text: str, names: Mapping[str, str] = {}) -> str:
    """The interface that `text` means: itself, its number (101 of SIP/101), or the agent's name in any case.

    Raises Impossible where it means none of those there are, or several; a whole interface need not be a member.
    """
    known = {interface: m.name for queue in centre.queues.values() for interface, m in queue.members.items()}
    known |= {interface: name for interface, name in names.items() if interface in known}
    wanted = text.casefold()
    found = [i for i, name in known.items() if wanted in (i.partition("/")[2].casefold(), name.casefold())]
    if text in known or (not found and "/" in text):
        return text
    if len(found) != 1:
        raise Impossible(
            f"{text!r} means {', '.join(sorted(found))}: give the interface"
            if found
            else f"no queue has an agent called {text!r}",
            "`ccops status --json` lists the agents",
        )
    return found[0]


def caller_called(centre: Centre, text: str) -> str:
    """The uniqueid of the waiting caller that `text` means: itself, the number, or QUEUE:POSITION.

    Raises Impossible where nobody waits who is meant, or several.
    """
    queue, _, position = text.rpartition(":")
    found = {
        caller.uniqueid
        for each in centre.queues.values()
        for caller in each.callers
        if text in (caller.uniqueid, caller.number) or (each.name == queue and str(caller.position) == position)
    }
    if len(found) != 1:
        how = "several callers are" if found else "nobody who waits is"
        raise Impossible(f"{how} meant by {text!r}", "say QUEUE:POSITION, such as ventas:3, or the uniqueid")
    return found.pop()


def check_interface(interface: str) -> None:
    """Raises Impossible unless it names a member as app_queue does: TECH/name, Local/101@from-queue/n."""
    if not _INTERFACE.fullmatch(interface):
        raise Impossible(f"expected an interface such as SIP/101, found {interface!r}")


def check_reason(reason: str) -> None:
    """Raises Impossible unless Asterisk keeps it whole, and queue_log in one column."""
    if not reason.isprintable() or "|" in reason or len(reason.encode("utf-8", "replace")) > REASON_LIMIT:
        raise Impossible(
            f"expected a reason of one line, at most {REASON_LIMIT} bytes and without |, found {reason!r}",
            "queue_log parts its columns by |",
        )


def checked_channel(name: str) -> str:
    """A channel's name as Asterisk makes them; another could be more than a name in an application's arguments.

    Raises Impossible.
    """
    if not _CHANNEL.fullmatch(name):
        raise Impossible(f"expected the name of a channel, found {name!r}: nothing is sent about it")
    return name
