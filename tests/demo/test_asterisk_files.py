"""Asterisk's files on the simulated volume: what its chan_sip makes of them, and that both nodes have them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ccops.demo.answers import Answer
from ccops.demo.asterisk_files import OWNED, sections
from ccops.demo.commands import act
from ccops.demo.exchange import Fields
from ccops.demo.lists import write_list
from ccops.demo.pair import SimulatedPair
from ccops.demo.traffic import CallCentre
from ccops.demo.world import Demo
from ccops.pbx import heard
from ccops.pbx.model import Extension, Trunk
from ccops.pbx.owned import OwnedFile
from tests.demo.conftest import log_in, until
from tests.demo.test_state_machine import diverge

Told = list[tuple[str, Fields]]
ANA = Extension("200", "Ana Lucía")
GATEWAY = Trunk("gw2", host="192.168.27.131", channels="2")


def console(pair: SimulatedPair, line: str, n: int = 0) -> str:
    """What `asterisk -rx LINE` prints."""
    answer = act(pair, n, ["asterisk", "-rx", line])
    assert isinstance(answer, Answer)
    assert answer.code == 0
    return answer.out


def put(pair: SimulatedPair, *entries: Extension | Trunk, n: int = 0) -> None:
    """ccops' own file has these, and chan_sip has read it."""
    file = OwnedFile("sip")
    for entry in entries:
        file = file.added(entry)
    pair.write_file(n, OWNED, file.text.encode())
    console(pair, "sip reload", n)


def centre_of(pair: SimulatedPair) -> tuple[CallCentre, Told]:
    centre, told = CallCentre(pair, 20, 0.6, 1), Told()
    centre.exchanges[0].listeners.append(lambda name, kind, fields: told.append((name, fields)))
    return centre, told


def listed(centre: CallCentre, name: str, n: int = 0) -> str | None:
    """A peer's status as AMI lists it."""
    answer = (write_list(centre.exchanges[n], "sippeers", {}) or b"").decode()
    for block in answer.split("\r\n\r\n"):
        if f"ObjectName: {name}\r\n" in block:
            return block.partition("Status: ")[2].partition("\r\n")[0]
    return None


def test_an_extension_that_is_added_appears_registers_and_goes() -> None:
    pair = SimulatedPair()
    centre, told = centre_of(pair)
    put(pair, ANA)
    assert [name for name, _ in told][-1] == "ChannelReload"
    assert listed(centre, "200") == "UNKNOWN"
    assert "200" in heard.peers(console(pair, "sip show peers"), "sip")
    assert heard.differs(ANA, heard.told(console(pair, "sip show peer 200"), "sip"), "sip") is None
    assert heard.told(console(pair, "sip show peer 200"), "sip")["status"] == "UNKNOWN"
    pair.step(6)
    of_it = [dict(fields) for name, fields in told if name == "PeerStatus" and ("Peer", "SIP/200") in fields]
    assert [fields["PeerStatus"] for fields in of_it] == ["Registered", "Reachable"]
    assert (listed(centre, "200") or "").startswith("OK (")
    put(pair, Extension("200", "Ana Lucía", disabled=True))
    assert listed(centre, "200") is None
    assert console(pair, "sip show peer 200") == "Peer 200 not found.\n"
    assert "200" not in heard.peers(console(pair, "sip show peers"), "sip")
    pair.step(6)
    assert listed(centre, "200") is None


def test_what_the_files_say_of_a_peer_is_shown() -> None:
    pair = SimulatedPair()
    centre_of(pair)
    put(pair, ANA, GATEWAY)
    for entry in (ANA, GATEWAY):
        key = "200" if entry is ANA else "gw2"
        assert heard.differs(entry, heard.told(console(pair, f"sip show peer {key}"), "sip"), "sip") is None
    said = heard.told(console(pair, "sip show peer 101"), "sip")
    assert (said["context"], said["secret"], said["callerid"]) == ("from-internal", "<Set>", '"Ana Torres" <101>')


def test_a_peer_that_stays_keeps_its_registration_and_calls_go_on() -> None:
    pair = SimulatedPair()
    centre, _ = centre_of(pair)
    put(pair, ANA)
    pair.step(60)
    up = set(centre.exchanges[0].channels)
    assert up
    put(pair, Extension("200", "Ana María"), GATEWAY)
    assert set(centre.exchanges[0].channels) == up
    assert (listed(centre, "200") or "").startswith("OK (")
    assert '"Ana María" <200>' in console(pair, "sip show peer 200")


def test_calls_come_in_by_a_trunk_that_is_added_as_many_as_it_has_channels() -> None:
    pair = SimulatedPair()
    centre, _ = centre_of(pair)
    put(pair, GATEWAY)
    pair.step(2)
    centre.flood("gw2", 6, 1.0)
    pair.step(3)
    assert centre.exchanges[0].busy_ports("gw2") == 2
    put(pair)
    pair.step(900)
    assert centre.exchanges[0].busy_ports("gw2") == 0
    assert "gw2" not in centre.exchanges[0].trunks


