"""What an operation is made of: the request, the checks before it, its steps with the effect each must be seen to have.

A plan is the same object whether a key, the palette or the command line asked for it. It holds no connection; what acts
is the executor.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from ccops.triage.history import History
from ccops.watch.snapshot import Snapshot

if TYPE_CHECKING:
    from ccops.operations.bench import Bench

Argv = tuple[str, ...]
Role = Literal["viewer", "supervisor", "operator", "administrator"]


class Look(msgspec.Struct, frozen=True):
    """What is seen at one moment: the newest snapshot, and what both nodes' logs told since the step began."""

    snapshot: Snapshot
    told: History = History()


Sight = Callable[[Look], "bool | None"]


class Request(msgspec.Struct, frozen=True):
    """What was asked for: an operation's name, the node it is about where it takes one, and its other arguments.

    That of a plan has all that was decided when it was drawn (who gives, who takes), so that an interrupted operation
    is taken up again as it was meant, whatever the pair looks like by then.
    """

    operation: str
    node: str | None = None
    arguments: Mapping[str, str] = {}

    @property
    def at_once(self) -> bool:
        """True for what is done to an agent, a call or a queue: a second's work, of which nothing is resumed."""
        return self.operation.startswith(("agent ", "queue "))

    def __str__(self) -> str:
        words = [self.operation, *([self.node] if self.node else [])]
        return " ".join([*words, *(f"--{key} {value}" for key, value in sorted(self.arguments.items()))])


class Check(msgspec.Struct, frozen=True):
    """A precondition and how it stands: `holds` is None where it is not known, which refuses as well as False.

    `found`: what was found instead; `way_out`: what to do so that it holds. `lasting`: it must also hold when an
    interrupted operation goes on; of the others its own steps have changed the outcome.
    """

    text: str
    holds: bool | None
    found: str = ""
    way_out: str = ""
    lasting: bool = False


class Condition(msgspec.Struct, frozen=True):
    """Something that must be seen.

    `never` tells, in words, what has been seen that means it will not come about; `lacking`, for one that has several
    parts, which of them are not seen.
    """

    text: str
    holds: Sight
    never: Callable[[Look], str | None] | None = None
    lacking: Callable[[Look], str] | None = None


Deed = Callable[["Bench"], Awaitable[str]]
"""Something other than one command (a salvage, a rehearsal): returns what it found, in a line; raises Surprise."""


class Step(msgspec.Struct, frozen=True):
    """One step: a command on a node (`command`), or a deed, or only waiting; then `effect` must be seen.

    `before` must be seen at the moment it begins. `limit_s`: how long the effect may take; with `moving`, how long it
    may take without that value changing (a resync that goes on is not late). A step whose effect is seen already is
    passed over, unless it is `once` or a deed: then it is done whatever is seen. `safe_next`: what to do when it
    surprises. `undo` takes it back. `kept_until`: where an interrupted plan goes on and the effect
    holds no longer, it is done again, unless that later step had begun.
    """

    name: str
    text: str
    effect: Condition
    node: str | None = None
    command: Argv = ()
    deed: Deed | None = None
    before: Condition | None = None
    limit_s: float = 120.0
    command_limit_s: float = 60.0
    moving: Callable[[Look], Any] | None = None
    once: bool = False
    safe_next: str = ""
    undo: Step | None = None
    kept_until: str = ""


class Plan(msgspec.Struct, frozen=True):
    """All of an operation: what it is for, on which conditions, in which steps, and who will be hurt.

    `notices`: what callers and agents will notice, `irrevocable`: what cannot be taken back. `typed` must be typed to
    confirm it: the name of the node whose data are destroyed, or what else must not be confirmed by a slip. `evidence`
    are lines to read before deciding. `took_s`: how long it took the last times, newest first. `statements`: for an
    edit, exactly what is written and sent, a line each, secrets as ***.
    """

    request: Request
    title: str
    purpose: str
    steps: tuple[Step, ...]
    checks: tuple[Check, ...] = ()
    role: Role = "operator"
    notices: tuple[str, ...] = ()
    irrevocable: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    typed: str | None = None
    undo_text: str = ""
    took_s: tuple[float, ...] = ()
    statements: tuple[str, ...] = ()

    @property
    def refusals(self) -> tuple[Check, ...]:
        """The checks that do not hold, or of which it is not known."""
        return tuple(check for check in self.checks if check.holds is not True)

    @property
    def shape(self) -> tuple[tuple[str, str | None, Argv], ...]:
        """What was confirmed: another shape needs another confirmation."""
        return tuple((step.name, step.node, step.command) for step in self.steps)


StepWord = Literal["waiting", "running", "seen", "already", "failed"]
Ending = Literal["done", "refused", "surprised", "interrupted", "undone"]
"""`undone`: surprised, and what had been done was taken back at once, so that nothing is to be resumed."""


class StepState(msgspec.Struct, frozen=True):
    """How a step stands; `said` is what its command or deed said, times are seconds since the epoch."""

    word: StepWord = "waiting"
    said: str = ""
    began_at: float | None = None
    ended_at: float | None = None


class Progress(msgspec.Struct, frozen=True):
    """A plan that runs: the state of each of its steps, and what is going on in a line."""

    id: str
    plan: Plan
    states: tuple[StepState, ...]
    began_at: float
    now: str = ""


Listener = Callable[[Progress], None]
"""Is told how a plan that runs stands, in the event loop."""


class Report(msgspec.Struct, frozen=True):
    """How an operation ended. `summary`: what happened; `truth`: what is true now; `safe_next`: what is safe now.

    `id` is that of its entry in the audit log.
    """

    id: str
    plan: Plan
    ending: Ending
    summary: str
    states: tuple[StepState, ...] = ()
    truth: tuple[str, ...] = ()
    safe_next: str = ""
    took_s: float = 0.0


class OperationError(Exception):
    """An operation that cannot be done, in words for the person on call: what is in the way and what to do."""


class Refused(OperationError):
    """Its preconditions do not hold; `checks` are those."""

    def __init__(self, message: str, checks: tuple[Check, ...] = ()) -> None:
        super().__init__(message)
        self.checks = checks


class NotPermitted(OperationError):
    """Read-only, not armed, or not in the role's power."""


class Busy(OperationError):
    """Somebody else is at it; the message says who."""


class Surprise(OperationError):
    """What was seen is not what the plan expects; `safe_next` is what is safe now, where that is known better.

    `undone`: the step has taken back itself what it had done, and that was seen.
    """

    def __init__(self, message: str, safe_next: str = "", undone: bool = False) -> None:
        super().__init__(message)
        self.safe_next = safe_next
        self.undone = undone
