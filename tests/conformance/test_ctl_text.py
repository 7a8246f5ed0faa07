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


def test_what_is_done_is_told_as_it_is() -> None:
    assert lines("remove", {"messages": ["a removed."], "errors": []}) == ["a removed."]
