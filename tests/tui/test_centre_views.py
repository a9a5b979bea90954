"""Queues, agents and lines: what they say, their keys, and how they look."""

from __future__ import annotations

import msgspec
import pytest
from textual.app import App, ComposeResult

from ccops.callcentre.limits import Excess
from ccops.callcentre.model import Centre, Queue
from ccops.tui import keymap, themes
from ccops.tui.screens.agents import AgentsView
from ccops.tui.screens.centre import CentreView
from ccops.tui.screens.lines import LinesView, ports
from ccops.tui.screens.queues import QueuesView
from ccops.tui.widgets.linetable import LineTable
from ccops.tui.widgets.summary import Summary
from ccops.tui.widgets.tiles import Tiles
from ccops.watch.snapshot import Snapshot
from ccops.watch.timeline import Timeline
from tests.tui import samples_centre as samples

VIEWS = (QueuesView, AgentsView, LinesView)
BUSY = samples.snapshot(samples.busy())


class Host(App[None]):
    """One view, painted once; `theme` as the console has it."""

    def __init__(self, view: type[CentreView], snapshot: Snapshot, theme: str = "dark") -> None:
        super().__init__()
        self.animation_level = "none"
        self.view = view()
        self.snapshot = snapshot
        for each in themes.load().themes.values():
            self.register_theme(each)
        self.theme = theme

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(themes.TONES)

    def compose(self) -> ComposeResult:
        yield self.view

    def on_mount(self) -> None:
        self.call_after_refresh(self.paint)

    def paint(self) -> None:
        self.view.show(self.snapshot, Timeline())

    def on_resize(self) -> None:
        self.call_after_refresh(self.paint)

    def table(self, name: str) -> LineTable:
        return self.query_one(f"#{name}", LineTable)

    def said(self, name: str = "summary") -> str:
        return self.query_one(f"#{name}", Summary).render().plain

    def text(self) -> str:
        tables = (*self.query(LineTable), *self.query(Tiles))
        return "\n".join(t.render_line(y).text for t in tables for y in range(t.size.height))


def line(app: Host, table: str, start: str) -> str:
    """The line of a table that shows the row `start`, spaces made single."""
    shown = app.table(table)
    texts = (shown.render_line(y).text[2:] for y in range(shown.size.height))
    return " ".join(next(text for text in texts if text.startswith(start)).split())


async def test_queue_rows_and_total() -> None:
    app = Host(QueuesView, BUSY)
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.pause()
        sales = line(app, "queues", "sales")
        assert sales.startswith("sales rrmemory ▲ 3 1:12 2 7 2 1 412 23 83 % <20 s")
        assert "0:14 2:52" in sales
        assert line(app, "queues", "billing").startswith("billing ringall ✖ 1 1:02:05 0 0 0 2 0 0 –")
        total = line(app, "queues", "total")
        assert total.startswith("total of 4 5 1:02:05 2 7 2 3 509 25 84 %"), "agents of two queues count once"
        assert "5 waiting" in app.said()


async def test_waits_tick_without_new_data() -> None:
    app = Host(QueuesView, BUSY)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert "1:12" in line(app, "queues", "sales")
        app.view.show(msgspec.structs.replace(BUSY, at=samples.NOW + 1), Timeline())
        assert "1:13" in line(app, "queues", "sales")


async def test_enter_opens_callers_and_members_and_escape_goes_back() -> None:
    app = Host(QueuesView, BUSY)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        app.table("queues").focus()
        assert not app.query_one("#queue").display
        assert not app.table("callers").focusable
        await pilot.press("j", "j", "enter")
        await pilot.pause()
        assert "sales" in app.said("callers-title")
        assert line(app, "callers", "  1") == "1 0991234500 Caller 0 1:12"
        assert line(app, "members", "Zoë") == "Zoë Torres - paused 4:12 Lunch 28 3 min"
        assert app.table("callers").focusable
        await pilot.press("j")
        await pilot.pause()
        assert "support" in app.said("callers-title"), "the pane follows the cursor"
        await pilot.press("escape")
        await pilot.pause()
        assert not app.query_one("#queue").display
        assert app.table("queues").has_focus


