"""Seeing in Asterisk what an edit was to bring about, whichever back end wrote it: asked until it shows, or is late."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ccops.operations.exchange import TECHS, Spoken
from ccops.operations.plan import Argv, Condition, Look, Surprise
from ccops.operations.scene import serves
from ccops.pbx import heard
from ccops.pbx.model import Entry, Tech, key_of
from ccops.text import clean, decode

if TYPE_CHECKING:
    from ccops.operations.bench import Bench
    from ccops.operations.exchange import Changes
    from ccops.operations.hands import Hands

COMMAND_S = 30.0
_SEEN_WITHIN_S = 15.0
_LOOK_EVERY_S = 0.5
# So many are looked at one by one; of a longer sheet the rest by the list of names.
_ONE_BY_ONE = 20
# Where a list of names is cut.
_WIDTHS: Mapping[Tech, int] = {"sip": 25, "pjsip": 80, "iax2": 15}

SHOW_ONE: Mapping[Tech, str] = {"sip": "sip show peer", "pjsip": "pjsip show endpoint", "iax2": "iax2 show peer"}
SHOW_ALL: Mapping[Tech, str] = {"sip": "sip show peers", "pjsip": "pjsip show endpoints", "iax2": "iax2 show peers"}

Wanted = tuple[Tech, str, Entry | None]


def expected(changes: Changes) -> tuple[Wanted, ...]:
    """What must be seen differently: each that was added, changed or deleted; None where it must not be known."""
    found: dict[tuple[Tech, str], Entry | None] = {}
    for before, after in changes:
        if before is not None and (after is None or key_of(after) != key_of(before)):
            found.setdefault((before.tech, key_of(before)), None)
        if after is not None:
            found[after.tech, key_of(after)] = None if after.disabled else after
    return tuple((tech, key, entry) for (tech, key), entry in found.items())


def inverse(changes: Changes) -> tuple[tuple[Entry | None, Entry | None], ...]:
    """The changes that take them back."""
    return tuple((after, before) for before, after in changes)


async def listen(hands: Hands, node: str) -> Spoken | str:
    """What Asterisk's console says there, or why it says nothing. Raises LinkError."""

    async def told(command: str) -> str | None:
        done = await hands.run(node, ["asterisk", "-rx", command], timeout_s=COMMAND_S)
        return decode(done.stdout) if done.exit_status == 0 else None

    version = await told("core show version")
    if version is None:
        return f"Asterisk on {node} does not answer: `asterisk -rx 'core show version'` fails"
    loaded = tuple(
        [tech for tech in TECHS if f"chan_{tech}.so" in (await told(f"module show like chan_{tech}.so") or "")]
    )
    peers = {tech: heard.peers(await told(SHOW_ALL[tech]) or "", tech) for tech in loaded}
    plan = await told("dialplan show")
    queues = heard.queues(await told("queue show") or "")
    return Spoken(heard.version(version), loaded, peers, queues, heard.dialplan(plan) if plan else None)


async def see(bench: Bench, node: str, changes: Changes) -> str:
    """Waits until Asterisk shows all of it; says what. Raises Surprise where it does not."""
    wanted = expected(changes)
    loop = asyncio.get_running_loop()
    until = loop.time() + _SEEN_WITHIN_S
    for tech, key, entry in wanted[:_ONE_BY_ONE]:
        while (why := await _differs(bench, node, tech, key, entry)) is not None:
            if loop.time() > until:
                raise Surprise(f"it was written and reloaded, but it is not seen: {why}")
            await asyncio.sleep(_LOOK_EVERY_S)
    if wanted[_ONE_BY_ONE:]:
        await _see_names(bench, node, wanted)
    return f"seen in Asterisk: {', '.join(key for _, key, _ in wanted)}" if wanted else "nothing had to be seen"


async def _differs(bench: Bench, node: str, tech: Tech, key: str, entry: Entry | None) -> str | None:
    done = await bench.send(node, ("asterisk", "-rx", f"{SHOW_ONE[tech]} {key}"), COMMAND_S)
    said = heard.told(decode(done.stdout), tech)
    if entry is not None:
        return heard.differs(entry, said, tech)
    name = said.get("name") or said.get("endpoint", "").split(" ")[0].split("/")[0]
    return f"Asterisk still knows {key}" if name == key else None


async def _see_names(bench: Bench, node: str, wanted: Sequence[Wanted]) -> None:
    missing: list[str] = []
    for tech in dict.fromkeys(tech for tech, _, _ in wanted):
        done = await bench.send(node, ("asterisk", "-rx", SHOW_ALL[tech]), COMMAND_S)
        width = _WIDTHS[tech]
        there = {name[:width] for name in heard.peers(decode(done.stdout), tech)}
        mine = [(key, entry) for each, key, entry in wanted if each == tech]
        missing += [key for key, entry in mine if (entry is not None) is not (key[:width] in there)]
    if missing:
        raise Surprise(f"it was written and reloaded, but {len(missing)} are not seen so: {', '.join(missing[:5])}")


async def run(bench: Bench, node: str, argv: Argv, limit_s: float = COMMAND_S) -> str:
    """One command that must succeed; what it printed."""
    done = await bench.send(node, argv, limit_s)
    if done.exit_status != 0:
        said = clean(decode(done.stderr or done.stdout).strip(), 200)
        raise Surprise(f"`{' '.join(argv)}` failed: {said or f'exit {done.exit_status}'}")
    return decode(done.stdout)


def still(node: str) -> Condition:
    """That it serves."""

    def holds(look: Look) -> bool | None:
        return serves(look, node)

    return Condition(f"{node} serves, and Asterisk answers", holds)
