"""A fake dialer on loopback that can misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

USER, PASSWORD = "ccops", "s3cr3t-of-the-dialer"
COOKIE = "c00k1e-0f-th1s-sess10n"
DONE = '<?xml version="1.0"?>\n<response id="{id}"><{name}_response><success/></{name}_response></response>\n'
FAILED = (
    '<?xml version="1.0"?>\n<response id="{id}"><{name}_response><failure><code>{code}</code>'
    "<message>{message}</message></failure></{name}_response></response>\n"
)
REQUESTS = ("getrequestlist", "login", "getagentstatus", "pauseagent", "unpauseagent", "logoutagent", "hangup")

Answer = bytes | str | None | Callable[[ElementTree.Element], "bytes | str | None"]


class FakeDialer:
    """Answers log-in and getrequestlist; `answers` maps a request to what comes back ({id} and {name} are filled in).

    None is no answer. `pieces` sends so many bytes at once; `requests` is all that it got, `raw` as it came.
    """

    def __init__(self, password: str = PASSWORD) -> None:
        self.answers: dict[str, Answer] = {}
        self.passwords: dict[str, str] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.raw = b""
        self.pieces = 0
        self.connections = 0
        self.writers: list[asyncio.StreamWriter] = []
        self._password = password
        self.port = 0

    async def start(self, path: Path | None = None) -> FakeDialer:
        if path is not None:
            self._server: asyncio.Server = await asyncio.start_unix_server(self._serve, str(path))
            return self
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    def names(self) -> list[str]:
        return [name for name, _ in self.requests]

    def drop(self) -> None:
        for writer in self.writers:
            writer.transport.abort()

    def close(self) -> None:
        self._server.close()
        self.drop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                raw = await reader.readuntil(b"</request>")
                self.raw += raw
                # As the module's own: what stands before a document would be taken for a part of it.
                assert raw.startswith(b"<request "), raw
                request = ElementTree.fromstring(raw)
                (command,) = request
                self.requests.append((command.tag, {each.tag: each.text or "" for each in command}))
                answer = self._answer(command)
                if answer is None:
                    continue
                text = answer if isinstance(answer, bytes) else answer.encode()
                text = text.replace(b"{id}", request.attrib["id"].encode()).replace(b"{name}", command.tag.encode())
                step = self.pieces or len(text)
                for at in range(0, len(text), step):
                    writer.write(text[at : at + step])
                    await writer.drain()
                    if self.pieces:
                        await asyncio.sleep(0)

    def _answer(self, command: ElementTree.Element) -> bytes | str | None:
        if command.tag in self.answers:
            answer = self.answers[command.tag]
            return answer(command) if callable(answer) else answer
        if command.tag == "login":
            given = command.findtext("password") or ""
            good = hashlib.md5(self._password.encode()).hexdigest()
            if command.findtext("username") == USER and given in (good, self._password):
                return DONE.replace("<success/>", f"<success/><app_cookie>{COOKIE}</app_cookie>")
            return failed(401, "Invalid username or password")
        if command.tag == "getrequestlist":
            listed = "".join(f"<request>{name}</request>" for name in REQUESTS)
            return DONE.replace("<success/>", f"<requests>{listed}</requests>")
        if self.wrong_hash(command):
            return failed(401, "Unauthorized agent")
        if command.tag == "logoutagent":
            return DONE.replace("<success/>", "<status>logged-out</status>")
        if command.tag == "getagentstatus":
            return DONE.replace("<success/>", "<status>online</status><extension>101</extension><onhold>0</onhold>")
        return DONE

    def wrong_hash(self, command: ElementTree.Element) -> bool:
        agent = command.findtext("agent_number") or ""
        if agent not in self.passwords or command.find("agent_hash") is None:
            return False
        good = hashlib.md5(f"{COOKIE}{agent}{self.passwords[agent]}".encode()).hexdigest()
        return command.findtext("agent_hash") != good


def failed(code: int, message: str) -> str:
    return FAILED.replace("{code}", str(code)).replace("{message}", message)


def bare_failure(code: int, message: str) -> str:
    return re.sub(r"</?\{name\}_response>", "", failed(code, message))


def event(text: str = "Agent/9000", **changes: Any) -> str:
    return f'<?xml version="1.0"?>\n<event><pausestart><agent_number>{text}</agent_number></pausestart></event>\n'
