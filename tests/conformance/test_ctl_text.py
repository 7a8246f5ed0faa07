"""`chiscsi ctl --text`: the lines of `iscsictl -c`, `-g` and `-r`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from chiscsi_target.api.information import chiscsi_connection_info, chiscsi_perf_info, chiscsi_session_info
from conformance.ctl_text import lines

NAME = "iqn.2026-11.org.example:disk"
KEYS = [["TargetName", NAME], ["PortalGroup", "1@127.0.0.1:3260,timeout=0"], ["TargetDevice", "a,MEM"]]


def session() -> dict[str, Any]:
    """A session as the target describes it."""
    perf = chiscsi_perf_info(4096, 512, 3, 1)
    info = chiscsi_session_info(peer_name="me", tsih=2, conn_cnt=1, cmdsn=9, expcmdsn=10, maxcmdsn=137, hndl=26)
    info.perf = perf
    connection = asdict(chiscsi_connection_info(cid=5, statsn=7, expstatsn=6, hndl=27, perf=perf))
    ends = {"initiator": "127.0.0.1:40000", "target": "127.0.0.1:3260"}
    return asdict(info) | {
        "target": NAME,
        "isid": "400001370000",
        "type": "Normal",
        "connections": [connection | {"tcp_endpoints": ends}],
    }


def test_targets_in_short() -> None:
    result = {"targets": [{"name": NAME, "id": 1, "sessions": 2, "login_ip": 3, "keys": KEYS}], "sessions": 2}
    assert lines("list", result) == [
        "Targets: 1, sessions: 2.",
        "",
        f"TARGET: {NAME}, id=1, login_ip=3",
        "\tPortalGroup=1@127.0.0.1:3260,timeout=0",
        "\tTargetDevice=a,MEM",
    ]


@pytest.mark.parametrize(
    "view, shown",
    [
        ("show", [f"\tTargetName={NAME}", "\tPortalGroup=1@127.0.0.1:3260,timeout=0", "\tTargetDevice=a,MEM"]),
        ("show TargetDevice", ["\tTargetDevice=a,MEM"]),
    ],
)
def test_a_target(view: str, shown: list[str]) -> None:
    assert lines(view, {"name": NAME, "keys": KEYS}) == ["target:", *shown]


def test_variables() -> None:
    values = {"iscsi_test_mode": "0", "iscsi_target_vendor_id": "CHISCSI", "iscsi_auth_order": "ACL"}
    assert lines("globals", {"values": values}) == ["\tiscsi_auth_order=ACL"]


def test_sessions() -> None:
    other = NAME.replace("disk", "other")
    result = {"sessions": [session()], "login_ip": {NAME: 1, other: 0}}
    assert lines("sessions", result) == [
        f"{NAME}: session=1, login_ip=1.",
        "SESS:",
        "\thndl: 0x1a, SessionType=Normal",
        "\tInitiatorName=me",
        "\tISID: 0x400001370000, TSIH: 0x2",
        "\tcmdsn: 9 (0x9), exp. 10 (0xa), max 137 (0x89)",
        "\tconns: 1",
        "\tInitialR2T=Yes",
        "\tImmediateData=Yes",
        "\tErrorRecoveryLevel=0",
        "\tDataPDUInOrder=Yes",
        "\tDataSequenceInOrder=Yes",
        "\tMaxConnections=1",
        "\tMaxOutstandingR2T=1",
        "\tFirstBurstLength=65536",
        "\tMaxBurstLength=262144",
        "\tDefaultTime2Wait=2",
        "\tDefaultTime2Retain=20",
        "\tRead bytes: 4096, Write bytes: 512",
        "\tRead Cmd: 3, Write Cmd: 1",
        "CONN 0:",
        "\thndl: 0x1b, CID 5, offloaded 0, statsn 7,6.",
        "\tRead bytes: 4096, Write bytes: 512",
        "\tRead Cmd: 3, Write Cmd: 1",
        "\tinitiator: 127.0.0.1:40000, target: 127.0.0.1:3260",
        "\tHeaderDigest=None",
        "\tDataDigest=None",
        "\tPortalGroupTag=0",
        "\tMaxRecvDataSegmentLength=8192",
        "\tMaxXmitDataSegmentLength=8192",
        f"{other}: session=0, login_ip=0.",
    ]


PLACEMENT = {"placed_bytes": 4096, "copied_bytes": 512, "ddp_pass": 3, "ddp_fail": 1}
PLACEMENT |= {"ppods_in_use": 2, "ppods_peak": 7, "iso_cnt": 5, "lro_cnt": 4, "tid": 9}
PLACED = [
    "\ttid 9, iso 5, lro 4",
    "\tPlaced bytes: 4096, Copied bytes: 512",
    "\tDDP pass: 3, DDP fail: 1",
    "\tppods: 2, peak 7",
]


def test_an_offloaded_connection() -> None:
    plain, placing = session(), session()
    placing["connections"][0] |= PLACEMENT | {"offloaded": True}
    before, after = (lines("sessions", {"sessions": [each], "login_ip": {NAME: 0}}) for each in (plain, placing))
    assert before is not None
    place = before.index("\thndl: 0x1b, CID 5, offloaded 0, statsn 7,6.")
    before[place] = before[place].replace("offloaded 0", "offloaded 1")
    assert after == [*before[: place + 3], *PLACED, *before[place + 3 :]]


def test_the_adapter() -> None:
    adapter = {"mode": "CRC", "places_data": True, "connections": 1, "ppods": 1024, "ppods_in_use": 2, "ppods_peak": 8}
    assert lines("adapter", {"adapter": adapter, "connections": [PLACEMENT | {"hndl": 26, "cid": 5}]}) == [
        "ADAPTER: mode CRC, ddp 1, conns 1",
        "\tppods: 2/1024, peak 8",
        "CONN: hndl: 0x1a, CID 5",
        *PLACED,
    ]
    assert lines("adapter", {"adapter": None, "connections": []}) == ["ADAPTER: none"]


def test_what_iscsictl_does_not_show() -> None:
    assert lines("statistics", {"portals": [], "sessions": []}) is None
    assert lines("remove", {"messages": ["a removed."], "errors": []}) is None
