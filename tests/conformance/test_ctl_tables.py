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
PLACEMENT = {
    "placed_bytes": 40_000_000_001,
    "copied_bytes": 77_777_777,
    "ddp_pass": 4711,
    "ddp_fail": 815,
    "ppods_in_use": 63,
    "ppods_peak": 1029,
    "iso_cnt": 6543,
    "lro_cnt": 3456,
}
OFFLOADED = CONNECTION | PLACEMENT | {"offloaded": True, "tid": 2718, "cid": 6}
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
    "connections": [CONNECTION, OFFLOADED],
}
ADAPTER = {
    "mode": "ULP",
    "places_data": True,
    "connections": 1,
    "ppods": 16384,
    "ppods_in_use": 129,
    "ppods_peak": 1031,
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
        ["0x1a", NAME, "400001370000", "0x2", "132", "[::1]:3260", "CRC32C,None", "37G", "no ", "tid 2718", "74M"],
    ),
    "statistics": (
        {
            "portals": [{"portal": "127.0.0.1:3260", "targets": [NAME], "perf": PERF}],
            "sessions": [
                {"hndl": 26, "target": NAME, "initiator": "me", "perf": PERF, "offload": {"connections": 0}},
                {
                    "hndl": 27,
                    "target": NAME,
                    "initiator": "it",
                    "perf": PERF,
                    "offload": PLACEMENT | {"connections": 1},
                },
            ],
        },
        ["127.0.0.1:3260", "40000000000", "8192", "0x1a", NAME, "40000000001", "77777777", "4711, 815", "63", "1029"],
    ),
    "adapter": (
        {"adapter": ADAPTER, "connections": [PLACEMENT | {"tid": 2718, "hndl": 26, "cid": 6}]},
        ["ULP", "yes", "16384", "129", "1031", "2718", "0x1a", "40000000001", "4711, 815", "1029", "6543", "3456"],
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


def test_statistics_without_offload_have_no_columns_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    counted = {"hndl": 26, "target": NAME, "initiator": "me", "perf": PERF, "offload": {"connections": 0}}
    show("statistics", {"portals": [], "sessions": [counted]})
    said = capsys.readouterr().out
    assert "0x1a" in said and "Placed" not in said


def test_there_is_no_adapter(capsys: pytest.CaptureFixture[str]) -> None:
    show("adapter", {"adapter": None, "connections": []})
    assert capsys.readouterr().out == "There is no adapter: the target runs with --offload off.\n"


def test_an_adapter_has_no_connections(capsys: pytest.CaptureFixture[str]) -> None:
    show("adapter", {"adapter": ADAPTER | {"places_data": False}, "connections": []})
    said = capsys.readouterr().out
    assert "no" in said.split() and "tid" not in said


@pytest.mark.parametrize(
    "count, text", [(0, "0"), (9999, "9999"), (10_000, "9k"), (10_240_000, "9M"), (1 << 34, "16G"), (1 << 44, "16384G")]
)
def test_octets_in_few_characters(count: int, text: str) -> None:
    assert _short(count) == text
