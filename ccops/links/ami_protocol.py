"""AMI messages to whom they are for: panoramisk's protocol, mended.

What is kept of panoramisk 1.4: the `AMIProtocol`/`Manager` pair, its `Action` (fields, ids, the future that a caller
waits for) and the table of pending actions. What is replaced, and why:

- `AMIProtocol.data_received` decodes each segment by itself and loses a character that is split across two, and builds
  a dict of every event; here bytes are cut first, decoded whole, and only what somebody listens for becomes a dict.
- `AMIProtocol.send` writes whatever it is given, so that CR or LF in a value injects a second action, and logs the
  action, secrets included, when it fails; here such a value is refused, and no action is ever logged.
- `AMIProtocol.handle_message` hides each event that carries a known ActionID and guesses where a list ends; here a list
  ends at its `EventList: Complete`, or at its `…Complete` event on versions before 13.
- `AMIProtocol.close` and `Manager.send_awaiting_actions` send an unanswered action again after a reconnect, perhaps to
  the other node; here it fails with `LinkLost` and nobody repeats it.
- `Manager.ping` ignores that nothing answers, and each unanswered ping stays in memory; here silence ends the session.
- `Manager.connect`, `connection_made` and `connection_lost` reconnect for ever without back-off, also with a wrong
  secret and after `close()`, and log in in clear; here one session is one connection, `AmiLink` decides about the next.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from panoramisk.actions import Action  # type: ignore[import-untyped]
from panoramisk.ami_protocol import AMIProtocol  # type: ignore[import-untyped]

from ccops.links import ami_wire
from ccops.links.ami_wire import Fields
from ccops.links.errors import LinkError, Refused, Unreachable
from ccops.text import clean, decode

if TYPE_CHECKING:
    from ccops.links.ami_session import AmiSession

Events = list[dict[str, str]]

_BANNER = b"Asterisk Call Manager"
_BANNER_LIMIT = 256
_LIST_LIMIT = 100_000
_ENDED_BY = {"dbget": "dbgetresponse"}
"""Lists that have no completion event on old versions (1.4, 1.6.2) and hold one event."""


class PendingAction(Action):  # type: ignore[misc]
    """An action that waits for its response, or for a whole list. It never shows its fields."""

    def __init__(self, name: str, action_id: str, listed: Events | None, on_complete: Callable[[Events], None] | None):
        super().__init__({"Action": name, "ActionID": action_id})
        self.listed = listed
        self.on_complete = on_complete
        self.last_event = _ENDED_BY.get(name.lower())

    def __repr__(self) -> str:
        return f"<PendingAction {self['Action']} {self.id}>"

    def fail(self, error: LinkError) -> None:
        """End it with an error, unless it has ended."""
        if not self.future.done():
            self.future.set_exception(error)
            self.future.exception()  # nobody may be waiting any more, and that is no fault


class AmiProtocol(AMIProtocol):  # type: ignore[misc]
    """Bytes to messages, messages to whom they are for. See the module for what differs from panoramisk."""

    factory: AmiSession
    responses: dict[str, PendingAction]

    def __init__(self, session: AmiSession) -> None:
        self._session = session
        self._cutter = ami_wire.Cutter()
        self._head = b""
        self._taken: dict[bytes, bool] = {}
        self._stale: deque[str] = deque(maxlen=64)
        self.lists = 0
        self.last_byte_at = time.monotonic()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: connected. Nothing is sent before the banner."""
        super().connection_made(transport)
        self.factory = self._session
        self.last_byte_at = time.monotonic()

    def data_received(self, data: bytes) -> None:
        """asyncio: a segment, of any size. Everything in it is handled before this returns."""
        self.last_byte_at = time.monotonic()
        try:
            if self.version is None:
                data = self._read_banner(data)
            if data:
                self._handle(self._cutter.cut(data), ami_wire.is_plain(data))
        except LinkError as error:
            self.factory.fail(error)

    def send(self, data: PendingAction, as_list: bool = False, fields: Fields | None = None) -> Any:
        """Write a checked action and remember it; the future of its response (or list)."""
        self.responses[data.id] = data
        self.lists += data.listed is not None
        self.transport.write(ami_wire.encode(data["Action"], data.id, fields or {}))
        return data.future

    def forget(self, action: PendingAction, *, more_may_come: bool) -> None:
        """It is over; what may still come for a list is thrown away."""
        if self.responses.pop(action.id, None) is not None and action.listed is not None:
            self.lists -= 1
            if more_may_come:
                self._stale.append(action.id)

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the connection is gone."""
        self.closed = True
        self.factory.connection_lost(exc)

    def close(self) -> None:
        """Drop the connection at once; what was pending fails and is not sent again."""
        if not self.closed:
            self.closed = True
            self.transport.abort()

    def _read_banner(self, data: bytes) -> bytes:
        self._head += data
        line, newline, rest = self._head.partition(b"\n")
        if not newline and len(self._head) <= _BANNER_LIMIT and _BANNER.startswith(self._head[: len(_BANNER)]):
            return b""
        if not newline or not line.startswith(_BANNER):
            found = clean(decode(line[:40]))
            raise Unreachable(f"expected the greeting of Asterisk's manager, found {found!r}: is the port right?")
        self.version = clean(decode(line).partition("/")[2].strip(), 40)
        self.factory.greeted(self.version)
        return rest

    def _handle(self, messages: list[bytes], plain: bool) -> None:
        """All messages that a segment completed. `plain` is known of the segment, not of the first one's beginning."""
        events: Events = []
        taken = self._taken
        watching = self.lists or self._stale
        parse = ami_wire.parse
        head = messages[0] if messages else b""
        for message in messages:
            if message.startswith(b"Event: "):
                if watching and b"\r\nActionID: " in message and self._is_listed(message, events):
                    continue
                name = message[7 : message.find(b"\r\n")]
                take = taken.get(name)
                if take is None:
                    take = self._decide(name)
                if take:
                    events.append(parse(message, plain=plain and message is not head))
            elif self._answer(message.lstrip(b"\r\n"), events):
                watching = self.lists or self._stale
        if events:
            self.factory.deliver(events)

    def _decide(self, name: bytes) -> bool:
        if len(self._taken) > 4096:
            self._taken.clear()
        return self._taken.setdefault(name, self.factory.wants(decode(name).strip().lower()))

    def _is_listed(self, message: bytes, events: Events) -> bool:
        """Put an event into the list that it belongs to; False when it belongs to none."""
        event = ami_wire.parse(message)
        action = self.responses.get(event.get("actionid", ""))
        if action is None or action.listed is None:
            return event.get("actionid") in self._stale
        name = event.get("event", "").lower()
        ended = event.get("eventlist", "").lower() in ("complete", "cancelled") or name.endswith("complete")
        if not ended:
            action.listed.append(event)
        if len(action.listed) > _LIST_LIMIT:
            action.fail(Refused(f"the answer to {action['Action']} has more than {_LIST_LIMIT} events"))
            self.forget(action, more_may_come=True)
        elif ended or name == action.last_event:
            self._complete(action, events)
        return True

    def _complete(self, action: PendingAction, events: Events) -> None:
        """End a list at its place in the stream: what came before it is delivered before it."""
        if events:
            self.factory.deliver(events)
            events.clear()
        self.forget(action, more_may_come=action.last_event is not None)
        if action.on_complete is not None and not action.future.done():
            self.factory.call_listener(action.on_complete, action.listed or [])
        if not action.future.done():
            action.future.set_result(action.listed)

    def _answer(self, message: bytes, events: Events) -> bool:
        """Hand a response to who waits for it; anything else that is no event is passed over."""
        found = ami_wire.parse(message)
        if "event" in found and "response" not in found:
            if not self._is_listed(message, events) and self.factory.wants(found["event"].lower()):
                events.append(found)
            return True
        action = self.responses.get(found.get("actionid", ""))
        if action is None and "response" in found and "actionid" not in found and len(self.responses) == 1:
            action = next(iter(self.responses.values()))  # 1.4 answers some errors without the ActionID
        if action is None or "response" not in found:
            return False
        refused = found["response"].lower() in ("error", "fail", "failure")
        if refused:
            reason = found.get("message") or "no reason given"
            action.fail(Refused(f"Asterisk refused {action['Action']}: {reason}"))
        elif action.listed is None and not action.future.done():
            action.future.set_result(found)
        if refused or action.listed is None:
            self.forget(action, more_may_come=False)
        return True
