"""Deeds: which AMI actions they are for which Asterisk, what refuses them, and what must be seen of them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from ccops.callcentre import effects
from ccops.callcentre.deeds import Deed, Impossible, Site
from ccops.callcentre.drawing import draw
from ccops.callcentre.fold import fold
from ccops.callcentre.model import Caller, Centre, Channel, Talk
from tests.callcentre.ami import T0, ev, listed, member, params

OWN = "SIP/1001"
REDIRECT = "Redirect Channel=SIP/gxw4108-00000023 Context=ext-queues Exten=401 Priority=1"
BAD = (
    "SIP/101\r\nAction: Command\r\nCommand: core stop now",
    "SIP/101\nx",
    "SIP/101,qw&SIP/102",
    "SIP/101|w",
    "SIP/${SHELL(id)}",
    "SIP/101;rm -rf /",
    "SIP/101 x",
    "SIP/`id`",
    "SIP/[red]101",
    "SIP/\x1b[2J",
    "SIP/" + "1" * 200,
    "SIP",
    "",
)


def centre(version: str = "16.28.0", talking: bool = True) -> Centre:
    """101 (static, in both queues), 102 (dynamic in 400), Agent/9000; 101 talks, three wait in 400."""
    found = listed(
        params("400"),
        member("400", "SIP/101", 2, penalty=1),
        member("400", "SIP/102", membership="dynamic"),
        member("400", "Agent/9000", membership="dynamic"),
        params("401"),
        member("401", "SIP/101", 2, penalty=3, paused=1, pausedreason="Baño"),
        version=version,
    )
    channels = {
        "1.1": Channel("SIP/gxw4108-00000001", "1.1", "Up", "0991", bridge="b"),
        "1.2": Channel("SIP/101-00000002", "1.2", "Up", bridge="b", since=T0),
        "1.9": Channel("SIP/1012-00000009", "1.9", "Up", bridge="c", since=T0 + 1),
        **{f"2.{n}": Channel(f"SIP/gxw4108-0000002{n}", f"2.{n}", "Up", f"099{n}") for n in (1, 2, 3)},
    }
    callers = tuple(Caller(f"2.{n}", "400", f"099{n}", "", n, T0, f"SIP/gxw4108-0000002{n}") for n in (1, 2, 3))
    queues = {**found.queues, "400": replace(found.queues["400"], callers=callers)}
    talks = {"SIP/101": Talk("SIP/101", "400", "0991", "", T0, "1.1")} if talking else {}
    return replace(found, channels=channels, queues=queues, talks=talks)


def sent(deed: Deed, version: str = "16.28.0", site: Site | None = None) -> list[str]:
    found = draw(deed, centre(version), site or Site(version))
    return [f"{a.name} {' '.join(f'{k}={v}' for k, v in a.fields.items())}" for a in found.actions]


def why(deed: Deed, version: str = "16.28.0", site: Site | None = None) -> str:
    with pytest.raises(Impossible) as caught:
        draw(deed, centre(version), site or Site(version))
    return f"{caught.value} {caught.value.way_out}"


@pytest.mark.parametrize(
    ("deed", "version", "actions"),
    [
        (Deed("pause", "SIP/101"), "1.4.44", ["QueuePause Interface=SIP/101 Paused=true"]),
        (Deed("pause", "SIP/101", "400"), "22.0", ["QueuePause Interface=SIP/101 Paused=true Queue=400"]),
        (Deed("pause", "SIP/101", reason="Baño"), "1.8.32", ["QueuePause Interface=SIP/101 Paused=true Reason=Baño"]),
        (Deed("unpause", "SIP/101"), "11.25", ["QueuePause Interface=SIP/101 Paused=false"]),
        (
            Deed("add", "SIP/102", "401", penalty=2),
            "1.4.44",
            ["QueueAdd Queue=401 Interface=SIP/102 Penalty=2 Paused=false"],
        ),
        (
            Deed("add", "SIP/102", "401"),
            "13.1",
            ["QueueAdd Queue=401 Interface=SIP/102 Penalty=0 Paused=false MemberName=Agent SIP/102"],
        ),
        (Deed("remove", "SIP/102", "400"), "1.4.44", ["QueueRemove Queue=400 Interface=SIP/102"]),
        (Deed("penalty", "SIP/101", "400", penalty=5), "1.6.2", ["QueuePenalty Interface=SIP/101 Penalty=5 Queue=400"]),
        (Deed("logout", "SIP/102"), "16.28", ["QueueRemove Queue=400 Interface=SIP/102"]),
        (Deed("logout", "Agent/9000"), "1.8.0", ["AgentLogoff Agent=9000 Soft=true"]),
        (Deed("hangup", "SIP/101"), "16.28", ["Hangup Channel=SIP/gxw4108-00000001"]),
        (Deed("hangup", caller="2.2"), "1.4.44", ["Hangup Channel=SIP/gxw4108-00000022"]),
        (Deed("move", caller="2.3", to="401"), "1.8.0", [REDIRECT]),
        (
            Deed("move", caller="2.3"),
            "16.28",
            [
                "Setvar Channel=SIP/gxw4108-00000023 Variable=QUEUE_PRIO Value=10",
                REDIRECT.replace("401", "400"),
            ],
        ),
        *(
            (
                Deed("move", caller="2.3"),
                version,
                [
                    "QueueChangePriorityCaller Queue=400 Caller=SIP/gxw4108-00000023 Priority=10 Immediate=yes"
                ],
            )
            for version in ("18.20.0", "20.5.1", "21.0.0", "22.1.0")
        ),
    ],
)  # fmt: skip
def test_a_deed_is_these_actions(deed: Deed, version: str, actions: list[str]) -> None:
    assert sent(deed, version) == actions


@pytest.mark.parametrize(
    ("kind", "version", "data"),
    [
        ("listen", "1.4.44", "SIP/101-00000002|q"),
        ("whisper", "1.6.2", "SIP/101-00000002,qw"),
        ("whisper", "16.28", "SIP/101-00000002,qwES"),
        ("barge", "11.0", "SIP/101-00000002,qBES"),
    ],
)
def test_one_listens_to_that_channel_and_to_no_longer_name(kind: str, version: str, data: str) -> None:
    found = draw(Deed(kind, "SIP/101", extension=OWN), centre(version), Site(version))  # type: ignore[arg-type]
    (action,) = found.actions
    assert (action.fields["Channel"], action.fields["Application"], action.fields["Data"]) == (OWN, "ChanSpy", data)
    assert action.needs == ("call" if version == "1.4.44" else "originate")


@pytest.mark.parametrize(
    ("deed", "version", "told"),
    [
        (Deed("pause", "SIP/101", reason="Baño"), "1.4.44", "takes no reason"),
        (Deed("penalty", "SIP/101", penalty=5), "1.4.44", "before 1.6"),
        (Deed("barge", "SIP/101", extension=OWN), "1.6.2", "before 1.8"),
        (Deed("pause", "SIP/999"), "16.28", "no member of any queue"),
        (Deed("pause", "SIP/102", "401"), "16.28", "no member of 401; it is one of 400"),
        (Deed("pause", "SIP/102", "nothing"), "16.28", "there is no queue 'nothing'; there are 400, 401"),
        (Deed("add", "SIP/101", "401"), "16.28", "already"),
        (Deed("remove", "SIP/101", "400"), "16.28", "static member"),
        (Deed("remove", "SIP/101"), "16.28", "not said from which queue"),
        (Deed("logout", "SIP/101"), "16.28", "never logs in or out"),
        (Deed("hangup", "SIP/102"), "16.28", "on no call"),
        (Deed("hangup", caller="7.7"), "16.28", "not up any more"),
        (Deed("listen", "SIP/101"), "16.28", "extension ="),
        (Deed("listen", "SIP/102", extension=OWN), "16.28", "on no call"),
        (Deed("move", caller="2.1"), "16.28", "the first of 400 already"),
        (Deed("move", caller="2.2", to="400"), "16.28", "waits in 400 already"),
        (Deed("move", caller="7.7"), "16.28", "does not wait"),
        (Deed("penalty", "SIP/101", penalty=-1), "16.28", "from 0 to 999"),
    ],
)
def test_what_is_not_possible_says_why(deed: Deed, version: str, told: str) -> None:
    assert told in why(deed, version)


def test_the_dialers_agents_are_left_to_the_dialer() -> None:
    dialer = Site("16.28", dialer=frozenset({"SIP/102", "SIP/101", "Agent/9000"}))
    for deed in (Deed("pause", "SIP/102"), Deed("logout", "Agent/9000")):
        assert "whose dialer would undo it" in why(deed, site=dialer)
    for deed in (Deed("remove", "SIP/102", "400"), Deed("add", "SIP/102", "401")):
        assert "whose dialer would undo another one" in why(deed, site=dialer)
    assert sent(Deed("pause", "SIP/101"), site=dialer)  # a member by configuration is none of its
    assert sent(Deed("hangup", "SIP/101"), site=dialer)
    assert "is not known" in draw(Deed("pause", "SIP/102"), centre(), Site("16.28")).notices[-1]
    assert not draw(Deed("pause", "SIP/102"), centre(), Site("16.28", dialer=frozenset())).notices


def test_what_the_manager_user_may_not_do_is_told_with_the_class_it_takes() -> None:
    site = Site("16.28", allowed=frozenset({"ping", "queuepause"}))
    assert sent(Deed("pause", "SIP/101"), site=site)
    assert "write=call" in why(Deed("hangup", "SIP/101"), site=site)
    assert "write=originate" in why(Deed("listen", "SIP/101", extension=OWN), site=site)


def test_the_way_into_a_queue_is_what_the_settings_say() -> None:
    site = Site("16.28", places={"401": ("from-internal", "8001")})
    assert sent(Deed("move", caller="2.2", to="401"), site=site)[0].endswith(
        "Context=from-internal Exten=8001 Priority=1"
    )


@pytest.mark.parametrize("text", BAD)
@pytest.mark.parametrize("kind", ["pause", "unpause", "penalty", "logout", "hangup", "listen", "whisper", "barge"])
def test_no_name_of_an_agent_is_more_than_a_name(kind: str, text: str) -> None:
    why(Deed(kind, text, extension=OWN))  # type: ignore[arg-type]


@pytest.mark.parametrize("text", BAD)
def test_nothing_typed_is_more_than_what_it_stands_for(text: str) -> None:
    why(Deed("add", text, "400"))
    why(Deed("add", "SIP/103", text))
    why(Deed("remove", "SIP/102", text or "x"))
    why(Deed("listen", "SIP/101", extension=text))
    why(Deed("move", caller=text))
    why(Deed("move", caller="2.2", to=text or "x"))


@pytest.mark.parametrize("text", ["a\r\nAction: x", "a\nb", "a\0b", "a|b", "\x1b[31m", "x" * 80, "ñ" * 40, "a\u202eb"])
def test_a_reason_is_one_line_that_asterisk_keeps(text: str) -> None:
    assert "reason" in why(Deed("pause", "SIP/101", reason=text))


@pytest.mark.parametrize(
    "text", ["[red]Almuerzo[/]", "${SHELL(id)}", "'; DROP TABLE audit; --", "$(id)", "Almuerzo, 30"]
)
def test_a_reason_is_a_field_and_nothing_that_is_run(text: str) -> None:
    (action,) = draw(Deed("pause", "SIP/101", reason=text), centre(), Site("16.28")).actions
    assert action.fields["Reason"] == text


@pytest.mark.parametrize("name", ["SIP/x-1,w", "SIP/x-1|w", "SIP/x-1&SIP/y", "SIP/${EVAL(x)}-1", "SIP/x\r\n-1", ""])
def test_a_channel_with_a_strange_name_is_not_sent(name: str) -> None:
    strange = replace(centre(talking=False), channels={"9.9": Channel(name, "9.9", "Up")})
    with pytest.raises(Impossible):
        draw(Deed("hangup", caller="9.9"), strange, Site("16.28"))
    found = centre()
    queue = replace(found.queues["400"], callers=(Caller("8.1", "400", "1", "", 2, T0, name),))
    with pytest.raises(Impossible):
        draw(Deed("move", caller="8.1", to="401"), replace(found, queues={**found.queues, "400": queue}), Site("16.28"))


@pytest.mark.parametrize(
    "place", [("ext-queues,1", "400"), ("ext", "400\r\nx"), ("", "400"), ("ext", "4 0"), ("e", "$x")]
)
def test_a_place_in_the_dialplan_is_a_context_and_an_extension(place: tuple[str, str]) -> None:
    assert "no extension of the dialplan" in why(
        Deed("move", caller="2.2", to="401"), site=Site("16.28", places={"401": place})
    )


def test_what_undoes_it() -> None:
    def inverse(deed: Deed) -> Deed | None:
        return draw(deed, centre(), Site("16.28")).inverse

    assert inverse(Deed("pause", "SIP/101", "400")) == Deed("unpause", "SIP/101", "400")
    assert inverse(Deed("unpause", "SIP/101")) == Deed("pause", "SIP/101", reason="Baño")
    assert inverse(Deed("add", "SIP/102", "401")) == Deed("remove", "SIP/102", "401")
    assert inverse(Deed("remove", "SIP/102", "400")) == Deed("add", "SIP/102", "400")
    assert inverse(Deed("penalty", "SIP/101", "400", penalty=9)) == Deed("penalty", "SIP/101", "400", penalty=1)
    assert inverse(Deed("penalty", "SIP/101", penalty=9)) is None  # it is not one figure that it had
    assert inverse(Deed("hangup", "SIP/101")) is None


def test_who_loses_something_by_it_is_asked_about() -> None:
    def hurts(deed: Deed) -> bool:
        return draw(deed, centre(), Site("16.28")).hurts

    assert hurts(Deed("hangup", "SIP/101"))
    assert hurts(Deed("logout", "SIP/102"))
    assert hurts(Deed("remove", "SIP/102", "400"))
    assert hurts(Deed("move", caller="2.2"))
    assert not hurts(Deed("pause", "SIP/101"))
    assert not hurts(Deed("add", "SIP/102", "401"))


def test_an_effect_is_what_the_events_show() -> None:
    before = centre()

    def after(deed: Deed, *events: dict[str, str]) -> bool:
        drawing, now = draw(deed, before, Site("16.28")), before
        assert not effects.seen(drawing, before, before)
        for event in events:
            now = fold(now, event, T0 + 1)
        return effects.seen(drawing, before, now)

    def paused(queue: str, reason: str = "Baño") -> dict[str, str]:
        return ev("QueueMemberPause", queue=queue, interface="SIP/101", paused=1, pausedreason=reason)

    assert not after(Deed("pause", "SIP/101"))
    assert after(Deed("pause", "SIP/101"), paused("400"))
    assert not after(Deed("pause", "SIP/101", reason="Almuerzo"), paused("400", "Almuerzo"))  # in 401 for another
    assert after(Deed("pause", "SIP/101", reason="Almuerzo"), paused("400", "Almuerzo"), paused("401", "Almuerzo"))
    assert after(Deed("unpause", "SIP/101"), ev("QueueMemberPause", queue="401", interface="SIP/101", paused=0))
    assert after(Deed("remove", "SIP/102", "400"), ev("QueueMemberRemoved", queue="400", interface="SIP/102"))
    assert after(Deed("logout", "SIP/102"), ev("QueueMemberRemoved", queue="400", interface="SIP/102"))
    assert after(Deed("logout", "Agent/9000"), ev("Agentlogoff", agent="9000"))
    assert after(Deed("hangup", "SIP/101"), ev("Hangup", uniqueid="1.1", channel="SIP/gxw4108-00000001"))
    assert not after(Deed("hangup", "SIP/101"), ev("Hangup", uniqueid="1.2", channel="SIP/101-00000002"))
    rings = ev("Newchannel", uniqueid="3.1", channel="SIP/1001-00000003", channelstatedesc="Ringing")
    assert after(Deed("listen", "SIP/101", extension=OWN), rings)
    assert not after(Deed("listen", "SIP/101", extension="SIP/100"), rings)


def test_a_move_is_seen_or_will_never_be() -> None:
    before, deed = centre(), Deed("move", caller="2.3", to="401")
    drawing = draw(deed, before, Site("16.28"))
    left = ev("QueueCallerLeave", queue="400", uniqueid="2.3", position=3)
    joined = ev("QueueCallerJoin", queue="401", uniqueid="2.3", position=1, channel="SIP/gxw4108-00000023")
    between = fold(before, left, T0 + 1)
    assert not effects.seen(drawing, before, between)
    assert effects.never(drawing, before, between) is None
    assert effects.seen(drawing, before, fold(between, joined, T0 + 1))
    gone = fold(between, ev("Hangup", uniqueid="2.3", channel="SIP/gxw4108-00000023"), T0 + 2)
    assert effects.never(drawing, before, gone) == "the caller has hung up"
