"""A fake Asterisk manager on loopback that can misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable
from typing import Any

from ccops.config import AmiSettings, SecretRef

SECRET = "s3cr3t-of-ccops"
Request = list[tuple[str, str]]


class FakeAmi:
    """Answers Challenge, Login and Ping; `answers` maps a lower-case action to bytes or to a function of the request.

    `{id}` in an answer becomes the ActionID. `freeze()` silences the connections there are; `requests` is all it got.
    """

    def __init__(self, version: str = "5.0.4", *, knows_challenge: bool = True, secret: str = SECRET) -> None:
        self.banner = f"Asterisk Call Manager/{version}\r\n".encode()
        self.answers: dict[str, bytes | Callable[[dict[str, str]], bytes]] = {}
        self.requests: list[dict[str, str]] = []
        self.raw = b""
        self._frozen = 0
        self.connections = 0
        self.writers: list[asyncio.StreamWriter] = []
        self.logged_in = 0
        self._knows_challenge = knows_challenge
        self._secret = secret
        self.port = 0

    async def start(self, port: int = 0) -> FakeAmi:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def dial(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    def settings(self, **changes: Any) -> AmiSettings:
        values: dict[str, Any] = {"user": "ccops", "secret": SecretRef(env="CCOPS_AMI_SECRET"), "port": self.port}
        return AmiSettings(**(values | changes))

    def send(self, data: bytes) -> None:
        """To the newest connection."""
        self.writers[-1].write(data)

    def freeze(self) -> None:
        """From now on the connections there are get no answer; new ones do."""
        self._frozen = self.connections

    def drop(self) -> None:
        for writer in self.writers:
            writer.transport.abort()

    def close(self) -> None:
        self._server.close()
        self.drop()

    def actions(self) -> list[str]:
        return [request.get("action", "") for request in self.requests]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        self.writers.append(writer)
        writer.write(self.banner)
        challenge = str(100000 + self.connections)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                raw = await reader.readuntil(b"\r\n\r\n")
                self.raw += raw
                lines = [line.partition(": ") for line in raw.decode().strip().split("\r\n")]
                request = {key.lower(): value for key, _, value in lines}
                self.requests.append(request)
                if number > self._frozen:
                    writer.write(self._answer(request, challenge).replace(b"{id}", request["actionid"].encode()))

    def _answer(self, request: dict[str, str], challenge: str) -> bytes:
        name = request["action"].lower()
        if name in self.answers:
            answer = self.answers[name]
            return answer if isinstance(answer, bytes) else answer(request)
        if name == "challenge" and self._knows_challenge:
            return f"Response: Success\r\nActionID: {{id}}\r\nChallenge: {challenge}\r\n\r\n".encode()
        if name == "login":
            key = hashlib.md5((challenge + self._secret).encode()).hexdigest()
            if request.get("key") == key or request.get("secret") == self._secret:
                self.logged_in += 1
                return b"Response: Success\r\nActionID: {id}\r\nMessage: Authentication accepted\r\n\r\n"
            return b"Response: Error\r\nActionID: {id}\r\nMessage: Authentication failed\r\n\r\n"
        if name == "ping":
            return b"Response: Success\r\nActionID: {id}\r\nPing: Pong\r\n\r\n"
        return b"Response: Error\r\nActionID: {id}\r\nMessage: Invalid/unknown command\r\n\r\n"
