"""What a view that asks questions asks next: one at a time, each when it is due, costly ones with a rest after them."""

from __future__ import annotations

from collections.abc import Iterable


class Agenda:
    """Times are those of one clock, in seconds; a question is whatever word the view gives it."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._rest_until = 0.0

    def next(self, now: float, wanted: Iterable[str], costly: Iterable[str] = ()) -> str | None:
        """The question that has been due the longest; None where none is. `costly` ones wait out the rest as well."""
        heavy = frozenset(costly)
        due = [
            (self._due.get(what, 0.0), place, what)
            for place, what in enumerate(wanted)
            if self._due.get(what, 0.0) <= now and (what not in heavy or self._rest_until <= now)
        ]
        return min(due)[2] if due else None

    def answered(self, what: str, now: float, every_s: float, rest_s: float = 0.0) -> None:
        """It was answered (or was not): it is asked again so much later, and costly ones rest before that."""
        self._due[what] = now + every_s
        self._rest_until = max(self._rest_until, now + rest_s)

    def forget(self, *words: str) -> None:
        """These are due at once; all of them where none is named."""
        for what in words or tuple(self._due):
            self._due.pop(what, None)
        if not words:
            self._rest_until = 0.0
