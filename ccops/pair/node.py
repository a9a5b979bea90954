"""One node from what its commands printed: the same names of outputs for the probe's samples and for bundles.

| output | command |
|---|---|
| proc_drbd, drbdadm_get-gi | `cat /proc/drbd`; `drbdadm get-gi RESOURCE` |
| drbdsetup_status | `drbdsetup status --json` (DRBD 9; then proc_drbd holds a header only) |
| cl_hbstatus, cl_rscstatus | `cl_status hbstatus`, `cl_status rscstatus` |
| cl_node1, cl_node2 | `cl_status nodestatus` of the pair's first and second node |
| cl_links, cl_link | `cl_status listhblinks PEER`; `cl_status hblinkstatus PEER IF` of the first link listed |
| cl_link_IF | the same of a further link |
| ip_addr or ifconfig, mounts | `ip -o addr show`; /proc/mounts, or its lines of drbd |
| df, uptime, loadavg | `df -P MOUNT`; /proc/uptime; /proc/loadavg |
| units | `systemctl is-active` of `services.asked_units` |
| service_NAME | `service NAME status` of one service, where there is no systemd |
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ccops.pair import drbd, drbd9, heartbeat, network, services
from ccops.pair.heartbeat import Answers, Output
from ccops.pair.model import (
    Address,
    DrbdStatus,
    GenerationIds,
    Heartbeat,
    Mount,
    NodeState,
    PairLayout,
    Problem,
    Reading,
    Service,
    Space,
)

Outputs = Mapping[str, Output]


def observe(node: NodeState, layout: PairLayout, outputs: Outputs, taken_at: float) -> NodeState:
    """The node with everything replaced that `outputs` tells of; the rest stays as it was, with its own age."""
    read: dict[str, object | None] = {
        "drbd": _drbd(layout, outputs, taken_at),
        "gi": _gi(outputs, taken_at),
        "heartbeat": _heartbeat(node, layout, outputs, taken_at),
        "addresses": _addresses(outputs, taken_at),
        "mounts": _mounts(outputs, taken_at),
        "space": _space(layout, outputs, taken_at),
        "services": _services(layout, outputs, taken_at),
    }
    changes = {field: reading for field, reading in read.items() if reading is not None}
    if "uptime" in outputs:
        uptime = network.parse_uptime(outputs["uptime"].text)
        changes["uptime_s"] = None if isinstance(uptime, Problem) else uptime
    if "loadavg" in outputs:
        load = network.parse_loadavg(outputs["loadavg"].text)
        changes["load"] = None if isinstance(load, Problem) else load
    status = read["drbd"]
    if isinstance(status, Reading) and isinstance(status.value, DrbdStatus) and status.value.version:
        changes["versions"] = {**node.versions, "drbd": status.value.version}
    return msgspec.structs.replace(node, sampled_at=taken_at, **changes)


def _drbd(layout: PairLayout, outputs: Outputs, taken_at: float) -> Reading[DrbdStatus] | None:
    """/proc/drbd where it lists resources (8.x), else drbdsetup's words (9). Nothing but a problem is no status."""
    status = drbd.parse_proc_drbd(outputs["proc_drbd"].text) if "proc_drbd" in outputs else None
    if "drbdsetup_status" in outputs and not (status and status.resources):
        newer = drbd9.parse_drbdsetup_status(outputs["drbdsetup_status"].text)
        if newer.resources or status is None:
            status = msgspec.structs.replace(newer, version=status.version if status else None)
    if status is None:
        return None
    if not status.resources and status.problems:
        return Reading(None, _words(status.problems[0]), taken_at)
    return Reading(drbd.name_resources(status, {layout.minor: layout.resource}), None, taken_at)


def _gi(outputs: Outputs, taken_at: float) -> Reading[GenerationIds] | None:
    if "drbdadm_get-gi" not in outputs:
        return None
    ids = drbd.parse_get_gi(outputs["drbdadm_get-gi"].text)
    return Reading(None, _words(ids), taken_at) if isinstance(ids, Problem) else Reading(ids, None, taken_at)


def _heartbeat(node: NodeState, layout: PairLayout, outputs: Outputs, taken_at: float) -> Reading[Heartbeat] | None:
    if not any(name in outputs for name in ("cl_hbstatus", "cl_rscstatus", "cl_node1", "cl_node2", "cl_link")):
        return None
    nodes = {
        name: outputs[key] for name, key in zip(layout.nodes, ("cl_node1", "cl_node2"), strict=True) if key in outputs
    }
    answers = Answers(
        outputs.get("cl_hbstatus"),
        outputs.get("cl_rscstatus"),
        nodes,
        _links(outputs),
        node.versions.get("heartbeat"),
    )
    return Reading(heartbeat.parse_heartbeat(answers), None, taken_at)


def _links(outputs: Outputs) -> Mapping[str, Output]:
    links = {name.removeprefix("cl_link_"): output for name, output in outputs.items() if name.startswith("cl_link_")}
    if "cl_link" in outputs:
        listed = heartbeat.parse_listhblinks(outputs["cl_links"]) if "cl_links" in outputs else ()
        first = "the link" if isinstance(listed, Problem) or not listed else listed[0]
        links = {first: outputs["cl_link"], **links}
    return links


def _addresses(outputs: Outputs, taken_at: float) -> Reading[tuple[Address, ...]] | None:
    output = outputs.get("ip_addr") or outputs.get("ifconfig")
    if output is None:
        return None
    found = network.parse_addresses(output.text)
    return Reading(None, _words(found), taken_at) if isinstance(found, Problem) else Reading(found, None, taken_at)


def _mounts(outputs: Outputs, taken_at: float) -> Reading[tuple[Mount, ...]] | None:
    if "mounts" not in outputs:
        return None
    found = network.parse_mounts(outputs["mounts"].text)
    return Reading(None, _words(found), taken_at) if isinstance(found, Problem) else Reading(found, None, taken_at)


def _space(layout: PairLayout, outputs: Outputs, taken_at: float) -> Reading[Space] | None:
    if "df" not in outputs:
        return None
    found = network.parse_df(outputs["df"].text, layout.mount)
    return Reading(None, _words(found), taken_at) if isinstance(found, Problem) else Reading(found, None, taken_at)


def _services(layout: PairLayout, outputs: Outputs, taken_at: float) -> Reading[Mapping[str, Service]] | None:
    states: dict[str, Service] = {}
    if "units" in outputs:
        by_unit = services.parse_is_active(outputs["units"].text, services.asked_units(layout))
        states.update(services.name_services(by_unit, layout))
    for name, output in outputs.items():
        if name.startswith("service_"):
            states[name.removeprefix("service_")] = services.parse_init_status(output.text, output.code)
    return Reading(states, None, taken_at) if states else None


def _words(problem: Problem) -> str:
    return f"{problem.where}: {problem.message}" + (f" (found: {problem.text})" if problem.text else "")
