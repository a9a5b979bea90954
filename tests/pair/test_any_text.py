"""Any bytes give a value or a problem, never an exception, and nothing harmful comes through."""

import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ccops.pair import drbd, drbd9, drbdconf, hacf, halog, haresources, heartbeat, kernel, network, services
from ccops.pair.clock import LogClock
from ccops.pair.heartbeat import Answers, Output
from ccops.pair.model import NodeState, PairLayout
from ccops.pair.node import observe
from ccops.text import decode

CAPTURES = Path(__file__).parent.parent / "captures"
HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
CLOCK = LogClock(1795401431.0)
LAYOUT = PairLayout("lab", ("elaxtix-voip", "elaxtix-voip-2"), "192.168.27.120")


def _both_logs(text: str) -> object:
    lines = [*halog.parse_ha_log(text, "n", CLOCK), *kernel.parse_kernel_log(text, "n", CLOCK)]
    return lines, [halog.recognise(line) for line in lines], [kernel.recognise(line) for line in lines]


def _answers(text: str) -> object:
    output = Output(text, 0)
    return heartbeat.parse_heartbeat(Answers(output, output, {"n": output}, {"eth0": output}))


def _observed(text: str) -> object:
    fast = "proc_drbd drbdadm_get-gi ip_addr mounts df uptime loadavg units"
    heartbeat_s = "cl_hbstatus cl_rscstatus cl_node1 cl_links cl_link"
    outputs = {name: Output(text, 1) for name in f"{fast} {heartbeat_s}".split()}
    return observe(NodeState("n"), LAYOUT, outputs, 1.0)


PARSERS: dict[str, Callable[[str], object]] = {
    "proc_drbd": drbd.parse_proc_drbd,
    "get_gi": drbd.parse_get_gi,
    "drbd9": drbd9.parse_drbdsetup_status,
    "drbd_conf": drbdconf.parse_drbd_conf,
    "ha_cf": lambda text: hacf.parse_ha_cf(text, "n"),
    "authkeys": hacf.parse_authkeys,
    "haresources": lambda text: haresources.parse_haresources(text, ("n",)),
    "logs": _both_logs,
    "cl_status": _answers,
    "listnodes": lambda text: heartbeat.parse_listnodes(Output(text, 0)),
    "listhblinks": lambda text: heartbeat.parse_listhblinks(Output(text, 0)),
    "ip_addr": network.parse_ip_addr,
    "ifconfig": network.parse_ifconfig,
    "mounts": network.parse_mounts,
    "df": lambda text: (network.parse_df(text), network.parse_df(text, "/data")),
    "uptime": network.parse_uptime,
    "loadavg": network.parse_loadavg,
    "is_active": lambda text: services.parse_is_active(text, ["a", "b"]),
    "init_status": lambda text: services.parse_init_status(text, 0),
    "observe": _observed,
}
SAMPLES = [path.read_text() for path in sorted(CAPTURES.glob("*/node1/*.txt")) if path.stat().st_size < 4000]
WORDS = (
    "version: 8.4.11 (api:1)",
    "\n 1: cs:SyncTarget ro:Primary/Secondary ds:UpToDate/DUnknown C r-----\n",
    "    ns:0 nr:1 oos:5\n",
    "\t[>....] sync'ed: 10.0% (1/2)K\n",
    "\tfinish: 0:00:01 speed: 1 (1) K/sec\n",
    "\t 23% oos:5  1/2\n",
    "ns:" + "9" * 5000,
    "Feb 29 99:99:99 h ",
    "9999/99/99_00:00:00 ",
    "0001/01/01_00:00:00 ",
    "2026-11-23T02:00:00+99:99 ",
    "heartbeat: [1]: WARN: ",
    "node x: is dead",
    "block drbd1: ",
    "uuid_compare()=1 by rule 1",
    "resource r {",
    "}",
    ";",
    '"',
    "on a {",
    "address 1:1;",
    "device minor 1;",
    "auth 1\n",
    "1 md5 k\n",
    "deadtime 1ms\n",
    "udpport 1\n",
    "bcast eth0\n",
    "mcast eth0 225.0.0.1 1 1 0\n",
    "\\\n",
    "node IPaddr::1.2.3.4/24",
    "eth0 inet addr:1.2.3.4 Mask:x\n",
    "/dev/d /m\\040 ext3 rw 0 0\n",
    "\x1b[2J",
    "\u202e",
    "\x00",
    '[{"name":1,"devices":[{"minor":1}]}]',
    "{",
    " ",
)
TEXTS = st.one_of(
    st.binary(max_size=300).map(decode),
    st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=12)), max_size=12).map("".join),
    st.tuples(st.sampled_from(SAMPLES), st.integers(0, 4000), st.text(max_size=8), st.integers(0, 20)).map(
        lambda cut: cut[0][: cut[1]] + cut[2] + cut[0][cut[1] + cut[3] :]
    ),
)


def strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for item in value.items() for part in item for text in strings(part)]
    if isinstance(value, list | tuple):
        return [text for item in value for text in strings(item)]
    return []


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=TEXTS)
def test_any_text(name: str, text: str) -> None:
    found = msgspec.to_builtins(PARSERS[name](text))
    assert not [piece for piece in strings(found) if HARMFUL.search(piece)]


@pytest.mark.parametrize("name", PARSERS)
@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{" * 100_000,
        "a {" * 20_000,
        " " * 50_000,
        "9" * 50_000,
        "x" * 50_000,
        "::" * 30_000,
        "\n" * 50_000,
        "Link " + "n:" * 20_000,
    ],
    ids=["brackets", "braces", "blocks", "spaces", "digits", "letters", "colons", "newlines", "links"],
)
@pytest.mark.timeout(10)
def test_long_and_deep_text_ends_soon(name: str, text: str) -> None:
    PARSERS[name](text)
