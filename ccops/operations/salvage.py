"""What only the victim of a split brain has, kept as files on this host before it is given up.

From its volume: queue_log, call detail records, recordings and voicemail that were written since the sides parted, as
`files.tar`; from its MySQL, where that runs: the rows of the interval as CSV, else its database files as they are. A
volume that is not mounted is promoted and mounted read-only for it, and put back as it was.
"""

from __future__ import annotations

import asyncio
import csv
import os
import re
import shlex
import shutil
import tarfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from ccops.config import MysqlSettings
from ccops.links.errors import LinkError
from ccops.operations.bench import Bench
from ccops.operations.plan import Condition, Look, Surprise
from ccops.operations.scene import is_primary, known
from ccops.pair import joined
from ccops.pair.drbdadm import Drbdadm
from ccops.pair.model import PairLayout
from ccops.text import clean, decode

_DAY_S = 86_400.0
_MOST_ROWS = 500_000
_IDLE_S = 120.0
_QUERY_S = 120.0
# Dates of these tables are in the server's zone, as FROM_UNIXTIME gives them.
_TABLES = {
    "call_center.call_entry": "datetime_entry_queue",
    "call_center.calls": "start_time",
    "call_center.audit": "datetime_init",
    "call_center.call_progress_log": "datetime_entry",
    "asteriskcdrdb.cdr": "calldate",
}


async def salvage(bench: Bench, node: str) -> str:
    """Saves it all below `bench.folder`; says where, and what. Raises Surprise where something cannot be saved."""
    snapshot = bench.eyes.now
    parted = snapshot.divergence.parted_at if snapshot.divergence else None
    skew = snapshot.pair.node(node).clock_skew_s or 0.0
    since = (parted if parted is not None else snapshot.at - _DAY_S) + skew
    folder = bench.folder / f"salvage-{node}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if parted is None:
        bench.note("when the sides parted is not known: what was written in the last 24 hours is saved")
    runs = _mysql_runs(bench, node)
    async with _mounted(bench, node):
        saved = [await _save_files(bench, node, since, folder, raw=not runs)]
    if runs and bench.settings.mysql is not None:
        saved += await _save_rows(bench, node, bench.settings.mysql, since, folder)
    elif runs:
        saved.append("no MySQL user is in the settings: its rows are not saved")
    text = "\n".join(
        [
            f"saved from {node} before its changes were given up",
            f"since {time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime(since))} by its own clock",
            *saved,
        ]
    )
    _write(folder / "README.txt", text + "\n")
    return f"{folder}: {'; '.join(saved)}"


def _mysql_runs(bench: Bench, node: str) -> bool:
    states = bench.eyes.now.pair.node(node).services.value or {}
    return any(state == "running" for name, state in states.items() if name.startswith(("mysql", "mariadb")))


@asynccontextmanager
async def _mounted(bench: Bench, node: str) -> AsyncIterator[None]:
    """The volume is mounted on that node while this is entered; afterwards it is as it was."""
    pair, layout = bench.eyes.now.pair, bench.layout
    if joined.has_mount(pair, node):
        yield
        return
    look = bench.eyes.look()
    was_primary = is_primary(look, node)
    drbdadm = Drbdadm(layout.resource, layout.minor, pair.node(node).versions.get("drbd"))
    bench.note(f"{layout.mount} is not mounted on {node}: it is mounted read-only to save from it")
    promoted = Condition(f"{node} is Primary", lambda look: is_primary(look, node))
    demoted = Condition(f"{node} is Secondary", lambda look: known(is_primary(look, node), lambda p: not p))
    unmounted = Condition(
        f"{layout.mount} is not mounted on {node}",
        lambda look: known(joined.has_mount(look.snapshot.pair, node), lambda m: not m),
    )
    try:
        if was_primary is not True:
            await _must(bench, node, drbdadm.primary(), promoted)
        mount = ("mount", "-o", "ro", layout.device, layout.mount)
        await _must(
            bench,
            node,
            mount,
            Condition(f"{layout.mount} is mounted", lambda look: joined.has_mount(look.snapshot.pair, node)),
        )
        yield
    finally:
        await _put_back(bench, node, drbdadm, unmounted, demoted, was_primary is not True)


async def _put_back(
    bench: Bench, node: str, drbdadm: Drbdadm, unmounted: Condition, demoted: Condition, demote: bool
) -> None:
    if unmounted.holds(Look(await bench.eyes.anew())) is not True:
        await _must(bench, node, ("umount", bench.layout.mount), unmounted)
    if demote:
        await _must(bench, node, drbdadm.secondary(), demoted)


