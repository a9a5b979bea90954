"""Asterisk's extensions and trunks on the node that serves, read before an edit is planned, and before it is done.

One interface, whatever keeps them: an `Exchange` tells what there is and draws an edit as a `Work`, which the plan's
steps carry out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from ccops.operations.plan import Check
from ccops.pair.model import Reading
from ccops.pbx import heard
from ccops.pbx.heard import Dialplan
from ccops.pbx.model import Entry, Extension, Kind, Tech, key_of, kind_of
from ccops.pbx.rules import Known

if TYPE_CHECKING:
    from ccops.config import PairSettings
    from ccops.operations.bench import Bench
    from ccops.operations.books import Books
    from ccops.operations.hands import Hands
    from ccops.operations.scene import Scene

TECHS: tuple[Tech, ...] = ("sip", "pjsip", "iax2")

Changes = Sequence[tuple[Entry | None, Entry | None]]
"""What becomes different, by (before, after): None before is a new one, None after a deleted one."""


class Spoken(msgspec.Struct, frozen=True):
    """What Asterisk's own console says: its version, the drivers that are loaded, the names that each knows, queues."""

    version: str | None = None
    loaded: tuple[Tech, ...] = ()
    peers: Mapping[Tech, tuple[str, ...]] = {}
    queues: tuple[str, ...] = ()
    dialplan: Dialplan | None = None


class Work(Protocol):
    """An edit that was drawn. `place`: what is written; `changes_nothing`: it would be as it is.

    `statements`: exactly what is sent, a line each, secrets as ***. `aside`: what else happens, in words for people.
    """

    @property
    def place(self) -> str: ...
    @property
    def purpose(self) -> str: ...
    @property
    def changes_nothing(self) -> bool: ...
    @property
    def statements(self) -> tuple[str, ...]: ...
    @property
    def aside(self) -> tuple[str, ...]: ...

    async def keep(self, bench: Bench) -> str:
        """Writes what is there now below `bench.folder` on this host; says where."""

    async def apply(self, bench: Bench) -> str:
        """Does it and sees it in Asterisk; whatever fails is taken back, seen, and said (raises Surprise)."""

    async def put_back(self, bench: Bench) -> str:
        """The inverse of one that was interrupted, by what `keep` wrote, maybe in another process."""


class Exchange(msgspec.Struct, frozen=True):
    """What there is. `tech`: the driver of a new one that names none; `names`, `numbers`: what else is in use there.

    `entries` are all that this back end can edit, extensions and trunks.
    """

    node: str
    tech: Tech
    entries: tuple[Entry, ...]
    asterisk: Spoken
    names: Mapping[str, str] = {}
    numbers: Mapping[str, str] = {}

    @property
    def backend(self) -> str:
        """What keeps them, in words for people."""
        raise NotImplementedError

    @property
    def where(self) -> str:
        """The path or database that has them."""
        raise NotImplementedError

    @property
    def digest(self) -> str:
        """Of all that an edit could replace: what was read is what is replaced only while this is the same."""
        raise NotImplementedError

    def grounds(self, scene: Scene, techs: Sequence[Tech]) -> Iterator[Check]:
        """What must hold whatever is edited of these drivers."""
        raise NotImplementedError

    def checks(self, changes: Changes) -> Iterator[Check]:
        """What this back end asks of an edit, beside the rules that hold for all."""
        raise NotImplementedError

    def drawn(self, changes: Changes) -> Work:
        """The edit itself."""
        raise NotImplementedError

    def find(self, kind: Kind, key: str) -> Entry | None:
        """The one of that number or name."""
        return next((entry for entry in self.entries if (kind_of(entry), key_of(entry)) == (kind, key)), None)

    def known(self, key: str) -> Known:
        """What is in use already, for one that is to have that number or name (`ccops.pbx.rules.faults`)."""
        peers = (name for names in self.asterisk.peers.values() for name in names)
        names = {**self.names, **{name: "Asterisk has one of that name, from another file or table" for name in peers}}
        names |= {key_of(e): "an extension" if isinstance(e, Extension) else "a trunk" for e in self.entries}
        numbers = {**{queue: "a queue" for queue in self.asterisk.queues}, **self.numbers}
        plan = self.asterisk.dialplan
        if plan is not None and (what := heard.used_otherwise(key, plan)):
            numbers.setdefault(key, what)
        return Known(names, numbers, plan.contexts if plan else None)


def joined(changes: Changes) -> Iterator[tuple[Entry | None, Entry | None]]:
    """A rename is told as one that goes and one that comes; where it is kept, it is one that becomes another."""
    rest = list(changes)
    if len(rest) == 2 and rest[0][1] is None and rest[1][0] is None:
        old, new = rest[0][0], rest[1][1]
        if old is not None and new is not None and kind_of(old) == kind_of(new) and old.tech == new.tech:
            rest = [(old, new)]
    yield from rest


def digest_of(text: str) -> str:
    """The MD5 of a file with that text, as `md5sum` tells it: every node has that one. It guards against accidents."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


async def read_exchange(
    hands: Hands, books: Books, settings: PairSettings, node: str, taken_at: float
) -> Reading[Exchange]:
    """Reads it by the back end of the settings, or the most robust one that is there; else a Reading says why not."""
    from ccops.operations import pbx_files_read, pbx_found

    backend = settings.pbx.backend
    if backend == "files":
        found: Exchange | str = await pbx_files_read.read(hands, node)
    else:
        found = await pbx_found.read(hands, books, settings, node)
        if isinstance(found, str) and backend is None:
            why, found = found, await pbx_files_read.read(hands, node)
            if isinstance(found, str):
                found = f"{found} (nor is there FreePBX: {why})"
    return Reading(None, found, taken_at) if isinstance(found, str) else Reading(found, None, taken_at)
