"""A day of campaigns, sessions and breaks, with the figures computed by hand.

It is 15:00 of 2026-11-26, five hours west of UTC. At 13:55 the other node failed; this Asterisk started at 14:00.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ccops.callcentre.board import Board
from tests.callcentre import service_day as day

MIDNIGHT, OFFSET_S = day.MIDNIGHT, day.OFFSET_S
NOW = MIDNIGHT + 15 * 3600
STARTED_AT = MIDNIGHT + 14 * 3600


def at(hours: int, minutes: int = 0, seconds: int = 0) -> float:
    """That time of the day."""
    return MIDNIGHT + hours * 3600 + minutes * 60 + seconds


AGENTS = (
    # A retired agent had Ana's number before her.
    ("Agent", "9000", "Vieja", "I"),
    ("Agent", "9000", "Ana Torres", "A"),
    ("SIP", "101", "Luis Vera", "A"),
    ("SIP", "102", "Eva Paz", "A"),
    ("SIP", "103", "Rosa Mora", "A"),
)
ANA, LUIS, EVA, ROSA = 2, 3, 4, 5

CAMPAIGNS = (
    # name, queue, first, last, opens, closes, estatus, retries, trunk, channels
    ("encuesta", "777", "2026-11-01", "2026-12-31", "08:00:00", "18:00:00", "A", 5, "SIP/gw", 4),
    ("noche", "778", "2026-11-01", "2026-12-31", "22:00:00", "06:00:00", "A", 3, None, 0),
    ("parada", "779", "2026-11-01", "2026-12-31", "08:00:00", "18:00:00", "I", 3, "", 0),
    ("hecha", "779", "2026-11-01", "2026-12-31", "08:00:00", "18:00:00", "T", 3, "", 0),
    ("pasada", "779", "2026-11-01", "2026-11-25", "08:00:00", "18:00:00", "A", 3, "", 0),
    ("futura", "779", "2026-11-27", "2026-12-31", "08:00:00", "18:00:00", "A", 3, "", 0),
)

CALLS: Sequence[dict[str, Any]] = (
    {"status": "Success", "retries": 1, "talk": 60, "wait": 4, "begun": at(9), "ended": at(9, 2), "agent": ANA},
    {"status": "Success", "retries": 2, "talk": 120, "wait": 8, "begun": at(9, 5), "ended": at(9, 8), "agent": LUIS},
    {"status": "ShortCall", "retries": 1, "talk": 3, "wait": 2, "begun": at(9, 9), "ended": at(9, 10), "agent": ANA},
    {"status": "Abandoned", "retries": 1, "wait": 20, "begun": at(9, 11), "ended": at(9, 12)},
    {"status": "NoAnswer", "retries": 5, "begun": at(8), "ended": at(8, 1)},
    {"status": "NoAnswer", "retries": 2, "begun": at(8, 2), "ended": at(8, 3)},
    {"status": "Failure", "retries": 1, "begun": at(9, 13), "ended": at(9, 13, 9), "cause": (34, "No circuit")},
    {"status": None, "retries": 0},
    {"status": None, "retries": 0},
    {"status": None, "retries": 0, "dnc": 1},
    {"status": "Ringing", "retries": 1, "begun": at(14, 59)},
    {"status": "OnQueue", "retries": 1, "begun": at(13, 50)},
    {"status": "Paused", "retries": 0, "dnc": 1},
)  # fmt: skip
"""Of the first campaign, in the order of their ids."""

LOGGED = (5, 6, 1, 1, 2, 3, 4, 7, 12, 11, 11)
"""The log of progress: ids of the calls."""

ENTRIES: Sequence[tuple[str, float, float | None, float | None, int | None, int | None, int | None]] = (
    # status, entered, answered, ended, talk, wait, campaign
    ("terminada", at(-3), at(-3, 0, 9), at(-2), 999, 9, 1),
    ("terminada", at(9), at(9, 0, 10), at(9, 1, 10), 60, 10, 1),
    ("terminada", at(10), at(10, 0, 20), at(10, 1, 50), 90, 20, 1),
    ("terminada", at(11), at(11, 0, 30), at(11, 1), 30, 30, 1),
    ("terminada", at(11, 30), at(11, 30), at(11, 31), 60, 0, None),
    ("abandonada", at(12), None, at(12, 1), None, 60, 1),
    ("fin-monitoreo", at(13, 40), None, None, None, None, 1),
    ("fin-monitoreo", at(13, 41), None, None, None, None, 1),
    ("activa", at(13, 50), at(13, 51), None, None, None, 1),
    ("activa", at(14, 50), at(14, 50, 5), None, None, 5, 1),
    ("en-cola", at(14, 59), None, None, None, None, 1),
)

AUDIT: Sequence[tuple[int, int | None, float, float | None]] = (
    # agent, break (1 Hold, 2 Almuerzo, 3 Baño), began, ended
    (ROSA, None, at(-240), None),
    (ROSA, None, at(-72), at(-70)),
    (ANA, None, at(-4), at(2)),
    (ANA, None, at(8), at(12)),
    (ANA, 2, at(10), at(10, 30)),
    (EVA, None, at(13), None),
    (ANA, None, at(14, 5), None),
    (LUIS, None, at(14, 10), None),
    (ANA, 1, at(14, 20), at(14, 40)),
    (LUIS, None, at(14, 30), None),
    (ANA, 3, at(14, 50), None),
)


def audit_rows() -> list[dict[str, Any]]:
    """As the tables give them."""
    names = {None: None, 1: "Hold", 2: "Almuerzo", 3: "Baño"}
    return [
        {
            "id": id, "agent": "/".join(AGENTS[agent - 1][:2]), "agent_name": AGENTS[agent - 1][2],
            "began": began, "ended": ended, "pause": names[pause], "kind": "H" if pause == 1 else "B",
        }
        for id, (agent, pause, began, ended) in enumerate(AUDIT, 1)
    ]  # fmt: skip


def check_board(found: Board) -> None:
    """The figures of this day."""
    people = {person.name: person for person in found.people}
    ana, luis, eva = (people[name] for name in ("Ana Torres", "Luis Vera", "Eva Paz"))
    assert (ana.logged_in_s, ana.break_s, ana.breaks) == (24_900, 2_400, {"Almuerzo": 1_800, "Baño": 600})
    assert (ana.since, ana.pause, ana.pause_since) == (at(14, 5), "Baño", at(14, 50))
    assert [session.began_at for session in ana.sessions] == [at(-4), at(8), at(14, 5)]
    assert (luis.open_sessions, luis.logged_in_s, luis.since) == (2, 3_000, at(14, 10))
    assert (eva.lost, eva.logged_in_s, eva.since) == (1, 0, None)
    assert found.doubled == 1
    assert found.forgotten == 1
    totals = {each.name: each for each in found.breaks}
    assert (totals["Almuerzo"].times, totals["Almuerzo"].total_s, totals["Almuerzo"].now) == (1, 1_800, ())
    assert (totals["Baño"].times, totals["Baño"].total_s, totals["Baño"].now) == (1, 600, ("Ana Torres",))
    assert "Hold" not in totals
