"""ha.cf, authkeys, haresources and drbd.conf."""

import pytest

from ccops.pair.drbdconf import SECRET, ConfHost, ConfVolume, parse_drbd_conf
from ccops.pair.hacf import AuthKey, HaLink, parse_authkeys, parse_ha_cf, parse_seconds
from ccops.pair.haresources import HaResource, VirtualAddress, VolumeMount, parse_haresources
from ccops.pair.model import Problem

GOOD = """# Heartbeat
logfile /var/log/ha-log
logfacility local0
keepalive 500ms
warntime 5
deadtime 12
initdead 30
udpport 694
ucast eth0 192.168.27.121
ucast eth0 192.168.27.122   # one of them is this node
bcast eth1 eth2
mcast eth3 225.0.0.1 694 1 0
serial /dev/ttyS0
baud 19200
auto_failback on
node elaxtix-voip Elaxtix-Voip-2
ping 192.168.27.254
respawn hacluster /usr/lib/heartbeat/ipfail
"""


def messages(problems: tuple[Problem, ...]) -> list[tuple[int | None, bool, str]]:
    return [(problem.line, problem.fatal, problem.message) for problem in problems]


def test_ha_cf_in_full() -> None:
    cf = parse_ha_cf(GOOD, "Elaxtix-Voip")
    assert messages(cf.problems + cf.timing) == []
    assert cf.paths == ("eth0", "eth1", "eth2", "eth3", "/dev/ttyS0")
    assert not cf.ignores_standby
    assert (cf.keepalive_s, cf.warntime_s, cf.deadtime_s, cf.initdead_s) == (0.5, 5.0, 12.0, 30.0)
    assert (cf.log_file, cf.log_facility, cf.baud, cf.auto_failback) == ("/var/log/ha-log", "local0", 19200, "on")
    assert cf.nodes == ("elaxtix-voip", "elaxtix-voip-2")
    assert cf.ping_nodes == ("192.168.27.254",)
    assert cf.links == (
        HaLink("ucast", "eth0", "192.168.27.121", 694, 9),
        HaLink("ucast", "eth0", "192.168.27.122", 694, 10),
        HaLink("bcast", "eth1", None, 694, 11),
        HaLink("bcast", "eth2", None, 694, 11),
        HaLink("mcast", "eth3", "225.0.0.1", 694, 12),
        HaLink("serial", "/dev/ttyS0", None, None, 13),
    )
    assert cf.other == (("respawn", "hacluster /usr/lib/heartbeat/ipfail"),)
    assert cf.resource_manager == "haresources"


def test_ha_cf_defaults() -> None:
    cf = parse_ha_cf("bcast eth0 eth1\nnode a\nnode b\n")
    assert (cf.keepalive_s, cf.deadtime_s, cf.warntime_s, cf.initdead_s) == (1.0, 30.0, 15.0, None)
    assert cf.auto_failback is None
    assert cf.nodes == ("a", "b")
    assert cf.problems == cf.timing == ()
    assert cf.ignores_standby


@pytest.mark.parametrize(
    ("change", "fatal", "words"),
    [
        (("deadtime 12", "deadtime 1"), True, "twice keepalive"),
        (("deadtime 12", "deadtime soon"), True, "deadtime wants a time"),
        (("initdead 30", "initdead 11"), True, "initdead must be 12 s"),
        (("initdead 30", "initdead 30\ndeadping 1"), True, "deadping must be more than 1 s"),
        (("warntime 5", "warntime 13"), False, "warntime should lie"),
        (("node elaxtix-voip Elaxtix-Voip-2", ""), True, "no node"),
        (("node elaxtix-voip ", "node other "), True, "uname -n"),
        (("ping 192", "autojoin any\nping 192"), True, "autojoin"),
        (("auto_failback on", "auto_failback maybe"), True, "on, off or legacy"),
        (("192.168.27.122", "192.168.27.XX"), True, "peer's IP address"),
        (("serial /dev/ttyS0", "udpport 695"), False, "must stand before the links: line 9"),
        (("baud 19200", "baud fast"), True, "baud"),
        (("node elaxtix-voip ", "node elaxtix-voip elaxtix-voip "), False, "twice"),
    ],
)
def test_ha_cf_faults(change: tuple[str, str], fatal: bool, words: str) -> None:
    assert change[0] in GOOD
    cf = parse_ha_cf(GOOD.replace(*change, 1), "elaxtix-voip")
    problems = cf.problems + cf.timing
    assert [problem.fatal for problem in problems if words in problem.message] == [fatal]


