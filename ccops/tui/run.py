"""One operation under way, apart from any screen: it goes on when its screen is left, and ends with the console."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal

from ccops.tui import crash
from ccops.tui.live import Outlook

if TYPE_CHECKING:
    from ccops.operations.plan import Check, Plan, Progress, Report, StepState

    Begin = Callable[[Callable[[Progress], None]], Awaitable[Report]]

Ended = Literal["", "done", "refused", "surprised", "interrupted", "undone", "failed"]


class Run:
    """Runs `begin` in a task of its own; `outlook` is that on its pair.

    `listeners` are called in the event loop whenever something is new. `ending` is "" while it runs; "failed" is a
    fault of ccops itself, and then `problem` says where it is reported.
    """

    def __init__(self, plan: Plan, begin: Begin, outlook: Outlook) -> None:
        self.plan = plan
        self.outlook = outlook
        self.progress: Progress | None = None
        self.report: Report | None = None
        self.ending: Ended = ""
        self.problem = ""
        self.safe_next = ""
        self.checks: tuple[Check, ...] = ()
        self.began_at = outlook.clock()
        self.ended_at: float | None = None
        self.listeners: list[Callable[[], None]] = []
        self._begin = begin
        self._task = asyncio.create_task(self._go())

    @property
    def over(self) -> bool:
        """True when it has ended, in whichever way."""
        return self.ended_at is not None

    @property
    def id(self) -> str:
        """That of its entry in the audit log; "" before there is one."""
        return self.report.id if self.report else self.progress.id if self.progress else ""

    @property
    def states(self) -> tuple[StepState, ...]:
        """How each step stands, as last told."""
        if self.report is not None and self.report.states:
            return self.report.states
        return self.progress.states if self.progress else ()

    @property
    def now(self) -> str:
        """What goes on, in a line."""
        return self.progress.now if self.progress else "asks both nodes whether anybody else is at it"

    async def stop(self) -> None:
        """Interrupts it, and returns when that is recorded."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def wait(self) -> None:
        """Returns when it has ended, in whichever way."""
        await asyncio.wait([self._task])

    async def _go(self) -> None:
        from ccops.operations.plan import OperationError, Refused

        try:
            self.report = await self._begin(self._heard)
            self.plan, self.ending = self.report.plan, self.report.ending
        except asyncio.CancelledError:
            self.ending = "interrupted"
            self.problem = "it was stopped here by hand" if self.progress else "it was stopped before anything was done"
        except OperationError as error:
            self.ending, self.problem = "refused", str(error)
            self.checks = error.checks if isinstance(error, Refused) else ()
        except Exception as error:  # told on the screen; the console itself goes on
            self.ending, self.problem = "failed", crash.report(error)
        finally:
            self.ended_at = self.outlook.clock()
            self._tell()

    def _heard(self, progress: Progress) -> None:
        self.progress, self.plan = progress, progress.plan
        self._tell()

    def _tell(self) -> None:
        for listener in tuple(self.listeners):
            listener()
