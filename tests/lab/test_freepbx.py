"""FreePBX' tables on a real pair: written in a real MySQL, applied to a real Asterisk, there on the other node too.

FreePBX itself is not in the lab. What stands for `amportal a r` writes sip_additional.conf from the tables as core's
generate_sip_additional does, and reloads.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pymysql
import pytest

from ccops.operations.plan import Request
from tests.lab.conftest import Lab, Watching
from tests.lab.test_exchange import LONG_CALLS, Exchange, cut_short, long_calls
from tests.lab.test_operations import Tell, calm, console
from tests.mariadb.freepbx import make
from tests.mariadb.server import Server

pytestmark = [pytest.mark.lab, pytest.mark.timeout(2400)]

AMPORTAL = r"""cat >/usr/sbin/amportal <<'SCRIPT'
#!/bin/sh
[ "$1 $2" = "a r" ] || exit 2
q() { mysql --default-character-set=utf8 -N asterisk -e "$1"; }
for id in $(q "SELECT id FROM sip WHERE keyword = 'account' AND flags <> 1"); do
    q "SELECT CONCAT('[', data, ']') FROM sip WHERE id = '$id' AND keyword = 'account'"
    q "SELECT CONCAT(keyword, '=', data) FROM sip WHERE id = '$id' AND keyword <> 'account' AND flags <> 1\
        ORDER BY flags"
done >/etc/asterisk/sip_additional.conf
asterisk -rx 'sip reload' && q "UPDATE admin SET value = 'false' WHERE variable = 'need_reload'"
SCRIPT
chmod 755 /usr/sbin/amportal"""
# The telephones and the gateway of the lab are in sip.conf itself, and their numbers are free in the tables.
FREE = (
    "DELETE FROM asterisk.users",
    "DELETE FROM asterisk.devices",
    "DELETE FROM asterisk.iax",
    "DELETE FROM asterisk.sip WHERE id IN ('101', 'tr-peer-1')",
    "DELETE FROM asterisk.trunks WHERE trunkid = 1",
    "DELETE FROM asterisk.outbound_route_trunks WHERE trunk_id = 1",
    "DELETE FROM asterisk.queues_details",
    "DELETE FROM asterisk.findmefollow",
    "ALTER TABLE asterisk.users CONVERT TO CHARACTER SET utf8",
    "ALTER TABLE asterisk.devices CONVERT TO CHARACTER SET utf8",
    "ALTER TABLE asterisk.sip CONVERT TO CHARACTER SET utf8",
)


class OnNode(Server):
    """The MySQL of the lab's first node, as whoever may do all."""

    def __init__(self, pair: Lab) -> None:
        super().__init__(Path("/nowhere"))
        self._env = pair.env

    def connect(self, database: str | None = None) -> pymysql.connections.Connection[Any]:
        return pymysql.connect(
            host="127.0.0.1",
            port=int(self._env["CCOPS_LAB_MYSQL1"]),
            user=self._env["CCOPS_LAB_MYSQL_USER"],
            password=self._env["CCOPS_LAB_MYSQL_PASSWORD"],
            database=database,
            autocommit=True,
        )


STANDING = (
    "SELECT id FROM devices; SELECT extension FROM users; SELECT id, keyword, data FROM sip ORDER BY 1, 2; "
    "SELECT trunkid, name, channelid, disabled FROM trunks ORDER BY 1"
)


def rows(pair: Lab, node: int, sql: str) -> Sequence[str]:
    """What a question to the tables prints on a node, a row a line."""
    return pair.ssh(node, f'mysql --default-character-set=utf8 -N asterisk -e "{sql}"').splitlines()


async def test_extensions_and_trunks_in_freepbx_tables(
    pair: Lab, watching: Watching, tmp_path: Path, shown_after: Tell
) -> None:
    server = OnNode(pair)
    make(server, "2.11")
    server.run(*FREE)
    for node in ("1", "2"):
        await pair.later("ssh", node, AMPORTAL)
    await pair.later("ssh", "1", "printf '\\n#include sip_additional.conf\\n' >>/etc/asterisk/sip.conf; amportal a r")
    async with console(pair, watching, tmp_path) as it:
        there = Exchange(pair, it, watching)
        assert re.search(r"Name +: voip", there.told("voip"))
        before = rows(pair, 1, STANDING)
        await long_calls(pair, watching)
        report = await there.edit("extension", "add", key="777", name="Lucía Gómez")
        assert "FreePBX" in report.plan.purpose or any("FreePBX" in c.text for c in report.plan.checks), report.plan
        assert re.search(r'Callerid +: "Lucía Gómez" <777>|Callerid +: "device" <777>', there.told("777"))
        assert rows(pair, 1, "SELECT id, dial FROM devices; SELECT extension, name FROM users") == [
            "777\tSIP/777",
            "777\tLucía Gómez",
        ]
        astdb = pair.ssh(1, "asterisk -rx 'database show AMPUSER 777'")
        assert re.search(r"/AMPUSER/777/cidname +: Lucía Gómez", astdb), astdb
        await there.edit("trunk", "add", key="second", host="127.0.0.31", channels="8")
        assert re.search(r"Addr->IP +: 127.0.0.31", there.told("second"))
        await there.edit("extension", "edit", key="777", name="Lucía Paz", call_group="3")
        assert rows(pair, 1, "SELECT name FROM users") == ["Lucía Paz"]
        assert re.search(r"Callgroup +: 3", there.told("777"))
        await long_calls(pair, watching)
        await there.edit("trunk", "disable", key="second")
        assert "Peer second not found" in there.told("second")
        refused = await it.refused(Request("extension", arguments={"do": "disable", "key": "777"}))
        assert "FreePBX has no extensions that are disabled" in refused
        await there.edit("trunk", "enable", key="second")
        assert re.search(r"Addr->IP +: 127.0.0.31", there.told("second"))
        await watching.until(lambda s: s.centre.value is not None and not s.centre.value.channels)
        assert not cut_short(pair, 1)
        shown_after("extension, trunk", f"the slowest of 5 edits in FreePBX' tables, {LONG_CALLS} calls", there.slowest)
        assert (await it.operate(Request("failover"))).ending == "done"
        await calm(watching)
        assert there.node == 2
        assert re.search(r"Callgroup +: 3", there.told("777"))
        await there.edit("extension", "delete", key="777")
        await there.edit("trunk", "delete", key="second")
        assert "Peer 777 not found" in there.told("777")
        assert rows(pair, 2, STANDING) == before
        assert "0 results found" in pair.ssh(2, "asterisk -rx 'database show AMPUSER 777'")