async def _must(bench: Bench, node: str, argv: Sequence[str], seen: Condition) -> None:
    after = bench.clock()
    done = await bench.send(node, tuple(argv), 60.0)
    if done.exit_status != 0:
        said = clean(decode(done.stderr or done.stdout).strip(), 200)
        raise Surprise(f"`{' '.join(argv)}` on {node} failed: {said or f'exit {done.exit_status}'}")
    await bench.eyes.until(seen, limit_s=60.0, after=after, nodes=(node,))


# Files


async def _save_files(bench: Bench, node: str, since: float, folder: Path, raw: bool) -> str:
    count, kib = await _size(bench, node, since, raw)
    if count == 0:
        return "no files were written there since"
    free = shutil.disk_usage(folder).free // 1024
    if kib + 51_200 > free:
        raise Surprise(
            f"{kib // 1024} MiB are to be saved and {folder} has room for {free // 1024}",
            "make room there and `ccops resume`; nothing was given up yet",
        )
    bench.note(f"saving {count} files, {kib} KiB, from {node}")
    path = folder / "files.tar"
    connection = await bench.hands.reach(node)
    process = await connection.open_process(_command(bench, since, raw, only_size=False))
    file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
    try:
        while True:
            async with asyncio.timeout(_IDLE_S):
                data = await process.stdout.read()
            if not data:
                break
            file.write(data)
        file.flush()
        os.fsync(file.fileno())
        async with asyncio.timeout(_IDLE_S):
            code = await process.wait()
    except TimeoutError:
        raise Surprise(f"{node} stopped in the middle of what is saved from it") from None
    finally:
        file.close()
        process.close()
    try:
        with tarfile.open(path) as archive:
            names = archive.getnames()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise Surprise(f"what came from {node} is no whole archive ({error}; {process.describe_stderr()})") from None
    # tar ends with 1 where a file grew while it was read, as logs do.
    if code not in (0, 1) or len(names) < count:
        raise Surprise(f"only {len(names)} of {count} files came from {node}: {process.describe_stderr()}")
    return f"files.tar ({len(names)} files, {path.stat().st_size // 1024} KiB{', MySQL as files' if raw else ''})"


async def _size(bench: Bench, node: str, since: float, raw: bool) -> tuple[int, int]:
    connection = await bench.hands.reach(node)
    process = await connection.open_process(_command(bench, since, raw, only_size=True))
    try:
        async with asyncio.timeout(_IDLE_S):
            output, _ = await process.communicate(None, "salvage")
            await process.wait()
    except TimeoutError:
        raise Surprise(f"{node} did not tell how much there is to save") from None
    finally:
        process.close()
    found = re.search(rb"^(\d+) (\d+)\s*$", output, re.M)
    if found is None:
        raise Surprise(f"{node} did not tell how much there is to save: {process.describe_stderr()}")
    return int(found[1]), int(found[2])


def _command(bench: Bench, since: float, raw: bool, only_size: bool) -> str:
    text = script(bench.layout, since, raw=raw, only_size=only_size)
    return " ".join(bench.hands.spelt(["/bin/sh", "-c", shlex.quote(text)]))


def script(layout: PairLayout, since: float, *, raw: bool, only_size: bool) -> str:
    """What runs on the victim: `since` by its own clock; `raw`: MySQL's files too; `only_size`: count and KiB alone."""
    settings = {"MOUNT": layout.mount, "SINCE": str(int(since)), "RAW": str(int(raw)), "LIST": str(int(only_size))}
    body = files("ccops.operations").joinpath("salvage.sh").read_text(encoding="utf-8")
    lines = [f"{key}={shlex.quote(value)}" for key, value in settings.items()]
    lines += [line for line in body.splitlines() if not line.lstrip().startswith("#")]
    return "\n".join(lines)


# Rows


async def _save_rows(bench: Bench, node: str, settings: MysqlSettings, since: float, folder: Path) -> list[str]:
    async def dial() -> Path | tuple[str, int]:
        connection = await bench.hands.reach(node)
        if settings.socket:
            return await connection.forward_socket(settings.socket)
        return await connection.forward_tcp(settings.host, settings.port)

    from ccops.links.mysql import MysqlLink  # only when it is needed: plans are also drawn for a list of commands

    link = MysqlLink(settings, dial, lambda status: None)
    saved: list[str] = []
    try:
        for table, column in _TABLES.items():
            sql = f"SELECT * FROM {table} WHERE {column} >= FROM_UNIXTIME(%s) LIMIT {_MOST_ROWS}"  # noqa: S608
            try:
                rows = await link.query(sql, (int(since),), timeout_s=_QUERY_S)
            except LinkError as error:
                saved.append(f"{table} could not be read ({clean(str(error), 120)})")
                continue
            path = folder / f"{table}.csv"
            _write_rows(path, rows)
            saved.append(f"{path.name} ({len(rows)} rows)")
    finally:
        await link.close()
    return saved


def _write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8", newline="") as file:
        if rows:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


def _write(path: Path, text: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