async def test_an_opened_queue_that_vanishes_is_told() -> None:
    app = Host(QueuesView, BUSY)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        app.table("queues").focus()
        await pilot.press("enter")
        await pilot.pause()
        app.view.show(samples.snapshot(samples.quiet()), Timeline())
        assert "Asterisk has no queue billing any more" in app.text()


async def test_service_level_is_a_dash_until_a_call_has_ended() -> None:
    app = Host(QueuesView, samples.snapshot(samples.quiet()))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "%" not in app.text()
        assert line(app, "queues", "support").endswith("0 0 –")


async def test_queue_filter_also_changes_the_total() -> None:
    app = Host(QueuesView, BUSY)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        app.view.set_filter("!LEAST")
        assert [row.key for row in app.table("queues").rows] == ["billing", "night", "sales"]
        assert "total of 3" in app.text()
        app.view.set_filter("no such queue")
        assert "nothing matches the filter" in app.text()
        app.view.set_filter("")
        assert len(app.table("queues").rows) == 4


async def test_agent_rows() -> None:
    app = Host(AgentsView, BUSY)
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.pause()
        assert line(app, "agents", "María Torres") == (
            "María Torres > talking 1:37 0987654002 Customer 2 sales support 14 2 min SIP/102 4 2:00"
        )
        assert line(app, "agents", "Zoë Torres").startswith("Zoë Torres - paused 4:12 Lunch sales support 28 3 min")
        assert app.said() == "14 agents  5 talking  1 on hold  1 ringing  2 free  2 paused  3 away"
        assert [row.cells[1].text for row in app.table("agents").rows][:6] == ["> talking"] * 5 + ["= on hold"]


async def test_agents_sort_by_time_in_state_and_reverse() -> None:
    app = Host(AgentsView, BUSY)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        app.table("agents").focus()
        await pilot.press(">")
        times = [row.cells[2].sort for row in app.table("agents").rows]
        assert times == sorted(times, reverse=True)  # type: ignore[type-var]
        await pilot.press("z")
        assert [row.cells[2].sort for row in app.table("agents").rows] == times[::-1]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [("zoe", ["Zoë Torres"]), ("lunch", ["Zoë Torres"]), ("on hold", ["Noor Torres"]), ("SIP/110", ["Ana Ñúñez"])],
)
async def test_agents_are_filtered_by_name_state_reason_and_interface(pattern: str, names: list[str]) -> None:
    app = Host(AgentsView, BUSY)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        app.view.set_filter(pattern)
        assert [row.cells[0].text for row in app.table("agents").rows] == names
        assert app.said().startswith("1 of 14 agents")


async def test_wall_shows_sixty_agents_at_once() -> None:
    app = Host(AgentsView, samples.snapshot(samples.crowd(60)))
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        app.table("agents").focus()
        await pilot.press("W")
        await pilot.pause()
        tiles = app.query_one(Tiles)
        assert tiles.has_focus
        shown = "\n".join(tiles.render_line(y).text for y in range(tiles.size.height))
        assert tiles.max_scroll_y == 0
        for row in app.table("agents").rows:
            assert row.cells[0].text in shown
        assert "talking 22" in shown
        await pilot.press("W")
        await pilot.pause()
        assert app.table("agents").has_focus
        assert not tiles.focusable


async def test_a_thousand_agents_scroll_on_the_wall_and_in_the_table() -> None:
    app = Host(AgentsView, samples.snapshot(samples.crowd(1_000)))
    async with app.run_test(size=(160, 45)) as pilot:
        await pilot.pause()
        assert len(app.table("agents").rows) == 1_000
        app.table("agents").focus()
        await pilot.press("end")
        await pilot.pause()
        last = app.table("agents").rows[-1].cells[0].text
        assert f"▸ {last}" in app.text()
        await pilot.press("W")
        await pilot.pause()
        tiles = app.query_one(Tiles)
        assert tiles.max_scroll_y > 100
        await pilot.press("pagedown", "j")
        await pilot.pause()
        assert tiles.scroll_offset.y == tiles.size.height
        await pilot.press("end")
        await pilot.pause()
        assert tiles.scroll_offset.y == tiles.max_scroll_y


