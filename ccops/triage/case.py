"""What every rule looks at: both nodes' facts, what logs and time tell, and from when on it is a fault."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ccops.config import Thresholds
from ccops.pair.drbdadm import Drbdadm, spelt
from ccops.pair.model import NodeState, PairState
from ccops.triage.facts import NodeFacts
from ccops.triage.finding import Evidence, Step, Traces
from ccops.triage.history import HeartbeatWord, History, KernelWord, evidence_of

_BEGINNINGS = ("standby-wanted", "acquiring-from", "started", "shutdown-began")
_STANDBY = "/usr/share/heartbeat/hb_standby"


class Memory(msgspec.Struct, frozen=True):
    """What a single look cannot tell, in seconds unless said otherwise; None or missing: not known.

    `unserved_s`: since somebody was last seen serving (None also while somebody is). `transition_s`: since Heartbeat
    says that it moves resources. `connection_s`: by node, since DRBD's connection is what it is now. `settled_s`: since
    the pair was last seen well, whoever served. `growth_kib_s`: by node, how fast the volume fills, KiB a second.
    `traces`: by node, what its call centre wrote last.
    """

    unserved_s: float | None = None
    transition_s: float | None = None
    connection_s: Mapping[str, float] = {}
    settled_s: float | None = None
    growth_kib_s: Mapping[str, float] = {}
    traces: Mapping[str, Traces] = {}


class Case(msgspec.Struct, frozen=True):
    """One look at a pair, with its past."""

    pair: PairState
    facts: tuple[NodeFacts, NodeFacts]
    history: History = History()
    memory: Memory = Memory()
    thresholds: Thresholds = Thresholds()

    # Both nodes

    @property
    def names(self) -> tuple[str, str]:
        """The two nodes' names."""
        return self.facts[0].name, self.facts[1].name

    def peer(self, name: str) -> NodeFacts:
        """The other node's facts."""
        first, second = self.facts
        return second if first.name == name else first

    def facts_of(self, name: str) -> NodeFacts:
        """That node's facts."""
        first, second = self.facts
        return first if first.name == name else second

    def node(self, name: str) -> NodeState:
        """That node's state."""
        return self.pair.node(name)

    # What holds for the pair as a whole

    @property
    def in_flux(self) -> bool:
        """True while Heartbeat on either node says that it moves resources, until the time for it is over."""
        limit, since = self.thresholds.transition, self.memory.transition_s
        return any(f.in_transition for f in self.facts) and (since is None or since < limit)

    @property
    def unserved_shortly(self) -> bool:
        """True when somebody served a short while ago; shorter where Heartbeat's log knows of no move."""
        unserved, limits = self.memory.unserved_s, self.thresholds
        calm = bool(self.history.heartbeat) and self.move_began() is None
        return unserved is not None and unserved < (min(limits.service, limits.unserved) if calm else limits.unserved)

    def move_began(self) -> HeartbeatWord | None:
        """The newest word of a move's beginning, within the time that one may take."""
        words = (w for name in self.names for w in self.history.of_heartbeat(name, *_BEGINNINGS))
        recent = [w for w in words if w.line.dated and -5.0 < self.pair.at - w.line.at < self.thresholds.transition]
        return max(recent, key=lambda w: w.line.at, default=None)

    @property
    def starting(self) -> tuple[str, ...]:
        """The nodes that have started a short while ago, if the pair was not seen well since."""
        return tuple(name for name in self.names if self._started_s(name) is not None)

    def started_s(self) -> float | None:
        """Since when the youngest of them is starting, in seconds."""
        return min((s for name in self.names if (s := self._started_s(name)) is not None), default=None)

    def _started_s(self, name: str) -> float | None:
        node, limit = self.node(name), self.thresholds.starting
        ages = [] if node.uptime_s is None else [node.uptime_s]
        ages += [self.pair.at - w.line.at for w in self.history.of_heartbeat(name, "started") if w.line.dated]
        youngest = min((age for age in ages if age >= 0), default=None)
        if youngest is None or youngest >= limit:
            return None
        settled = self.memory.settled_s
        return None if settled is not None and settled <= youngest else youngest

    @property
    def settling(self) -> bool:
        """True while what is missing may only be missing yet: resources move, or a node is starting."""
        return self.in_flux or self.unserved_shortly or bool(self.starting)

    # The past

    def lately(self, name: str, *kinds: str) -> tuple[HeartbeatWord, ...]:
        """What Heartbeat on that node said of these kinds within the time for which the log alone is believed."""
        return tuple(w for w in self.history.of_heartbeat(name, *kinds) if self._is_recent(w.line.at, w.line.dated))

    def lately_kernel(self, name: str, *kinds: str) -> tuple[KernelWord, ...]:
        """The same of DRBD."""
        return tuple(w for w in self.history.of_kernel(name, *kinds) if self._is_recent(w.line.at, w.line.dated))

    def since_parted(self, *kinds: str, most: int = 2) -> tuple[Evidence, ...]:
        """DRBD's words of these kinds on both nodes since each was last connected, at most the last `most` of each."""
        found: list[Evidence] = []
        for name in self.names:
            found += evidence_of((w for w in self.history.since_connected(name) if w.event.kind in kinds), most)
        return tuple(found)

    def _is_recent(self, at: float, dated: bool) -> bool:
        return dated and self.pair.at - at < self.thresholds.recent

    # Evidence

    def drbd(self) -> tuple[Evidence, ...]:
        """What /proc/drbd says on both."""
        return tuple(f.drbd_evidence() for f in self.facts)

    def heartbeat(self) -> tuple[Evidence, ...]:
        """What Heartbeat says on both, of itself and of its peer."""
        first, second = self.facts
        return first.heartbeat_evidence(second.name), second.heartbeat_evidence(first.name)

    def holding(self) -> tuple[Evidence, ...]:
        """Who was seen to hold what."""
        return tuple(f.holding_evidence() for f in self.facts)

    # Commands for remedies

    def drbdadm(self, name: str) -> Drbdadm:
        """DRBD's commands in that node's spelling."""
        layout = self.pair.layout
        return Drbdadm(layout.resource, layout.minor, self.node(name).versions.get("drbd"))

    def drbd_step(self, text: str, name: str, argv: tuple[str, ...]) -> Step:
        """A step with one of DRBD's commands."""
        return Step(text, name, spelt(argv))

    def heartbeat_step(self, text: str, name: str, verb: str) -> Step:
        """A step that starts or stops Heartbeat on a node."""
        return Step(text, name, f"service heartbeat {verb}")

    def service_step(self, text: str, name: str, service: str, verb: str) -> Step:
        """A step with one of the pair's services, by the unit or script that runs it."""
        return Step(text, name, f"service {self.pair.layout.services.get(service, service)} {verb}")

    def standby_step(self, text: str, name: str) -> Step:
        """A step that gives everything to the peer. Some distributions keep the script in lib or lib64."""
        return Step(text, name, f"{_STANDBY} all")

    @property
    def serving(self) -> NodeFacts | None:
        """The node that holds address, mount and Primary role, whatever its services do; None without exactly one."""
        holders = [f for f in self.facts if f.address and f.mount and f.primary]
        return holders[0] if len(holders) == 1 else None
