"""What a plan is drawn from: the pair as it is seen, what was read live beside that, and the settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import msgspec

from ccops.config import PairSettings
from ccops.operations.exchange import Exchange
from ccops.operations.module import Module
from ccops.operations.plan import Check, Look
from ccops.operations.survey import Survey
from ccops.operations.vault import Vault
from ccops.pair import joined
from ccops.pair.drbdadm import Drbdadm
from ccops.pair.model import DrbdResource, NodeState, PairState, Reading
from ccops.watch.snapshot import Snapshot

T = TypeVar("T")

TARGETS = frozenset(["SyncTarget", "PausedSyncT", "WFBitMapT", "WFSyncUUID", "StartingSyncT", "Behind"])
SOURCES = frozenset(["SyncSource", "PausedSyncS", "WFBitMapS", "StartingSyncS", "Ahead"])
_RESYNCING = TARGETS | SOURCES
VERIFYING = frozenset(["VerifyS", "VerifyT"])
JOINED = _RESYNCING | VERIFYING | {"Connected"}


class Scene(msgspec.Struct, frozen=True):
    """A snapshot, surveys by node, the settings. `resuming`: an interrupted operation is taken up again.

    `exchange`: what was read of Asterisk's own files, for what edits them; `module`:
    of the call-center module's tables, likewise; `vault`: secrets that a request stands for.
    """

    snapshot: Snapshot
    settings: PairSettings
    surveys: Mapping[str, Reading[Survey]] = {}
    resuming: bool = False
    exchange: Reading[Exchange] | None = None
    module: Reading[Module] | None = None
    vault: Vault | None = None

    @property
    def pair(self) -> PairState:
        """Both nodes."""
        return self.snapshot.pair

    @property
    def names(self) -> tuple[str, str]:
        """Both nodes' names."""
        return self.pair.layout.nodes

    @property
    def serving(self) -> str | None:
        """The one node that is seen to serve."""
        return self.snapshot.serving

    def peer(self, name: str) -> str:
        """The other node's name."""
        return self.pair.peer(name).name

    def node(self, name: str) -> NodeState:
        """That node."""
        return self.pair.node(name)

    def survey(self, name: str) -> Survey | None:
        """What was read live of that node; None when it could not be."""
        reading = self.surveys.get(name)
        return None if reading is None else reading.value

    def unread(self, name: str) -> str:
        """Why it could not be read."""
        reading = self.surveys.get(name)
        return (reading.problem if reading else None) or f"{name} was not looked at"

    def drbd(self, name: str) -> DrbdResource | None:
        """The pair's resource as that node sees it."""
        return resource_of(self.snapshot, name)

    def drbdadm(self, name: str) -> Drbdadm:
        """DRBD's commands in that node's spelling."""
        layout = self.pair.layout
        return Drbdadm(layout.resource, layout.minor, self.node(name).versions.get("drbd"))

    def found(self, *codes: str) -> str | None:
        """The first of these findings that holds, in its words."""
        return next((f.summary for f in self.snapshot.findings if f.code in codes), None)


def resource_of(snapshot: Snapshot, name: str) -> DrbdResource | None:
    """The pair's DRBD resource as that node sees it; None where it was not read."""
    return joined.resource(snapshot.pair.node(name), snapshot.pair.layout)


# What is seen, by node. None: not known.


def known(value: T | None, test: Callable[[T], bool]) -> bool | None:
    """`test` of a value that is known; None of one that is not."""
    return None if value is None else test(value)


def connection(look: Look, name: str) -> str | None:
    """DRBD's connection state there."""
    found = resource_of(look.snapshot, name)
    return None if found is None else found.connection


def is_primary(look: Look, name: str) -> bool | None:
    """Whether that side is Primary."""
    return joined.is_primary(look.snapshot.pair, name)


def heartbeat_runs(look: Look, name: str) -> bool | None:
    """Whether Heartbeat runs there."""
    found = look.snapshot.pair.node(name).heartbeat.value
    return None if found is None else found.running


def sees_peer(look: Look, name: str) -> bool | None:
    """Whether Heartbeat there takes its peer for alive."""
    return joined.sees_peer(look.snapshot.pair, name)


def in_transition(look: Look, name: str) -> bool | None:
    """Whether Heartbeat there says that it moves resources."""
    found = look.snapshot.pair.node(name).heartbeat.value
    return None if found is None or found.running is None else found.resources == "transition"


def let_go(look: Look, name: str) -> bool | None:
    """Whether nothing of the service is held there: no address, no mount, not Primary, no daemon."""
    held = joined.holds_anything(look.snapshot.pair, name)
    return None if held is None else not held


def serves(look: Look, name: str) -> bool | None:
    """Whether that node serves callers: address, mount, Primary, daemons, and Asterisk answers where it is asked."""
    whole = joined.serves(look.snapshot.pair, name)
    if whole is not True:
        return whole
    link = look.snapshot.links.get(f"ami:{name}")
    return True if link is None else link.phase == "up"


def lacking(look: Look, name: str) -> str:
    """Which parts of the service are not seen on that node."""
    pair = look.snapshot.pair
    parts: list[tuple[str, bool | None]] = [
        (f"the address {pair.layout.address}", joined.holds_address(pair, name)),
        (f"the mount {pair.layout.mount}", joined.has_mount(pair, name, writable=True)),
        ("the Primary role", joined.is_primary(pair, name)),
    ]
    for service in pair.layout.services:
        state = joined.service_state(pair, name, service)
        parts.append((service, None if state is None else state == "running"))
    link = look.snapshot.links.get(f"ami:{name}")
    if link is not None:
        parts.append(("an answer of Asterisk", link.phase == "up"))
    words = [what if seen is False else f"{what} is not known" for what, seen in parts if seen is not True]
    return f"not seen on {name}: {', '.join(words)}" if words else ""


