"""What the configuration files of a simulated node say, as far as a test or a scenario may change it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Configuration:
    """One node's choices: DRBD's algorithm for a verify (None: none) and resync rate (KiB/s), Heartbeat's failback.

    `auto_failback` is what ha.cf says: `on`, `off`, `legacy`; None: the directive is absent, which means legacy.
    """

    verify_alg: str | None = "crc32c"
    resync_rate: int = 10_240
    auto_failback: str | None = "on"

    @property
    def legacy(self) -> bool:
        """Whether Heartbeat knows no standby."""
        return self.auto_failback in {None, "legacy"}

    @property
    def rate(self) -> str:
        """The resync rate as DRBD's configuration has it: `10M`."""
        return f"{self.resync_rate // 1024}M" if self.resync_rate % 1024 == 0 else f"{self.resync_rate}K"
