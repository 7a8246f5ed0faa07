"""How `chiscsi ctl --text` shows results: in the lines that `iscsictl` prints (behaviour file, 6.8)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from chiscsi_target.config.listing import indented, show_summary, show_target, shown_variables

Result: TypeAlias = Mapping[str, Any]

_SETTINGS = {
    "initial_r2t": "InitialR2T",
    "immediate_data": "ImmediateData",
    "erl": "ErrorRecoveryLevel",
    "data_pdu_in_order": "DataPDUInOrder",
    "data_sequence_in_order": "DataSequenceInOrder",
    "max_conns": "MaxConnections",
    "max_r2t": "MaxOutstandingR2T",
    "first_burst": "FirstBurstLength",
    "max_burst": "MaxBurstLength",
    "time2wait": "DefaultTime2Wait",
    "time2retain": "DefaultTime2Retain",
}


def lines(view: str, result: Result) -> list[str] | None:
    """The lines that show a result; None where `iscsictl` shows nothing of the kind.

    Args:
        view: the name of a method, or `globals`; `show KEY` is that key's values only.
        result: what the method returned.
    """
    name, _, detail = view.partition(" ")
    shown = _VIEWS.get(name)
    return None if shown is None else shown(result, detail)


def _list(result: Result, detail: str) -> list[str]:
    """`iscsictl -c`."""
    targets = result["targets"]
    found = [f"Targets: {len(targets)}, sessions: {result['sessions']}."]
    for each in targets:
        found += show_summary(each["name"], each["id"], each["login_ip"], each["keys"])
    return found


def _show(result: Result, detail: str) -> list[str]:
    """`iscsictl -c target=NAME [-k KEY]`."""
    return show_target([(key, value) for key, value in result["keys"]], detail)


def _globals(result: Result, detail: str) -> list[str]:
    """`iscsictl -g`."""
    return indented(shown_variables(result["values"]))


def _sessions(result: Result, detail: str) -> list[str]:
    """`iscsictl -r`."""
    found = []
    for name, logins in result["login_ip"].items():
        own = [session for session in result["sessions"] if session["target"] == name]
        found.append(f"{name}: session={len(own)}, login_ip={logins}.")
        for session in own:
            found += _session(session)
    return found


def _session(session: Result) -> list[str]:
    keys = ((title, _text(session["sess_keys"][name])) for name, title in _SETTINGS.items())
    numbers = [f"{session[name]} (0x{session[name]:x})" for name in ("cmdsn", "expcmdsn", "maxcmdsn")]
    found = [
        "SESS:",
        f"\thndl: 0x{session['hndl']:x}, SessionType={session['type']}",
        f"\tInitiatorName={session['peer_name']}",
        f"\tISID: 0x{session['isid']}, TSIH: 0x{session['tsih']:x}",
        f"\tcmdsn: {numbers[0]}, exp. {numbers[1]}, max {numbers[2]}",
        f"\tconns: {session['conn_cnt']}",
        *indented(keys),
        *_moved(session["perf"]),
    ]
    for number, connection in enumerate(session["connections"]):
        found += _connection(number, connection)
    return found


def _connection(number: int, connection: Result) -> list[str]:
    keys, ends = connection["conn_keys"], connection["tcp_endpoints"]
    status = f"statsn {connection['statsn']},{connection['expstatsn']}."
    offloaded = int(connection["offloaded"])
    return [
        f"CONN {number}:",
        f"\thndl: 0x{connection['hndl']:x}, CID {connection['cid']}, offloaded {offloaded}, {status}",
        *_moved(connection["perf"]),
        *(_placement(connection) if connection["offloaded"] else ()),
        f"\tinitiator: {ends['initiator']}, target: {ends['target']}",
        *indented(
            [
                ("HeaderDigest", ",".join(keys["header_digest"])),
                ("DataDigest", ",".join(keys["data_digest"])),
                ("PortalGroupTag", str(keys["portal_group_tag"])),
                ("MaxRecvDataSegmentLength", str(keys["max_recv_data_segment"])),
                ("MaxXmitDataSegmentLength", str(keys["max_xmit_data_segment"])),
            ]
        ),
    ]


def _placement(counted: Mapping[str, int]) -> list[str]:
    """What an adapter did for a connection: `iscsictl` shows nothing of it."""
    return [
        f"\ttid {counted['tid']}, iso {counted['iso_cnt']}, lro {counted['lro_cnt']}",
        f"\tPlaced bytes: {counted['placed_bytes']}, Copied bytes: {counted['copied_bytes']}",
        f"\tDDP pass: {counted['ddp_pass']}, DDP fail: {counted['ddp_fail']}",
        f"\tppods: {counted['ppods_in_use']}, peak {counted['ppods_peak']}",
    ]


def _adapter(result: Result, detail: str) -> list[str]:
    adapter = result["adapter"]
    if adapter is None:
        return ["ADAPTER: none"]
    pods = f"ppods: {adapter['ppods_in_use']}/{adapter['ppods']}, peak {adapter['ppods_peak']}"
    found = [
        f"ADAPTER: mode {adapter['mode']}, ddp {int(adapter['places_data'])}, conns {adapter['connections']}",
        f"\t{pods}",
    ]
    for each in result["connections"]:
        found += [f"CONN: hndl: 0x{each['hndl']:x}, CID {each['cid']}", *_placement(each)]
    return found


def _moved(perf: Mapping[str, int]) -> list[str]:
    return [
        f"\tRead bytes: {perf['read_bytes']}, Write bytes: {perf['write_bytes']}",
        f"\tRead Cmd: {perf['read_cmd_cnt']}, Write Cmd: {perf['write_cmd_cnt']}",
    ]


def _text(value: object) -> str:
    return ("No", "Yes")[value] if isinstance(value, bool) else str(value)


_VIEWS: Mapping[str, Callable[[Result, str], list[str]]] = {
    "list": _list,
    "show": _show,
    "sessions": _sessions,
    "adapter": _adapter,
    "globals": _globals,
}
