"""`ccops.toml`: settings of the console and of every pair, checked, with errors that name file, line and key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec


class Secret:
    """A secret that prints as `***`; `reveal()` is called only where it is sent."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


class ConfigError(Exception):
    """A setting that is wrong: file, line, key, what was expected, what was found, what to do."""


class SecretRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a secret is kept; exactly one of the three: an environment variable, a command (argument list), a file of mode 0600."""

    env: str | None = None
    command: tuple[str, ...] | None = None
    file: str | None = None


class NodeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One node. `ssh` is `[user@]host[:port]` or an alias of ~/.ssh/config; `name` is what `uname -n` says there."""

    name: str
    ssh: str
    identity: str | None = None
    ssh_config: str | None = None
    known_hosts: str | None = None


class AmiSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Asterisk's manager interface; `via = "direct"` connects without SSH to the node's host."""

    user: str
    secret: SecretRef
    port: int = 5038
    host: str = "127.0.0.1"
    via: Literal["ssh", "direct"] = "ssh"
    direct_hosts: Mapping[str, str] = {}


class MysqlSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """MySQL on the serving node; a `socket` path on the node is preferred to host and port."""

    user: str
    password: SecretRef | None = None
    port: int = 3306
    host: str = "127.0.0.1"
    socket: str | None = None
    via: Literal["ssh", "direct"] = "ssh"
    direct_hosts: Mapping[str, str] = {}


class PairSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One pair: its two nodes and what moves between them."""

    nodes: tuple[NodeSettings, NodeSettings]
    address: str
    resource: str = "data"
    minor: int = 1
    device: str = "/dev/drbd1"
    mount: str = "/data"
    services: Mapping[str, str] = msgspec.field(default_factory=lambda: {"asterisk": "asterisk", "mysqld": "mysqld"})
    interval: float = 1.0
    ha_log: str = "/var/log/ha-log"
    kernel_log: str = "auto"
    sudo: bool = False
    ami: AmiSettings | None = None
    mysql: MysqlSettings | None = None
    trunks: Mapping[str, int] = {}
    accent: str | None = None
    theme: str | None = None


class ConsoleSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The console itself. `keys` maps a binding's id (`view.queues`) to the key or keys (comma separated) wanted."""

    theme: str = "dark"
    pair: str | None = None
    keys: Mapping[str, str] = {}
    bell: bool = True


class Settings(msgspec.Struct, frozen=True):
    """Everything in the file; `path` is where it was read, None when it was made in memory (a demo, a bundle)."""

    pairs: Mapping[str, PairSettings]
    console: ConsoleSettings = ConsoleSettings()
    path: Path | None = None
