"""Editing extensions and trunks from the console: what it still takes, the plan, and the secret that is shown once.

Imported only when somebody edits: a console that only looks loads none of the rooms that do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from ccops.config import Secret
from ccops.operations.exchange import Exchange
from ccops.operations.plan import Request
from ccops.pbx import sheet
from ccops.pbx.gateway import device_settings, gxw4108
from ccops.pbx.model import Entry, Kind, identity, key_of, kind_of, renamed
from ccops.pbx.rules import faults, value_fault
from ccops.pbx.secret import generated
from ccops.text import clean
from ccops.tui import private
from ccops.tui.exchange_form import EntryForm
from ccops.tui.screens.choice import ChoiceScreen, Option
from ccops.tui.screens.form import Field, Filled, FormScreen
from ccops.tui.screens.page import PageScreen, SecretsScreen
from ccops.tui.screens.running import RunningScreen
from ccops.tui.widgets.chooser import Choice
from ccops.tui.widgets.paragraphs import Paragraph

if TYPE_CHECKING:
    from ccops.tui.app import Console
    from ccops.tui.pbx_rows import Subscriber
    from ccops.tui.screens.pbx import PbxView

_CANCEL: Final = Option("Cancel", "nothing is done", "")
_OF_ROW: Final = ("edit", "copy", "rename", "toggle", "delete")
_LARGEST: Final = 4 << 20
_WAIT_S: Final = 0.2


class Editing:
    """One thing asked for in the view, from the key to what was seen of it."""

    def __init__(self, app: Console, view: PbxView) -> None:
        self._app = app
        self._desk = app.desk
        self._view = view

    async def flow(self, do: str, kind: Kind, subject: Subscriber | None) -> None:
        """Asks what is to be asked, shows the plan, and follows it to its end."""
        if do == "menu":
            chosen = await self._menu(kind, subject)
            if chosen is None:
                return
            do = chosen
        if why := self._why_not(do, subject):
            self._desk.say("PBX", why)
            return
        exchange = self._view.exchange
        assert exchange is not None
        if do == "export":
            await self._export(kind, exchange)
        elif self._desk.is_free():
            await self._change(do, kind, subject.entry if subject is not None else None, exchange)

    async def _change(self, do: str, kind: Kind, entry: Entry | None, exchange: Exchange) -> None:
        if do == "import":
            await self._import(kind, exchange)
        elif do == "gateway":
            await self._gateway(exchange)
        elif do == "add":
            await self._fill(EntryForm(kind, "add", exchange))
        elif entry is None:
            return
        elif do in ("edit", "copy"):
            await self._fill(EntryForm(kind_of(entry), do, exchange, entry))
        elif do == "rename":
            await self._rename(entry, exchange)
        else:
            word = do if do != "toggle" else "enable" if entry.disabled else "disable"
            await self._do(kind_of(entry), {"do": word, "key": key_of(entry)})

    # -- what is possible

    def _why_not(self, do: str, subject: Subscriber | None) -> str:
        """Why that cannot be done now; "" where it can."""
        if self._view.exchange is None:
            return "what can be edited was not read yet: r reads it"
        if do in _OF_ROW:
            if subject is None:
                return "choose one first"
            if subject.entry is None:
                return f"{subject.name} is only seen: another file or table keeps it"
        if do == "export":
            return ""
        if why := self._view.not_permitted("trunk" if subject is not None and subject.kind == "trunk" else "extension"):
            return why
        if obstacles := self._view.in_the_way:
            return f"not so: {obstacles[0].text}; {obstacles[0].way_out}"
        return self._view.barred

    async def _menu(self, kind: Kind, subject: Subscriber | None) -> str | None:
        """All that can be done, and what not, and why."""
        off = subject is not None and subject.entry is not None and subject.entry.disabled
        labels = {
            "edit": ("Edit", "its fields"),
            "copy": ("Copy", "another one like it"),
            "rename": ("Rename", f"another {identity(kind)}"),
            "toggle": ("Enable" if off else "Disable", "in force again" if off else "out of force, and kept"),
            "delete": ("Delete", ""),
            "add": (f"Add {'an extension' if kind == 'extension' else 'a trunk'}", ""),
            "gateway": ("Gateway GXW4108", "what to type into it, and its trunk"),
            "import": ("Import", "from a CSV file, all rows or none"),
            "export": ("Export", "to a CSV file"),
        }
        options = [_CANCEL]
        for do, (label, about) in labels.items():
            why = self._why_not(do, subject)
            options.append(Option(label, clean(why, 100) or about, do, bool(why)))
        title = f"{kind.capitalize()} {subject.name}" if subject is not None else f"{kind.capitalize()}s"
        return await self._app.push_screen_wait(ChoiceScreen(title, [], options))

    # -- forms

    async def _fill(self, form: EntryForm) -> None:
        filled = await self._app.push_screen_wait(
            FormScreen(form.title, form.about, form.fields, form.check, "Look at the plan")
        )
        if filled is None:
            return
        arguments, secret = form.arguments(filled), form.secret_of(filled)
        if secret is not None:
            arguments["secret"] = self._desk.operator().vault.put(secret)
        key = arguments.get("to") or arguments["key"]
        await self._do(form.kind, arguments, {key: form.secret} if form.secret is not None else {})

    async def _rename(self, old: Entry, exchange: Exchange) -> None:
        kind, field = kind_of(old), identity(kind_of(old))

        def check(filled: Filled) -> Mapping[str, str]:
            new = filled.texts["to"]
            if new == key_of(old):
                return {"to": f"expected another {field}, found the same"}
            found = faults(renamed(old, new), exchange.known(new))
            wrong = next((fault for fault in found if fault.field == field), None)
            return {"to": f"expected {wrong.expected}, found {wrong.found}"} if wrong is not None else {}

        fields = [Field("to", f"new {field}", "", key_of(old))]
        title = f"Rename {kind} {key_of(old)}"
        filled = await self._app.push_screen_wait(FormScreen(title, [], fields, check, "Look at the plan"))
        if filled is not None:
            await self._do(kind, {"do": "rename", "key": key_of(old), "to": filled.texts["to"]})

    async def _gateway(self, exchange: Exchange) -> None:
        def check(filled: Filled) -> Mapping[str, str]:
            told = ((name, value_fault("trunk", name, filled.texts[name])) for name in ("name", "host"))
            found = {name: f"expected {fault.expected}, found {fault.found}" for name, fault in told if fault}
            if not filled.texts["host"] or filled.texts["host"] == "dynamic":
                found["host"] = "expected the gateway's address, found none"
            if fault := value_fault("trunk", "from_user", filled.texts["number"]):
                found["number"] = f"expected {fault.expected}, found {fault.found}"
            return found

        fields = [
            Field("name", "name", "of its trunk: a letter, then letters, digits, _ and -"),
            Field("host", "address", "the gateway's own, such as 192.168.27.130"),
            Field("number", "number", "what its lines ring: a DID, or s", "s"),
        ]
        about = ["Grandstream GXW4108: eight analogue lines. What to type into its web pages is told next."]
        filled = await self._app.push_screen_wait(FormScreen("Gateway assistant", about, fields, check, "Go on"))
        if filled is None:
            return
        name, host = filled.texts["name"], filled.texts["host"]
        trunk = gxw4108(name, host)
        server = self._app.settings.pairs[self._app.pair_name].address
        text = [Paragraph(f"In the gateway's web pages, at http://{host}/:"), Paragraph()]
        page = ""
        for each in device_settings(trunk, server, filled.texts["number"]):
            if each.page != page:
                page = each.page
                text.append(Paragraph(title=page))
            text.append(Paragraph(f"{each.label}: {each.value}{f'   ({each.why})' if each.why else ''}", "", 2, 6))
        options = [Option("Add its trunk", "the form, filled in", "add"), Option("Close", "", "")]
        if await self._app.push_screen_wait(PageScreen(f"GXW4108 {name} at {host}", text, options)) == "add":
            await self._fill(EntryForm("trunk", "add", exchange, trunk))

    # -- sheets

    async def _import(self, kind: Kind, exchange: Exchange) -> None:
        def check(filled: Filled) -> Mapping[str, str]:
            found = {}
            path = _path(filled.texts["file"])
            if not filled.texts["file"] or not path.is_file():
                found["file"] = "expected a file that is there, found none"
            elif path.stat().st_size > _LARGEST:
                found["file"] = f"expected at most {_LARGEST >> 20} MiB, found more"
            if filled.texts["to"] and _path(filled.texts["to"]).exists():
                found["to"] = "expected the name of a new file, found one that is there"
            return found

        typed, to = "", ""
        while True:
            fields = [
                Field("file", "CSV file", "one column a field, as the export has them", typed),
                Field("to", "new secrets to", "a new file for secrets that are made; empty: they are shown", to),
            ]
            filled = await self._app.push_screen_wait(FormScreen(f"Import {kind}s", [], fields, check, "Read it"))
            if filled is None:
                return
            typed, to = filled.texts["file"], filled.texts["to"]
            try:
                with _path(typed).open(encoding="utf-8-sig", newline="") as file:
                    rows = sheet.parse(file.read(), kind)
                break
            except sheet.SheetError as error:
                wrong: Sequence[str] = error.faults
            except (OSError, UnicodeDecodeError) as error:
                wrong = [str(getattr(error, "strerror", None) or "it is no UTF-8 text")]
            text = [Paragraph(line, title="✖", title_style="bold $critical", rest=2) for line in wrong]
            await self._app.push_screen_wait(PageScreen(f"{typed} cannot be taken", text, [Option("Back", "", "back")]))
        made: dict[str, Secret] = {}
        whole = []
        for row in rows:
            if row.secret is None and kind == "extension" and exchange.find(kind, row.key) is None:
                made[row.key] = generated()
                row = replace(row, secret=made[row.key])
            whole.append(row)
        token = self._desk.operator().vault.put(tuple(whole))
        await self._do(kind, {"do": "import", "rows": token}, made, _path(to) if to else None)

    async def _export(self, kind: Kind, exchange: Exchange) -> None:
        def check(filled: Filled) -> Mapping[str, str]:
            if not filled.texts["file"]:
                return {"file": "expected the name of a new file, found nothing"}
            there = _path(filled.texts["file"]).exists()
            return {"file": "expected the name of a new file, found one that is there"} if there else {}

        ways = [Choice("no", "without secrets")]
        if not self._view.not_permitted(kind):
            ways.append(Choice("yes", "with secrets"))
        fields = [
            Field("file", "CSV file", "a new file; only its owner may read it", f"~/{kind}s.csv"),
            Field("secrets", "secrets", "", "no", ways),
        ]
        filled = await self._app.push_screen_wait(FormScreen(f"Export {kind}s", [], fields, check, "Write it"))
        if filled is None:
            return
        mine = [entry for entry in exchange.entries if kind_of(entry) == kind]
        path = _path(filled.texts["file"])
        try:
            private.create(path, sheet.written(mine, kind, filled.texts["secrets"] == "yes"))
        except OSError as error:
            self._desk.say("Export", f"{path} cannot be written: {error.strerror}")
            return
        self._app.notify(f"{clean(str(path), 200)} ({len(mine)} {kind}s)", title="Written", markup=False)

    # -- doing it

    async def _do(
        self, kind: Kind, arguments: Mapping[str, str], made: Mapping[str, Secret] | None = None, to: Path | None = None
    ) -> None:
        """The plan, its run, then the secrets that were made for it; what can be edited is read again."""
        request = Request(kind, arguments=dict(arguments))
        operator = self._desk.operator()
        what = arguments.get("key", "")
        title = f"{arguments['do'].capitalize()} {kind} {what}" if what else f"Import {kind}s"
        prepare = partial(operator.prepare, request)
        run = await self._desk.confirm(title, "Do it", prepare, lambda plan, listener: operator.run(plan, listener))
        if run is None:
            return
        await run.wait()
        self._view.again(kind, arguments.get("to") or what)
        if run.ending == "done" and made:
            await self._tell_once(made, to)

    async def _tell_once(self, made: Mapping[str, Secret], to: Path | None) -> None:
        if to is not None:
            try:
                private.create(to, "".join(f"{key},{secret.reveal()}\n" for key, secret in made.items()))
                self._app.notify(clean(str(to), 200), title="Secrets written", markup=False)
                return
            except OSError as error:  # they are shown all the same: what nobody gets to see is lost
                self._desk.say("Secrets", f"{to} cannot be written ({error.strerror}): they are shown instead")
        # Not in the middle of something else; no screen tells that it was left.
        while self._app.screen is not self._app.root and not isinstance(  # noqa: ASYNC110 - see above
            self._app.screen, RunningScreen
        ):
            await asyncio.sleep(_WAIT_S)
        await self._app.push_screen_wait(SecretsScreen(made))


def _path(typed: str) -> Path:
    try:
        return Path(typed).expanduser()
    except RuntimeError:  # a ~user that there is not
        return Path(typed)
