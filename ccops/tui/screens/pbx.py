"""The PBX: extensions and trunks, those that ccops may edit and those that it only sees, with their live state."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from ccops.tui import keymap, pbx_rows, quantities, themes
from ccops.tui.asking import Asking
from ccops.tui.pbx_rows import Subscriber
from ccops.tui.screens.centre import Belief, CentreView, tally
from ccops.tui.widgets.card import Part
from ccops.tui.widgets.linetable import LineTable
from ccops.tui.widgets.paragraphs import Paragraph, Paragraphs
from ccops.tui.widgets.summary import Summary
from ccops.tui.widgets.table_keys import TABLE_KEYS
from ccops.watch.snapshot import Snapshot

if TYPE_CHECKING:
    from ccops.operations.exchange import Exchange
    from ccops.operations.plan import Check
    from ccops.pair.model import Reading
    from ccops.pbx.model import Kind
    from ccops.tui.app import Console

_GROUP = Binding.Group("PBX")
_AFTER_FAILURE_S: Final = 20.0
_MOST_TRUNKS: Final = 6
_HINTS: Final = (
    ("add", "add"),
    ("edit", "edit"),
    ("copy", "copy"),
    ("rename", "rename"),
    ("toggle", "on/off"),
    ("delete", "delete"),
    ("import", "import"),
    ("export", "export"),
    ("gateway", "gateway"),
)


class PbxView(CentreView):
    """Two tables; Tab moves between them. What can be edited is read when the view is first shown, and on `r`."""

    NAME = "pbx"
    TITLE = "PBX"
    BINDINGS: ClassVar[list[BindingType]] = [
        keymap.key("pbx.add", "a", "edit('add')", "Add", "An extension, or in the table of trunks a trunk", _GROUP),
        keymap.key("pbx.edit", "e", "edit('edit')", "Edit", "The fields of the row under the cursor", _GROUP),
        keymap.key("pbx.copy", "c", "edit('copy')", "Copy", "Another one like that of the row", _GROUP),
        keymap.key("pbx.rename", "n", "edit('rename')", "Rename", "Another number or name", _GROUP),
        keymap.key("pbx.toggle", "x", "edit('toggle')", "On or off", "Disable it, or enable it again", _GROUP),
        keymap.key("pbx.delete", "D,delete", "edit('delete')", "Delete", "Shows the plan first, as all do", _GROUP),
        keymap.key("pbx.import", "i", "edit('import')", "Import", "From a CSV file, all rows or none", _GROUP),
        keymap.key("pbx.export", "E", "edit('export')", "Export", "To a CSV file", _GROUP),
        keymap.key("pbx.gateway", "A", "edit('gateway')", "Gateway", "What to type into a GXW4108, its trunk", _GROUP),
        keymap.key("pbx.again", "r", "again", "Read anew", "Ask the node that serves again", _GROUP),
        *TABLE_KEYS,
    ]
    DEFAULT_CSS: ClassVar[str] = """
    PbxView { layout: vertical; }
    PbxView #why { display: none; padding: 0 1; max-height: 7; }
    PbxView #why.-told { display: block; }
    PbxView #trunks { height: 3; }
    PbxView Vertical { height: 1fr; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.exchange: Exchange | None = None
        self.in_the_way: tuple[Check, ...] = ()
        self._problem = ""
        self._read_at = 0.0
        self._due = 0.0
        self._pair = ""
        self._then: tuple[Kind | None, str] | None = None
        self._asking = Asking(self)
        self._found: dict[str, Subscriber] = {}

    def compose(self) -> ComposeResult:
        """Where it is kept, what is in the way, extensions, and below them trunks, as high as they need."""
        yield Summary(id="source")
        yield Paragraphs(id="why")
        with Vertical():
            yield Summary(id="extensions-title")
            yield LineTable(pbx_rows.EXTENSIONS, sort="number", id="extensions")
        yield Summary(id="trunks-title")
        yield LineTable(pbx_rows.TRUNKS, sort="name", id="trunks")
        yield Summary(id="hints")

    # -- reading

    def paint(self, snapshot: Snapshot, belief: Belief) -> None:
        """Asks where it is time to, and paints what is known."""
        app = cast("Console", self.app)
        if app.pair_name != self._pair:
            self._pair = app.pair_name
            self._forget()
        serving = snapshot.serving
        elsewhere = self.exchange is not None and self.exchange.node != serving
        wanted = self.exchange is None or elsewhere
        if wanted and app.desk.operable and serving and not self._asking.under_way and app.clock() >= self._due:
            self._ask()
        self._paint_rows(snapshot, belief)
        self._paint_source(app.clock(), serving)
        self._paint_hints()

    def _forget(self) -> None:
        self.exchange, self.in_the_way, self._problem, self._due = None, (), "", 0.0
        self._asking.forget()

    def _ask(self) -> None:
        app = cast("Console", self.app)

        async def read() -> tuple[float, Reading[Exchange], tuple[Check, ...]]:
            at, operator = app.clock(), app.desk.operator()
            # Loaded before it is wanted: keys that follow upon the one that opens a form are for that form.
            _, reading = await asyncio.gather(
                asyncio.to_thread(importlib.import_module, "ccops.tui.exchange"), operator.exchange()
            )
            return at, reading, tuple(operator.in_the_way(reading.value)) if reading.value is not None else ()

        self._asking.ask(read, self._answered, self._failed)

    def _answered(self, told: tuple[float, Reading[Exchange], tuple[Check, ...]]) -> None:
        """What can be edited, when it was asked for, and what is in the way of editing."""
        self._read_at, reading, self.in_the_way = told
        if reading.value is None:
            self._failed(reading.problem or "it could not be read")
            return
        self.exchange, self._problem, self._due = reading.value, "", 0.0
        self.repaint()
        for each in self._found.values():
            if (each.kind, each.name) == self._then:
                self.query_one(f"#{each.kind}s", LineTable).move_to(each.key)
        self._then = None

    def _failed(self, why: str) -> None:
        self._problem, self.in_the_way, self._then = why, (), None
        self._due = cast("Console", self.app).clock() + _AFTER_FAILURE_S
        self.repaint()

    def action_again(self) -> None:
        """Asks again, now."""
        self.again()

    def again(self, kind: Kind | None = None, name: str = "") -> None:
        """The same; then the cursor goes to that one."""
        if cast("Console", self.app).desk.operable:
            self._then = (kind, name)
            self._ask()
            self.repaint()

    # -- editing

    @property
    def kind(self) -> Kind:
        """What the table in use lists."""
        table = self.table_in_use()
        return "trunk" if table is not None and table.id == "trunks" else "extension"

    @property
    def subject(self) -> Subscriber | None:
        """The one under the cursor of the table in use."""
        table = self.table_in_use()
        return self._found.get(table.cursor_key or "") if table is not None else None

    def action_edit(self, do: str) -> None:
        """Begins an edit."""
        from ccops.tui.exchange import Editing

        app = cast("Console", self.app)
        app.desk.flow(Editing(app, self).flow(do, self.kind, self.subject))

    @on(LineTable.RowSelected)
    def _opened(self, event: LineTable.RowSelected) -> None:
        event.stop()
        self.action_edit("menu")

    # -- painting

    def _paint_rows(self, snapshot: Snapshot, belief: Belief) -> None:
        lines = snapshot.lines if belief.centre else ()
        entries = self.exchange.entries if self.exchange is not None else ()
        agents = pbx_rows.agents_of(belief.centre) if belief.centre else {}
        found = list(pbx_rows.subscribers(entries, lines, agents))
        self._found = {each.key: each for each in found}
        wanted = [each for each in found if pbx_rows.matches(each, self.filter)]
        empty = "nothing matches the filter (Esc clears it)" if self.filter else ""
        for kind, name in (("extension", "extensions"), ("trunk", "trunks")):
            mine = [each for each in wanted if each.kind == kind]
            table = self.query_one(f"#{name}", LineTable)
            table.set_rows([pbx_rows.row(each) for each in mine], empty or self._nothing(belief, name))
            if kind == "trunk":
                height = 1 + max(2, min(len(mine), _MOST_TRUNKS))
                if table.styles.height is None or table.styles.height.value != height:
                    table.styles.height = height
            title = name.capitalize()
            self.query_one(f"#{name}-title", Summary).show([*self._tallies(title, mine, belief)])

    def _nothing(self, belief: Belief, name: str) -> str:
        if belief.centre is None and self.exchange is None:
            return belief.reason
        return f"no {name}: a adds one" if self.exchange is not None and not self.in_the_way else f"no {name}"

    def _tallies(self, title: str, mine: Sequence[Subscriber], belief: Belief) -> Sequence[Part]:
        own = sum(each.entry is not None for each in mine)
        off = sum(each.entry is not None and each.entry.disabled for each in mine)
        parts: list[Part] = [*(belief.notice if title == "Extensions" else ()), (title, "bold")]
        parts += [("  ", ""), (str(len(mine)), "bold")]
        if self.exchange is not None:
            parts += [*tally("can be edited", own, "ok", belief.old)]
            if len(mine) > own:
                parts += [*tally("only seen", len(mine) - own, "ok", belief.old)]
        if off:
            parts += [*tally("disabled", off, "ok", belief.old)]
        for state in ("unreachable", "unregistered"):
            if number := sum(each.line is not None and each.line.state == state for each in mine):
                word = "unreachable" if state == "unreachable" else "not registered"
                parts += [*tally(word, number, "critical" if state == "unreachable" else "warning", belief.old)]
        return parts

    def _paint_source(self, now: float, serving: str | None) -> None:
        """Where it is kept and how old that is; below it, what is in the way, each with its way out."""
        exchange, parts = self.exchange, list[Part]()
        app = cast("Console", self.app)
        if exchange is not None:
            parts = [(exchange.backend, "bold"), (f"  {exchange.where}", ""), (f"  on {exchange.node}", "")]
            parts.append((f"  read {quantities.brief(now - self._read_at)} ago", "$label"))
            if exchange.node != serving:
                parts.append((f"  {themes.mark('warning')} it does not serve now", themes.style("warning")))
        elif self._problem:
            parts = [(f"{themes.mark('unknown')} unknown: ", "$unknown"), (self._problem, "")]
        elif not app.desk.operable:
            parts = [("only seen: what can be edited is read of a live pair", "$label")]
        elif serving is None:
            parts = [(f"{themes.mark('unknown')} unknown: ", "$unknown"), ("no single node is seen to serve", "")]
        if self._asking.under_way:
            parts.append(("  reading …", "$info"))
        self.query_one("#source", Summary).show(parts)
        why = self.query_one("#why", Paragraphs)
        why.show([*_obstacles(self.in_the_way)])
        why.set_class(bool(self.in_the_way), "-told")

    def _paint_hints(self) -> None:
        """The keys; where nothing may be edited they are dim, with the reason."""
        app = cast("Console", self.app)
        keys = {key.id: key.keys.split(" ")[0] for key in keymap.listing(self.BINDINGS, app._keymap)}
        barred = self.barred
        parts: list[Part] = [(f"{barred}  ", themes.style("warning"))] if barred else []
        for name, word in _HINTS:
            dim = bool(barred) and name != "export"
            parts += [(keys[f"pbx.{name}"], "dim" if dim else "bold"), (f" {word}  ", "dim" if dim else "$label")]
        parts += [("enter", "bold"), (" more", "$label")]
        self.query_one("#hints", Summary).show(parts)

    def not_permitted(self, kind: Kind, brief: bool = False) -> str:
        """Why whoever sits here may not edit any; "" where that is permitted; `brief` in a word or two."""
        from ccops.operations.catalogue import EDITS
        from ccops.operations.plan import Plan, Request

        edit = EDITS[kind]
        plan = Plan(Request(f"to {edit.title.lower()}"), "", "", (), role=edit.role)
        return cast("Console", self.app).desk.barred(plan, brief)

    @property
    def barred(self) -> str:
        """Why nothing may be edited now, in a few words; "" where it may."""
        desk = cast("Console", self.app).desk
        if not desk.operable:
            return "no live pair"
        if why := self.not_permitted("extension", brief=True):
            return why
        if self.exchange is None:
            return "not read"
        if self.in_the_way:
            return "cannot be edited yet"
        serving = self._snapshot.serving if self._snapshot is not None else None
        return (
            "" if serving == self.exchange.node else "nobody serves" if serving is None else "not the one that serves"
        )


def _obstacles(checks: Sequence[Check]) -> Sequence[Paragraph]:
    found: list[Paragraph] = []
    for check in checks:
        mark = "✖" if check.holds is False else "?"
        text = f"not so: {check.text}{f' ({check.found})' if check.found else ''}"
        found.append(Paragraph(text, "bold", title=mark, title_style="bold $critical", rest=2))
        found.append(Paragraph(check.way_out, "$info", title="→", title_style="$info", first=2, rest=4))
    return found
