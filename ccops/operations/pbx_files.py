"""Extensions and trunks in the files of Asterisk that ccops owns: read, and replaced whole, seen, or put back.

The files' contents go through standard input and are in no log; what is said of them is their MD5. A file that somebody
else has changed meanwhile is never overwritten, neither by an edit nor by its inverse.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from ccops.config import Secret
from ccops.links.errors import LinkError
from ccops.operations import pbx_seen
from ccops.operations.exchange import TECHS, Changes, Exchange, digest_of, joined
from ccops.operations.files import write_private
from ccops.operations.plan import Argv, Check, Surprise
from ccops.operations.scene import Scene, serves
from ccops.pbx.model import DRIVERS, LABELS, Entry, Tech, key_of, kind_of
from ccops.pbx.owned import NotOwned, OwnedFile, parse
from ccops.pbx.rules import shown
from ccops.pbx.spelling import unspelt
from ccops.text import clean, decode

if TYPE_CHECKING:
    from ccops.operations.bench import Bench

FOLDER = "/etc/asterisk"
_COMMAND_S = 30.0
STEMS: Mapping[Tech, str] = {"sip": "sip", "pjsip": "pjsip", "iax2": "iax"}

RELOADS: Mapping[Tech, tuple[Argv, ...]] = {
    "sip": (("asterisk", "-rx", "sip reload"),),
    "pjsip": tuple(
        ("asterisk", "-rx", f"module reload {module}.so")
        for module in ("res_pjsip", "res_pjsip_endpoint_identifier_ip", "res_pjsip_outbound_registration")
    ),
    "iax2": (("asterisk", "-rx", "iax2 reload"),),
}
"""What makes Asterisk read its files again; `pjsip reload` is an alias that not every server has."""


class Owned(msgspec.Struct, frozen=True):
    """ccops' own file of one driver. `text` (None: there is none) is kept like a secret because it holds some.

    `digest`: its MD5 on the node; `included`: the main file includes it, in a place where nothing else is drawn into
    it, None is not known; `sections`: heads of the main file.
    """

    tech: Tech
    text: Secret | None = None
    digest: str = ""
    included: bool | None = None
    sections: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Where it is."""
        return f"{FOLDER}/{STEMS[self.tech]}_ccops.conf"

    @property
    def main(self) -> str:
        """The file that must include it."""
        return f"{FOLDER}/{STEMS[self.tech]}.conf"

    @property
    def file(self) -> OwnedFile:
        """What is in it. Raises NotOwned."""
        return parse(self.text.reveal() if self.text else "", self.tech)


class FilesExchange(Exchange, frozen=True):
    """Those of ccops' own files. `folder`: where FOLDER really is; `owned`: a file of each driver that is loaded."""

    folder: str = ""
    owned: tuple[Owned, ...] = ()

    @property
    def backend(self) -> str:
        return "Asterisk files"

    @property
    def where(self) -> str:
        there = [each.path for each in self.owned if each.text is not None]
        return ", ".join(there) or self.of(self.tech).path

    @property
    def digest(self) -> str:
        return "+".join(each.digest for each in self.owned if each.text is not None)

    def of(self, tech: Tech) -> Owned:
        """That driver's file."""
        return next((each for each in self.owned if each.tech == tech), Owned(tech))

    def grounds(self, scene: Scene, techs: Sequence[Tech]) -> Iterator[Check]:
        mount = scene.pair.layout.mount.rstrip("/")
        yield Check(
            f"{FOLDER} lies on the volume, so that the other node has it too",
            f"{self.folder}/".startswith(f"{mount}/"),
            f"it is {self.folder or 'not known'}",
            f"move it below {mount} and put a link in its place, on both nodes",
            lasting=True,
        )
        for tech in techs:
            yield from self._grounds_of(self.of(tech))

    def _grounds_of(self, owned: Owned) -> Iterator[Check]:
        yield Check(
            f"{DRIVERS[owned.tech]} is loaded",
            owned.tech in self.asterisk.loaded,
            "it is not",
            "`asterisk -rx 'module show like chan_'` shows which are: name one of them as the driver",
            lasting=True,
        )
        make = f"install -m 0640 -o asterisk -g asterisk /dev/null {owned.path}"
        # A blank line first: the file may end without a newline.
        include = f"printf '\\n#include {owned.path.rpartition('/')[2]}\\n' >> {owned.main}"
        yield Check(
            f"there is a file of ccops' own, {owned.path}",
            owned.text is not None,
            "there is none",
            f"once, on {self.node}: {make} && {include}",
            lasting=True,
        )
        if owned.text is not None:
            unlike = "its instructions could not be read" if owned.included is None else "it does not"
            yield Check(
                f"{owned.main} includes it, at its end or before a section",
                owned.included,
                f"{unlike}, or other keys follow it",
                f"once, on {self.node}: {include}",
                lasting=True,
            )

    def checks(self, changes: Changes) -> Iterator[Check]:
        for _, new in changes:
            for field, only in unspelt(kind_of(new), new.tech).items() if new is not None else ():
                if (value := getattr(new, field)) not in (only, ""):
                    assert new is not None
                    yield Check(
                        f"{key_of(new)}: {LABELS[field]} is {shown(only)} with {DRIVERS[new.tech]}",
                        False,
                        shown(value),
                        "its sections have no key for another: leave it out"
                        if field != "register"
                        else "it registers by a line `register =>` of [general] alone: write that by hand",
                    )

    def drawn(self, changes: Changes) -> FilesWork:
        after = {each.tech: each.file for each in self.owned}
        version = self.asterisk.version
        touched: list[Tech] = []
        for old, new in joined(changes):
            tech = (new or old).tech  # type: ignore[union-attr]
            file = after.get(tech, OwnedFile(tech))
            if old is None and new is not None:
                file = file.added(new, version)
            elif old is not None and new is None:
                file = file.deleted(kind_of(old), key_of(old))
            elif old is not None and new is not None:
                file = file.edited(kind_of(old), key_of(old), new, version)
            after[tech] = file
            if tech not in touched:
                touched.append(tech)
        parts = []
        for tech in touched:
            owned = self.of(tech)
            parts.append(Change(self.node, tech, owned.path, owned.text or Secret(""), Secret(after[tech].text)))
        return FilesWork(self.node, tuple(parts), tuple(changes))


