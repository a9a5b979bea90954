"""ccops' own files: what is written is read again, what others wrote in a block is kept, the rest is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ccops.config import Secret
from ccops.pbx.gateway import device_settings, gxw4108
from ccops.pbx.model import Entry, Extension, Tech, Trunk, fields, key_of, kind_of
from ccops.pbx.owned import FIRST_LINE, NotOwned, OwnedFile, parse
from ccops.pbx.rules import Known, faults
from ccops.pbx.spelling import unspelt

ANA = Extension("101", "Ana Lucía", Secret("kR7pw2mNx4"), codecs="ulaw,alaw", mailbox="101@default")
GATEWAY = gxw4108("gxw4108", "192.168.27.130")
PROVIDER = Trunk("voip", "sip.example.org", username="u7", secret=Secret("aa22bbcc"), register="yes", channels="4")
SIP = f"""{FIRST_LINE}
;ccops extension 101
[101]
type=friend
host=dynamic
port=5060
secret=kR7pw2mNx4
callerid="Ana Lucía" <101>
context=from-internal
dtmfmode=rfc2833
directmedia=no
nat=force_rport,comedia
qualify=yes
disallow=all
allow=ulaw,alaw
mailbox=101@default
deny=0.0.0.0/0.0.0.0
permit=0.0.0.0/0.0.0.0

