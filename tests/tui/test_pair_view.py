"""The pair view's cards: what they say of what is known, old, unknown, grave; and how they fit the terminal."""

from __future__ import annotations

import msgspec
import pytest

from ccops.pair.model import Heartbeat, Link, Mount, Reading, Space, Sync
from ccops.tui import quantities
from ccops.tui.widgets import floor, header, link_panel, node_panel
from ccops.tui.widgets.bar import bar, sparkline
from ccops.tui.widgets.card import Face, Gauge, Joint, Row
from ccops.watch.snapshot import Snapshot
from tests.tui import samples, seen
from tests.tui.conftest import Make

NOW = samples.NOW


def words(face: Face, width: int = 36) -> str:
    """The card's rows as text."""
    return "\n".join(row.line(width).plain for row in face.rows)


def node(index: int, snapshot: Snapshot, wide: bool = False) -> str:
    """The text of one node's card."""
    return words(node_panel.face(snapshot, index, wide))


def with_first(**changes: object) -> Snapshot:
    """The healthy sample with another first node."""
    snapshot = samples.healthy()
    first, second = snapshot.pair.nodes
    nodes = (msgspec.structs.replace(first, **changes), second)
    return msgspec.structs.replace(snapshot, pair=msgspec.structs.replace(snapshot.pair, nodes=nodes))


def test_the_serving_node_and_its_mirror_image() -> None:
    first, second = (node_panel.face(samples.healthy(), index, False) for index in (0, 1))
    assert first.corner == ("SERVES", "bold $ok")
    assert second.corner == ("", "")
    assert [row.label for row in first.rows] == [row.label for row in second.rows]  # type: ignore[union-attr]
    text = words(first)
    for part in ("yes · 12 ms · up 12 d", "+0.1 s · load 0.42", "HERE 192.168.27.120", "Primary · UpToDate", "in sync",
                 "running · its own share", "peer active · 2 links up", "61.5 MiB free of 377 MiB",
                 "16.28.0 running · 9 calls", "10.5.29 running"):  # fmt: skip
        assert part in text
    for part in ("not here", "Secondary · UpToDate", "not mounted here", "stopped"):
        assert part in words(second)


def test_a_wide_card_says_more() -> None:
    text = words(node_panel.face(samples.healthy(), 0, True), 60)
    assert "192.168.27.120 on eth0:0" in text
    assert "load 0.42 0.40 0.31" in text
    assert "says it holds its own share" in text


def test_a_split_brain_is_on_both_cards() -> None:
    for index in (0, 1):
        face = node_panel.face(samples.split_brain(), index, False)
        assert face.corner == ("SERVES", "bold $critical")
        assert ("HERE", "bold $critical") in face.rows[2].parts  # type: ignore[union-attr]
        assert "peer dead · no link up" in words(face)
    assert "BOTH NODES SERVE" in str(header.serving(samples.split_brain()))
    text = words(link_panel.face(samples.split_brain(), 80), 76)
    assert "StandAlone" in text
    assert "WFConnection" in text
    assert "standing alone" in text
    assert "▶" not in text


def test_an_unreachable_node_is_unreachable_from_here_and_no_more() -> None:
    face = node_panel.face(samples.unreachable(), 1, False)
    text = words(face)
    assert "unreachable from here 11 s" in text
    assert "dead" not in text
    assert "failed" not in text
    assert face.corner == ("12 s old", "$warning")
    styles = {style for row in face.rows[1:] for _, style in row.parts}  # type: ignore[union-attr]
    assert styles == {"dim"}
    assert "connection timed out" in words(node_panel.face(samples.unreachable(), 1, True), 90)


def test_one_old_reading_says_its_age() -> None:
    reading = samples.healthy().pair.nodes[0].heartbeat
    face = node_panel.face(with_first(heartbeat=Reading(reading.value, None, NOW - 20)), 0, False)
    assert "running · its own share · 20 s old" in words(face)
    assert words(face).count(" old") == 1


def test_why_something_is_not_known_is_said() -> None:
    face = node_panel.face(with_first(drbd=Reading(None, "/proc/drbd: permission denied", NOW)), 0, True)
    assert "unknown · /proc/drbd: permission denied" in words(face, 60)
    assert "UpToDate" not in words(face)


