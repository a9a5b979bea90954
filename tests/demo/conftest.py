"""A running demo, and ways into it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncssh
import pytest

from ccops.demo.world import Demo


@pytest.fixture
async def demo() -> AsyncIterator[Demo]:
    async with Demo(agents=20, speed=1.0) as world:
        yield world


@contextlib.asynccontextmanager
async def log_in(demo: Demo, n: int) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """An SSH connection to node n, made from nothing but the demo's settings."""
    node = demo.settings.pairs["demo"].nodes[n]
    host, _, port = node.ssh.partition("@")[2].partition(":")
    async with asyncssh.connect(
        host, int(port), username="root", client_keys=[node.identity], known_hosts=node.known_hosts, config=[]
    ) as connection:
        yield connection


async def until(condition: Callable[[], object], seconds: float = 15.0) -> None:
    """Waits until the condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not come to hold"
        await asyncio.sleep(0.02)


def secret_of(demo: Demo) -> str:
    ami = demo.settings.pairs["demo"].ami
    assert ami is not None
    assert ami.secret.file is not None
    return Path(ami.secret.file).read_text().strip()
