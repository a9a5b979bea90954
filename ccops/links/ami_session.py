"""One AMI connection, from its banner to its end: panoramisk's manager, mended (what and why: `ami_protocol`)."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from panoramisk.manager import Manager  # type: ignore[import-untyped]

from ccops.config import Secret
from ccops.links import ami_wire, forward
from ccops.links.ami_protocol import AmiProtocol, Events, PendingAction
from ccops.links.ami_wire import Fields, Value
from ccops.links.errors import AuthenticationFailed, LinkError, LinkLost, NotListening, Refused, TimedOut, Unreachable
from ccops.text import clean

EventsCallback = Callable[[Events, float], None]

log = logging.getLogger(__name__)


class AmiSession(Manager):  # type: ignore[misc]
    """One logged-in connection. Its methods raise `LinkLost` once it is gone."""

    protocol: AmiProtocol

    def __init__(self, on_events: EventsCallback, wanted: frozenset[str] | None = None) -> None:
        """`wanted`: names of the events to deliver, in any case; None is all of them."""
        super().__init__(log=log)
        self.callbacks.clear()  # panoramisk's replay at FullyBooted; events go to on_events, in batches
        self.patterns.clear()
        self._on_events = on_events
        self._wanted = None if wanted is None else frozenset(name.lower() for name in wanted)
        self._numbers = itertools.count(1)
        loop = asyncio.get_running_loop()
        self._greeting: asyncio.Future[str] = loop.create_future()
        self.lost: asyncio.Future[LinkError] = loop.create_future()
        self.banner_version = ""
        self.latency_s: float | None = None

    def __repr__(self) -> str:
        return f"<AmiSession {self.banner_version or 'not greeted'}>"

    async def open(self, address: Path | tuple[str, int], port: int, *, timeout_s: float = 5.0) -> None:
        """Connect and wait for the greeting. `port` is Asterisk's, for errors.

        Raises:
            NotListening: nobody does. Unreachable, TimedOut, LinkLost: it cannot be talked to.
        """
        self.loop = asyncio.get_running_loop()
        nobody = f"Asterisk is not listening on port {port}"
        try:
            async with asyncio.timeout(timeout_s):
                if isinstance(address, tuple):
                    _, self.protocol = await self.loop.create_connection(lambda: AmiProtocol(self), *address)
                else:
                    _, self.protocol = await self.loop.create_unix_connection(lambda: AmiProtocol(self), str(address))
                ends: set[asyncio.Future[Any]] = {self._greeting, self.lost}
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            raise TimedOut(f"Asterisk's manager on port {port} did not greet within {timeout_s:g} s") from None
        except (ConnectionRefusedError, FileNotFoundError):
            raise NotListening(nobody) from None
        except OSError as error:
            raise Unreachable(f"port {port} cannot be reached: {clean(error.strerror or str(error), 200)}") from None
        if self._greeting.done():
            return
        refusal = forward.refusal(address) if isinstance(address, Path) else None
        ending = refusal or self.lost.result()
        raise NotListening(nobody) if isinstance(ending, NotListening | LinkLost) else ending

    async def log_in(self, user: str, secret: Secret, *, allow_plain: bool, timeout_s: float = 5.0) -> None:
        """Log in by MD5 challenge; in clear only where `allow_plain` and the server knows no challenge.

        Raises:
            AuthenticationFailed: user or secret are wrong, or the address is not permitted.
        """
        try:
            answer = await self.action("Challenge", timeout_s=timeout_s, AuthType="MD5")
            challenge = answer.get("challenge", "")
        except Refused as error:
            challenge = ""
            if not allow_plain:
                raise AuthenticationFailed(
                    f"the server knows no MD5 challenge ({error}); refusing to log in in clear"
                ) from None
        fields: dict[str, Value] = {"Username": user, "Events": "on"}
        if challenge:
            fields |= {"AuthType": "MD5", "Key": Secret(_digest(challenge, secret))}
        else:
            fields |= {"Secret": secret}
        try:
            await self.action("Login", timeout_s=timeout_s, **fields)
        except Refused as error:
            raise AuthenticationFailed(
                f"Asterisk does not let {clean(user, 60)} log in ({error}): check user, secret, deny and permit in "
                "manager.conf, and `manager show user` there"
            ) from None
        self.authenticated = True

    async def action(self, name: str, *, timeout_s: float = 5.0, **fields: Any) -> dict[str, str]:
        """Send an action and return its response: lower-case keys, a command's text under `output`.

        A field's value is text, a number, a `Secret`, or a sequence of them for a repeated key.

        Raises:
            Refused: Asterisk answers with an error, or a field cannot be sent. TimedOut: no answer in `timeout_s`
            seconds (it may be done all the same). LinkLost: the connection went while waiting (likewise).
        """
        response: dict[str, str] = await self._perform(name, fields, timeout_s, None, None)
        return response

    async def list(
        self,
        name: str,
        *,
        timeout_s: float = 10.0,
        on_complete: Callable[[Events], None] | None = None,
        **fields: Any,
    ) -> Events:
        """Send an action that answers with a list; its events without the one that completes it.

        `on_complete` gets the list at its very place in the stream: all events before its end have been delivered, none
        after. Errors as for `action`.
        """
        events: Events = await self._perform(name, fields, timeout_s, [], on_complete)
        return events

    async def ping(self, *, timeout_s: float = 5.0) -> float:
        """One round trip to Asterisk, in seconds."""
        began = time.monotonic()
        await self.action("Ping", timeout_s=timeout_s)
        self.latency_s = time.monotonic() - began
        return self.latency_s

    def fail(self, error: LinkError) -> None:
        """End the session for that reason: what is pending fails with `LinkLost`, and nothing is sent again."""
        if self.lost.done():
            return
        self.lost.set_result(error)
        protocol = getattr(self, "protocol", None)
        if protocol is None:
            return
        for action in list(protocol.responses.values()):
            action.fail(LinkLost(f"the AMI link was lost before {action['Action']} was answered: {error}"))
        protocol.responses.clear()
        protocol.close()

    def close(self) -> None:
        """Drop the connection."""
        self.fail(LinkLost("the AMI link was closed"))

    def connection_lost(self, exc: Exception | None) -> None:
        """The protocol's word that the connection is gone."""
        detail = f": {clean(str(exc), 200)}" if exc is not None else ""
        self.fail(LinkLost(f"Asterisk closed the AMI connection{detail}"))

    def greeted(self, version: str) -> None:
        """The protocol's word that the banner came."""
        self.banner_version = version
        if not self._greeting.done():
            self._greeting.set_result(version)

    def wants(self, event: str) -> bool:
        """True when events of that (lower-case) name are delivered."""
        return self._wanted is None or event in self._wanted

    def deliver(self, events: Events) -> None:
        """Hand a batch over."""
        self.call_listener(self._on_events, list(events), time.time())

    def call_listener(self, listener: Callable[..., None], *arguments: object) -> None:
        """Call somebody else's code; its fault is logged and does not end the connection."""
        try:
            listener(*arguments)
        except Exception:
            log.exception("a listener of the AMI session failed")

    async def send_awaiting_actions(self, *_: object) -> None:
        """panoramisk's replay of unanswered actions: never done."""

    @property
    def silent_s(self) -> float:
        """Seconds since the last byte came."""
        return time.monotonic() - self.protocol.last_byte_at

    async def _perform(
        self,
        name: str,
        fields: Fields,
        timeout_s: float,
        listed: Events | None,
        on_complete: Callable[[Events], None] | None,
    ) -> Any:
        ami_wire.check_fields(name, fields)
        if self.lost.done():
            raise LinkLost(str(self.lost.result()))
        action = PendingAction(name, f"ccops-{next(self._numbers)}", listed, on_complete)
        try:
            async with asyncio.timeout(timeout_s):
                return await self.protocol.send(action, fields=fields)
        except TimeoutError:
            raise TimedOut(f"Asterisk did not answer {name} within {timeout_s:g} s") from None
        finally:
            self.protocol.forget(action, more_may_come=True)


def _digest(challenge: str, secret: Secret) -> str:
    return hashlib.md5((challenge + secret.reveal()).encode(), usedforsecurity=False).hexdigest()
