"""Asterisk itself on a real pair: extensions and trunks are changed under calls, and what was is counted."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from ccops.operations.audit import Audit
from ccops.operations.plan import Report, Request
from ccops.pbx.secret import generated
from tests.lab.conftest import Lab, Watching
from tests.lab.test_operations import Console, Tell, calm, console, seconds, toml

pytestmark = [pytest.mark.lab, pytest.mark.timeout(2400)]

OWN = "/etc/asterisk/sip_ccops.conf"
ANSWERS = " && ".join(
    f"asterisk -rx 'dialplan add extension 499,{line} into from-trunk'" for line in ("1,Answer()", "2,Wait(900)")
)
LONG_CALLS = 8


async def long_calls(pair: Lab, watching: Watching) -> None:
    """Calls through the gateway that nobody on Asterisk's side ends."""
    await pair.later("ssh", "1", ANSWERS)
    await pair.later("calls", str(LONG_CALLS), "499")
    await watching.until(lambda s: s.centre.value is not None and len(s.centre.value.channels) >= LONG_CALLS)


def cut_short(pair: Lab, node: int) -> list[str]:
    """The calls that ended otherwise than by their caller, who hangs up after 12, 45 or 120 s: lines of Master.csv."""
    rows = [line.split(",") for line in pair.ssh(node, "cat /var/log/asterisk/cdr-csv/Master.csv").splitlines()]
    # From the end: amaflags, uniqueid and userfield, before them disposition, billsec and duration.
    lasted = [(float(row[-5]), row) for row in rows if row[2] == '"499"']
    assert lasted, "no call has ended"
    return [",".join(row) for seconds, row in lasted if not any(0 <= seconds - after <= 3 for after in (12, 45, 120))]


class Exchange:
    """Edits on the node that serves, with what calls are up before and after each."""

    def __init__(self, pair: Lab, it: Console, watching: Watching) -> None:
        self.pair, self.it, self.watching = pair, it, watching
        self.slowest = 0.0

    @property
    def node(self) -> int:
        """The number of the node that serves."""
        return self.pair.names.index(self.watching.now.serving or "") + 1

    def told(self, name: str) -> str:
        """What Asterisk says of a peer."""
        return self.pair.ssh(self.node, f"asterisk -rx 'sip show peer {name}'")

    async def edit(self, kind: str, do: str, **given: str) -> Report:
        """One edit; its steps are printed."""
        secret = {"secret": self.it.executor.vault.put(generated())} if do == "add" and kind == "extension" else {}
        report = await self.it.operate(Request(kind, arguments={"do": do, **given, **secret}))
        print(kind, do, seconds(report), report.states[-1].said)
        assert report.ending == "done", report
        self.slowest = max(self.slowest, report.took_s)
        return report


