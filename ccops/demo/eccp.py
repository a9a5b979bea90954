"""The dialer's ECCP server on a simulated node: XML requests over TCP, as the call-center module answers them.

Source: ECCPConn.class.php and ECCPProxyConn.class.php of the module (Issabel 4): the same checks in the same order.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from typing import NamedTuple
from xml.parsers import expat
from xml.sax.saxutils import escape

from ccops.demo.dialer import Dialer, Event, Seat
from ccops.demo.network import Door

PORT = 20005
_END = b"</request>"
_BACKLOG = 1 << 20
_LONGEST = 64 * 1024


class Request(NamedTuple):
    """One request: its id ("" where it has none), its command and the command's fields."""

    id: str
    command: str
    fields: Mapping[str, str]


class EccpServer:
    """Listens while the dialer runs on its node. `accounts` maps users to passwords, `passwords` agents to theirs."""

    def __init__(self, dialer: Dialer, accounts: Mapping[str, str], passwords: Callable[[str], str | None]) -> None:
        self.dialer = dialer
        self.accounts = accounts
        self.passwords = passwords
        self.door = Door(self._serve)
        self._sessions: set[_Session] = set()
        dialer.listeners.append(self._tell)

    def follow(self) -> None:
        """Opens, shuts or freezes with the dialer and its node."""
        if not self.dialer.runs:
            self.door.shut()
            return
        self.door.open()
        if self.dialer.exchange.machine.frozen:
            self.door.freeze()
        else:
            self.door.thaw()

    async def close(self) -> None:
        """Ends every session."""
        self.dialer.listeners.remove(self._tell)
        await self.door.close()

    def _tell(self, event: Event) -> None:
        name, fields = event
        data = _document("event", "", f"<{name}>{_elements(fields)}</{name}>")
        for session in tuple(self._sessions):
            session.tell(data)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = _Session(self, writer)
        self._sessions.add(session)
        try:
            async for request in _read_requests(reader):
                await self.door.flows.wait()
                if not session.answer(request):
                    break
                await writer.drain()
        finally:
            self._sessions.discard(session)


