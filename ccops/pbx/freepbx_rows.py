"""FreePBX's tables as far as extensions and trunks go: rows, what is in use in them, and what becomes different.

Sources: FreePBX core and framework 2.5, 2.8 and 2.11 and IssabelPBX (functions.inc.php, install.php, newinstall.sql);
which numbers are in use by framework_check_extension_usage's modules. A cell is text or NULL, as MySQL prints it. What
stands in Asterisk's own database (astdb) is by its path without a slash in front, such as `AMPUSER/101/cidname`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from ccops.text import clean, decode

Row = Mapping[str, "str | None"]
Version = tuple[int, ...]

KEYS: Mapping[str, tuple[str, ...]] = {
    "admin": ("variable",),
    "users": ("extension",),
    "devices": ("id",),
    "sip": ("id", "keyword"),
    "iax": ("id", "keyword"),
    "trunks": ("trunkid",),
    "globals": ("variable",),
    "outbound_route_trunks": ("route_id", "trunk_id", "seq"),
    "trunk_dialpatterns": ("trunkid", "match_pattern_prefix", "match_pattern_pass", "prepend_digits", "seq"),
    "findmefollow": ("grpnum",),
}
"""The tables that an edit may change, and what a row of each is known by."""

NEEDED = ("admin", "users", "devices", "sip", "iax")

FILTERS: Mapping[str, str] = {
    "admin": "`variable` IN ('version', 'need_reload')",
    "globals": "`variable` LIKE 'OUT%'",
    "extensions": "`context` LIKE 'outrt-%'",
    "queues_details": "`keyword` = 'member'",
}
"""Of these tables only such rows are read."""

READ: tuple[str, ...] = (
    *KEYS,
    "outbound_routes", "extensions", "queues_config", "queues_details", "ringgroups", "meetme", "featurecodes",
    "miscapps", "paging_config", "vmblast", "parkinglot", "parkplus", "custom_extensions", "issabelpbx_settings",
)  # fmt: skip
"""All tables that are looked for; each only where it is there."""

ASTDB = ("AMPUSER", "DEVICE", "CW", "CF", "CFB", "CFU", "TRUNK")
"""The families of astdb that are read."""

_DIALLED: tuple[tuple[str, str, str, str], ...] = (
    ("queues_config", "extension", "descr", "the queue"),
    ("ringgroups", "grpnum", "description", "the ring group"),
    ("meetme", "exten", "description", "the conference"),
    ("miscapps", "ext", "description", "the miscellaneous application"),
    ("paging_config", "page_group", "description", "the paging group"),
    ("vmblast", "grpnum", "description", "the voicemail blast group"),
    ("custom_extensions", "custom_exten", "description", "the custom extension"),
)


class Tables(msgspec.Struct, frozen=True):
    """What was read. `columns`: table → column → the most bytes that it takes (None: no text); only tables there are.

    `version` is FreePBX'; () where it is not known. `issabel`: it is Issabel's heir of it, which counts on by itself.
    """

    version: Version = ()
    issabel: bool = False
    columns: Mapping[str, Mapping[str, int | None]] = {}
    rows: Mapping[str, tuple[Row, ...]] = {}
    astdb: Mapping[str, str] = {}

    def of(self, table: str, **where: str) -> tuple[Row, ...]:
        """The rows of a table in which these columns have these values; () where there is no such table."""
        found = self.rows.get(table, ())
        return tuple(row for row in found if all(row.get(name) == value for name, value in where.items()))

    def has(self, table: str) -> bool:
        """Whether there is such a table."""
        return table in self.columns

    @property
    def need_reload(self) -> bool:
        """Whether something that was saved in FreePBX waits to be applied."""
        return any(row.get("value") == "true" for row in self.of("admin", variable="need_reload"))

    @property
    def like(self) -> Version:
        """The version of FreePBX that its tables are like."""
        return (2, 11) if self.issabel else self.version

    @property
    def spelt(self) -> str:
        """`FreePBX 2.8` or Issabel's."""
        name = "IssabelPBX" if self.issabel else "FreePBX"
        return f"{name} {'.'.join(map(str, self.version)) or 'of a version that is not known'}"

    @property
    def told(self) -> str:
        """All rows that an edit could change, whatever their order, as one text: with secrets, for a digest alone."""
        counted = (
            (table, *sorted(f"{name}={value!r}" for name, value in row.items()))
            for table in KEYS
            if table != "admin"
            for row in self.of(table)
        )
        return "\n".join(sorted(map(repr, counted)))

    @property
    def unlike_utf8(self) -> bool:
        """Whether a name is stored in another encoding than UTF-8."""
        return any(not (row.get("name") or "").isprintable() for row in self.of("users"))

    def about(self, numbers: Sequence[str], trunks: Sequence[str]) -> Tables:
        """Only what belongs to these extensions and to the trunks of these numbers."""
        ids = {*numbers, *(f"{word}{n}" for n in trunks for word in ("tr-peer-", "tr-user-", "tr-reg-", "pjsip-"))}
        if not self.has("trunks"):
            ids |= {f"{word}{n}" for n in trunks for word in ("9999", "99999", "9999999")}
        owned: Mapping[str, tuple[str, frozenset[str]]] = {
            "users": ("extension", frozenset(numbers)),
            "devices": ("id", frozenset(numbers)),
            "sip": ("id", frozenset(ids)),
            "iax": ("id", frozenset(ids)),
            "findmefollow": ("grpnum", frozenset(numbers)),
            "trunks": ("trunkid", frozenset(trunks)),
            "outbound_route_trunks": ("trunk_id", frozenset(trunks)),
            "trunk_dialpatterns": ("trunkid", frozenset(trunks)),
        }
        rows = {table: tuple(r for r in self.of(table) if r.get(name) in ids) for table, (name, ids) in owned.items()}
        ends = tuple(f"_{n}" for n in trunks)
        rows["globals"] = tuple(r for r in self.of("globals") if ends and (r.get("variable") or "").endswith(ends))
        theirs = {"TRUNK": trunks}
        kept = {
            path: value
            for path, value in self.astdb.items()
            if path.split("/")[1:2] in [[n] for n in theirs.get(path.split("/")[0], numbers)]
        }
        return Tables(self.version, self.issabel, self.columns, rows, kept)

    def __repr__(self) -> str:
        return f"Tables({sum(map(len, self.rows.values()))} rows)"


