"""Who may do what: read-only until armed, read-only for good, and the role of the settings. Asked by the executor."""

from __future__ import annotations

import time
from collections.abc import Callable

from ccops.config import PairSettings
from ccops.operations.plan import NotPermitted, Plan, Role

_RANK: dict[Role, int] = {"viewer": 0, "supervisor": 1, "operator": 2, "administrator": 3}


class Authority:
    """What may be done on one pair now. Not armed at first; arming ends after `settings.armed_for` seconds."""

    def __init__(self, settings: PairSettings, clock: Callable[[], float] = time.time) -> None:
        self.role: Role = settings.role
        self._settings = settings
        self._clock = clock
        self._until: float | None = None

    @property
    def armed_for_s(self) -> float | None:
        """Seconds until it is read-only again; None while it is."""
        if self._until is None:
            return None
        left = self._until - self._clock()
        if left <= 0:
            self._until = None
            return None
        return left

    @property
    def never(self) -> str | None:
        """Why this pair cannot be armed at all; None where it can."""
        if self._settings.read_only:
            return "the pair is read-only in the settings (read_only = true)"
        if self.role == "viewer":
            return 'the role in the settings is "viewer": it sees everything and changes nothing'
        return None

    def arm(self, seconds: float | None = None) -> None:
        """Lets operations be done for so long (default: as the settings say). Raises NotPermitted where never."""
        if self.never is not None:
            raise NotPermitted(f"it stays read-only: {self.never}")
        self._until = self._clock() + (self._settings.armed_for if seconds is None else seconds)

    def disarm(self) -> None:
        """Read-only again."""
        self._until = None

    def demand(self, plan: Plan) -> None:
        """Raises NotPermitted, with what to do, unless `plan` may be run now."""
        self.demand_for(plan.request.operation, plan.role)

    def demand_for(self, what: str, role: Role) -> None:
        """The same for anything that takes that role."""
        if self.never is not None:
            raise NotPermitted(f"{what} is not permitted: {self.never}")
        if _RANK[self.role] < _RANK[role]:
            raise NotPermitted(f'{what} is for the role "{role}", and the role in the settings is "{self.role}"')
        if self.armed_for_s is None:
            raise NotPermitted(f"{what} is not permitted: ccops is read-only until it is armed (key w, or --write)")
