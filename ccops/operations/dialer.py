"""The call-center module's dialer at work: one ECCP session, made when it is first needed, and what it can do to whom.

An agent's own ECCP password is read from call_center.agent when it is needed, and kept nowhere.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Mapping
from typing import get_args

from ccops.callcentre.dialer import ByDialer, Standing, dialers_name
from ccops.config import SHIPPED_ECCP_USER, PairSettings, Secret
from ccops.links import secrets
from ccops.links.eccp import EccpSession, Element, Failure, Unclear
from ccops.links.errors import LinkError, Refused
from ccops.operations.books import Books
from ccops.operations.hands import Hands
from ccops.watch.breaks import read_breaks

_LIMIT_S = 5.0
# A session is told of every event of the dialer's; one that nobody needs is not kept.
_IDLE_S = 60.0

# Early modules know static agents only, and have no column `type`.
_AGENT = (
    "SELECT {type} AS type, number, eccp_password FROM call_center.agent WHERE number = %s AND estatus = 'A' LIMIT 20"
)
_AGENTS = "SELECT {type} AS type, number FROM call_center.agent WHERE estatus = 'A' LIMIT 10000"
# ER_NO_SUCH_TABLE and ER_BAD_DB_ERROR: no call-center module. Who lacks a right is told of a database, table or column.
_NO_TABLE = re.compile(r"\b(?:1146|1049)\b")
_NO_COLUMN = re.compile(r"\b1054\b")
_DENIED = re.compile(r"\b(?:1044|1142|1143)\b")
_OTHERWISE = "let the agent do it in the agents' console"
_SHIPPED = "SELECT username FROM call_center.eccp_authorized_clients WHERE username = %s AND md5_password = %s LIMIT 1"
_TYPES = ("type", "'Agent'")
_DONE: Mapping[str, str] = {"logoutagent": "status"}


class Dialer:
    """One session to the dialer of one node at a time. What was sent on a session that was lost is never sent again."""

    def __init__(self, pair: PairSettings, hands: Hands, books: Books) -> None:
        self._pair = pair
        self._hands = hands
        self._books = books
        self._making = asyncio.Lock()
        self._node = ""
        self._session: EccpSession | None = None
        self._requests: frozenset[str] | None = None
        self._idle: asyncio.TimerHandle | None = None

    @property
    def user(self) -> str:
        """The user of ECCP that acts; "" where the settings have none."""
        return self._pair.eccp.user if self._pair.eccp is not None else ""

    async def agents(self, node: str) -> frozenset[str] | None:
        """The names of the module's active agents; none where there is no module, None where that cannot be known."""
        if self._pair.mysql is None:
            return None
        for column in _TYPES:
            try:
                rows = await self._books.query(node, _AGENTS.format(type=column), timeout_s=_LIMIT_S)
            except Refused as error:
                if _NO_TABLE.search(str(error)):
                    return frozenset()
                continue
            except LinkError:
                return None
            return frozenset(f"{row['type']}/{row['number']}" for row in rows)
        return None

    async def look(self, node: str, interface: str) -> ByDialer:
        """What can be done there to the agent of that interface, or why nothing; never raises LinkError."""
        if self._pair.eccp is None:
            return ByDialer("no [pairs.NAME.eccp] is set", "set it; `ccops amiuser --eccp` prints such a user")
        agent = dialers_name(interface)
        try:
            password = await self._password(node, agent)
        except LinkError as error:
            return self._unread(error)
        try:
            breaks = await read_breaks(lambda sql, params=(), timeout_s=_LIMIT_S: self._books.query(node, sql, params))
            session = await self._open(node)
            requests = self._requests
            shipped = await self._lets_anybody_in(node)
            answer = await session.request("getagentstatus", {"agent_number": agent}, timeout_s=_LIMIT_S)
        except Failure as error:
            # It is in the table and the dialer does not know it (yet), or it is too old for callback agents.
            return ByDialer(f"the dialer does not tell of {agent} ({error})", _OTHERWISE)
        except LinkError as error:
            self.close()
            return ByDialer(str(error), "see [pairs.NAME.eccp]; `ccops amiuser --eccp` prints a user of ECCP")
        standing, break_id, break_name = _standing(answer)
        return ByDialer(
            requests=requests,
            breaks=breaks,
            standing=standing,
            break_id=break_id,
            break_name=break_name,
            open_to_all=password is None,
            shipped=shipped,
        )

    async def send(self, node: str, request: str, fields: Mapping[str, str]) -> str:
        """Does one request in the name of the agent in `agent_number`, and returns what the dialer says of it.

        Raises Refused (nothing was done), TimedOut, LinkLost and Unclear (it may have been done all the same).
        """
        agent = fields["agent_number"]
        try:
            password = await self._password(node, agent)
            session = await self._open(node)
        except LinkError as error:
            raise Refused(f"{error} (nothing was sent)") from None
        rest = {key: value for key, value in fields.items() if key != "agent_number"}
        try:
            answer = await session.request(request, rest, agent=(agent, password or Secret("")), timeout_s=_LIMIT_S)
        except Failure as error:
            raise _explained(error, agent) from None
        except Refused:
            raise
        except LinkError:
            self.close()
            raise
        if answer.child(_DONE.get(request, "success")) is None:
            raise Unclear(f"the dialer's answer to {request} tells no success")
        return answer.said("status") or "success"

    def close(self) -> None:
        """Ends the session."""
        if self._idle is not None:
            self._idle.cancel()
        if self._session is not None:
            self._session.close()
        self._session, self._requests, self._idle = None, None, None

    async def _open(self, node: str) -> EccpSession:
        """Has a session to that node. Raises LinkError, with what to do."""
        async with self._making:
            session = self._session
            if session is None or self._node != node or session.lost.done():
                self.close()
                session = await self._log_in(node)
                self._session, self._node = session, node
                self._requests = await session.known_requests(timeout_s=_LIMIT_S)
            if self._idle is not None:
                self._idle.cancel()
            self._idle = asyncio.get_running_loop().call_later(_IDLE_S, self.close)
            return session

    async def _log_in(self, node: str) -> EccpSession:
        eccp = self._pair.eccp
        assert eccp is not None
        password = await secrets.resolve(eccp.password)
        connection = await self._hands.reach(node)
        session = EccpSession()
        try:
            await session.open(await connection.forward_tcp(eccp.host, eccp.port), eccp.port, timeout_s=_LIMIT_S)
            await session.log_in(eccp.user, password, timeout_s=_LIMIT_S)
        except BaseException:
            session.close()
            raise
        return session

    def _unread(self, error: LinkError) -> ByDialer:
        """Nothing can be done, for the agent's ECCP password cannot be read."""
        if _NO_COLUMN.search(str(error)):
            return ByDialer("this call-center module is too old for ECCP: its agents have no ECCP password", _OTHERWISE)
        way_out = (
            f"GRANT SELECT ON call_center.* to MySQL's user {self._books.user}" if _DENIED.search(str(error)) else ""
        )
        return ByDialer(f"the agent's ECCP password cannot be read ({error})", way_out)

    async def _lets_anybody_in(self, node: str) -> bool:
        """Whether the user that the module is shipped with still has its shipped password, as far as can be read."""
        known = hashlib.md5(SHIPPED_ECCP_USER.encode(), usedforsecurity=False).hexdigest()
        try:
            rows = await self._books.query(node, _SHIPPED, (SHIPPED_ECCP_USER, known), timeout_s=_LIMIT_S)
        except Refused:
            return False
        return bool(rows)

    async def _password(self, node: str, agent: str) -> Secret | None:
        """The agent's ECCP password; None where there is none. Raises LinkError."""
        kind, _, number = agent.partition("/")
        refused: Refused | None = None
        for column in _TYPES:
            try:
                rows = await self._books.query(node, _AGENT.format(type=column), (number,), timeout_s=_LIMIT_S)
            except Refused as error:
                refused = refused or error
                continue
            found = [row for row in rows if str(row["type"]) == kind and str(row["number"]) == number]
            if not found:
                raise Refused(f"call_center.agent has no active agent {agent}")
            told = found[0]["eccp_password"]
            return None if told is None else Secret(str(told))
        assert refused is not None
        raise refused


def _standing(answer: Element) -> tuple[Standing, int | None, str]:
    """What getagentstatus tells: the state, and the break with its name."""
    told = answer.said("status")
    standing: Standing = told if told in get_args(Standing) else "unknown"  # type: ignore[assignment]
    pause = answer.child("pauseinfo")
    number = pause.said("pauseid") if pause is not None else ""
    known = number.isascii() and number.isdecimal() and len(number) < 10
    return standing, int(number) if known else None, pause.said("pausename") if pause is not None else ""


def _explained(error: Failure, agent: str) -> Failure:
    """A failure with what is to be done about it, where that is known."""
    if error.code == 401:
        told = f"{error}: the dialer has another ECCP password for {agent} than call_center.agent; look at it anew"
        return Failure(told, error.code)
    return error