class RowChange(msgspec.Struct, frozen=True):
    """One row that comes (before is None), goes (after is None) or becomes another. `after` may lack columns: theirs is
    the table's default."""

    table: str
    before: Row | None
    after: Row | None

    @property
    def key(self) -> Row:
        """What it is known by."""
        some = self.before or self.after
        assert some is not None
        return {name: some[name] for name in KEYS[self.table]}

    def __repr__(self) -> str:
        return f"RowChange({self.table})"


class KeyChange(msgspec.Struct, frozen=True):
    """One value of astdb; None: there is none."""

    path: str
    before: str | None
    after: str | None


class Edit(msgspec.Struct, frozen=True):
    """All that becomes different."""

    rows: tuple[RowChange, ...] = ()
    astdb: tuple[KeyChange, ...] = ()

    def __repr__(self) -> str:
        return f"Edit({len(self.rows)} rows, {len(self.astdb)} keys)"


class Draft:
    """Tables that are being changed; nobody else sees it."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self._rows: dict[tuple[str, tuple[str | None, ...]], Row] = {
            (table, _key(table, row)): row for table in KEYS for row in tables.of(table)
        }
        self.astdb = dict(tables.astdb)

    def of(self, table: str, **where: str) -> tuple[Row, ...]:
        """Its rows as they are now."""
        return tuple(
            row
            for (name, _), row in self._rows.items()
            if name == table and all(row.get(column) == value for column, value in where.items())
        )

    def put(self, table: str, row: Row) -> None:
        """Adds it, or replaces the one of the same key; columns that the table does not have are left out."""
        known = self.tables.columns.get(table, {})
        kept = {name: value for name, value in row.items() if name in known}
        self._rows[table, _key(table, kept)] = kept

    def drop(self, table: str, **where: str) -> None:
        """Deletes all of these."""
        for row in self.of(table, **where):
            del self._rows[table, _key(table, row)]

    def note(self, path: str, value: str | None) -> None:
        """Sets a value of astdb; "" and None are the same to the dialplan, and are not written, but for `dialopts`: ""
        is none of them, None those of the system."""
        if value or (value is not None and path.endswith("/dialopts")):
            self.astdb[path] = value
        else:
            self.astdb.pop(path, None)

    def forget(self, *trees: str) -> None:
        """Deletes these paths of astdb, and all below them."""
        for path in [p for p in self.astdb if any(p == tree or p.startswith(f"{tree}/") for tree in trees)]:
            del self.astdb[path]

    @property
    def edit(self) -> Edit:
        """What is different."""
        return difference(self.tables, self.tables_now)

    @property
    def tables_now(self) -> Tables:
        """All of it as it is now."""
        rows = {table: self.of(table) for table in KEYS}
        return Tables(self.tables.version, self.tables.issabel, self.tables.columns, rows, dict(self.astdb))


def difference(old: Tables, new: Tables) -> Edit:
    """What makes one of the other: first what goes, then what changes, then what comes."""
    before = {(table, _key(table, row)): row for table in KEYS for row in old.of(table)}
    after = {(table, _key(table, row)): row for table in KEYS for row in new.of(table)}
    rows = [
        RowChange(key[0], before.get(key), after.get(key))
        for key in {**before, **after}
        if before.get(key) != after.get(key)
    ]
    rows.sort(key=lambda change: (change.after is not None) + (change.before is None))
    paths = [path for path in {**old.astdb, **new.astdb} if old.astdb.get(path) != new.astdb.get(path)]
    return Edit(tuple(rows), tuple(KeyChange(path, old.astdb.get(path), new.astdb.get(path)) for path in paths))


def matches(found: Row | None, wanted: Row | None) -> bool:
    """Whether a row is as it is wanted, in the columns that are told of it."""
    if found is None or wanted is None:
        return found is wanted
    return all(found.get(name) == value for name, value in wanted.items())


def plain(text: str) -> str:
    """A cell for people: bytes that are no UTF-8 (kept as surrogates) as Latin-1, control characters cut."""
    return clean(decode(text.encode("utf-8", "surrogateescape")))


def _key(table: str, row: Row) -> tuple[str | None, ...]:
    return tuple(row.get(name) for name in KEYS[table])


def numbers(tables: Tables) -> dict[str, str]:
    """Each number that is dialled for something else than a telephone, and for what."""
    found: dict[str, str] = {}
    for table, number, name, what in _DIALLED:
        for row in tables.of(table):
            found.setdefault(row.get(number) or "", f"{what} {clean(row.get(name) or '', 40)}".strip())
    for row in tables.of("featurecodes"):
        if row.get("enabled") != "0":
            code = row.get("customcode") or row.get("defaultcode") or ""
            found.setdefault(code, f"the feature code {clean(row.get('description') or '', 40)}".strip())
    for table in ("parkinglot", "parkplus"):
        for row in tables.of(table):
            found |= {number: "the parking lot" for number in _parking(row)}
    found.pop("", None)
    return found


def _parking(row: Row) -> Iterator[str]:
    first, count = row.get("parkext") or "", row.get("numslots") or "0"
    yield first
    begin = row.get("parkpos") or ""
    if begin.isdecimal() and count.isdecimal() and int(count) <= 1000:
        yield from (str(int(begin) + n) for n in range(int(count)))
    elif first.isdecimal() and count.isdecimal() and int(count) <= 1000:
        yield from (str(int(first) + 1 + n) for n in range(int(count)))


def queues_of(tables: Tables, number: str) -> tuple[str, ...]:
    """The queues that have an extension as a member of their configuration."""
    found = []
    for row in tables.of("queues_details"):
        member = (row.get("data") or "").split(",")[0]
        if member.partition("/")[2].split("@")[0] == number:
            found.append(clean(row.get("id") or "", 20))
    return tuple(dict.fromkeys(found))


def routes_of(tables: Tables, trunk: str) -> tuple[str, ...]:
    """The outbound routes that use a trunk: their own tables from 2.8 on, before that lines of the dialplan's table."""
    ids = [row.get("route_id") for row in tables.of("outbound_route_trunks", trunk_id=trunk)]
    found = [row.get("name") or "" for row in tables.of("outbound_routes") if row.get("route_id") in ids]
    for row in tables.of("extensions"):
        if (row.get("args") or "").startswith(tuple(f"dialout-{way},{trunk}," for way in ("trunk", "enum", "dundi"))):
            found.append((row.get("context") or "").removeprefix("outrt-"))
    return tuple(dict.fromkeys(clean(name, 40) for name in found))


