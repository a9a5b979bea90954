"""What stands in the menu of operations: each with its key, and why it may not be done now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ccops.operations.catalogue import OPERATIONS
from ccops.operations.plan import Plan, Request
from ccops.tui import keymap
from ccops.tui.operator import told
from ccops.tui.screens.operations import Entry
from ccops.tui.widgets.card import Part

if TYPE_CHECKING:
    from ccops.operations.audit import Record
    from ccops.tui.app import Console
    from ccops.tui.operating import Desk


def entries(desk: Desk, app: Console, record: Record | None) -> Iterator[Entry]:
    """An interrupted operation first, then all there are, then the audit log."""
    bound = [*keymap.listing(keymap.CONSOLE_KEYS, app._keymap)]
    keys = {key.id.partition(".")[0]: key.keys.split(" ")[0] for key in bound if key.id.endswith(".start")}
    if record is not None:
        yield Entry("resume", "Resume", "", told(record), urgent=True)
    for name, each in OPERATIONS.items():
        barred = desk.barred(Plan(Request(name), "", "", (), role=each.role), brief=True)
        yield Entry(name, each.title, keys.get(name, ""), each.does, barred)
    yield Entry("audit", "Audit log", "", "What was done on this pair, and how it ended")


def head(desk: Desk, app: Console) -> list[Part]:
    """The pair, and whether it is armed."""
    authority = desk.authority(app.pair_name)
    text, style = desk.arming(app.pair_name)
    hint = "" if authority.never or authority.armed_for_s else "  plans can be looked at; w arms"
    return [(app.pair_name, "bold"), (" ▸ ", "$label"), ("operations  ", "bold"), (text, style), (hint, "")]
