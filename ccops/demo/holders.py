"""Who holds the volume open beside the services: shells, forgotten processes, the kernel itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Holder:
    """One that keeps `path` busy: a process, or (`kernel`) an export or a stacked device, which has none.

    A process stands in `path` (its `cwd`) when that is a folder's name without a dot in its last part, else it has the
    file open. One that is not `killable` waits in the kernel and dies of no signal.
    """

    name: str
    path: str
    pid: int
    killable: bool = True
    kernel: bool = False

    @property
    def holds_device(self) -> bool:
        """Whether it is the device that is held, and not what is mounted from it."""
        return self.path.startswith("/dev/")

    @property
    def link(self) -> str:
        """Below which name of its folder in /proc the path is found."""
        return "cwd" if "." not in self.path.rpartition("/")[2] and not self.holds_device else "fd/3"


class Holders:
    """All of one node."""

    def __init__(self) -> None:
        self._all: list[Holder] = []

    def __iter__(self) -> Iterator[Holder]:
        return iter(tuple(self._all))

    def add(self, holder: Holder) -> None:
        """From now on it holds."""
        self._all.append(holder)

    def clear(self) -> None:
        """Nobody holds any more."""
        self._all.clear()

    def kill(self, pid: int | None = None) -> None:
        """Ends the processes that hold the mount, or the one with that id, where they can be killed."""
        dying = [h for h in self.of_mount if h.killable and not h.kernel and pid in {None, h.pid}]
        self._all = [holder for holder in self._all if holder not in dying]

    @property
    def processes(self) -> list[Holder]:
        """Those that can be seen in /proc."""
        return [holder for holder in self._all if not holder.kernel]

    @property
    def of_mount(self) -> list[Holder]:
        """Those that keep the file system from being unmounted."""
        return [holder for holder in self._all if not holder.holds_device]

    @property
    def of_device(self) -> list[Holder]:
        """Those that keep the device itself open."""
        return [holder for holder in self._all if holder.holds_device]
