"""Asterisk on one node: channels, queues, members and peers, and the events and lists of version 16 about them."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ccops.demo.machine import Machine
from ccops.demo.sip import Peer, Sip
from ccops.demo.staff import Agent, Membership, Queue, Trunk, Waiting, make_agents, make_queues, make_trunks

Fields = list[tuple[str, object]]
Listener = Callable[[str, str, Fields], None]

_STATES = {0: "Down", 4: "Ring", 5: "Ringing", 6: "Up"}
_DEVICE = {1: "NOT_INUSE", 2: "INUSE", 5: "UNAVAILABLE", 6: "RINGING"}
_UNKNOWN = "<unknown>"


@dataclass
class Channel:
    """One active channel, as every event about it describes it.

    `sent_to`: the queue that a waiting caller was redirected to; `queue_priority` is the variable QUEUE_PRIO.
    """

    name: str
    uniqueid: str
    linkedid: str
    number: str
    context: str
    exten: str
    since: float
    caller_name: str = _UNKNOWN
    state: int = 4
    connected: str = _UNKNOWN
    connected_name: str = _UNKNOWN
    priority: int = 1
    application: str = ""
    data: str = ""
    bridge: str = ""
    sent_to: str = ""
    queue_priority: int = 0

    def fields(self, prefix: str = "") -> Fields:
        """The block of headers that begins or ends an event about the channel."""
        return [
            (f"{prefix}Channel", self.name),
            (f"{prefix}ChannelState", self.state),
            (f"{prefix}ChannelStateDesc", _STATES.get(self.state, "Up")),
            (f"{prefix}CallerIDNum", self.number),
            (f"{prefix}CallerIDName", self.caller_name),
            (f"{prefix}ConnectedLineNum", self.connected),
            (f"{prefix}ConnectedLineName", self.connected_name),
            (f"{prefix}Language", "en"),
            (f"{prefix}AccountCode", ""),
            (f"{prefix}Context", self.context),
            (f"{prefix}Exten", self.exten),
            (f"{prefix}Priority", self.priority),
            (f"{prefix}Uniqueid", self.uniqueid),
            (f"{prefix}Linkedid", self.linkedid),
        ]


class Exchange:
    """What one Asterisk knows; empty again at every start. Events go to `listeners` as (name, class, fields).

    `processed` counts callers since the start; while it `refuses`, for it is about to end, no new ones are taken.
    """

    def __init__(
        self,
        machine: Machine,
        agents: int,
        seed: int,
        files: Callable[[], Mapping[str, bytes]] = lambda: {},
    ) -> None:
        """`files` are those of Asterisk's configuration, as they lie on the volume."""
        self.machine = machine
        self.files = files
        self.sip = Sip(self._staff_peers)
        self.size = agents
        self.listeners: list[Listener] = []
        self._seed = seed
        self.start()

    def start(self) -> None:
        """A new process: no calls, all members unpaused, counters at 0."""
        rng = random.Random(self._seed)  # noqa: S311 - the same staff at every start
        self.started_at = self.machine.wall()
        self.reloaded_at = self.started_at
        self.queues: dict[str, Queue] = make_queues(self.size)
        self.agents: dict[str, Agent] = make_agents(self.size, self.queues, rng)
        self.trunks: dict[str, Trunk] = make_trunks(self.size)
        self.channels: dict[str, Channel] = {}
        self.members: dict[str, list[Agent]] = {name: [] for name in self.queues}
        for agent in self.agents.values():
            for name, membership in agent.memberships.items():
                membership.login = int(self.started_at)
                self.members[name].append(agent)
        self.processed = 0
        self.refuses = False
        self._numbers = 0
        self._ports: dict[str, int] = {}
        self.sip.read(self.files(), afresh=True)
        self._follow_trunks()

    def emit(self, name: str, kind: str, fields: Fields) -> None:
        """Tells everyone who is logged in."""
        for listener in self.listeners:
            listener(name, kind, fields)

    def wall(self) -> float:
        """The node's clock."""
        return self.machine.wall()

    # Channels.

    def open_channel(self, head: str, number: str, context: str, exten: str, link: Channel | None = None) -> Channel:
        """A new channel, announced."""
        now = self.wall()
        unique = f"{int(now)}.{self._numbers}"
        self._numbers += 1
        channel = Channel(
            f"{head}-{self._numbers:08x}", unique, link.linkedid if link else unique, number, context, exten, now
        )
        if link is not None:
            channel.state, channel.connected = 0, link.number
        self.channels[unique] = channel
        self._count_port(channel, 1)
        self.emit("Newchannel", "call", channel.fields())
        return channel

    def set_state(self, channel: Channel, state: int) -> None:
        """The channel rings or is up."""
        channel.state = state
        self.emit("Newstate", "call", channel.fields())

    def run(self, channel: Channel, application: str, data: str) -> None:
        """The dialplan goes on to an application."""
        channel.priority += 1
        channel.application, channel.data = application, data
        self.emit(
            "Newexten",
            "dialplan",
            [*channel.fields(), ("Extension", channel.exten), ("Application", application), ("AppData", data)],
        )

    def hang_up(self, channel: Channel, cause: int = 16, text: str = "Normal Clearing") -> None:
        """The channel is gone."""
        if self.channels.pop(channel.uniqueid, None) is not None:
            self._count_port(channel, -1)
            self.emit("Hangup", "call", [*channel.fields(), ("Cause", cause), ("Cause-txt", text)])

    def named(self, name: str) -> Channel | None:
        """The active channel of that name."""
        return next((channel for channel in self.channels.values() if channel.name == name), None)

    def lose(self, channel: Channel) -> None:
        """Somebody hung up: whoever plays the call ends it, with the caller's channel that it hangs on."""
        for each in self.channels.values():
            if each is channel or (channel.bridge and each.bridge == channel.bridge):
                each.application = "lost"

    def busy_ports(self, trunk: str) -> int:
        """How many calls a trunk carries."""
        return self._ports.get(trunk, 0)

    def _count_port(self, channel: Channel, change: int) -> None:
        if channel.context == "from-trunk":
            self.processed += max(0, change)
            trunk = channel.name.removeprefix("SIP/").rpartition("-")[0]
            self._ports[trunk] = self._ports.get(trunk, 0) + change

    # Queues.

    def join(self, channel: Channel, queue: Queue, priority: int = 0) -> Waiting:
        """Takes a place: behind everyone of the same or a higher priority."""
        entry = Waiting(channel.uniqueid, self.wall(), priority)
        at = next((i for i, w in enumerate(queue.waiting) if w.priority < priority), len(queue.waiting))
        queue.waiting.insert(at, entry)
        entry.original_position = at + 1
        self._announce(queue)
        self.emit(
            "QueueCallerJoin",
            "agent",
            [*channel.fields(), ("Queue", queue.name), ("Position", at + 1), ("Count", len(queue.waiting))],
        )
        return entry

    def leave(self, channel: Channel, queue: Queue, entry: Waiting) -> None:
        """Gives the place up, whatever the reason."""
        if entry not in queue.waiting:
            return
        position = queue.waiting.index(entry) + 1
        queue.waiting.remove(entry)
        self._announce(queue)
        self.emit(
            "QueueCallerLeave",
            "agent",
            [*channel.fields(), ("Queue", queue.name), ("Position", position), ("Count", len(queue.waiting))],
        )

    def abandon(self, channel: Channel, queue: Queue, entry: Waiting) -> None:
        """The caller gives up, or the queue gives up on the caller."""
        if entry not in queue.waiting:
            return
        queue.abandoned += 1
        held = int(self.wall() - entry.joined_at)
        position = queue.waiting.index(entry) + 1
        self.emit(
            "QueueCallerAbandon",
            "agent",
            [
                *channel.fields(),
                ("Queue", queue.name),
                ("Position", position),
                ("OriginalPosition", entry.original_position),
                ("HoldTime", held),
            ],
        )
        self.leave(channel, queue, entry)

    def _announce(self, queue: Queue) -> None:
        if len(queue.waiting) in {0, 1}:
            state = "RINGING" if queue.waiting else "NOT_INUSE"
            self.emit("DeviceStateChange", "call", [("Device", f"Queue:{queue.name}"), ("State", state)])

    # Members.

    def set_status(self, agent: Agent, status: int) -> None:
        """The telephone's state changes, in all queues of the agent."""
        if agent.away and status == 1:
            status = 5
        if agent.status == status:
            return
        agent.status = status
        state = _DEVICE.get(status, "UNKNOWN")
        self.emit("DeviceStateChange", "call", [("Device", agent.interface), ("State", state)])
        for membership in agent.memberships.values():
            self.emit("QueueMemberStatus", "agent", self.member_fields(agent, membership))

    def pause(self, agent: Agent, paused: bool, reason: str = "", queue: str | None = None) -> None:
        """Pauses or unpauses; the reason of a pause is told again at its end."""
        agent.paused = paused
        if paused:
            agent.reason = reason
            agent.last_pause = int(self.wall())
        for membership in agent.memberships.values():
            if queue is None or membership.queue == queue:
                fields = self.member_fields(agent, membership)
                self.emit("QueueMemberPause", "agent", [*fields, ("Reason", agent.reason)] if agent.reason else fields)
        if not paused:
            agent.reason = ""

    def log_off(self, agent: Agent, soft: bool = True) -> None:
        """An agent of chan_agent logs off; `soft` lets the call end first."""
        if not soft:
            for channel in list(self.channels.values()):
                if channel.bridge and channel.name.startswith(f"{agent.interface}-"):
                    self.lose(channel)
        agent.away = True
        if not agent.in_call:
            self.set_status(agent, 5)
        seconds = int(self.wall() - self.started_at)
        self.emit("Agentlogoff", "agent", [("Agent", agent.login), ("Logintime", seconds)])

    def log_on(self, agent: Agent) -> None:
        """And logs on again."""
        agent.away = False
        self.set_status(agent, 1)
        self.emit("Agentlogin", "agent", [("Agent", agent.login), ("Channel", f"SIP/{agent.number}-{0:08x}")])

    def add_member(self, agent: Agent, queue: str, penalty: int = 0) -> bool:
        """A dynamic member; False when already there."""
        if queue in agent.memberships:
            return False
        membership = Membership(queue, penalty, dynamic=True, login=int(self.wall()))
        agent.memberships[queue] = membership
        self.members[queue].append(agent)
        self.emit("QueueMemberAdded", "agent", self.member_fields(agent, membership))
        return True

    def remove_member(self, agent: Agent, queue: str) -> bool:
        """Takes a member out of a queue; False when not there."""
        membership = agent.memberships.pop(queue, None)
        if membership is None:
            return False
        self.members[queue].remove(agent)
        self.emit("QueueMemberRemoved", "agent", self.member_fields(agent, membership))
        return True

    def set_penalty(self, agent: Agent, penalty: int, queue: str | None = None) -> None:
        """Gives the agent that penalty, in one queue or in all."""
        for membership in agent.memberships.values():
            if queue is None or membership.queue == queue:
                membership.penalty = penalty
                self.emit("QueueMemberPenalty", "agent", self.member_fields(agent, membership))

    def member_fields(self, agent: Agent, membership: Membership, listed: bool = False) -> Fields:
        """A member in an event, or (`listed`) in the answer to QueueStatus."""
        name: Fields = [("MemberName", agent.name), ("Interface", agent.interface)]
        if listed:
            name = [("Name", agent.name), ("Location", agent.interface)]
        wrapup = self.queues[membership.queue].wrapup
        end: Fields = [("Wrapuptime", wrapup)] if listed else [("Ringinuse", 0), ("Wrapuptime", wrapup)]
        return [
            ("Queue", membership.queue),
            *name,
            ("StateInterface", agent.interface),
            ("Membership", "dynamic" if membership.dynamic else "static"),
            ("Penalty", membership.penalty),
            ("CallsTaken", membership.calls_taken),
            ("LastCall", membership.last_call),
            ("LastPause", agent.last_pause),
            ("LoginTime", membership.login),
            ("InCall", int(agent.in_call)),
            ("Status", agent.status),
            ("Paused", int(agent.paused)),
            ("PausedReason", agent.reason),
            *end,
        ]

    def find_agent(self, interface: str) -> Agent | None:
        """The agent with that interface; Local/101@from-queue/n names the same telephone as SIP/101."""
        if interface.startswith("Local/"):
            interface = f"SIP/{interface[6:].partition('@')[0]}"
        return self.agents.get(interface)

    # Peers.

    def set_trunk(self, name: str, reachable: bool) -> None:
        """The qualify packets of a trunk are answered, or no longer."""
        trunk = self.trunks[name]
        if trunk.reachable == reachable:
            return
        trunk.reachable = reachable
        status, answer = ("Reachable", trunk.latency_ms) if reachable else ("Unreachable", -1)
        self.emit(
            "PeerStatus",
            "system",
            [("ChannelType", "SIP"), ("Peer", f"SIP/{name}"), ("PeerStatus", status), ("Time", answer)],
        )

    def register(self, agent: Agent) -> None:
        """A telephone registers (anew)."""
        number = int(agent.number)
        self.emit(
            "PeerStatus",
            "system",
            [
                ("ChannelType", "SIP"),
                ("Peer", f"SIP/{agent.number}"),
                ("PeerStatus", "Registered"),
                ("Address", f"192.168.{28 + number // 250}.{number % 250 + 1}:5060"),
            ],
        )

    def reload(self) -> None:
        """`core reload`: dates change, and no member events come."""
        self.reloaded_at = self.wall()
        self.emit("Reload", "system", [("Module", "All"), ("Status", 0)])

    def reload_sip(self) -> list[Peer]:
        """`sip reload`: what is up stays up, and no peer's event comes; the peers that are new."""
        new = self.sip.read(self.files())
        self._follow_trunks()
        self.emit(
            "ChannelReload",
            "system",
            [
                ("ChannelType", "SIP"),
                ("ReloadReason", "CLIRELOAD (Channel module reload by CLI command)"),
                ("Registry_Count", 0),
                ("Peer_Count", sum(1 for _ in self.peers())),
            ],
        )
        return new

    def answer_peer(self, peer: Peer, address: str, latency_ms: int) -> None:
        """A peer of the files registers from there, where it has to, and answers its qualify."""
        if peer.dynamic:
            peer.address = address
            self._tell_peer(peer.name, "Registered", ("Address", f"{address}:5060"))
        if peer.qualified:
            peer.latency_ms = latency_ms
            self._tell_peer(peer.name, "Reachable", ("Time", latency_ms))
        self._follow_trunks()

    def _tell_peer(self, name: str, status: str, more: tuple[str, object]) -> None:
        head: Fields = [("ChannelType", "SIP"), ("Peer", f"SIP/{name}"), ("PeerStatus", status)]
        self.emit("PeerStatus", "system", [*head, more])

    def _follow_trunks(self) -> None:
        """Calls come in by the trunks that the files have; by one that is gone none come any more."""
        theirs = {peer.name: trunk for peer in self.sip.peers.values() if (trunk := peer.trunk()) is not None}
        for name in [name for name, trunk in self.trunks.items() if trunk.own and name not in theirs]:
            del self.trunks[name]
        self.trunks |= theirs

    def peers(self) -> Iterator[tuple[str, str, bool, str]]:
        """Name, address, dynamic, status of every SIP peer."""
        return self.sip.all()

    def _staff_peers(self) -> Iterator[tuple[str, str, bool, str]]:
        for trunk in self.trunks.values():
            if trunk.own:
                continue
            yield trunk.name, trunk.address, False, f"OK ({trunk.latency_ms} ms)" if trunk.reachable else "UNREACHABLE"
        for agent in self.agents.values():
            number = int(agent.number)
            address = f"192.168.{28 + number // 250}.{number % 250 + 1}"
            yield (
                agent.number,
                address,
                True,
                f"OK ({3 + number % 17} ms)" if agent.status != 5 or agent.login else "UNKNOWN",
            )

    def date(self, at: float) -> tuple[str, str]:
        """A moment as CoreStatus shows it: date and time."""
        moment = time.gmtime(at)
        return time.strftime("%Y-%m-%d", moment), time.strftime("%H:%M:%S", moment)
