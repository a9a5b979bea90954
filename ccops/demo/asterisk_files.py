"""Asterisk's configuration on the simulated volume: its texts at first, and what chan_sip makes of them.

Sources: configs/samples/sip.conf.sample of Asterisk 16, main/config.c (comments, `#include`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ccops.demo.staff import Agent, Trunk

FOLDER = "asterisk"
"""Where they lie on the volume; /etc/asterisk leads there."""

OWNED = "sip_ccops.conf"
_HEAD = "; written by the PBX's own administration: do not edit\n"
_DEEPEST = 5

Sections = dict[str, dict[str, str]]


def first_files(agents: Iterable[Agent], trunks: Iterable[Trunk]) -> dict[str, bytes]:
    """Their texts by name, as they were when the pair was set up; ccops' own file is there and empty."""
    peers = [_trunk_section(trunk) for trunk in trunks] + [_agent_section(agent) for agent in agents]
    texts = {
        "manager.conf": (
            "[general]\nenabled = yes\nport = 5038\nbindaddr = 127.0.0.1\ndisplayconnects = no\n"
            "[ccops]\nread = agent,call,system\nwrite = reporting,agent,command\n"
        ),
        "sip.conf": (
            "[general]\nbindport=5060\ndisallow=all\nallow=ulaw\nallow=alaw\nallowguest=no\n\n"
            f"#include sip_additional.conf\n#include {OWNED}\n"
        ),
        "sip_additional.conf": _HEAD + "".join(peers),
        "extensions.conf": "[general]\nstatic=yes\n\n#include extensions_additional.conf\n",
        OWNED: "",
    }
    return {name: text.encode() for name, text in texts.items()}


def sections(files: Mapping[str, bytes], name: str = "sip.conf") -> Sections:
    """The sections of a file with all that it includes; of a key that stands twice the last one holds."""
    found: Sections = {}
    section = ""
    for line in _lines(files, name, 0):
        if line.startswith("["):
            section = line[1:].partition("]")[0]
            found.setdefault(section, {})
            continue
        key, equals, value = line.partition("=")
        if equals and section:
            found[section][key.strip().lower()] = value.removeprefix(">").strip()
    return found


def _lines(files: Mapping[str, bytes], name: str, depth: int) -> Iterable[str]:
    for raw in files.get(name, b"").decode("utf-8", "replace").split("\n"):
        line = raw.partition(";")[0].strip()
        word, _, rest = line.partition(" ")
        if word in ("#include", "#tryinclude"):
            if depth < _DEEPEST:
                yield from _lines(files, rest.strip(' "<>').rpartition("/")[2], depth + 1)
        elif line:
            yield line


def _agent_section(agent: Agent) -> str:
    return (
        f"\n[{agent.number}]\ntype=friend\nhost=dynamic\nsecret=simulated{agent.number}\ncontext=from-internal\n"
        f'callerid="{agent.name}" <{agent.number}>\nqualify=yes\n'
    )


def _trunk_section(trunk: Trunk) -> str:
    return (
        f"\n[{trunk.name}]\ntype=peer\nhost={trunk.address}\ncontext=from-trunk\ninsecure=port,invite\nqualify=yes\n"
        f"call-limit={trunk.capacity}\n"
    )
