"""Asterisk's own database (astdb) on the node that serves: read by its console, written by its manager or console.

The manager is asked first, because it takes a value as it is: no shell and no console splits it into words. Where its
user may not (`write = system`), where Asterisk is too old to have the action (DBDel came with 1.6, DBPut takes no empty
value in 1.4), or where it cannot be reached, the console does it, with the value in quotes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ccops.links.errors import LinkError
from ccops.operations.plan import Surprise
from ccops.pbx import heard
from ccops.pbx.freepbx_rows import ASTDB, KeyChange
from ccops.text import clean, decode

if TYPE_CHECKING:
    from ccops.operations.bench import Bench
    from ccops.operations.hands import Hands

_LIMIT_S = 30.0


async def read(hands: Hands, node: str) -> dict[str, str]:
    """All of the families that extensions have something in, by path. Raises LinkError, Surprise."""
    found: dict[str, str] = {}
    for family in ASTDB:
        done = await hands.run(node, ["asterisk", "-rx", f"database show {family}"], timeout_s=_LIMIT_S)
        if done.exit_status != 0:
            said = clean(decode(done.stderr or done.stdout).strip(), 200)
            raise Surprise(f"astdb on {node} cannot be read: {said or f'exit {done.exit_status}'}")
        found |= heard.astdb(decode(done.stdout))
    return {path: value for path, value in found.items() if path.split("/")[0] in ASTDB}


async def write(bench: Bench, node: str, changes: Sequence[KeyChange]) -> None:
    """Does all of them, one after the other. Raises Surprise, LinkError: those before were done."""
    for change in changes:
        family, _, key = change.path.partition("/")
        if not key or any(c.isspace() or not c.isprintable() for c in change.path) or '"' in change.path:
            raise Surprise(f"astdb has a path that cannot be written: {clean(change.path, 80)}")
        if not await _by_manager(bench, node, family, key, change.after):
            await _by_console(bench, node, family, key, change.after)


async def _by_manager(bench: Bench, node: str, family: str, key: str, value: str | None) -> bool:
    """Whether the manager has done it."""
    control = bench.control
    name = "DBDel" if value is None else "DBPut"
    if control is None or value == "" or bench.settings.ami is None:
        return False
    try:
        await control.open(node)
        if control.allowed is not None and name.lower() not in control.allowed:
            return False
        fields = {"Family": family, "Key": key, **({} if value is None else {"Val": value})}
        await control.send(node, name, fields)
    except LinkError as error:
        bench.note(f"{name} {family} {key}: {error}; Asterisk's console is told instead")
        return False
    bench.note(f"{name} {family} {key}")
    return True


async def _by_console(bench: Bench, node: str, family: str, key: str, value: str | None) -> None:
    command = f"database del {family} {key}"
    if value is not None:
        if not value.isprintable() and value:
            raise Surprise(f"astdb {family}/{key} has a value that cannot be written")
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        command = f'database put {family} {key} "{quoted}"'
    done = await bench.send(node, ("asterisk", "-rx", command), _LIMIT_S)
    said = decode(done.stdout)
    right = ("removed", "does not exist") if value is None else ("success",)
    if done.exit_status != 0 or not any(word in said for word in right):
        raise Surprise(f"`{command}` failed: {clean((said or decode(done.stderr)).strip(), 200)}")
