"""The working copy of a call centre: what a batch of events changes, copied once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from msgspec.structs import replace

from ccops.callcentre.fields import Event
from ccops.callcentre.model import Caller, Centre, Channel, Endpoint, Left, Member, Queue, Ring, Talk

MINUTES_KEPT = 60
# A call that is still alive so long after Asterisk called it abandoned was not hung up by the caller.
LIVED_ON_S = 5.0
LEFT_KEPT_S = 60.0

V = TypeVar("V")


class Table(Generic[V]):
    """A mapping that is copied at its first change; `now` is what it holds."""

    __slots__ = ("_copied", "now")

    def __init__(self, base: Mapping[str, V]) -> None:
        self.now: Mapping[str, V] = base
        self._copied: dict[str, V] | None = None

    @property
    def changed(self) -> bool:
        """Whether anything was put or dropped."""
        return self._copied is not None

    def put(self, key: str, value: V) -> None:
        """Sets `key`."""
        self._own()[key] = value

    def drop(self, key: str) -> V | None:
        """Takes `key` out; None when it is not there."""
        return self._own().pop(key) if key in self.now else None

    def clear(self) -> None:
        """Drops everything."""
        if self.now:
            self._own().clear()

    def _own(self) -> dict[str, V]:
        if self._copied is None:
            self.now = self._copied = dict(self.now)
        return self._copied


class Draft:
    """A call centre being changed at the time `at`. With `replaying`, what lists already told is no surprise."""

    def __init__(self, centre: Centre, at: float, replaying: bool = False) -> None:
        self.at = at
        self.queues = Table[Queue](centre.queues)
        self.talks = Table[Talk](centre.talks)
        self.channels = Table[Channel](centre.channels)
        self.endpoints = Table[Endpoint](centre.endpoints)
        self.ringing = Table[Ring](centre.ringing)
        self.left = Table[Left](centre.left)
        self.started_at = centre.started_at
        self.calls_per_minute = centre.calls_per_minute
        self.minute = centre.minute
        self.needs_resync = centre.needs_resync
        self._centre = centre
        self.replaying = replaying
        self._members: dict[str, Table[Member]] = {}
        self._devices: dict[str, list[tuple[str, str]]] | None = None
        self._turn_minute()

    def finish(self) -> Centre:
        """The call centre as it is now; the draft is done with."""
        for name, members in self._members.items():
            if members.changed and name in self.queues.now:
                self.queues.put(name, replace(self.queues.now[name], members=members.now))
        return replace(
            self._centre,
            queues=self.queues.now,
            talks=self.talks.now,
            channels=self.channels.now,
            endpoints=self.endpoints.now,
            ringing=self.ringing.now,
            left=self.left.now,
            started_at=self.started_at,
            calls_per_minute=self.calls_per_minute,
            minute=self.minute,
            needs_resync=self.needs_resync,
            updated_at=self.at,
        )

    def doubt(self, reason: str) -> None:
        """Asks for the lists to be read again; the first reason stands until they were."""
        if self.needs_resync is None:
            self.needs_resync = reason

    def contradict(self, reason: str) -> None:
        """As `doubt`, for an event that does not fit; expected when events are replayed over a list."""
        if not self.replaying:
            self.doubt(reason)

    def queue(self, name: str) -> Queue:
        """The queue of that name, made when no list told of it."""
        found = self.queues.now.get(name)
        if found is None:
            self.doubt(f"an event names queue {name!r}, which no list told of")
            found = Queue(name=name, counted_since=self.at)
            self.queues.put(name, found)
        return found

    def members(self, queue: str) -> Table[Member]:
        """The members of a queue, by interface."""
        table = self._members.get(queue)
        if table is None:
            table = self._members[queue] = Table[Member](self.queue(queue).members)
        return table

    def put_member(self, member: Member) -> None:
        """Sets one membership."""
        table = self.members(member.queue)
        old = table.now.get(member.interface)
        if old is None or old.state_interface != member.state_interface:
            self._devices = None
        table.put(member.interface, member)

    def drop_member(self, queue: str, interface: str) -> Member | None:
        """Ends one membership; None when there was none."""
        self._devices = None
        return self.members(queue).drop(interface)

    def memberships(self, device: str) -> list[Member]:
        """The memberships whose state is that of `device`."""
        if self._devices is None:
            self._devices = {}
            for name in self.queues.now:
                for interface, member in self.members(name).now.items():
                    watched = member.state_interface or interface
                    self._devices.setdefault(watched.removesuffix("/n"), []).append((name, interface))
        return [self._members[queue].now[interface] for queue, interface in self._devices.get(device, ())]

    def waiting(self, uniqueid: str) -> Caller | None:
        """The caller of that uniqueid, in whichever queue."""
        for queue in self.queues.now.values():
            for caller in queue.callers:
                if caller.uniqueid == uniqueid:
                    return caller
        return None

    def settle(self, uniqueid: str, lives_on: bool) -> None:
        """Decides about a caller who left a queue: the call lives on (so it was not abandoned), or it ended."""
        left = self.left.drop(uniqueid)
        if left is None or not left.abandoned or not lives_on:
            return
        queue = self.queues.now.get(left.caller.queue)
        if queue is not None and queue.abandoned:
            self.queues.put(queue.name, replace(queue, abandoned=queue.abandoned - 1, exited=queue.exited + 1))

    def settle_old(self) -> None:
        """Decides about all who left long enough ago to tell."""
        for uniqueid, left in tuple(self.left.now.items()):
            age = self.at - left.at
            lives_on = age > LIVED_ON_S and left.abandoned and uniqueid in self.channels.now
            if lives_on or age > LEFT_KEPT_S:
                self.settle(uniqueid, lives_on)

    def end_calls(self) -> None:
        """Forgets every call: Asterisk stopped or is another one."""
        for table in (self.talks, self.channels, self.ringing, self.left):
            table.clear()
        for queue in tuple(self.queues.now.values()):
            if queue.callers:
                self.queues.put(queue.name, replace(queue, callers=()))

    def offered(self, queue: str, anew: bool) -> None:
        """Counts a call that joined a queue; `anew` when it does not come from another one."""
        found = self.queue(queue)
        self.queues.put(queue, replace(found, history=_one_more(found.history)))
        if anew:
            self.calls_per_minute = _one_more(self.calls_per_minute)

    def _turn_minute(self) -> None:
        minute = int(self.at // 60)
        if self.minute is None:
            self.minute = minute
        passed = minute - self.minute
        if passed <= 0:
            return
        self.minute = minute
        self.calls_per_minute = _later(self.calls_per_minute, passed)
        for queue in tuple(self.queues.now.values()):
            if queue.history:
                self.queues.put(queue.name, replace(queue, history=_later(queue.history, passed)))
        self.settle_old()


Handler = Callable[[Draft, Event], None]


def _one_more(counts: tuple[int, ...]) -> tuple[int, ...]:
    return (*counts[:-1], counts[-1] + 1) if counts else (1,)


def _later(counts: tuple[int, ...], minutes: int) -> tuple[int, ...]:
    return (*counts, *(0,) * min(minutes, MINUTES_KEPT))[-MINUTES_KEPT:] if counts else counts
