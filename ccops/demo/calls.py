"""Calls that are over, and what each leaves on the volume: lines in Asterisk's logs, and a recording."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

from ccops.demo.staff import login_of

_QUEUES = ("ventas", "soporte", "cobranza")
_HISTORY = 24
_HISTORY_S = 2 * 86_400.0


@dataclass(frozen=True)
class Call:
    """An incoming call in a queue; `ended` is the node's clock (seconds since the epoch), spans in s.

    `end` is queue_log's word for it; without an agent nobody answered, and nothing was recorded. `interface` is the
    agent's in the queue, where it is not that of the telephone.
    """

    ended: float
    uniqueid: str
    trunk: str
    number: str
    queue: str
    exten: str
    agent: str
    held: int
    talked: int
    end: str = "COMPLETECALLER"
    interface: str = ""

    @property
    def entered(self) -> float:
        """When the caller came into the queue."""
        return self.ended - self.talked - self.held

    @property
    def answered(self) -> float:
        """When the agent picked up."""
        return self.ended - self.talked

    def queue_lines(self) -> str:
        """Its lines in queue_log."""
        head, agent = f"{self.uniqueid}|{self.queue}", self.interface or f"SIP/{self.agent}"
        enter = f"{int(self.entered)}|{head}|NONE|ENTERQUEUE||{self.number}|1\n"
        if not self.agent:
            return f"{enter}{int(self.ended)}|{head}|NONE|{self.end}|1|1|{self.held}\n"
        return (
            f"{enter}{int(self.answered)}|{head}|{agent}|CONNECT|{self.held}|{self.uniqueid}|3\n"
            f"{int(self.ended)}|{head}|{agent}|{self.end}|{self.held}|{self.talked}|1\n"
        )

    def cdr_line(self) -> str:
        """Its line in Master.csv."""
        channel = f"SIP/{self.trunk}-{self.uniqueid[-4:]}"
        leg = f"SIP/{self.agent}-{self.uniqueid[-4:]}" if self.agent else ""
        dates = ",".join(f'"{sql_date(at)}"' for at in (self.entered, self.answered, self.ended))
        disposition = "ANSWERED" if self.agent else "NO ANSWER"
        return (
            f'"","{self.number}","{self.exten}","from-trunk","""{self.number}"" <{self.number}>","{channel}","{leg}",'
            f'"Queue","{self.queue},,,,60",{dates},{self.held + self.talked},{self.talked},"{disposition}",'
            f'"DOCUMENTATION","{self.uniqueid}",""\n'
        )

    def recording(self) -> str:
        """The name of its recording."""
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(self.answered))
        return f"q{self.exten}-{self.number}-{stamp}-{self.uniqueid}.wav"


@dataclass(frozen=True)
class Break:
    """A break that is over: who, why, from when to when (the node's clock)."""

    agent: str
    reason: str
    began: float
    ended: float


def make_history(seed: int, now: float) -> list[Call]:
    """What the two days before have left."""
    rng = random.Random(seed)  # noqa: S311 - a simulation that must repeat itself
    moments = sorted(now - 60.0 - rng.random() * _HISTORY_S for _ in range(_HISTORY))
    calls = []
    for i, at in enumerate(moments):
        held, talked, which = rng.randrange(2, 50), rng.randrange(20, 400), rng.randrange(len(_QUEUES))
        unique = f"{int(at - held - talked)}.{i}"
        number, place = f"09{rng.randrange(10**8):08d}", rng.randrange(10)
        agent, login = str(101 + place), login_of(101 + place, place)
        exten, own = str(400 + which), f"Agent/{login}" if login else ""
        calls.append(Call(at, unique, "gxw4108", number, _QUEUES[which], exten, agent, held, talked, interface=own))
    return calls


def sql_date(at: float) -> str:
    """`2026-11-27 02:13:08`, in UTC, which is the nodes' own time."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at))
