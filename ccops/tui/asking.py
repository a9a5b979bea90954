"""What a view asks in the background: one question at a time, of which only the last one's answer counts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from textual.widget import Widget
from textual.worker import Worker

from ccops.watch.archive import Unanswered

T = TypeVar("T")


class Asking:
    """The questions of one view."""

    def __init__(self, view: Widget) -> None:
        self._view = view
        self._asked: object = None
        self._worker: Worker[None] | None = None

    @property
    def under_way(self) -> bool:
        """A question is asked and not answered yet."""
        return self._asked is not None

    def ask(
        self, question: Callable[[], Awaitable[T]], answered: Callable[[T], None], failed: Callable[[str], None]
    ) -> None:
        """Asks; then calls one of the two in the view's own turn, `failed` with why there is no answer.

        What was asked before is given up.
        """
        self._asked = asked = object()
        waiting = self._wait(asked, question, answered, failed)
        self._worker = self._view.run_worker(waiting, group="asking", exclusive=True, exit_on_error=False)

    def forget(self) -> None:
        """Gives up what was asked."""
        if self._worker is not None:
            self._worker.cancel()
        self._asked = None

    async def _wait(
        self,
        asked: object,
        question: Callable[[], Awaitable[T]],
        answered: Callable[[T], None],
        failed: Callable[[str], None],
    ) -> None:
        try:
            then = partial(answered, await question())
        except Unanswered as error:
            then = partial(failed, str(error))
        except asyncio.CancelledError:
            raise
        except Exception as error:  # whoever is on call must not be left with "reading …" for ever
            then = partial(failed, f"it could not be read: {type(error).__name__}")
        self._view.call_later(self._end, asked, then)

    def _end(self, asked: object, then: Callable[[], None]) -> None:
        if asked is self._asked:
            self._asked = None
            then()
