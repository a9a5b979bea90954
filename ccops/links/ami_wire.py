"""Asterisk's manager protocol as bytes: cut into messages, read into dicts, and written safely.

Source: main/manager.c of Asterisk 1.4 to 23. A message is lines `Key: value` ended by CRLF and closed by an empty
line; the banner is one line without an empty one. Up to version 13 the response to `Command` is raw text between
`Response: Follows` and `--END COMMAND--`; from 14 on it is repeated `Output:` headers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ccops.config import Secret
from ccops.links.errors import LinkLost, Refused
from ccops.text import clean, decode

MESSAGE_LIMIT = 1024 * 1024
"""Bytes that one message may have; more without an end is not AMI."""

LINE_LIMIT = 1023
"""Bytes of one line that Asterisk can take (`inbuf[1025]` of struct mansession_session, with CRLF)."""

Value = str | int | Secret
Fields = Mapping[str, Value | Sequence[Value]]

_END = b"\r\n\r\n"
_FOLLOWS = b"Response: Follows"
_END_COMMAND = b"--END COMMAND--"
_COMMAND_HEADERS = (b"response:", b"privilege:", b"actionid:", b"message:")
_CONTROLS = bytes(range(32)) + b"\x7f"
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,79}")
_VALUE_LIMIT = 4096


class Cutter:
    """Cuts a stream into messages, whatever the segments it comes in; nothing is decoded before it is whole."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._edge = b""
        self._size = 0
        self._command: bytes | None = None

    def cut(self, data: bytes) -> list[bytes]:
        """The messages that `data` completes, without the empty line.

        Raises:
            LinkLost: more than MESSAGE_LIMIT bytes without an end.
        """
        window = self._edge + data
        self._pieces.append(data)
        if _END not in window:
            self._edge = window[-3:]
            self._size += len(data)
            self._check(self._size)
            if len(self._pieces) > 1000:  # a trickle of single bytes must not cost forty times its size
                self._pieces = [b"".join(self._pieces)]
            return []
        messages = b"".join(self._pieces).split(_END)
        rest = messages.pop()
        self._pieces, self._size, self._edge = [rest], len(rest), rest[-3:]
        self._check(self._size)
        if self._command is not None or any(message.lstrip(b"\r\n").startswith(_FOLLOWS) for message in messages):
            return self._join_commands(messages)
        return messages

    def _join_commands(self, messages: list[bytes]) -> list[bytes]:
        """The raw output of a command may hold empty lines: join until its end mark."""
        joined = []
        for message in messages:
            if self._command is not None:
                message = self._command + _END + message
                self._command = None
            elif not message.lstrip(b"\r\n").startswith(_FOLLOWS):
                joined.append(message)
                continue
            if _END_COMMAND in message:
                joined.append(message)
            else:
                self._check(len(message))
                self._command = message
        return joined

    @staticmethod
    def _check(size: int) -> None:
        if size > MESSAGE_LIMIT:
            raise LinkLost(
                f"expected AMI messages, found {size} bytes without the end of one: is this port Asterisk's?"
            )


class _Keys(dict[str, str]):
    """Keys as sent → lower case, remembered; Uniqueid, UniqueID and UniqueId are one key. Bounded."""

    def __missing__(self, key: str) -> str:
        lowered = clean(key.strip().lower(), 80)
        if len(self) < 4096:
            self[key] = lowered
        return lowered


_keys = _Keys()


def is_plain(data: bytes) -> bool:
    """True when all text in `data` is printable ASCII in CRLF lines, so that its messages need no cleaning."""
    controls = len(data) - len(data.translate(None, _CONTROLS))
    return data.isascii() and controls == 2 * data.count(b"\r\n")  # no others than those of the line ends


def parse(message: bytes, *, plain: bool = False) -> dict[str, str]:
    """One message as lower-case keys and clean values; a repeated key's values are joined by newlines.

    UTF-8, else Latin-1, for the whole message. `plain` says that `is_plain` is known to hold for it. Never fails: a
    line without a colon is passed over, and the result may be empty.
    """
    if len(message) <= _VALUE_LIMIT and (plain or is_plain(message)):
        lines = message.decode("ascii").split("\r\n")
        found = {_keys[key]: value for key, colon, value in [line.partition(": ") for line in lines] if colon}
        if len(found) == len(lines):
            return found
    if message.startswith(_FOLLOWS):
        return _parse_command(message)
    fields: dict[str, str] = {}
    for line in decode(message).split("\r\n"):
        key, colon, value = line.partition(": ")
        if not colon:
            key, colon, value = line.partition(":")
        if colon and key:
            _add(fields, key, value)
    return fields


def _parse_command(message: bytes) -> dict[str, str]:
    fields: dict[str, str] = {}
    rest = message
    while rest[:12].lower().startswith(_COMMAND_HEADERS):
        line, _, rest = rest.partition(b"\r\n")
        key, _, value = decode(line).partition(":")
        _add(fields, key, value.removeprefix(" "))
    output = decode(rest.rpartition(_END_COMMAND)[0] if _END_COMMAND in rest else rest)
    fields["output"] = "\n".join(clean(line) for line in output.rstrip("\r\n").split("\n"))
    return fields


def _add(fields: dict[str, str], key: str, value: str) -> None:
    if not (value.isascii() and value.isprintable() and len(value) <= _VALUE_LIMIT):
        value = clean(value, _VALUE_LIMIT)
    name = _keys[key]
    fields[name] = f"{fields[name]}\n{value}" if name in fields else value


def check_fields(name: str, fields: Fields) -> None:
    """Refuse what would become something else on the wire.

    Raises:
        Refused: a key that is no AMI key, CR, LF or NUL in a value, a line that Asterisk cannot take. The value is not
        shown, it may be a secret.
    """
    for key, value in [("Action", name), *fields.items()]:
        if not _KEY.fullmatch(key):
            raise Refused(f"{clean(key, 80)!r} is no AMI key: expected letters, digits, _ and -; nothing was sent")
        if key.lower() == "actionid":
            raise Refused(f"the ActionID of {clean(name, 80)} is ours to choose: nothing was sent")
        for item in _items(value):
            if not isinstance(item, str | int | Secret):
                raise Refused(f"{key} of {clean(name, 80)} is {type(item).__name__}, expected text: nothing was sent")
            text = _text(item)
            if any(c in text for c in "\r\n\0"):
                raise Refused(f"{key} of {clean(name, 80)} holds a line break or a NUL character: nothing was sent")
            if len(key) + 2 + len(text.encode("utf-8", "surrogatepass")) > LINE_LIMIT:
                raise Refused(f"{key} of {clean(name, 80)} is longer than {LINE_LIMIT} bytes: nothing was sent")


def encode(name: str, action_id: str, fields: Fields) -> bytes:
    """The bytes of an action. `check_fields` must have passed."""
    lines = [f"Action: {name}", f"ActionID: {action_id}"]
    lines += [f"{key}: {_text(item)}" for key, value in fields.items() for item in _items(value)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "replace")


def _items(value: Value | Sequence[Value]) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else (value,)


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.reveal() if isinstance(value, Secret) else str(value)
