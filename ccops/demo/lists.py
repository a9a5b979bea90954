"""The lists and command outputs of a simulated Asterisk 16."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ccops.demo.answers import ASTERISK
from ccops.demo.dialplan import show_dialplan
from ccops.demo.exchange import Exchange, Fields
from ccops.demo.staff import Queue

_Item = tuple[str, Fields]


def core_settings() -> Fields:
    """CoreSettings."""
    return [
        ("AMIversion", "5.0.4"),
        ("AsteriskVersion", ASTERISK),
        ("SystemName", ""),
        ("CoreMaxCalls", 0),
        ("CoreMaxLoadAvg", "0.000000"),
        ("CoreRunUser", ""),
        ("CoreRunGroup", ""),
        ("CoreMaxFilehandles", 0),
        ("CoreRealTimeEnabled", "No"),
        ("CoreCDRenabled", "Yes"),
        ("CoreHTTPenabled", "No"),
    ]


def core_status(exchange: Exchange) -> Fields:
    """CoreStatus: its start date tells a restart."""
    start, reload = exchange.date(exchange.started_at), exchange.date(exchange.reloaded_at)
    return [
        ("CoreStartupDate", start[0]),
        ("CoreStartupTime", start[1]),
        ("CoreReloadDate", reload[0]),
        ("CoreReloadTime", reload[1]),
        ("CoreCurrentCalls", sum(1 for c in exchange.channels.values() if c.context == "from-trunk")),
    ]


def write_list(exchange: Exchange, name: str, action: Mapping[str, str]) -> bytes | None:
    """The whole answer to a list action, or None when it is not one."""
    made = _LISTS.get(name)
    if made is None:
        return None
    message, end, items = made
    identity = action.get("actionid")
    mark: Fields = [("ActionID", identity)] if identity is not None else []
    parts = [[("Response", "Success"), *mark, ("EventList", "start"), ("Message", message)]]
    count = 0
    for event, fields in items(exchange, action):
        # chan_sip puts the id first, app_queue last.
        head: Fields = [("Event", event)]
        parts.append([*head, *mark, *fields] if name in {"sippeers", "coreshowchannels"} else [*head, *fields, *mark])
        count += 1
    parts.append([("Event", end), *mark, ("EventList", "Complete"), ("ListItems", count)])
    return "".join("".join(f"{k}: {v}\r\n" for k, v in part) + "\r\n" for part in parts).encode()


def _queue_summary(exchange: Exchange, action: Mapping[str, str]) -> Iterator[_Item]:
    now = exchange.wall()
    for queue in _wanted(exchange, action):
        members = exchange.members[queue.name]
        yield (
            "QueueSummary",
            [
                ("Queue", queue.name),
                ("LoggedIn", len(members)),
                ("Available", sum(1 for a in members if a.status == 1 and not a.paused)),
                ("Callers", len(queue.waiting)),
                ("HoldTime", queue.hold_time),
                ("TalkTime", queue.talk_time),
                ("LongestHoldTime", max((int(now - w.joined_at) for w in queue.waiting), default=0)),
            ],
        )


def _queue_status(exchange: Exchange, action: Mapping[str, str]) -> Iterator[_Item]:
    now = exchange.wall()
    for queue in _wanted(exchange, action):
        yield "QueueParams", _queue_params(queue)
        for agent in exchange.members[queue.name]:
            yield "QueueMember", exchange.member_fields(agent, agent.memberships[queue.name], listed=True)
        for position, entry in enumerate(queue.waiting, 1):
            channel = exchange.channels.get(entry.uniqueid)
            if channel is not None:
                yield (
                    "QueueEntry",
                    [
                        ("Queue", queue.name),
                        ("Position", position),
                        ("Channel", channel.name),
                        ("Uniqueid", channel.uniqueid),
                        ("CallerIDNum", channel.number),
                        ("CallerIDName", "unknown"),
                        ("ConnectedLineNum", "unknown"),
                        ("ConnectedLineName", "unknown"),
                        ("Wait", int(now - entry.joined_at)),
                        ("Priority", entry.priority),
                    ],
                )


def _queue_params(queue: Queue) -> Fields:
    answered, ended = queue.completed, queue.completed + queue.abandoned
    return [
        ("Queue", queue.name),
        ("Max", 0),
        ("Strategy", queue.strategy),
        ("Calls", len(queue.waiting)),
        ("Holdtime", queue.hold_time),
        ("TalkTime", queue.talk_time),
        ("Completed", queue.completed),
        ("Abandoned", queue.abandoned),
        ("ServiceLevel", queue.service_level),
        ("ServicelevelPerf", f"{min(100.0, 100 * queue.within / answered) if answered else 0:.1f}"),
        ("ServicelevelPerf2", f"{min(100.0, 100 * queue.within / ended) if ended else 0:.1f}"),
        ("Weight", 0),
    ]


def _peers(exchange: Exchange, action: Mapping[str, str]) -> Iterator[_Item]:
    for name, address, dynamic, status in exchange.peers():
        yield (
            "PeerEntry",
            [
                ("Channeltype", "SIP"),
                ("ObjectName", name),
                ("ChanObjectType", "peer"),
                ("IPaddress", address or "-none-"),
                ("IPport", 5060 if address else 0),
                ("Dynamic", "yes" if dynamic else "no"),
                ("AutoForcerport", "yes"),
                ("Forcerport", "no"),
                ("AutoComedia", "no"),
                ("Comedia", "no"),
                ("VideoSupport", "no"),
                ("TextSupport", "no"),
                ("ACL", "no"),
                ("Status", status),
                ("RealtimeDevice", "no"),
                ("Description", ""),
                ("Accountcode", ""),
            ],
        )


def _channels(exchange: Exchange, action: Mapping[str, str]) -> Iterator[_Item]:
    now = exchange.wall()
    for channel in exchange.channels.values():
        seconds = int(now - channel.since)
        yield (
            "CoreShowChannel",
            [
                *channel.fields(),
                ("Application", channel.application),
                ("ApplicationData", channel.data),
                ("Duration", f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"),
                ("BridgeId", channel.bridge),
            ],
        )


def _wanted(exchange: Exchange, action: Mapping[str, str]) -> list[Queue]:
    name = action.get("queue", "")
    return [queue for queue in exchange.queues.values() if not name or queue.name == name]


_LISTS: dict[str, tuple[str, str, Callable[[Exchange, Mapping[str, str]], Iterator[_Item]]]] = {
    "queuestatus": ("Queue status will follow", "QueueStatusComplete", _queue_status),
    "queuesummary": ("Queue summary will follow", "QueueSummaryComplete", _queue_summary),
    "sippeers": ("Peer status list will follow", "PeerlistComplete", _peers),
    "coreshowchannels": ("Channels will follow", "CoreShowChannelsComplete", _channels),
}


def run_command(exchange: Exchange, command: str) -> list[str]:
    """The lines that a CLI command prints."""
    words = command.split()
    if words[:2] == ["core", "show"] and words[2:3] == ["version"]:
        return [f"Asterisk {ASTERISK} built by buildd @ demo on a x86_64 running Linux on 2023-03-01 00:00:00 UTC"]
    if words[:2] == ["queue", "show"]:
        queues = [q for q in exchange.queues.values() if not words[2:] or q.name == words[2]]
        return [line for queue in queues for line in _show_queue(exchange, queue)] or [f"No such queue: {words[-1]}"]
    if words[:3] == ["sip", "show", "peers"]:
        return exchange.sip.show_peers()
    if words[:3] == ["sip", "show", "peer"] and len(words) in (4, 5):
        return exchange.sip.show_peer(words[3])
    if words[:2] == ["dialplan", "show"]:
        return show_dialplan(exchange)
    if words[:3] == ["module", "show", "like"] and len(words) == 4:
        return _show_modules(words[3])
    if words[:1] == ["reload"] or words[:2] == ["core", "reload"] or words[-1:] == ["reload"]:
        exchange.reload()
        return []
    return [f"No such command '{command}' (type 'core show help {command}' for other possible commands)"]


_MODULES = (
    ("app_queue.so", "True Call Queueing"),
    ("chan_local.so", "Local Proxy Channel (Note: used internally)"),
    ("chan_sip.so", "Session Initiation Protocol (SIP)"),
    ("pbx_config.so", "Text Extension Configuration"),
)


def _show_modules(like: str) -> list[str]:
    """`module show like …`."""
    form = "{:<30} {:<40} {:<10} {:<11} {:>12}"
    found = [(name, what) for name, what in _MODULES if like.lower() in name]
    lines = [form.format(name, what[:40], 0, "Running", "core") for name, what in found]
    return [
        form.format("Module", "Description", "Use Count", "Status", "Support Level"),
        *lines,
        f"{len(found)} modules loaded",
    ]


_STATUS_WORDS = {1: "Not in use", 2: "In use", 5: "Unavailable", 6: "Ringing"}


def _show_queue(exchange: Exchange, queue: Queue) -> Iterator[str]:
    params = dict(_queue_params(queue))
    now = int(exchange.wall())
    yield (
        f"{queue.name} has {len(queue.waiting)} calls (max unlimited) in '{queue.strategy}' strategy "
        f"({queue.hold_time}s holdtime, {queue.talk_time}s talktime), W:0, C:{queue.completed}, A:{queue.abandoned}, "
        f"SL:{params['ServicelevelPerf']}%, SL2:{params['ServicelevelPerf2']}% within {queue.service_level}s"
    )
    yield "   Members: "
    for agent in exchange.members[queue.name]:
        membership = agent.memberships[queue.name]
        penalty = f" with penalty {membership.penalty}" if membership.penalty else ""
        paused = f" (paused{f':{agent.reason}' if agent.reason else ''} was {now - agent.last_pause} secs ago)"
        taken = (
            f"has taken {membership.calls_taken} calls (last was {now - membership.last_call} secs ago)"
            if membership.calls_taken
            else "has taken no calls yet"
        )
        dynamic = " (dynamic)" if membership.dynamic else ""
        yield (
            f"      {agent.name} ({agent.interface}){penalty} (ringinuse disabled){dynamic}"
            f"{' (in call)' if agent.in_call else ''}{paused if agent.paused else ''} "
            f"({_STATUS_WORDS.get(agent.status, 'Unknown')}) {taken} (login was {now - membership.login} secs ago)"
        )
    if queue.waiting:
        yield "   Callers: "
        for position, entry in enumerate(queue.waiting, 1):
            channel = exchange.channels.get(entry.uniqueid)
            wait = int(exchange.wall() - entry.joined_at)
            name = channel.name if channel else "?"
            yield f"      {position}. {name} (wait: {wait // 60}:{wait % 60:02d}, prio: {entry.priority})"
    else:
        yield "   No Callers"
    yield ""
    yield ""