async def test_the_table_can_be_sorted_while_the_wall_hides_it() -> None:
    app = Host(AgentsView, BUSY)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await app.run_action("wall", app.view)
        await app.run_action("sort(1)", app.view)
        assert app.table("agents").sort_key == "for"


async def test_rows_of_which_nothing_changed_are_taken_over() -> None:
    app = Host(AgentsView, BUSY)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        before = app.table("agents").rows
        app.view.show(msgspec.structs.replace(BUSY, interval_s=2.0), Timeline())
        assert all(old is new for old, new in zip(before, app.table("agents").rows, strict=True))


async def test_lines() -> None:
    app = Host(LinesView, BUSY)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert line(app, "trunks", "gxw4108") == "gxw4108 SIP o reachable 23 ms ▮▮▮▯▯▯▯▯ 3/8 192.168.27.130"
        assert line(app, "trunks", "carrier") == "carrier SIP x unreachable – 0 203.0.113.7"
        assert line(app, "extensions", "103") == "103 SIP - not registered – 1 –"
        assert line(app, "channels", "SIP/104").startswith(
            "SIP/104-00000004 Ring 0987654004 104 Dial 400@from-internal"
        )
        assert app.said("trunks-title") == "Trunks  2  1 reachable  1 unreachable"
        app.view.set_filter("gxw")
        assert [len(app.table(name).rows) for name in ("trunks", "extensions", "channels")] == [1, 0, 3]


@pytest.mark.parametrize(
    ("used", "capacity", "text"),
    [
        (3, 8, "▮▮▮▯▯▯▯▯ 3/8"),
        (0, 8, "▯▯▯▯▯▯▯▯ 0/8"),
        (8, 8, "▮▮▮▮▮▮▮▮ 8/8 full"),
        (9, 8, "▮▮▮▮▮▮▮▮ 9/8 full"),
        (1, 30, "▮▯▯▯▯▯▯▯ 1/30"),
        (2, 4, "▮▮▯▯ 2/4"),
        (2, None, "2"),
    ],
)
def test_ports(used: int, capacity: int | None, text: str) -> None:
    assert ports(used, capacity).text == text


async def test_tab_moves_among_the_tables() -> None:
    app = Host(LinesView, BUSY)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        app.table("trunks").focus()
        for name in ("extensions", "channels"):
            await pilot.press("tab")
            assert app.table(name).has_focus


@pytest.mark.parametrize("view", VIEWS)
async def test_unknown_says_so_with_the_reason(view: type[CentreView]) -> None:
    app = Host(view, samples.unknown())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        title = "trunks-title" if view is LinesView else "summary"
        assert app.said(title) == "? unknown: Asterisk is not running on either node"
        told = " ".join(app.text().split())
        assert "The call centre is not known: Asterisk is not running on either node" in told
        assert "nobody" not in told


@pytest.mark.parametrize("view", VIEWS)
async def test_never_read_is_unknown_not_empty(view: type[CentreView]) -> None:
    app = Host(view, samples.snapshot(Centre(), taken_at=None))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "Asterisk has not been read yet" in " ".join(app.text().split())


@pytest.mark.parametrize("view", VIEWS)
async def test_old_says_how_old_and_its_clock_stands_still(view: type[CentreView]) -> None:
    app = Host(view, samples.old())
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        title = "trunks-title" if view is LinesView else "summary"
        assert app.said(title).startswith("▲ 42 s old: no answer to a ping for 5 s")
        before = app.text()
        app.view.show(msgspec.structs.replace(app.snapshot, at=samples.NOW + 50), Timeline())
        assert app.said(title).startswith("▲ 50 s old")
        assert app.text() == before
        app.view.show(BUSY, Timeline())
        assert "▲" not in app.said(title)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)])
