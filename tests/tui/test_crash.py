"""A crash prints one line, and keeps a private report without anybody's values."""

from __future__ import annotations

from pathlib import Path

import pytest

from ccops.tui import crash, private
from tests.tui import seen
from tests.tui.conftest import Make


def _fail() -> None:
    password = "hunter2-of-the-pbx"
    raise RuntimeError(f"broken \x1b]0;x\x07 {len(password)}")


def test_the_report_has_the_traceback_without_locals(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError) as caught:
        _fail()
    told = crash.report(caught.value, tmp_path / "state")
    path = next((tmp_path / "state").iterdir())
    text = path.read_text()
    assert str(path) in told
    assert "\n" not in told
    assert "\x1b" not in told + text
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert "RuntimeError" in text
    assert "_fail" in text
    assert "password = 'hunter2" not in text


def test_a_report_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = crash.report(ValueError("x"), tmp_path / "file" / "folder")
    assert "could not be written" in told


def test_two_of_a_second_do_not_overwrite_each_other(tmp_path: Path) -> None:
    assert private.keep("crash", "txt", "a", tmp_path) != private.keep("crash", "txt", "b", tmp_path)
    assert sorted(path.read_text() for path in tmp_path.iterdir()) == ["a", "b"]


async def test_the_console_prints_one_line_and_no_locals(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app, _ = make()

    def fail() -> None:
        secret = "hunter2" + "-of-the-pbx"  # noqa: F841
        raise RuntimeError("broken")

    async def run() -> None:
        async with app.run_test(size=(80, 24)) as pilot:
            app.call_later(fail)
            await seen.until(pilot, lambda: app._exception)

    with pytest.raises(RuntimeError, match="broken"):
        await run()
    printed = "".join(capsys.readouterr())
    assert "hunter2-of-the-pbx" not in printed
    assert "ccops stopped by a fault of its own" in printed
    assert "locals" not in printed
    report = next((tmp_path / "state" / "ccops").glob("crash-*.txt"))
    assert "hunter2-of-the-pbx" not in report.read_text()
