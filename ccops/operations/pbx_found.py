"""Whether FreePBX keeps the extensions and trunks of a node, and what it has: by its functions, else in its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ccops.links.errors import LinkError
from ccops.operations import pbx_php, pbx_seen, pbx_sql
from ccops.operations.exchange import Spoken
from ccops.operations.pbx_freepbx import FreepbxExchange, Way, entries
from ccops.operations.plan import Argv, Surprise
from ccops.pbx import freepbx_trunks
from ccops.pbx.freepbx_rows import Tables, numbers
from ccops.pbx.model import Tech
from ccops.text import clean, decode

if TYPE_CHECKING:
    from ccops.config import PairSettings
    from ccops.operations.books import Books
    from ccops.operations.hands import Hands

_LIMIT_S = 20.0
# Where FreePBX puts its commands; what sshd gives a command need not have them.
_PLACES = "/usr/local/sbin:/usr/sbin:/sbin:/var/lib/asterisk/bin"
_ASK = f"PATH=$PATH:{_PLACES}; for c in fwconsole amportal; do command -v $c; done; :"


async def read(hands: Hands, books: Books, settings: PairSettings, node: str) -> FreepbxExchange | str:
    """What FreePBX has there, or why that cannot be read: each way that was tried with its reason."""
    ways: list[str] = []
    backend = settings.pbx.backend
    if backend in (None, "freepbx"):
        php = pbx_php.PhpWay(settings.pbx.database, settings.sudo)
        try:
            return await _exchange(hands, node, php, await pbx_php.read(hands, node, php))
        except (pbx_sql.Unfit, Surprise, LinkError) as error:
            ways.append(f"by its functions: {error}")
    if backend in (None, "freepbx-sql"):
        if settings.mysql is None:
            ways.append("in its tables: no MySQL user is set for this pair")
        else:
            sql = pbx_sql.SqlWay(settings.pbx.database, books.user)
            try:
                return await _exchange(hands, node, sql, await pbx_sql.read(books, hands, node, sql.database))
            except (pbx_sql.Unfit, Surprise, LinkError) as error:
                ways.append(f"in its tables: {error}")
    return clean(f"FreePBX on {node} cannot be read {'; '.join(ways)}", 600)


async def _exchange(hands: Hands, node: str, way: Way, tables: Tables) -> FreepbxExchange | str:
    spoken = await pbx_seen.listen(hands, node)
    if isinstance(spoken, str):
        return spoken
    others = {row.get("id") or "": f"a device of FreePBX ({row.get('tech')})" for row in tables.of("devices")}
    others |= {row.get("extension") or "": "a user of FreePBX" for row in tables.of("users")}
    return FreepbxExchange(
        node,
        _usual(spoken, tables),
        entries(tables),
        spoken,
        {**freepbx_trunks.names(tables), **others},
        numbers(tables),
        tables=tables,
        way=way,
        reload=await _reload(hands, node, tables),
    )


def _usual(spoken: Spoken, tables: Tables) -> Tech:
    """What a new one is made with: the driver that is loaded, chan_sip first; PJSIP only where FreePBX knows it."""
    able: tuple[Tech, ...] = ("sip", "pjsip", "iax2") if tables.issabel or tables.version >= (12,) else ("sip", "iax2")
    return next((tech for tech in able if tech in spoken.loaded), "sip")


async def _reload(hands: Hands, node: str, tables: Tables) -> Argv | None:
    done = await hands.run(node, ["/bin/sh", "-c", _ASK], timeout_s=_LIMIT_S, as_root=False)
    there = {path.rpartition("/")[2]: path for path in decode(done.stdout).split() if path.startswith("/")}
    if "fwconsole" in there and (tables.version >= (13,) or "amportal" not in there):
        return (there["fwconsole"], "reload")
    return (there["amportal"], "a", "r") if "amportal" in there else None
