"""Theme files: the shipped ones are sound, faults are gathered, a broken file never stops the console."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from textual.color import Color

from ccops.tui import themes
from tests.tui import seen
from tests.tui.conftest import Make


def test_the_shipped_themes_load_without_faults() -> None:
    loaded = themes.load([themes.folders()[0]])
    assert loaded.faults == ()
    assert {"dark", "light", "high-contrast", "16-colours"} <= set(loaded.themes)
    for theme in loaded.themes.values():
        assert set(themes.TONES) <= set(theme.variables)


@pytest.mark.parametrize(("name", "ratio"), [("dark", 4.5), ("light", 4.5), ("high-contrast", 7.0)])
def test_every_tone_can_be_read_on_every_ground(name: str, ratio: float) -> None:
    theme = themes.load([themes.folders()[0]]).themes[name]
    for ground in (theme.background, theme.surface, theme.panel):
        for tone in set(themes.TONES) - {"frame"}:
            found = _contrast(Color.parse(theme.variables[tone]), Color.parse(str(ground)))
            assert found >= ratio, f"{name}: {tone} on {ground} has {found:.1f}"


def test_sixteen_colours_are_named_not_mixed() -> None:
    theme = themes.load([themes.folders()[0]]).themes["16-colours"]
    assert theme.ansi
    values = [theme.variables[tone] for tone in themes.TONES]
    assert all(value.startswith("ansi_") for value in [theme.primary, str(theme.background), *values])


def test_a_users_theme_replaces_a_shipped_one(tmp_path: Path) -> None:
    table = (themes.folders()[0] / "dark.toml").read_text()
    (tmp_path / "mine.toml").write_text(table.replace('ok = "#8fc79a"', 'ok = "#00ff00"'))
    loaded = themes.load([themes.folders()[0], tmp_path])
    assert loaded.themes["dark"].variables["ok"] == "#00ff00"


def test_all_faults_of_a_file_are_told_together(tmp_path: Path) -> None:
    text = (themes.folders()[0] / "dark.toml").read_text()
    text = text.replace('ok = "#8fc79a"', 'ok = "grenish"').replace('label = "#8793a1"\n', "")
    (tmp_path / "bad.toml").write_text(text.replace('name = "dark"', 'name = "bad"\ndrak = true'))
    loaded = themes.load([themes.folders()[0], tmp_path])
    assert "bad" not in loaded.themes
    told = "\n".join(loaded.faults)
    assert "tones.ok: expected a colour" in told
    assert "'grenish'" in told
    assert "tones.label: missing" in told
    assert "drak: not a key" in told


@pytest.mark.parametrize(
    "text", ["name = ", "", "name = 3\ncolors = 1\ntones = []", '[colors]\nprimary = ["red"]', "\x00"]
)
def test_no_file_raises(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.toml").write_text(text)
    loaded = themes.load([tmp_path])
    assert loaded.faults
    assert themes.FALLBACK in loaded.themes


def test_colours_that_crash_textual_are_a_fault() -> None:
    table = tomllib.loads((themes.folders()[0] / "dark.toml").read_text())
    table["colors"]["primary"] = "auto"
    theme, faults = themes.read(table)
    assert theme is None
    assert faults


def test_severities_differ_by_mark_and_have_a_style() -> None:
    severities = ("ok", "info", "warning", "critical", "unknown")
    assert len({themes.mark(each) for each in severities}) == 5
    assert len({themes.style(each) for each in severities}) == 5
    assert themes.style("no such") == themes.style("unknown")


async def test_a_faulty_theme_is_one_message_and_dark_stands_in(make: Make, tmp_path: Path) -> None:
    folder = tmp_path / "config" / "ccops" / "themes"
    folder.mkdir(parents=True)
    (folder / "bad.toml").write_text('name = "bad"\n[colors]\n[tones]\nok = "[/foo]"')
    app, _ = make(theme="bad")
    async with app.run_test(size=(120, 40)) as pilot:
        await seen.until(pilot, lambda: len(app._notifications) == 2, "one message for the file, one for the choice")
        assert app.theme == "dark"
        told = [note.message for note in app._notifications]
        assert any("tones.ok" in message and "colors.primary" in message for message in told)
        assert any("found 'bad'" in message for message in told)


@pytest.mark.parametrize("name", ["dark", "light", "high-contrast", "16-colours"])
async def test_the_console_runs_in_every_theme(make: Make, name: str) -> None:
    app, _ = make(theme=name)
    async with app.run_test(size=(80, 24)) as pilot:
        await seen.until(pilot, lambda: "SERVES" in seen.text(app))
        assert app.theme == name
        await pilot.press("question_mark")
        await seen.until(pilot, lambda: "Keys of the view" in seen.text(app))


def _contrast(one: Color, two: Color) -> float:
    def luminance(color: Color) -> float:
        parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in color.normalized]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)
