"""What a manager user changes on a simulated Asterisk 16: members, calls and queues, as far as its rights go."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ccops.demo.exchange import Exchange, Fields
from ccops.demo.staff import Agent
from ccops.demo.traffic import CallCentre

SUPERVISOR = "SIP/90"
"""The telephone of whoever sits before the console."""

QUEUE_CONTEXT = "ext-queues"
Said = tuple[bool, str] | tuple[bool, str, Callable[[], object]]
"""Whether it is done, what is said of it, and the doing itself: events come after the answer."""

_ALWAYS = ("Challenge", "Events", "ListCommands", "Login", "Logoff", "Ping")


class Changes:
    """Does actions on one node's Asterisk. `rights` are the classes that users may write, by their names."""

    def __init__(self, centre: CallCentre, exchange: Exchange, rights: Mapping[str, frozenset[str]]) -> None:
        self._centre = centre
        self._exchange = exchange
        self._rights = rights
        self._actions: dict[str, tuple[str, str, Callable[[Mapping[str, str]], Said]]] = {
            "queuepause": ("QueuePause", "agent", self._pause),
            "queueadd": ("QueueAdd", "agent", self._add),
            "queueremove": ("QueueRemove", "agent", self._remove),
            "queuepenalty": ("QueuePenalty", "agent", self._set_penalty),
            "queuereset": ("QueueReset", "agent", lambda action: (True, "Queue stats reset successfully")),
            "agentlogoff": ("AgentLogoff", "agent", self._log_off),
            "hangup": ("Hangup", "call", self._hang_up),
            "setvar": ("Setvar", "call", self._set_variable),
            "redirect": ("Redirect", "call", self._redirect),
            "originate": ("Originate", "originate", self._originate),
        }

    def may(self, user: str, kind: str) -> bool:
        """Whether the user may write that class."""
        return kind in self._rights.get(user, frozenset())

    def commands(self, user: str) -> Fields:
        """ListCommands: what the user may do."""
        always: Fields = [(name, f"Does {name}.  (Priv: <none>)") for name in _ALWAYS]
        return always + [
            (name, f"Does {name}.  (Priv: {kind},all)")
            for name, kind, _ in self._actions.values()
            if self.may(user, kind)
        ]

    def do(self, user: str, action: Mapping[str, str]) -> Said | None:
        """What becomes of it; None where this is no such action."""
        found = self._actions.get(action.get("action", "").lower())
        if found is None:
            return None
        _, kind, deed = found
        return deed(action) if self.may(user, kind) else (False, "Permission denied")

    # Members

    def _pause(self, action: Mapping[str, str]) -> Said:
        agent, queue = self._member(action)
        if agent is None:
            return False, "Interface not found"
        paused = action.get("paused", "").lower() in {"true", "1", "yes", "on"}
        said = f"Interface {'' if paused else 'un'}paused successfully"
        return True, said, lambda: self._exchange.pause(agent, paused, action.get("reason", ""), queue or None)

    def _add(self, action: Mapping[str, str]) -> Said:
        agent, queue = self._exchange.find_agent(action.get("interface", "")), action.get("queue", "")
        if agent is None or queue not in self._exchange.queues:
            return False, "Interface not found"
        if queue in agent.memberships:
            return False, "Unable to add interface: Already there"
        given = action.get("penalty", "0")
        penalty = int(given) if given.isdigit() else 0
        return True, "Added interface to queue", lambda: self._exchange.add_member(agent, queue, penalty)

    def _remove(self, action: Mapping[str, str]) -> Said:
        agent, queue = self._exchange.find_agent(action.get("interface", "")), action.get("queue", "")
        if agent is None or queue not in self._exchange.queues:
            return False, "Interface not found"
        if queue not in agent.memberships:
            return False, "Unable to remove interface: Not there"
        if not agent.memberships[queue].dynamic:
            return False, "Member not dynamic"
        return True, "Removed interface from queue", lambda: self._exchange.remove_member(agent, queue)

    def _set_penalty(self, action: Mapping[str, str]) -> Said:
        agent, queue = self._member(action)
        penalty = action.get("penalty", "")
        if agent is None or not penalty.isdigit():
            return False, "Invalid interface, queuename or penalty"
        said = "Interface penalty set successfully"
        return True, said, lambda: self._exchange.set_penalty(agent, int(penalty), queue or None)

    def _log_off(self, action: Mapping[str, str]) -> Said:
        login = action.get("agent", "")
        agent = next((a for a in self._exchange.agents.values() if login and a.login == login), None)
        if agent is None or agent.away:
            return False, "No such agent"
        soft = action.get("soft", "").lower() in {"true", "1", "yes", "on"}
        return True, "Agent logged out", lambda: self._exchange.log_off(agent, soft)

    def _member(self, action: Mapping[str, str]) -> tuple[Agent | None, str]:
        agent, queue = self._exchange.find_agent(action.get("interface", "")), action.get("queue", "")
        return (agent if agent is None or not queue or queue in agent.memberships else None), queue

    # Calls

    def _hang_up(self, action: Mapping[str, str]) -> Said:
        channel = self._exchange.named(action.get("channel", ""))
        if channel is None:
            return False, "No such channel"
        return True, "Channel Hungup", lambda: self._exchange.lose(channel)

    def _set_variable(self, action: Mapping[str, str]) -> Said:
        channel = self._exchange.named(action.get("channel", ""))
        if channel is None:
            return False, "No such channel"
        if action.get("variable") == "QUEUE_PRIO" and action.get("value", "").isdigit():
            channel.queue_priority = int(action["value"])
        return True, "Variable Set"

    def _redirect(self, action: Mapping[str, str]) -> Said:
        channel = self._exchange.named(action.get("channel", ""))
        if channel is None:
            return False, "Channel does not exist: " + action.get("channel", "")
        queues, exten = list(self._exchange.queues), action.get("exten", "")
        place = int(exten) - 400 if exten.isdigit() else -1
        if action.get("context") != QUEUE_CONTEXT or not 0 <= place < len(queues):
            return False, "Redirect failed"
        channel.sent_to = queues[place]
        return True, "Redirect successful"

    def _originate(self, action: Mapping[str, str]) -> Said:
        own, options = action.get("channel", ""), action.get("data", "")
        if own != SUPERVISOR and own not in self._exchange.agents:
            return False, "Originate failed"
        name, _, flags = options.partition(",")
        spied = self._exchange.named(name)
        # An asynchronous one is queued whatever becomes of it.
        said = "Originate successfully queued"
        if action.get("application") != "ChanSpy" or spied is None:
            return True, said
        return True, said, lambda: self._centre.spy(self._exchange, own, spied, flags)
