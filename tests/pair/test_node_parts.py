"""Addresses, mounts, space, uptime, load and services of a node."""

import pytest

from ccops.pair import network, services
from ccops.pair.heartbeat import Output
from ccops.pair.model import Address, Mount, NodeState, PairLayout, Problem, Space
from ccops.pair.node import observe

LAYOUT = PairLayout("lab", ("n1", "n2"), "192.0.2.120", services={"asterisk": "asterisk", "mysqld": "mariadb"})

IP_ADDR = """1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever
2: eth0    inet 192.0.2.121/24 brd 192.0.2.255 scope global eth0
2: eth0    inet 192.0.2.120/24 scope global secondary eth0:0\\       valid_lft forever preferred_lft forever
2: eth0    inet6 fe80::1/64 scope link \\       valid_lft forever preferred_lft forever
7: vlan5@eth0    inet 10.5.0.1/16 scope global vlan5
9: tun0    inet 10.8.0.1 peer 10.8.0.2/32 scope global tun0
"""

OLD_IFCONFIG = """eth0      Link encap:Ethernet  HWaddr 00:16:3E:00:00:01
          inet addr:192.0.2.121  Bcast:192.0.2.255  Mask:255.255.255.0
          inet6 addr: fe80::216:3eff:fe00:1/64 Scope:Link
          UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1

eth0:0    Link encap:Ethernet  HWaddr 00:16:3E:00:00:01
          inet addr:192.0.2.120  Bcast:192.0.2.255  Mask:255.255.255.0
"""

NEW_IFCONFIG = """eth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500
        inet 192.0.2.121  netmask 255.255.255.0  broadcast 192.0.2.255
        inet6 fe80::1  prefixlen 64  scopeid 0x20<link>
        ether 52:54:00:00:01:01  txqueuelen 1000  (Ethernet)

eth0:0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500
        inet 192.0.2.120  netmask 255.255.255.0  broadcast 192.0.2.255
"""


def test_ip_addr() -> None:
    assert network.parse_addresses(IP_ADDR) == (
        Address("lo", "127.0.0.1", 8),
        Address("eth0", "192.0.2.121", 24),
        Address("eth0", "192.0.2.120", 24, "eth0:0"),
        Address("eth0", "fe80::1", 64),
        Address("vlan5", "10.5.0.1", 16),
        Address("tun0", "10.8.0.1"),
    )


def test_ifconfig_old() -> None:
    assert network.parse_addresses(OLD_IFCONFIG) == (
        Address("eth0", "192.0.2.121", 24),
        Address("eth0", "fe80::216:3eff:fe00:1", 64),
        Address("eth0", "192.0.2.120", 24, "eth0:0"),
    )


def test_ifconfig_new() -> None:
    assert network.parse_addresses(NEW_IFCONFIG) == (
        Address("eth0", "192.0.2.121", 24),
        Address("eth0", "fe80::1", 64),
        Address("eth0", "192.0.2.120", 24, "eth0:0"),
    )


@pytest.mark.parametrize("text", ["", "sh: ip: command not found\n", "2: eth0 inet 999.1.1.1/24\n"])
def test_no_addresses_are_a_problem_not_an_empty_list(text: str) -> None:
    assert isinstance(network.parse_addresses(text), Problem)


def test_mounts() -> None:
    text = (
        "/dev/drbd1 /data\\040of\\040calls\\134x ext3 rw,relatime 0 0\n/dev/sda1 /caf\\303\\251 ext4 ro,noatime 0 0\n"
    )
    assert network.parse_mounts(text) == (
        Mount("/dev/drbd1", "/data of calls\\x", "ext3"),
        Mount("/dev/sda1", "/café", "ext4", read_only=True),
    )
    assert network.parse_mounts("") == ()
    assert isinstance(network.parse_mounts("grep: /proc/mounts: Permission denied\n"), Problem)


DF = "Filesystem 1024-blocks  Used Available Capacity Mounted on\n/dev/drbd1 386176 17987    347709       5% /data\n"


def test_df() -> None:
    assert network.parse_df(DF) == Space(386176, 17987, 347709)
    assert network.parse_df(DF, "/data") == Space(386176, 17987, 347709)
    assert network.parse_df(DF.replace("1024-blocks", "512-blocks")) == Space(193088, 8993, 173854)


@pytest.mark.parametrize(
    "text",
    ["", "df: /data: No such file or directory\n", "Filesystem 1024-blocks Used Available Capacity Mounted on\n"],
)
def test_df_of_nothing(text: str) -> None:
    assert isinstance(network.parse_df(text, "/data"), Problem)


def test_df_of_the_folder_under_an_unmounted_volume() -> None:
    found = network.parse_df(DF.replace("/data", "/"), "/data")
    assert isinstance(found, Problem)
    assert "/data is not mounted" in found.message


def test_uptime_and_load() -> None:
    assert network.parse_uptime("187.88 53.46\n") == 187.88
    assert network.parse_loadavg("1.29 0.97 0.41 1/160 1412\n") == (1.29, 0.97, 0.41)
    for text in ("", "nan nan nan", "1.0", "inf 1 1", "9" * 5000):
        assert isinstance(network.parse_loadavg(text), Problem)
    for text in ("", "inf 1", "-1 2", "9" * 5000):
        assert isinstance(network.parse_uptime(text), Problem)


