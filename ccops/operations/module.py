"""The call-center module on the node that serves, read before an edit of it is planned, and before it is done."""

# ruff: noqa: S608 - what is put into statements are names that stand here; values are parameters

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec

from ccops.callcentre.campaigns import Campaign
from ccops.callcentre.sql_cells import count, day, text
from ccops.config import Secret
from ccops.links.errors import LinkError, Refused
from ccops.operations.exchange import digest_of
from ccops.operations.plan import Request
from ccops.pair.model import Reading
from ccops.text import clean, decode
from ccops.watch.campaign_tables import TABLES, CampaignTables
from ccops.watch.module_schema import NoModule, Row, Schema, read_schema

if TYPE_CHECKING:
    from ccops.operations.books import Books
    from ccops.operations.hands import Hands

AGENTS_CONF = "/etc/asterisk/agents.conf"
OPERATIONS = ("campaign", "break", "module-agent")
"""The names of the edits of the module, as requests have them."""

_MOST = 5_000
_COMMAND_S = 20.0


class BreakRow(msgspec.Struct, frozen=True):
    """A row of `break`; `hold` is the module's own, which is no break."""

    id: int
    name: str
    description: str
    status: str
    hold: bool = False


class AgentRow(msgspec.Struct, frozen=True):
    """A row of `agent`, without its passwords. `kind` is Agent, SIP, PJSIP or IAX2; `status` A or I (retired)."""

    id: int
    kind: str
    number: str
    name: str
    status: str

    @property
    def key(self) -> str:
        """`Agent/9000`."""
        return f"{self.kind}/{self.number}"


class AgentsFile(msgspec.Struct, frozen=True):
    """Asterisk's agents.conf, which holds passwords, with the MD5 that it has on the node, and Asterisk's version."""

    text: Secret
    digest: str
    version: str | None = None


class Module(msgspec.Struct, frozen=True):
    """What is there. `kinds` are the types that an agent may have, () where this module's agents have none.

    `queues` are rows of queue_call_entry by id: the queue, and whether it is active. `busy`: who has an open session
    (of the agent that the request is about) or is in that break. `grants`: SHOW GRANTS' lines, None where they are not
    told; `local`: the day and its second there.
    """

    node: str
    user: str
    campaigns: tuple[Campaign, ...] = ()
    breaks: tuple[BreakRow, ...] = ()
    agents: tuple[AgentRow, ...] = ()
    queues: Mapping[int, tuple[str, bool]] = {}
    kinds: tuple[str, ...] = ()
    eccp: bool = False
    described: bool = False
    typed_breaks: bool = False
    busy: tuple[str, ...] = ()
    grants: tuple[str, ...] | None = None
    local: tuple[date, int] | None = None
    agents_file: Reading[AgentsFile] | None = None


async def read_module(
    books: Books, hands: Hands, node: str, request: Request, now: float, started_at: float | None = None
) -> Reading[Module]:
    """Reads it as the user who writes; a Reading without a value says why.

    `now`: the node's clock, as it is known; `started_at`: when its Asterisk started: sessions from before it are lost.
    """

    async def query(sql: str, params: Sequence[Any] = (), *, timeout_s: float = 10.0) -> list[Row]:
        return await books.query(node, sql, params, timeout_s=timeout_s)

    try:
        schema = await read_schema(query, TABLES, ("agent", "break"))
        found = await _read(query, schema, node, request, now, started_at)
    except NoModule as error:
        return Reading(None, str(error), now)
    except LinkError as error:
        return Reading(None, f"the call-center module cannot be read: {clean(str(error), 200)}", now)
    if _touches_file(request, found):
        found = msgspec.structs.replace(found, agents_file=await _read_file(hands, node, now))
    return Reading(found, None, now)


async def _read(
    query: Any, schema: Schema, node: str, request: Request, now: float, started_at: float | None
) -> Module:
    tables = CampaignTables(query, schema)
    agents = await _agents(query, schema)
    breaks = await _breaks(query, schema)
    whom = await query("SELECT CURRENT_USER() AS user")
    local = await query(
        "SELECT CAST(FROM_UNIXTIME(%s) AS CHAR) AS local FROM INFORMATION_SCHEMA.COLUMNS"
        " WHERE TABLE_SCHEMA = 'call_center' AND TABLE_NAME = 'agent' LIMIT 1",
        (int(now),),
    )
    return Module(
        node,
        text(whom[0]["user"]) if whom else "",
        await tables.campaigns(),
        breaks,
        agents,
        await _queues(query, schema),
        await _kinds(query, schema),
        schema.has("agent", "eccp_password"),
        schema.has("break", "description"),
        schema.has("break", "tipo"),
        await _busy(query, schema, request, agents, breaks, int(started_at or 0)),
        await _grants(query),
        _moment(text(local[0]["local"])) if local else None,
    )


async def _agents(query: Any, schema: Schema) -> tuple[AgentRow, ...]:
    kind = "e.type" if schema.has("agent", "type") else "'Agent'"
    rows = await query(
        f"SELECT e.id, {kind} AS kind, e.number, e.name, e.estatus AS status FROM call_center.agent AS e"
        " ORDER BY e.id LIMIT %s",
        (_MOST,),
    )
    return tuple(
        AgentRow(count(r["id"]), text(r["kind"]), text(r["number"]), text(r["name"]), text(r["status"])) for r in rows
    )


