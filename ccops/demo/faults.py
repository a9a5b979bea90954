"""Commands that do not do what they say, or not yet: what a test can bring about on a simulated node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ccops.demo.answer import Answer, Outcome
from ccops.demo.schedule import Schedule


@dataclass(frozen=True)
class _Fault:
    """What befalls the next command on that node in which those words stand in that order, the first one first."""

    node: int
    words: tuple[str, ...]
    lie: Answer | None = None
    seconds: float = 0.0
    done: bool = False

    def befalls(self, n: int, words: Sequence[str]) -> bool:
        rest = iter(words)
        return n == self.node and bool(words) and words[0] == self.words[0] and all(w in rest for w in self.words)


class Faults:
    """Waits for the commands it is about; each fault befalls one command."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._waiting: list[_Fault] = []

    def lie(self, n: int, words: Sequence[str], answer: Answer) -> None:
        """The next such command on node n prints that and does nothing."""
        self._waiting.append(_Fault(n, tuple(words), lie=answer))

    def delay(self, n: int, words: Sequence[str], seconds: float, done: bool = False) -> None:
        """The next such command on node n hangs so long before it acts; with `done` it acts at once and answers late.

        One whose asker went away before it acted does nothing.
        """
        self._waiting.append(_Fault(n, tuple(words), seconds=seconds, done=done))

    def expects(self, n: int, words: Sequence[str]) -> bool:
        """Whether a fault is waiting for such a command."""
        return any(fault.befalls(n, words) for fault in self._waiting)

    def befall(self, n: int, words: Sequence[str], deed: Callable[[], Outcome]) -> Outcome:
        """Does the deed, unless a fault is waiting for such a command."""
        fault = next((fault for fault in self._waiting if fault.befalls(n, words)), None)
        if fault is None:
            return deed()
        self._waiting.remove(fault)
        if fault.lie is not None:
            return fault.lie
        ends = self._schedule.now + fault.seconds
        outcome: list[Outcome] = [deed()] if fault.done else []

        def wait() -> Answer | None:
            if self._schedule.now < ends:
                return None
            if not outcome:
                outcome.append(deed())
            return outcome[0] if isinstance(outcome[0], Answer) else outcome[0]()

        return wait
