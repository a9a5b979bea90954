"""One operation a pair at a time, also between two consoles: a lock on both nodes that ends with its holder."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from importlib.resources import files

from ccops.links.errors import LinkError
from ccops.links.process import RemoteProcess
from ccops.operations.hands import Hands
from ccops.operations.plan import Busy, OperationError
from ccops.text import clean, decode

_PATIENCE_S = 30
_ALIVE_EVERY_S = 5.0
_ANSWER_S = 20.0


class PairLock:
    """The lock of one operation. `holder` is what others are told of it.

    A node that cannot be reached from here is not locked; another console that reaches it finds the other node taken.
    """

    def __init__(self, hands: Hands, resource: str, holder: str) -> None:
        self._hands = hands
        self._resource = resource
        self._holder = clean(holder, 300)
        self._processes: dict[str, RemoteProcess] = {}
        self._held: set[str] = set()
        self._beating: asyncio.Task[None] | None = None

    @property
    def held(self) -> tuple[str, ...]:
        """The nodes on which it is held now, as far as their connections tell."""
        return tuple(name for name in self._hands.names if name in self._held and self._lives(name))

    async def prepare(self) -> None:
        """Starts what will hold it on both nodes, without taking it: taking is then one word. Never fails."""
        await asyncio.gather(*(self._start(name) for name in self._hands.names), return_exceptions=True)

    async def take(self) -> tuple[str, ...]:
        """Takes it on every node that can be reached, in the settings' order; the nodes that could not be.

        Raises Busy, telling who has it, and holds nothing then; OperationError where no node can be locked.
        """
        missed: list[str] = []
        why = ""
        for name in self._hands.names:
            if name in self.held:
                continue
            try:
                await self._take_on(name)
            except LinkError as error:
                missed.append(name)
                why = str(error)
            except OperationError:
                await self.release()
                raise
        if not self.held:
            raise OperationError(f"neither node can be locked, so nothing is done: {why}")
        if self._beating is None:
            self._beating = asyncio.create_task(self._beat())
        return tuple(missed)

    async def release(self) -> None:
        """Gives it up on both nodes."""
        if self._beating is not None:
            self._beating.cancel()
            self._beating = None
        for process in self._processes.values():
            with contextlib.suppress(OSError):
                process.stdin.write_eof()
            process.close()
        self._processes.clear()
        self._held.clear()

    async def _take_on(self, name: str) -> None:
        try:
            async with asyncio.timeout(_ANSWER_S):
                process = await self._start(name)
                process.stdin.write(b"take\n")
                answer = await self._answer(process, name)
        except TimeoutError:
            self._drop(name)
            raise LinkError(f"{name} did not answer within {_ANSWER_S:g} s whether the pair is locked") from None
        except OSError as error:
            self._drop(name)
            raise LinkError(f"{name}: {error}") from None
        word, _, rest = answer.partition(" ")
        if word == "H":
            self._held.add(name)
        elif word == "B":
            raise Busy(f"another operation is under way on {name}: {rest.strip() or 'it does not say whose'}")
        else:
            raise OperationError(f"{name} cannot be locked, so nothing is done there: {rest or answer}")

    async def _start(self, name: str) -> RemoteProcess:
        process = self._processes.get(name)
        if process is not None and self._lives(name):
            return process
        self._drop(name)
        connection = await self._hands.reach(name)
        process = await connection.open_process(
            "exec /bin/sh -c " + shlex.quote(script(self._resource, name, self._holder))
        )
        self._processes[name] = process
        return process

    async def _answer(self, process: RemoteProcess, name: str) -> str:
        line = b""
        while b"\n" not in line:
            data = await process.stdout.read()
            if not data:
                said = process.describe_stderr() or decode(line)
                raise OperationError(f"{name} runs no lock: {clean(said, 200) or 'it ended by itself'}")
            line += data
        return clean(decode(line.split(b"\n")[0]), 400)

    async def _beat(self) -> None:
        """Says that the holder lives, so that a connection that is only half open does not hold it for ever."""
        while True:
            await asyncio.sleep(_ALIVE_EVERY_S)
            for name in tuple(self._held):
                if self._lives(name):
                    with contextlib.suppress(OSError):
                        self._processes[name].stdin.write(b".\n")

    def _lives(self, name: str) -> bool:
        process = self._processes.get(name)
        return process is not None and not process.ended

    def _drop(self, name: str) -> None:
        self._held.discard(name)
        if (process := self._processes.pop(name, None)) is not None:
            process.close()


def script(resource: str, node: str, holder: str) -> str:
    """What runs on the node while the lock is waited for and held."""
    settings = {"LOCK": f"/tmp/.ccops-{resource}.lock", "MARK": f"{resource}:{node}", "WHO": holder}  # noqa: S108
    body = files("ccops.operations").joinpath("lock.sh").read_text(encoding="utf-8")
    lines = [f"{key}={shlex.quote(value)}" for key, value in settings.items()] + [f"PATIENCE={_PATIENCE_S}"]
    lines += [line for line in body.splitlines() if not line.lstrip().startswith("#")]
    return "\n".join(lines)