def test_ha_cf_without_links() -> None:
    assert any(p.fatal and "no link" in p.message for p in parse_ha_cf("node a b\n").problems)


@pytest.mark.parametrize(
    ("links", "paths"),
    [
        ("ucast eth0 192.0.2.1", ("eth0",)),
        ("ucast eth0 192.0.2.1\nucast eth0 192.0.2.2\nbcast eth0:1\nmcast eth0.100 225.0.0.1 694 1 0", ("eth0",)),
        ("bcast eth0 eth1", ("eth0", "eth1")),
        ("bcast eth0\nserial /dev/ttyS0", ("eth0", "/dev/ttyS0")),
    ],
)
def test_what_shares_a_cable_is_one_path(links: str, paths: tuple[str, ...]) -> None:
    assert parse_ha_cf(f"node a b\n{links}\n").paths == paths


@pytest.mark.parametrize(("word", "ignores"), [("", True), ("legacy", True), ("on", False), ("off", False)])
def test_without_nice_failback_a_standby_is_ignored(word: str, ignores: bool) -> None:
    line = f"auto_failback {word}\n" if word else ""
    assert parse_ha_cf(f"node a b\nbcast eth0\n{line}").ignores_standby is ignores
    assert not parse_ha_cf(f"node a b\nbcast eth0\n{line}crm respawn\n").ignores_standby


def test_initdead_under_ten_seconds_is_a_warning() -> None:
    cf = parse_ha_cf(GOOD.replace("deadtime 12", "deadtime 8").replace("initdead 30", "initdead 9"), "elaxtix-voip")
    assert messages(cf.timing)[0][:2] == (7, False)


def test_crm_takes_the_place_of_haresources() -> None:
    assert parse_ha_cf(GOOD + "crm respawn\n").resource_manager == "crm"
    assert parse_ha_cf(GOOD + "crm off\n").resource_manager == "haresources"


@pytest.mark.parametrize(
    ("word", "seconds"),
    [
        ("2", 2.0),
        ("1.5", 1.5),
        ("1500ms", 1.5),
        ("250000us", 0.25),
        ("2 ms", 0.002),
        ("x", None),
        ("", None),
        ("3days", None),
    ],
)
def test_seconds(word: str, seconds: float | None) -> None:
    assert parse_seconds(word) == (None if seconds is None else pytest.approx(seconds))


def test_authkeys_keep_no_key() -> None:
    keys = parse_authkeys("auth 3\n1 crc\n2 sha1 HiddenOne\n3 md5 HiddenTwo\n")
    assert (keys.index, keys.method, keys.problems) == (3, "md5", ())
    assert keys.keys == (AuthKey(1, "crc"), AuthKey(2, "sha1"), AuthKey(3, "md5"))
    assert "Hidden" not in repr(keys)


def test_only_a_whole_line_of_authkeys_is_a_comment() -> None:
    keys = parse_authkeys("# the key\nauth 1 # signs\n1 sha1 #Hidden with words\n")
    assert (keys.method, keys.problems) == ("sha1", ())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("3 md5 Hidden\nauth 3\n", "before the keys"),
        ("auth 16\n", "0 to 15"),
        ("auth 1\n1 md5\n", "md5 needs a key"),
        ("auth 1\n1 crc Hidden\n", "crc takes no key"),
        ("auth 1\n1 rot13 Hidden\n", "sha1, md5 or crc"),
        ("auth 2\n1 md5 Hidden\n", "not defined"),
        ("1 md5 Hidden\n", "no line `auth N`"),
        ("", "no line `auth N`"),
        ("Hidden words\n", "was expected"),
    ],
)
def test_authkeys_faults_do_not_show_the_key(text: str, words: str) -> None:
    keys = parse_authkeys(text)
    assert any(words in problem.message and problem.fatal for problem in keys.problems)
    assert "Hidden" not in repr(keys)


