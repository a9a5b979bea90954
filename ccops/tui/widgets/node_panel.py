"""One node as a card: reached, clock, address, DRBD, Heartbeat, volume and services, each with how it is known."""

from __future__ import annotations

from typing import Any, Final

from ccops.pair.joined import holds_address, resource, serves, service_state
from ccops.pair.model import DrbdResource, Heartbeat, Link, NodeState, Reading
from ccops.pair.vocabulary import Kind, describe
from ccops.text import clean
from ccops.tui import quantities, themes
from ccops.tui.widgets.card import Face, Part, Row
from ccops.watch.snapshot import Snapshot

SKEW_WARNING_S: Final = 2.0
SPACE_WARNING: Final = 0.10

_NAMES: Final = {"asterisk": "Asterisk", "mysqld": "MySQL", "mysql": "MySQL", "mariadb": "MySQL"}
_QUIET: Final = "$label"


def stale_after(snapshot: Snapshot) -> float:
    """From what age on, in seconds, a value is shown as old: three intervals, at least 3 s."""
    return max(3.0, 3 * snapshot.interval_s)


def face(snapshot: Snapshot, index: int, wide: bool) -> Face:
    """The card of node `index` (0 or 1); `wide` when a row has some 40 cells and more for its value."""
    node = snapshot.pair.nodes[index]
    return _Builder(snapshot, node, wide).face()


def line(snapshot: Snapshot, index: int) -> tuple[Part, ...]:
    """Node `index` in one line: its name, whether it serves, DRBD, Heartbeat; how it is reached where it is not."""
    builder = _Builder(snapshot, snapshot.pair.nodes[index], wide=False)
    node, wide = builder.node, max(len(each.name) for each in snapshot.pair.nodes)
    corner, style = builder.corner()
    if not corner:
        corner, style = ("stands by", "") if serves(builder.pair, node) is False else ("?", "$unknown")
    parts: tuple[Part, ...] = ((f"{node.name[:24]:<{min(24, wide)}}  ", "bold"), (f"{corner:<9} ", style))
    if node.link.phase != "up":
        parts += (*reached(node.link, builder.now, wide=False), (" · ", _QUIET))
    beat = builder.aged(node.heartbeat, builder.heartbeat()[:1])
    return (*parts, *builder.aged(node.drbd, builder.state()), (" · Heartbeat ", _QUIET), *beat)


def is_old(reading: Reading[Any], snapshot: Snapshot) -> bool:
    """True for a value that was read longer ago than it should be."""
    return reading.taken_at is not None and snapshot.at - reading.taken_at > stale_after(snapshot)