def holding(look: Look, name: str) -> str:
    """Which parts of the service are still seen on that node, and whether Heartbeat runs there."""
    pair = look.snapshot.pair
    parts = [
        ("Heartbeat runs", heartbeat_runs(look, name)),
        (f"it holds {pair.layout.address}", joined.holds_address(pair, name)),
        (f"{pair.layout.mount} is mounted", joined.has_mount(pair, name)),
        ("it is Primary", joined.is_primary(pair, name)),
        *((f"{s} runs", known(joined.service_state(pair, name, s), "running".__eq__)) for s in pair.layout.services),
    ]
    words = [what for what, seen in parts if seen] + [
        f"not known whether {what}" for what, seen in parts if seen is None
    ]
    return f"on {name} {', '.join(words)}" if words else ""


def is_healthy_copy(look: Look, name: str) -> bool | None:
    """Whether that side is Connected and both sides are UpToDate, with nothing out of sync."""
    found = resource_of(look.snapshot, name)
    if found is None:
        return None
    return (found.connection, found.disk, found.peer_disk) == ("Connected", "UpToDate", "UpToDate") and not (
        found.out_of_sync_kib
    )


def left_kib(look: Look) -> object:
    """What moves while a resync or a verify goes on: how much is left, on either side."""
    views = [resource_of(look.snapshot, name) for name in look.snapshot.pair.layout.nodes]
    return tuple(
        None if view is None else (view.connection, view.out_of_sync_kib, view.sync and view.sync.left_kib)
        for view in views
    )


# Checks that many operations make.


def reachable(scene: Scene, name: str) -> Check:
    """That node answers ccops now."""
    link = scene.node(name).link
    fresh = link.phase == "up" and scene.node(name).sampled_at is not None
    return Check(
        f"{name} answers",
        fresh,
        "" if fresh else (link.problem or f"its link is {link.phase}"),
        "look from another machine; `ccops triage` says what its peer sees of it",
        lasting=True,
    )


def edited_on(scene: Scene) -> Iterator[Check]:
    """Of what must hold before anything of Asterisk or MySQL is edited: one node serves, and it answers."""
    node = scene.serving
    yield Check(
        "one node is seen to serve",
        node is not None,
        "" if node else "none, or two",
        "see `ccops triage`: an edit goes to the node that serves, and to no other",
        lasting=True,
    )
    if node is not None:
        yield reachable(scene, node)


def surveyed(scene: Scene, name: str) -> Check:
    """That node could be looked at live."""
    known = scene.survey(name) is not None
    return Check(
        f"{name} could be looked at",
        known,
        "" if known else scene.unread(name),
        "mend what is in the way and try again",
    )


def both_up_to_date(scene: Scene) -> Check:
    """Both sides say that they are Connected and that both disks are UpToDate."""
    text = "DRBD is Connected, and UpToDate on both sides"
    views = [scene.drbd(name) for name in scene.names]
    if None in views:
        return Check(text, None, "DRBD's state is not known on both nodes", "see `ccops triage`")
    for view in views:
        if view is not None and view.connection in _RESYNCING:
            return Check(
                text,
                False,
                f"a resync is under way ({view.connection})",
                "wait until it is over (`ccops resync` follows)",
            )
        if view is not None and view.connection in VERIFYING:
            return Check(text, False, f"a verify is under way ({view.connection})", "wait until it is over")
    wrong = [
        f"{name} is {view.connection} {view.disk}/{view.peer_disk}"
        for name, view in zip(scene.names, views, strict=True)
        if view and (view.connection, view.disk, view.peer_disk) != ("Connected", "UpToDate", "UpToDate")
    ]
    return Check(text, not wrong, ", ".join(wrong), "`ccops triage` says why, and what mends it")


def heartbeats_agree(scene: Scene) -> Check:
    """Heartbeat runs on both, each sees the other, and nothing is moving."""
    text = "Heartbeat runs on both nodes, each sees the other, and nothing is moving"
    look = Look(scene.snapshot)
    for name in scene.names:
        runs = heartbeat_runs(look, name)
        if runs is not True:
            found = f"it is stopped on {name}" if runs is False else f"whether it runs on {name} is not known"
            return Check(text, runs, found, f"start it there: `ccops rejoin {name}`")
    for name in scene.names:
        if in_transition(look, name):
            return Check(text, False, f"{name} says that resources are moving", "wait until they have moved")
    for name in scene.names:
        if sees_peer(look, name) is not True:
            seen = sees_peer(look, name)
            return Check(text, seen, f"{name} does not see {scene.peer(name)}", "see `ccops triage`: heartbeat-split")
    return Check(text, True)


def exactly_one_primary(scene: Scene) -> bool:
    """True when one side is Primary and the other is known not to be."""
    return sorted(str(joined.is_primary(scene.pair, name)) for name in scene.names) == ["False", "True"]


def hurt(scene: Scene) -> tuple[str, ...]:
    """Who is on the line now: calls, waiting callers, agents."""
    centre = scene.snapshot.centre.value
    if centre is None:
        why = scene.snapshot.centre.problem
        return (f"how many calls are up is not known{f' ({why})' if why else ''}",)
    from ccops.callcentre.agents import agents

    waiting = sum(len(queue.callers) for queue in centre.queues.values())
    there = [
        a for a in agents(centre, scene.snapshot.at, scene.snapshot.agent_names) if a.state not in ("away", "unknown")
    ]
    talking = sum(1 for agent in there if agent.state == "busy")
    return (
        f"{len(centre.channels)} channels are up and {waiting} callers wait in queues: all of them are cut off",
        f"{len(there)} agents are there, {talking} of them talk",
    )
