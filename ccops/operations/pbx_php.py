"""FreePBX' own PHP functions, called on the node that serves: a script and what is asked go through standard input.

It runs as the user `asterisk`, whom FreePBX' web pages run as: that user reads FreePBX' settings, which name its
database and its manager user, so that ccops needs no right in either. What is asked is JSON in base64: no text of it is
ever part of a command line or of a program. Additions, changes and deletions are FreePBX' own functions; what has none
(a rename) and the inverse, which must bring back the very rows, are rows written through FreePBX' own connection.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec

from ccops.operations import astdb
from ccops.operations.exchange import joined
from ccops.operations.files import append_private
from ccops.operations.pbx_sql import Unfit, counting, limit_of, spelt, table_of, tables_of
from ccops.operations.plan import Surprise
from ccops.pbx import freepbx_trunks
from ccops.pbx.freepbx_rows import FILTERS, READ, Draft, Edit, Row, RowChange, Tables, spelt_rows, statement
from ccops.pbx.model import TECHNOLOGIES, Entry, Extension, Trunk, key_of
from ccops.text import clean, decode

if TYPE_CHECKING:
    from ccops.operations.bench import Bench
    from ccops.operations.hands import Hands
    from ccops.operations.pbx_freepbx import FreepbxWork

LIMIT_S = 180.0
MARK = "##### ccops\n"
AS_ASTERISK = 'if [ "$(id -u)" = 0 ]; then exec su -s /bin/sh asterisk -c php; else exec php; fi'
"""Without sudo: root becomes `asterisk`, anybody else stays who it is."""

Call = tuple[str, Mapping[str, Any]]


class PhpWay(msgspec.Struct, frozen=True):
    """Implements `ccops.operations.pbx_freepbx.Way`. `sudo`: the pair's settings say so."""

    database: str
    sudo: bool = False

    @property
    def words(self) -> str:
        """What it is called."""
        return "FreePBX functions"

    @property
    def exact(self) -> bool:
        """Whether what it writes is known before."""
        return False

    async def tables(self, bench: Bench, node: str) -> Tables:
        """What is there now."""
        try:
            return await read(bench.hands, node, self)
        except Unfit as error:
            raise Surprise(str(error)) from None

    async def do(self, bench: Bench, work: FreepbxWork) -> None:
        """The calls, in one run of PHP; a rename as rows."""
        if _renames(work):
            await self.flag(bench, work.node, True)
            await self.write(bench, work.node, work.edit)
            return
        asked = {"do": "calls", "expect": _expected(self.database, work.edit), "calls": calls(work)}
        for name, arguments in calls(work):
            told = f"{name} {_about(arguments)}"
            append_private(bench.folder / "freepbx.journal", f"sends {told}")
            bench.note(told)
        answer = await ask(bench.hands, work.node, self, asked)
        done = answer.get("done", 0)
        append_private(
            bench.folder / "freepbx.journal", f"answered: {done} called, {answer.get('error') or 'no error'}"
        )
        if error := answer.get("error"):
            raise Surprise(f"FreePBX: {clean(str(error), 300)}", undone=done == 0)

    async def write(self, bench: Bench, node: str, edit: Edit) -> None:
        """Each row on its own, then what is in astdb."""
        statements = [self._filled(change) for change in edit.rows]
        for change in edit.rows:
            append_private(bench.folder / "freepbx.journal", f"sends {statement(change)}")
            bench.note(statement(change))
        if statements:
            answer = await ask(bench.hands, node, self, {"do": "rows", "statements": statements})
            if error := answer.get("error"):
                raise Surprise(f"FreePBX: {clean(str(error), 300)}")
            if answer.get("counts") != [1] * len(statements):
                raise Surprise("not each statement changed one row: somebody changes them too")
        await astdb.write(bench, node, edit.astdb)

    async def flag(self, bench: Bench, node: str, waits: bool) -> None:
        """Sets `need_reload`, which FreePBX itself takes off when it has applied."""
        value = "true" if waits else "false"
        sql = " ".join(["UPDATE", table_of(self.database, "admin"), f"SET `value` = '{value}'", _NEED_RELOAD])
        answer = await ask(bench.hands, node, self, {"do": "rows", "statements": [sql]})
        if error := answer.get("error"):
            raise Surprise(f"FreePBX: {clean(str(error), 300)}", undone=True)

    def statements(self, work: FreepbxWork) -> tuple[str, ...]:
        """The calls, and the rows that they come to."""
        rows = spelt_rows(work.edit)
        if _renames(work):
            return ("in FreePBX' database, as FreePBX has no function for it:", *rows)
        called = (f"core_{name}({_about(arguments)})" for name, arguments in calls(work))
        return ("called in PHP:", *called, "needreload()", "which comes to:", *rows)

    def _filled(self, change: RowChange) -> str:
        return _filled(*spelt(self.database, change))