class _Builder:
    def __init__(self, snapshot: Snapshot, node: NodeState, wide: bool) -> None:
        self.snapshot = snapshot
        self.pair = snapshot.pair
        self.layout = snapshot.pair.layout
        self.node = node
        self.peer = snapshot.pair.peer(node.name)
        self.wide = wide
        self.now = snapshot.at
        self.holds = holds_address(self.pair, node)
        self.drbd = resource(node, self.layout)
        self.serves = snapshot.serving == node.name
        # No sample comes: everything on the card is old, and the corner says how old.
        self.silent = node.sampled_at is not None and self.now - node.sampled_at > stale_after(snapshot)

    def face(self) -> Face:
        rows = (
            Row("Reach", self.reach()),
            Row("Clock", self.clock()),
            Row("Address", self.aged(self.node.addresses, self.address())),
            Row("DRBD", self.aged(self.node.drbd, self.state())),
            Row("", self.aged(self.node.drbd, self.replication(), quiet=True)),
            Row("Heartbeat", self.aged(self.node.heartbeat, self.heartbeat())),
            Row("", self.aged(self.node.heartbeat, self.sight(), quiet=True)),
            Row(self.layout.mount, self.aged(self.node.mounts, self.volume())),
            *(
                Row(_NAMES.get(name, name), self.aged(self.node.services, self.service(name)))
                for name in self.layout.services
            ),
        )
        known = self.node.link.phase == "up"
        return Face(self.node.name, rows, self.corner(), "$frame" if known else "$unknown", dashed=not known)

    def corner(self) -> Part:
        if self.silent and self.node.sampled_at is not None:
            return f"{quantities.brief(self.now - self.node.sampled_at)} old", "$warning"
        if serves(self.pair, self.node):
            return "SERVES", themes.style("critical") if serves(self.pair, self.peer) else "bold $ok"
        if self.serves:
            return "SERVES", "$ok"
        if self.holds:
            return "HOLDS THE ADDRESS", "bold $warning"
        return "", ""

    def aged(self, reading: Reading[Any], parts: tuple[Part, ...], quiet: bool = False) -> tuple[Part, ...]:
        """`parts`, or why there is nothing to show; dim when old, with the age unless the whole node is (`corner`).

        `quiet` is for a second row of one reading, which does not say it again.
        """
        if reading.value is None:
            return () if quiet else unknown(reading.problem)
        if reading.taken_at is None or not is_old(reading, self.snapshot):
            return parts
        old = dimmed(parts)
        if quiet or self.silent:
            return old
        return (*old, (f" · {quantities.brief(self.now - reading.taken_at)} old", "$warning"))

    def reach(self) -> tuple[Part, ...]:
        link = self.node.link
        parts = reached(link, self.now, self.wide)
        if link.phase == "up" and self.node.uptime_s is not None:
            parts += ((" · up ", _QUIET), (quantities.brief(self.node.uptime_s), ""))
        return parts

    def clock(self) -> tuple[Part, ...]:
        skew, load = self.node.clock_skew_s, self.node.load
        if skew is None and load is None:
            return unknown(None)
        far = skew is not None and abs(skew) > SKEW_WARNING_S
        sign = "+" if skew is not None and skew >= 0 else "−"
        parts: tuple[Part, ...] = (("skew unknown", "$unknown"),)
        if skew is not None:
            parts = ((f"{sign}{abs(skew):.1f} s", "$warning" if far else ""),)
        if load is not None:
            text = " ".join(f"{value:.2f}" for value in (load if self.wide else load[:1]))
            parts += ((" · load ", _QUIET), (text, ""))
        return dimmed(parts) if self.silent else parts

    def address(self) -> tuple[Part, ...]:
        there = holds_address(self.pair, self.peer)
        if not self.holds:
            return (("not here", _QUIET),)
        where = next(a for a in self.node.addresses.value or () if a.address == self.layout.address)
        here: Part = ("HERE", themes.style("critical") if there else "bold $ok")
        rest = f" on {where.label or where.interface}" if self.wide else ""
        return here, (f" {self.layout.address}{rest}", "")

    def state(self) -> tuple[Part, ...]:
        drbd = self.drbd
        if drbd is None:
            return ((f"no minor {self.layout.minor} in /proc/drbd", themes.style("critical")),)
        if drbd.role is None and drbd.disk is None:
            return (said("connection", drbd.connection),)
        role = said("role", drbd.role)
        if drbd.role == "Primary" and role[1] == "$ok":
            role = (role[0], "bold $ok")
        return role, (" · ", _QUIET), said("disk", drbd.disk)

    def replication(self) -> tuple[Part, ...]:
        drbd = self.drbd
        if drbd is None:
            return ()
        parts: tuple[Part, ...] = (out_of_sync(drbd),)
        if drbd.io_suspended:
            parts += ((" · I/O suspended", themes.style("critical")),)
        if drbd.paused_by:
            parts += ((f" · paused by {', '.join(drbd.paused_by)}", "$warning"),)
        return parts

    def heartbeat(self) -> tuple[Part, ...]:
        beat = self.node.heartbeat.value
        if beat is None or beat.running is None:
            return unknown(None)
        if not beat.running:
            return (("stopped", themes.style("critical")),)
        word = describe("resources", beat.resources)
        holds = (word.text, themes.style(word.severity) if word.severity in ("warning", "unknown") else "")
        return ("running", "$ok"), (" · says it holds " if self.wide else " · ", _QUIET), holds

    def sight(self) -> tuple[Part, ...]:
        beat = self.node.heartbeat.value
        if beat is None or not beat.running:
            return ()
        return sight(beat, self.peer.name)

    def volume(self) -> tuple[Part, ...]:
        mounts, space = self.node.mounts.value, self.node.space.value
        mounted = None if mounts is None else [mount for mount in mounts if mount.point == self.layout.mount]
        if mounted == []:
            return (("not mounted here", themes.style("critical") if self.serves else _QUIET),)
        if mounted is None or space is None:
            return unknown(self.node.space.problem)
        low = space.free_kib < SPACE_WARNING * space.total_kib
        parts: tuple[Part, ...] = (
            (quantities.size(space.free_kib), "$warning" if low else ""),
            (" free of ", _QUIET),
            (quantities.size(space.total_kib), ""),
        )
        return (*parts, (" read-only", themes.style("critical"))) if mounted[0].read_only else parts

    def service(self, name: str) -> tuple[Part, ...]:
        state = service_state(self.pair, self.node, name) or "unknown"
        if state == "stopped":
            return ((state, themes.style("critical") if self.serves else _QUIET),)
        version = self.node.versions.get(name) or self.node.versions.get(_NAMES.get(name, name).lower())
        parts: tuple[Part, ...] = ((f"{version} ", ""),) if version else ()
        parts += (said("service", state),)
        centre = self.snapshot.centre.value
        if name == "asterisk" and self.snapshot.centre_node == self.node.name and centre is not None:
            calls = len({channel.linkedid or channel.uniqueid for channel in centre.channels.values()})
            parts += ((f" · {calls} call{'' if calls == 1 else 's'}", _QUIET),)
        return parts