@pytest.mark.parametrize(
    ("changes", "part", "style"),
    [
        ({"clock_skew_s": -3.4}, "−3.4 s", "$warning"),
        ({"clock_skew_s": None}, "skew unknown", "$unknown"),
        ({"space": Reading(Space(1000, 960, 40), None, NOW)}, "40 KiB", "$warning"),
        ({"mounts": Reading((), None, NOW)}, "not mounted here", "bold $critical"),
        ({"mounts": Reading((Mount("/dev/drbd1", "/data", "ext3", True),), None, NOW)}, " read-only", "bold $critical"),
        ({"heartbeat": Reading(Heartbeat(False), None, NOW)}, "stopped", "bold $critical"),
        ({"heartbeat": Reading(Heartbeat(None), None, NOW)}, "unknown", "$unknown"),
        ({"services": Reading({"asterisk": "stopped", "mysqld": "running"}, None, NOW)}, "stopped", "bold $critical"),
        ({"services": Reading({"asterisk": "failed", "mysqld": "running"}, None, NOW)}, "failed", "bold $critical"),
        ({"services": Reading({}, None, NOW)}, "unknown", "$unknown"),
        ({"link": Link("off")}, "not connected", "$unknown"),
        ({"link": Link("silent", NOW - 5)}, "connected, but silent", "$warning"),
    ],
)
def test_what_is_not_as_it_should_be_stands_out(changes: dict[str, object], part: str, style: str) -> None:
    face = node_panel.face(with_first(**changes), 0, False)
    assert (part, style) in [each for row in face.rows for each in row.parts]  # type: ignore[union-attr]


def test_flags_of_the_resource_are_told() -> None:
    resource = samples.drbd(flags="s-pu--", out_of_sync_kib=None)
    snapshot = samples.snapshot(
        samples.node(samples.NODES[0], serves=True, resource=resource), samples.node(samples.NODES[1], serves=False)
    )
    text = words(node_panel.face(snapshot, 0, True), 90)
    assert "out of sync unknown · I/O suspended · paused by peer, user" in text


def test_a_resync_shows_bar_percent_rate_history_time_and_amount() -> None:
    face = link_panel.face(samples.resync(), 80)
    text = words(face, 76)
    assert "SyncSource" in text
    assert "63.2 %" in text
    assert "11.0 MiB/s" in text
    assert "1:13 left" in text
    assert "12,345 KiB out of sync" in text
    assert any(character in text for character in "▁▂▃▄▅▆▇█")
    joint = face.rows[0]
    assert isinstance(joint, Joint)
    assert joint.flow == "right"
    gauge = face.rows[1]
    assert isinstance(gauge, Gauge)
    assert gauge.fraction == pytest.approx(0.632)
    upright = link_panel.face(samples.resync(), 40)
    assert len(upright.rows) > len(face.rows)
    assert all(row.line(36).cell_length <= 36 for row in upright.rows)


@pytest.mark.parametrize(
    ("sync", "word"),
    [
        (Sync("resync", 10.0, stalled=True), "stalled"),
        (Sync("verify", None, paused=True), "paused"),
        (Sync("resync"), "?"),
    ],
)
def test_a_resync_that_does_not_move_says_so(sync: Sync, word: str) -> None:
    target = samples.drbd("SyncTarget", "Secondary", sync=sync)
    snapshot = samples.snapshot(
        samples.node(samples.NODES[0], serves=True), samples.node(samples.NODES[1], serves=False, resource=target)
    )
    assert word in words(link_panel.face(snapshot, 80), 76)


def test_old_words_of_one_side_do_not_make_a_whole_line() -> None:
    face = link_panel.face(samples.unreachable(), 80)
    assert [row.flow for row in face.rows if isinstance(row, Joint)] == ["none", "left", "left"]
    face = link_panel.face(samples.unknown(), 80)
    assert words(face, 76).split()[0] == "?"