def test_is_active_by_unit_and_by_name() -> None:
    units = services.asked_units(LAYOUT)
    assert units == ("asterisk", "mariadb", "heartbeat", "drbd")
    states = services.parse_is_active("active\nactivating\nfailed\ninactive\n", units)
    assert states == {"asterisk": "running", "mariadb": "starting", "heartbeat": "failed", "drbd": "stopped"}
    assert services.name_services(states, LAYOUT) == {"asterisk": "running", "mysqld": "starting"}


def test_is_active_passes_over_warnings_but_never_guesses() -> None:
    assert services.parse_is_active("Warning: unit changed\nactive\ninactive\n", ["a", "b"]) == {
        "a": "running",
        "b": "stopped",
    }
    assert services.parse_is_active("active\n", ["a", "b"]) == {"a": "unknown", "b": "unknown"}
    assert services.parse_is_active("", ["a"]) == {"a": "unknown"}
    assert services.parse_is_active("deactivating\nreloading\n", ["a", "b"]) == {"a": "stopping", "b": "running"}


@pytest.mark.parametrize(
    ("text", "code", "state"),
    [
        ("asterisk (pid 1234) is running...", 0, "running"),
        ("mysqld (pid  3412) is running...", 0, "running"),
        (" SUCCESS! MySQL running (3412)", 0, "running"),
        ("heartbeat OK [pid 2140 et al] is running on n1 [n1]...", 0, "running"),
        ("asterisk is stopped", 3, "stopped"),
        ("asterisk is stopped", 0, "stopped"),
        (" ERROR! MySQL is not running", 1, "stopped"),
        ("heartbeat is stopped. No process", 3, "stopped"),
        ("asterisk dead but pid file exists", 1, "failed"),
        ("asterisk dead but subsys locked", 2, "failed"),
        (" ERROR! MySQL is not running, but lock file (/var/lock/subsys/mysql) exists", 2, "failed"),
        (" ERROR! MySQL is running but PID file could not be found", 4, "unknown"),
        ("", 0, "running"),
        ("", 3, "stopped"),
        ("", 1, "failed"),
        ("", 127, "unknown"),
        ("asterisk: unrecognized service", 1, "unknown"),
        ("", None, "unknown"),
        ("asterisk is running", None, "running"),
    ],
)
def test_init_scripts(text: str, code: int | None, state: str) -> None:
    assert services.parse_init_status(text, code) == state


def test_observing_replaces_only_what_was_told() -> None:
    node = NodeState("n1")
    node = observe(node, LAYOUT, {"mounts": Output("", 1), "loadavg": Output("1 2 3 1/2 3")}, 10.0)
    assert node.mounts.value == ()
    assert node.load == (1.0, 2.0, 3.0)
    assert node.addresses.taken_at is None
    node = observe(node, LAYOUT, {"ifconfig": Output(OLD_IFCONFIG), "service_asterisk": Output("is running", 0)}, 20.0)
    assert (node.mounts.taken_at, node.addresses.taken_at, node.sampled_at) == (10.0, 20.0, 20.0)
    assert node.services.value == {"asterisk": "running"}
    node = observe(node, LAYOUT, {"proc_drbd": Output("cat: /proc/drbd: No such file or directory", 1)}, 30.0)
    assert node.drbd.value is None
    assert "modprobe drbd" in str(node.drbd.problem)


def test_proc_drbd_is_believed_where_it_lists_resources() -> None:
    texts = {
        "proc_drbd": "version: 8.4.11\n 1: cs:StandAlone ro:Primary/Unknown ds:UpToDate/DUnknown   r-----\n",
        "drbdsetup_status": '[{"name": "data", "role": "Secondary", "devices": [{"volume": 0, "minor": 1}]}]',
    }
    node = observe(NodeState("n1"), LAYOUT, {name: Output(text, 0) for name, text in texts.items()}, 1.0)
    assert node.drbd.value is not None
    assert (node.drbd.value.resources[0].role, node.drbd.value.resources[0].name) == ("Primary", "data")


def test_observing_drbd_9_and_further_links() -> None:
    texts = {
        "proc_drbd": "version: 9.1.7 (api:2/proto:110-121)\nTransports (api:18): tcp\n",
        "drbdsetup_status": '[{"name": "data", "role": "Primary", "devices": [{"volume": 0, "minor": 1}]}]',
        "cl_hbstatus": "Heartbeat is running on this machine.",
        "cl_links": "\teth1\n\teth2\n",
        "cl_link": "up",
        "cl_link_eth2": "dead",
    }
    node = observe(NodeState("n1"), LAYOUT, {name: Output(text, 0) for name, text in texts.items()}, 1.0)
    assert node.drbd.value is not None
    assert node.drbd.value.resources[0].role == "Primary"
    assert node.versions == {"drbd": "9.1.7"}
    assert node.heartbeat.value is not None
    assert node.heartbeat.value.links == {"eth1": "up", "eth2": "dead"}
