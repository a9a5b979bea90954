"""LineTable, its cells and its layout, the filter, and the roles' styles."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual import events
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot

from ccops.tui.filtering import Filter, matches
from ccops.tui.widgets.cells import Cell, Column, Role, Row, fit, lay_out, order
from ccops.tui.widgets.linetable import LineTable
from ccops.tui.widgets.roles import ROLES, role_styles

COLUMNS = (
    Column("name", "Name", 10, flex=1),
    Column("number", "Number", 8, align="right", descending=True),
    Column("more", "More", 20, priority=2),
    Column("rest", "Rest", 20, priority=1),
)


class Host(App[None]):
    """Nothing but a table."""

    def __init__(self, sort: str | None = None) -> None:
        super().__init__()
        self.table = LineTable(COLUMNS, empty="no agents yet: Asterisk has not been read", sort=sort)
        self.selected: list[str] = []
        self.highlighted: list[str] = []

    def compose(self) -> ComposeResult:
        yield self.table

    def on_line_table_row_selected(self, event: LineTable.RowSelected) -> None:
        self.selected.append(event.key)

    def on_line_table_row_highlighted(self, event: LineTable.RowHighlighted) -> None:
        self.highlighted.append(event.key)

    def text(self) -> list[str]:
        return [self.table.render_line(y).text for y in range(self.table.size.height)]


def row(key: str, number: float | None = None, role: Role = "") -> Row:
    shown = Cell("–") if number is None else Cell(f"{number:g}", role, number)
    return Row(key, (Cell(key), shown, Cell("more"), Cell("rest")))


def rows(count: int) -> list[Row]:
    return [row(f"r{i:04d}", i) for i in range(count)]


def watch_refreshes(table: LineTable, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Region, ...]]:
    """Every refresh asked for from now on; one without regions means everything."""
    asked: list[tuple[Region, ...]] = []
    refresh = table.refresh

    def noted(*regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> LineTable:
        asked.append(regions)
        return refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    monkeypatch.setattr(table, "refresh", noted)
    return asked


async def press(pilot: Pilot[None], keys: Sequence[str]) -> None:
    await pilot.press(*keys)
    await pilot.pause()


async def test_empty_table_says_why() -> None:
    app = Host()
    async with app.run_test(size=(40, 10)):
        told = " ".join(line.strip() for line in app.text()[1:]).strip()
        assert "no agents yet: Asterisk has not been read" in told
        assert app.table.cursor_key is None
        app.table.set_rows([], "nothing matches")
        assert "nothing matches" in "".join(app.text())


async def test_keys_move_the_cursor_and_choose() -> None:
    app = Host()
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.set_rows(rows(100))
        app.table.focus()
        await press(pilot, ["j", "down", "k"])
        assert (app.table.cursor_key, app.selected) == ("r0001", []), "moving chooses nothing"
        await press(pilot, ["pagedown"])
        assert app.table.cursor_key == "r0011"
        assert app.text()[-1].startswith("▸ r0011")
        await press(pilot, ["pageup", "end"])
        assert app.table.cursor_key == "r0099"
        assert app.text()[-1].startswith("▸ r0099")
        await press(pilot, ["enter"])
        assert app.selected == ["r0099"]
        await press(pilot, ["home"])
        assert app.text()[1].startswith("▸ r0000")
        assert app.highlighted[-1] == "r0000"


async def test_click_moves_then_chooses_and_header_sorts() -> None:
    app = Host()
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.set_rows(rows(100))
        await pilot.pause()
        await pilot.click(LineTable, offset=(5, 4))
        assert (app.table.cursor_key, app.selected) == ("r0003", [])
        await pilot.click(LineTable, offset=(5, 4))
        await pilot.pause()
        assert app.selected == ["r0003"]
        await pilot.click(LineTable, offset=(3, 0))
        assert (app.table.sort_key, app.table.sort_reverse) == ("name", False)
        await pilot.click(LineTable, offset=(3, 0))
        assert (app.table.sort_key, app.table.sort_reverse) == ("name", True)


async def test_wheel_scrolls_without_moving_the_cursor() -> None:
    app = Host()
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.set_rows(rows(100))
        await pilot.pause()
        await pilot._post_mouse_events([events.MouseScrollDown], LineTable, (3, 3), button=0)
        await pilot.pause()
        assert app.table.scroll_offset.y > 0
        assert app.table.cursor_key == "r0000"


async def test_sorting_by_keys() -> None:
    app = Host()
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.set_rows([row("b", 2), row("c", None), row("a", 10)])
        app.table.focus()
        await press(pilot, [">"])
        assert [r.key for r in app.table.rows] == ["a", "b", "c"]
        assert "Name▲" in app.text()[0]
        await press(pilot, [">"])
        assert [r.key for r in app.table.rows] == ["a", "b", "c"], "numbers descend first, by value and not by text"
        assert "Number▼" in app.text()[0]
        await press(pilot, ["z"])
        assert [r.key for r in app.table.rows] == ["b", "a", "c"], "without a value it stays last both ways"
        await press(pilot, ["<", "<"])
        assert app.table.sort_key == app.table.shown_columns[-1], "left of the first is the last shown"


async def test_cursor_stays_on_its_row_when_rows_move() -> None:
    app = Host(sort="number")
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.set_rows([row(f"r{i}", i) for i in range(8)])
        assert app.table.move_to("r3")
        app.table.set_rows([row(f"r{i}", 100 if i == 3 else i) for i in range(8)])
        assert app.table.cursor_key == "r3"
        assert app.text()[1].startswith("▸ r3")
        app.table.set_rows([row(f"r{i}", i) for i in range(8) if i != 3])
        await pilot.pause()
        assert app.table.cursor_key == "r7", "of a row that is gone the cursor keeps the place"
        assert not app.table.move_to("r3")


async def test_cursor_that_was_never_moved_stays_on_top() -> None:
    app = Host(sort="number")
    async with app.run_test(size=(60, 12)):
        app.table.set_rows([row("a", 9), row("b", 1)])
        app.table.set_rows([row("a", 1), row("b", 9)])
        assert app.table.cursor_key == "b"


async def test_scroll_stays_and_the_cursor_in_sight() -> None:
    app = Host(sort="name")
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.set_rows(rows(100))
        await pilot.pause()
        app.table.move_to("r0050")
        await pilot.pause()
        before = app.table.scroll_offset.y
        app.table.set_rows(rows(100))
        await pilot.pause()
        assert app.table.scroll_offset.y == before
        app.table.set_rows([row("a", 0), *rows(100)])
        await pilot.pause()
        assert any(line.startswith("▸ r0050") for line in app.text())


async def test_only_changed_lines_are_painted(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Host()
    async with app.run_test(size=(60, 12)) as pilot:
        many = rows(1_000)
        app.table.set_rows(many)
        await pilot.pause()
        asked = watch_refreshes(app.table, monkeypatch)
        app.table.set_rows(rows(1_000))
        assert asked == [], "equal rows are not painted again"
        many[3], many[500] = row("r0003", -1), row("r0500", -1)
        app.table.set_rows(many)
        assert asked == [(Region(0, 4, 60, 1),)], "a row out of sight costs nothing"


async def test_few_rows_never_cost_a_layout() -> None:
    app = Host()
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.set_rows(rows(2))
        await pilot.pause()
        size = app.table.virtual_size
        app.table.set_rows(rows(9))
        assert app.table.virtual_size == size


async def test_total_follows_the_last_row_or_stands_at_the_bottom() -> None:
    app = Host()
    total = (Cell("total"), Cell("9"), Cell(""), Cell(""))
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.set_rows(rows(3))
        app.table.set_total(total)
        assert app.text()[4].startswith("  total")
        app.table.set_rows(rows(100))
        await pilot.pause()
        assert app.text()[-1].startswith("  total")
        app.table.action_last()
        await pilot.pause()
        assert app.text()[-2].startswith("▸ r0099")
        assert sum("total" in line for line in app.text()) == 1


async def test_columns_vanish_by_priority_as_it_gets_narrow() -> None:
    app = Host()
    async with app.run_test(size=(120, 12)) as pilot:
        app.table.set_rows(rows(3))
        assert list(app.table.shown_columns) == ["name", "number", "more", "rest"]
        await pilot.resize_terminal(60, 12)
        await pilot.pause()
        assert list(app.table.shown_columns) == ["name", "number", "rest"]
        await pilot.resize_terminal(40, 12)
        await pilot.pause()
        assert list(app.table.shown_columns) == ["name", "number"]


async def test_hostile_text_is_shown_as_it_is_and_harmless() -> None:
    app = Host()
    hostile = [
        "[/foo][bold]x",
        "\x1b]0;owned\x07",
        "a\u202eb",
        "日本語のとても長い名前です",
        "e\u0301" * 40,
        "👩\u200d👧",
        "\ud800",
        "a\nb",
    ]
    async with app.run_test(size=(30, 12)):
        app.table.set_rows([Row(text, (Cell(text), *[Cell(text)] * 3)) for text in hostile])
        lines = app.text()
        assert "[/foo][bo" in lines[1]
        for line in lines:
            assert cell_len(line) == 30
            assert line.isprintable() or "\u0301" in line
        assert "owned" in lines[2]
        assert "…" in lines[4]


async def test_colours_go_from_what_is_old_and_come_from_the_theme() -> None:
    app = Host()
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.set_rows([row("zero"), row("a", 1, "critical")])

        def styles() -> set[str]:
            return {
                str(segment.style.color)
                for segment in app.table.render_line(2)
                if segment.style and segment.text.strip()
            }

        dark = styles()
        assert len(dark) == 2, "the role has a colour of its own"
        app.table.set_old(True)
        assert len(styles()) == 1
        app.table.set_old(False)
        assert styles() == dark
        app.theme = "textual-light"
        await pilot.pause()
        assert styles() != dark, "another theme, other colours: no strip of the old one is kept"


def test_every_role_has_a_style_whatever_the_theme_defines() -> None:
    assert set(role_styles({})) == set(ROLES)
    assert role_styles({})["critical"].bold
    assert role_styles({"critical": "no colour", "error": "ansi_red"})["critical"].color is not None
    ours = role_styles({"critical": "#ff0000", "error": "#00ff00"})["critical"].color
    assert ours is not None
    assert ours.triplet == (255, 0, 0)


@given(st.text(max_size=60), st.integers(0, 30), st.sampled_from(["left", "right", "tail"]))
def test_any_text_fits_its_width(text: str, width: int, align: str) -> None:
    fitted = fit(text, width, align)  # type: ignore[arg-type]
    assert cell_len(fitted) == width
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in fitted)


def test_fit_cuts_with_an_ellipsis_and_aligns() -> None:
    assert fit("Torres", 8) == "Torres  "
    assert fit("12", 4, "right") == "  12"
    assert fit("abcdef", 4) == "abc…"
    assert fit("日本語", 4) == "日… "
    assert fit("▁▂▃▄▅", 3, "tail") == "▃▄▅"


@given(
    st.lists(
        st.builds(
            Column, st.text(max_size=3), st.just("x"), st.integers(1, 20), st.integers(0, 3), priority=st.integers(0, 3)
        ),
        min_size=1,
        max_size=8,
    ),
    st.integers(1, 200),
)
def test_a_layout_never_exceeds_its_width_but_for_what_must_be_there(columns: list[Column], width: int) -> None:
    slots = lay_out(columns, width, 1)
    taken = sum(slot.width for slot in slots) + len(slots) - 1
    shown = [columns[slot.column] for slot in slots]
    assert taken <= width or all(c.priority == 0 for c in shown) or len(shown) == 1
    assert all(slot.width >= columns[slot.column].width for slot in slots)


def test_order_keeps_equal_rows_as_they_were() -> None:
    given_rows = [row("b", 1), row("a", 1), row("c", 2)]
    assert [r.key for r in order(given_rows, 1, reverse=False)] == ["b", "a", "c"]
    assert [r.key for r in order(given_rows, 1, reverse=True)] == ["c", "b", "a"]


@pytest.mark.parametrize(
    ("pattern", "texts", "shown"),
    [
        ("", ("anything",), True),
        ("   ", ("anything",), True),
        ("!", ("anything",), True),
        ("nunez", ("Ana Ñúñez",), True),
        ("ÑÚÑEZ", ("ana nunez",), True),
        ("strasse", ("Straße 1",), True),
        ("ana sales", ("Ana Torres", "sales"), True),
        ("ana support", ("Ana Torres", "sales"), False),
        ("!sales", ("Ana", "sales"), False),
        ("!sales", ("Ana", "support"), True),
        ("anasales", ("Ana", "sales"), False),
        ("[/foo]", ("[/foo]",), True),
    ],
)
def test_filter(pattern: str, texts: tuple[str, ...], shown: bool) -> None:
    assert matches(pattern, *texts) is shown


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_filter_and_its_inverse_share_all_rows_out(pattern: str, text: str) -> None:
    plain = Filter.parse(pattern.replace("!", ""))
    inverse = Filter.parse("!" + pattern.replace("!", ""))
    if plain:
        assert plain.matches(text) != inverse.matches(text)
    else:
        assert plain.matches(text)
        assert inverse.matches(text)
