"""`ccops ext` and `ccops trunk`: what Asterisk has of ccops' own, and edits of it as operations like all others."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ccops.commands import terminal
from ccops.commands.confirmation import EDIT_EXITS, Asked, options
from ccops.commands.invocation import DONE, Failed, chosen
from ccops.commands.looking import JSON, encoded, looking
from ccops.config import Secret
from ccops.pbx import sheet
from ccops.pbx.gateway import device_settings, gxw4108
from ccops.pbx.model import LABELS, TECHNOLOGIES, Entry, Extension, Kind, fields, identity, key_of, kind_of
from ccops.pbx.rules import secret_fault, shape_of
from ccops.pbx.secret import generated
from ccops.text import clean

if TYPE_CHECKING:
    from ccops.commands.session import Session
    from ccops.operations.exchange import Exchange


# Looking


async def _read(session: Session) -> Exchange:
    """What there is where it serves. Raises Failed."""
    found = await session.executor.exchange()
    if found.value is None:
        raise Failed(found.problem or "Asterisk's extensions and trunks could not be read")
    return found.value


def _looking(kind: Kind, name: str, does: str, tell: Callable[..., str], *more: click.Parameter) -> click.Command:
    async def told(session: Session, as_json: bool, **given: Any) -> str:
        exchange = await _read(session)
        mine = [entry for entry in exchange.entries if kind_of(entry) == kind]
        return tell(session, exchange, mine, as_json, **given)

    return looking(name, does, told, *more)


def _listing(session: Session, exchange: Exchange, mine: Sequence[Entry], as_json: bool) -> str:
    if as_json:
        return encoded([_object(entry, _state(session, entry)) for entry in mine])
    if not mine:
        return f"{exchange.where} on {exchange.node} has none yet\n"
    rows = [("number" if isinstance(mine[0], Extension) else "name", "what", "driver", "context", "state")]
    for entry in mine:
        what = entry.name if isinstance(entry, Extension) else entry.host
        rows.append((key_of(entry), clean(what, 40), entry.tech, entry.context, _state(session, entry)))
    widths = [max(len(row[n]) for row in rows) for n in range(5)]
    return "".join("  ".join(f"{c:<{w}}" for c, w in zip(r, widths, strict=True)).rstrip() + "\n" for r in rows)


def _page(session: Session, exchange: Exchange, mine: Sequence[Entry], as_json: bool, key: str) -> str:
    entry = next((entry for entry in mine if key_of(entry) == key), None)
    if entry is None:
        raise Failed(f"{exchange.where} on {exchange.node} has no {clean(key, 40)}")
    state = _state(session, entry)
    if as_json:
        return encoded(_object(entry, state))
    told = {LABELS[name]: _shown(getattr(entry, name)) for name in fields(kind_of(entry))} | {"state": state}
    return "".join(f"{label:<14} {value or 'not set'}\n" for label, value in told.items())


def _state(session: Session, entry: Entry) -> str:
    """As Asterisk's manager tells it; disabled ones are none of its business."""
    if entry.disabled:
        return "disabled"
    centre = session.store.snapshot.centre.value
    endpoint = centre.endpoints.get(f"{TECHNOLOGIES[entry.tech]}/{key_of(entry)}") if centre is not None else None
    return "not known" if endpoint is None else endpoint.state


def _object(entry: Entry, state: str) -> dict[str, Any]:
    told = {name: getattr(entry, name) for name in fields(kind_of(entry)) if name != "secret"}
    return {**told, "has_secret": entry.secret is not None, "state": state}


def _shown(value: object) -> str:
    return "yes" if value is True else "no" if value is False else "" if value is None else clean(str(value))


def _exported(kind: Kind) -> click.Command:
    def tell(
        session: Session, exchange: Exchange, mine: Sequence[Entry], as_json: bool, file: Path | None, secrets: bool
    ) -> str:
        text = sheet.written(mine, kind, secrets)
        if file is None:
            return text
        _create(file, text)
        return f"written: {file} ({len(mine)} {kind}s{', with secrets' if secrets else ''})\n"

    return _looking(
        kind, "export", f"Print the {kind}s as CSV, or write them to FILE", tell,
        click.Argument(["file"], required=False, type=click.Path(path_type=Path), metavar="[FILE]"),
        click.Option(["--secrets"], is_flag=True, help="With their secrets."),
    )  # fmt: skip