def too_long(tables: Tables, edit: Edit) -> Iterator[tuple[str, str, int]]:
    """Values that a column would cut: table, column, and the most bytes that it takes."""
    for change in edit.rows:
        for name, value in (change.after or {}).items():
            most = tables.columns.get(change.table, {}).get(name)
            same = change.before is not None and change.before.get(name) == value
            if most is not None and value is not None and not same and len(value.encode()) > most:
                yield change.table, name, most


def statement(change: RowChange, secrets: Sequence[str] = ("secret",)) -> str:
    """It in SQL for people to read, with secrets as ***."""

    def shown(row: Row, name: str) -> str:
        hidden = (row.get("keyword") or "").lower() in secrets and name == "data"
        hidden = hidden or (row.get("keyword") == "register" and name == "data") or name == "password"
        value = row[name]
        if value is None:
            return "NULL"
        quoted = clean(value).replace("\\", "\\\\").replace("'", "''")
        return "'***'" if hidden and value else f"'{quoted}'"

    def where(row: Row) -> str:
        return " AND ".join(f"{name} = {shown(row, name)}" for name in KEYS[change.table])

    before, after = change.before, change.after
    if after is None:
        assert before is not None
        return " ".join(["DELETE FROM", change.table, "WHERE", where(before)])
    if before is None:
        cells = ", ".join(shown(after, name) for name in after)
        return " ".join(["INSERT INTO", change.table, f"({', '.join(after)})", "VALUES", f"({cells})"])
    sets = ", ".join(f"{name} = {shown(after, name)}" for name in after if after[name] != before.get(name))
    return " ".join(["UPDATE", change.table, "SET", sets, "WHERE", where(before)])


def spelt_rows(edit: Edit) -> tuple[str, ...]:
    """Each change in SQL and as a command of astdb, for people."""
    lines = [statement(change) for change in edit.rows]
    for change in edit.astdb:
        family, _, key = change.path.partition("/")
        lines.append(f"DBDel {family} {key}" if change.after is None else f"DBPut {family} {key} {clean(change.after)}")
    return tuple(lines)
