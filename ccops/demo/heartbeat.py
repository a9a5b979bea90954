"""Heartbeat 3.0 in haresources mode on both nodes: membership, standby and takeover, partitions, starts and stops."""

from __future__ import annotations

from collections.abc import Callable

from ccops.demo.drbd import Drbd
from ccops.demo.machine import HOSTS, NAMES, Machine
from ccops.demo.member import NOTHING, Member
from ccops.demo.resources import Resources
from ccops.demo.schedule import Schedule, Work

VERSION = "3.0.6"
KEEPALIVE_S = 1.0
DEADTIME_S = 12.0
INITDEAD_S = 30.0

_POLL = 0.25
_ACTIVITY = frozenset({"takeover", "standby", "start"})
_ALL = frozenset({0, 1})


class Heartbeat:
    """The cluster of two. `reaches()` tells whether eth0 carries packets between the nodes."""

    def __init__(
        self,
        schedule: Schedule,
        machines: tuple[Machine, Machine],
        drbd: Drbd,
        reaches: Callable[[], bool],
        reboot: Callable[[int], object],
    ) -> None:
        self.schedule = schedule
        self.machines = machines
        self.reaches = reaches
        self.resources = (Resources(machines[0], drbd, reboot), Resources(machines[1], drbd, reboot))
        self.members = tuple(Member(m.pid(), holds=frozenset({m.index})) for m in machines)
        for n in (0, 1):
            schedule.spawn(self._listen(n), owner=n)

    def share(self, n: int) -> str:
        """What `cl_status rscstatus` says."""
        member = self.members[n]
        if member.flux:
            return "transition"
        if member.holds == _ALL:
            return "all"
        return "local" if n in member.holds else "foreign" if member.holds else "none"

    def standby(self, n: int, what: str = "all") -> None:
        """`hb_standby`: asks the peer to take what this node holds of `what`; nothing may come of it."""
        member, peer = self.members[n], self.members[1 - n]
        heard = [i for i in (n, 1 - n) if i == n or self._in_touch(n)]
        for i in heard:
            if self.machines[i].configuration.legacy:
                self._log(i, "info", "Standby mode only implemented when nice_failback on")
        if self.machines[n].configuration.legacy:
            return
        self._log(n, "info", f"{NAMES[n]} wants to go standby [{what}]")
        if member.flux:
            self._log(n, "WARN", f"standby message [{what}] from {NAMES[n]} ignored.  Other side is in flux.")
            return
        if not self._in_touch(n) or self.machines[1 - n].configuration.legacy:
            self.schedule.after(10.0, lambda: self._no_reply(n), owner=n)
            return
        self._log(1 - n, "info", f"{NAMES[n]} wants to go standby [{what}]")
        if peer.flux:
            self._log(1 - n, "WARN", f"standby message [{what}] from {NAMES[n]} ignored.  Other side is in flux.")
            self.schedule.after(10.0, lambda: self._no_reply(n), owner=n)
            return
        self.schedule.spawn(self._hand_over(n, what), owner=n)

    def takeover(self, n: int, what: str = "all") -> None:
        """`hb_takeover`: asks the peer to go standby for what this node wants."""
        asked = {"local": "foreign", "foreign": "local"}.get(what, "all")
        for i in (n, 1 - n):
            if i == n or self._in_touch(n):
                m = self.machines[i]
                m.log_script("harc(default)", m.pid(), "info: Running /etc/ha.d//rc.d/hb_takeover hb_takeover")
        if self._in_touch(n):
            peer = self.machines[1 - n]
            peer.log_script("hb_standby(default)", peer.pid(), f"Going standby [{asked}].")
            self.standby(1 - n, asked)

    def stop(self, n: int) -> None:
        """Clean shutdown: gives everything up; the peer takes it."""
        if self.members[n].phase == "running":
            self.schedule.spawn(self._shut_down(n, restart=False), owner=n)

    def start(self, n: int) -> None:
        """Starts the daemon and joins the peer."""
        if self.members[n].phase == "stopped":
            self.schedule.spawn(self._start(n), owner=n)

    def power_off(self, n: int) -> None:
        """The daemon is gone without a word."""
        member = self.members[n]
        member.phase, member.unit, member.flux, member.holds = "stopped", "inactive", False, NOTHING
        member.jobs.clear()
        self.resources[n].complete = False

    def boot(self, n: int) -> None:
        """After the power comes back: the node listens again and its daemon starts."""
        self.schedule.spawn(self._listen(n), owner=n)
        self.start(n)

    # Membership.

    def _listen(self, n: int) -> Work:
        member = self.members[n]
        while True:
            yield _POLL
            if member.phase == "stopped":
                continue
            now = self.schedule.now
            if self._hears(n):
                silence = now - member.heard_at
                if member.peer == "dead" and member.phase == "running" and self.members[1 - n].phase == "running":
                    self._return(n)
                elif silence > 5.0 and member.peer == "active" and member.link:
                    level = "CRIT" if silence > DEADTIME_S else "WARN"
                    limit = " (> deadtime)" if silence > DEADTIME_S else ""
                    self._log(n, level, f"Late heartbeat: Node {NAMES[1 - n]}: interval {self._interval(n)} ms{limit}")
                    if silence > DEADTIME_S:
                        self._return(n)
                member.link = True
                member.heard_at, member.heard_wall = now, self.schedule.wall()
                continue
            if now - member.heard_at > DEADTIME_S - 0.5:
                member.link = False
            if now - member.heard_at > DEADTIME_S and member.peer == "active" and member.phase == "running":
                member.peer = "dead"
                self.schedule.spawn(self._bury(n), owner=n)

    def _hears(self, n: int) -> bool:
        peer = self.members[1 - n]
        return self.reaches() and self.machines[1 - n].alive and peer.phase != "stopped"

    def _in_touch(self, n: int) -> bool:
        return self._hears(n) and self.members[n].peer == "active" and self.members[1 - n].phase == "running"

    def _interval(self, n: int) -> int:
        return int((self.schedule.wall() - self.members[n].heard_wall) * 1000)

    def _bury(self, n: int) -> Work:
        """The peer is silent for too long: takes over what it had."""
        m, other = self.machines[n], NAMES[1 - n]
        self._log(n, "WARN", f"node {other}: is dead")
        self._log(n, "WARN", "No STONITH device configured.")
        self._log(n, "WARN", "Shared disks are not protected.")
        self._log(n, "info", f"Resources being acquired from {other}.")
        self._log(n, "info", f"Link {other}:eth0 dead.")
        self._leave(n, "standby")
        self._enter(n, "takeover")
        yield 0.6
        m.log_script("harc(default)", m.pid(), "info: Running /etc/ha.d//rc.d/status status")
        yield from self._take_dead(n)

    def _take_dead(self, n: int) -> Work:
        m, other, pid = self.machines[n], NAMES[1 - n], self.machines[n].pid()
        if n == 1:
            none = f"No local resources [/usr/share/heartbeat/ResourceManager listkeys {NAMES[1]}] to acquire."
            self._log(n, "info", none)
        yield 0.6
        if not self.resources[n].complete and 0 not in self.members[n].holds:
            m.log_script("mach_down(default)", pid, "info: Taking over resource group IPaddr2::192.168.27.120/24")
            yield 0.4
            yield from self.resources[n].acquire()
        m.log_script(
            "mach_down(default)", pid, "info: /usr/share/heartbeat/mach_down: nice_failback: foreign resources acquired"
        )
        self._log(n, "info", "mach_down takeover complete.")
        m.log_script("mach_down(default)", pid, f"info: mach_down takeover complete for node {other}.")
        if self.members[n].phase == "running":
            self.members[n].holds = _ALL
        if n == 0:
            if not self.resources[0].complete:
                yield from self.resources[0].acquire()
            self._log(n, "info", "Local Resource acquisition completed.")
        self._leave(n, "takeover")

    def _return(self, n: int) -> None:
        """A peer that was held for dead speaks: both sides served, so both restart."""
        member, other = self.members[n], NAMES[1 - n]
        self._log(n, "CRIT", f"Cluster node {other} returning after partition.")
        self._log(n, "info", "For information on cluster partitions, See URL: http://linux-ha.org/wiki/Split_Brain")
        self._log(n, "WARN", "Deadtime value may be too small.")
        self._log(n, "info", "See FAQ for information on tuning deadtime.")
        self._log(n, "info", "URL: http://linux-ha.org/wiki/FAQ#Heavy_Load")
        self._log(n, "info", f"Link {other}:eth0 up.")
        self._log(n, "CRIT", f"Late heartbeat: Node {other}: interval {self._interval(n)} ms (> deadtime)")
        self._log(n, "WARN", f"node {other}: is dead")
        self._log(n, "info", f"Dead node {other} gave up resources.")
        self._log(n, "info", f"Status update for node {other}: status active")
        member.peer = "active"
        self._enter(n, "partition")
        self.schedule.spawn(self._restart(n), owner=n)

    def _restart(self, n: int) -> Work:
        m = self.machines[n]
        yield 1.0
        m.log_script("harc(default)", m.pid(), "info: Running /etc/ha.d//rc.d/status status")
        yield 1.0
        if n == 0:
            self._log(n, "WARN", "Shutdown delayed until current resource activity finishes.")
            yield 11.0
        yield from self._shut_down(n, restart=True)

    # Handing over.

    def _hand_over(self, n: int, what: str) -> Work:
        peer = 1 - n
        if n == 0 or what != "all":
            self._log(n, "info", f"standby: {NAMES[peer]} can take our {what} resources")
        moving = frozenset({"local": {n}, "foreign": {peer}}.get(what, _ALL)) & self.members[n].holds
        pid = self.machines[n].pid()
        self._enter(n, "standby")
        self._enter(peer, "standby")
        self._log(n, "info", f"give up {what} HA resources (standby).", pid)
        if 0 in moving:
            yield from self.resources[n].release()
        else:
            yield 1.0
        self._log(n, "info", f"{what} HA resource release completed (standby).", pid)
        self._log(n, "info", f"Local standby process completed [{what}].")
        self.members[n].holds -= moving
        if self._in_touch(n):
            self.schedule.spawn(self._take_over(peer, what, moving), owner=peer)
        else:
            self._leave(n, "standby")

    def _take_over(self, n: int, what: str, moving: frozenset[int]) -> Work:
        giver, pid = 1 - n, self.machines[n].pid()
        word = {"foreign": "local", "local": "foreign"}.get(what, "all")
        self._log(n, "info", f"standby: acquire [{what}] resources from {NAMES[giver]}")
        self._log(n, "info", f"acquire {word} HA resources (standby).", pid)
        if 0 in moving:
            yield from self.resources[n].acquire("/etc/ha.d/resource.d")
        else:
            yield 1.0
        self._log(n, "info", f"{word} HA resource acquisition completed (standby).", pid)
        self._log(n, "info", f"Standby resource acquisition done [{what}].")
        self._log(n, "info", "remote resource transition completed.")
        self.members[n].holds |= moving
        self._leave(n, "standby")
        if self.members[giver].phase == "running":
            self._log(giver, "info", "remote resource transition completed.")
            self._log(giver, "info", f"Other node completed standby takeover of {what} resources.")
            self._leave(giver, "standby")

    def _no_reply(self, n: int) -> None:
        self._log(n, "WARN", "No reply to standby request.  Standby request cancelled.")

    # Starting and stopping.

    def _shut_down(self, n: int, restart: bool) -> Work:
        member, m = self.members[n], self.machines[n]
        if member.jobs & _ACTIVITY:
            self._log(n, "WARN", "Shutdown delayed until current resource activity finishes.")
        while member.jobs & _ACTIVITY:
            yield _POLL
        if member.phase != "running":
            return
        member.phase = "stopping"
        if not restart:
            member.unit = "deactivating"
        self._enter(n, "shutdown")
        self._log(n, "info", f"Heartbeat shutdown in progress. ({member.pid})")
        pid = m.pid()
        self._log(n, "info", "Giving up all HA resources.", pid)
        yield 1.0
        yield from self.resources[n].release()
        self._log(n, "info", "All HA resources relinquished.", pid)
        if self._hears(n):
            peer = self.members[1 - n]
            self._log(1 - n, "info", f"Received shutdown notice from '{NAMES[n]}'.")
            if peer.phase == "running" and "partition" not in peer.jobs:
                self._log(1 - n, "info", f"Resources being acquired from {NAMES[n]}.")
                peer.peer = "dead"
                self._enter(1 - n, "takeover")
                self.schedule.spawn(self._take_dead(1 - n), owner=1 - n)
            else:
                self._log(1 - n, "info", "Resource takeover cancelled - shutdown in progress.")
        yield 1.0
        for word, offset in (("HBREAD", 5), ("HBWRITE", 4), ("HBFIFO", 3)):
            self._log(n, "info", f"killing {word} process {member.pid + offset} with signal 15")
        for left, offset in ((3, 3), (2, 5), (1, 4)):
            self._log(n, "info", f"Core process {member.pid + offset} exited. {left} remaining")
        self._log(n, "info", f"{NAMES[n]} Heartbeat shutdown complete.")
        member.phase, member.holds, member.flux = "stopped", NOTHING, False
        member.jobs.clear()
        if not restart:
            member.unit = "inactive"
        else:
            self._log(n, "info", "Heartbeat restart triggered.")
            self._log(n, "info", "Restarting heartbeat.")
            self._log(n, "info", "Performing heartbeat restart exec.")
            yield 2.0
            yield from self._start(n)

    def _start(self, n: int) -> Work:
        member, m, other = self.members[n], self.machines[n], NAMES[1 - n]
        member.pid, member.phase, member.peer, member.link = m.pid(), "running", "init", False
        member.unit, member.holds = "active", NOTHING
        self._enter(n, "start")
        self._log(n, "info", "Pacemaker support: false")
        self._log(n, "info", "**************************")
        self._log(n, "info", f"Configuration validated. Starting heartbeat {VERSION}")
        self._log(n, "info", f"heartbeat: version {VERSION}")
        self._log(n, "info", f"Heartbeat generation: {int(m.wall())}")
        self._log(n, "info", f"glib: ucast: started on port 694 interface eth0 to {HOSTS[1 - n]}")
        self._log(n, "info", "Local status now set to: 'up'")
        waited = 0.0
        while not self._hears(n) and waited < INITDEAD_S:
            yield _POLL
            waited += _POLL
        if self._hears(n):
            yield from self._join(n)
            return
        self._log(n, "WARN", f"node {other}: is dead")
        self._log(n, "info", "Comm_now_up(): updating status to active")
        self._log(n, "info", "Local status now set to: 'active'")
        self._log(n, "WARN", "No STONITH device configured.")
        self._log(n, "WARN", "Shared disks are not protected.")
        self._log(n, "info", f"Resources being acquired from {other}.")
        member.peer = "dead"
        self._enter(n, "takeover")
        self._leave(n, "start")
        yield from self._take_dead(n)

    def _join(self, n: int) -> Work:
        member, peer, m, other = self.members[n], self.members[1 - n], self.machines[n], NAMES[1 - n]
        member.link, member.peer = True, "active"
        member.heard_at, member.heard_wall = self.schedule.now, self.schedule.wall()
        self._log(n, "info", f"Link {other}:eth0 up.")
        self._log(n, "info", f"Status update for node {other}: status active")
        self._log(n, "info", "Comm_now_up(): updating status to active")
        self._log(n, "info", "Local status now set to: 'active'")
        if peer.phase == "running":
            peer.peer, peer.link = "active", True
            peer.heard_at, peer.heard_wall = self.schedule.now, self.schedule.wall()
            self._log(1 - n, "info", f"Link {NAMES[n]}:eth0 up.")
            self._log(1 - n, "info", f"Status update for node {NAMES[n]}: status active")
        yield 1.0
        m.log_script("harc(default)", m.pid(), "info: Running /etc/ha.d//rc.d/status status")
        while peer.jobs & {"takeover", "standby"} and self._hears(n):
            yield _POLL
        yield 2.0
        self._log(n, "info", "local resource transition completed.")
        self._log(n, "info", "Initial resource acquisition complete (T_RESOURCES(us))")
        self._log(n, "info", "remote resource transition completed.")
        self._leave(n, "start")
        if n in peer.holds and self._in_touch(n):
            yield from self._fail_back(n)
            return
        member.holds = frozenset({n})
        if n == 0:
            self._enter(0, "takeover")
            yield from self.resources[0].acquire()
            self._log(n, "info", "Local Resource acquisition completed.")
            self._leave(0, "takeover")
        else:
            none = f"No local resources [/usr/share/heartbeat/ResourceManager listkeys {NAMES[1]}] to acquire."
            self._log(n, "info", none)

    def _fail_back(self, n: int) -> Work:
        """The peer gives our own share back, unless `auto_failback` is off."""
        peer = 1 - n
        if self.machines[n].configuration.auto_failback == "off":
            return
        if n == 0 and self.machines[peer].configuration.legacy:
            self.schedule.spawn(self._hand_over(peer, "foreign"), owner=peer)
        elif n == 0:
            self.standby(peer, "foreign")
        else:
            self.members[peer].holds -= {n}
            self.members[n].holds = frozenset({n})
        yield 0.0

    def _enter(self, n: int, job: str) -> None:
        member = self.members[n]
        member.jobs.add(job)
        member.flux = True

    def _leave(self, n: int, job: str) -> None:
        member = self.members[n]
        member.jobs.discard(job)
        member.flux = bool(member.jobs)

    def _log(self, n: int, level: str, text: str, pid: int | None = None) -> None:
        self.machines[n].log_heartbeat(level, text, pid or self.members[n].pid)
