"""Reading the files of Asterisk that ccops owns, and what an edit of them must know: one script, one answer."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING

from ccops.config import Secret
from ccops.links.errors import LinkError
from ccops.operations.exchange import TECHS, Exchange, Spoken, digest_of
from ccops.operations.pbx_files import FOLDER, STEMS, FilesExchange, Owned
from ccops.pbx import heard
from ccops.pbx.model import Entry, Tech
from ccops.pbx.owned import NotOwned
from ccops.text import clean, decode
from ccops.watch.configuration import cut_frames, source

if TYPE_CHECKING:
    from ccops.operations.hands import Hands

_TIMEOUT_S = 60.0
_INCLUDE = re.compile(r"""\s*#\s*(?:try)?include\s*[ \t"<']\s*(?:/etc/asterisk/)?([\w.]+)[">']?\s*(?:;.*)?""")
_HEAD = re.compile(r"\s*\[([^\]]{1,80})\]")


async def read(hands: Hands, node: str) -> Exchange | str:
    """What is there, or why it could not be read."""
    try:
        done = await hands.run(node, ["/bin/sh", "-s"], timeout_s=_TIMEOUT_S, input=script().encode())
    except LinkError as error:
        return clean(str(error), 300)
    frames = cut_frames(done.stdout)
    if not frames:
        said = clean(decode(done.stderr).strip(), 200)
        return f"Asterisk's files on {node} cannot be read{': ' if said else ''}{said}"
    said, code = frames.get("version.txt", ("", 1))
    if code != 0:
        return f"Asterisk on {node} does not answer: {clean(said, 200)}"
    return parse_exchange(node, frames)


def script() -> str:
    """The script as it is sent."""
    body = files("ccops.operations").joinpath("exchange.sh").read_text(encoding="utf-8").splitlines()
    lines = "".join(f"{line}\n" for line in body if not line.lstrip().startswith("#"))
    return f"FOLDER={shlex.quote(FOLDER)}\n{source('files.sh')}{lines}"


def parse_exchange(node: str, frames: Mapping[str, tuple[str, int]]) -> FilesExchange | str:
    """The script's frames as values, or why they are none: no driver, or a file that ccops did not write."""

    def text(name: str) -> str | None:
        found, code = frames.get(name, ("", 1))
        return found if code == 0 else None

    loaded = tuple(tech for tech in TECHS if f"chan_{tech}.so" in (text(f"{tech}.module.txt") or ""))
    if not loaded:
        return (
            f"Asterisk on {node} has none of chan_sip, chan_pjsip and chan_iax2 loaded: "
            "`asterisk -rx 'module show like chan_'` shows what it has"
        )
    owned = tuple(_owned(tech, text) for tech in loaded)
    entries: list[Entry] = []
    for each in owned:
        why, found = _understood(each)
        if why is not None:
            return f"{each.path} on {node} is not as ccops wrote it: {why}"
        entries += found
    shown_plan = text("dialplan.txt")
    return FilesExchange(
        node,
        next((each.tech for each in owned if each.included), loaded[0]),
        tuple(entries),
        Spoken(
            heard.version(text("version.txt") or ""),
            loaded,
            {tech: heard.peers(text(f"{tech}.peers.txt") or "", tech) for tech in loaded},
            heard.queues(text("queues.txt") or ""),
            heard.dialplan(shown_plan) if shown_plan else None,
        ),
        {name: "a section of the main file" for each in owned for name in each.sections},
        folder=clean((text("folder.txt") or "").strip(), 200),
        owned=owned,
    )


def _owned(tech: Tech, text: object) -> Owned:
    assert callable(text)
    found = text(f"{tech}.owned.txt")
    skeleton = text(f"{tech}.skeleton.txt")
    return Owned(
        tech,
        # The dot that the script adds keeps the newlines at its end.
        None if found is None else Secret(found.rstrip("\n").removesuffix(".")),
        clean((text(f"{tech}.digest.txt") or "").strip(), 40),
        _included(skeleton, f"{STEMS[tech]}_ccops.conf"),
        _heads(skeleton or ""),
    )


def _understood(owned: Owned) -> tuple[str | None, tuple[Entry, ...]]:
    """Why it is not ccops' own, and what is in it."""
    if owned.text is None:
        return None, ()
    if digest_of(owned.text.reveal()) != owned.digest:
        return "it has bytes that are no UTF-8 text, or it changes right now", ()
    try:
        return None, owned.file.entries
    except NotOwned as error:
        return str(error), ()


def _included(skeleton: str | None, name: str) -> bool | None:
    """Whether a main file includes it. What follows the line in the same section would belong to ccops' last one."""
    if not skeleton:
        return None
    lines = skeleton.split("\n")
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        match = _INCLUDE.fullmatch(line)
        if match is not None and match[1] == name:
            return after != "="
    return False


def _heads(skeleton: str) -> tuple[str, ...]:
    return tuple(clean(m[1], 80) for line in skeleton.split("\n") if (m := _HEAD.match(line)))
