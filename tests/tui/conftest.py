"""Screens in tests: a fixed zone, folders of their own, consoles over a fake pair."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ccops.config import ConsoleSettings, NodeSettings, PairSettings, Settings
from ccops.tui.app import Console
from tests.tui import samples
from tests.tui.fake_operator import FakeOperator
from tests.tui.fakes import FakeWatched

Make = Callable[..., tuple[Console, FakeWatched]]


@pytest.fixture(autouse=True)
def _own_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("NO_COLOR", raising=False)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def pair_settings(**changes: Any) -> PairSettings:
    """Settings of the sample pair."""
    first, second = (NodeSettings(name, name) for name in samples.NODES)
    return PairSettings((first, second), samples.LAYOUT.address, **changes)


@pytest.fixture
def make() -> Make:
    """Makes a console over one fake pair whose clock stands at `samples.NOW`."""

    def make(
        snapshot: Any = None,
        *,
        lines: int = 40,
        start_view: str = "pair",
        clock: Any = None,
        operator: FakeOperator | None = None,
        write: bool = False,
        pair: dict[str, Any] | None = None,
        **console: Any,
    ) -> tuple[Console, FakeWatched]:
        watched = FakeWatched(snapshot or samples.healthy(), samples.lines(lines))
        settings = Settings({"lab": pair_settings(accent="#b3261e", **(pair or {}))}, ConsoleSettings(**console))
        app = Console(
            settings,
            lambda _: watched,
            "lab",
            start_view=start_view,
            clock=clock or (lambda: samples.NOW),
            open_operator=operator.open if operator else None,
            write=write,
        )
        return app, watched

    return make
