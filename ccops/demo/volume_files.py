"""The files on a simulated node's volume: there while it is mounted, and those of the node's own side.

What calls leave is only written. Asterisk's configuration is also read: what a shell on the node writes there lies on
the side's volume from then on, and so on the other one's while they are connected.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ccops.demo.asterisk_files import FOLDER, OWNED
from ccops.demo.calls import Call

# Older recordings are moved away at night.
_RECORDINGS = 300
_SILENCE = (
    b"RIFF\x64\x01\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x40\x01\0\0" + bytes(320)
)
_DATABASE = {
    "ibdata1": 4096,
    "ib_logfile0": 2048,
    "mysql/user.frm": 512,
    "mysql/user.MYD": 256,
    "call_center/call_entry.frm": 512,
    "call_center/call_entry.MYI": 1024,
    "call_center/audit.frm": 512,
    "call_center/audit.MYD": 256,
    "asteriskcdrdb/cdr.frm": 512,
    "asteriskcdrdb/cdr.MYI": 1024,
}


class VolumeFiles:
    """Keeps `root`/data as the side's calls would have it; what is new is appended.

    `wrote(name, content)` is told of each file of Asterisk's that somebody wrote there (None: deleted).
    """

    def __init__(self, root: Path, wrote: Callable[[str, bytes | None], None]) -> None:
        self.root = root
        self._wrote = wrote
        self._written: list[Call] | None = None
        self._asterisk: dict[str, tuple[tuple[int, int, int], bytes]] = {}

    def settle(self) -> None:
        """Takes over what was written to Asterisk's folder since it was last looked at."""
        if self._written is None:
            return
        before, self._asterisk = self._asterisk, self._look(self._asterisk)
        for name in before.keys() | self._asterisk.keys():
            old, new = before.get(name), self._asterisk.get(name)
            if (old[1] if old else None) != (new[1] if new else None):
                self._wrote(name, new[1] if new else None)

    def update(self, mounted: bool, calls: Sequence[Call], asterisk: Mapping[str, bytes]) -> None:
        """Brings the files up to what the side has written, or takes them away."""
        self.settle()
        if not mounted:
            if self._written is not None:
                self._clear()
            return
        before = self._written
        if before is None or len(before) > len(calls) or (before and calls[len(before) - 1] is not before[-1]):
            self._clear()
            self._lay_out()
            self._put_asterisk(asterisk)
            before = self._written = []
        fresh = calls[len(before) :]
        if fresh:
            self._append(fresh)
            before.extend(fresh)
            for call in before[: max(0, len(before) - _RECORDINGS)][-len(fresh) :]:
                (self.root / "data/monitor" / call.recording()).unlink(missing_ok=True)

    def _append(self, calls: Sequence[Call]) -> None:
        last = calls[-1].ended
        for path, text in (
            ("log/queue_log", "".join(call.queue_lines() for call in calls)),
            ("log/cdr-csv/Master.csv", "".join(call.cdr_line() for call in calls)),
            ("mysql/data/call_center/call_entry.MYD", "".join(f"{call.uniqueid}\0{call.number}\0" for call in calls)),
            ("mysql/data/asteriskcdrdb/cdr.MYD", "".join(call.cdr_line() for call in calls)),
        ):
            target = self.root / "data" / path
            with target.open("a", encoding="utf-8") as file:
                file.write(text)
            os.utime(target, (last, last))
        for call in [call for call in calls if call.agent][-_RECORDINGS:]:
            recording = self.root / "data/monitor" / call.recording()
            recording.write_bytes(_SILENCE)
            os.utime(recording, (call.ended, call.ended))

    def _lay_out(self) -> None:
        data = self.root / "data"
        for folder in (
            "log/cdr-csv",
            "monitor",
            "mysql/data/call_center",
            "mysql/data/asteriskcdrdb",
            "mysql/data/mysql",
        ):
            (data / folder).mkdir(parents=True, exist_ok=True)
        for name, size in _DATABASE.items():
            (data / "mysql/data" / name).write_bytes(bytes(size))

    def _put_asterisk(self, files: Mapping[str, bytes]) -> None:
        folder = self.root / "data" / FOLDER
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)
            (folder / name).chmod(0o640 if name == OWNED else 0o644)
        self._asterisk = self._look({})

    def _look(
        self, known: Mapping[str, tuple[tuple[int, int, int], bytes]]
    ) -> dict[str, tuple[tuple[int, int, int], bytes]]:
        """Every file there with its stamp; only those with another one are read. Half-written ones are left out."""
        found = {}
        with contextlib.suppress(OSError), os.scandir(self.root / "data" / FOLDER) as entries:
            for entry in entries:
                if not entry.name.endswith(".conf") or not entry.is_file(follow_symlinks=False):
                    continue
                stat = entry.stat()
                stamp, old = (stat.st_ino, stat.st_mtime_ns, stat.st_size), known.get(entry.name)
                content = old[1] if old is not None and old[0] == stamp else Path(entry.path).read_bytes()
                found[entry.name] = (stamp, content)
        return found

    def _clear(self) -> None:
        self._written = None
        self._asterisk = {}
        for child in list((self.root / "data").iterdir()):
            shutil.rmtree(child, ignore_errors=True)
