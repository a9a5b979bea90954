"""Lists read from Asterisk laid over what was folded: what they say replaces it, what only ccops knows stays.

When to ask: after each login and FullyBooted, whenever `Centre.needs_resync` gives a reason, every 60 to 300 s for
safety, and for the queues named by `masked` every 2 to 5 s. Live events must be kept back from before the first list
is asked for until the last one is complete, and then given to `fold.replay`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from msgspec.structs import replace

from ccops.callcentre.callers import renumbered
from ccops.callcentre.channels import listed_channel
from ccops.callcentre.draft import Draft
from ccops.callcentre.endpoints import key_of, listed_endpoint, listed_peer
from ccops.callcentre.fields import Event, caller_name, caller_number, count, identity, interface, number
from ccops.callcentre.members import member_from
from ccops.callcentre.model import Caller, Centre, Queue, Talk

Lists = Mapping[str, Sequence[Event]]
Action = tuple[str, Mapping[str, str]]

# A start date that differs by whole zones, give or take this, from the one known by its uptime is the same moment.
_SAME_MOMENT_S = 30.0
_ZONE_STEP_S = 900.0
_IN_CALL = frozenset({2, 3, 7, 8})
_BANNER = re.compile(r"/(\d{1,2})(?:\.(\d{1,2}))?")
# Up to 11 the protocol's version says little of Asterisk's; from 3.x (Asterisk 14) on it is eleven below it.
_BANNER_VERSIONS = {(1, 0): "1.4", (1, 1): "1.6", (1, 2): "10", (1, 3): "11"}
_VERSION = re.compile(r"(?<![\d.])(\d{1,2})(?:\.(\d{1,2}))?")


def version_of(text: str | None) -> tuple[int, int] | None:
    """(1, 4), (1, 8), (11, 25), (16, 28)… from CoreSettings' AsteriskVersion; None where it is not known."""
    found = _VERSION.search(text or "")
    return (int(found.group(1)), int(found.group(2) or 0)) if found else None


def version_of_banner(banner: str) -> str | None:
    """The oldest Asterisk that greets with `Asterisk Call Manager/5.0.4`; 1.4 has no CoreSettings to say it itself.

    1.0 is 1.4; 1.1 is 1.6 or 1.8; 1.2 is 10; 1.3 is 11; 2.x is 12 or 13; 5 is 16 … 12 is 23. None for other greetings.
    """
    found = _BANNER.search(banner)
    if found is None:
        return None
    major, minor = int(found.group(1)), int(found.group(2) or 0)
    if major == 2:
        return "12"
    return str(major + 11) if major > 2 else _BANNER_VERSIONS.get((major, minor))


def actions_for(version: str | None) -> tuple[Action, ...]:
    """What to ask an Asterisk of that version for, in order: pairs of the action and its fields.

    Where the version is not known, all that Asterisk 1.6 to 23 have: an unknown action costs one error message, which
    `resync` skips. Before the first CoreSettings, give what `version_of_banner` says.
    """
    known = version_of(version)
    names = ["CoreSettings", "CoreStatus"] if known is None or known >= (1, 6) else []
    names.append("QueueStatus")
    names += ["Status"] if known is not None and known < (1, 6) else ["CoreShowChannels"]
    if known is None or known < (21, 0):
        names.append("SIPpeers")
    if known is None or known >= (1, 6):
        names.append("IAXpeerlist")
    if known is None or known >= (12, 0):
        names.append("PJSIPShowEndpoints")
    return tuple((name, {}) for name in names)


def masked(centre: Centre) -> tuple[str, ...]:
    """Queues that tell nothing of their members: poll them, until a status event of theirs was seen.

    FreePBX leaves `eventmemberstatus` off; the option is gone from Asterisk 12 on, which always tells.
    """
    known = version_of(centre.asterisk_version)
    if known is not None and known >= (12, 0):
        return ()
    return tuple(queue.name for queue in centre.queues.values() if queue.members and not queue.status_events)


