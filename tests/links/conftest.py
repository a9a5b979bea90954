from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
import pytest

from tests.links.ssh_server import Keys, running, serve, until


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keys:
    """Keys of our own; the tester's agent, home and configuration are out of sight."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return Keys(tmp_path)


@pytest.fixture
async def server(keys: Keys) -> AsyncIterator[asyncssh.SSHAcceptor]:
    acceptor = await serve(keys)
    keys.known_hosts(acceptor.get_port())
    yield acceptor
    acceptor.close()
    await acceptor.wait_closed()
    await until(lambda: not running)
