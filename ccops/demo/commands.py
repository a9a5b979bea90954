"""Commands that act on a node: what they do to the simulated pair, what they print, and when they return."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from ccops.demo.answer import OK, Answer, Outcome
from ccops.demo.answers import answers, print_space, unit_states
from ccops.demo.drbdadm import run_drbdadm, run_drbdsetup
from ccops.demo.machine import ADDRESS, syslog_date
from ccops.demo.pair import SimulatedPair

_READERS = frozenset(
    {"cl_status", "drbdadm", "ip", "ifconfig", "df", "uname", "hostname", "asterisk", "mysqld", "mysql"}
)
_UNITS = {"asterisk": "asterisk", "mysqld": "mysqld", "mysql": "mysqld", "mariadb": "mysqld"}


def act(pair: SimulatedPair, n: int, argv: Sequence[str]) -> Outcome:
    """Runs a command line on node n, as root."""
    words = [word.rsplit("/", 1)[-1] if i == 0 else word for i, word in enumerate(argv)]
    if not words:
        return OK
    name, rest = words[0], words[1:]
    handlers: dict[str, Callable[[SimulatedPair, int, list[str]], Outcome]] = {
        "drbdadm": run_drbdadm,
        "drbdsetup": run_drbdsetup,
        "hb_standby": _hb_standby,
        "hb_takeover": _hb_takeover,
        "systemctl": _systemctl,
        "service": _service,
        "asterisk": _asterisk,
        "umount": _umount,
        "mount": _mount,
        "ip": _ip,
        "cl_status": _cl_status,
        "df": _df,
        "fuser": _fuser,
        "kill": _kill,
        "reboot": _reboot,
    }
    handler = handlers.get(name)

    def run() -> Outcome:
        read = _read(pair, n, " ".join(words)) if name in _READERS else None
        if read is not None:
            return read
        if handler is None:
            return Answer("", 1, f"{name}: not simulated: {' '.join(rest)}\n")
        return handler(pair, n, rest)

    return pair.faults.befall(n, words, run)


def _read(pair: SimulatedPair, n: int, line: str) -> Answer | None:
    """What a command that only reads prints."""
    machine = pair.machines[n]
    answer = next((answer for known, answer in answers(pair, n) if known == line), None)
    if answer is None:
        return None
    marks = {"{host}": machine.name, "{date}": syslog_date(machine.wall()), "{pid}": str(machine.last_pid)}
    err = answer.err
    for mark, text in marks.items():
        err = err.replace(mark, text)
    return answer._replace(err=err)


def _hb_standby(pair: SimulatedPair, n: int, words: list[str]) -> Outcome:
    what = words[0] if words else "all"
    if what not in {"all", "local", "foreign", "failback"}:
        return Answer("", 1, "usage: hb_standby [all|foreign|local|failback]\n")
    return _send(pair, n, lambda: pair.heartbeat.standby(n, what), f"Going standby [{what}].")


def _hb_takeover(pair: SimulatedPair, n: int, words: list[str]) -> Outcome:
    what = words[0] if words else "all"
    if what not in {"all", "local", "foreign", "failback"}:
        return Answer("", 1, "usage: hb_takeover [all|foreign|local|failback]\n")
    return _send(pair, n, lambda: pair.heartbeat.takeover(n, what), "")


def _send(pair: SimulatedPair, n: int, deed: Callable[[], None], said: str) -> Outcome:
    """Both write to the daemon's FIFO, which blocks while nobody reads it."""

    def attempt() -> Answer | None:
        if pair.heartbeat.members[n].phase == "stopped":
            return None
        deed()
        return Answer(f"{said}\n" if said else "")

    return attempt() or attempt


def _cl_status(pair: SimulatedPair, n: int, words: list[str]) -> Outcome:
    return Answer("", 11, f"cl_status: ERROR: parameter error: {' '.join(words)}\n")


def _systemctl(pair: SimulatedPair, n: int, words: list[str]) -> Outcome:
    plain = [word.removesuffix(".service") for word in words if not word.startswith("-")]
    if len(plain) < 2:
        return Answer("", 1, "systemctl: Too few arguments.\n")
    verb, units = plain[0], plain[1:]
    if verb == "status":
        states = dict(unit_states(pair, n))
        return Answer(
            "".join(f"{u}: {states.get(u, 'inactive')}\n" for u in units), 0 if "active" in states.values() else 3
        )
    outcomes = [_unit(pair, n, verb, unit) for unit in units]
    return _all_of(outcomes)


def _service(pair: SimulatedPair, n: int, words: list[str]) -> Outcome:
    if len(words) < 2:
        return Answer("", 1, "Usage: service < option > | --status-all | [ service_name [ command ] ]\n")
    if words[1] == "status":
        state = dict(unit_states(pair, n)).get(words[0], "inactive")
        return Answer(f"{words[0]} is {'running' if state == 'active' else 'stopped'}\n", 0 if state == "active" else 3)
    return _unit(pair, n, words[1], words[0])


def _unit(pair: SimulatedPair, n: int, verb: str, unit: str) -> Outcome:
    if unit == "heartbeat" and verb in {"reload", "force-reload"}:
        return OK
    if verb not in {"start", "stop", "restart"}:
        return Answer("", 1, f"Unknown command verb {verb}.\n")
    if unit == "heartbeat":
        return _heartbeat(pair, n, verb)
    service = _UNITS.get(unit)
    if service is None:
        return Answer("", 5, f"Failed to {verb} {unit}.service: Unit {unit}.service not found.\n")
    machine = pair.machines[n]
    if verb == "start":
        pair.start_service(n, service)
        return lambda: _settled(machine.services[service], "active")
    pair.stop_service(n, service, then_start=verb == "restart")
    wanted = "active" if verb == "restart" else "inactive"
    was = machine.pids.get(service)
    return lambda: (
        _settled(machine.services[service], wanted) if machine.pids.get(service) != was or was is None else None
    )


