"""The callers and agents of a day: who calls, waits, gives up, answers, takes a break, in Asterisk 16's events."""

from __future__ import annotations

import math
import random
from collections.abc import Generator, Mapping
from datetime import UTC, datetime

from ccops.demo.asterisk_files import first_files
from ccops.demo.calls import Break, Call
from ccops.demo.campaigns import first_books
from ccops.demo.console import Console
from ccops.demo.dialer import Dialer, Seat
from ccops.demo.exchange import Channel, Exchange
from ccops.demo.machine import Machine
from ccops.demo.pair import SimulatedPair
from ccops.demo.schedule import Task, Work
from ccops.demo.sip import Peer
from ccops.demo.staff import MAIN_TRUNK, Agent, Queue, Waiting

_TALK_S = 75.0
_BREAKS = ("Almuerzo", "Baño", "Capacitación", "Reunión")
_BUSY = (34, "Circuit/channel congestion")


class CallCentre:
    """The traffic of both nodes' Asterisk: `exchanges[n]` is node n's. Callers reach the node that has the address.

    `load` is calls offered over what the agents could take: 0.5 is calm, above 1 queues grow. Whoever ends up on two
    nodes at once (a split brain) reaches the first. Telephones and gateways whose names are `silent` never answer.
    While agents are `resting`, none is given a call or goes on a break by itself.
    """

    def __init__(self, pair: SimulatedPair, agents: int, load: float, seed: int) -> None:
        self.pair = pair
        self.load = load
        self._rng = random.Random(seed)  # noqa: S311 - a simulation that must repeat itself
        sides = pair.drbd.sides
        self.exchanges = (
            Exchange(pair.machines[0], agents, seed, lambda: sides[0].asterisk),
            Exchange(pair.machines[1], agents, seed, lambda: sides[1].asterisk),
        )
        staff = self.exchanges[0]
        for side in sides:
            side.asterisk = first_files(staff.agents.values(), staff.trunks.values())
            now = datetime.fromtimestamp(pair.schedule.wall(), UTC).replace(tzinfo=None)
            side.books = first_books(staff.agents.values(), list(staff.queues), now)
        self.console = Console(pair, self.exchanges)
        self.console.reloaded = self._plug_in
        self.silent: set[str] = set()
        self.resting = False
        self.dialers = tuple(
            Dialer(pair, exchange, lambda side=side: side.books["break"])  # type: ignore[misc]
            for exchange, side in zip(self.exchanges, sides, strict=True)
        )
        self._tasks: list[list[Task]] = [[], []]
        self._next_tidy = 200
        for machine in pair.machines:
            machine.listeners.append(self._follow)
            if machine.runs("asterisk"):
                self._open(machine)

    @property
    def capacities(self) -> Mapping[str, int]:
        """Trunks and how many calls each carries."""
        return {trunk.name: trunk.capacity for trunk in self.exchanges[0].trunks.values()}

    def set_trunk(self, name: str, reachable: bool) -> None:
        """The gateway answers or not; calls on a dead one are lost."""
        for exchange in self.exchanges:
            if not exchange.machine.runs("asterisk"):
                exchange.trunks[name].reachable = reachable
                continue
            exchange.set_trunk(name, reachable)
            if not reachable:
                head = f"SIP/{name}-"
                for channel in [c for c in exchange.channels.values() if c.name.startswith(head)]:
                    channel.application = "lost"

    def reload(self) -> None:
        """`core reload` wherever Asterisk runs."""
        for exchange in self.exchanges:
            if exchange.machine.runs("asterisk"):
                exchange.reload()

    def flood(self, trunk: str, calls: int, seconds: float) -> None:
        """That many calls more over one trunk, within that time."""
        for _ in range(calls):
            self.pair.schedule.after(self._rng.random() * seconds, lambda: self._arrive(trunk))

    def _follow(self, machine: Machine, what: str) -> None:
        if what == "asterisk" and machine.runs("asterisk"):
            self._open(machine)
        elif what == "asterisk" or (what == "power" and not machine.powered):
            self._shut(machine)

    def _open(self, machine: Machine) -> None:
        n = machine.index
        exchange = self.exchanges[n]
        down = [trunk.name for trunk in exchange.trunks.values() if not trunk.reachable and not trunk.own]
        self._shut(machine)
        self.pair.settle_files(n)
        exchange.start()
        for name in down:
            if name in exchange.trunks:
                exchange.trunks[name].reachable = False
        self._plug_in(n, list(exchange.sip.peers.values()))
        self.dialers[n].start()
        self._spawn(n, self.dialers[n].work())
        self._spawn(n, self._arrivals(exchange))
        self._spawn(n, self._breaks(exchange))
        self._spawn(n, self._registrations(exchange))

    def _shut(self, machine: Machine) -> None:
        for task in self._tasks[machine.index]:
            task.cancel()
        self._tasks[machine.index].clear()
        self.console.forget(machine.index)
        self.dialers[machine.index].stop()
        exchange = self.exchanges[machine.index]
        exchange.channels.clear()
        for queue in exchange.queues.values():
            queue.waiting.clear()

    def _spawn(self, n: int, work: Work) -> None:
        tasks = self._tasks[n]
        tasks.append(self.pair.schedule.spawn(work, owner=n))
        if len(tasks) > self._next_tidy:
            tasks[:] = [task for task in tasks if not task.done]
            self._next_tidy = 200 + 2 * len(tasks)

    def _reached(self) -> int | None:
        holding = [m.index for m in self.pair.machines if m.alive and m.address and m.runs("asterisk")]
        return holding[0] if holding else None

    def _arrivals(self, exchange: Exchange) -> Work:
        n = exchange.machine.index
        while True:
            rate = max(1e-6, len(exchange.agents) * self.load / (_TALK_S + 12.0))
            yield self._rng.expovariate(rate)
            if self._reached() == n:
                self._arrive()

    def _arrive(self, trunk: str | None = None) -> None:
        n = self._reached()
        if n is None or self.exchanges[n].refuses:
            return
        exchange = self.exchanges[n]
        reachable = [t for t in exchange.trunks.values() if t.reachable]
        if trunk is None:
            weights = [1.0 if t.name == MAIN_TRUNK else 6.0 for t in reachable]
            if not reachable:
                return
            trunk = self._rng.choices(reachable, weights)[0].name
        elif not exchange.trunks[trunk].reachable:
            return
        self._spawn(n, self._call(exchange, trunk))

    # One call.

    def _call(self, exchange: Exchange, trunk: str) -> Work:
        rng = self._rng
        names = list(exchange.queues)
        queue = exchange.queues[rng.choice(names)]
        exten = str(400 + names.index(queue.name))
        full = exchange.busy_ports(trunk) >= exchange.trunks[trunk].capacity
        channel = exchange.open_channel(f"SIP/{trunk}", f"09{rng.randrange(10**8):08d}", "from-trunk", exten)
        if full:
            exchange.hang_up(channel, *_BUSY)
            return
        yield 0.2
        exchange.set_state(channel, 6)
        exchange.run(channel, "Answer", "")
        yield 0.3
        priority = 5 if rng.random() < 0.03 else 0
        patience = 20.0 + rng.expovariate(1 / 90.0)
        for attempt in range(2):
            exchange.run(channel, "Queue", f"{queue.name},,,,60")
            entry = exchange.join(channel, queue, priority)
            limit = min(patience, 60.0) if attempt == 0 else patience
            served = yield from self._wait(exchange, channel, queue, entry, limit)
            if served:
                return
            goes_on = patience > 60.0 and not attempt
            self._give_up(exchange, channel, queue, entry, "EXITWITHTIMEOUT" if goes_on else "ABANDON")
            if patience <= 60.0 or attempt:
                break
            # Nobody answered within the queue's minute: the caller overflows to the next one, on the same channel.
            queue = exchange.queues[names[(names.index(queue.name) + 1) % len(names)]]
        exchange.hang_up(channel)

    def _give_up(self, exchange: Exchange, channel: Channel, queue: Queue, entry: Waiting, end: str) -> None:
        """The caller leaves unanswered, and that is recorded."""
        ended = exchange.wall()
        held = int(ended - entry.joined_at)
        exchange.abandon(channel, queue, entry)
        trunk = channel.name.removeprefix("SIP/").rpartition("-")[0]
        call = Call(ended, channel.uniqueid, trunk, channel.number, queue.name, channel.exten, "", held, 0, end)
        self.pair.record_call(exchange.machine.index, call)

    def _wait(
        self, exchange: Exchange, channel: Channel, queue: Queue, entry: Waiting, limit: float
    ) -> Generator[float, None, bool]:
        """Rings agents until one answers (True) or the time is over (False); who is sent elsewhere waits there."""
        waited, first = 0.0, entry
        while waited < limit and channel.application != "lost":
            if channel.sent_to:
                queue, entry = self._send_on(exchange, channel, queue, entry)
            agents = self._choose(exchange, queue) if self._turn(exchange, queue, entry) else []
            if not agents:
                pause = 0.5 + self._rng.random() * 0.5
                waited += pause
                yield pause
                continue
            legs = [(agent, self._ring(exchange, channel, queue, agent)) for agent in agents]
            answers = self._rng.random() > 0.06 * (1 if len(legs) == 1 else 0)
            seconds = 1.5 + self._rng.random() * 5.0 if answers else float(queue.timeout)
            rang = 0.0
            while rang < seconds and channel.application != "lost" and not channel.sent_to:
                pause = min(1.0, seconds - rang)
                rang += pause
                yield pause
            waited += rang
            if channel.application == "lost" or channel.sent_to:
                for agent, leg in legs:
                    exchange.hang_up(leg)
                    exchange.set_status(agent, 1)
                continue
            if answers:
                winner = self._rng.randrange(len(legs))
                for i, (agent, leg) in enumerate(legs):
                    if i != winner:
                        exchange.hang_up(leg, 26, "Answered elsewhere")
                        exchange.set_status(agent, 1)
                yield from self._talk(exchange, channel, queue, entry, *legs[winner], int(seconds))
                return True
            for agent, leg in legs:
                self._miss(exchange, channel, queue, agent, leg, seconds)
        if entry is not first:
            exchange.abandon(channel, queue, entry)
        return False

    def _send_on(self, exchange: Exchange, channel: Channel, queue: Queue, entry: Waiting) -> tuple[Queue, Waiting]:
        """A waiting caller was redirected: out of this queue, and through the dialplan into that one."""
        exchange.abandon(channel, queue, entry)
        queue, channel.sent_to = exchange.queues[channel.sent_to], ""
        channel.exten = str(400 + list(exchange.queues).index(queue.name))
        exchange.run(channel, "Queue", f"{queue.name},,,,60")
        return queue, exchange.join(channel, queue, channel.queue_priority)

    def spy(self, exchange: Exchange, own: str, spied: Channel, options: str) -> None:
        """A supervisor's telephone rings, and listens until the call is over."""
        self._spawn(exchange.machine.index, self._spying(exchange, own, spied, options))

    def _spying(self, exchange: Exchange, own: str, spied: Channel, options: str) -> Work:
        leg = exchange.open_channel(own, "ccops", "from-internal", "s")
        exchange.set_state(leg, 5)
        yield 3.0
        exchange.set_state(leg, 6)
        exchange.run(leg, "ChanSpy", f"{spied.name},{options}")
        while spied.uniqueid in exchange.channels and leg.application != "lost":
            yield 1.0
        exchange.hang_up(leg)

    def _turn(self, exchange: Exchange, queue: Queue, entry: Waiting) -> bool:
        """With `autofill`, as many callers as there are free agents are served at once, from the head."""
        free = sum(1 for agent in exchange.members[queue.name] if self._is_free(agent))
        return entry in queue.waiting and queue.waiting.index(entry) < free

    def _is_free(self, agent: Agent) -> bool:
        return not self.resting and agent.status == 1 and not agent.paused and agent.free_at <= self.pair.schedule.now

    def _choose(self, exchange: Exchange, queue: Queue) -> list[Agent]:
        free = [agent for agent in exchange.members[queue.name] if self._is_free(agent)]
        if not free:
            return []
        lowest = min(agent.memberships[queue.name].penalty for agent in free)
        free = [agent for agent in free if agent.memberships[queue.name].penalty == lowest]
        if queue.strategy == "ringall":
            return free
        if queue.strategy == "fewestcalls":
            return [min(free, key=lambda a: a.memberships[queue.name].calls_taken)]
        return [min(free, key=lambda a: a.last_served)]

    def _ring(self, exchange: Exchange, channel: Channel, queue: Queue, agent: Agent) -> Channel:
        leg = exchange.open_channel(agent.interface, channel.exten, "from-internal", agent.number, channel)
        leg.connected = channel.number
        end = [("Queue", queue.name), ("Interface", agent.interface), ("MemberName", agent.name)]
        exchange.emit("AgentCalled", "agent", [*channel.fields(), *leg.fields("Dest"), *end])
        exchange.emit("DialBegin", "call", [*channel.fields(), *leg.fields("Dest"), ("DialString", agent.number)])
        exchange.set_state(leg, 5)
        exchange.set_status(agent, 6)
        return leg

    def _miss(
        self, exchange: Exchange, channel: Channel, queue: Queue, agent: Agent, leg: Channel, seconds: float
    ) -> None:
        """Nobody picks up; some are paused by the queue for it."""
        end = [
            ("Queue", queue.name),
            ("Interface", agent.interface),
            ("MemberName", agent.name),
            ("RingTime", int(seconds * 1000)),
        ]
        exchange.emit("AgentRingNoAnswer", "agent", [*channel.fields(), *leg.fields("Dest"), *end])
        exchange.hang_up(leg)
        exchange.set_status(agent, 1)
        agent.last_served = self.pair.schedule.now
        if self._rng.random() < 0.3 and not self.resting:
            exchange.pause(agent, True, "Auto-Pause")
            if self.dialers[exchange.machine.index].find(agent.interface) is not None:
                return  # its next pass puts that right
            self._spawn(exchange.machine.index, self._come_back(exchange, agent, 20.0 + self._rng.random() * 60.0))

    def _talk(
        self, exchange: Exchange, channel: Channel, queue: Queue, entry: Waiting, agent: Agent, leg: Channel, rang: int
    ) -> Work:
        rng, now = self._rng, exchange.wall()
        held = int(now - entry.joined_at)
        who = [("Queue", queue.name), ("Interface", agent.interface), ("MemberName", agent.name)]
        exchange.set_state(leg, 6)
        exchange.emit("DialEnd", "call", [*channel.fields(), *leg.fields("Dest"), ("DialStatus", "ANSWER")])
        exchange.leave(channel, queue, entry)
        exchange.emit(
            "AgentConnect",
            "agent",
            [*channel.fields(), *leg.fields("Dest"), *who, ("HoldTime", held), ("RingTime", rang)],
        )
        self._bridge(exchange, channel, leg)
        agent.in_call = True
        exchange.set_status(agent, 2)
        queue.hold_time = (queue.hold_time * 3 + held) // 4
        queue.within += int(held <= queue.service_level)
        length = min(900.0, rng.lognormvariate(math.log(_TALK_S * 0.8), 0.6))
        while length > 0 and channel.application != "lost":
            yield min(3.0, length)
            length -= 3.0
        ended = exchange.wall()
        talked = int(ended - now)
        reason = "agent" if rng.random() < 0.4 else "caller"
        # An agent who hung up is no longer there to be described.
        gone = leg.fields("Dest") if reason == "caller" else []
        self._unbridge(exchange, channel, leg)
        exchange.hang_up(leg)
        agent.in_call = False
        queue.completed += 1
        queue.talk_time = (queue.talk_time * 3 + talked) // 4
        for membership in agent.memberships.values():
            if membership.queue == queue.name:
                membership.calls_taken += 1
            membership.last_call = int(ended)
        agent.last_served = self.pair.schedule.now
        agent.free_at = self.pair.schedule.now + queue.wrapup
        exchange.emit(
            "AgentComplete",
            "agent",
            [*channel.fields(), *gone, *who, ("HoldTime", held), ("TalkTime", talked), ("Reason", reason)],
        )
        exchange.set_status(agent, 1)
        trunk = channel.name.removeprefix("SIP/").rpartition("-")[0]
        call = Call(
            ended, channel.uniqueid, trunk, channel.number, queue.name, channel.exten, agent.number, held, talked,
            f"COMPLETE{reason.upper()}", agent.interface,
        )  # fmt: skip
        self.pair.record_call(exchange.machine.index, call)
        if channel.application == "lost":
            exchange.hang_up(channel, 38, "Network out of order")
        else:
            exchange.hang_up(channel)

    def _bridge(self, exchange: Exchange, channel: Channel, leg: Channel) -> None:
        bridge = f"{self._rng.getrandbits(32):08x}-d0eb-498a-b44d-{self._rng.getrandbits(48):012x}"
        exchange.emit("BridgeCreate", "call", _bridge_fields(bridge, 0))
        for count, side in ((1, leg), (2, channel)):
            side.bridge = bridge
            exchange.emit("BridgeEnter", "call", [*_bridge_fields(bridge, count), *side.fields()])

    def _unbridge(self, exchange: Exchange, channel: Channel, leg: Channel) -> None:
        bridge = leg.bridge
        for count, side in ((1, leg), (0, channel)):
            side.bridge = ""
            exchange.emit("BridgeLeave", "call", [*_bridge_fields(bridge, count), *side.fields()])
        exchange.emit("BridgeDestroy", "call", _bridge_fields(bridge, 0))

    # The rest of the day.

    def _breaks(self, exchange: Exchange) -> Work:
        while True:
            yield self._rng.expovariate(len(exchange.agents) / 900.0)
            agent = self._rng.choice(list(exchange.agents.values()))
            if agent.paused or self.resting:
                continue
            reason, seconds = self._rng.choice(_BREAKS), 30.0 + self._rng.random() * 240.0
            dialer = self.dialers[exchange.machine.index]
            seat = dialer.find(agent.interface)
            if seat is None:
                exchange.pause(agent, True, reason)
                self._spawn(exchange.machine.index, self._come_back(exchange, agent, seconds))
            elif dialer.pause(seat, dialer.break_id(reason)) is None:
                self._spawn(exchange.machine.index, self._end_break(dialer, seat, seat.since, seconds))

    def _come_back(self, exchange: Exchange, agent: Agent, seconds: float) -> Work:
        began, reason = exchange.wall(), agent.reason
        yield seconds
        if agent.paused:
            exchange.pause(agent, False)
            self.pair.record_break(exchange.machine.index, Break(agent.number, reason, began, exchange.wall()))

    def _end_break(self, dialer: Dialer, seat: Seat, since: float, seconds: float) -> Work:
        yield seconds
        if seat.since == since and dialer.find(seat.agent.interface) is seat:
            dialer.unpause(seat)

    def _registrations(self, exchange: Exchange) -> Work:
        """After a start every telephone registers anew, most within seconds."""
        gap = 8.0 / len(exchange.agents)
        for agent in exchange.agents.values():
            yield gap
            exchange.register(agent)

    def _plug_in(self, n: int, peers: list[Peer]) -> None:
        """The telephones and gateways of new peers answer after some seconds."""
        for peer in peers:
            self._spawn(n, self._answer(self.exchanges[n], peer))

    def _answer(self, exchange: Exchange, peer: Peer) -> Work:
        yield 3.0 + self._rng.random() * 2.0 if peer.dynamic else 1.0
        while peer.name in self.silent and exchange.sip.peers.get(peer.name) is peer:
            yield 1.0
        if exchange.sip.peers.get(peer.name) is peer:
            place = sum(peer.name.encode()) % 250 + 1
            exchange.answer_peer(peer, f"192.168.31.{place}", 4 + place % 19)


def _bridge_fields(bridge: str, count: int) -> list[tuple[str, object]]:
    return [
        ("BridgeUniqueid", bridge),
        ("BridgeType", "basic"),
        ("BridgeTechnology", "simple_bridge"),
        ("BridgeCreator", "<unknown>"),
        ("BridgeName", "<unknown>"),
        ("BridgeNumChannels", count),
        ("BridgeVideoSourceMode", "none"),
    ]
