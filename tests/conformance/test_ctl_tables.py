"""What `chiscsi ctl` shows: the whole of each value, whatever the terminal's width."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.ctl_tables import _short, show

NAME = "iqn.2026-11.org.example:" + "x" * 150
PERF = {"read_cmd_cnt": 7, "read_bytes": 8192, "write_cmd_cnt": 3, "write_bytes": 40_000_000_000}
KEYS = [["TargetName", NAME], ["PortalGroup", "1@127.0.0.1:3260"], ["TargetDevice", "a,MEM"], ["TargetDevice", "b,MEM"]]
CONNECTION = {
    "cid": 5,
    "tcp_endpoints": {"initiator": "127.0.0.1:40000", "target": "[::1]:3260"},
    "conn_keys": {"portal_group_tag": 1, "header_digest": ["CRC32C"], "data_digest": ["None"]},
    "offloaded": False,
    "statsn": 17,
    "perf": PERF,
}
SESSION = {
    "hndl": 26,
    "target": NAME,
    "peer_name": "iqn.2026-11.org.example:me",
    "isid": "400001370000",
    "tsih": 2,
    "cmdsn": 4,
    "expcmdsn": 5,
    "maxcmdsn": 132,
    "perf": PERF,
    "connections": [CONNECTION],
}
RESULTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "version": ({"name": "chiscsi", "version": "1.2", "protocol": 1}, ["chiscsi 1.2, control protocol 1"]),
    "list": (
        {"targets": [{"name": NAME, "id": 1, "sessions": 2, "login_ip": 3, "keys": KEYS}], "sessions": 2},
        ["Targets: 1, sessions: 2.", NAME, "1@127.0.0.1:3260", "0: a,MEM", "1: b,MEM"],
    ),
    "show": ({"name": NAME, "keys": KEYS}, ["TargetName", NAME, "b,MEM"]),
    "sessions": (
        {"sessions": [SESSION]},
        ["0x1a", NAME, "400001370000", "0x2", "132", "[::1]:3260", "CRC32C,None", "37G"],
    ),
    "statistics": (
        {
            "portals": [{"portal": "127.0.0.1:3260", "targets": [NAME], "perf": PERF}],
            "sessions": [{"hndl": 26, "target": NAME, "initiator": "me", "perf": PERF}],
        },
        ["127.0.0.1:3260", "40000000000", "8192", "0x1a", NAME],
    ),
    "verbosity": ({"level": "0xf,0x0"}, ["iscsi_verbose_level=0xf,0x0"]),
    "globals": ({"values": {"iscsi_auth_order": "ACL"}}, ["iscsi_auth_order", "ACL"]),
    "remove": ({"messages": ["a removed.", "[bold]b removed."], "errors": []}, ["a removed.\n[bold]b removed.\n"]),
    "drop_session": ({"messages": []}, [""]),
}


@pytest.mark.parametrize("view", RESULTS)
def test_everything_is_shown_in_full(view: str, capsys: pytest.CaptureFixture[str]) -> None:
    result, wanted = RESULTS[view]
    show(view, result)
    said = capsys.readouterr().out
    for text in wanted:
        assert text in said


def test_the_values_of_one_key(capsys: pytest.CaptureFixture[str]) -> None:
    show("show TargetDevice", {"name": NAME, "keys": KEYS})
    assert capsys.readouterr().out == "a,MEM\nb,MEM\n"


def test_nobody_is_logged_in(capsys: pytest.CaptureFixture[str]) -> None:
    show("sessions", {"sessions": []})
    show("statistics", {"portals": [{"portal": "p:1", "targets": [], "perf": {}}], "sessions": []})
    assert "CID" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "count, text", [(0, "0"), (9999, "9999"), (10_000, "9k"), (10_240_000, "9M"), (1 << 34, "16G"), (1 << 44, "16384G")]
)
def test_octets_in_few_characters(count: int, text: str) -> None:
    assert _short(count) == text
