"""The same happenings in the spellings of Asterisk 1.4, 1.8, 11, 12 and 16."""

from __future__ import annotations

import pytest

from ccops.callcentre.agents import agents
from ccops.callcentre.fold import fold, fold_all
from ccops.callcentre.model import Centre, Endpoint
from ccops.callcentre.resync import actions_for, masked, resync, version_of, version_of_banner
from tests.callcentre.ami import T0, ev, listed, member, params, play

AGENT = "SIP/101"
VERSIONS = ("1.4.44", "1.8.32.3", "11.25.3", "12.8.2", "16.28.0")
MODERN = ("12.8.2", "16.28.0")


def start(version: str) -> Centre:
    return listed(params("400"), member("400", AGENT), version=version)


def call(version: str) -> list[dict[str, str]]:
    """A call that joins, rings and is answered, as that version tells it."""
    trunk, leg = "SIP/gxw4108-00000001", "SIP/101-00000002"
    queue = {"queue": "400", "uniqueid": "c1"}
    if version in MODERN:
        who = {"channel": trunk, "calleridnum": "0991", "calleridname": "Eva"}
        return [
            ev("QueueCallerJoin", **queue, **who, position=1, count=1),
            ev("AgentCalled", **queue, **who, destchannel=leg, interface=AGENT, membername="Ana"),
            ev("QueueCallerLeave", **queue, **who, position=1, count=0),
            ev("AgentConnect", **queue, **who, destchannel=leg, interface=AGENT, holdtime=7, ringtime=3),
        ]
    number = {"callerid": "0991"} if version == "1.4.44" else {"calleridnum": "0991"}
    called = {"agentcalled": AGENT, "channelcalling": trunk, **number}
    return [
        ev("Join", channel=trunk, **queue, **number, calleridname="Eva", position=1, count=1),
        ev("AgentCalled", **called) if version == "1.4.44" else ev("AgentCalled", **queue, **called),
        ev("Leave", channel=trunk, **queue, count=0),
        ev("AgentConnect", **queue, channel=leg, member=AGENT, membername="Ana", holdtime=7, bridgedchannel="c1"),
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_call_reads_the_same_in_every_version(version: str) -> None:
    join, called, leave, connect = call(version)
    c = play(start(version), (0, join), (1, called))
    (waiting,) = c.queues["400"].callers
    assert (waiting.number, waiting.name, waiting.position) == ("0991", "Eva", 1)
    assert agents(c, T0)[0].state == "ringing"
    c = play(c, (7, leave), (7, connect))
    talk = agents(c, T0)[0].talk
    assert talk is not None
    assert (talk.number, talk.name, talk.uniqueid, talk.interface) == ("0991", "Eva", "c1", AGENT)
    assert (c.queues["400"].handled, c.queues["400"].wait_total_s, c.ringing) == (1, 7.0, {})
    key = "interface" if version in MODERN else "member"
    done = {"queue": "400", "uniqueid": "c1", key: AGENT, "talktime": 60}
    c = play(c, (67, ev("AgentComplete", **done)))
    assert (agents(c, T0)[0].talk, agents(c, T0)[0].talk_total_s) == (None, 60.0)
    assert c.needs_resync is None


def test_dialplan_between_leaving_and_the_answer_does_not_lose_the_caller() -> None:
    join, called, leave, connect = call("11.25.3")
    macro = ev("Newexten", uniqueid="c1", extension="s", application="Macro")
    c = play(start("11.25.3"), (0, join), (1, called), (7, leave), (7, macro), (7, connect))
    talk = agents(c, T0)[0].talk
    assert talk is not None
    assert talk.number == "0991"


def test_a_number_that_nobody_saw_join_is_the_channels() -> None:
    channel = ev("Newchannel", channel="SIP/gxw4108-1", uniqueid="c1", calleridnum="0991", calleridname="Eva")
    c = play(start("11.25.3"), (0, channel), (9, call("11.25.3")[3]))
    assert (c.talks[AGENT].number, c.talks[AGENT].name) == ("0991", "Eva")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_pause_reads_the_same_in_every_version(version: str) -> None:
    name, key = ("QueueMemberPause", "interface") if version in MODERN else ("QueueMemberPaused", "location")
    reason = {"1.4.44": {}, "16.28.0": {"pausedreason": "Lunch"}}.get(version, {"reason": "Lunch"})
    where = {"queue": "400", key: AGENT, "membername": "Ana"}
    c = play(start(version), (5, ev(name, **where, paused=1, **reason)))
    paused = agents(c, T0)[0]
    assert (paused.state, paused.since) == ("paused", T0 + 5)
    assert paused.pause_reason == ("" if version == "1.4.44" else "Lunch")
    c = play(c, (9, ev(name, **where, paused=0, **reason)))
    assert (agents(c, T0)[0].state, agents(c, T0)[0].pause_reason) == ("free", "")


@pytest.mark.parametrize("key", ["location", "interface"])
def test_a_member_is_known_by_location_and_by_interface(key: str) -> None:
    c = start("16.28.0")
    c = play(
        c,
        (0, ev("QueueMemberAdded", queue="400", membername="Eva", status=1, paused=0, **{key: "SIP/102"})),
        (1, ev("QueueMemberStatus", queue="400", status=2, incall=1, **{key: "SIP/102"})),
        (2, ev("QueueMemberPenalty", queue="400", penalty=3, **{key: "SIP/102"})),
    )
    eva = c.queues["400"].members["SIP/102"]
    assert (eva.name, eva.status, eva.penalty, eva.in_call) == ("Eva", 2, 3, True)
    c = play(c, (3, ev("QueueMemberRemoved", queue="400", **{key: "SIP/102"})))
    assert list(c.queues["400"].members) == [AGENT]
    assert c.needs_resync is None


def test_in_call_is_isincall_in_11() -> None:
    c = listed(params("400"), member("400", AGENT, isincall=1), version="11.25.3")
    assert c.queues["400"].members[AGENT].in_call is True


def test_an_entry_without_uniqueid_is_the_caller_that_was_seen_joining() -> None:
    """1.4 lists no Uniqueid in QueueEntry."""
    c = play(start("1.4.44"), (0, call("1.4.44")[0]))
    entry = ev("QueueEntry", queue="400", position=1, channel="SIP/gxw4108-00000001", callerid="0991", wait=30)
    c = resync(c, {"QueueStatus": [params("400"), member("400", AGENT), entry]}, T0 + 31)
    (waiting,) = c.queues["400"].callers
    assert (waiting.uniqueid, waiting.joined_at) == ("c1", T0)
    unseen = listed(params("400"), entry, version="1.4.44", at=T0 + 31)
    assert unseen.queues["400"].callers[0].joined_at == T0 + 1
    after = fold(unseen, call("1.4.44")[2], T0 + 40)
    assert (after.queues["400"].callers, after.needs_resync) == ((), None), "it leaves by its channel"


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("1.4.44", (1, 4)),
        ("1.8.32.3", (1, 8)),
        ("11.25.3", (11, 25)),
        ("16.28.0~dfsg-0+deb11u4", (16, 28)),
        ("certified/13.8-cert4", (13, 8)),
        ("Asterisk 23.0.0", (23, 0)),
        ("SVN-branch-1.8-r12345", (1, 8)),
        ("GIT-20-abcdef", (20, 0)),
        ("", None),
        (None, None),
        ("unknown", None),
    ],
)
def test_versions_are_read(text: str | None, version: tuple[int, int] | None) -> None:
    assert version_of(text) == version