def resync(centre: Centre, lists: Lists, at: float, utc_offset_s: int | None = None) -> Centre:
    """The call centre as the lists have it, taken at `at` (seconds since the epoch).

    `lists` has, by the action's name (any case), the events of its list, or the response itself for CoreStatus and
    CoreSettings; a list that was not asked for, or answered with an error, changes nothing. An empty one is a list
    of nothing. Counters survive, and so do the times of what did not change; talks survive while the caller's channel
    does. Another start date of Asterisk ends all calls. `utc_offset_s` is the node's zone: without it a start date
    does not become `started_at`. Only QueueStatus ends `needs_resync`.
    """
    given = {name.lower(): events for name, events in lists.items() if not _refused(events)}
    draft = Draft(centre, at)
    version, mark = _facts(centre, given)
    if centre.start_mark and mark != centre.start_mark:
        draft.end_calls()
        draft.started_at = None
    draft.started_at = _started_at(draft.started_at, mark, utc_offset_s)
    channels = [*given.get("coreshowchannels", ()), *given.get("status", ())]
    if "coreshowchannels" in given or "status" in given:
        _read_channels(draft, channels)
    _read_endpoints(draft, given)
    if "queuestatus" in given:
        _read_queues(draft, given["queuestatus"])
    if "coreshowchannels" in given or "status" in given:
        _end_lost_talks(draft)
        _adopt_talks(draft)
    synced = "queuestatus" in given
    if synced:
        draft.needs_resync = None
    _compare_summary(draft, given.get("queuesummary", ()))
    return replace(
        draft.finish(),
        asterisk_version=version,
        start_mark=mark,
        synced_at=at if synced else centre.synced_at,
    )


def _refused(events: Sequence[Event]) -> bool:
    return any(event.get("response", "").lower() == "error" for event in events)


def _facts(centre: Centre, given: Lists) -> tuple[str | None, str]:
    version, mark = centre.asterisk_version, centre.start_mark
    for event in given.get("coresettings", ()):
        version = event.get("asteriskversion") or version
    for event in given.get("corestatus", ()):
        date, time = event.get("corestartupdate"), event.get("corestartuptime")
        mark = f"{date} {time}" if date and time else mark
    return version, mark


