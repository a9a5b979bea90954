"""Asterisk's manager interface on a simulated node, in the form of Asterisk 16 (AMI 5.0.4)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator, Mapping

from ccops.demo.control import Changes
from ccops.demo.exchange import Exchange, Fields
from ccops.demo.lists import core_settings, core_status, write_list
from ccops.demo.machine import Machine
from ccops.demo.network import Door
from ccops.demo.traffic import CallCentre

BANNER = b"Asterisk Call Manager/5.0.4\r\n"

_READ = {"ccops": frozenset({"system", "call", "agent", "reporting", "dialplan"})}
_LESS = frozenset({"system", "call", "agent", "reporting"})
_WRITE = {
    "ccops": frozenset({"system", "call", "agent", "originate", "command", "reporting"}),
    "ccops-control": frozenset({"agent", "call", "originate"}),
}
_BACKLOG = 4 << 20

Action = dict[str, str]


class AmiServer:
    """Listens while Asterisk runs on its node; `accounts` maps users to secrets."""

    def __init__(self, machine: Machine, centre: CallCentre, accounts: Mapping[str, str]) -> None:
        self.machine = machine
        self.console = centre.console
        self.exchange = centre.exchanges[machine.index]
        self.changes = Changes(centre, self.exchange, _WRITE)
        self.accounts = accounts
        self.door = Door(self._serve)
        self._sessions: set[_Session] = set()
        self.exchange.listeners.append(self._tell)

    def follow(self) -> None:
        """Opens, shuts or freezes with the node and its Asterisk."""
        if not self.machine.runs("asterisk"):
            self.door.shut()
            return
        self.door.open()
        if self.machine.frozen:
            self.door.freeze()
        else:
            self.door.thaw()

    async def close(self) -> None:
        """Ends every session."""
        self.exchange.listeners.remove(self._tell)
        await self.door.close()

    def _tell(self, name: str, kind: str, fields: Fields) -> None:
        data: bytes | None = None
        for session in tuple(self._sessions):
            if kind in session.reads:
                data = data or write_event(name, kind, fields)
                session.send(data)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = _Session(self, writer)
        writer.write(BANNER)
        try:
            async for action in _read_actions(reader):
                await self.door.flows.wait()
                self._sessions.add(session)
                if not session.answer(action):
                    break
                await writer.drain()
        finally:
            self._sessions.discard(session)
            session.close()


class _Session:
    """One manager connection."""

    def __init__(self, server: AmiServer, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.reads: frozenset[str] = frozenset()
        self._writer = writer
        self._user: str | None = None
        self._challenge = ""
        self._events = True
        self._held = bytearray()
        self._holding: asyncio.Task[None] | None = None

    @property
    def exchange(self) -> Exchange:
        return self.server.exchange

    def send(self, data: bytes) -> None:
        """Queues bytes; a reader that stalls is thrown out, as Asterisk does."""
        if self._writer.transport.get_write_buffer_size() + len(self._held) > _BACKLOG:
            self._writer.transport.abort()
            return
        if self._held or not self.server.door.flows.is_set():
            if not self._held:
                self._holding = asyncio.get_running_loop().create_task(self._hand_on())
            self._held += data
            return
        self._writer.write(data)

    def close(self) -> None:
        """Nothing is held any more."""
        if self._holding is not None:
            self._holding.cancel()

    async def _hand_on(self) -> None:
        """What was said while the door was frozen."""
        await self.server.door.flows.wait()
        held, self._held = bytes(self._held), bytearray()
        self._writer.write(held)

    def answer(self, action: Action) -> bool:
        """Answers one action; False when the session is over."""
        name = action.get("action", "").lower()
        if name == "challenge":
            self._challenge = str(secrets.randbelow(10**9))
            self._reply(action, "Success", [("Challenge", self._challenge)])
        elif name == "login":
            return self._log_in(action)
        elif name == "logoff":
            self._reply(action, "Goodbye", [("Message", "Thanks for all the fish.")])
            return False
        elif self._user is None:
            self._reply(action, "Error", [("Message", "Permission denied")])
        else:
            self._act(name, action)
        return True

    def _log_in(self, action: Action) -> bool:
        user = action.get("username", "")
        secret = self.server.accounts.get(user)
        given, expected = action.get("secret", ""), secret or ""
        if action.get("authtype", "").lower() == "md5" and self._challenge:
            given = action.get("key", "").lower()
            expected = hashlib.md5((self._challenge + expected).encode(), usedforsecurity=False).hexdigest()
        if secret is None or not hmac.compare_digest(given.encode(), expected.encode()):
            self._reply(action, "Error", [("Message", "Authentication failed")])
            return False
        self._user = user
        self._reply(action, "Success", [("Message", "Authentication accepted")])
        self.reads = _READ.get(user, _LESS) if action.get("events", "on").lower() != "off" else frozenset()
        if "system" in self.reads:
            seconds = int(self.exchange.wall() - self.exchange.started_at)
            booted: Fields = [("Uptime", seconds), ("LastReload", seconds), ("Status", "Fully Booted")]
            self.send(write_event("FullyBooted", "system", booted))
        return True

    def _act(self, name: str, action: Action) -> None:
        listed = write_list(self.exchange, name, action)
        if listed is not None:
            self.send(listed)
        elif name == "ping":
            self._reply(action, "Success", [("Ping", "Pong"), ("Timestamp", f"{self.exchange.wall():.6f}")])
        elif name == "coresettings":
            self._reply(action, "Success", core_settings())
        elif name == "corestatus":
            self._reply(action, "Success", core_status(self.exchange))
        elif name == "events":
            mask = action.get("eventmask", "on").lower()
            self.reads = frozenset() if mask == "off" else _READ.get(self._user or "", _LESS)
            self._reply(action, "Success", [("Events", "Off" if mask == "off" else "On")])
        elif name == "listcommands":
            self._reply(action, "Success", self.server.changes.commands(self._user or ""))
        elif name == "command":
            self._command(action)
        else:
            done = self.server.changes.do(self._user or "", action)
            good, said, *then = done if done is not None else (False, "Invalid/unknown command")
            self._reply(action, "Success" if good else "Error", [("Message", said)])
            for each in then:
                each()

    def _command(self, action: Action) -> None:
        if not self.server.changes.may(self._user or "", "command"):
            self._reply(action, "Error", [("Message", "Permission denied")])
            return
        output = self.server.console.run(self.server.machine.index, action.get("command", ""))
        fields: Fields = [("Message", "Command output follows"), *(("Output", line) for line in output)]
        self._reply(action, "Success", fields)

    def _reply(self, action: Action, response: str, fields: Fields) -> None:
        head: Fields = [("Response", response)]
        if "actionid" in action:
            head.append(("ActionID", action["actionid"]))
        self.send(write_block([*head, *fields]))


def write_event(name: str, kind: str, fields: Fields) -> bytes:
    """An event as it goes over the wire."""
    return write_block([("Event", name), ("Privilege", f"{kind},all"), *fields])


def write_block(fields: Fields) -> bytes:
    """Headers, and the empty line that ends them."""
    return ("".join(f"{key}: {value}\r\n" for key, value in fields) + "\r\n").encode()


async def _read_actions(reader: asyncio.StreamReader) -> AsyncIterator[Action]:
    """Actions as they come; header names in lower case."""
    action: Action = {}
    while line := await reader.readline():
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if text:
            key, _, value = text.partition(":")
            action[key.strip().lower()] = value.strip()
        elif action:
            yield action
            action = {}
