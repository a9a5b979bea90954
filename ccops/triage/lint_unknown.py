"""What of the configuration could not be read, and why: nothing is taken for right because it was not seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ccops.pair.configuration import AUTHKEYS, NO_RIGHT, NOT_THERE, NodeConfiguration
from ccops.triage.configured import ConfiguredPair
from ccops.triage.finding import Evidence, Finding, Step

_WORDS = {
    "name": "the node's name",
    "ha_cf": "ha.cf",
    "haresources": "haresources",
    "authkeys_mode": "who may read authkeys",
    "authkeys": "authkeys",
    "fingerprint": "whether authkeys has the peer's keys",
    "drbd": "DRBD's configuration",
    "sizes": "the disks below DRBD",
    "mysql": "MySQL's options",
    "folders": "asterisk.conf",
    "places": "where the data are",
    "init": "what init starts",
    "fstab": "fstab",
    "drbd version": "DRBD's version",
    "heartbeat version": "Heartbeat's version",
    "asterisk version": "Asterisk's version",
    "mysql version": "MySQL's version",
}
_VERSION = " version"
# That they are not there is told by a rule, or is as it should be.
_MAY_LACK = frozenset({"ha_cf", "haresources", "authkeys_mode", "authkeys", "fingerprint", "drbd"})
_SECRET = ("authkeys", "fingerprint")
_MYSQL, _ASTERISK = ("mysql", "mariadb"), ("asterisk",)
_OF_SERVICES = {"mysql": _MYSQL, "mysql version": _MYSQL, "folders": _ASTERISK, "asterisk version": _ASTERISK}


def not_known(pair: ConfiguredPair) -> Iterator[Finding]:
    """A finding for each node of which not everything could be read."""
    for name, node in pair.each():
        missing = dict(_missing(pair, node))
        if not missing:
            continue
        nothing = all(reading.value is None for what, reading in node.readings.items() if not what.endswith(_VERSION))
        if nothing and len(set(missing.values())) == 1:
            reason = next(iter(missing.values()))
            evidence: tuple[Evidence, ...] = (Evidence("the configuration", reason, name),)
            summary = f"the configuration of {name} is not known: {reason}"
        else:
            evidence = tuple(Evidence(_WORDS[what], reason, name) for what, reason in missing.items())
            summary = f"not all of {name}'s configuration is known: {', '.join(_WORDS[what] for what in missing)}"
        yield Finding(
            "configuration-not-known",
            "info",
            summary,
            (name,),
            evidence,
            meaning="What rests on it is not judged: it may be well, and it may not.",
            remedy=() if nothing else tuple(_ways(name, missing)),
        )


def _missing(pair: ConfiguredPair, node: NodeConfiguration) -> Iterator[tuple[str, str]]:
    for what, reading in node.readings.items():
        reason = reading.problem or "it was not read yet"
        absent = reason == NOT_THERE and what in _MAY_LACK
        if reading.value is None and not absent and not _is_no_matter(pair, what):
            yield what, reason


def _is_no_matter(pair: ConfiguredPair, what: str) -> bool:
    """True for what belongs to a service that the pair does not run, and for what one node tells for both."""
    if what == "folders" and any(node.folders.value is not None for _, node in pair.each()):
        return True
    services = _OF_SERVICES.get(what)
    return services is not None and not pair.has_service(*services)


def _ways(name: str, missing: Mapping[str, str]) -> Iterator[Step]:
    if any(missing.get(what) == NO_RIGHT for what in _SECRET):
        text = "only root may read authkeys, and so it should be: compare the files as root on both nodes"
        yield Step(text, None, f"sha1sum {AUTHKEYS}")
    refused = [_WORDS[what] for what, reason in missing.items() if NO_RIGHT in reason and what not in _SECRET]
    if refused:
        yield Step(f"let the user that ccops connects as read {', '.join(refused)}, or have root run the lint", name)
    others = [_WORDS[what] for what, reason in missing.items() if NO_RIGHT not in reason]
    if others:
        yield Step(f"look on the node at {', '.join(others)}", name)