async def test_hostile_names(view: type[CentreView], size: tuple[int, int]) -> None:
    app = Host(view, samples.snapshot(samples.hostile()))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        next(iter(app.query(LineTable))).focus()
        await pilot.press("enter", "j", "W", "j")
        await pilot.pause()
        app.view.set_filter("[/foo]")
        app.view.set_filter("!\x1b")
        text = app.text() + "".join(summary.render().plain for summary in app.query(Summary))
        assert not any((ord(c) < 32 and c != "\n") or c in "\x7f\u202e" for c in text)


@pytest.mark.parametrize("view", VIEWS)
def test_keys_can_be_listed_and_do_not_clash_with_the_console(view: type[CentreView]) -> None:
    own = keymap.flat(view.BINDINGS)
    assert all(binding.id and binding.tooltip and binding.group for binding in own)
    assert {"table.sort_right", "table.reverse"} <= {binding.id for binding in own}
    taken = {
        part for binding in keymap.CONSOLE_KEYS if binding.id != "screen.back" for part in keymap.split(binding.key)
    }
    assert taken.isdisjoint(part for binding in own for part in keymap.split(binding.key))


async def test_histories_of_different_lengths_are_added_from_the_end() -> None:
    queues = {
        "a": Queue("a", history=(8, 0, 0, 8)),
        "b": Queue("b", history=(8,)),
    }
    app = Host(QueuesView, samples.snapshot(Centre(queues, synced_at=samples.NOW)))
    async with app.run_test(size=(120, 30)) as pilot:
        await pilot.pause()
        assert "▅▁▁█" in line(app, "queues", "total")


# -- how they look


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_look_of_queues(snap_compare, size: tuple[int, int]) -> None:  # type: ignore[no-untyped-def]
    assert snap_compare(Host(QueuesView, BUSY), press=["tab", "j", "j", "enter"], terminal_size=size)


def test_look_of_agents(snap_compare) -> None:  # type: ignore[no-untyped-def]
    assert snap_compare(Host(AgentsView, BUSY), press=["tab", "j"], terminal_size=(80, 24))


def test_look_of_the_wall(snap_compare) -> None:  # type: ignore[no-untyped-def]
    wall = Host(AgentsView, samples.snapshot(samples.crowd(60)))
    assert snap_compare(wall, press=["tab", "W"], terminal_size=(120, 40))


def test_look_of_lines(snap_compare) -> None:  # type: ignore[no-untyped-def]
    assert snap_compare(Host(LinesView, BUSY), terminal_size=(120, 40))


def test_look_of_old_agents_in_sixteen_colours(snap_compare) -> None:  # type: ignore[no-untyped-def]
    old = Host(AgentsView, samples.old(), "16-colours")
    assert snap_compare(old, press=["tab"], terminal_size=(80, 24))


async def test_a_queue_beyond_its_limits_is_marked_and_said() -> None:
    name = next(iter(BUSY.centre.value.queues)) if BUSY.centre.value else ""
    excesses = (Excess("waiting", 7, 5), Excess("abandoned", 3, 2))
    host = Host(QueuesView, msgspec.structs.replace(BUSY, exceeded={name: excesses}))
    async with host.run_test(size=(160, 30)) as pilot:
        await pilot.pause()
        assert f"{name}: 7 waiting (limit 5), {name}: 3 abandoned (limit 2)" in host.said()
        row = next(row for row in host.table("queues").rows if row.key == name)
        columns = [column.key for column in host.table("queues").columns]
        assert row.cells[columns.index("abandoned")].text.startswith(themes.mark("warning"))
        assert row.cells[columns.index("waiting")].text[0] in (themes.mark("warning"), themes.mark("critical"))
        other = next(row for row in host.table("queues").rows if row.key != name)
        assert not other.cells[columns.index("abandoned")].text.startswith(themes.mark("warning"))