async def test_extensions_and_trunks_are_edited_under_calls_and_over_a_failover(
    pair: Lab, watching: Watching, tmp_path: Path, shown_after: Tell
) -> None:
    async with console(pair, watching, tmp_path) as it:
        there = Exchange(pair, it, watching)
        # As long as there is no file of ccops' own, the refusal says how to make one: exactly that is done.
        way = await it.refused(Request("extension", arguments={"do": "add", "key": "777", "secret": "none"}))
        found = re.search(r"once, on \S+: (install .+? >> \S+)", way)
        assert found is not None, way
        await pair.later("ssh", "1", found[1])
        await pair.later("ssh", "1", "asterisk -rx 'sip reload'")
        await long_calls(pair, watching)
        started = pair.ssh(1, "asterisk -rx 'core show uptime seconds'")
        await there.edit("extension", "add", key="777", name="Lucía Gómez")
        assert re.search(r"Callerid +: \"Lucía Gómez\" <777>", there.told("777")), there.told("777")
        await there.edit("trunk", "add", key="second", host="127.0.0.31", channels="8")
        assert re.search(r"Call limit +: 8", there.told("second")), there.told("second")
        await there.edit("extension", "edit", key="777", name="Lucía Gómez Paz", call_group="3")
        assert "Lucía Gómez Paz" in there.told("777")
        await there.edit("trunk", "edit", key="second", channels="4")
        assert re.search(r"Call limit +: 4", there.told("second"))
        await long_calls(pair, watching)
        await there.edit("extension", "disable", key="777")
        assert "Peer 777 not found" in there.told("777")
        await there.edit("trunk", "disable", key="second")
        assert "Peer second not found" in there.told("second")
        await long_calls(pair, watching)
        await there.edit("extension", "enable", key="777")
        assert "Lucía Gómez Paz" in there.told("777")
        await there.edit("trunk", "enable", key="second")
        await there.edit("extension", "add", key="778", name="Hugo")
        await there.edit("extension", "delete", key="778")
        assert "Peer 778 not found" in there.told("778")
        await watching.until(lambda s: s.centre.value is not None and not s.centre.value.channels)
        assert not cut_short(pair, 1)
        assert pair.ssh(1, "asterisk -rx 'core show uptime seconds'").split()[-1] > started.split()[-1]
        shown_after("extension, trunk", f"the slowest of 10 edits, {LONG_CALLS} calls up", there.slowest)
        text = pair.ssh(1, f"cat {OWN}; stat -L -c '%U:%G %a' {OWN}")
        assert text.rstrip().endswith("asterisk:asterisk 640"), text
        report = await it.operate(Request("failover"))
        assert report.ending == "done", report
        await calm(watching)
        assert there.node == 2
        assert "Lucía Gómez Paz" in there.told("777")
        assert re.search(r"Call limit +: 4", there.told("second"))
        await there.edit("extension", "delete", key="777")
        await there.edit("trunk", "delete", key="second")
        assert "Peer 777 not found" in there.told("777")
        assert "Peer second not found" in there.told("second")
        records = Audit(tmp_path / "audit.jsonl").records()
        assert [record.ending for record in records].count("done") == 13, records
        assert "secret=" not in (tmp_path / "audit.jsonl").read_text()


PJSIP = r"""
cd /etc/asterisk
sed -i -e '/^noload = .*pjsip/d' -e 's/^load = chan_sip.so/noload = chan_sip.so/' modules.conf
printf '[transport-udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0:5060\n' >pjsip.conf
systemctl restart asterisk
for i in $(seq 200); do
    asterisk -rx 'module show like chan_pjsip' 2>/dev/null | grep -q Running && break
    sleep 1
done
"""


async def test_pjsip_is_edited_as_well(pair: Lab, watching: Watching, tmp_path: Path) -> None:
    """The same Asterisk with chan_pjsip in the place of chan_sip."""
    async with console(pair, watching, tmp_path) as it:
        there = Exchange(pair, it, watching)
        await pair.later("ssh", "1", PJSIP)
        await calm(watching)
        way = await it.refused(Request("extension", arguments={"do": "add", "key": "777", "secret": "none"}))
        found = re.search(r"once, on \S+: (install .+? >> \S+)", way)
        assert found is not None, way
        await pair.later("ssh", "1", found[1])
        await there.edit("extension", "add", key="777", name="Lucía Gómez", call_group="3")
        told = pair.ssh(1, "asterisk -rx 'pjsip show endpoint 777'")
        assert re.search(r"callerid +: \"Lucía Gómez\" <777>", told), told
        assert re.search(r"InAuth: +777/777", told), told
        await there.edit("trunk", "add", key="second", host="127.0.0.31", channels="8")
        told = pair.ssh(1, "asterisk -rx 'pjsip show endpoint second'")
        assert re.search(r"Contact: +second/sip:127.0.0.31", told), told
        assert re.search(r"Match: +127.0.0.31/32", told), told
        await there.edit("extension", "edit", key="777", name="Lucía Paz")
        assert "Lucía Paz" in pair.ssh(1, "asterisk -rx 'pjsip show endpoint 777'")
        await there.edit("extension", "disable", key="777")
        assert "Unable to find object 777" in pair.ssh(1, "asterisk -rx 'pjsip show endpoint 777'")
        await there.edit("extension", "enable", key="777")
        await there.edit("extension", "rename", key="777", to="779")
        assert "Lucía Paz" in pair.ssh(1, "asterisk -rx 'pjsip show endpoint 779'")
        assert (await it.operate(Request("failover"))).ending == "done"
        await calm(watching)
        assert there.node == 2
        assert "Lucía Paz" in pair.ssh(2, "asterisk -rx 'pjsip show endpoint 779'")
        await there.edit("extension", "delete", key="779")
        await there.edit("trunk", "delete", key="second")
        assert "No objects found" in pair.ssh(2, "asterisk -rx 'pjsip show endpoints'")