@pytest.mark.parametrize(
    ("banner", "version"),
    [
        ("Asterisk Call Manager/1.0", "1.4"),
        ("Asterisk Call Manager/1.1", "1.6"),
        ("Asterisk Call Manager/1.2", "10"),
        ("Asterisk Call Manager/1.3", "11"),
        ("Asterisk Call Manager/2.10.4", "12"),
        ("Asterisk Call Manager/5.0.4", "16"),
        ("Asterisk Call Manager/12.0.0", "23"),
        ("Asterisk Call Manager/1.7", None),
        ("SSH-2.0-OpenSSH_4.3", None),
    ],
)
def test_the_banner_tells_the_version_before_any_list(banner: str, version: str | None) -> None:
    assert version_of_banner(banner) == version


def test_each_version_is_asked_for_the_lists_it_has() -> None:
    asked = {
        version: [name for name, _ in actions_for(version)] for version in ("1.4.44", "11.25.3", "16.28.0", "22.1")
    }
    assert asked == {
        "1.4.44": ["QueueStatus", "Status", "SIPpeers"],
        "11.25.3": ["CoreSettings", "CoreStatus", "QueueStatus", "CoreShowChannels", "SIPpeers", "IAXpeerlist"],
        "16.28.0": [
            "CoreSettings",
            "CoreStatus",
            "QueueStatus",
            "CoreShowChannels",
            "SIPpeers",
            "IAXpeerlist",
            "PJSIPShowEndpoints",
        ],
        "22.1": ["CoreSettings", "CoreStatus", "QueueStatus", "CoreShowChannels", "IAXpeerlist", "PJSIPShowEndpoints"],
    }
    assert [name for name, _ in actions_for(None)] == asked["16.28.0"]


