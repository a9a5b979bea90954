"""SSH host keys: what is known, and what to say when a node shows another one.

Format: "SSH_KNOWN_HOSTS FILE FORMAT" in sshd(8). Checks are strict: there is no way to switch them off, also not by
`UserKnownHostsFile none` or `StrictHostKeyChecking no` in an ssh_config.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import asyncssh

from ccops.links.errors import HostKeyProblem
from ccops.text import decode

USER_FILES = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
GLOBAL_FILE = "/etc/ssh/ssh_known_hosts"


def load(paths: Sequence[str]) -> asyncssh.SSHKnownHosts:
    """All entries of the files that can be read; like ssh(1), a line that makes no sense is passed over."""
    hosts = asyncssh.SSHKnownHosts()
    for path in paths:
        try:
            text = decode(Path(path).expanduser().read_bytes())
        except OSError:
            continue
        for line in text.splitlines():
            try:
                hosts.load(line)
            except ValueError:
                continue
    return hosts


class HostKeyWitness(asyncssh.SSHClient):
    """Remembers the key that a server showed and we did not trust, and why the connection ended."""

    def __init__(self) -> None:
        self.shown: asyncssh.SSHKey | None = None
        self.ended = False
        self.reason: Exception | None = None

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Called for a key that the known hosts do not hold: never trusted, only remembered."""
        self.shown = key
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Called once, when the connection is gone."""
        self.ended = True
        self.reason = exc


def explain(
    *,
    host: str,
    port: int,
    target: str,
    hosts: asyncssh.SSHKnownHosts,
    files: Sequence[str],
    shown: asyncssh.SSHKey | None,
    detail: str,
    ssh_config: str | None,
) -> HostKeyProblem:
    """The error for a host key that was not trusted: unknown or changed, its fingerprint, and what to type."""
    name = host if port == 22 else f"[{host}]:{port}"
    file = files[0] if files else USER_FILES[0]
    known = hosts.match(host, "", None if port == 22 else port)
    command = _ssh_command(target, file, ssh_config)
    fingerprint = f" {shown.get_algorithm()} {shown.get_fingerprint()}" if shown is not None else ""
    if not known[0] and not known[1]:
        return HostKeyProblem(
            f"the host key of {name} is not known: it shows{fingerprint or ' a key'}. Compare it with "
            f"`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` (or the file of its type) on the node's own console, "
            f"then accept it once with: {command}"
        )
    if shown is not None and shown in known[2]:
        return HostKeyProblem(f"the host key of {name}{fingerprint} is marked @revoked in {file}: do not connect")
    if shown is not None:
        expected = ", ".join(f"{key.get_algorithm()} {key.get_fingerprint()}" for key in known[0][:3])
        return HostKeyProblem(
            f"THE HOST KEY OF {name} HAS CHANGED: expected {expected or 'a certificate'}, found{fingerprint}. Either "
            f"the node was reinstalled or another machine answers at its address. If you know why: "
            f"ssh-keygen -R {shlex.quote(name)} -f {shlex.quote(file)}; then {command}"
        )
    types = ", ".join(sorted({key.get_algorithm() for key in known[0]}))
    return HostKeyProblem(
        f"the host key of {name} cannot be checked ({detail}); {file} knows {types or 'certificates'}. "
        f"See what it offers with: ssh-keyscan -p {port} {shlex.quote(host)}; accept a new one with: {command}"
    )


def _ssh_command(target: str, file: str, ssh_config: str | None) -> str:
    argv = ["ssh"]
    if ssh_config is not None:
        argv += ["-F", ssh_config]
    if file not in USER_FILES:
        argv += ["-o", f"UserKnownHostsFile={file}"]
    argv += ["-o", "StrictHostKeyChecking=ask", f"ssh://{target}" if _has_port(target) else target, "true"]
    return shlex.join(argv)


def _has_port(target: str) -> bool:
    return target.rpartition("@")[2].rpartition("]")[2].count(":") == 1