def test_who_is_silent_never_answers() -> None:
    pair = SimulatedPair()
    centre, _ = centre_of(pair)
    centre.silent |= {"200", "gw2"}
    put(pair, ANA, GATEWAY)
    pair.step(60)
    assert (listed(centre, "200"), listed(centre, "gw2")) == ("UNKNOWN", "UNKNOWN")
    centre.silent.clear()
    pair.step(3)
    assert (listed(centre, "200") or "").startswith("OK (")


def test_a_reload_that_fails_and_one_that_does_nothing() -> None:
    pair = SimulatedPair()
    centre, _ = centre_of(pair)
    pair.lie(0, ("asterisk", "-rx", "sip reload"), Answer("", 1, "Unable to connect\n"))
    answer = act(pair, 0, ["asterisk", "-rx", "sip reload"])
    assert isinstance(answer, Answer)
    assert answer.code == 1
    centre.exchanges[0].sip.deaf = True
    put(pair, ANA)
    assert listed(centre, "200") is None


def test_the_other_node_has_the_file_after_a_failover_and_the_telephones_come() -> None:
    pair = SimulatedPair()
    centre, _ = centre_of(pair)
    put(pair, ANA)
    pair.step(5)
    act(pair, 0, ["hb_standby", "all"])
    pair.step(60)
    assert pair.serving == (1,)
    assert (listed(centre, "200", 1) or "").startswith("OK (")


def test_sides_that_parted_have_files_of_their_own_until_one_is_given_up() -> None:
    pair = SimulatedPair()
    centre_of(pair)
    diverge(pair)
    pair.write_file(0, OWNED, b"mine")
    pair.write_file(1, "added.conf", b"only there")
    assert OWNED in pair.drbd.sides[1].asterisk
    assert pair.drbd.sides[1].asterisk[OWNED] != b"mine"
    assert "added.conf" not in pair.drbd.sides[0].asterisk


def test_dialplan_and_modules_are_told() -> None:
    pair = SimulatedPair()
    centre_of(pair)
    plan = heard.dialplan(console(pair, "dialplan show"))
    assert {"from-internal", "from-trunk", "ext-queues"} <= plan.contexts
    assert heard.used_otherwise("400", plan)
    assert heard.used_otherwise("101", plan) is None
    assert heard.used_otherwise("200", plan) is None
    assert "chan_sip.so" in console(pair, "module show like chan_sip.so")
    assert "0 modules loaded" in console(pair, "module show like chan_pjsip.so")


def test_sections_are_read_as_asterisk_does() -> None:
    files = {
        "sip.conf": b'[general]\nx=1\n#include "a.conf"\n#include sip.conf\n;[no]\n',
        "a.conf": b"key=none\n[200]\nsecret = a=b ; said\nname=>x\n;off [201]\n[202](tpl)\nhost=dynamic\nhost=h\n",
    }
    found = sections(files)
    assert found["200"] == {"secret": "a=b", "name": "x"}
    assert found["202"] == {"host": "h"}
    assert "201" not in found


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=200))
def test_any_file_can_be_read(data: bytes) -> None:
    pair = SimulatedPair(size=50_000)
    centre_of(pair)
    pair.write_file(0, OWNED, b"[300]\ntype=friend\n" + data)
    console(pair, "sip reload")
    console(pair, "sip show peers")


# On the node, by a real shell.


async def test_what_a_shell_writes_there_lies_on_both_sides(demo: Demo) -> None:
    async with log_in(demo, 0) as connection:
        found = await connection.run('cd "$CCOPS_ROOT/etc/asterisk" && pwd -P && ls -l sip_ccops.conf')
        assert str(found.stdout).splitlines()[0].endswith("/node1/data/asterisk")
        assert "-rw-r-----" in str(found.stdout)
        text = OwnedFile("sip").added(ANA).text
        await connection.run('cat >"$CCOPS_ROOT/etc/asterisk/sip_ccops.conf"', input=text)
        assert (await connection.run("asterisk -rx 'sip reload'")).exit_status == 0
        assert "Ana Lucía" in str((await connection.run("asterisk -rx 'sip show peer 200'")).stdout)
        assert str((await connection.run("cat /etc/asterisk/sip_ccops.conf")).stdout) == text
    assert demo.pair.drbd.sides[1].asterisk[OWNED].decode() == text
    async with log_in(demo, 1) as other:
        assert (await other.run("cat /etc/asterisk/sip_ccops.conf")).exit_status != 0
    demo.pair.heartbeat.standby(0)
    for _ in range(40):
        demo.pair.step(2)
    demo.refresh()
    await until(lambda: demo.pair.serving == (1,))
    async with log_in(demo, 1) as other:
        assert str((await other.run("cat /etc/asterisk/sip_ccops.conf")).stdout) == text


async def test_long_answers_come_whole() -> None:
    async with Demo(agents=1000) as demo, log_in(demo, 0) as connection:
        for line, end in (("sip show peers", "offline]"), ("dialplan show", "contexts. =-")):
            said = str((await connection.run(f"asterisk -rx '{line}'")).stdout)
            assert len(said) > 66_000
            assert said.rstrip().endswith(end)