def test_haresources() -> None:
    found = parse_haresources(
        "# the service\n"
        "elaxtix-voip IPaddr2::192.168.27.120/24/eth0:0 drbddisk::data \\\n"
        "   Filesystem::/dev/drbd1::/data::ext3::noatime asterisk mysqld\n"
        "elaxtix-voip-2 192.168.27.130/255.255.255.0/eth0/192.168.27.255\n",
        nodes=("elaxtix-voip", "elaxtix-voip-2"),
    )
    assert found.problems == ()
    first, second = found.groups
    assert (first.node, first.line, second.line) == ("elaxtix-voip", 2, 4)
    assert first.addresses == (VirtualAddress("192.168.27.120", 24, "eth0:0"),)
    assert first.drbd == "data"
    assert first.mounts == (VolumeMount("/dev/drbd1", "/data", "ext3", "noatime"),)
    assert first.services == ("asterisk", "mysqld")
    assert str(first.resources[1]) == "drbddisk::data"
    assert second.resources == (HaResource("IPaddr", ("192.168.27.130/255.255.255.0/eth0/192.168.27.255",)),)
    assert second.addresses == (VirtualAddress("192.168.27.130", 24, "eth0", "192.168.27.255"),)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", None, "no line"),
        ("a IPaddr2::192.0.2.1\ndrbddisk::data asterisk\n", 2, "backslash"),
        ("c asterisk\n", 1, "not one of ha.cf"),
        ("a\n", 1, "no resources"),
        ("a IPaddr2::192.0.2.X\n", 1, "wants an IP address"),
        ("a drbddisk asterisk\n", 1, "every DRBD resource"),
        ("a Filesystem::/dev/drbd1\n", 1, "mount point"),
        ("a Filesystem::/dev/drbd1::/data drbddisk::data\n", 1, "left of Filesystem"),
        ("a drbddisk::r asterisk Filesystem::/dev/drbd1::/data\n", 1, "asterisk must stand right of Filesystem"),
        ("a asterisk 192.0.2.1\n", 1, "asterisk must stand right of IPaddr"),
        ("a asterisk\nb asterisk\n", 2, "line 1 too"),
        ("a ::x\n", 1, "without a script"),
    ],
)
def test_haresources_faults(text: str, line: int | None, words: str) -> None:
    problems = parse_haresources(text, nodes=("a", "b")).problems
    assert any(words in problem.message and problem.line == line for problem in problems), problems


RESOURCE = """
# the volume
resource data {
  protocol C;
  startup { wfc-timeout 5; degr-wfc-timeout 5; }
  net {
    cram-hmac-alg sha1; shared-secret "Hidden; { one";   # quoted
    after-sb-0pri discard-zero-changes;
    allow-two-primaries;
  }
  syncer { rate 8M; verify-alg crc32c; }
  device /dev/drbd1;
  disk /dev/vdb1;
  meta-disk /dev/vdb2[0];
  on elaxtix-voip   { address 192.168.27.121:7789; }
  on elaxtix-voip-2 { address ipv4 192.168.27.122:7789; }
}
"""


def test_drbd_conf() -> None:
    conf = parse_drbd_conf(
        'include "drbd.d/*.res";\nglobal { usage-count no; }\ncommon { net { ping-timeout 20; } }\n', RESOURCE
    )
    assert conf.problems == ()
    assert conf.includes == ("drbd.d/*.res",)
    assert conf.options["global.usage-count"] == "no"
    [resource] = conf.resources
    assert (resource.name, resource.protocol, resource.device, resource.minor) == ("data", "C", "/dev/drbd1", 1)
    assert (resource.disk, resource.meta_disk) == ("/dev/vdb1", "/dev/vdb2[0]")
    assert resource.hosts == (
        ConfHost("elaxtix-voip", "192.168.27.121", 7789),
        ConfHost("elaxtix-voip-2", "192.168.27.122", 7789),
    )
    assert resource.options["net.shared-secret"] == SECRET
    assert resource.options["net.allow-two-primaries"] == "yes"
    assert resource.options["net.ping-timeout"] == "20"
    assert resource.option("verify-alg") == "crc32c"
    assert resource.option("after-sb-0pri") == "discard-zero-changes"
    assert resource.option("after-sb-1pri") is None
    assert "Hidden" not in repr(conf)