async def _breaks(query: Any, schema: Schema) -> tuple[BreakRow, ...]:
    kind = "e.tipo" if schema.has("break", "tipo") else "CASE WHEN e.id = 1 THEN 'H' ELSE 'B' END"
    rows = await query(
        f"SELECT e.id, e.name, {schema.field('break', 'description')}, e.status, {kind} AS kind"
        " FROM call_center.`break` AS e ORDER BY e.id LIMIT %s",
        (_MOST,),
    )
    return tuple(
        BreakRow(
            count(r["id"]), text(r["name"]), text(r["description"]), text(r["status"]), hold=text(r["kind"]) == "H"
        )
        for r in rows
    )


async def _queues(query: Any, schema: Schema) -> Mapping[int, tuple[str, bool]]:
    if not schema.has("queue_call_entry"):
        return {}
    status = "e.estatus" if schema.has("queue_call_entry", "estatus") else "'A'"
    rows = await query(
        f"SELECT e.id, e.queue, {status} AS status FROM call_center.queue_call_entry AS e LIMIT %s", (_MOST,)
    )
    return {count(row["id"]): (text(row["queue"]), text(row["status"]) == "A") for row in rows}


async def _kinds(query: Any, schema: Schema) -> tuple[str, ...]:
    """The values of the enum `agent.type`."""
    if not schema.has("agent", "type"):
        return ()
    rows = await query(
        "SELECT COLUMN_TYPE AS kind FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = 'call_center'"
        " AND TABLE_NAME = 'agent' AND COLUMN_NAME = 'type'"
    )
    told = text(rows[0]["kind"]) if rows else ""
    inside = told[told.find("(") + 1 : told.rfind(")")] if told.lower().startswith("enum(") else ""
    return tuple(part.strip().strip("'") for part in inside.split(",") if part.strip()) or ("Agent", "SIP", "IAX2")


async def _busy(
    query: Any,
    schema: Schema,
    request: Request,
    agents: Sequence[AgentRow],
    breaks: Sequence[BreakRow],
    since: int,
) -> tuple[str, ...]:
    """Who is logged in, or in that break, now; by the indexes of `audit` on agents and breaks."""
    key = request.arguments.get("key", "")
    if not schema.has("audit") or request.operation == "campaign" or not key:
        return ()
    if request.operation == "break":
        ids = [each.id for each in breaks if key in (str(each.id), each.name)]
        where = "a.id_break = %s"
    else:
        ids = [each.id for each in agents if key in (each.key, each.number) and each.status == "A"]
        where = "a.id_agent = %s AND a.id_break IS NULL"
    found: list[str] = []
    for id in ids:
        rows = await query(
            "SELECT b.name FROM call_center.audit AS a LEFT JOIN call_center.agent AS b ON b.id = a.id_agent"
            f" WHERE {where} AND a.datetime_end IS NULL AND a.datetime_init >= FROM_UNIXTIME(%s) LIMIT 50",
            (id, since),
        )
        found += [text(row["name"]) or "?" for row in rows]
    return tuple(found)


async def _grants(query: Any) -> tuple[str, ...] | None:
    try:
        rows = await query("SHOW GRANTS")
    except Refused:  # a server without grant tables has none to show
        return None
    # The password's digest stands in the line of a MySQL before 5.7: it is not kept.
    return tuple(clean(str(value), 2000).partition(" IDENTIFIED BY")[0] for row in rows for value in row.values())


def _moment(told: str) -> tuple[date, int] | None:
    found = day(told)
    parts = told[11:19].split(":")
    if found is None or len(parts) != 3 or not all(part.isdecimal() for part in parts):
        return None
    hours, minutes, seconds = map(int, parts)
    return found, hours * 3600 + minutes * 60 + seconds


def _touches_file(request: Request, found: Module) -> bool:
    if request.operation != "module-agent":
        return False
    if request.arguments.get("do") == "register":
        return request.arguments.get("kind", "Agent") == "Agent"
    key = request.arguments.get("key", "")
    return any(each.kind == "Agent" for each in found.agents if key in (each.key, each.number))


async def _read_file(hands: Hands, node: str, now: float) -> Reading[AgentsFile]:
    """agents.conf, and the version of Asterisk that reads it."""
    try:
        done = await hands.run(node, ["cat", AGENTS_CONF], timeout_s=_COMMAND_S)
        version = await hands.run(node, ["asterisk", "-rx", "core show version"], timeout_s=_COMMAND_S)
    except LinkError as error:
        return Reading(None, clean(str(error), 200), now)
    if done.exit_status != 0:
        said = clean(decode(done.stderr).strip(), 160)
        return Reading(None, f"{AGENTS_CONF} cannot be read: {said or 'as root it could'}", now)
    told = decode(version.stdout)
    number = told.partition("Asterisk ")[2].split(" ")[0].strip() if "Asterisk " in told else ""
    try:
        body = done.stdout.decode("utf-8")
    except UnicodeDecodeError:
        return Reading(None, f"{AGENTS_CONF} has bytes that are no UTF-8 text: ccops would change them", now)
    return Reading(AgentsFile(Secret(body), digest_of(body), clean(number, 40) or None), None, now)
