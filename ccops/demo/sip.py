"""chan_sip on a simulated node: the peers of sip.conf, how each is, and what Asterisk 16's console prints of them.

The telephones of the agents and the trunks that were there at first are played by `ccops.demo.exchange`; the peers of
this module are all others: those that somebody adds to the files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from ccops.demo.asterisk_files import Sections, sections
from ccops.demo.staff import Trunk

Keys = Mapping[str, str]
_NOT_PEERS = frozenset({"general", "authentication"})
_YES = frozenset({"yes", "true", "on", "1"})


@dataclass
class Peer:
    """One peer of the files: its keys, the address that it registered or is configured from, what its qualify says.

    `latency_ms` is None until it answered, -1 when it no longer does.
    """

    name: str
    keys: dict[str, str] = field(default_factory=dict)
    address: str = ""
    latency_ms: int | None = None

    @property
    def dynamic(self) -> bool:
        """Whether it has to register."""
        return self.keys.get("host", "dynamic") == "dynamic"

    @property
    def qualified(self) -> bool:
        """Whether Asterisk asks it how it is."""
        value = self.keys.get("qualify", "no").lower()
        return value in _YES or (value.isdigit() and int(value) > 0)

    @property
    def status(self) -> str:
        """As `sip show peers` and PeerEntry have it."""
        if not self.qualified:
            return "Unmonitored"
        if self.latency_ms is None:
            return "UNKNOWN"
        return "UNREACHABLE" if self.latency_ms < 0 else f"OK ({self.latency_ms} ms)"

    def trunk(self) -> Trunk | None:
        """It as a line that calls come in by: a peer at a fixed address whose calls the dialplan takes as from outside.

        Without a call-limit it has thirty ports.
        """
        if self.dynamic or not self.keys.get("context", "").startswith(("from-trunk", "from-pstn")):
            return None
        limit = self.keys.get("call-limit", "")
        ports = int(limit) if limit.isdigit() and limit != "0" else 30
        return Trunk(self.name, ports, self.address, self.latency_ms is not None and self.latency_ms >= 0, 12, own=True)


class Sip:
    """The peers that the files of one node's Asterisk have beside those of `others`, as they were read last.

    `deaf`: a reload is answered and nothing is read, for tests.
    """

    def __init__(self, others: Callable[[], Iterator[tuple[str, str, bool, str]]]) -> None:
        self._others = others
        self.peers: dict[str, Peer] = {}
        self.sections: Sections = {}
        self.deaf = False

    def read(self, files: Mapping[str, bytes], afresh: bool = False) -> list[Peer]:
        """Reads them; the peers that are new, or all of them `afresh`. One that stays keeps what it registered."""
        if self.deaf and not afresh:
            return []
        self.sections = sections(files)
        known = {name for name, *_ in self._others()} | _NOT_PEERS
        before = {} if afresh else self.peers
        self.peers = {}
        for name, keys in self.sections.items():
            if name in known or keys.get("type") not in ("friend", "peer", "user"):
                continue
            old = before.get(name)
            stays = old is not None and old.keys.get("host") == keys.get("host")
            peer = old if old is not None and stays else Peer(name)
            peer.keys = keys
            if not peer.dynamic:
                peer.address = keys.get("host", "")
            self.peers[name] = peer
        return [peer for name, peer in self.peers.items() if before.get(name) is not peer]

    def all(self) -> Iterator[tuple[str, str, bool, str]]:
        """Name, address ("" for none yet), dynamic, status of every peer."""
        yield from self._others()
        for peer in self.peers.values():
            yield peer.name, peer.address, peer.dynamic, peer.status

    def show_peers(self) -> list[str]:
        """`sip show peers`."""
        form = "{:<25} {:<39} {:<3} {:<10} {:<10} {:<3} {:<8} {:<11} {:<33}"
        columns = ("Name/username", "Host", "Dyn", "Forcerport", "Comedia", "ACL", "Port", "Status", "Description")
        lines = [form.format(*columns)]
        counts = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
        for name, address, dynamic, status in self.all():
            counts[status != "Unmonitored", status.startswith("OK") or (status == "Unmonitored" and bool(address))] += 1
            where, port = (address, "5060") if address else ("(Unspecified)", "0")
            # Names are cut at 25 characters.
            shown = f"{name}/{name}" if dynamic and address else name
            lines.append(
                form.format(shown[:25], where, " D " if dynamic else "", "Auto (No)", "No", "", port, status, "")
            )
        lines.append(
            f"{len(lines) - 1} sip peers [Monitored: {counts[True, True]} online, {counts[True, False]} offline "
            f"Unmonitored: {counts[False, True]} online, {counts[False, False]} offline]"
        )
        return lines

    def show_peer(self, name: str) -> list[str]:
        """`sip show peer NAME`."""
        keys = self.sections.get(name, {})
        found = next((peer for peer in self.all() if peer[0] == name), None)
        if found is None:
            return [f"Peer {name} not found."]
        _, address, dynamic, status = found
        codecs = keys.get("allow", "ulaw,alaw").replace(",", "|")
        lines = [
            ("* Name", name),
            ("Description", ""),
            ("Secret", "<Set>" if keys.get("secret") else "<Not set>"),
            ("MD5Secret", "<Not set>"),
            ("Remote Secret", "<Not set>"),
            ("Context", keys.get("context", "default")),
            ("Record On feature", "automon"),
            ("Record Off feature", "automon"),
            ("Subscr.Cont.", "<Not set>"),
            ("Language", ""),
            ("Tonezone", "<Not set>"),
            ("Accountcode", keys.get("accountcode", "")),
            ("AMA flags", "Unknown"),
            ("Transfer mode", "open"),
            ("CallingPres", "Presentation Allowed, Not Screened"),
            ("Callgroup", keys.get("callgroup", "")),
            ("Pickupgroup", keys.get("pickupgroup", "")),
            ("Mailbox", keys.get("mailbox", "")),
            ("Call limit", keys.get("call-limit", "0")),
            ("Max forwards", "0"),
            ("Dynamic", "Yes" if dynamic else "No"),
            ("Callerid", keys.get("callerid", '"" <>')),
            ("MaxCallBR", "384 kbps"),
            ("Expire", "3600" if dynamic and address else "-1"),
            ("Insecure", keys.get("insecure", "no")),
            ("Force rport", "Yes"),
            ("ACL", "Yes" if "deny" in keys else "No"),
            ("DTMFmode", keys.get("dtmfmode", "rfc2833")),
            ("ToHost", "" if dynamic else keys.get("host", "")),
            ("Addr->IP", f"{address}:5060" if address else "(null)"),
            ("Defaddr->IP", "(null)"),
            ("Def. Username", keys.get("defaultuser", name if dynamic and address else "")),
            ("Codecs", f"({codecs})"),
            ("Status", status),
            ("Useragent", ""),
            ("Reg. Contact", f"sip:{name}@{address}:5060" if dynamic and address else ""),
        ]
        return ["", "", *(f"  {label:<12} : {value}" for label, value in lines), ""]
