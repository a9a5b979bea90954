"""A stage whose nodes have files: a folder shared by both, as the volume is, and a small Asterisk that reads it.

What operations send for Asterisk's files runs in a real shell on this machine, with that folder in the place of
/etc/asterisk; the Asterisk is a script that knows what was in the files when it was last told to reload.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ccops.demo.machine import NAMES
from ccops.links.errors import LinkLost
from ccops.links.process import Completed
from ccops.operations.executor import Executor
from ccops.operations.plan import Report, Request
from tests.operations.stage import Hands, Lock, Stage
from tests.pbx import samples

ASTERISK = textwrap.dedent(
    r'''
    #!{python} -SE
    """asterisk -rx COMMAND."""
    import glob, os, re, sys
    home, command = "{home}", sys.argv[2]
    with open(home + "/console", "a") as log:
        log.write(command + "\n")
    def broken(word):
        return os.path.exists(home + "/broken-" + word)
    def load():
        found, name = {{}}, ""
        for stem in ("sip", "pjsip", "iax"):
            for line in open(f"{{home}}/asterisk/{{stem}}_ccops.conf", encoding="utf-8"):
                line = line.split(";")[0].strip()
                if line.startswith("["):
                    name = line[1:-1]
                    found.setdefault(name, {{"stem": stem}})
                elif "=" in line:
                    key, _, value = line.partition("=")
                    found[name].setdefault(key, value)
        return found
    def peers():
        found = eval(open(home + "/loaded").read()) if os.path.exists(home + "/loaded") else {{}}
        stem = {{"sip": "sip", "pjsip": "pjsip", "iax2": "iax"}}.get(command.split()[0])
        return {{name: keys for name, keys in found.items() if keys["stem"] == stem}}
    word = command.split()[-1]
    if broken("asterisk"):
        print("Unable to connect to remote asterisk"); sys.exit(1)
    if command == "core show version":
        print("Asterisk 16.28.0 built by nobody")
    elif command == "dialplan show":
        print(open(home + "/dialplan").read())
    elif command == "queue show":
        print("ventas has 0 calls (max unlimited) in 'ringall' strategy")
    elif command.startswith("module show like"):
        there = [f"chan_{{tech}}.so" for tech in "{tech}".split("+")]
        print(f"{{word}}  Running" if word in there else "0 modules loaded")
    elif "reload" in command:
        if broken("reload"):
            print("no such command"); sys.exit(1)
        if not broken("deaf"):
            loaded = load()
            open(home + "/loaded", "w").write(repr(loaded))
    elif command in ("sip show peers", "iax2 show peers"):
        print("Name/username   Host")
        for name in peers(): print(f"{{name}}/{{name}}   (Unspecified)   D")
        print("%d %s peers [Monitored: 0 online]" % (len(peers()), command.split()[0]))
    elif command == "pjsip show endpoints":
        for name in peers(): print(f" Endpoint:  {{name}}   Unavailable 0 of inf")
    elif command.startswith(("sip show peer ", "pjsip show endpoint ", "iax2 show peer ")):
        if word not in peers():
            print(f"Peer {{word}} not found.")
        else:
            p = peers()[word]
            sample = open(home + "/sample-" + command.split()[0]).read()
            print(sample.format(blank=" ", name=word, context=p.get("context", ""), limit=p.get("call-limit", "0"),
                                callerid=p.get("callerid", ""),
                                secret="<Set>" if p.get("secret") else "<Not set>"))
    '''
).lstrip()


class ExchangeStage(Stage):
    """`files` is /etc/asterisk; `lost`: after how many more scripts the connection is lost, with the answer."""

    def __init__(self, folder: Path, tech: str = "sip", **changes: Any) -> None:
        self.home = folder / "node"
        self.files = self.home / "asterisk"
        self.tech = tech.split("+")[0]
        self.lost: int | None = None
        self.put_hook: Callable[[], None] = lambda: None
        shutil.rmtree(self.home, ignore_errors=True)
        self.files.mkdir(parents=True)
        for each in ("sip", "pjsip", "iax"):
            (self.files / f"{each}_ccops.conf").write_text("")
            (self.files / f"{each}_ccops.conf").chmod(0o640)
            (self.files / f"{each}.conf").write_text(f"[general]\nallowguest=no\n\n#include {each}_ccops.conf\n")
        (self.home / "dialplan").write_text(samples.DIALPLAN)
        (self.home / "sample-sip").write_text(samples.SIP_PEER)
        (self.home / "sample-iax2").write_text(samples.IAX2_PEER)
        (self.home / "sample-pjsip").write_text(samples.PJSIP_ENDPOINT)
        program = self.home / "bin" / "asterisk"
        program.parent.mkdir()
        program.write_text(ASTERISK.format(python=sys.executable, home=self.home, tech=tech))
        program.chmod(0o755)
        super().__init__(folder, **changes)

    def console(self) -> Executor:
        """Another console."""
        self.locks: list[Lock] = getattr(self, "locks", [])
        return Executor(
            "demo", self.settings, self.store, self.authority, self.audit, clock=self.clock,
            hands=ExchangeHands(self),  # type: ignore[arg-type]
            make_lock=lambda hands, resource, holder: Lock(self, holder),  # type: ignore[arg-type,return-value]
        )  # fmt: skip

    @property
    def owned(self) -> Path:
        """ccops' own file."""
        return self.files / f"{'iax' if self.tech == 'iax2' else self.tech}_ccops.conf"

    @property
    def asked(self) -> list[str]:
        """What Asterisk's console was told."""
        path = self.home / "console"
        return path.read_text().splitlines() if path.exists() else []

    async def edit(self, operation: str = "extension", **arguments: str) -> Report:
        """Prepares and runs it."""
        return await self.operate(Request(operation, arguments=arguments))


class ExchangeHands(Hands):
    """Runs what is about files in a shell of this machine."""

    def __init__(self, stage: ExchangeStage) -> None:
        super().__init__(stage)
        self._files = stage

    async def run(
        self, node: str, argv: Sequence[str], *, timeout_s: float, input: bytes | None = None, as_root: bool = True
    ) -> Completed:
        """Scripts and Asterisk's console for real, the rest as the stage does."""
        about_files = b"FOLDER=" in (input or b"") or argv[0] in ("asterisk", "cat") or "owned" in argv or len(argv) > 4
        if not about_files:
            return await super().run(node, argv, timeout_s=timeout_s, input=input, as_root=as_root)
        stage = self._files
        n = NAMES.index(node)
        await self._pass(n, timeout_s)
        assert stage.pair.machines[n].mounted, "what is on the volume is not there"
        stage.sent.append((node, " ".join(argv)))
        folder = str(stage.files)
        words = [word.replace("/etc/asterisk", folder) for word in argv]
        data = (input or b"").replace(b"FOLDER=/etc/asterisk", b"FOLDER=" + folder.encode()) if input else None
        if len(argv) > 4:
            stage.put_hook()
        path = f"{stage.home}/bin:{os.environ['PATH']}"
        done = subprocess.run(words, input=data or b"", capture_output=True, timeout=60, env={"PATH": path})
        out = done.stdout.replace(folder.encode(), b"/data/asterisk") if words[-1] == "-s" else done.stdout
        if stage.lost is not None and words[-1] != "-s":
            stage.lost -= 1
            if stage.lost < 0:
                stage.lost = None
                raise LinkLost(f"the SSH connection to {node} was lost")
        await asyncio.sleep(0.05)
        return Completed(out, done.stderr.replace(folder.encode(), b"/etc/asterisk"), done.returncode, 0.1)


__all__ = ["ExchangeHands", "ExchangeStage"]