class Change(msgspec.Struct, frozen=True):
    """A file that becomes another one. Both texts hold secrets, so they print as `***`."""

    node: str
    tech: Tech
    path: str
    before: Secret
    after: Secret

    @property
    def files(self) -> tuple[OwnedFile, OwnedFile]:
        """Before and after."""
        return parse(self.before.reveal(), self.tech), parse(self.after.reveal(), self.tech)

    @property
    def backwards(self) -> Change:
        """Its inverse."""
        return replace(self, before=self.after, after=self.before)


class FilesWork(msgspec.Struct, frozen=True):
    """The edit of one or more of the files. Implements `ccops.operations.exchange.Work`."""

    node: str
    parts: tuple[Change, ...]
    changes: tuple[tuple[Entry | None, Entry | None], ...]

    @property
    def place(self) -> str:
        """The files."""
        return " and ".join(part.path for part in self.parts) or "no file"

    @property
    def purpose(self) -> str:
        """What happens."""
        drivers = " and ".join(DRIVERS[part.tech] for part in self.parts)
        return f"{self.place} on {self.node} is written anew, and Asterisk's {drivers} reads it again."

    @property
    def changes_nothing(self) -> bool:
        """Whether all stay as they are."""
        return all(part.before == part.after for part in self.parts)

    @property
    def aside(self) -> tuple[str, ...]:
        """What a file cannot do."""
        if any(old is None and new is not None and kind_of(new) == "extension" for old, new in self.changes):
            return ("the dialplan is not changed: a new number rings where a pattern or line of it dials it",)
        return ()

    @property
    def statements(self) -> tuple[str, ...]:
        """The lines of the files that go and come."""
        lines: list[str] = []
        for part in self.parts:
            lines.append(f"{part.path} on {self.node}:")
            lines += _line_diff(part.before.reveal(), part.after.reveal())
            lines += [" ".join([*argv[:2], shlex.quote(argv[2])]) for argv in RELOADS[part.tech]]
        return tuple(lines)

    async def keep(self, bench: Bench) -> str:
        """Writes what was there, and the MD5 of what comes."""
        folder = bench.folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for part in self.parts:
            name = Path(part.path).name
            write_private(folder / f"{name}.before", part.before.reveal())
            write_private(folder / f"{name}.after.md5", digest_of(part.after.reveal()))
        return ", ".join(f"{folder / Path(part.path).name}.before" for part in self.parts)

    async def apply(self, bench: Bench) -> str:
        """Puts them there and sees them in Asterisk; whatever fails, what was there before is put back and seen."""
        for part in self.parts:
            try:
                _ = part.files
            except NotOwned as error:
                raise Surprise(f"what would be written is not whole: {error}", _NOTHING, undone=True) from None
        if serves(bench.eyes.look(), self.node) is not True:
            raise Surprise(f"{self.node} is not seen to serve any more: nothing was written", _NOTHING, undone=True)
        done: list[Change] = []
        for part in self.parts:
            try:
                await _put_once(bench, part)
            except Surprise as error:
                if not done:
                    raise
                await _take_back(bench, self.node, done, self.changes, str(error))
            done.append(part)
        try:
            for part in self.parts:
                await _reload(bench, part)
            return await pbx_seen.see(bench, self.node, self.changes)
        except (Surprise, LinkError) as error:
            await _take_back(bench, self.node, done, self.changes, str(error))
        raise AssertionError("unreachable")  # pragma: no cover

    async def put_back(self, bench: Bench) -> str:
        """By what `keep` wrote. Raises Surprise where a file is a third one, neither the former nor the new."""
        kept = [tech for tech in TECHS if (bench.folder / f"{STEMS[tech]}_ccops.conf.after.md5").exists()]
        if not kept:
            raise Surprise(f"what was there before is not kept in {bench.folder}: nothing is put back")
        return "; ".join([await _restored(bench, self.node, tech, Owned(tech).path) for tech in kept])


