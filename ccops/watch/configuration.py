"""One node's configuration read over SSH: a POSIX sh script sent to `/bin/sh -s`, and what it printed cut into files.

The files are those of a bundle, so that a node that is watched and a bundle are understood by one parser
(`ccops.pair.configuration`). Nothing is written on the node; secrets are cut there.
"""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Callable, Mapping
from importlib.resources import files

from ccops.links.errors import LinkError
from ccops.pair.configuration import NodeConfiguration, configuration_of, unread
from ccops.pair.model import PairLayout
from ccops.pair.services import asked_units
from ccops.text import clean, decode
from ccops.watch.traces_script import Runner

TIMEOUT_S = 60.0
_EVERY_S = 600.0
_TICK_S = 0.5
_FRAME = re.compile(rb"^##### (\S+)\n(.*?)^##### rc=(\d+)\n", re.M | re.S)


async def read_configuration(
    runner: Runner, layout: PairLayout, salt: str = "", *, timeout_s: float = TIMEOUT_S
) -> NodeConfiguration:
    """The configuration of the node that `runner` reaches. What `runner` raises is let through."""
    found = await read_files(runner, layout, salt, timeout_s=timeout_s)
    if not found:
        return unread("the script that reads it did not run on the node")
    texts = {name: text for name, (text, _) in found.items()}
    return configuration_of(texts, {name.removesuffix(".txt"): code for name, (_, code) in found.items()})


async def read_files(
    runner: Runner, layout: PairLayout, salt: str = "", *, timeout_s: float = TIMEOUT_S
) -> Mapping[str, tuple[str, int]]:
    """The same as a bundle's files: name → (text, exit code).

    `salt` is any random text, the same for both nodes and kept nowhere: by it they can be told to have the same keys in
    authkeys, and nobody can tell which. Without it that is not known.
    """
    done = await runner.run(["/bin/sh", "-s"], timeout_s=timeout_s, input=script(layout, salt).encode())
    return cut_frames(done.stdout)


def script(layout: PairLayout, salt: str) -> str:
    """The script as it is sent."""
    values = {
        "DEVICE": layout.device,
        "MOUNT": layout.mount,
        "UNITS": " ".join(asked_units(layout)),
        "SALT": salt,
    }
    settings = "".join(f"{key}={shlex.quote(value)}\n" for key, value in values.items())
    return settings + source("files.sh") + source("configuration.sh")


def source(name: str) -> str:
    """One of this room's shell scripts, without its comments."""
    lines = files("ccops.watch").joinpath(name).read_text(encoding="utf-8").splitlines()
    return "".join(f"{line}\n" for line in lines if not line.lstrip().startswith("#"))


def cut_frames(output: bytes) -> Mapping[str, tuple[str, int]]:
    """What a script printed in frames (`##### NAME`, text, `##### rc=N`): name → (text, exit code)."""
    return {decode(m[1]): (_text(m[2]), int(m[3])) for m in _FRAME.finditer(output)}


def _text(body: bytes) -> str:
    # The script adds one newline, so that its mark begins a line whatever the command printed.
    return decode(body.removesuffix(b"\n"))


class ConfigurationCollector:
    """Reads one node's configuration once there is a connection, and then every ten minutes.

    `runner()` is the connection to the node, None while there is none.
    """

    def __init__(
        self,
        layout: PairLayout,
        runner: Callable[[], Runner | None],
        *,
        salt: str,
        on_change: Callable[[], None],
    ) -> None:
        self._layout, self._runner, self._salt, self._on_change = layout, runner, salt, on_change
        self.configuration: NodeConfiguration | None = None

    async def run(self) -> None:
        """Reads until it is cancelled; never two questions at once."""
        while True:
            runner = self._runner()
            if runner is None:
                await asyncio.sleep(_TICK_S)
                continue
            try:
                found = await read_configuration(runner, self._layout, self._salt)
            except LinkError as error:
                found = unread(clean(str(error), 200))
            if found != self.configuration:
                self.configuration = found
                self._on_change()
            await asyncio.sleep(_EVERY_S)