def test_a_masked_queue_is_polled_until_it_tells() -> None:
    c = start("1.8.32.3")
    assert masked(c) == ("400",)
    c = play(c, (0, ev("QueueMemberStatus", queue="400", location=AGENT, status=1)))
    assert masked(c) == ()
    again = resync(c, {"QueueStatus": [params("400"), member("400", AGENT)]}, T0 + 1)
    assert masked(again) == (), "a list does not mask it again"
    assert masked(start("16.28.0")) == ()


def test_the_agent_module_of_old_moves_agents() -> None:
    c = listed(params("400"), member("400", "Agent/9000", 5), version="1.8.32.3")
    c = play(c, (0, ev("Agentlogin", agent="9000", channel="SIP/101-1", uniqueid="c9")))
    assert agents(c, T0)[0].state == "free"
    c = play(c, (60, ev("Agentlogoff", agent="9000", logintime=60)))
    assert (agents(c, T0)[0].state, agents(c, T0)[0].since) == ("away", T0 + 60)


def test_channels_of_1_4_and_of_16() -> None:
    old = [
        ev("Newchannel", channel="SIP/101-b7", state="Ring", callerid="101", uniqueid="1.1"),
        ev(
            "Newexten",
            channel="SIP/101-b7",
            context="from-internal",
            extension="400",
            application="Queue",
            uniqueid="1.1",
        ),
        ev("Newstate", channel="SIP/101-b7", state="Up", callerid="101", uniqueid="1.1"),
        ev("Rename", oldname="SIP/101-b7", newname="SIP/101-b8", uniqueid="1.1"),
        ev("Link", channel1="SIP/101-b8", channel2="SIP/102-b9", uniqueid1="1.1", uniqueid2="1.2"),
    ]
    channel = fold_all(Centre(), old, T0).channels["1.1"]
    assert (channel.name, channel.state, channel.number, channel.context, channel.extension) == (
        "SIP/101-b8",
        "Up",
        "101",
        "from-internal",
        "400",
    )
    assert (channel.application, channel.since, channel.bridge) == ("Queue", T0, "1.1+1.2")
    unlinked = fold(fold_all(Centre(), old, T0), ev("Unlink", uniqueid1="1.1", uniqueid2="1.2"), T0)
    assert unlinked.channels["1.1"].bridge == ""
    new = [
        ev("Newchannel", channel="PJSIP/101-1", channelstatedesc="Up", uniqueid="1.1", linkedid="1.0", exten="s"),
        ev("NewConnectedLine", channel="PJSIP/101-1", connectedlinenum="0991", uniqueid="1.1"),
        ev("BridgeEnter", uniqueid="1.1", bridgeuniqueid="b2"),
        ev("BridgeLeave", uniqueid="1.1", bridgeuniqueid="b1"),
    ]
    c = fold_all(Centre(), new, T0)
    assert (c.channels["1.1"].connected, c.channels["1.1"].bridge, c.channels["1.1"].linkedid) == ("0991", "b2", "1.0")
    assert fold(c, ev("BridgeLeave", uniqueid="1.1", bridgeuniqueid="b2"), T0).channels["1.1"].bridge == ""
    assert fold(c, ev("Hangup", uniqueid="1.1"), T0).channels == {}


def test_channels_of_lists() -> None:
    lists = {
        "CoreShowChannels": [ev("CoreShowChannel", channel="SIP/101-1", uniqueid="1.1", duration="01:02:03")],
        "Status": [ev("Status", channel="SIP/102-1", uniqueid="1.2", seconds=5, state="Up", extension="400")],
    }
    c = resync(Centre(), lists, T0)
    assert c.channels["1.1"].since == T0 - 3723
    assert (c.channels["1.2"].since, c.channels["1.2"].state, c.channels["1.2"].extension) == (T0 - 5, "Up", "400")
    assert resync(c, lists, T0 + 7).channels["1.1"].since == T0 - 3723, "a known channel keeps its time"


PEERS = {
    "OK (12 ms)": ("reachable", 12),
    "LAGGED (2100 ms)": ("lagged", 2100),
    "UNREACHABLE": ("unreachable", None),
    "UNKNOWN": ("unknown", None),
    "Unmonitored": ("unmonitored", None),
    "": ("unknown", None),
}