def said(kind: Kind, value: str | None) -> Part:
    """A state by its own name, which is what manuals and logs call it, in the style of the one table."""
    return ("?" if value is None else clean(value, 64)), themes.style(describe(kind, value).severity)


def unknown(problem: str | None) -> tuple[Part, ...]:
    """What stands where nothing is known."""
    return (("unknown", "$unknown"), (f" · {problem}", _QUIET)) if problem else (("unknown", "$unknown"),)


def reached(link: Link, now: float, wide: bool) -> tuple[Part, ...]:
    """How this console reaches something: never more than what is seen from here."""
    since = f" {quantities.brief(now - link.since)}" if link.since is not None else ""
    if link.phase == "up":
        return (
            ("yes", "$ok"),
            (f" · {quantities.latency(link.latency_s)}", "") if link.latency_s is not None else ("", ""),
        )
    word = describe("phase", link.phase)
    why = f" · {link.problem}" if link.problem and wide else ""
    return (word.text, "$unknown" if link.phase != "silent" else "$warning"), (since, ""), (why, _QUIET)


def out_of_sync(drbd: DrbdResource) -> Part:
    """How much differs between the sides, in KiB as this side counts it."""
    amount = drbd.out_of_sync_kib
    if amount is None:
        return "out of sync unknown", "$unknown"
    return ("in sync", _QUIET) if amount == 0 else (f"{amount:,} KiB out of sync", "$warning")


def sight(beat: Heartbeat, peer: str) -> tuple[Part, ...]:
    """What Heartbeat says of its peer and of the links to it; those that are up are only counted."""
    parts: tuple[Part, ...] = (("peer ", _QUIET), said("node", beat.nodes.get(peer)))
    up = [name for name, state in beat.links.items() if state == "up"]
    if beat.links and not up:
        return (*parts, (" · ", _QUIET), ("no link up", themes.style("critical")))
    for name, state in beat.links.items():
        if state != "up":
            parts += ((f" · {name} ", _QUIET), said("link", state))
    return (*parts, (f" · {len(up)} link{'s' if len(up) > 1 else ''} up", _QUIET)) if up else parts


def dimmed(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """The same words as something that was true some time ago."""
    return tuple((text, "dim") for text, _ in parts)
