"""The MySQL session that may write: beside those that watch, with its own user, made when it is first needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from ccops.config import PairSettings
from ccops.links.errors import Unreachable
from ccops.operations.hands import Hands

if TYPE_CHECKING:
    from ccops.links.mysql import MysqlLink, Row

LIMIT_S = 10.0

Params = Sequence[Any] | Mapping[str, Any]


class Books:
    """The databases of whichever node is asked for; one connection a node. A statement is never sent twice."""

    def __init__(self, pair: PairSettings, hands: Hands) -> None:
        self._pair = pair
        self._hands = hands
        self._links: dict[str, MysqlLink] = {}

    @property
    def user(self) -> str:
        """The MySQL user that reads and writes; "" where the pair has none."""
        user = self._pair.mysql_control or self._pair.mysql
        return user.user if user is not None else ""

    async def query(self, node: str, sql: str, params: Params = (), *, timeout_s: float = LIMIT_S) -> list[Row]:
        """The rows of one statement on that node. Raises LinkError as `MysqlLink.query` does."""
        return await self._link(node).query(sql, params, timeout_s=timeout_s)

    async def change(self, node: str, sql: str, params: Params = (), *, timeout_s: float = LIMIT_S) -> int:
        """How many rows one statement changed there. Raises Refused (nothing was done), other LinkErrors (it may)."""
        return await self._link(node).change(sql, params, timeout_s=timeout_s)

    async def close(self) -> None:
        """Ends its connections."""
        links, self._links = self._links, {}
        for link in links.values():
            await link.close()

    def _link(self, node: str) -> MysqlLink:
        from ccops.links.mysql import MysqlLink  # only when it is needed: plans are also drawn for a list of commands

        mysql, control = self._pair.mysql, self._pair.mysql_control
        if mysql is None:
            raise Unreachable("no MySQL user is set for this pair: see `ccops init`")
        if control is not None:
            mysql = replace(mysql, user=control.user, password=control.password)
        if node not in self._links:

            async def dial() -> Path | tuple[str, int]:
                if mysql.via == "direct":
                    return mysql.direct_hosts[node], mysql.port
                connection = await self._hands.reach(node)
                if mysql.socket:
                    return await connection.forward_socket(mysql.socket)
                return await connection.forward_tcp(mysql.host, mysql.port)

            self._links[node] = MysqlLink(mysql, dial, lambda status: None, read_only=False)
        return self._links[node]
