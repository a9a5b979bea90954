"""Logging in over SSH: settings into asyncssh's options, jumps, and its errors into ours."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import msgspec

from ccops.config import NodeSettings
from ccops.links import hostkeys
from ccops.links.errors import AuthenticationFailed, HostKeyProblem, LinkError, LinkLost, TimedOut, Unreachable
from ccops.links.hostkeys import HostKeyWitness
from ccops.text import clean

KEEPALIVE_INTERVAL_S = 2.5
KEEPALIVE_COUNT_MAX = 3
"""asyncssh gives up at interval * (count + 1) of silence: 10 s. A silence is told after 2 s (`SshLink`); a node that is
only busy, as in the middle of a failover, keeps its connection."""

_MAX_JUMPS = 5


class Target(msgspec.Struct, frozen=True):
    """`[user@]host[:port]`, taken apart."""

    host: str
    user: str | None = None
    port: int | None = None


def parse_target(text: str) -> Target:
    """Take `[user@]host[:port]` apart; an IPv6 address with a port stands in brackets, `ssh://` is allowed in front.

    Raises:
        LinkError: it has another form.
    """
    bare = text.removeprefix("ssh://")
    user, _, address = bare.rpartition("@")
    found = re.fullmatch(
        r"\[([^\]\s]+)\](?::(\d{1,5}))?|([^\s:\[\]]+)(?::(\d{1,5}))?|([0-9A-Fa-f:.]+(?:%\w+)?)", address
    )
    host = next((h for h in (found[1], found[3], found[5]) if h), "") if found else ""
    port = int(found[2] or found[4] or 0) if found else 0
    if not host or host.startswith("-") or port > 65535 or not text.isprintable() or (user and user.startswith("-")):
        raise LinkError(f"{clean(text, 100)!r} is no SSH address: expected [user@]host[:port], IPv6 as [address]:port")
    return Target(host, user or None, port or None)


async def log_in(node: NodeSettings, timeout_s: float) -> tuple[asyncssh.SSHClientConnection, HostKeyWitness]:
    """A logged-in connection to the node, through its jumps, within `timeout_s` seconds in all."""
    try:
        async with asyncio.timeout(timeout_s):
            return await _open(node, node.ssh, depth=0)
    except TimeoutError:
        message = (
            f"{clean(node.ssh, 100)} did not answer SSH within {timeout_s:g} s: is it up, is its SSH port let through?"
        )
        raise TimedOut(message) from None


async def _open(
    node: NodeSettings, text: str, depth: int, through: asyncssh.SSHClientConnection | None = None
) -> tuple[asyncssh.SSHClientConnection, HostKeyWitness]:
    target = parse_target(text)
    options = await _construct(node, target, via=through, is_jump=depth > 0)
    jump = through
    if jump is None and isinstance(options.tunnel, str) and not _names_itself(options.tunnel, target, options.host):
        if depth >= _MAX_JUMPS:
            raise LinkError(f"ProxyJump of {clean(text, 100)} leads in a circle: correct the ssh_config")
        for hop in options.tunnel.split(","):
            with _closing_on_error(jump):
                jump, _ = await _open(node, hop.strip(), depth + 1, jump)
    with _closing_on_error(jump):
        return await _shake_hands(node, text, target, options, jump)


async def _construct(
    node: NodeSettings, target: Target, *, via: object, is_jump: bool
) -> asyncssh.SSHClientConnectionOptions:
    settings: dict[str, Any] = {
        "host": target.host,
        "port": target.port if target.port is not None else (),
        "config": _config_files(node),
        "tunnel": () if via is None else None,
        "keepalive_interval": KEEPALIVE_INTERVAL_S,
        "keepalive_count_max": KEEPALIVE_COUNT_MAX,
        "compression_algs": ["none"],
        "password_auth": False,
        "kbdint_auth": False,
        "agent_forwarding": False,
        "x11_forwarding": False,
        "ignore_encrypted": True,
        "connect_timeout": None,
        "encoding": None,
    }
    if target.user is not None:
        settings["username"] = target.user
    if node.identity is not None and not is_jump:
        settings["client_keys"] = [_identity_file(node.name, node.identity)]
    try:
        options: asyncssh.SSHClientConnectionOptions = await asyncssh.SSHClientConnectionOptions.construct(**settings)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise AuthenticationFailed(f"a private key for {node.name} cannot be used: {clean(str(error), 200)}") from None
    except (OSError, ValueError, asyncssh.Error) as error:
        raise LinkError(f"the SSH settings for {node.name} cannot be used: {clean(str(error), 300)}") from None
    return options


def _identity_file(name: str, identity: str) -> str:
    path = os.path.expanduser(identity)
    if not os.access(path, os.R_OK):
        raise AuthenticationFailed(f"the identity {path} of {name} cannot be read: check its path and owner")
    return path


def _config_files(node: NodeSettings) -> list[str]:
    if node.ssh_config is not None:
        path = Path(node.ssh_config).expanduser()
        if not os.access(path, os.R_OK):
            raise LinkError(f"ssh_config = {str(path)!r} of {node.name} cannot be read: check the path")
        return [str(path)]
    default = Path("~/.ssh/config").expanduser()
    return [str(default)] if os.access(default, os.R_OK) else []


def _names_itself(jumps: str, target: Target, host: str) -> bool:
    """True for `Host *` with `ProxyJump bastion` when the target is that bastion: ssh(1) then goes directly."""
    with contextlib.suppress(LinkError):
        return parse_target(jumps.split(",")[-1].strip()).host in (target.host, host)
    return False


async def _shake_hands(
    node: NodeSettings,
    text: str,
    target: Target,
    options: asyncssh.SSHClientConnectionOptions,
    jump: asyncssh.SSHClientConnection | None,
) -> tuple[asyncssh.SSHClientConnection, HostKeyWitness]:
    files = _known_hosts_files(node, options.known_hosts)
    hosts = await asyncio.to_thread(hostkeys.load, files)
    witness = HostKeyWitness()
    overrides: dict[str, Any] = {"known_hosts": hosts, "client_factory": lambda: witness, "tunnel": jump}
    port = int(options.port)
    try:
        connection = await asyncssh.connect(
            target.host, target.port if target.port is not None else (), config=(), options=options, **overrides
        )
    except asyncssh.HostKeyNotVerifiable as error:
        raise _explain_host_key(node, text, options, hosts, files, witness, str(error)) from None
    except asyncssh.KeyExchangeFailed as error:
        if "host key" in str(error):
            raise _explain_host_key(node, text, options, hosts, files, witness, str(error)) from None
        raise LinkError(
            f"{clean(text, 100)} offers no SSH algorithm that we accept ({clean(str(error), 200)}); for a very old "
            "sshd allow its algorithms in ~/.ssh/config, for example: KexAlgorithms +diffie-hellman-group1-sha1"
        ) from None
    except (asyncssh.Error, OSError, ValueError) as error:
        raise _explain(error, clean(text, 100), options.username, port) from None
    if jump is not None:
        connection.set_tunnel(jump)
    return connection, witness


def _known_hosts_files(node: NodeSettings, configured: object) -> list[str]:
    if node.known_hosts is not None:
        return [node.known_hosts]
    chosen = [path for path in configured if isinstance(path, str)] if isinstance(configured, list | tuple) else []
    return [*(chosen or hostkeys.USER_FILES), hostkeys.GLOBAL_FILE]


def _explain_host_key(
    node: NodeSettings,
    text: str,
    options: asyncssh.SSHClientConnectionOptions,
    hosts: asyncssh.SSHKnownHosts,
    files: list[str],
    witness: HostKeyWitness,
    detail: str,
) -> HostKeyProblem:
    alias = options.host_key_alias
    return hostkeys.explain(
        host=alias or options.host,
        port=int(options.port),
        target=clean(text, 100),
        hosts=hosts,
        files=files,
        shown=witness.shown,
        detail=clean(detail, 200),
        ssh_config=node.ssh_config,
    )


def _explain(error: Exception, where: str, user: str, port: int) -> LinkError:
    if isinstance(error, asyncssh.PermissionDenied):
        return AuthenticationFailed(
            f"{where} does not let {clean(user, 60)} in with the keys we have: load the key into ssh-agent "
            f"(`ssh-add -l` lists them) or set `identity`; test with: ssh {where}"
        )
    if isinstance(error, asyncssh.ChannelOpenError):
        return Unreachable(f"{where} cannot be reached from its jump host: {clean(error.reason, 200)}")
    if isinstance(error, ConnectionRefusedError):
        return Unreachable(f"{where} refuses connections on port {port}: is sshd running there?")
    if isinstance(error, socket.gaierror):
        return Unreachable(f"the name of {where} cannot be resolved: {error.strerror}")
    if isinstance(error, OSError) and not isinstance(error, ConnectionError):
        return Unreachable(f"{where} cannot be reached: {clean(error.strerror or str(error), 200)}")
    return LinkLost(f"{where} closed the SSH connection during log-in: {clean(str(error), 200)}")


@contextlib.contextmanager
def _closing_on_error(jump: asyncssh.SSHClientConnection | None) -> Iterator[None]:
    """Abort a jump when what was to go through it fails."""
    try:
        yield
    except BaseException:
        if jump is not None:
            jump.abort()
        raise