def test_drbd_conf_of_8_4_with_volumes_and_floating() -> None:
    conf = parse_drbd_conf(
        "resource r { net { protocol A; }\n"
        "  volume 0 { device /dev/drbd7 minor 7; disk /dev/sda1; meta-disk internal; }\n"
        "  volume 1 { device minor 8; disk /dev/sda2; flexible-meta-disk internal; }\n"
        "  floating 10.0.0.1:7788 { }\n  floating ipv6 [2001:db8::1]:7788 { }\n}\n"
    )
    assert conf.problems == ()
    [resource] = conf.resources
    assert resource.protocol == "A"
    assert resource.volumes == (
        ConfVolume(0, "/dev/drbd7", 7, "/dev/sda1", "internal"),
        ConfVolume(1, "/dev/drbd8", 8, "/dev/sda2", "internal"),
    )
    assert resource.hosts == (ConfHost(None, "10.0.0.1", 7788), ConfHost(None, "2001:db8::1", 7788))


def test_drbd_conf_with_everything_in_the_hosts() -> None:
    conf = parse_drbd_conf(
        "resource r { protocol C;\n"
        " on a { device /dev/drbd0; disk /dev/sda1; address 10.0.0.1:1; meta-disk internal; }\n"
        " on b { device /dev/drbd0; disk /dev/sdb1; address 10.0.0.2:1; meta-disk internal; } }"
    )
    assert conf.problems == ()
    [resource] = conf.resources
    assert (resource.device, resource.minor, resource.disk, resource.meta_disk) == (
        "/dev/drbd0",
        0,
        "/dev/sda1",
        "internal",
    )
    assert resource.hosts[1].volumes == (ConfVolume(0, "/dev/drbd0", 0, "/dev/sdb1", "internal"),)


def test_drbd_conf_says_where_an_option_is_set() -> None:
    common = "common {\n net { verify-alg md5; after-sb-0pri disconnect; }\n}\n"
    conf = parse_drbd_conf(common, "resource r { net {\n verify-alg sha1;\n }\n", sources=("/etc/a", "/etc/b"))
    [resource] = conf.resources
    assert resource.source == "/etc/b"
    assert resource.key("verify-alg") == "net.verify-alg"
    assert resource.lines["net.verify-alg"] == ("/etc/b", 2)
    assert resource.lines["net.after-sb-0pri"] == ("/etc/a", 2)
    assert resource.key("cram-hmac-alg") is None
    assert [problem.where for problem in conf.problems] == ["/etc/b"]


def test_a_hosts_own_disk_goes_before_the_resources() -> None:
    [resource] = parse_drbd_conf(
        "resource r { device /dev/drbd1; disk /dev/sda1; meta-disk internal;\n"
        "  on a { address 10.0.0.1:1; } on B { address 10.0.0.2:1; disk /dev/sdb1; } }"
    ).resources
    assert resource.volumes_of("a") == (ConfVolume(0, "/dev/drbd1", 1, "/dev/sda1", "internal"),)
    assert resource.volumes_of("b") == (ConfVolume(0, "/dev/drbd1", 1, "/dev/sdb1", "internal"),)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("resource r {\n net { shared-secret Hidden }\n}\n", 2, "`;` is missing"),
        ("resource r {\n net {\n", None, "2 `{` are not closed"),
        ("}\n", 1, "closes nothing"),
        ("resource r {\n net { shared-secret Hidden", 2, "ends within a statement"),
        ('resource r {\n net { shared-secret "Hidden; }\n}\n', 2, "does not end on its line"),
        ("resource;\n", 1, "resource NAME"),
        ("nonsense { }\n", 1, "was expected"),
        ("resource r { on a { address 10.0.0.1:1; } }", 1, "two hosts"),
        ("resource r { on a { } on b { } }", 1, "address with port"),
        ("resource r { device /dev/drbd1; }\nresource s { device /dev/drbd1; }", 2, "minor 1 is used"),
    ],
)
def test_drbd_conf_faults_do_not_show_the_secret(text: str, line: int | None, words: str) -> None:
    conf = parse_drbd_conf(text)
    assert any(words in problem.message and problem.line == line for problem in conf.problems), conf.problems
    assert "Hidden" not in repr(conf)
