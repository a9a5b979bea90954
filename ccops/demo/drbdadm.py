"""`drbdadm` and `drbdsetup` on a node: their words, refusals and exit codes, as drbd-utils print them for DRBD 8.4."""

from __future__ import annotations

from collections.abc import Callable

from ccops.demo.answer import OK, Answer
from ccops.demo.pair import SimulatedPair
from ccops.demo.replica import RESOURCE, Refusal

_GONE = "1: Failure: (127) Device minor not allocated\nadditional info from kernel:\nunknown device/minor\n"
# State changes end 11, but for these; what is no state change ends 10.
_EXIT_CODES = {-2: 17, -4: 16, -16: 5}
_FORCE = frozenset({"--force", "--overwrite-data-of-peer", "-f", "-o"})
_TENTATIVE = frozenset({"--tentative", "--dry-run", "-n"})


def run_drbdadm(pair: SimulatedPair, n: int, words: list[str]) -> Answer:
    """`drbdadm`, in the order of 8.4 or in that of 8.3 (`-- --discard-my-data connect data`)."""
    options = {word for word in words if word.startswith("-")}
    plain = [word for word in words if not word.startswith("-")]
    if len(plain) != 2 or plain[1] not in {RESOURCE, "all"}:
        if len(plain) == 2:
            return Answer("", 3, f"'{plain[1]}' not defined in your config (for this host).\n")
        return Answer("", 1, "USAGE: drbdadm COMMAND [OPTION...] {all|RESOURCE...}\n")
    verb, drbd = plain[0], pair.drbd
    deeds: dict[str, Callable[[], Refusal]] = {
        "primary": lambda: drbd.primary(n, bool(options & _FORCE)),
        "secondary": lambda: drbd.secondary(n),
        "connect": lambda: drbd.connect(n, "--discard-my-data" in options, bool(options & _TENTATIVE)),
        "disconnect": lambda: drbd.disconnect(n),
        "pause-sync": lambda: drbd.pause(n, True),
        "resume-sync": lambda: drbd.pause(n, False),
        "verify": lambda: drbd.verify(n),
        "invalidate": lambda: drbd.disks.invalidate(n),
        "attach": lambda: drbd.disks.attach(n),
        "detach": lambda: drbd.disks.detach(n),
        "outdate": lambda: drbd.disks.outdate(n),
        "suspend-io": lambda: drbd.disks.suspend(n, True),
        "resume-io": lambda: drbd.disks.suspend(n, False),
        "adjust": lambda: drbd.adjust(n),
        "disk-options": lambda: _set_rate(pair, n, [w.partition("=")[2] for w in words if "resync-rate=" in w]),
        "up": lambda: drbd.up(n),
        "down": lambda: drbd.down(n),
    }
    deed = deeds.get(verb)
    if deed is None:
        return Answer("", 1, f"drbdadm: Unknown command '{verb}'.\n")
    if not drbd.sides[n].configured and verb not in {"up", "adjust", "down"}:
        return Answer("", 10, _GONE)
    return _answer(verb, deed())


def run_drbdsetup(pair: SimulatedPair, n: int, words: list[str]) -> Answer:
    """`drbdsetup /dev/drbd1 syncer -r 30M`, the old spelling of a resync rate; nothing else is simulated."""
    if len(words) == 4 and words[0] in {"/dev/drbd1", "1"} and words[1:3] == ["syncer", "-r"]:
        if not pair.drbd.sides[n].configured:
            return Answer("", 10, _GONE)
        return _answer("syncer", _set_rate(pair, n, words[3:]))
    return Answer("", 1, f"drbdsetup: not simulated: {' '.join(words)}\n")


def _set_rate(pair: SimulatedPair, n: int, rates: list[str]) -> Refusal:
    """Rates as drbdadm takes them: KiB/s, or with a unit."""
    for text in rates:
        scale = {"K": 1, "M": 1024, "G": 1 << 20}.get(text[-1:].upper(), 1)
        digits = text.rstrip("KkMmGg")
        if not (digits.isascii() and digits.isdigit()):
            return 162, "Invalid configuration request"
        refused = pair.drbd.set_rate(n, max(1, int(digits) * scale))
        if refused is not None:
            return refused
    return None


def _answer(verb: str, refused: Refusal) -> Answer:
    if refused is None:
        return OK
    code, text = refused
    exit_code = _EXIT_CODES.get(code, 11) if code < 0 else 10
    kind = "State change failed" if code < 0 else "Failure"
    end = f"Command 'drbdsetup-84 {verb} 1' terminated with exit code {exit_code}\n"
    return Answer("", exit_code, f"1: {kind}: ({code}) {text}\n{end}")
