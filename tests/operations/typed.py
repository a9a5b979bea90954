"""Commands as they are typed, where the pair is a stage and time passes at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ccops.cli import main
from ccops.commands.session import Session
from ccops.config import Settings
from tests.operations.virtual import play

Typed = Callable[..., Result]


def typed_on(stage: Any, monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Types a command, and what is given to it as `input`. Each begins with a console of its own."""

    @contextlib.asynccontextmanager
    async def at_work(settings: Any, name: str, timeout_s: float, as_json: bool, *_: Any) -> AsyncIterator[Session]:
        async with stage:
            stage.executor = stage.console()
            yield Session("demo", stage.settings, stage.store, stage.executor, as_json)

    monkeypatch.setattr("ccops.commands.session.at_work", at_work)
    monkeypatch.setattr("ccops.commands.invocation.load", lambda _: Settings({"demo": stage.settings}))
    monkeypatch.setattr(asyncio, "run", play)

    def typed(*words: str, input: str | None = None) -> Result:
        return CliRunner().invoke(main, list(words), input=input)

    return typed