class _Session:
    """One connection."""

    def __init__(self, server: EccpServer, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._writer = writer
        self._cookie = ""
        self._commands: Mapping[str, tuple[str, Callable[[Request], str]]] = {
            "getrequestlist": ("", lambda request: self._list_requests()),
            "login": ("", self._log_in),
            "logout": ("", lambda request: "<success/>"),
            "getpauses": ("eccp", lambda request: self._list_pauses()),
            "getagentstatus": ("eccp", self._state),
            "logoutagent": ("eccp", self._log_out),
            "pauseagent": ("agent", self._pause),
            "unpauseagent": ("agent", lambda request: _done(self._dialer.unpause(self._seat(request)))),
            "pingagent": ("agent", lambda request: "<success/>"),
            "hangup": ("agent", lambda request: _done(self._dialer.hang_up(self._seat(request)))),
        }

    @property
    def _dialer(self) -> Dialer:
        return self._server.dialer

    def tell(self, data: bytes) -> None:
        """An event, to who is logged in; a reader that stalls is thrown out."""
        if not self._cookie or not self._server.door.flows.is_set():
            return
        if self._writer.transport.get_write_buffer_size() > _BACKLOG:
            self._writer.transport.abort()
            return
        self._writer.write(data)

    def answer(self, request: Request | None) -> bool:
        """Answers one request; False when the connection is over."""
        if request is None or not request.id or not request.command:
            self._writer.write(_document("response", request.id if request else "", _failure(400, "Bad request")))
            return request is not None
        kind, do = self._commands.get(request.command, ("", None))
        if do is None:
            inner = _failure(501, "Not Implemented")
        elif kind and not self._cookie:
            inner = _failure(401, "Unauthorized")
        else:
            told = self._wrong_agent(request) if kind == "agent" else ""
            inner = f"<{request.command}_response>{told or do(request)}</{request.command}_response>"
        self._writer.write(_document("response", request.id, inner))
        return request.command != "logout"

    # Each request.

    def _list_requests(self) -> str:
        return f"<requests>{''.join(f'<request>{name}</request>' for name in self._commands)}</requests>"

    def _log_in(self, request: Request) -> str:
        password = self._server.accounts.get(request.fields.get("username", ""))
        given = request.fields.get("password", "")
        good = _md5(password or "")
        if password is None or not any(hmac.compare_digest(g.encode(), good.encode()) for g in (given, _md5(given))):
            return _failure(401, "Invalid username or password")
        self._cookie = secrets.token_hex(16)
        return f"<success/><app_cookie>{self._cookie}</app_cookie>"

    def _list_pauses(self) -> str:
        rows = [row for row in self._dialer.breaks() if row["tipo"] == "B"]
        return "".join(
            f'<pause id="{row["id"]}">'
            + _elements({"name": row["name"], "status": row["status"], "type": "B", "description": row["name"]})
            + "</pause>"
            for row in rows
        )

    def _state(self, request: Request) -> str:
        seat = self._dialer.find(request.fields.get("agent_number", ""))
        if seat is None:
            return f"<status>offline</status>{_failure(404, 'Invalid agent number')}"
        leg = self._dialer.call_of(seat)
        word = "oncall" if leg else "paused" if seat.break_id else "online" if seat.logged_in else "offline"
        told: dict[str, object] = {"status": word}
        if seat.logged_in:
            told |= {"channel": f"SIP/{seat.agent.number}", "extension": seat.agent.number, "onhold": 0}
        pause = ""
        if seat.break_id is not None:
            pause = f"<pauseinfo>{_elements({'pauseid': seat.break_id, 'pausename': seat.break_name})}</pauseinfo>"
        return _elements(told) + pause

    def _log_out(self, request: Request) -> str:
        wrong = self._wrong_agent(request)
        if not wrong:
            self._dialer.log_out(self._seat(request))
        return f"<status>logged-out</status>{wrong}"

    def _pause(self, request: Request) -> str:
        given = request.fields.get("pause_type", "")
        return _done(self._dialer.pause(self._seat(request), int(given) if given.isdecimal() else 0))

    def _seat(self, request: Request) -> Seat:
        return self._dialer.seats[request.fields["agent_number"]]

    def _wrong_agent(self, request: Request) -> str:
        """The failure where that is no agent, or not in that agent's name; "" where all is well."""
        name = request.fields.get("agent_number", "")
        if self._dialer.find(name) is None:
            return _failure(404, "Specified agent not found")
        password, given = self._server.passwords(name), request.fields.get("agent_hash")
        good = _md5(self._cookie + name + (password or ""))
        if given is None or (password is not None and not hmac.compare_digest(given.encode(), good.encode())):
            return _failure(401, "Unauthorized agent")
        return ""


def _done(answer: tuple[int, str] | None) -> str:
    return "<success/>" if answer is None else _failure(*answer)


def _failure(code: int, message: str) -> str:
    return f"<failure>{_elements({'code': code, 'message': message})}</failure>"


def _elements(fields: Mapping[str, object]) -> str:
    return "".join(f"<{key}>{escape(str(value))}</{key}>" for key, value in fields.items())


def _document(kind: str, id: str, inner: str) -> bytes:
    mark = f' id="{escape(id, {chr(34): "&quot;"})}"' if id else ""
    return f'<?xml version="1.0"?>\n<{kind}{mark}>{inner}</{kind}>\n'.encode("ascii", "xmlcharrefreplace")


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


async def _read_requests(reader: asyncio.StreamReader) -> AsyncIterator[Request | None]:
    """Requests as they come; None for what is none, and then no more."""
    buffer = b""
    while data := await reader.read(_LONGEST):
        buffer += data
        while (end := buffer.find(_END)) >= 0:
            text, buffer = buffer[: end + len(_END)], buffer[end + len(_END) :].lstrip()
            request = _read_request(text)
            yield request
            if request is None:
                return
        if len(buffer) > _LONGEST or (buffer and not buffer.lstrip().startswith(b"<")):
            yield None
            return


def _read_request(text: bytes) -> Request | None:
    path: list[str] = []
    fields: dict[str, str] = {}
    found = {"id": "", "command": ""}

    def begin(name: str, attributes: dict[str, str]) -> None:
        path.append(name)
        if len(path) == 1:
            found["id"] = attributes.get("id", "")
        elif len(path) == 2:
            found["command"] = name

    def say(part: str) -> None:
        if len(path) == 3:
            fields[path[2]] = fields.get(path[2], "") + part

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.CharacterDataHandler = begin, say
    parser.EndElementHandler = lambda name: path.pop()
    try:
        parser.Parse(text, True)
    except expat.ExpatError:
        return None
    return Request(found["id"], found["command"], fields)