@pytest.mark.parametrize("status", PEERS)
@pytest.mark.parametrize(("action", "tech"), [("SIPpeers", "SIP"), ("IAXpeerlist", "IAX2")])
def test_peers_of_lists(action: str, tech: str, status: str) -> None:
    entry = ev("PeerEntry", channeltype=tech, objectname="gw", ipaddress="10.0.0.9", ipport=5060, dynamic="no")
    c = resync(Centre(), {action: [{**entry, "status": status}]}, T0)
    state, latency = PEERS[status]
    assert c.endpoints == {f"{tech}/gw": Endpoint("gw", tech, state, latency, "10.0.0.9:5060", False, None)}  # type: ignore[arg-type]


def test_a_list_of_one_technology_keeps_the_others() -> None:
    sip = ev("PeerEntry", channeltype="SIP", objectname="101", status="OK (5 ms)", ipaddress="10.0.0.1", dynamic="yes")
    pjsip = ev("EndpointList", objectname="201", contacts="201/sip:201@10.0.0.2:5060,", devicestate="Not in use")
    c = resync(Centre(), {"SIPpeers": [sip], "IAXpeerlist": [], "PJSIPShowEndpoints": [pjsip]}, T0)
    assert {key: (e.state, e.address) for key, e in c.endpoints.items()} == {
        "SIP/101": ("reachable", "10.0.0.1"),
        "PJSIP/201": ("registered", "10.0.0.2:5060"),
    }
    assert set(resync(c, {"SIPpeers": []}, T0 + 1).endpoints) == {"PJSIP/201"}
    again = {"SIPpeers": [sip], "IAXpeerlist": [], "PJSIPShowEndpoints": [pjsip]}
    assert resync(c, again, T0 + 1).endpoints == c.endpoints
    refused = {"SIPpeers": [{"response": "Error", "message": "Invalid/unknown command"}]}
    assert set(resync(c, refused, T0 + 1).endpoints) == {"SIP/101", "PJSIP/201"}


def test_contacts_of_pjsip() -> None:
    entry = ev("EndpointList", objectname="201", contacts="", devicestate="Unavailable")
    c = resync(Centre(), {"PJSIPShowEndpoints": [entry]}, T0)
    assert c.endpoints["PJSIP/201"].state == "unregistered"
    where = {"uri": "sip:201@10.0.0.2:5060;ob", "endpointname": "201", "aor": "201"}
    c = play(c, (1, ev("ContactStatus", **where, contactstatus="Reachable", roundtripusec=23456)))
    phone = c.endpoints["PJSIP/201"]
    assert (phone.state, phone.latency_ms, phone.address, phone.since) == ("reachable", 23, "10.0.0.2:5060", T0 + 1)
    listed_now = ev("EndpointList", objectname="201", contacts="201/sip:201@10.0.0.2:5060", devicestate="In use")
    c = resync(c, {"PJSIPShowEndpoints": [listed_now]}, T0 + 2)
    assert (c.endpoints["PJSIP/201"].state, c.endpoints["PJSIP/201"].latency_ms) == ("reachable", 23)
    c = play(c, (3, ev("ContactStatus", **where, contactstatus="Removed")))
    assert (c.endpoints["PJSIP/201"].state, c.endpoints["PJSIP/201"].latency_ms) == ("unregistered", None)


def test_a_renewed_registration_does_not_hide_that_a_peer_answers() -> None:
    entry = ev(
        "PeerEntry", channeltype="SIP", objectname="101", status="OK (5 ms)", ipaddress="10.0.0.1", dynamic="yes"
    )
    c = resync(Centre(), {"SIPpeers": [entry]}, T0)
    c = play(c, (1, ev("PeerStatus", peer="SIP/101", peerstatus="Registered", address="10.0.0.7", port=5062)))
    phone = c.endpoints["SIP/101"]
    assert (phone.state, phone.latency_ms, phone.address) == ("reachable", 5, "10.0.0.7:5062")
    c = play(c, (2, ev("PeerStatus", peer="SIP/101", peerstatus="Lagged", time=2500)))
    assert (c.endpoints["SIP/101"].state, c.endpoints["SIP/101"].latency_ms) == ("lagged", 2500)
    c = play(c, (3, ev("PeerStatus", peer="SIP/101", peerstatus="Unregistered")))
    assert (c.endpoints["SIP/101"].state, c.endpoints["SIP/101"].since) == ("unregistered", T0 + 3)
