"""What the console needs of whatever acts on a pair; `ccops.operations.executor` says what each of it means."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ccops.watch.store import Store

if TYPE_CHECKING:
    from ccops.operations.audit import Audit, Record
    from ccops.operations.exchange import Exchange
    from ccops.operations.permission import Authority
    from ccops.operations.plan import Check, Plan, Progress, Report, Request
    from ccops.operations.switchboard import Switchboard
    from ccops.operations.vault import Vault
    from ccops.pair.model import Reading

    Listener = Callable[[Progress], None]


class Operator(Protocol):
    """The operations on one pair."""

    audit: Audit
    vault: Vault

    @property
    def switchboard(self) -> Switchboard:
        """What acts on its agents, callers and queues."""

    async def exchange(self) -> Reading[Exchange]:
        """Its extensions and trunks, as they are now."""

    def in_the_way(self, exchange: Exchange) -> tuple[Check, ...]:
        """What does not hold, or is not known, that every edit of them takes."""

    async def prepare(self, request: Request, *, resuming: bool = False) -> Plan:
        """The plan, as things are now."""

    async def run(self, plan: Plan, on_progress: Listener = ..., record: Record | None = None) -> Report:
        """Runs it to its end."""

    async def undo(self, record: Record, on_progress: Listener = ...) -> Report:
        """Takes an interrupted one back."""

    def undoing(self, plan: Plan, record: Record) -> Plan:
        """The plan that does so."""

    def unfinished(self) -> Record | None:
        """The interrupted one."""

    def leave(self, record: Record) -> None:
        """Leaves it as it stands."""

    async def close(self) -> None:
        """Ends its connections."""


OpenOperator = Callable[[str, Store, "Authority"], Operator]
"""Makes that of a pair from its name, the store of its watch, and what may be done on it."""


def told(record: Record) -> str:
    """An interrupted operation in a line; one that has no end may still be run by somebody else."""
    how = record.ending or "without an end (somebody may still be at it)"
    return f"{record.first.title}: {how}, in the step {record.step or 'before the first'}"