def _settled(state: str, wanted: str) -> Answer | None:
    if state == wanted:
        return OK
    return Answer("", 1, 'Job failed. See "journalctl -xe" for details.\n') if state == "failed" else None


def _heartbeat(pair: SimulatedPair, n: int, verb: str) -> Outcome:
    member = pair.heartbeat.members[n]
    if verb == "start":
        pair.heartbeat.start(n)
        return lambda: OK if member.phase == "running" else None
    pair.heartbeat.stop(n)
    if verb == "stop":
        return lambda: OK if member.phase == "stopped" else None

    def restarted() -> Answer | None:
        if member.phase == "stopped":
            pair.heartbeat.start(n)
            return OK
        return None

    return restarted


def _asterisk(pair: SimulatedPair, n: int, words: list[str]) -> Outcome:
    """`asterisk -rx COMMAND`."""
    flags, plain = [w for w in words if w.startswith("-")], [w for w in words if not w.startswith("-")]
    if "x" not in "".join(flags) or len(plain) != 1:
        return Answer("", 1, f"asterisk: not simulated: {' '.join(words)}\n")
    if not pair.machines[n].runs("asterisk"):
        refusal = "Unable to connect to remote asterisk (does /var/run/asterisk/asterisk.ctl exist?)\n"
        return Answer("", 1, refusal)
    lines = pair.console(n, plain[0]) if pair.console is not None else []
    return Answer("".join(f"{line}\n" for line in lines))


def _umount(pair: SimulatedPair, n: int, words: list[str]) -> Outcome:
    if not pair.machines[n].mounted:
        return Answer("", 32, "umount: /data: not mounted.\n")
    if pair.resources[n].busy:
        return Answer("", 32, "umount: /data: target is busy.\n")
    pair.resources[n].unmount()
    return OK


def _mount(pair: SimulatedPair, n: int, words: list[str]) -> Outcome:
    """`mount /data`, and `mount -t ext3 -o ro /dev/drbd1 /data`."""
    if pair.machines[n].mounted:
        return Answer("", 32, "mount: /data: /dev/drbd1 already mounted on /data.\n")
    if not pair.drbd.sides[n].primary:
        return Answer("", 32, "mount: /data: mount(2) system call failed: Wrong medium type.\n")
    options = {option for flag, text in pairwise(words) if flag == "-o" for option in text.split(",")}
    pair.resources[n].mount(read_only="ro" in options or "-r" in words)
    return OK


def _ip(pair: SimulatedPair, n: int, words: list[str]) -> Outcome:
    plain = [word for word in words if not word.startswith("-")]
    machine = pair.machines[n]
    if len(plain) >= 3 and plain[0] in {"addr", "address", "a"} and plain[2].split("/")[0] == ADDRESS:
        if plain[1] in {"del", "delete"}:
            if not machine.address:
                return Answer("", 2, "RTNETLINK answers: Cannot assign requested address\n")
            machine.address = False
            return OK
        if plain[1] == "add":
            if machine.address:
                return Answer("", 2, "RTNETLINK answers: File exists\n")
            machine.address = True
            return OK
    return Answer("", 1, f"ip: not simulated: {' '.join(words)}\n")


def _df(pair: SimulatedPair, n: int, words: list[str]) -> Outcome:
    """Of the last path that is named; `/` cannot be the name of an answer that lies ready."""
    paths = [word for word in words if word.startswith("/")]
    return Answer(print_space(pair, n, paths[-1] if paths else "/"))


def _fuser(pair: SimulatedPair, n: int, words: list[str]) -> Outcome:
    """Who holds the volume: both services have files there, and whoever else is in it; `-k` signals them all."""
    machine = pair.machines[n]
    pids = [str(pid) for name, pid in machine.pids.items() if machine.mounted and name in _UNITS]
    pids += [str(holder.pid) for holder in machine.holders.of_mount if not holder.kernel]
    if "-k" in words and machine.mounted:
        for service in machine.services:
            machine.set_service(service, "inactive")
        machine.holders.kill()
    return Answer(" " + " ".join(pids) + "\n", 0, "/data:\n") if pids else Answer("", 1)


def _kill(pair: SimulatedPair, n: int, words: list[str]) -> Outcome:
    """Reaches those who hold the volume; only found behind sudo, for a shell has a `kill` of its own."""
    known = {str(holder.pid): holder for holder in pair.machines[n].holders.processes}
    wanted = [word for word in words if word.isascii() and word.isdigit()]
    for word in wanted:
        if word in known:
            pair.machines[n].holders.kill(known[word].pid)
    strangers = [word for word in wanted if word not in known]
    return Answer("", 1, "".join(f"kill: ({word}) - No such process\n" for word in strangers)) if strangers else OK


def _reboot(pair: SimulatedPair, n: int, words: list[str]) -> Outcome:
    """The node goes down at once, and comes back."""
    pair.reboot(n)
    return OK


def _all_of(outcomes: list[Outcome]) -> Outcome:
    waiting = list(outcomes)
    failed: list[Answer] = []

    def poll() -> Answer | None:
        for outcome in tuple(waiting):
            answer = outcome if isinstance(outcome, Answer) else outcome()
            if answer is not None:
                waiting.remove(outcome)
                if answer.code:
                    failed.append(answer)
        return None if waiting else (failed[0] if failed else OK)

    return poll() or poll
