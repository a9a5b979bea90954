"""`drbdsetup status --json` of DRBD 9. Written by drbd-utils' format, not recorded."""

import json

import pytest

from ccops.pair.drbd9 import parse_drbdsetup_status
from ccops.pair.model import DrbdResource, Sync


def status(**peer: object) -> str:
    device = {
        "volume": 0,
        "minor": 1,
        "disk-state": "UpToDate",
        "size": 409600,
        "read": 5,
        "written": 6,
        "upper-pending": 0,
    }
    peer_device = {"volume": 0, "peer-disk-state": "UpToDate", "out-of-sync": 0, "sent": 7, "received": 8, **peer}
    connection = {
        "peer-node-id": 1,
        "name": "elaxtix-voip-2",
        "connection-state": peer.pop("connection", "Connected"),
        "peer-role": "Secondary",
        "peer_devices": [peer_device],
    }
    entry = {
        "name": "data",
        "role": "Primary",
        "suspended": False,
        "write-ordering": "flush",
        "devices": [device],
        "connections": [connection],
    }
    return json.dumps([entry])


def one(text: str) -> DrbdResource:
    found = parse_drbdsetup_status(text)
    assert found.problems == ()
    return found.resources[0]


def test_established_is_connected() -> None:
    assert one(status(**{"replication-state": "Established"})) == DrbdResource(
        minor=1,
        connection="Connected",
        role="Primary",
        peer_role="Secondary",
        disk="UpToDate",
        peer_disk="UpToDate",
        flags="r-----",
        out_of_sync_kib=0,
        counters={"ns": 7, "nr": 8, "dr": 5, "dw": 6, "ap": 0},
        write_order="f",
        name="data",
    )


def test_a_resync_is_counted_against_the_whole_device() -> None:
    found = one(status(**{"replication-state": "SyncSource", "out-of-sync": 116076, "percent-in-sync": 71.66}))
    assert found.sync == Sync("resync", 71.66, 116076, 409600)


def test_the_share_in_sync_is_no_progress_of_a_verify() -> None:
    assert one(status(**{"replication-state": "VerifyS", "percent-in-sync": 100.0})).sync == Sync("verify")


def test_paused_by_user_and_peer() -> None:
    found = one(status(**{"replication-state": "PausedSyncS", "resync-suspended": "user,peer", "out-of-sync": 4}))
    assert found.paused_by == ("peer", "user")
    assert found.sync == Sync("resync", None, 4, 409600, paused=True)


@pytest.mark.parametrize(("theirs", "ours"), [("Connecting", "WFConnection"), ("StandAlone", "StandAlone")])
def test_connection_states(theirs: str, ours: str) -> None:
    assert one(status(connection=theirs, **{"replication-state": "Off"})).connection == ours


def test_by_minor() -> None:
    assert parse_drbdsetup_status(status(), minor=1).resources[0].minor == 1
    missing = parse_drbdsetup_status(status(), minor=2)
    assert missing.resources == ()
    assert "minor 2" in missing.problems[0].message


def test_without_a_peer_it_stands_alone() -> None:
    found = one('[{"name": "r", "role": "Secondary", "suspended": true, "devices": [{"volume": 0, "minor": 3}]}]')
    assert (found.connection, found.peer_role, found.peer_disk) == ("StandAlone", "Unknown", "DUnknown")
    assert found.io_suspended


@pytest.mark.parametrize("text", ["", "{}", "[", "[]", "[1]", '[{"devices": 3}]', '[{"devices": [{"minor": "x"}]}]'])
def test_what_is_none_is_a_problem(text: str) -> None:
    assert parse_drbdsetup_status(text).problems
