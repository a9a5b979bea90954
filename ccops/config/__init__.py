"""`ccops.toml`: settings of the console and of every pair, checked, with errors that name file, line and key."""

from ccops.config.settings import (
    ACCENTS,
    AmiSettings,
    ConfigError,
    ConfigMissing,
    ConsoleSettings,
    MysqlSettings,
    NodeSettings,
    PairSettings,
    Secret,
    SecretRef,
    Settings,
    Thresholds,
    default_path,
    load,
    parse,
)

__all__ = [
    "ACCENTS",
    "AmiSettings",
    "ConfigError",
    "ConfigMissing",
    "ConsoleSettings",
    "MysqlSettings",
    "NodeSettings",
    "PairSettings",
    "Secret",
    "SecretRef",
    "Settings",
    "Thresholds",
    "default_path",
    "load",
    "parse",
]
