"""What the two nodes say of themselves, and the conditions that the lab can wait for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Pair = Mapping[int, "Facts"]


@dataclass(frozen=True)
class Facts:
    """One node's answers to `lab-facts`; of a node that does not answer all are empty."""

    said: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> Facts:
        return cls(dict(line.split("=", 1) for line in text.splitlines() if "=" in line))

    def get(self, name: str) -> str:
        return self.said.get(name, "")

    def drbd(self, name: str) -> str:
        """The connection state (`cs`), the roles (`ro`) or the disk states (`ds`), mine before the peer's."""
        found = re.search(rf"\b{name}:(\S+)", self.get("drbd"))
        return found[1] if found else ""

    @property
    def answers(self) -> bool:
        return bool(self.said)

    @property
    def serves(self) -> bool:
        """Observed, not reported: the address, the role, the mount and both daemons are here."""
        here = self.get("address") == "1" and self.get("mount") == "1" and self.drbd("ro").startswith("Primary/")
        return here and self.get("asterisk") == "ready" and self.get("mariadb") == "ready"

    @property
    def idle(self) -> bool:
        """Nothing of the service is here."""
        nothing = self.get("address") == "0" and self.get("mount") == "0" and self.drbd("ro").startswith("Secondary/")
        return nothing and self.get("asterisk") == "stopped" and self.get("mariadb") == "stopped"

    @property
    def sees_both_nodes(self) -> bool:
        """Heartbeat runs, has both nodes active, and is not moving anything."""
        states = (self.get("node1"), self.get("node2"))
        settled = self.get("moving") == "0" and self.get("resources") in ("local", "all", "none", "foreign")
        return "is running" in self.get("heartbeat") and states == ("active", "active") and settled

    @property
    def in_sync(self) -> bool:
        return self.drbd("cs") == "Connected" and self.drbd("ds") == "UpToDate/UpToDate"

    def line(self) -> str:
        if not self.answers:
            return "does not answer"
        drbd = " ".join(f"{name}:{self.drbd(name)}" for name in ("cs", "ro", "ds")) if self.get("drbd") else "no DRBD"
        heartbeat = "stopped"
        if "is running" in self.get("heartbeat"):
            moving = ", moving" if self.get("moving") != "0" else ""
            states = f"node 1 {self.get('node1')}, node 2 {self.get('node2')}"
            heartbeat = f"{self.get('resources')} ({states}{moving})"
        held = [name for name, key in (("address", "address"), ("/data", "mount")) if self.get(key) == "1"]
        held += [f"{name} {self.get(name)}" for name in ("asterisk", "mariadb") if self.get(name) != "stopped"]
        return f"{drbd}; heartbeat {heartbeat}; holds {', '.join(held) or 'nothing'}"


def serves(pair: Pair, node: int) -> bool:
    """The node serves; of the other it is not asked that it answers, only that it does not serve."""
    return pair[node].serves and not pair[3 - node].serves


def healthy(pair: Pair, node: int = 1) -> bool:
    """The service is wholly on one node and not at all on the other, both are in sync and see each other."""
    one, other = pair[node], pair[3 - node]
    return one.serves and other.idle and all(f.in_sync and f.sees_both_nodes for f in (one, other))


def peer_dead(pair: Pair, node: int) -> bool:
    """The node's Heartbeat takes the other for dead."""
    return pair[node].get(f"node{3 - node}") == "dead"


# Conditions by name; those in the second table are asked of a node.
OF_THE_PAIR: Mapping[str, Callable[[Pair], bool]] = {
    "healthy": healthy,
    "connected": lambda pair: all(facts.drbd("cs") == "Connected" for facts in pair.values()),
    "in-sync": lambda pair: all(facts.in_sync for facts in pair.values()),
    "syncing": lambda pair: any(facts.drbd("cs").startswith("Sync") for facts in pair.values()),
    "replication-down": lambda pair: all(facts.drbd("cs") in ("WFConnection", "StandAlone") for facts in pair.values()),
    "both-serve": lambda pair: all(facts.serves for facts in pair.values()),
    "nobody-serves": lambda pair: all(facts.answers and facts.idle for facts in pair.values()),
}
OF_A_NODE: Mapping[str, Callable[[Pair, int], bool]] = {
    "serves": serves,
    "healthy": healthy,
    "answers": lambda pair, node: pair[node].answers,
    "idle": lambda pair, node: pair[node].idle,
    "peer-dead": peer_dead,
    "standalone": lambda pair, node: pair[node].drbd("cs") == "StandAlone",
}
