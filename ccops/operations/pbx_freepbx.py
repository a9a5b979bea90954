"""Extensions and trunks that FreePBX keeps: read, edited by its own functions or in its tables, applied, seen.

Two ways lead there (`Way`): FreePBX' PHP functions (`pbx_php`) and its tables (`pbx_sql`). What an edit comes to, what
must hold before, what is kept, how it is applied, seen and taken back is the same for both, and stands here. MySQL 5.0
has no transactions for MyISAM: so there is a pre-image on this host and an inverse that restores the very rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec
from msgspec.structs import replace

from ccops.links.errors import LinkError
from ccops.operations import pbx_freepbx_checks, pbx_seen
from ccops.operations.exchange import Changes, Exchange, digest_of, joined
from ccops.operations.files import write_private
from ccops.operations.plan import Argv, Check, Surprise
from ccops.operations.scene import Scene, serves
from ccops.pbx import freepbx_extensions, freepbx_trunks
from ccops.pbx.freepbx_rows import Draft as Drafted
from ccops.pbx.freepbx_rows import Edit, Row, Tables, difference, matches, queues_of, routes_of
from ccops.pbx.model import LABELS, Entry, Extension, Tech, Trunk, key_of, kind_of
from ccops.text import clean

if TYPE_CHECKING:
    from ccops.operations.bench import Bench

RELOAD_S = 180.0
_NOTHING = "nothing was changed: look at `ccops triage`, and ask for it again"


class Way(Protocol):
    """How FreePBX is written to. `words`: what it is called; `database`: where its tables are.

    `exact`: it writes the very rows that were drawn, so that what comes is known before it is sent.
    """

    @property
    def words(self) -> str: ...
    @property
    def database(self) -> str: ...
    @property
    def exact(self) -> bool: ...

    async def tables(self, bench: Bench, node: str) -> Tables:
        """What is there now, astdb too. Raises LinkError, Surprise."""

    async def do(self, bench: Bench, work: FreepbxWork) -> None:
        """Makes the changes. Raises Surprise with `undone` where nothing was; else it may have been done in part."""

    async def write(self, bench: Bench, node: str, edit: Edit) -> None:
        """Writes these very rows and keys. Raises LinkError, Surprise."""

    async def flag(self, bench: Bench, node: str, waits: bool) -> None:
        """Sets `need_reload`."""

    def statements(self, work: FreepbxWork) -> tuple[str, ...]:
        """What `do` sends, in words for people."""


class FreepbxExchange(Exchange, frozen=True, kw_only=True):
    """Those of FreePBX. `reload`: the command that applies what was saved there; None where there is none."""

    tables: Tables
    way: Way
    reload: Argv | None = None

    @property
    def backend(self) -> str:
        return self.way.words

    @property
    def where(self) -> str:
        return f"FreePBX' database {self.way.database}"

    @property
    def digest(self) -> str:
        return digest_of(self.tables.told)

    def grounds(self, scene: Scene, techs: Sequence[Tech]) -> Iterator[Check]:
        return pbx_freepbx_checks.grounds(self.tables, techs, self.node, self.reload is not None, scene.resuming)

    def checks(self, changes: Changes) -> Iterator[Check]:
        return pbx_freepbx_checks.checks(self.tables, changes, self.drawn(changes).edit, exact=self.way.exact)

    def drawn(self, changes: Changes) -> FreepbxWork:
        draft = Drafted(self.tables)
        numbers: list[str] = []
        lines = {line.trunk.name: line.number for line in freepbx_trunks.lines(self.tables)}
        trunks: list[str] = []
        added = set(freepbx_trunks.taken(self.tables))
        for old, new in joined(changes):
            if isinstance(old, Extension) or isinstance(new, Extension):
                numbers += [key_of(entry) for entry in (old, new) if entry is not None]
                _draw_extension(draft, old, new)
            else:
                number = lines.get(key_of(old), "") if old is not None else freepbx_trunks.free(added)
                added.add(int(number or 0))
                trunks.append(number)
                _draw_trunk(draft, number, old, new)
        return FreepbxWork(
            self.node,
            self.way,
            tuple(changes),
            self.tables,
            draft.tables_now,
            draft.edit,
            tuple(dict.fromkeys(numbers)),
            tuple(trunks),
            self.reload or (),
        )


def _draw_extension(draft: Drafted, old: Entry | None, new: Entry | None) -> None:
    if isinstance(old, Extension) and isinstance(new, Extension):
        if old.number != new.number:
            freepbx_extensions.rename(draft, old, new.number)
        else:
            freepbx_extensions.edit(draft, old, new)
    elif isinstance(new, Extension):
        freepbx_extensions.add(draft, new)
    elif isinstance(old, Extension):
        freepbx_extensions.delete(draft, old)


def _draw_trunk(draft: Drafted, number: str, old: Entry | None, new: Entry | None) -> None:
    if isinstance(old, Trunk) and isinstance(new, Trunk):
        freepbx_trunks.edit(draft, number, old, new)
    elif isinstance(new, Trunk):
        freepbx_trunks.add(draft, new, number)
    elif isinstance(old, Trunk):
        freepbx_trunks.delete(draft, number, old)


class FreepbxWork(msgspec.Struct, frozen=True):
    """An edit of FreePBX. Implements `ccops.operations.exchange.Work`.

    `tables`, `after`: as it was drawn from, as drawn; `edit`: the rows that become different; `numbers`, `trunks`: the
    extensions and the trunks' numbers that it is about.
    """

    node: str
    way: Way
    changes: tuple[tuple[Entry | None, Entry | None], ...]
    tables: Tables
    after: Tables
    edit: Edit
    numbers: tuple[str, ...]
    trunks: tuple[str, ...]
    reload: Argv

    @property
    def place(self) -> str:
        """Where it is written."""
        return f"FreePBX' database {self.way.database}"

    @property
    def purpose(self) -> str:
        """What happens."""
        how = f"{self.tables.spelt} on {self.node} is changed by {self.way.words}"
        return f"{how}, and applied with `{' '.join(self.reload)}`."

    @property
    def changes_nothing(self) -> bool:
        """Whether no row would become different."""
        return not self.edit.rows and not self.edit.astdb

    @property
    def statements(self) -> tuple[str, ...]:
        """What is sent."""
        return (*self.way.statements(self), " ".join(self.reload))

    @property
    def aside(self) -> tuple[str, ...]:
        """What else happens, and what stays."""
        return tuple(line for old, new in joined(self.changes) for line in self._beside(old, new))

    def _beside(self, old: Entry | None, new: Entry | None) -> Iterator[str]:
        tables = self.tables
        if isinstance(new, Extension) and old is None:
            yield f"{new.number} has no voicemail, as FreePBX' form without it"
        gone = old is not None and (new is None or key_of(new) != key_of(old))
        if isinstance(old, Extension) and gone:
            if queues := queues_of(tables, old.number):
                yield f"{old.number} is still named as a member of the queues {', '.join(queues)}: mend them in FreePBX"
            if any(row.get("voicemail") not in ("novm", "", None) for row in tables.of("users", extension=old.number)):
                yield f"the mailbox {old.number} stays in voicemail.conf, with its messages"
        if isinstance(old, Trunk) and new is None:
            number = next((line.number for line in freepbx_trunks.lines(tables) if line.trunk.name == old.name), "")
            routes = routes_of(tables, number)
            if routes and tables.has("outbound_route_trunks"):
                yield f"the routes {', '.join(routes)} use {old.name}: it is taken out of them"
            elif routes:
                yield f"the routes {', '.join(routes)} use {old.name} and go on naming it, as FreePBX leaves it"
            if not tables.has("trunk_dialpatterns"):
                yield f"dial rules of trunk {number} in localprefixes.conf stay, for the next one of that number"

    async def keep(self, bench: Bench) -> str:
        """Writes all that belongs to them as it is now."""
        folder = bench.folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        before = self.tables.about(self.numbers, self.trunks)
        kept = {"numbers": self.numbers, "trunks": self.trunks, **_packed(before)}
        write_private(folder / "freepbx.before", json.dumps(kept))
        if self.way.exact:
            write_private(folder / "freepbx.after", json.dumps(_packed(self.after.about(self.numbers, self.trunks))))
        return str(folder / "freepbx.before")

    async def apply(self, bench: Bench) -> str:
        """Does it, applies it and sees it; whatever fails, the very rows that were there are put back, and seen."""
        if serves(bench.eyes.look(), self.node) is not True:
            raise Surprise(f"{self.node} is not seen to serve any more: nothing was written", _NOTHING, undone=True)
        try:
            await self.way.do(bench, self)
        except Surprise as error:
            if error.undone:
                raise
            await self._take_back(bench, str(error))
        except LinkError as error:
            await self._take_back(bench, str(error))
        try:
            write_private(bench.folder / "freepbx.after", json.dumps(_packed(await self._now(bench))))
            await _applied(bench, self.node, self.reload)
            said = await self._see(bench, self.changes)
            await self._check_kept(bench)
        except (Surprise, LinkError) as error:
            await self._take_back(bench, str(error))
        return said

    async def put_back(self, bench: Bench) -> str:
        """By what `keep` wrote. Raises Surprise where something of it is neither as it was nor as it was to become."""
        try:
            kept = json.loads((bench.folder / "freepbx.before").read_text(encoding="utf-8"))
        except OSError as error:
            raise Surprise(f"what was there before is not kept ({error.strerror}): nothing is put back") from None
        numbers, trunks = tuple(kept["numbers"]), tuple(kept["trunks"])
        work = replace(self, numbers=numbers, trunks=trunks)
        before = _unpacked(kept, self.tables)
        return await work._restored(bench, before, _read_kept(bench.folder / "freepbx.after", self.tables))

    async def _take_back(self, bench: Bench, why: str) -> None:
        """Raises Surprise in any case: what failed, and whether it could be taken back."""
        bench.note(f"{why}: what was there before is put back")
        before = self.tables.about(self.numbers, self.trunks)
        try:
            await self._restored(bench, before, None)
        except (Surprise, LinkError) as error:
            raise Surprise(
                f"{why}; and what was there before is not seen to be back: {error}",
                f"`ccops resume --undo` puts it back; what was there is kept in {bench.folder}",
            ) from None
        raise Surprise(
            f"{why}; so what was there before was put back, and is seen in Asterisk",
            "nothing is left of it: mend what it says, and ask for it again",
            undone=True,
        ) from None

    async def _restored(self, bench: Bench, before: Tables, after: Tables | None) -> str:
        now = await self._now(bench)
        inverse = difference(now, before)
        if after is not None:
            _not_a_third(now, before, after)
        changes = _told(now, before)
        if inverse.rows or inverse.astdb:
            await self.way.flag(bench, self.node, True)
            await self.way.write(bench, self.node, inverse)
        again = difference(await self._now(bench), before)
        if again.rows:
            left = ", ".join(dict.fromkeys(change.table for change in again.rows))
            raise Surprise(f"rows of {left} are not as they were")
        await _applied(bench, self.node, self.reload)
        await self._see(bench, changes)
        return f"{self.place} is as it was before" if changes or inverse.rows else f"{self.place} was never changed"

    async def _now(self, bench: Bench) -> Tables:
        return (await self.way.tables(bench, self.node)).about(self.numbers, self.trunks)

    async def _see(self, bench: Bench, changes: Changes) -> str:
        """FreePBX has no call limit in the section and the name elsewhere: neither is looked for in Asterisk."""
        return await pbx_seen.see(bench, self.node, [(_in_asterisk(old), _in_asterisk(new)) for old, new in changes])

    async def _check_kept(self, bench: Bench) -> None:
        """What FreePBX has must be what was wanted: it may have understood something else."""
        found = await self._now(bench)
        there = {(kind_of(e), key_of(e)): e for e in entries(found)}
        for _, new in joined(self.changes):
            if new is None:
                continue
            entry = there.get((kind_of(new), key_of(new)))
            wrong = [f for f in _LOOKED_AT if entry is None or getattr(entry, f, None) != getattr(new, f, None)]
            if wrong:
                what = ", ".join(LABELS[field] for field in wrong) if entry is not None else "nothing of it"
                raise Surprise(f"FreePBX has {key_of(new)} otherwise than it was given: {what}")


_LOOKED_AT = ("name", "secret", "context", "host", "channels", "disabled", "tech")


def entries(tables: Tables) -> tuple[Entry, ...]:
    """All that can be edited."""
    return (*freepbx_extensions.extensions(tables), *(line.trunk for line in freepbx_trunks.lines(tables)))


def _in_asterisk(entry: Entry | None) -> Entry | None:
    if isinstance(entry, Extension):
        return replace(entry, name="")
    return replace(entry, channels="") if isinstance(entry, Trunk) else None


def _told(now: Tables, then: Tables) -> list[tuple[Entry | None, Entry | None]]:
    """The changes that lead from one to the other."""
    old = {(kind_of(e), key_of(e)): e for e in entries(now)}
    new = {(kind_of(e), key_of(e)): e for e in entries(then)}
    return [(old.get(key), new.get(key)) for key in {**old, **new} if old.get(key) != new.get(key)]


def _not_a_third(now: Tables, before: Tables, after: Tables) -> None:
    """Raises Surprise where a row is neither as it was nor as this edit left it."""
    for change in difference(now, before).rows:
        there = next((c for c in difference(now, after).rows if (c.table, c.key) == (change.table, change.key)), None)
        if there is not None and not matches(change.before, there.after):
            raise Surprise(
                f"somebody has changed {change.table} since: nothing is put back; what was there before is kept",
                "look at it in FreePBX",
            )


async def _applied(bench: Bench, node: str, reload: Argv) -> None:
    """FreePBX writes its files and tells Asterisk; any exit but 0 means that it did not."""
    done = await bench.send(node, reload, RELOAD_S)
    if done.exit_status != 0:
        said = clean((done.stderr or done.stdout).decode("utf-8", "replace").strip()[-200:], 200)
        raise Surprise(f"`{' '.join(reload)}` did not apply it (exit {done.exit_status}){': ' if said else ''}{said}")


def _packed(tables: Tables) -> dict[str, object]:
    return {
        "rows": {table: [dict(row) for row in rows] for table, rows in tables.rows.items()},
        "astdb": dict(tables.astdb),
    }


def _unpacked(kept: Mapping[str, object], like: Tables) -> Tables:
    rows, astdb = kept.get("rows"), kept.get("astdb")
    if not isinstance(rows, dict) or not isinstance(astdb, dict):
        raise Surprise("what was kept is not whole: nothing is put back")
    found: dict[str, tuple[Row, ...]] = {str(table): tuple(each) for table, each in rows.items()}
    return Tables(like.version, like.issabel, like.columns, found, astdb)


def _read_kept(path: Path, like: Tables) -> Tables | None:
    try:
        return _unpacked(json.loads(path.read_text(encoding="utf-8")), like)
    except (OSError, ValueError):
        return None
