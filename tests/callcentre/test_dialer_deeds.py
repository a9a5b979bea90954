"""Deeds on agents of the call-center module: requests to their dialer, what refuses them, and what must be seen."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from ccops.callcentre import effects
from ccops.callcentre.campaigns import Break
from ccops.callcentre.deeds import Deed, Impossible, Site
from ccops.callcentre.dialer import ByDialer, break_called, dialers_name, logs_in_by_call, named_breaks
from ccops.callcentre.drawing import draw, is_the_dialers
from ccops.callcentre.fold import fold
from ccops.callcentre.model import Centre, Channel, Talk
from tests.callcentre.ami import T0, ev, listed, member, params
from tests.callcentre.test_deeds import BAD

BREAKS = (Break(2, "Almuerzo", "lunch"), Break(4, "Baño"), Break(7, "baño"), Break(9, "3"))
FREE = ByDialer(breaks=BREAKS, standing="online", requests=frozenset({"pauseagent", "unpauseagent", "logoutagent"}))
AGENTS = frozenset({"SIP/102", "SIP/101", "Agent/9000", "Agent/9001"})


def centre(talking: str = "") -> Centre:
    """102 is called back, 9000 and 9001 log in (9001 as Asterisk 12 and later has it), 101 is configured."""
    found = listed(
        params("400"),
        member("400", "SIP/101", 1),
        member("400", "SIP/102", 1, membership="dynamic"),
        member("400", "Agent/9000", 1),
        member("400", "Local/9001@agents", 1),
        params("401"),
        member("401", "SIP/102", 1, membership="dynamic"),
    )
    channels = {
        "1.1": Channel("SIP/gxw4108-00000001", "1.1", "Up", "0991", bridge="b"),
        "1.2": Channel("SIP/102-00000002", "1.2", "Up", bridge="b", since=T0),
        "1.3": Channel("SIP/1020-00000003", "1.3", "Up", bridge="c", since=T0),
    }
    talks = {talking: Talk(talking, "400", "0991", "", T0, "1.1")} if talking else {}
    return replace(found, channels=channels if talking else {}, talks=talks)


def site(by: ByDialer = FREE, agent: str = "SIP/102") -> Site:
    return Site("16.28", dialer=AGENTS, by_dialer={agent: by})


def sent(deed: Deed, by: ByDialer = FREE, talking: str = "") -> list[str]:
    found = draw(deed, centre(talking), site(by, deed.agent))
    return [f"{a.by} {a.name} {' '.join(f'{k}={v}' for k, v in a.fields.items())}" for a in found.actions]


def why(deed: Deed, by: ByDialer = FREE, talking: str = "") -> str:
    with pytest.raises(Impossible) as caught:
        draw(deed, centre(talking), site(by, deed.agent))
    return f"{caught.value} {caught.value.way_out}"


@pytest.mark.parametrize(
    ("deed", "request_"),
    [
        (Deed("pause", "SIP/102", pause="almuerzo"), "eccp pauseagent agent_number=SIP/102 pause_type=2"),
        (Deed("pause", "SIP/102", pause="4"), "eccp pauseagent agent_number=SIP/102 pause_type=4"),
        (Deed("pause", "SIP/102", pause="3"), "eccp pauseagent agent_number=SIP/102 pause_type=9"),  # a name goes first
        (Deed("unpause", "SIP/102"), "eccp unpauseagent agent_number=SIP/102"),
        (Deed("logout", "Agent/9000"), "eccp logoutagent agent_number=Agent/9000"),
        (Deed("pause", "Local/9001@agents", pause="2"), "eccp pauseagent agent_number=Agent/9001 pause_type=2"),
    ],
)
def test_a_deed_is_a_request_to_the_dialer(deed: Deed, request_: str) -> None:
    assert sent(deed) == [request_]


def test_who_is_the_dialers() -> None:
    for agent in ("SIP/102", "Agent/9000", "Local/9001@agents", "Local/9001@agents/n"):
        assert is_the_dialers(agent, centre(), site())
    for agent in ("SIP/101", "SIP/555", "Local/9002@agents", "Local/102@from-queue/n"):
        assert not is_the_dialers(agent, centre(), site())
    assert not is_the_dialers("SIP/102", centre(), Site("16.28", dialer=None))
    assert sent(Deed("pause", "SIP/101", reason="x")) == ["ami QueuePause Interface=SIP/101 Paused=true Reason=x"]
    assert sent(Deed("penalty", "SIP/102", penalty=2)) == ["ami QueuePenalty Interface=SIP/102 Penalty=2"]
    assert dialers_name("Local/9001@agents;rm") == "Local/9001@agents;rm"
    assert logs_in_by_call("Local/9001@agents")
    assert not logs_in_by_call("SIP/9001")


@pytest.mark.parametrize(
    ("deed", "by", "told"),
    [
        (Deed("pause", "SIP/102"), FREE, "Almuerzo, Baño, baño, 3 say which: --break NAME"),
        (Deed("pause", "SIP/102", reason="Almuerzo"), FREE, "'Almuerzo' is a reason say which"),
        (Deed("pause", "SIP/102", pause="Siesta"), FREE, "no active break 'Siesta'; there are Almuerzo"),
        (Deed("pause", "SIP/102", pause="BAÑO"), FREE, "several breaks are called 'BAÑO': give the number, 4 or 7"),
        (Deed("pause", "SIP/102", "400", pause="2"), FREE, "in every queue at once"),
        (Deed("unpause", "SIP/102", "400"), FREE, "in every queue at once"),
        (
            Deed("pause", "SIP/102", pause="2"),
            replace(FREE, standing="paused", break_id=4, break_name="Baño"),
            "is in the break Baño already unpause the agent first",
        ),
        (Deed("pause", "SIP/102", pause="2"), replace(FREE, standing="offline"), "not logged in to it"),
        (Deed("logout", "Agent/9000"), replace(FREE, standing="offline"), "not logged in to it"),
        (
            Deed("pause", "SIP/102", pause="2"),
            replace(FREE, requests=frozenset({"login"})),
            "this version of the dialer does not know pauseagent",
        ),
        (
            Deed("unpause", "SIP/102"),
            ByDialer("no user of ECCP is set", "set [pairs.NAME.eccp]"),
            "no user of ECCP is set, and SIP/102 is an agent of the call-center module, whose dialer would undo it "
            "within seconds if it were not told set [pairs.NAME.eccp]",
        ),
        (Deed("add", "SIP/102", "401"), FREE, "its queues are set in the PBX"),
        (Deed("remove", "Agent/9000", "400"), FREE, "its queues are set in the PBX"),
        (Deed("pause", "SIP/101", pause="2"), FREE, "no agent of the call-center module"),
        (Deed("pause", "SIP/999", pause="2"), FREE, "no agent of the call-center module"),
    ],
)
def test_what_is_not_possible_says_why(deed: Deed, by: ByDialer, told: str) -> None:
    assert told in why(deed, by)


def test_the_dialer_that_was_not_asked_does_nothing() -> None:
    with pytest.raises(Impossible, match="has not been asked yet"):
        draw(Deed("unpause", "SIP/102"), centre(), Site("16.28", dialer=AGENTS))


def test_an_old_dialer_that_does_not_tell_is_tried() -> None:
    assert sent(Deed("logout", "SIP/102"), replace(FREE, requests=None, standing="unknown"))


def test_a_call_is_hung_up_by_whoever_knows_it() -> None:
    talking = replace(FREE, standing="oncall", requests=None)
    hangup = Deed("hangup", "SIP/102")
    assert sent(hangup, talking, "SIP/102") == ["eccp hangup agent_number=SIP/102"]
    # What the dialer does not know (a call of the telephone's own) is Asterisk's.
    for by in (FREE, ByDialer("no user", "")):
        assert sent(hangup, by, "SIP/102") == ["ami Hangup Channel=SIP/gxw4108-00000001"]
    assert "on no call" in why(hangup, talking)
    drawing = draw(hangup, centre("SIP/102"), site(talking))
    assert (drawing.channel, drawing.hurts) == ("SIP/gxw4108-00000001", True)
    gone = fold(centre("SIP/102"), ev("Hangup", uniqueid="1.1", channel="SIP/gxw4108-00000001"), T0)
    assert not effects.seen(drawing, centre("SIP/102"), centre("SIP/102"))
    assert effects.seen(drawing, centre("SIP/102"), gone)


def test_what_is_undone_and_who_notices() -> None:
    paused = draw(Deed("pause", "SIP/102", pause="2"), centre(), site())
    assert (paused.inverse, paused.hurts, paused.notices) == (Deed("unpause", "SIP/102"), False, ())
    there = replace(FREE, standing="paused", break_id=2)
    assert draw(Deed("unpause", "SIP/102"), centre(), site(there)).inverse == Deed("pause", "SIP/102", pause="Almuerzo")
    gone = replace(FREE, standing="paused", break_id=77, break_name="Ya no")
    assert draw(Deed("unpause", "SIP/102"), centre(), site(gone)).inverse == Deed("pause", "SIP/102", pause="Ya no")
    out = draw(Deed("logout", "SIP/102"), centre("SIP/102"), site(replace(FREE, standing="oncall")))
    assert "the call that the agent is on ends" in out.notices
    assert out.hurts
    open_ = draw(Deed("unpause", "SIP/102"), centre(), site(replace(FREE, open_to_all=True)))
    assert "no ECCP password" in open_.notices[-1]


def test_an_effect_is_what_asterisk_shows() -> None:
    before = centre()
    paused = draw(Deed("pause", "SIP/102", pause="2"), before, site())
    one = fold(before, ev("QueueMemberPause", queue="400", interface="SIP/102", paused=1), T0)
    both = fold(one, ev("QueueMemberPause", queue="401", interface="SIP/102", paused=1), T0)
    assert [effects.seen(paused, before, now) for now in (before, one, both)] == [False, False, True]
    out = draw(Deed("logout", "Local/9001@agents"), before, site(agent="Local/9001@agents"))
    assert not effects.seen(out, before, before)
    away = fold(before, ev("QueueMemberStatus", queue="400", interface="Local/9001@agents", status=5), T0)
    assert effects.seen(out, before, away)


@pytest.mark.parametrize("text", BAD)
@pytest.mark.parametrize("kind", ["pause", "unpause", "logout", "hangup"])
def test_no_name_of_an_agent_is_more_than_a_name(kind: str, text: str) -> None:
    by = replace(FREE, standing="oncall", requests=None)
    hostile = Site("16.28", dialer=AGENTS | {text}, by_dialer={text: by})
    with pytest.raises(Impossible):
        draw(Deed(kind, text, pause="2"), centre(), hostile)  # type: ignore[arg-type]


def test_breaks_go_by_name_or_number() -> None:
    assert break_called(BREAKS, " ALMUERZO ") == BREAKS[0]
    assert isinstance(break_called((), "x"), str)
    assert named_breaks(()) == "none"
    assert named_breaks(tuple(Break(n, "") for n in range(1, 20))).endswith("12, …")
