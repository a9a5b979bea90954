"""The campaigns of `tests.callcentre.campaign_day` in real tables."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.callcentre import campaign_day as day
from tests.mariadb.schema import Kind, statements
from tests.mariadb.server import Server


def sql_date(at: float | None) -> str | None:
    """A DATETIME of the server's zone."""
    return None if at is None else datetime.fromtimestamp(at + day.OFFSET_S, UTC).strftime("%Y-%m-%d %H:%M:%S")


def fill(server: Server, kind: Kind) -> None:
    """All of the day, as that module would have written it."""
    server.run(*statements(kind))
    typed = ["number", "name", "estatus"] if kind == "old" else ["type", "number", "name", "estatus"]
    agents = [row[1:] if kind == "old" else row for row in day.AGENTS]
    server.fill("call_center.agent", typed, agents)
    server.fill("call_center.`break`", ["name", "tipo"], [("Hold", "H"), ("Almuerzo", "B"), ("Baño", "B")])
    server.fill("call_center.queue_call_entry", ["queue", "estatus"], [("400", "A"), ("401", "I")])
    schedule = ["datetime_init", "datetime_end", "daytime_init", "daytime_end", "estatus"]
    server.fill(
        "call_center.campaign",
        ["name", "queue", *schedule, "retries", "trunk", "max_canales"],
        day.CAMPAIGNS,
    )
    if kind == "issabel":
        server.fill("call_center.campaign_lists", ["id_campaign"], [(2,), (1,), (1,)])
    calls(server, kind)
    server.fill(
        "call_center.campaign_entry",
        ["name", "id_queue_call_entry", *schedule],
        [
            ("atención", 1, "2026-01-01", "2026-12-31", "00:00:00", "23:59:59", "A"),
            ("doble", 1, "2026-01-01", "2026-12-31", "12:00:00", "16:00:00", "A"),
            ("nocturna", 2, "2026-01-01", "2026-12-31", "22:00:00", "06:00:00", "I"),
        ],
    )
    server.fill(
        "call_center.call_entry",
        [
            *("id_queue_call_entry", "callerid", "status", "datetime_entry_queue", "datetime_init", "datetime_end"),
            *("duration", "duration_wait", "id_campaign", "id_agent"),
        ],
        [
            (1, f"0991{n}", status, *map(sql_date, (entered, answered, ended)), talk, wait, campaign,
             day.ANA if answered else None)
            for n, (status, entered, answered, ended, talk, wait, campaign) in enumerate(day.ENTRIES, 1)
        ],
    )  # fmt: skip
    server.fill(
        "call_center.audit",
        ["id_agent", "id_break", "datetime_init", "datetime_end"],
        [(agent, pause, sql_date(began), sql_date(ended)) for agent, pause, began, ended in day.AUDIT],
    )
    server.fill(
        "call_center.current_call_entry",
        ["id_agent", "id_queue_call_entry", "id_call_entry", "callerid", "datetime_init"],
        [(day.LUIS, 1, 10, "099110", sql_date(day.at(14, 50, 5))), (day.EVA, 1, 9, "09919", sql_date(day.at(13, 51)))],
    )
    server.fill(
        "call_center.current_calls",
        ["id_call", "fecha_inicio", "agentnum", "hold"],
        [(11, sql_date(day.at(14, 59, 30)), "9000", "S")],
    )


def calls(server: Server, kind: Kind) -> None:
    """The outgoing calls, of two lists where there are lists."""
    old = kind == "old"
    owner = "id_list" if kind == "issabel" else "id_campaign"
    columns = [
        *(owner, "phone", "status", "retries", "fecha_llamada", "start_time", "end_time"),
        *("duration", "duration_wait", "id_agent"),
    ]
    later = [] if old else ["dnc", "datetime_originate", "failure_cause", "failure_cause_txt"]
    rows = []
    for n, call in enumerate(day.CALLS, 1):
        begun, cause = sql_date(call.get("begun")), call.get("cause", (None, None))
        linked = begun if call.get("talk") else None
        row = [
            *((2 + n % 2) if kind == "issabel" else 1, f"0980{n:02d}", call["status"], call["retries"]),
            *(begun, linked, sql_date(call.get("ended")), call.get("talk"), call.get("wait")),
            call.get("agent"),
        ]
        rows.append(row if old else [*row, call.get("dnc", 0), begun, *cause])
    server.fill("call_center.calls", [*columns, *later], rows)
    if not old:
        server.fill(
            "call_center.call_progress_log",
            ["datetime_entry", "id_campaign_outgoing", "id_call_outgoing", "new_status"],
            [(sql_date(day.at(8, n)), 1, call, "x") for n, call in enumerate(day.LOGGED)],
        )
