"""The probe's events folded into one node's state."""

from __future__ import annotations

from pathlib import Path

from ccops.pair.model import Link, PairLayout
from ccops.watch.assembly import NodeAssembly
from ccops.watch.probe import Clock, Fresh, Hello, Output, Sample
from tests.watch.test_probe_script import SETTINGS

CAPTURES = Path(__file__).parent.parent / "captures"
LAYOUT = PairLayout("lab", ("elaxtix-voip", "elaxtix-voip-2"), "192.168.27.120", services=SETTINGS.services)


def assembly() -> NodeAssembly:
    return NodeAssembly(SETTINGS, LAYOUT)


def sample(number: int = 0, **sections: str) -> Sample:
    return Sample(number, sections, 100.0, (0.1, 0.2, 0.3))


def captured(name: str) -> str:
    return (CAPTURES / "01-healthy/node1" / f"{name}.txt").read_text()


def test_a_sample_dates_all_that_it_covers() -> None:
    node = assembly()
    node.apply(sample(drbd=captured("proc_drbd"), addresses=captured("ip_addr"), mounts=captured("mounts")), 10.0)
    node.apply(sample(1), 11.0)
    state = node.state
    assert state.sampled_at == state.drbd.taken_at == state.addresses.taken_at == state.mounts.taken_at == 11.0
    assert state.drbd.value is not None
    assert state.drbd.value.resources[0].role == "Primary"
    assert state.versions["drbd"] == "8.4.11"


def test_heartbeat_is_told_when_its_worker_is_through() -> None:
    node = assembly()
    for label, text in (
        ("hbstatus", "Heartbeat is running on this machine."),
        ("rscstatus", "local"),
        ("node:elaxtix-voip", "active"),
        ("node:elaxtix-voip-2", "dead"),
        ("link:eth0", "up"),
    ):
        node.apply(Output(label, 0, text), 9.0)
    assert node.state.heartbeat.value is None
    node.apply(Fresh("heartbeat"), 10.0)
    beat = node.state.heartbeat.value
    assert beat is not None
    assert (beat.running, beat.resources) == (True, "local")
    assert beat.nodes == {"elaxtix-voip": "active", "elaxtix-voip-2": "dead"}
    assert beat.links == {"eth0": "up"}
    assert node.state.heartbeat.taken_at == 10.0
    assert node.state.sampled_at is None


def test_a_dead_daemon_is_seen_before_cl_status_says_so() -> None:
    node = assembly()
    node.apply(Output("hbstatus", 0, "Heartbeat is running on this machine."), 9.0)
    node.apply(Fresh("heartbeat"), 9.0)
    node.apply(sample(pids="heartbeat dead\n"), 10.0)
    assert node.state.heartbeat.value is not None
    assert node.state.heartbeat.value.running is False


def test_services_by_process_then_by_unit() -> None:
    node = assembly()
    node.apply(sample(pids="asterisk none\nmysqld none\n"), 1.0)
    assert node.state.services.value == {"asterisk": "unknown", "mysqld": "unknown"}
    node.apply(Output("units", 0, "active\ninactive\nactive"), 2.0)
    assert node.state.services.value == {"asterisk": "running", "mysqld": "stopped"}
    node.apply(sample(1, pids="asterisk running\nmysqld running\n"), 3.0)
    assert node.state.services.value == {"asterisk": "running", "mysqld": "running"}
    # The unit's word is now older than the process' end.
    node.apply(sample(2, pids="asterisk none\nmysqld dead\n"), 4.0)
    assert node.state.services.value == {"asterisk": "stopped", "mysqld": "stopped"}


def test_init_scripts() -> None:
    node = assembly()
    node.apply(Output("units", 0, "asterisk  asterisk (pid  77) is running...\nmariadb 3 mysqld is stopped"), 1.0)
    assert node.state.services.value == {"asterisk": "running", "mysqld": "stopped"}


def test_clock_skew_smooths_small_steps_and_takes_jumps() -> None:
    node = assembly()
    node.apply(Clock(102.0, 3600), 100.0)
    assert node.state.clock_skew_s == 2.0
    node.apply(Clock(103.4, 3600), 101.0)
    assert node.state.clock_skew_s is not None
    assert 2.0 < node.state.clock_skew_s < 2.4
    node.apply(Clock(62.0, 3600), 102.0)
    assert node.state.clock_skew_s == -40.0
    clock = node.log_clock(103.0)
    assert clock is not None
    assert (clock.utc_offset_s, clock.skew_s) == (3600, -40.0)


def test_space_is_only_that_of_the_volume() -> None:
    node = assembly()
    node.apply(Output("df", 0, captured("df")), 1.0)
    node.apply(Fresh("host"), 1.0)
    assert node.state.space.value is not None
    assert node.state.space.value.free_kib == 347709
    node.apply(Output("df", 0, captured("df").replace("/data", "/")), 2.0)
    node.apply(Fresh("host"), 2.0)
    assert node.state.space.value is None
    assert "not mounted" in (node.state.space.problem or "")


def test_another_machine_is_named() -> None:
    node = assembly()
    node.linked(Link("up"))
    node.apply(sample(), 1.0)
    node.hello(Hello("1", "1", "somebody-else"))
    assert "somebody-else" in (node.state.link.problem or "")
    node.hello(Hello("1", "1", "elaxtix-voip.example.org"))
    assert node.state.link.problem is None


def test_module_not_loaded() -> None:
    node = assembly()
    node.apply(sample(drbd=""), 1.0)
    assert node.state.drbd.value is None
    assert node.state.drbd.problem
