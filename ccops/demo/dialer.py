"""The call-center module's dialer on one node: whose agents log in through it, their breaks, and what it undoes.

It runs while Asterisk and MySQL do. As the real one it knows pauses and queues of its own agents only from itself, and
on each pass puts right whatever somebody else has changed of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ccops.demo.calls import Break
from ccops.demo.exchange import Channel, Exchange
from ccops.demo.pair import SimulatedPair
from ccops.demo.schedule import Work
from ccops.demo.staff import Agent

PASS_S = 3.0
_LOGGED_OUT_S = 90.0
_AWAY = 5

Event = tuple[str, Mapping[str, object]]
Answer = tuple[int, str] | None
"""A failure, as ECCP has it; None where it is done."""


@dataclass
class Seat:
    """What the dialer knows of one of its agents. `queues` are those that a callback agent is put into, by penalty."""

    agent: Agent
    queues: dict[str, int]
    logged_in: bool = True
    break_id: int | None = None
    break_name: str = ""
    since: float = 0.0


class Dialer:
    """The agents of the module on node n's Asterisk. `breaks()` gives the rows of its table of breaks.

    `stopped` is the service stopped by hand. Events go to `listeners` as name and fields.
    """

    def __init__(
        self, pair: SimulatedPair, exchange: Exchange, breaks: Callable[[], Iterable[Mapping[str, Any]]]
    ) -> None:
        self.exchange = exchange
        self.breaks = breaks
        self.stopped = False
        self.listeners: list[Callable[[Event], None]] = []
        self._pair = pair
        self._machine = exchange.machine
        self.seats: dict[str, Seat] = {}

    @property
    def runs(self) -> bool:
        """Whether it could answer."""
        return not self.stopped and all(self._machine.runs(name) for name in ("asterisk", "mysqld"))

    def start(self) -> None:
        """A new process: everybody is logged in, nobody in a break."""
        self.seats = {
            agent.interface: Seat(agent, {} if agent.login else agent.queues)
            for agent in self.exchange.agents.values()
            if agent.module
        }

    def stop(self) -> None:
        """The process is gone: its breaks end in the table, as its next start would mend them."""
        for seat in self.seats.values():
            self._end_break(seat)
        self.seats = {}

    def find(self, name: str) -> Seat | None:
        """The agent that ECCP calls so (Agent/9106, SIP/105)."""
        return self.seats.get(name)

    def call_of(self, seat: Seat) -> Channel | None:
        """The agent's side of the call that the agent is on."""
        head = f"{seat.agent.interface}-"
        return next((c for c in self.exchange.channels.values() if c.bridge and c.name.startswith(head)), None)

    def open_breaks(self) -> list[tuple[str, str, float]]:
        """Number, break and begin (the node's clock) of the breaks under way."""
        return [(s.agent.number, s.break_name, s.since) for s in self.seats.values() if s.break_id is not None]

    def break_id(self, name: str) -> int:
        """The number of the break of that name; 0 where there is none."""
        return next((int(row["id"]) for row in self.breaks() if row["name"] == name), 0)

    # What is asked of it.

    def pause(self, seat: Seat, break_id: int) -> Answer:
        """Into that break, in all queues."""
        row = next((r for r in self.breaks() if r["id"] == break_id and r["tipo"] == "B" and r["status"] == "A"), None)
        if row is None:
            return 404, "Break ID not found or not active"
        if not seat.logged_in:
            return 417, "Agent currently not logged in"
        if seat.break_id is not None:
            return None if seat.break_id == break_id else (417, "Agent already in incompatible break")
        seat.break_id, seat.break_name, seat.since = break_id, str(row["name"]), self.exchange.wall()
        self.exchange.pause(seat.agent, True, seat.break_name)
        self._tell("pausestart", seat, pause_class="break", pause_type=break_id, pause_name=seat.break_name)
        return None

    def unpause(self, seat: Seat) -> Answer:
        """Out of the break; nothing where there is none."""
        if not seat.logged_in:
            return 417, "Agent currently not logged in"
        if seat.break_id is not None:
            self._end_break(seat)
            self.exchange.pause(seat.agent, False)
        return None

    def hang_up(self, seat: Seat) -> Answer:
        """Ends the agent's call."""
        leg = self.call_of(seat)
        if leg is None:
            return 417, "Agent not in call"
        self.exchange.lose(leg)
        return None

    def log_out(self, seat: Seat) -> None:
        """Out of the queues, the call too; the agent comes back after a while."""
        if not seat.logged_in:
            return
        self.hang_up(seat)
        self._end_break(seat)
        seat.logged_in = False
        if seat.agent.login:
            self.exchange.log_off(seat.agent)
        for queue in list(seat.queues):
            self.exchange.remove_member(seat.agent, queue)
        if seat.agent.paused:
            self.exchange.pause(seat.agent, False)
        self._tell("agentloggedout", seat)
        self._pair.schedule.after(_LOGGED_OUT_S, lambda: self.log_in(seat))

    def log_in(self, seat: Seat) -> None:
        """Back to work."""
        if seat.logged_in or self.seats.get(seat.agent.interface) is not seat:
            return
        seat.logged_in = True
        if seat.agent.login:
            self.exchange.log_on(seat.agent)
        for queue, penalty in seat.queues.items():
            self.exchange.add_member(seat.agent, queue, penalty)
        self._tell("agentloggedin", seat)

    # What it does by itself.

    def work(self) -> Work:
        """One pass after the other."""
        while True:
            yield PASS_S
            if not self.runs:
                self.stop()
            elif not self.seats:
                self.start()
            for seat in self.seats.values():
                self._put_right(seat)

    def _put_right(self, seat: Seat) -> None:
        agent = seat.agent
        if agent.login and seat.logged_in and agent.status == _AWAY:
            # Somebody else has logged the agent off: the dialer sees the event.
            self._end_break(seat)
            seat.logged_in = False
            self._tell("agentloggedout", seat)
            self._pair.schedule.after(_LOGGED_OUT_S, lambda: self.log_in(seat))
        if not agent.login:
            wanted = seat.queues if seat.logged_in else {}
            for queue in wanted.keys() - agent.memberships.keys():
                self.exchange.add_member(agent, queue, wanted[queue])
            for queue in agent.memberships.keys() - wanted.keys():
                self.exchange.remove_member(agent, queue)
        if seat.logged_in and agent.paused is not (seat.break_id is not None):
            self.exchange.pause(agent, seat.break_id is not None)

    def _end_break(self, seat: Seat) -> None:
        if seat.break_id is None:
            return
        taken = Break(seat.agent.number, seat.break_name, seat.since, self.exchange.wall())
        seat.break_id = None
        self._pair.record_break(self._machine.index, taken)
        self._tell("pauseend", seat, pause_class="break", pause_name=taken.reason)

    def _tell(self, name: str, seat: Seat, **fields: object) -> None:
        key = "agent" if name.startswith("agentlogged") else "agent_number"
        for listener in tuple(self.listeners):
            listener((name, {key: seat.agent.interface, **fields}))
