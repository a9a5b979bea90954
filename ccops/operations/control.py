"""The manager session that may write: beside the one that watches, with its own user, made when it is first needed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from ccops.callcentre.resync import version_of_banner
from ccops.config import PairSettings
from ccops.links import secrets
from ccops.links.ami import AmiSession
from ccops.links.errors import LinkError, Refused, Unreachable
from ccops.operations.hands import Hands

_LIMIT_S = 5.0
_NOT_ACTIONS = frozenset({"response", "actionid", "message"})


class Control:
    """One session to one node at a time. What was sent on a session that was lost is never sent again."""

    def __init__(self, pair: PairSettings, hands: Hands) -> None:
        self._pair = pair
        self._hands = hands
        self._making = asyncio.Lock()
        self._node = ""
        self._session: AmiSession | None = None
        self.allowed: frozenset[str] | None = None
        """The actions (lower case) that the user may do there, as Asterisk lists them; None where it does not."""

    @property
    def user(self) -> str:
        """The manager user that acts."""
        user = self._pair.ami_control or self._pair.ami
        return user.user if user is not None else ""

    @property
    def version(self) -> str | None:
        """The oldest Asterisk that greets as this one did."""
        if self._session is None:
            return None
        return version_of_banner(f"Asterisk Call Manager/{self._session.banner_version}")

    async def open(self, node: str) -> None:
        """Has a session to that node. Raises LinkError, with what to do."""
        async with self._making:
            session = self._session
            if session is not None and self._node == node and not session.lost.done():
                return
            self.close()
            self._session, self._node = await self._log_in(node), node
            self.allowed = await self._rights(self._session)

    async def send(self, node: str, name: str, fields: Mapping[str, str]) -> str:
        """Does one action and returns what Asterisk says of it.

        Raises Refused (nothing was done), TimedOut and LinkLost (it may have been done all the same).
        """
        await self.open(node)
        assert self._session is not None
        try:
            answer = await self._session.action(name, timeout_s=_LIMIT_S, **fields)
        except Refused:
            raise
        except LinkError:
            self.close()
            raise
        return answer.get("message") or answer.get("response", "")

    def close(self) -> None:
        """Ends the session."""
        if self._session is not None:
            self._session.close()
        self._session, self.allowed = None, None

    async def _log_in(self, node: str) -> AmiSession:
        ami = self._pair.ami
        if ami is None:
            raise Unreachable("no AMI user is set for this pair: see `ccops init`")
        user = self._pair.ami_control or ami
        secret = await secrets.resolve(user.secret)
        session = AmiSession(lambda events, at: None, frozenset())
        try:
            await session.open(await self._address(node), ami.port, timeout_s=_LIMIT_S)
            await session.log_in(user.user, secret, allow_plain=ami.via == "ssh", timeout_s=_LIMIT_S)
            await session.action("Events", timeout_s=_LIMIT_S, EventMask="off")
        except BaseException:
            session.close()
            raise
        return session

    async def _address(self, node: str) -> Path | tuple[str, int]:
        ami = self._pair.ami
        assert ami is not None
        if ami.via == "direct":
            return ami.direct_hosts[node], ami.port
        connection = await self._hands.reach(node)
        return await connection.forward_tcp(ami.host, ami.port)

    @staticmethod
    async def _rights(session: AmiSession) -> frozenset[str] | None:
        """ListCommands names what the user may do, and nothing else (manager.c, action_listcommands)."""
        try:
            answer = await session.action("ListCommands", timeout_s=_LIMIT_S)
        except Refused:
            return None
        return frozenset(answer) - _NOT_ACTIONS or None
