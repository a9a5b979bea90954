"""One ECCP connection: to the dialer of the call-center module, from the log-in to its end.

Source: ECCPConn.class.php of the module (Elastix 2.x, Issabel 4) and its first form, XMLDialerConn.class.php. The
log-in is an application's: user and MD5 of the password (or the password itself) against the table
`eccp_authorized_clients`; it gives an `app_cookie`. What is done to an agent carries besides `agent_hash`, MD5 of
cookie, agent and the agent's own `eccp_password`. ECCP itself is not encrypted: it goes through SSH.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import re
from collections.abc import Mapping
from pathlib import Path

from ccops.config import Secret
from ccops.links import forward
from ccops.links.eccp_wire import Document, Documents, Element, Malformed, parse, write_request
from ccops.links.errors import AuthenticationFailed, LinkError, LinkLost, NotListening, Refused, TimedOut, Unreachable
from ccops.text import clean

__all__ = ["EccpSession", "Element", "Failure", "Unclear"]

_CHUNK = 64 * 1024
_LIMIT_S = 5.0
_MD5 = re.compile(r"[0-9A-Fa-f]{32}")
# 503 comes from the middle of a request: the dialer may have told Asterisk already (do_eccprequest, PDOException).
_HALF_WAY = frozenset({503})


class Failure(Refused):
    """The dialer answered with a failure: nothing was done. `code` is like HTTP's, 0 where none was told."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Unclear(LinkError):
    """The dialer's answer does not tell whether it was done."""


