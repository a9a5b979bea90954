"""Active channels, from the events of the classes call and dialplan of Asterisk 1.4 to 23."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from ccops.callcentre.callers import take_out
from ccops.callcentre.draft import LIVED_ON_S, Draft, Handler
from ccops.callcentre.fields import Event, caller_name, caller_number, first, party, seconds
from ccops.callcentre.model import Channel
from ccops.callcentre.talks import end_talks_of


def channel_from(event: Event, old: Channel | None, since: float | None) -> Channel:
    """The channel that `event` tells of: what it does not say stays as in `old`; `since` dates one that is new."""
    known = old or Channel(name="", uniqueid=event.get("uniqueid", ""), since=since)
    return Channel(
        name=event.get("channel") or known.name,
        uniqueid=known.uniqueid,
        state=first(event, "channelstatedesc", "state") or known.state,
        number=caller_number(event) or known.number,
        caller_name=caller_name(event) or known.caller_name,
        connected=party(event.get("connectedlinenum", "")) or known.connected,
        context=event.get("context") or known.context,
        extension=first(event, "extension", "exten") or known.extension,
        application=event.get("application") or known.application,
        linkedid=event.get("linkedid") or known.linkedid,
        since=known.since,
        bridge=known.bridge,
    )


def listed_channel(event: Event, old: Channel | None, at: float) -> Channel:
    """A channel of a list: CoreShowChannel (1.6+) or Status (1.4). It began Duration (or Seconds) before `at`."""
    lasted = seconds(first(event, "duration", "seconds"))
    since = at - lasted if lasted is not None else None
    channel = channel_from(event, None, old.since if old is not None and old.since is not None else since)
    bridge = event.get("bridgeid")
    return replace(channel, bridge=old.bridge if bridge is None and old is not None else bridge or "")


def _appeared(draft: Draft, event: Event) -> None:
    _tell(draft, event, since=draft.at)


def _told(draft: Draft, event: Event) -> None:
    _tell(draft, event, since=None)


def _tell(draft: Draft, event: Event, since: float | None) -> Channel | None:
    uniqueid = event.get("uniqueid")
    if not uniqueid:
        return None
    channel = channel_from(event, draft.channels.now.get(uniqueid), since)
    draft.channels.put(uniqueid, channel)
    return channel


def _ran_dialplan(draft: Draft, event: Event) -> None:
    _tell(draft, event, since=None)
    # The extension `h` runs for a call that was hung up.
    _settle_abandoned(draft, event, lives_on=first(event, "extension", "exten") != "h")


def _dialled(draft: Draft, event: Event) -> None:
    _settle_abandoned(draft, event, lives_on=True)


def _settle_abandoned(draft: Draft, event: Event, lives_on: bool) -> None:
    uniqueid = event.get("uniqueid", "")
    left = draft.left.now.get(uniqueid)
    # Who left without that is about to be answered: AgentConnect needs to know who it was.
    if left is not None and left.abandoned:
        draft.settle(uniqueid, lives_on)


def _entered_bridge(draft: Draft, event: Event) -> None:
    channel = _tell(draft, event, since=None)
    if channel is None:
        return
    draft.channels.put(channel.uniqueid, replace(channel, bridge=event.get("bridgeuniqueid", "")))
    _settle_abandoned(draft, event, lives_on=True)


def _left_bridge(draft: Draft, event: Event) -> None:
    channel = draft.channels.now.get(event.get("uniqueid", ""))
    # Moved from one bridge to the next, a channel may enter before it leaves.
    if channel is not None and channel.bridge == event.get("bridgeuniqueid"):
        draft.channels.put(channel.uniqueid, replace(channel, bridge=""))


def _linked(draft: Draft, event: Event) -> None:
    linked = event.get("bridgestate", "Link") == "Link"
    pair = event.get("uniqueid1", ""), event.get("uniqueid2", "")
    for uniqueid in pair:
        channel = draft.channels.now.get(uniqueid)
        if channel is not None:
            draft.channels.put(uniqueid, replace(channel, bridge="+".join(pair) if linked else ""))


def _unlinked(draft: Draft, event: Event) -> None:
    for uniqueid in (event.get("uniqueid1", ""), event.get("uniqueid2", "")):
        channel = draft.channels.now.get(uniqueid)
        if channel is not None:
            draft.channels.put(uniqueid, replace(channel, bridge=""))


def _renamed(draft: Draft, event: Event) -> None:
    channel = draft.channels.now.get(event.get("uniqueid", ""))
    name = event.get("newname")
    if channel is not None and name:
        draft.channels.put(channel.uniqueid, replace(channel, name=name))


def _hung_up(draft: Draft, event: Event) -> None:
    uniqueid = event.get("uniqueid", "")
    draft.channels.drop(uniqueid)
    if not uniqueid:
        return
    draft.ringing.drop(uniqueid)
    left = draft.left.now.get(uniqueid)
    if left is not None:
        draft.settle(uniqueid, lives_on=draft.at - left.at > LIVED_ON_S)
    waiting = draft.waiting(uniqueid)
    if waiting is not None:
        draft.contradict(f"caller {uniqueid} hung up and had not left queue {waiting.queue!r}")
        take_out(draft, waiting)
    end_talks_of(draft, uniqueid)


HANDLERS: Mapping[str, Handler] = {
    "newchannel": _appeared,
    "newstate": _told,
    "newcallerid": _told,
    "newconnectedline": _told,
    "newexten": _ran_dialplan,
    "dialbegin": _dialled,
    "bridgeenter": _entered_bridge,
    "bridgeleave": _left_bridge,
    "bridge": _linked,  # 1.6 to 11, with Bridgestate from 1.8 on
    "link": _linked,  # 1.4
    "unlink": _unlinked,  # 1.4 to 11
    "rename": _renamed,
    "hangup": _hung_up,
}
