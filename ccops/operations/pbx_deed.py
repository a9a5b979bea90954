"""The deeds of an edit: keep what was there, write the new file, reload, and see it in Asterisk, or put it back.

The file's contents go through standard input and are in no log; what is said of them is their MD5. A file that somebody
else has changed meanwhile is never overwritten, neither by an edit nor by its inverse.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ccops.config import Secret
from ccops.links.errors import LinkError
from ccops.operations.exchange import digest_of
from ccops.operations.plan import Argv, Surprise
from ccops.operations.scene import serves
from ccops.pbx import heard
from ccops.pbx.model import Entry, Kind, Tech, key_of, kind_of
from ccops.pbx.owned import NotOwned, OwnedFile, parse
from ccops.text import clean, decode

if TYPE_CHECKING:
    from ccops.operations.bench import Bench

_COMMAND_S = 30.0
_SEEN_WITHIN_S = 15.0
_LOOK_EVERY_S = 0.5
# So many are looked at one by one; of a longer sheet the rest by the list of names.
_ONE_BY_ONE = 20

RELOADS: Mapping[Tech, tuple[Argv, ...]] = {
    "sip": (("asterisk", "-rx", "sip reload"),),
    "pjsip": tuple(
        ("asterisk", "-rx", f"module reload {module}.so")
        for module in ("res_pjsip", "res_pjsip_endpoint_identifier_ip", "res_pjsip_outbound_registration")
    ),
}
"""What makes Asterisk read its files again; `pjsip reload` is an alias that not every server has."""


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


async def keep(bench: Bench, change: Change) -> str:
    """Writes what was there, and the MD5 of what comes, below `bench.folder` on this host; says where."""
    folder, name = bench.folder, Path(change.path).name
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(folder / f"{name}.before", change.before.reveal())
    _write(folder / f"{name}.after.md5", digest_of(change.after.reveal()))
    return f"{folder / name}.before"


async def apply(bench: Bench, change: Change) -> str:
    """Puts it there and sees it in Asterisk; whatever fails, what was there before is put back and seen, and said."""
    before, after = change.before.reveal(), change.after.reveal()
    try:
        old, new = change.files
    except NotOwned as error:
        raise Surprise(f"what would be written is not whole: {error}", _NOTHING, undone=True) from None
    if serves(bench.eyes.look(), change.node) is not True:
        raise Surprise(f"{change.node} is not seen to serve any more: nothing was written", _NOTHING, undone=True)
    await _put_once(bench, change, before, after)
    try:
        await _reload(bench, change)
        await _see(bench, change, old, new)
    except (Surprise, LinkError) as error:
        await _take_back(bench, change, str(error))
    wanted = _expected(old, new)
    return f"seen in Asterisk: {', '.join(key for _, key, _ in wanted)}" if wanted else "nothing had to be seen"


async def put_back(bench: Bench, node: str, tech: Tech, path: str) -> str:
    """The inverse of an edit that was interrupted, by what `keep` wrote. Raises Surprise where it is a third one."""
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
        await _put(bench, change, now, before)
    await _reload(bench, change)
    await _see(bench, change, *change.files)
    return f"{path} is as it was before" if now != before else f"{path} was never changed"


_NOTHING = "nothing was changed: look at `ccops triage`, and ask for it again"


async def _put_once(bench: Bench, change: Change, before: str, after: str) -> None:
    """Where its answer is lost, what became of it is read; where it cannot be told, the person is told so."""
    try:
        await _put(bench, change, before, after)
        return
    except Surprise as error:
        raise Surprise(str(error), _NOTHING, undone=True) from None
    except LinkError as error:
        bench.note(f"no answer to it ({error}): what became of it is read")
        why = str(error)
    now = digest_of(await _contents(bench, change.node, change.path))
    if now == digest_of(before):
        raise Surprise(f"{why}; nothing was written", _NOTHING, undone=True)
    if now != digest_of(after):
        raise Surprise(f"{why}; {change.path} is a third one now", "look at it, and at who else edits it")


async def _put(bench: Bench, change: Change, before: str, after: str) -> None:
    was, new = digest_of(before), digest_of(after)
    bench.note(f"writes {change.path} on {change.node}: {len(after.encode())} bytes, MD5 {new} instead of {was}")
    argv = ["/bin/sh", "-c", script(), "ccops", change.path, was, new]
    done = await bench.hands.run(change.node, argv, timeout_s=_COMMAND_S, input=after.encode())
    if done.exit_status != 0:
        said = clean(decode(done.stderr).strip(), 200) or f"exit {done.exit_status}"
        raise Surprise(f"{change.path} was not written: {said}")


async def _take_back(bench: Bench, change: Change, why: str) -> None:
    """Raises Surprise in any case: what failed, and whether it could be taken back."""
    bench.note(f"{why}: what was there before is put back")
    inverse = Change(change.node, change.tech, change.path, change.after, change.before)
    try:
        await _put(bench, inverse, change.after.reveal(), change.before.reveal())
        await _reload(bench, inverse)
        await _see(bench, inverse, *inverse.files)
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
        done = await bench.send(change.node, argv, _COMMAND_S)
        if done.exit_status != 0:
            said = clean(decode(done.stderr or done.stdout).strip(), 200)
            raise Surprise(f"`asterisk -rx '{argv[2]}'` failed: {said or f'exit {done.exit_status}'}")


Wanted = tuple[Kind, str, Entry | None]


def _expected(before: OwnedFile, after: OwnedFile) -> tuple[Wanted, ...]:
    """What must be seen differently: each that was added, changed or deleted; None where it must not be known."""
    old = {key_of(entry): entry for entry in before.entries}
    new = {key_of(entry): entry for entry in after.entries}
    changed = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    found: list[Wanted] = []
    for key in changed:
        entry = new.get(key)
        some = entry or old[key]
        found.append((kind_of(some), key, None if entry is None or entry.disabled else entry))
    return tuple(found)


async def _see(bench: Bench, change: Change, before: OwnedFile, after: OwnedFile) -> None:
    wanted = _expected(before, after)
    loop = asyncio.get_running_loop()
    until = loop.time() + _SEEN_WITHIN_S
    for _, key, entry in wanted[:_ONE_BY_ONE]:
        while (why := await _differs(bench, change, key, entry)) is not None:
            if loop.time() > until:
                raise Surprise(f"it was written and reloaded, but it is not seen: {why}")
            await asyncio.sleep(_LOOK_EVERY_S)
    if wanted[_ONE_BY_ONE:]:
        await _see_names(bench, change, wanted)


async def _differs(bench: Bench, change: Change, key: str, entry: Entry | None) -> str | None:
    what = f"sip show peer {key}" if change.tech == "sip" else f"pjsip show endpoint {key}"
    done = await bench.send(change.node, ("asterisk", "-rx", what), _COMMAND_S)
    said = heard.told(decode(done.stdout), change.tech)
    if entry is not None:
        return heard.differs(entry, said, change.tech)
    name = said.get("name") or said.get("endpoint", "").split(" ")[0].split("/")[0]
    return f"Asterisk still knows {key}" if name == key else None


async def _see_names(bench: Bench, change: Change, wanted: Sequence[Wanted]) -> None:
    what = "sip show peers" if change.tech == "sip" else "pjsip show endpoints"
    done = await bench.send(change.node, ("asterisk", "-rx", what), _COMMAND_S)
    there = {name[:25] for name in heard.peers(decode(done.stdout), change.tech)}
    missing = [key for _, key, entry in wanted if (entry is not None) is not (key[:25] in there)]
    if missing:
        raise Surprise(f"it was written and reloaded, but {len(missing)} are not seen so: {', '.join(missing[:5])}")


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


def script() -> str:
    """What puts a file in its place."""
    lines = files("ccops.operations").joinpath("owned_file.sh").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("#"))


def _write(path: Path, text: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