"""


@pytest.mark.parametrize("tech", ["sip", "pjsip", "iax2"])
@pytest.mark.parametrize("version", ["1.4.44", "11.25.3", "16.28.0", None])
@pytest.mark.parametrize("entry", [ANA, GATEWAY, PROVIDER, replace(ANA, disabled=True)])
def test_what_is_written_is_read_again(tech: Tech, version: str | None, entry: Entry) -> None:
    entry = replace(entry, tech=tech)
    if tech == "iax2":
        entry = replace(entry, **unspelt(kind_of(entry), tech))
    file = OwnedFile(tech).added(entry, version)
    again = parse(file.text, tech)
    assert again == file
    assert again.find(kind_of(entry), key_of(entry)) == entry
    assert again.text == file.text


def test_a_file_of_chan_sip() -> None:
    assert OwnedFile("sip").added(ANA).text == SIP


def test_each_version_is_spelt_its_own_way() -> None:
    old = OwnedFile("sip").added(ANA, "1.4.44").text
    assert "canreinvite=no" in old
    assert "nat=yes" in old
    assert "username=u7" in OwnedFile("sip").added(PROVIDER, "1.4.44").text.splitlines()
    new = OwnedFile("sip").added(PROVIDER, "16.28.0").text
    assert "defaultuser=u7\n" in new
    assert "callbackextension=u7\n" in new
    assert "call-limit=4\n" in new


def test_an_edit_keeps_what_has_no_field_and_the_order() -> None:
    text = SIP.replace("qualify=yes\n", "qualify = 2000 ; slow line\ncallcounter=yes\n; Ana's\n")
    file = parse(text, "sip")
    entry = file.find("extension", "101")
    assert isinstance(entry, Extension)
    assert entry.qualify == "2000"
    after = file.edited("extension", "101", replace(entry, name="Ana", call_group="1", mailbox=""))
    assert after.text == text.replace("Ana Lucía", "Ana").replace("mailbox=101@default\n", "").replace(
        "permit=0.0.0.0/0.0.0.0\n", "permit=0.0.0.0/0.0.0.0\ncallgroup=1\n"
    )


def test_a_key_that_stands_twice_is_written_once() -> None:
    file = parse(SIP.replace("deny=", "deny=10.0.0.0/8\ndeny="), "sip")
    entry = file.find("extension", "101")
    assert isinstance(entry, Extension)
    assert file.edited("extension", "101", replace(entry, deny="1.2.3.4")).text.count("deny=") == 1


def test_renamed_disabled_and_deleted() -> None:
    techs: tuple[Tech, ...] = ("sip", "pjsip", "iax2")
    for tech in techs:
        ana = replace(ANA, tech=tech)
        file = OwnedFile(tech).added(ana).added(GATEWAY)
        off = file.edited("extension", "101", replace(ana, disabled=True))
        lines = off.text.split(";ccops trunk")[0].splitlines()[2:]
        assert all(line.startswith(";off ") or not line for line in lines)
        assert off.edited("extension", "101", ana) == file
        moved = file.edited("extension", "101", replace(ana, number="102"))
        assert moved.find("extension", "101") is None
        assert moved.find("extension", "102") == replace(ana, number="102")
        assert "[101]" not in moved.text
        assert parse(moved.text, tech) == moved
        assert [key_of(entry) for entry in file.deleted("extension", "101").entries] == ["gxw4108"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[101]\ntype=friend\n", "was not written by ccops"),
        (SIP.rstrip("\n"), "cut off"),
        (f"{FIRST_LINE}\n[general]\n", "line 2 stands before"),
        (SIP + "[general]\nallowguest=yes\n", "section that ccops did not write"),
        (SIP + "  [102](101)\n", "section that ccops did not write"),
        (SIP + "#exec /bin/sh\n", "instruction"),
        (SIP + ";-- all of this\n", "comment of many lines"),
        (SIP + SIP.split("\n", 1)[1], "twice"),
        (SIP.replace("extension 101", "extension 101 off"), "in force within 101"),
    ],
)
def test_what_is_not_ours_is_refused(text: str, why: str) -> None:
    with pytest.raises(NotOwned, match=why):
        parse(text, "sip")


@given(st.text(max_size=200))
def test_any_text_is_kept_or_refused(text: str) -> None:
    for whole in (text, f"{FIRST_LINE}\n{text}", f"{SIP}{text}\n"):
        techs: tuple[Tech, ...] = ("sip", "pjsip", "iax2")
        for tech in techs:
            try:
                file = parse(whole, tech)
            except NotOwned:
                continue
            assert file.text == whole or not whole
            assert all(key_of(entry) for entry in file.entries)


_NASTY = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["x\n[evil]", "x\r\nhost=1", "x;y", "#exec rm", "a&b", "$(reboot)", "`id`", "${SHELL(id)}", "]", "[/red]",
         "\x1b[2J", "=cmd|' /C calc'!A0", "a\x00b", "x" * 256, "a\u202eb", "'; DROP TABLE sip; --", "=>x", ";--",
         "a\\", '"', "a ", "-x"]
    ),
)  # fmt: skip


@given(st.sampled_from(["extension", "trunk"]), st.data())
def test_no_field_writes_more_than_its_own_key(kind: str, data: st.DataObject) -> None:
    """Any text in any field is refused, or read again as itself, with as many sections and keys as without it."""
    base: Entry = ANA if kind == "extension" else PROVIDER
    field = data.draw(st.sampled_from([f for f in fields(kind_of(base)) if f != "disabled"]))
    text = data.draw(_NASTY)
    entry = replace(base, **{field: Secret(text) if field == "secret" else text})
    if faults(entry, Known()):
        return
    techs: tuple[Tech, ...] = ("sip", "pjsip", "iax2")
    for tech in techs:
        file = OwnedFile(tech).added(GATEWAY if kind == "extension" else ANA).added(entry)
        again = parse(file.text, tech)
        assert again == file
        found = again.find(kind_of(entry), key_of(entry))
        assert found is not None
        told = {f: getattr(found, f) for f in fields(kind_of(entry))}
        if tech == "sip" or (tech == "iax2" and field not in {"tech", *unspelt(kind_of(entry), tech)}):
            assert told[field] == getattr(entry, field)
        heads = [line for line in file.text.splitlines() if line.startswith("[")]
        assert {line for line in heads} <= {f"[{key_of(e)}]" for e in file.entries}
        assert len(file.text.split("\n")) == len(file.text.splitlines()) + 1


def test_the_gateway_is_told_what_to_type() -> None:
    assert GATEWAY.channels == "8"
    assert not faults(GATEWAY, Known(contexts=frozenset(["from-trunk"])))
    settings = device_settings(GATEWAY, "192.168.27.120", "400")
    told = {setting.label: setting.value for setting in settings}
    assert told["SIP Server"] == "192.168.27.120"
    assert told["SIP User ID"] == "ch1-8:gxw4108;"
    assert told["Unconditional Call Forward to VoIP"] == "ch1-8:400;"