def _started_at(exact: float | None, mark: str, utc_offset_s: int | None) -> float | None:
    if utc_offset_s is None:
        return exact
    try:
        told = datetime.strptime(mark, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp() - utc_offset_s
    except (ValueError, OverflowError):
        return exact
    # FullyBooted's uptime needs no zone: believed while both agree up to a whole zone.
    if exact is not None:
        apart = (exact - told) % _ZONE_STEP_S
        if min(apart, _ZONE_STEP_S - apart) <= _SAME_MOMENT_S:
            return exact
    return told


def _read_channels(draft: Draft, events: Sequence[Event]) -> None:
    before = dict(draft.channels.now)
    draft.channels.clear()
    for event in events:
        uniqueid = event.get("uniqueid")
        if uniqueid and event.get("event", "").lower() in ("coreshowchannel", "status"):
            draft.channels.put(uniqueid, listed_channel(event, before.get(uniqueid), draft.at))


def _read_endpoints(draft: Draft, given: Lists) -> None:
    for action, tech in (("sippeers", "SIP"), ("iaxpeerlist", "IAX2"), ("pjsipshowendpoints", "PJSIP")):
        if action not in given:
            continue
        before = dict(draft.endpoints.now)
        for key, endpoint in before.items():
            if endpoint.tech == tech:
                draft.endpoints.drop(key)
        for event in given[action]:
            kind, name = event.get("event", "").lower(), event.get("objectname")
            old = before.get(f"{tech}/{name}")
            if name and kind == "peerentry":
                peer = listed_peer(event, tech, old, draft.at)
                draft.endpoints.put(key_of(peer), peer)
            elif name and kind == "endpointlist":
                endpoint = listed_endpoint(event, old, draft.at)
                draft.endpoints.put(key_of(endpoint), endpoint)


def _read_queues(draft: Draft, events: Sequence[Event]) -> None:
    before = dict(draft.queues.now)
    draft.queues.clear()
    waiting: dict[str, list[tuple[int, Caller]]] = {}
    for event in events:
        kind, name = event.get("event", "").lower(), event.get("queue", "")
        if not name:
            continue
        if kind == "queueparams":
            draft.queues.put(name, _queue(event, before.get(name), name, draft.at))
        elif kind == "queuemember" and interface(event):
            _read_member(draft, event, _listed(draft, name, before), before)
        elif kind == "queueentry":
            caller = _caller(event, before.get(name), draft.at)
            waiting.setdefault(_listed(draft, name, before), []).append((caller.position, caller))
    for name, callers in waiting.items():
        callers.sort(key=lambda one: one[0])
        unique = {caller.uniqueid: caller for _, caller in callers if caller.uniqueid}
        draft.queues.put(name, replace(draft.queue(name), callers=renumbered(list(unique.values()))))
    known = {caller.uniqueid for queue in draft.queues.now.values() for caller in queue.callers}
    for uniqueid in tuple(draft.ringing.now):
        if uniqueid not in known:
            draft.ringing.drop(uniqueid)


def _listed(draft: Draft, name: str, before: Mapping[str, Queue]) -> str:
    # A list that lost its QueueParams still tells of the queue.
    if name not in draft.queues.now:
        draft.queues.put(name, _queue({}, before.get(name), name, draft.at))
    return name


def _queue(event: Event, old: Queue | None, name: str, at: float) -> Queue:
    known = old or Queue(name=name, counted_since=at)
    level, reported = number(event, "servicelevel"), number(event, "completed")
    return replace(
        known,
        strategy=event.get("strategy") or known.strategy,
        service_level_s=level if level is not None and level >= 0 else known.service_level_s,
        weight=count(event, "weight", known.weight),
        callers=(),
        members={},
        reported_handled=reported if event else known.reported_handled,
        reported_abandoned=number(event, "abandoned") if event else known.reported_abandoned,
        history=known.history or (0,),
        unseen=known.unseen + _answered_unseen(known, reported),
    )


def _answered_unseen(known: Queue, reported: int | None) -> int:
    if known.handled or known.completed or known.reported_handled is None or reported is None:
        return 0
    return max(0, reported - known.reported_handled)


def _read_member(draft: Draft, event: Event, name: str, before: Mapping[str, Queue]) -> None:
    queue = before.get(name)
    old = queue.members.get(interface(event)) if queue is not None else None
    draft.put_member(member_from(event, name, old, draft.at, live=False))


def _caller(event: Event, queue: Queue | None, at: float) -> Caller:
    uniqueid, channel = identity(event), event.get("channel", "")
    old = None
    # QueueEntry has no Uniqueid in 1.4: a caller that joined under our eyes is known again by its channel.
    for one in queue.callers if queue is not None else ():
        if one.uniqueid == uniqueid or (channel and one.channel == channel):
            old = one
    return Caller(
        uniqueid=old.uniqueid if old is not None else uniqueid,
        queue=event.get("queue", ""),
        number=caller_number(event) or (old.number if old is not None else ""),
        name=caller_name(event) or (old.name if old is not None else ""),
        position=count(event, "position"),
        joined_at=old.joined_at if old is not None else at - count(event, "wait"),
        channel=channel,
    )


def _compare_summary(draft: Draft, events: Sequence[Event]) -> None:
    for event in events:
        name, told = event.get("queue", ""), number(event, "callers")
        if not name or told is None:
            continue
        known = len(draft.queues.now[name].callers) if name in draft.queues.now else None
        if known != told:
            draft.doubt(f"QueueSummary counts {told} callers in queue {name!r}, ccops {known}")


def _end_lost_talks(draft: Draft) -> None:
    alive = draft.channels.now
    for who, talk in tuple(draft.talks.now.items()):
        kept = [one for one in (*talk.earlier, replace(talk, earlier=())) if one.uniqueid in alive]
        if not kept:
            draft.talks.drop(who)
        elif len(kept) != len(talk.earlier) + 1:
            draft.talks.put(who, replace(kept[-1], earlier=tuple(kept[:-1])))


def _adopt_talks(draft: Draft) -> None:
    """Talks that began before anybody listened: an agent's channel that is up, with whom it is connected to.

    The caller is the channel that gave the call its linked id (from Asterisk 12); the queue is not told, and `since`
    is when the agent's channel began to ring.
    """
    members = [member for name in draft.queues.now for member in draft.members(name).now.values()]
    busy = {member.interface for member in members if member.status in _IN_CALL}
    for channel in tuple(draft.channels.now.values()):
        who = channel.name.rpartition("-")[0]
        caller = draft.channels.now.get(channel.linkedid)
        if who not in busy or who in draft.talks.now or channel.state != "Up" or channel.since is None:
            continue
        if caller is not None and caller is not channel:
            whom = channel.connected or caller.number
            draft.talks.put(who, Talk(who, "", whom, caller.caller_name, channel.since, caller.uniqueid))
