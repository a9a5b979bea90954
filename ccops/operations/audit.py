"""The audit log: what was meant, sent, answered and seen, by whom; one JSON object a line, appended, mode 0600.

Each entry: `at` (seconds since the epoch), `id` of its operation, `pair`, `event`, and what belongs to that:

| event | with |
|---|---|
| began | who, origin, request (operation, node, arguments), title, steps (`NAME on NODE: COMMAND`) |
| step | step, node, command: the intent, written before anything is sent |
| answered | step, exit, output, took_s, or problem |
| seen | step, text: the effect as it was observed; `already` when nothing had to be done |
| noted | text |
| surprise | step, text, safe_next |
| ended | ending (done, refused, surprised, interrupted, undone, left), text, took_s |
| resumed | who, origin |
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from ccops.operations.plan import OperationError, Request
from ccops.operations.who import where_from, who
from ccops.text import clean

_OUTPUT_KEPT = 4000
_OVER = frozenset({"done", "refused", "undone", "left"})


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line. Fields that an event does not have are empty."""

    at: float
    id: str
    pair: str
    event: str
    who: str = ""
    origin: str = ""
    request: Request | None = None
    title: str = ""
    steps: tuple[str, ...] = ()
    step: str = ""
    node: str = ""
    command: str = ""
    exit: int | None = None
    output: str = ""
    text: str = ""
    safe_next: str = ""
    ending: str = ""
    took_s: float | None = None


class Record(msgspec.Struct, frozen=True):
    """One operation: all of its entries, oldest first."""

    entries: tuple[Entry, ...]

    @property
    def first(self) -> Entry:
        """How it began."""
        return self.entries[0]

    @property
    def request(self) -> Request:
        """What was asked for."""
        return self.first.request or Request("unknown")

    @property
    def ending(self) -> str:
        """done, refused, surprised, interrupted, undone, left; "" while it runs, or where its holder died."""
        ends = [e.ending for e in self.entries if e.event in ("ended", "resumed")]
        return ends[-1] if ends else ""

    @property
    def unfinished(self) -> bool:
        """True when it stands somewhere in the middle."""
        acted = any(entry.event == "step" for entry in self.entries)
        return acted and self.ending not in _OVER and not self.request.at_once

    @property
    def steps_done(self) -> frozenset[str]:
        """The names of the steps whose effect was seen."""
        return frozenset(entry.step for entry in self.entries if entry.event == "seen")

    @property
    def step(self) -> str:
        """The step that it stands in."""
        return next((e.step for e in reversed(self.entries) if e.step), "")

    @property
    def took_s(self) -> float | None:
        """Seconds from its beginning to its end."""
        return self.entries[-1].took_s


class Audit:
    """Appends to and reads one log. Nothing is done that cannot be recorded."""

    def __init__(self, path: Path | None = None, clock: Callable[[], float] = time.time) -> None:
        self.path = default_path() if path is None else path.expanduser()
        self._clock = clock

    def new_id(self) -> str:
        """An id that sorts by time: 20261127-024138-4f2a."""
        return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(self._clock()))}-{secrets.token_hex(2)}"

    def write(self, id: str, pair: str, event: str, **fields: Any) -> Entry:
        """Appends one entry and has it on the disk before it returns. Raises OperationError where it cannot."""
        for key in ("output", "text", "safe_next", "command"):
            if isinstance(fields.get(key), str):
                fields[key] = "\n".join(clean(line) for line in fields[key].splitlines())[:_OUTPUT_KEPT]
        if event in ("began", "resumed"):
            fields |= {"who": who(), "origin": where_from()}
        entry = Entry(self._clock(), id, pair, event, **fields)
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                os.write(handle, msgspec.json.encode(entry) + b"\n")
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise OperationError(
                f"the audit log {self.path} cannot be written ({error.strerror}): nothing is done without it"
            ) from None
        return entry

    def records(self, pair: str | None = None) -> tuple[Record, ...]:
        """All operations (of one pair), oldest first. Lines that cannot be read are passed over."""
        found: dict[str, list[Entry]] = {}
        for entry in self._entries():
            if pair is None or entry.pair == pair:
                found.setdefault(entry.id, []).append(entry)
        return tuple(Record(tuple(entries)) for entries in found.values() if entries[0].event == "began")

    def record(self, id: str) -> Record | None:
        """The operation of that id, or of the only one that begins so."""
        found = [record for record in self.records() if record.first.id.startswith(id)]
        exact = [record for record in found if record.first.id == id]
        return exact[0] if exact else found[0] if len(found) == 1 else None

    def unfinished(self, pair: str) -> Record | None:
        """The newest operation on that pair, if it stands somewhere in the middle."""
        acting = [r for r in self.records(pair) if r.ending != "refused" and not r.request.at_once]
        return acting[-1] if acting and acting[-1].unfinished else None

    def durations(self, pair: str, request: Request, most: int = 3) -> tuple[float, ...]:
        """How long the same operation took the last times it was done, newest first, in seconds."""
        done = [
            r.took_s
            for r in self.records(pair)
            if r.ending == "done" and r.took_s is not None and r.request.operation == request.operation
        ]
        return tuple(reversed(done[-most:]))

    def _entries(self) -> Iterator[Entry]:
        decoder = msgspec.json.Decoder(Entry)
        try:
            with self.path.open("rb") as file:
                for line in file:
                    try:
                        yield decoder.decode(line)
                    except (msgspec.DecodeError, UnicodeDecodeError):
                        continue
        except FileNotFoundError:
            return
        except OSError as error:
            raise OperationError(f"the audit log {self.path} cannot be read ({error.strerror})") from None


def default_path() -> Path:
    """audit.jsonl in the user's state folder (XDG)."""
    from platformdirs import user_state_path

    return user_state_path("ccops") / "audit.jsonl"