def test_the_floor_counts_what_is_there_and_says_what_is_not() -> None:
    text = words(floor.face(samples.healthy(), 80), 76)
    assert "calls waiting 3 longest 1:12" in text
    assert "2 talking · 1 ringing · 1 free · 1 paused · 1 away" in text
    assert "calls/min" in text
    assert len(floor.face(samples.healthy(), 150).rows) == 1
    silent = samples.healthy(centre=Reading(None, "AMI: authentication failed"))
    assert "nothing is known of the queues · AMI: authentication failed" in words(floor.face(silent, 80), 76)


@pytest.mark.parametrize("fraction", [-1, 0, 0.001, 0.5, 0.999, 1, 7])
@pytest.mark.parametrize("width", [1, 4, 33])
def test_a_bar_always_has_its_width(fraction: float, width: int) -> None:
    filled, empty = bar(fraction, width)
    assert len(filled) + len(empty) == width


def test_sparklines() -> None:
    assert sparkline([], 5) == ""
    assert sparkline([0, 0], 5) == "▁▁"
    assert sparkline([0, 5, 10], 2) == "▅█"
    assert sparkline([1, 2], 0) == ""


@pytest.mark.parametrize(
    ("seconds", "long", "short", "clock"),
    [
        (-3, "0 s", "0 s", "0:00"),
        (59.9, "59 s", "59 s", "0:59"),
        (252, "4 min 12 s", "4 min", "4:12"),
        (11_520, "3 h 12 min", "3 h", "3:12:00"),
        (90_000, "1 d 1 h", "1 d", "25:00:00"),
    ],
)
def test_durations(seconds: float, long: str, short: str, clock: str) -> None:
    assert (quantities.duration(seconds), quantities.brief(seconds), quantities.watch(seconds)) == (long, short, clock)


def test_sizes_and_moments() -> None:
    assert [quantities.size(kib) for kib in (0, 1023, 63_000, 7_800_000, 2**31)] == [
        "0 KiB", "1023 KiB", "61.5 MiB", "7.4 GiB", "2.0 TiB",
    ]  # fmt: skip
    assert quantities.moment(NOW, NOW) == "02:41:38"
    assert quantities.moment(NOW - 86_400, NOW, seconds=False) == "07-02 02:41"
    assert quantities.moment(1e30, NOW) == "?"


def test_a_joint_fills_any_width() -> None:
    joint = Joint(("Connected", ""), "data", ("Connected", ""))
    assert joint.line(60).cell_length == 60
    assert Row("label", (("x", ""),)).line(10).plain.startswith("label")


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40), (220, 60)])
@pytest.mark.parametrize("name", ["healthy", "resync"])
async def test_the_view_fits(make: Make, size: tuple[int, int], name: str) -> None:
    app, _ = make(getattr(samples, name)())
    async with app.run_test(size=size) as pilot:
        await seen.until(pilot, lambda: "SERVES" in seen.text(app) and "eth1" in seen.text(app))
        lines = seen.lines(app)
        assert all(len(line) == size[0] for line in lines)
        if size >= (80, 24):
            assert "calls/min" in seen.text(app)
            assert not app.root.view.show_vertical_scrollbar
        if size[0] >= 80:
            assert "…" not in "\n".join(line for line in lines[2:15])


async def test_j_scrolls_where_the_screen_is_too_low(make: Make) -> None:
    app, _ = make(samples.resync())
    async with app.run_test(size=(60, 20)) as pilot:
        await seen.until(pilot, lambda: app.root.view.max_scroll_y > 0)
        await pilot.press("j")
        await seen.until(pilot, lambda: app.root.view.scroll_y == 1)
        await pilot.press("k")
        await seen.until(pilot, lambda: app.root.view.scroll_y == 0)


async def test_the_latest_lines_stand_where_there_is_room_and_are_filtered(make: Make) -> None:
    app, watched = make()
    async with app.run_test(size=(120, 40)) as pilot:
        await seen.until(pilot, lambda: "ssh to elaxtix-voip-2 is up" in seen.text(app))
        await seen.filtered(pilot, "drbd1")
        await pilot.press("enter")
        await seen.until(pilot, lambda: "ssh to elaxtix-voip-2 is up" not in seen.text(app))
        assert "Split-Brain detected" in seen.text(app)
        watched.say([msgspec.structs.replace(samples.lines(1)[0], text="drbd1 and a new line")])
        await seen.until(pilot, lambda: "drbd1 and a new line" in seen.text(app))
