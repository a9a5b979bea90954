"""DRBD's commands as each version spells them: one place for remedies and for operations.

Source: drbdadm(8) and drbdsetup(8) of 8.0, 8.3, 8.4 and 9. Where the version is not known the spelling of 8.0 to 8.3 is
given, which 8.4 accepts too.
"""

from __future__ import annotations

import re

import msgspec

Argv = tuple[str, ...]
_NUMBER = re.compile(r"(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?", re.A)


def spelt(argv: Argv) -> str:
    """A command as it is typed in a shell: no argument of DRBD's has anything that a shell would take for its own."""
    return " ".join(argv)


class Drbdadm(msgspec.Struct, frozen=True):
    """The commands for one resource on a node with this version of DRBD (`8.3.11`; None: not known)."""

    resource: str
    minor: int
    version: str | None = None

    def connect(self) -> Argv:
        """Ends StandAlone."""
        return "drbdadm", "connect", self.resource

    def discard(self) -> Argv:
        """Connects and gives this side's changes up; only for a Secondary."""
        if self._at_least(8, 4):
            return "drbdadm", "connect", "--discard-my-data", self.resource
        return "drbdadm", "--", "--discard-my-data", "connect", self.resource

    def rehearse(self, discard: bool = False) -> Argv | None:
        """Has the kernel log tell what a connect would do, without doing it; None where DRBD cannot (before 8.3.8).

        `discard`: what a connect would do that gives this side's changes up.
        """
        given_up = ("--discard-my-data",) if discard else ()
        if self._at_least(8, 4):
            return "drbdadm", "connect", "--tentative", *given_up, self.resource
        if self._at_least(8, 3, 8):
            return "drbdadm", "--", "--dry-run", *given_up, "connect", self.resource
        return None

    def disconnect(self) -> Argv:
        """StandAlone."""
        return "drbdadm", "disconnect", self.resource

    def primary(self) -> Argv:
        """Promotes, where DRBD allows it."""
        return "drbdadm", "primary", self.resource

    def force_primary(self) -> Argv:
        """Promotes data that is not known to be good."""
        if self._at_least(8, 4):
            return "drbdadm", "primary", "--force", self.resource
        return "drbdadm", "--", "--overwrite-data-of-peer", "primary", self.resource

    def secondary(self) -> Argv:
        """Demotes; nothing may have the device open."""
        return "drbdadm", "secondary", self.resource

    def invalidate(self) -> Argv:
        """Copies everything from the peer."""
        return "drbdadm", "invalidate", self.resource

    def pause_sync(self) -> Argv:
        """Pauses the resync."""
        return "drbdadm", "pause-sync", self.resource

    def resume_sync(self) -> Argv:
        """Takes this side's pause away."""
        return "drbdadm", "resume-sync", self.resource

    def resume_io(self) -> Argv:
        """Lets frozen I/O go on."""
        return "drbdadm", "resume-io", self.resource

    def verify(self) -> Argv:
        """Compares both sides."""
        return "drbdadm", "verify", self.resource

    def rate(self, rate: str) -> Argv:
        """A resync rate (`30M`: MiB/s) until `adjust`; on 8.4 it is the SyncTarget's that counts."""
        if self._at_least(8, 4):
            return "drbdadm", "disk-options", "--c-plan-ahead=0", f"--resync-rate={rate}", self.resource
        return "drbdsetup", f"/dev/drbd{self.minor}", "syncer", "-r", rate

    def adjust(self) -> Argv:
        """Makes what runs agree with the configuration."""
        return "drbdadm", "adjust", self.resource

    def up(self) -> Argv:
        """Attaches and connects."""
        return "drbdadm", "up", self.resource

    def attach(self) -> Argv:
        """Takes the backing disk."""
        return "drbdadm", "attach", self.resource

    def detach(self) -> Argv:
        """Lets the backing disk go."""
        return "drbdadm", "detach", self.resource

    def create_metadata(self) -> Argv:
        """New meta-data, on a new disk."""
        return "drbdadm", "create-md", self.resource

    def generation_ids(self) -> Argv:
        """The identifiers of this side's data."""
        return "drbdadm", "get-gi", self.resource

    def _at_least(self, *wanted: int) -> bool:
        found = _NUMBER.match(self.version or "")
        return found is not None and tuple(int(part or 0) for part in found.groups()) >= wanted
