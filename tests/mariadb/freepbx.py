"""FreePBX' tables as its versions make them, and an Asterisk that knows what was in them when they were last applied.

Schemas by newinstall.sql and install.php of FreePBX framework and core 2.5, 2.8 and 2.11 and of IssabelPBX; MyISAM, so
that nothing can be rolled back. What applies them does as generate_sip_additional of core: sections by `account`, rows
with the flag 1 left out, keywords by flags.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pymysql
from pymysql.cursors import DictCursor

from ccops.links.errors import LinkLost, Refused
from tests.mariadb.server import Server
from tests.pbx import samples

VERSIONS = ("2.5", "2.8", "2.11", "issabel")
_END = "ENGINE=MyISAM DEFAULT CHARSET=latin1"
_KEYWORDS = """(id VARCHAR(20) NOT NULL DEFAULT '-1', keyword VARCHAR(30) NOT NULL DEFAULT '',
    data VARCHAR(255) NOT NULL, flags INT(1) NOT NULL DEFAULT 0, PRIMARY KEY (id, keyword))"""
_USERS = """extension VARCHAR(20) NOT NULL DEFAULT '', password VARCHAR(20), name VARCHAR(50), voicemail VARCHAR(50),
    ringtimer INT(3), noanswer VARCHAR(100), recording VARCHAR(50), outboundcid VARCHAR(50), sipname VARCHAR(50)"""
_TRUNKS = """trunkid INTEGER, name VARCHAR(50) NOT NULL DEFAULT '', tech VARCHAR(20) NOT NULL,
    outcid VARCHAR(40) NOT NULL DEFAULT '', keepcid VARCHAR(4) DEFAULT 'off', maxchans VARCHAR(6) DEFAULT '',
    failscript VARCHAR(255) NOT NULL DEFAULT '', dialoutprefix VARCHAR(255) NOT NULL DEFAULT '',
    channelid VARCHAR(255) NOT NULL DEFAULT '', usercontext VARCHAR(255) NULL, provider VARCHAR(40) NULL,
    disabled VARCHAR(4) DEFAULT 'off'"""


def make(server: Server, version: str, database: str = "asterisk") -> None:
    """The database, with two extensions, two trunks, a queue and a ring group in it."""
    run = server.run
    run(f"DROP DATABASE IF EXISTS {database}", f"CREATE DATABASE {database}")
    tables = {
        "admin": "(variable VARCHAR(20) NOT NULL DEFAULT '', value VARCHAR(80) NOT NULL, PRIMARY KEY (variable))",
        "devices": """(id VARCHAR(20) NOT NULL DEFAULT '', tech VARCHAR(10) NOT NULL, dial VARCHAR(50) NOT NULL,
            devicetype VARCHAR(5) NOT NULL, user VARCHAR(50), description VARCHAR(50), emergency_cid VARCHAR(100))""",
        "sip": _KEYWORDS,
        "iax": _KEYWORDS,
        "globals": "(variable CHAR(20) NOT NULL DEFAULT '', value CHAR(50) NOT NULL, PRIMARY KEY (variable))",
        "queues_config": "(extension VARCHAR(20) PRIMARY KEY, descr VARCHAR(35) NOT NULL DEFAULT '')",
        "queues_details": """(id VARCHAR(45) NOT NULL, keyword VARCHAR(30) NOT NULL, data VARCHAR(150) NOT NULL,
            flags INT NOT NULL DEFAULT 0, PRIMARY KEY (id, keyword, data))""",
        "ringgroups": "(grpnum VARCHAR(20) PRIMARY KEY, description VARCHAR(35))",
        "meetme": "(exten VARCHAR(50) PRIMARY KEY, description VARCHAR(50))",
        "featurecodes": """(modulename VARCHAR(50), featurename VARCHAR(50), description VARCHAR(200),
            defaultcode VARCHAR(20), customcode VARCHAR(20), enabled TINYINT NOT NULL DEFAULT 1)""",
        "findmefollow": "(grpnum VARCHAR(20) PRIMARY KEY, grplist VARCHAR(255) NOT NULL DEFAULT '', grptime INT)",
        "parkinglot": "(id VARCHAR(20), keyword VARCHAR(40), data VARCHAR(150))",
    }
    late = version in ("2.11", "issabel")
    if late:
        extra = ", ".join(f"{n}_cid VARCHAR(20) DEFAULT ''" for n in ("noanswer", "busy", "chanunavail"))
        extra += ", " + ", ".join(f"{n}_dest VARCHAR(255) DEFAULT ''" for n in ("noanswer", "busy", "chanunavail"))
        tables["users"] = f"({_USERS}, {extra}, KEY extension (extension))"
    else:
        tables["users"] = f"({_USERS})"
    if version == "2.5":
        tables["extensions"] = """(context VARCHAR(45) NOT NULL, extension VARCHAR(45) NOT NULL, priority VARCHAR(5),
            application VARCHAR(45) NOT NULL, args VARCHAR(255))"""
    else:
        more = ", `continue` VARCHAR(4) DEFAULT 'off'" if late else ""
        tables["trunks"] = f"({_TRUNKS}{more}, PRIMARY KEY (trunkid, tech, channelid))"
        tables["outbound_routes"] = "(route_id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(40))"
        tables["outbound_route_trunks"] = """(route_id INT NOT NULL, trunk_id INT NOT NULL, seq INT NOT NULL,
            PRIMARY KEY (route_id, trunk_id, seq))"""
        tables["trunk_dialpatterns"] = """(trunkid INT NOT NULL, match_pattern_prefix VARCHAR(50) NOT NULL,
            match_pattern_pass VARCHAR(50) NOT NULL, prepend_digits VARCHAR(50) NOT NULL, seq INT NOT NULL,
            PRIMARY KEY (trunkid, match_pattern_prefix, match_pattern_pass, prepend_digits, seq))"""
    if version == "issabel":
        tables["issabelpbx_settings"] = "(keyword VARCHAR(50) PRIMARY KEY, value VARCHAR(255))"
    for name, columns in tables.items():
        run(f"CREATE TABLE {database}.{name} {columns} {_END}")
    _fill(server, version, database)


def _fill(server: Server, version: str, database: str) -> None:
    def fill(table: str, columns: str, *rows: Sequence[Any]) -> None:
        server.fill(f"{database}.{table}", columns.split(), rows)

    number = {"2.5": "2.5.2.3", "2.8": "2.8.1.4", "2.11": "2.11.0.43", "issabel": "4.0.0"}[version]
    fill("admin", "variable value", ("version", number), ("need_reload", "false"))
    users = "extension password name voicemail ringtimer noanswer recording outboundcid sipname"
    fill("users", users, ("101", "", "Ana Lucia", "novm", 20, "", "out=Adhoc|in=Adhoc", '"Ana" <555>', "anal"))
    fill("users", users, ("102", "", "Eva", "default", 0, "", "", "", ""))
    fill("users", users, ("150", "", "A door", "novm", 0, "", "", "", ""))
    devices = "id tech dial devicetype user description emergency_cid"
    fill("devices", devices, ("101", "sip", "SIP/101", "fixed", "101", "Ana Lucia", ""))
    fill("devices", devices, ("102", "iax2", "IAX2/102", "fixed", "102", "Eva", "911"))
    fill("devices", devices, ("150", "zap", "ZAP/3", "fixed", "150", "A door", ""))
    sip = {
        "secret": "kR7pw2mNx4", "dtmfmode": "rfc2833", "canreinvite": "no", "context": "from-internal",
        "host": "dynamic", "type": "friend", "nat": "yes", "port": "5060", "qualify": "yes", "callgroup": "1",
        "pickupgroup": "1", "disallow": "", "allow": "ulaw&alaw", "dial": "SIP/101", "accountcode": "",
        "mailbox": "101@device", "videosupport": "yes", "account": "101", "callerid": "device <101>",
    }  # fmt: skip
    keywords = "id keyword data flags"
    start = 0 if version == "2.5" else 2
    fill("sip", keywords, *(("101", k, v, n if start else 0) for n, (k, v) in enumerate(sip.items(), start)))
    iax = {"secret": "aa11bb22", "notransfer": "yes", "context": "from-internal", "host": "dynamic", "type": "friend",
           "port": "4569", "qualify": "yes", "allow": "", "dial": "IAX2/102", "mailbox": "102@device",
           "account": "102", "callerid": "device <102>", "setvar": "REALCALLERIDNUM=102"}  # fmt: skip
    fill("iax", keywords, *(("102", k, v, n if start else 0) for n, (k, v) in enumerate(iax.items(), start)))
    gateway = {"account": "gxw4108", "type": "peer", "host": "192.168.27.130", "context": "from-trunk",
               "insecure": "very", "allow": "ulaw&alaw", "disallow": "all"}  # fmt: skip
    provider = {"account": "voip", "type": "friend", "host": "sip.example.org", "username": "u7",
                "secret": "aa22bbcc", "context": "from-trunk", "sendrpid": "yes"}  # fmt: skip
    peers = ("99991", "99993", "99999993") if version == "2.5" else ("tr-peer-1", "tr-peer-3", "tr-reg-3")
    fill("sip", keywords, *((peers[0], k, v, n) for n, (k, v) in enumerate(gateway.items(), 2)))
    fill("sip", keywords, *((peers[1], k, v, n) for n, (k, v) in enumerate(provider.items(), 2)))
    fill("sip", keywords, (peers[2], "register", "u7:aa22bbcc@sip.example.org:5070/400", 0))
    if version == "2.5":
        for n, dial, most in ((1, "SIP/gxw4108", "8"), (2, "ZAP/g0", ""), (3, "SIP/voip", "")):
            values = {"OUT": dial, "OUTMAXCHANS": most, "OUTCID": "x", "OUTPREFIX": "", "OUTKEEPCID": "off",
                      "OUTFAIL": "", "OUTDISABLE": "off"}  # fmt: skip
            fill("globals", "variable value", *((f"{name}_{n}", value) for name, value in values.items()))
        fill("extensions", "context extension priority application args",
             ("outrt-001-out", "_9.", "1", "Macro", "dialout-trunk,1,${EXTEN:1},,"))  # fmt: skip
    else:
        columns = "trunkid name tech maxchans channelid disabled"
        fill("trunks", columns, (1, "The gateway", "sip", "8", "gxw4108", "off"), (2, "zap", "zap", "", "g0", "off"),
             (3, "voip", "sip", "", "voip", "off"))  # fmt: skip
        fill("outbound_routes", "route_id name", (1, "out"), (2, "mobiles"))
        fill("outbound_route_trunks", "route_id trunk_id seq", (1, 1, 0), (2, 1, 1), (2, 3, 0))
        fill(
            "trunk_dialpatterns",
            "trunkid match_pattern_prefix match_pattern_pass prepend_digits seq",
            (1, "0", "X.", "", 0),
        )
    fill("queues_config", "extension descr", ("400", "Ventas"))
    fill(
        "queues_details",
        "id keyword data",
        ("400", "member", "Local/101@from-queue/n,0"),
        ("400", "strategy", "ringall"),
    )
    fill("ringgroups", "grpnum description", ("600", "All of us"))
    fill("meetme", "exten description", ("8000", "The room"))
    fill("featurecodes", "modulename featurename description defaultcode customcode enabled",
         ("core", "chanspy", "ChanSpy", "555", "", 1), ("core", "zapbarge", "ZapBarge", "888", "887", 1),
         ("fax", "simu_fax", "Dial System FAX", "666", "", 0))  # fmt: skip
    fill("findmefollow", "grpnum grplist grptime", ("101", "101-0445566", 20))


ASTDB = {
    "AMPUSER/101/cidname": "Ana Lucia",
    "AMPUSER/101/cidnum": "101",
    "AMPUSER/101/device": "101",
    "AMPUSER/101/voicemail": "novm",
    "AMPUSER/101/recording": "out=Adhoc|in=Adhoc",
    "AMPUSER/101/noanswer": "",
    "AMPUSER/101/followme/grptime": "20",
    "CW/101": "ENABLED",
    "CFB/101": "0445566",
    "DEVICE/101/dial": "SIP/101",
    "DEVICE/101/type": "fixed",
    "DEVICE/101/user": "101",
    "DEVICE/101/default_user": "101",
    "AMPUSER/1010/cidname": "Another",
    "AMPUSER/102/cidname": "Eva",
    "AMPUSER/102/device": "102",
}


class _Session:
    """One connection that stays: to make one takes longer than all that is done with it."""

    def __init__(self, server: Server) -> None:
        self._connection = pymysql.connect(
            unix_socket=str(server.socket), user="root", autocommit=True, ssl_disabled=True
        )

    def run(self, sql: str, params: Any = ()) -> tuple[int, list[dict[str, Any]]]:
        """How many rows it changed or found, and those that it found."""
        with self._connection.cursor(DictCursor) as cursor:
            count = cursor.execute(sql, params or None)
            return count, list(cursor.fetchall())


class Asterisk:
    """Its console. `astdb` by path; `loaded`: the sections that were in the tables when they were last applied.

    `deaf`: what is applied is not seen; `refuses`: so many commands that change astdb are refused, after `later` ones.
    """

    def __init__(self, server: Server, database: str = "asterisk") -> None:
        self._session, self._database = _Session(server), database
        self._tree = dict(ASTDB)
        self.file: Path | None = None
        self.loaded: dict[str, dict[str, dict[str, str]]] = {}
        self.asked: list[str] = []
        self.modules = ["chan_sip.so", "chan_iax2.so"]
        self.exit = 0
        self.deaf = False
        self.refuse_at: int | None = None
        self.apply()

    @property
    def astdb(self) -> dict[str, str]:
        """By path; in a file where FreePBX' functions write it too."""
        return self._tree if self.file is None else json.loads(self.file.read_text())

    def set(self, path: str, value: str | None) -> None:
        """Writes one value, or takes it out."""
        tree = self.astdb
        tree.pop(path, None)
        if value is not None:
            tree[path] = value
        if self.file is not None:
            self.file.write_text(json.dumps(tree))

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table."""
        return self._session.run(f"SELECT * FROM {self._database}.{table}")[1]

    def all_rows(self) -> dict[str, list[str]]:
        """Every row of every table, in an order that does not change."""
        names = [next(iter(row.values())) for row in self._session.run(f"SHOW TABLES FROM {self._database}")[1]]
        return {name: sorted(repr(sorted(row.items())) for row in self.rows(name)) for name in names}

    def apply(self) -> int:
        """As FreePBX applies what was saved; the exit code."""
        self.asked.append("reload")
        if self.exit or self.deaf:
            return self.exit
        self._session.run(f"UPDATE {self._database}.admin SET value = 'false' WHERE variable = 'need_reload'")
        self.loaded = {}
        techs = {row["id"]: row["tech"] for row in self.rows("devices")}
        for table, tech in (("sip", "sip"), ("iax", "iax2")):
            rows = sorted(self.rows(table), key=lambda row: row["keyword"], reverse=True)
            rows.sort(key=lambda row: row["flags"])
            for row in rows:
                if row["keyword"] == "account" and row["flags"] != 1:
                    mine = [r for r in rows if r["id"] == row["id"] and r["flags"] != 1]
                    keys = {r["keyword"]: r["data"] for r in mine}
                    driver = "pjsip" if techs.get(row["id"]) == "pjsip" else tech
                    self.loaded.setdefault(driver, {})[row["data"]] = keys
        return 0

    def console(self, command: str) -> str:
        """What it prints."""
        self.asked.append(command)
        words = command.split()
        if command == "core show version":
            return "Asterisk 1.8.20.0 built by nobody\n"
        if command.startswith("module show like"):
            return f"{words[-1]}  Running\n" if words[-1] in self.modules else "0 modules loaded\n"
        if command == "dialplan show":
            return samples.DIALPLAN
        if command == "queue show":
            return samples.QUEUES
        if command.startswith("database "):
            return self._database_command(command)
        tech = words[0]
        there = self.loaded.get(tech, {})
        if words[1:3] == ["show", "endpoints"]:
            return "".join(f" Endpoint:  {name}   Unavailable 0 of inf\n" for name in there)
        if words[1:3] == ["show", "peers"]:
            return "Name/username  Host\n" + "".join(f"{name}/{name}   x\n" for name in there)
        key = words[-1]
        if key not in there:
            return f"Peer {key} not found.\n"
        sample = {"iax2": samples.IAX2_PEER, "pjsip": samples.PJSIP_ENDPOINT}.get(tech, samples.SIP_PEER)
        keys = there[key]
        secret = "<Set>" if keys.get("secret") else "<Not set>"
        told = {
            "context": keys.get("context", ""),
            "limit": "0",
            "callerid": keys.get("callerid", ""),
            "secret": secret,
        }
        return sample.format(blank=" ", name=key, **told)

    def _database_command(self, command: str) -> str:
        if command.startswith("database show "):
            family = command.split()[2]
            lines = [f"/{p:<50}: {v:<25}" for p, v in sorted(self.astdb.items()) if p.startswith(f"{family}/")]
            return "".join(f"{line}\n" for line in lines) + f"{len(lines)} results found.\n"
        if self.refuse_at is not None:
            self.refuse_at -= 1
            if self.refuse_at < 0:
                self.refuse_at = None
                return "Failed to update entry\n"
        if match := re.fullmatch(r'database put (\S+) (\S+) "(.*)"', command):
            self.set(f"{match[1]}/{match[2]}", re.sub(r"\\(.)", r"\1", match[3]))
            return "Updated database successfully\n"
        match = re.fullmatch(r"database del (\S+) (\S+)", command)
        assert match is not None, command
        gone = self.astdb.get(f"{match[1]}/{match[2]}")
        self.set(f"{match[1]}/{match[2]}", None)
        return "Database entry does not exist.\n" if gone is None else "Database entry removed.\n"


class Tables:
    """Books of that server. `fail_at`: the how-many-eth statement that changes something fails, and how."""

    user = "ccops-control"

    def __init__(self, server: Server) -> None:
        self._session = _Session(server)
        self.sent: list[str] = []
        self.fail_at: int | None = None
        self.how = "refused"

    async def query(self, node: str, sql: str, params: Any = (), *, timeout_s: float = 5.0) -> list[dict[str, Any]]:
        return self._session.run(sql, params)[1]

    async def change(self, node: str, sql: str, params: Any = (), *, timeout_s: float = 5.0) -> int:
        self.sent.append(sql)
        struck = False
        if self.fail_at is not None:
            self.fail_at -= 1
            struck = self.fail_at < 0
            self.fail_at = None if struck else self.fail_at
        if struck and self.how == "refused":
            raise Refused("MySQL refused the statement: 1142 denied")
        if struck and self.how == "lost":
            raise LinkLost("the MySQL connection was lost")
        try:
            count, _ = self._session.run(sql, params)
        except pymysql.MySQLError as error:
            raise Refused(f"MySQL refused the statement: {error}") from None
        if struck:  # it was done, and its answer is lost
            raise LinkLost("the MySQL connection was lost")
        return count

    async def close(self) -> None:
        """Nothing is held."""


def cell(rows: Sequence[Mapping[str, Any]], **where: str) -> Mapping[str, Any]:
    """The one row of these."""
    found = [row for row in rows if all(str(row[name]) == value for name, value in where.items())]
    assert len(found) == 1, (where, found)
    return found[0]
