"""Asterisk's extensions and trunks on the node that serves, read before an edit is planned, and before it is done."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING

import msgspec

from ccops.config import Secret
from ccops.links.errors import LinkError
from ccops.pair.model import Reading
from ccops.pbx import heard
from ccops.pbx.heard import Dialplan
from ccops.pbx.model import Tech
from ccops.text import clean, decode
from ccops.watch.configuration import cut_frames, source

if TYPE_CHECKING:
    from ccops.operations.hands import Hands

FOLDER = "/etc/asterisk"
_TIMEOUT_S = 60.0
_TECHS: tuple[Tech, ...] = ("sip", "pjsip")
_INCLUDE = re.compile(r"""\s*#\s*(?:try)?include\s*[ \t"<']\s*(?:/etc/asterisk/)?([\w.]+)[">']?\s*(?:;.*)?""")
_HEAD = re.compile(r"\s*\[([^\]]{1,80})\]")


class Exchange(msgspec.Struct, frozen=True):
    """What is there. `tech`: the driver that is edited, None where neither is loaded; `folder`: where FOLDER really is.

    `text` is ccops' own file (None: there is none), kept like a secret because it holds some; `digest` its MD5 on the
    node. `included`: the main file includes it, in a place where nothing else is drawn into it; None is not known.
    `peers`: names that Asterisk knows; `sections`: heads of the main file.
    """

    node: str
    tech: Tech | None
    folder: str
    version: str | None = None
    text: Secret | None = None
    digest: str = ""
    included: bool | None = None
    peers: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    dialplan: Dialplan | None = None

    @property
    def path(self) -> str:
        """ccops' own file."""
        return f"{FOLDER}/{self.tech or 'sip'}_ccops.conf"

    @property
    def main(self) -> str:
        """The file that must include it."""
        return f"{FOLDER}/{self.tech or 'sip'}.conf"


def digest_of(text: str) -> str:
    """The MD5 of a file with that text, as `md5sum` tells it: every node has that one. It guards against accidents."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


async def read_exchange(hands: Hands, node: str, taken_at: float) -> Reading[Exchange]:
    """Reads it; a Reading without a value says why."""
    try:
        done = await hands.run(node, ["/bin/sh", "-s"], timeout_s=_TIMEOUT_S, input=script().encode())
    except LinkError as error:
        return Reading(None, clean(str(error), 300), taken_at)
    frames = cut_frames(done.stdout)
    if not frames:
        said = clean(decode(done.stderr).strip(), 200)
        return Reading(None, f"Asterisk's files on {node} cannot be read{': ' if said else ''}{said}", taken_at)
    if frames.get("version.txt", ("", 1))[1] != 0:
        return Reading(None, f"Asterisk on {node} does not answer: {clean(frames['version.txt'][0], 200)}", taken_at)
    return Reading(parse_exchange(node, frames), None, taken_at)


def script() -> str:
    """The script as it is sent."""
    body = files("ccops.operations").joinpath("exchange.sh").read_text(encoding="utf-8").splitlines()
    lines = "".join(f"{line}\n" for line in body if not line.lstrip().startswith("#"))
    return f"FOLDER={shlex.quote(FOLDER)}\n{source('files.sh')}{lines}"


def parse_exchange(node: str, frames: Mapping[str, tuple[str, int]]) -> Exchange:
    """The script's frames as values; whatever they hold gives an Exchange."""

    def text(name: str) -> str | None:
        found, code = frames.get(name, ("", 1))
        return found if code == 0 else None

    loaded = [tech for tech in _TECHS if f"chan_{tech}.so" in (text(f"{tech}.module.txt") or "")]
    included = {tech: _included(text(f"{tech}.skeleton.txt"), f"{tech}_ccops.conf") for tech in _TECHS}
    tech = next((tech for tech in loaded if included[tech]), loaded[0] if loaded else None)
    shown, owned = text("dialplan.txt"), text(f"{tech}.owned.txt")
    return Exchange(
        node,
        tech,
        clean((text("folder.txt") or "").strip(), 200),
        heard.version(text("version.txt") or ""),
        # The dot that the script adds keeps the newlines at its end.
        None if owned is None else Secret(owned.rstrip("\n").removesuffix(".")),
        clean((text(f"{tech}.digest.txt") or "").strip(), 40),
        included[tech] if tech else None,
        heard.peers(text(f"{tech}.peers.txt") or "", tech) if tech else (),
        _heads(text(f"{tech}.skeleton.txt") or ""),
        heard.queues(text("queues.txt") or ""),
        heard.dialplan(shown) if shown else None,
    )


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