async def test_an_edit_that_asterisk_does_not_take_is_taken_back(pair: Lab, watching: Watching, tmp_path: Path) -> None:
    """The main file includes ccops' own no more when it reloads: nothing is seen, so it is taken back."""
    async with console(pair, watching, tmp_path) as it:
        await pair.later("ssh", "1", f"install -m 0640 -o asterisk -g asterisk /dev/null {OWN}")
        await pair.later("ssh", "1", "printf '\\n#include sip_ccops.conf\\n' >> /etc/asterisk/sip.conf")
        secret = it.executor.vault.put(generated())
        plan = await it.executor.prepare(
            Request("extension", arguments={"do": "add", "key": "777", "secret": secret, "context": "from-internal"})
        )
        assert not plan.refusals, plan.refusals
        sent = asyncio.Event()

        async def spoil() -> None:
            await sent.wait()
            await pair.later("ssh", "1", "sed -i 's/^#include sip_ccops.conf/;gone/' /etc/asterisk/sip.conf")

        spoiling = asyncio.create_task(spoil())
        report = await it.executor.run(plan, lambda progress: sent.set())
        await spoiling
        print(report.summary, report.safe_next)
        assert report.ending == "undone", report
        assert "777" not in pair.ssh(1, f"cat {OWN}")
        assert "not found" in pair.ssh(1, "asterisk -rx 'sip show peer 777'")


async def test_a_report_agrees_with_the_queue_log_of_calls_that_ran(
    pair: Lab, watching: Watching, tmp_path: Path
) -> None:
    settings = tmp_path / "ccops.toml"
    settings.write_text(toml(pair, tmp_path))
    for _ in range(2):
        await pair.later("calls", "9")
        await asyncio.sleep(20)
    # To the last caller: cobranza has nobody who answers, and gives up after 45 s.
    await watching.until(lambda s: s.centre.value is not None and not s.centre.value.channels)
    counted = count(pair.ssh(1, "cat /var/log/asterisk/queue_log"))
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "ccops", "-c", str(settings), "report", "--by", "queue", "--json"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = json.loads(done.stdout)["lines"]
    told = {
        line["key"]: Count(
            line["offered"],
            line["handled"],
            line["abandoned"],
            round(line["asa_s"] or 0, 1),
            round(line["longest_wait_s"]),
        )
        for line in lines
    }
    print(counted)
    assert sum(each.offered for each in counted.values()) == 18
    assert told == counted


class Count(NamedTuple):
    """Of one queue; seconds."""

    offered: int
    handled: int
    abandoned: int
    asa_s: float
    longest_wait_s: int


def count(log: str) -> dict[str, Count]:
    """By queue, from the queue_log's own lines, counted without ccops.

    A line: time|uniqueid|queue|agent|event|data1|…; the wait is data1 of CONNECT, data3 of ABANDON and
    EXITWITHTIMEOUT.
    """
    found: dict[str, list[tuple[str, float]]] = {}
    for line in log.splitlines():
        _, _, queue, _, event, *data = [*line.split("|"), "", "", ""]
        if event == "CONNECT":
            found.setdefault(queue, []).append((event, float(data[0])))
        elif event in ("ABANDON", "EXITWITHTIMEOUT"):
            found.setdefault(queue, []).append((event, float(data[2])))
        elif event == "ENTERQUEUE":
            found.setdefault(queue, []).append((event, 0.0))
    counted = {}
    for queue, rows in found.items():
        waits = [wait for event, wait in rows if event == "CONNECT"]
        entered = sum(event == "ENTERQUEUE" for event, _ in rows)
        asa = round(sum(waits) / len(waits), 1) if waits else 0.0
        gone = sum(event in ("ABANDON", "EXITWITHTIMEOUT") for event, _ in rows)
        counted[queue] = Count(entered, len(waits), gone, asa, round(max(wait for _, wait in rows)))
    return counted