def _create(path: Path, text: str) -> None:
    """A new file of mode 0600; one that is there is not overwritten."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise Failed(f"{path} cannot be made ({error.strerror}): give the name of a new file") from None
    with open(handle, "w", encoding="utf-8", newline="") as file:
        file.write(text)


# Editing


class _Wanted:
    """What was typed: the deed, the fields, and the secrets that are made for it (by number or name)."""

    def __init__(self, kind: Kind, do: str, arguments: Mapping[str, str], secret: Secret | None = None) -> None:
        self.kind = kind
        self.do = do
        self.arguments = dict(arguments)
        self.secret = secret
        self.made: dict[str, Secret] = {}
        self.rows: tuple[sheet.Row, ...] = ()


def _editing(kind: Kind, do: str, does: str, *more: click.Parameter) -> click.Command:
    def call(**given: Any) -> None:
        secret_to, asked = given.pop("secret_to", None), Asked.taken(given)
        wanted = _wanted(kind, do, given)
        from ccops.commands.session import conduct

        settings, pair = chosen(click.get_current_context())
        sys.exit(conduct(_edit(settings, pair, wanted, asked, secret_to)))

    common = options(
        click.Option(["--statements"], is_flag=True, help="Show all that is written and sent, secrets as ***.")
    )
    return click.Command(do, callback=call, params=[*more, *common], help=f"{does}.\n\n{EDIT_EXITS}", short_help=does)


def _wanted(kind: Kind, do: str, given: dict[str, Any]) -> _Wanted:
    file, ask, new = given.pop("secret_file", None), given.pop("ask_secret", False), given.pop("new_secret", False)
    if sum(map(bool, (file, ask, new))) > 1:
        raise click.UsageError("only one of --secret-file, --ask-secret and --new-secret")
    path = given.pop("file", None)
    wanted = _Wanted(kind, do, {"do": do, **{name: value for name, value in given.items() if value is not None}})
    key = wanted.arguments.get("to") or wanted.arguments.get("key", "")
    if path is not None:
        wanted.rows = _rows(path, kind)
    elif file is not None:
        wanted.secret = _from_file(file)
    elif ask:
        wanted.secret = Secret(click.prompt("secret", hide_input=True, confirmation_prompt=True, err=True))
    elif new or (kind == "extension" and do in ("add", "copy")):
        wanted.secret = wanted.made[key] = generated()
    if wanted.secret is not None and (fault := secret_fault(wanted.secret, key)):
        raise click.UsageError(str(fault))
    return wanted


def _from_file(path: str) -> Secret:
    """Its first line; `-` is standard input."""
    try:
        text = sys.stdin.readline() if path == "-" else Path(path).read_text(encoding="utf-8").split("\n", 1)[0]
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(
            f"{path} cannot be read for a secret: {getattr(error, 'strerror', 'it is no UTF-8 text')}"
        ) from None
    return Secret(text.rstrip("\r\n"))


def _rows(path: Path, kind: Kind) -> tuple[sheet.Row, ...]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return sheet.parse(file.read(), kind)
    except sheet.SheetError as error:
        raise Failed("\n".join(f"{path}, {fault}" for fault in error.faults)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"{path} cannot be read: {getattr(error, 'strerror', 'it is no UTF-8 text')}") from None


async def _edit(settings: Any, name: str, wanted: _Wanted, asked: Asked, to: Path | None) -> int:
    from ccops.commands.session import at_work
    from ccops.operations.plan import OperationError, Request

    async with at_work(settings, name, asked.timeout_s, asked.as_json) as session:
        vault = session.executor.vault
        if wanted.do == "import":
            wanted.arguments["rows"] = vault.put(await _with_secrets(session, wanted))
        if wanted.secret is not None:
            wanted.arguments["secret"] = vault.put(wanted.secret)
        try:
            plan = await session.executor.prepare(Request(wanted.kind, arguments=wanted.arguments))
        except OperationError as error:
            raise click.UsageError(str(error)) from None
        if (code := await session.agreed(plan, asked)) is not None:
            return code
        if to is not None:  # before anything is done: a secret that nobody gets to see is lost
            _create(to, "".join(f"{key},{secret.reveal()}\n" for key, secret in wanted.made.items()))
        code = await session.carry_out(plan, lambda listen: session.executor.run(plan, listen))
        if code == DONE and to is None:
            session.tell_once(wanted.made, lambda key: f"secret of {key}")
        return code


async def _with_secrets(session: Session, wanted: _Wanted) -> tuple[sheet.Row, ...]:
    """The rows; one that is new and has no secret gets one."""
    from msgspec.structs import replace

    exchange = await _read(session)
    rows = []
    for row in wanted.rows:
        if row.secret is None and wanted.kind == "extension" and exchange.find(wanted.kind, row.key) is None:
            wanted.made[row.key] = generated()
            row = replace(row, secret=wanted.made[row.key])
        rows.append(row)
    return tuple(rows)


# What is typed


def _key(kind: Kind, name: str = "key") -> click.Argument:
    return click.Argument([name], metavar={"key": identity(kind).upper(), "to": f"NEW_{identity(kind).upper()}"}[name])


def _values(kind: Kind) -> list[click.Parameter]:
    names = [name for name in fields(kind) if name not in (identity(kind), "secret", "disabled")]
    return [click.Option([f"--{name.replace('_', '-')}"], metavar="TEXT", help=_told(name)) for name in names]


def _told(name: str) -> str:
    shape = shape_of(name)
    return f"Its {LABELS[name]}{f': {shape}' if shape else ''}."


def _secrets(kind: Kind) -> list[click.Parameter]:
    return [
        click.Option(
            ["--secret-file"], metavar="FILE", help="Its secret is the first line there; - is standard input."
        ),
        click.Option(["--ask-secret"], is_flag=True, help="Its secret is typed at a prompt."),
        click.Option(["--new-secret"], is_flag=True, help="Make one, and show it once."),
        _SECRET_TO,
    ]


_SECRET_TO = click.Option(
    ["--secret-to"],
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a secret that is made to this new file.",
)


def _group(kind: Kind) -> click.Group:
    key, to = _key(kind), _key(kind, "to")
    sheet_file = click.Argument(["file"], type=click.Path(path_type=Path), metavar="FILE")
    commands = [
        _looking(kind, "list", f"List the {kind}s with their live state", _listing),
        _looking(kind, "show", f"Show one {kind}, without its secret", _page, _key(kind)),
        _editing(kind, "add", f"Add one {kind}", key, *_values(kind), *_secrets(kind)),
        _editing(kind, "edit", f"Change the fields of one {kind} that are given", key, *_values(kind), *_secrets(kind)),
        _editing(kind, "copy", f"Add one like another {kind}", key, to, *_values(kind), *_secrets(kind)),
        _editing(kind, "rename", f"Give one {kind} another {identity(kind)}", key, to),
        _editing(kind, "disable", f"Take one {kind} out of force, and keep it", key),
        _editing(kind, "enable", f"Put one {kind} in force again", key),
        _editing(kind, "delete", f"Delete one {kind}", key),
        _editing(kind, "import", f"Add and change {kind}s by a CSV file, all or none", sheet_file, _SECRET_TO),
        _exported(kind),
        *([_gateway()] if kind == "trunk" else []),
    ]
    return click.Group(
        "ext" if kind == "extension" else "trunk",
        commands={command.name or "": command for command in commands},
        help=f"The {kind}s of Asterisk on the node that serves: FreePBX', or those of ccops' own file.",
    )


def _gateway() -> click.Command:
    def call(name: str, host: str, number: str, as_json: bool) -> None:
        settings, pair = chosen(click.get_current_context())
        trunk = gxw4108(name, host)
        found = device_settings(trunk, settings.pairs[pair].address, number)
        if as_json:
            import msgspec

            terminal.tell(encoded(msgspec.to_builtins(found)), nl=False)
            return
        widths = [max(len(getattr(each, part)) for each in found) for part in ("page", "label", "value")]
        terminal.tell(f"1. in the gateway's web pages, at http://{clean(host, 60)}/:")
        for each in found:
            row = f"   {each.page:<{widths[0]}}  {each.label:<{widths[1]}}  {each.value:<{widths[2]}}  {each.why}"
            terminal.tell(row.rstrip())
        terminal.tell(f"2. ccops trunk add {name} --host {host} --channels {trunk.channels}")

    does = "Tell what to type into a Grandstream GXW4108, and the command that adds its trunk"
    params: list[click.Parameter] = [
        click.Argument(["name"], metavar="NAME", callback=_plain),
        click.Argument(["host"], metavar="ADDRESS", callback=_plain),
        click.Option(["--number"], default="s", show_default=True, callback=_plain, help="What its lines ring: a DID."),
        JSON,
    ]
    return click.Command("gxw4108", callback=call, params=params, help=f"{does}.", short_help=does)


def _plain(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """A word that may be printed and pasted into a shell as it is."""
    if not value or not all(c.isascii() and (c.isalnum() or c in "._:-") for c in value) or value.startswith("-"):
        raise click.BadParameter("expected letters, digits and . _ : - only")
    return value


EXCHANGE: dict[str, click.Command] = {"ext": _group("extension"), "trunk": _group("trunk")}
"""By name."""
