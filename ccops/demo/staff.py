"""Who works in the simulated call centre: queues, agents and trunks, made up from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

_FIRST = (
    "Ana", "Luis", "Rosa", "Iván", "Eva", "Jorge", "Lucía", "Pedro", "Marta", "Diego",
    "Elena", "Raúl", "Sofía", "Hugo", "Carmen", "Pablo", "Nuria", "Óscar", "Inés", "Mateo",
    "Julia", "Andrés", "Paula", "Sergio", "Clara", "Tomás", "Irene", "Bruno", "Alba", "Marcos",
)  # fmt: skip
_LAST = (
    "Torres", "Vera", "Paz", "Ruiz", "Mora", "Castro", "Vega", "León", "Salas", "Ortiz",
    "Peña", "Ríos", "Luna", "Soto", "Mena", "Cruz", "Rojas", "Ibarra", "Nieto", "Lara",
    "Zambrano", "Cedeño", "Andrade", "Bravo", "Macías", "Vélez", "Loor", "Mendoza", "Intriago", "Alcívar",
)  # fmt: skip
_QUEUES = (
    ("ventas", "rrmemory", 20),
    ("soporte", "leastrecent", 30),
    ("cobranza", "ringall", 10),
    ("informes", "rrmemory", 20),
    ("reclamos", "fewestcalls", 30),
    ("facturacion", "leastrecent", 20),
    ("citas", "rrmemory", 15),
    ("vip", "rrmemory", 10),
)

# Of six agents, four are members by configuration, and two log in through the call-center module.
_KINDS = ("", "", "", "", "callback", "login")

MAIN_TRUNK = "gxw4108"


@dataclass
class Membership:
    """One agent in one queue."""

    queue: str
    penalty: int = 0
    dynamic: bool = False
    calls_taken: int = 0
    last_call: int = 0
    login: int = 0


@dataclass
class Agent:
    """A person with a telephone. `status` is Asterisk's device state; `call` the channel they talk on.

    `module`: an agent who logs in through the call-center module's dialer; one with a `login` does so as chan_agent's
    Agent/LOGIN, the others are called back (SIP/NUMBER) in their `queues` (with penalties). All others are members by
    configuration. `away`: logged off.
    """

    number: str
    name: str
    memberships: dict[str, Membership]
    status: int = 1
    paused: bool = False
    reason: str = ""
    last_pause: int = 0
    in_call: bool = False
    free_at: float = 0.0
    last_served: float = 0.0
    module: bool = False
    login: str = ""
    away: bool = False
    queues: dict[str, int] = field(default_factory=dict)

    @property
    def interface(self) -> str:
        """`SIP/101`, or `Agent/9106`."""
        return f"Agent/{self.login}" if self.login else f"SIP/{self.number}"


@dataclass
class Queue:
    """A queue with its counters as `QueueStatus` reports them, and who waits in it."""

    name: str
    strategy: str
    service_level: int
    timeout: int = 15
    wrapup: int = 5
    completed: int = 0
    abandoned: int = 0
    within: int = 0
    hold_time: int = 0
    talk_time: int = 0
    waiting: list[Waiting] = field(default_factory=list)


@dataclass
class Waiting:
    """A caller's place: the channel's unique id, when they came (wall), and their priority."""

    uniqueid: str
    joined_at: float
    priority: int
    original_position: int = 0


@dataclass
class Trunk:
    """A SIP trunk: how many calls it carries, and whether the gateway answers; `own`: added to the files later."""

    name: str
    capacity: int
    address: str
    reachable: bool = True
    latency_ms: int = 12
    own: bool = False


def make_queues(agents: int) -> dict[str, Queue]:
    """Three queues for a small centre, fifty for a thousand agents."""
    count = max(3, min(50, agents // 20))
    queues = {}
    for i in range(count):
        name, strategy, level = _QUEUES[i % len(_QUEUES)]
        # Ringing all is for small groups: with fifty it drowns everything else.
        strategy = "rrmemory" if strategy == "ringall" and agents > 60 else strategy
        label = name if i < len(_QUEUES) else f"{name}-{i // len(_QUEUES) + 1}"
        queues[label] = Queue(label, strategy, level)
    return queues


def make_agents(count: int, queues: dict[str, Queue], rng: random.Random) -> dict[str, Agent]:
    """Agents by interface, each in one queue or two."""
    names = list(queues)
    first = 101 if count <= 800 else 1001
    agents = {}
    for i in range(count):
        own = names[i % len(names)]
        memberships = {own: Membership(own)}
        if rng.random() < 0.4:
            second = names[(i + 1) % len(names)]
            memberships[second] = Membership(second, penalty=1)
        person = f"{_FIRST[i % 30]} {_LAST[(i // 30 + i) % 30]}"
        kind = i % len(_KINDS)
        agent = Agent(str(first + i), person, memberships, module=_KINDS[kind] != "", login=login_of(first + i, i))
        agent.queues = {name: membership.penalty for name, membership in memberships.items()}
        for membership in memberships.values():
            membership.dynamic = _KINDS[kind] == "callback"
        agents[agent.interface] = agent
    return agents


def login_of(number: int, place: int) -> str:
    """The number that the agent with that telephone logs in with, counted from 0; "" for those who do not."""
    return str(9000 + number) if _KINDS[place % len(_KINDS)] == "login" else ""


def make_trunks(agents: int) -> dict[str, Trunk]:
    """The analogue gateway with its eight ports, and for more than a dozen agents a provider's SIP trunk."""
    trunks = {MAIN_TRUNK: Trunk(MAIN_TRUNK, 8, "192.168.27.130")}
    if agents > 12:
        trunks["proveedor"] = Trunk("proveedor", max(30, agents * 2), "203.0.113.10", latency_ms=38)
    return trunks