_NOTHING = "nothing was changed: look at `ccops triage`, and ask for it again"


async def _restored(bench: Bench, node: str, tech: Tech, path: str) -> str:
    name = Path(path).name
    try:
        before = (bench.folder / f"{name}.before").read_text(encoding="utf-8")
        meant = (bench.folder / f"{name}.after.md5").read_text(encoding="utf-8")
    except OSError as error:
        raise Surprise(f"what was there before is not kept ({error.strerror}): nothing is put back") from None
    now = await _contents(bench, node, path)
    if digest_of(now) not in (digest_of(before), meant):
        raise Surprise(f"{path} was changed by somebody since: nothing is put back; the former one is {bench.folder}")
    change = Change(node, tech, path, Secret(now), Secret(before))
    if now != before:
        await _put(bench, change)
    await _reload(bench, change)
    await pbx_seen.see(bench, node, _told_by(change))
    return f"{path} is as it was before" if now != before else f"{path} was never changed"


def _told_by(change: Change) -> list[tuple[Entry | None, Entry | None]]:
    """The changes that two texts tell."""
    old, new = ({key_of(entry): entry for entry in file.entries} for file in change.files)
    return [(old.get(key), new.get(key)) for key in {**old, **new} if old.get(key) != new.get(key)]


async def _put_once(bench: Bench, change: Change) -> None:
    """Where its answer is lost, what became of it is read; where it cannot be told, the person is told so."""
    before, after = digest_of(change.before.reveal()), digest_of(change.after.reveal())
    try:
        await _put(bench, change)
        return
    except Surprise as error:
        raise Surprise(str(error), _NOTHING, undone=True) from None
    except LinkError as error:
        bench.note(f"no answer to it ({error}): what became of it is read")
        why = str(error)
    now = digest_of(await _contents(bench, change.node, change.path))
    if now == before:
        raise Surprise(f"{why}; nothing was written", _NOTHING, undone=True)
    if now != after:
        raise Surprise(f"{why}; {change.path} is a third one now", "look at it, and at who else edits it")


async def _put(bench: Bench, change: Change) -> None:
    text = change.after.reveal()
    was, new = digest_of(change.before.reveal()), digest_of(text)
    bench.note(f"writes {change.path} on {change.node}: {len(text.encode())} bytes, MD5 {new} instead of {was}")
    argv = ["/bin/sh", "-c", put_script(), "ccops", change.path, was, new]
    done = await bench.hands.run(change.node, argv, timeout_s=_COMMAND_S, input=text.encode())
    if done.exit_status != 0:
        said = clean(decode(done.stderr).strip(), 200) or f"exit {done.exit_status}"
        raise Surprise(f"{change.path} was not written: {said}")


async def _take_back(bench: Bench, node: str, done: Sequence[Change], changes: Changes, why: str) -> None:
    """Raises Surprise in any case: what failed, and whether it could be taken back."""
    bench.note(f"{why}: what was there before is put back")
    try:
        for part in reversed(done):
            await _put(bench, part.backwards)
        for part in done:
            await _reload(bench, part)
        techs = {part.tech for part in done}
        mine = [pair for pair in changes if (pair[0] or pair[1]).tech in techs]  # type: ignore[union-attr]
        await pbx_seen.see(bench, node, pbx_seen.inverse(mine))
    except (Surprise, LinkError) as error:
        raise Surprise(
            f"{why}; and what was there before is not seen to be back: {error}",
            f"`ccops resume --undo` puts it back; the former file is kept in {bench.folder}",
        ) from None
    raise Surprise(
        f"{why}; so what was there before was put back, and is seen in Asterisk",
        "nothing is left of it: mend what it says, and ask for it again",
        undone=True,
    ) from None


async def _reload(bench: Bench, change: Change) -> None:
    for argv in RELOADS[change.tech]:
        await pbx_seen.run(bench, change.node, argv)


async def _contents(bench: Bench, node: str, path: str) -> str:
    """ccops' own file as it is now; it holds secrets, so that it is in no log."""
    done = await bench.hands.run(node, ["cat", path], timeout_s=_COMMAND_S)
    if done.exit_status != 0:
        raise Surprise(f"{path} cannot be read: {clean(decode(done.stderr).strip(), 200)}")
    try:
        text = decode(done.stdout)
        parse(text, "sip")
    except NotOwned as error:
        raise Surprise(f"{path} is not as ccops wrote it: {error}") from None
    return text


def put_script() -> str:
    """What puts a file in its place."""
    lines = files("ccops.operations").joinpath("owned_file.sh").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("#"))


def _line_diff(before: str, after: str) -> list[str]:
    """The lines that go and come, secrets cut."""
    import difflib

    lines = difflib.ndiff(_plain(before), _plain(after))
    return [line for line in lines if line.startswith(("+ ", "- "))]


def _plain(text: str) -> list[str]:
    return [
        re.sub(r"(?i)^((?:;off )?\s*(?:secret|password|md5secret|auth)\s*=>?).*", r"\1***", line)
        for line in text.split("\n")
    ]