def _filled(sql: str, parameters: Sequence[str | None]) -> str:
    """A statement with its parameters, which are hexadecimal digits."""
    assert all(each is None or set(each) <= set("0123456789abcdef") for each in parameters)
    return sql % tuple("NULL" if each is None else f"'{each}'" for each in parameters)


def _expected(database: str, edit: Edit) -> list[tuple[str, int]]:
    """Statements that count the rows that must be there, and those that must not, with how many there must be."""
    found = []
    for change in edit.rows:
        sql, parameters, count = counting(database, change)
        found.append((_filled(sql, parameters), count))
    return found


_NEED_RELOAD = "WHERE `variable` = 'need_reload'"


async def ask(hands: Hands, node: str, way: PhpWay, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Runs PHP there; what it answers. Raises LinkError, Surprise where it answers nothing."""
    argv = ["sudo", "-n", "-u", "asterisk", "php"] if way.sudo else ["/bin/sh", "-c", AS_ASTERISK]
    done = await hands.run(node, argv, timeout_s=LIMIT_S, input=script(asked).encode(), as_root=False)
    _, mark, answer = decode(done.stdout).rpartition(MARK)
    if not mark:
        said = clean(decode(done.stderr or done.stdout).strip()[-200:], 200) or f"exit {done.exit_status}"
        raise Surprise(f"php on {node} did not answer: {said}")
    try:
        found = json.loads(answer)
    except ValueError:
        raise Surprise(f"php on {node} did not answer in JSON") from None
    if not isinstance(found, dict):
        raise Surprise(f"php on {node} answered something else")
    return found


def script(asked: Mapping[str, Any]) -> str:
    """What goes to the standard input of `php`."""
    body = files("ccops.operations").joinpath("freepbx.php").read_text(encoding="utf-8").splitlines()
    lines = "".join(f"{line}\n" for line in body if not line.lstrip().startswith("//"))
    packed = base64.b64encode(json.dumps(asked).encode()).decode()
    return f"<?php\n$ccops_asked = '{packed}';\n{lines}"


async def read(hands: Hands, node: str, way: PhpWay) -> Tables:
    """All that matters, astdb too. Raises LinkError, Unfit, Surprise."""
    answer = await ask(hands, node, way, {"do": "read", "tables": READ, "filters": FILTERS})
    if error := answer.get("error"):
        raise Unfit(clean(str(error), 300))
    try:
        columns = {
            str(table): {str(name): _most(kind, most) for name, (kind, most) in known.items()}
            for table, known in answer["columns"].items()
        }
        cells = {str(table): [dict(row) for row in rows] for table, rows in answer["rows"].items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Surprise(f"php on {node} answered something else than tables") from None
    return tables_of(str(answer.get("database") or way.database), node, columns, cells, await astdb.read(hands, node))


def _most(kind: object, most: object) -> int | None:
    return limit_of(str(kind), None if most is None else int(str(most)))


# What is called


def _renames(work: FreepbxWork) -> bool:
    return any(
        isinstance(old, Extension) and isinstance(new, Extension) and old.number != new.number
        for old, new in joined(work.changes)
    )


def calls(work: FreepbxWork) -> list[Call]:
    """The functions and what they are given, secrets too: by what the rows become, so that what has no field stays."""
    draft = Draft(work.tables)
    after = {(change.table, tuple(change.key.values())): change.after for change in work.edit.rows}
    for (table, _), row in after.items():
        if row is not None:
            draft.put(table, row)
    for change in work.edit.rows:
        if change.after is None:
            draft.drop(change.table, **{name: value or "" for name, value in change.key.items()})
    now = draft.tables_now
    numbers = iter(work.trunks)
    found: list[Call] = []
    for old, new in joined(work.changes):
        if isinstance(old or new, Extension):
            found += _extension_calls(now, old, new)
        else:
            found += _trunk_calls(now, next(numbers, ""), old, new)
    return found


_OF_THE_SYSTEM = frozenset(["account", "callerid", "setvar", "record_in", "record_out"])


def _extension_calls(now: Tables, old: Entry | None, new: Entry | None) -> Iterator[Call]:
    some = new or old
    assert some is not None
    number = key_of(some)
    if new is None:
        yield "devices_del", {"id": number}
        yield "users_del", {"extension": number}
        return
    rows = now.of("iax" if new.tech == "iax2" else "sip", id=number)
    words = sorted(rows, key=lambda row: int(row.get("flags") or 0))
    told = {(row.get("keyword") or ""): row.get("data") or "" for row in words}
    device: Row = next(iter(now.of("devices", id=number)), {})
    given = {
        "id": number,
        "tech": device.get("tech") or new.tech,
        "dial": device.get("dial") or f"{TECHNOLOGIES[new.tech]}/{number}",
        "devicetype": device.get("devicetype") or "fixed",
        "user": device.get("user") or number,
        "description": device.get("description") or "",
        "emergency_cid": device.get("emergency_cid") or "",
        "hint_override": device.get("hint_override"),
        "words": [(word, data) for word, data in told.items() if word not in _OF_THE_SYSTEM],
        "more": {word: told[word] for word in ("record_in", "record_out") if word in told},
    }
    name, account = getattr(new, "name", ""), getattr(new, "account_code", "")
    if old is None:
        yield "users_add", {**_new_user(number, name), "devinfo_accountcode": account}
        yield "devices_add", given
        return
    changed = {"name": name} if getattr(old, "name", "") != name else {}
    if now.like >= (13,) and getattr(old, "account_code", "") != account:
        changed["accountcode"] = account  # the user has it there too
    if changed:
        yield "users_edit", {"extension": number, **changed}
    yield "devices_edit", given


def _new_user(number: str, name: str) -> dict[str, str]:
    """As the form is sent when nothing else was touched."""
    kinds = ("in_external", "out_external", "in_internal", "out_internal")
    return {
        "extension": number,
        "name": name,
        "password": "",
        "outboundcid": "",
        "ringtimer": "0",
        "cfringtimer": "0",
        "concurrency_limit": "0",
        "noanswer": "",
        "record_in": "Adhoc",
        "record_out": "Adhoc",
        "sipname": "",
        "cid_masquerade": "",
        "callwaiting": "enabled",
        "pinless": "disabled",
        "call_screen": "0",
        "answermode": "disabled",
        "voicemail": "novm",
        "vmcontext": "novm",
        **{f"recording_{kind}": f"recording_{kind}=dontcare" for kind in kinds},
        "recording_ondemand": "recording_ondemand=disabled",
        "recording_priority": "10",
    }


def _trunk_calls(now: Tables, number: str, old: Entry | None, new: Entry | None) -> Iterator[Call]:
    if not isinstance(new, Trunk):
        yield "trunks_del", {"number": number}
        return
    settings = freepbx_trunks.settings(now, number)
    peer, user, registers = freepbx_trunks.ids(now, number, new.tech)
    table = "iax" if new.tech == "iax2" else "sip"
    lines = {
        name: "\n".join(f"{row.get('keyword')}={row.get('data') or ''}" for row in _details(now, table, each))
        for name, each in (("peerdetails", peer), ("userconfig", user))
    }
    registered = next((row.get("data") or "" for row in now.of(table, id=registers)), "")
    given = {**settings, **lines, "register": registered, "tech": new.tech, "number": number}
    yield ("trunks_add" if old is None else "trunks_edit"), given


def _details(now: Tables, table: str, id: str) -> list[Row]:
    rows = [row for row in now.of(table, id=id) if row.get("keyword") != "account"]
    rows.sort(key=lambda row: row.get("keyword") or "", reverse=True)
    return sorted(rows, key=lambda row: int(row.get("flags") or 0))


def _about(arguments: Mapping[str, Any]) -> str:
    """The arguments for people, without a secret."""
    told = []
    for name, value in arguments.items():
        if name in ("words", "more"):
            pairs = value.items() if isinstance(value, Mapping) else value
            told += [
                f"{word}={'***' if word == 'secret' and data else clean(str(data), 80)}" for word, data in pairs if data
            ]
        elif name in ("peerdetails", "userconfig"):
            told += [_hidden(line) for line in str(value).split("\n") if line]
        elif name == "register" and value:
            told.append("register=***")
        elif value not in ("", None):
            told.append(f"{name}={clean(str(value), 80)}")
    return ", ".join(told)


def _hidden(line: str) -> str:
    word, _, value = line.partition("=")
    return f"{clean(word, 40)}={'***' if word.lower() == 'secret' else clean(value, 80)}"