class EccpSession:
    """One logged-in connection. Its methods raise LinkLost once it is gone; nothing is ever sent twice."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[LinkError] = loop.create_future()
        self.events = 0
        """How many events came; they are passed over, for Asterisk's own are told first hand."""
        self._numbers = itertools.count(1)
        self._pending: dict[str, asyncio.Future[Element]] = {}
        self._cookie: Secret | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._address: Path | tuple[str, int] = Path()
        self._port = 0

    def __repr__(self) -> str:
        return f"<EccpSession {'logged in' if self._cookie else 'not logged in'}>"

    async def open(self, address: Path | tuple[str, int], port: int, *, timeout_s: float = _LIMIT_S) -> None:
        """Connects. `port` is the dialer's, for errors; the dialer does not greet.

        Raises NotListening, Unreachable, TimedOut.
        """
        self._address, self._port = address, port
        try:
            async with asyncio.timeout(timeout_s):
                if isinstance(address, tuple):
                    reader, self._writer = await asyncio.open_connection(*address, limit=_CHUNK)
                else:
                    reader, self._writer = await asyncio.open_unix_connection(str(address), limit=_CHUNK)
        except TimeoutError:
            raise TimedOut(f"port {port} was not reached within {timeout_s:g} s") from None
        except (ConnectionRefusedError, FileNotFoundError):
            raise self._nobody() from None
        except OSError as error:
            raise Unreachable(f"port {port} cannot be reached: {clean(error.strerror or str(error), 200)}") from None
        self._reading = asyncio.ensure_future(self._read(reader))

    async def log_in(self, user: str, password: Secret, *, timeout_s: float = _LIMIT_S) -> None:
        """Logs in; what looks like an MD5 is sent as it is, as the dialer takes both.

        Raises AuthenticationFailed: user or password are wrong. NotListening: nobody is behind that port.
        """
        text = password.reveal()
        sent = Secret(text if _MD5.fullmatch(text) else _md5(text))
        try:
            answer = await self.request("login", {"username": user, "password": sent}, timeout_s=timeout_s)
        except Failure as error:
            if error.code == 401:
                raise AuthenticationFailed(
                    f"the dialer does not let {clean(user, 60)} log in ({error}): check user and password; its users "
                    "are in the table call_center.eccp_authorized_clients (`ccops amiuser --eccp` prints one)"
                ) from None
            raise
        except LinkLost:
            if isinstance(self._address, Path) and (refusal := forward.refusal(self._address)) is not None:
                raise self._nobody() if isinstance(refusal, NotListening) else refusal from None
            raise
        cookie = answer.said("app_cookie")
        if answer.child("success") is None or not cookie:
            raise Unclear(
                "the dialer answered the log-in without success or app_cookie: is it ECCP that listens there?"
            )
        self._cookie = Secret(cookie)

    async def request(
        self,
        name: str,
        fields: Mapping[str, str | Secret] | None = None,
        *,
        agent: tuple[str, Secret] | None = None,
        timeout_s: float = _LIMIT_S,
    ) -> Element:
        """Sends a request and returns its `NAME_response`. `agent`: in whose name, with that agent's eccp_password.

        Raises Failure: the dialer says no, and nothing was done (Refused likewise, before anything is sent). TimedOut,
        LinkLost, Unclear: it may have been done all the same.
        """
        if self.lost.done():
            raise LinkLost(str(self.lost.result()))
        given: dict[str, str | Secret] = {}
        if agent is not None:
            given = {"agent_number": agent[0], "agent_hash": self._hash(*agent)}
        number = next(self._numbers)
        data = write_request(number, name, given | dict(fields or {}))
        answered: asyncio.Future[Element] = asyncio.get_running_loop().create_future()
        self._pending[str(number)] = answered
        try:
            async with asyncio.timeout(timeout_s):
                await self._send(data)
                root = await answered
        except TimeoutError:
            raise TimedOut(f"the dialer did not answer {name} within {timeout_s:g} s") from None
        finally:
            self._pending.pop(str(number), None)
        return _answer(name, root)

    async def known_requests(self, *, timeout_s: float = _LIMIT_S) -> frozenset[str] | None:
        """The requests that this dialer knows; None where it does not tell (the first ones have no getrequestlist)."""
        try:
            answer = await self.request("getrequestlist", timeout_s=timeout_s)
        except Failure:
            return None
        listed = answer.child("requests")
        return frozenset(each.text for each in listed.children if each.text) if listed is not None else None

    def close(self) -> None:
        """Drops the connection."""
        self._fail(LinkLost("the ECCP connection was closed"))

    # -- what goes out and comes in

    async def _send(self, data: bytes) -> None:
        writer = self._writer
        if writer is None:
            raise LinkLost("the ECCP connection was never made")
        try:
            writer.write(data)
            await writer.drain()
        except OSError as error:
            self._fail(LinkLost(f"the ECCP connection was lost: {clean(error.strerror or str(error), 200)}"))
            raise self.lost.result() from None

    async def _read(self, reader: asyncio.StreamReader) -> None:
        documents = Documents()
        try:
            while data := await reader.read(_CHUNK):
                for document in documents.feed(data):
                    self._take(document)
            self._fail(LinkLost("the dialer closed the ECCP connection"))
        except Malformed as error:
            self._fail(error)
        except OSError as error:
            self._fail(LinkLost(f"the ECCP connection was lost: {clean(error.strerror or str(error), 200)}"))

    def _take(self, document: Document) -> None:
        if document.kind == "event":
            self.events += 1
            return
        if document.kind != "response":
            raise Malformed(f"the dialer sent {document.kind!r}, which is neither a response nor an event")
        root = parse(document)
        number = root.attributes.get("id", "")
        if not number:
            # "Bad request", told of bytes in which it could not find an id; it closes after it.
            raise Malformed("the dialer did not understand what it was sent")
        answered = self._pending.get(number)
        if answered is not None and not answered.done():
            answered.set_result(root)

    def _fail(self, error: LinkError) -> None:
        if self.lost.done():
            return
        self.lost.set_result(error)
        for answered in self._pending.values():
            if not answered.done():
                answered.set_exception(LinkLost(f"the ECCP link was lost before the answer: {error}"))
        if self._reading is not None and self._reading is not asyncio.current_task():
            self._reading.cancel()
        if self._writer is not None:
            with contextlib.suppress(OSError, RuntimeError):
                self._writer.close()

    def _hash(self, agent: str, password: Secret) -> Secret:
        if self._cookie is None:
            raise LinkLost("the ECCP connection is not logged in")
        return Secret(_md5(self._cookie.reveal() + agent + password.reveal()))

    def _nobody(self) -> NotListening:
        return NotListening(
            f"the call-center module's dialer is not listening on port {self._port}: is it installed and running "
            "(service elastixdialer status, or issabeldialer)?"
        )


def _answer(name: str, root: Element) -> Element:
    """The part of a response that answers `name`."""
    inner = root.child(f"{name}_response")
    failure = root.child("failure") or (inner.child("failure") if inner is not None else None)
    if failure is not None:
        told = failure.said("code")
        code = int(told) if told.isascii() and told.isdecimal() and len(told) < 6 else 0
        message = clean(failure.said("message") or failure.text, 200) or "without a word"
        if code in _HALF_WAY:
            raise Unclear(f"the dialer failed half way ({code} {message}): it may have been done")
        raise Failure(f"the dialer refuses {name}: {code or ''} {message}".replace("  ", " "), code)
    if inner is None:
        raise Unclear(f"the dialer answered {name} with something else")
    return inner


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
