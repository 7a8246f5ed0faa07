"""How `chiscsi ctl` shows results: tables, and the target's own messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

Result: TypeAlias = Mapping[str, Any]

_UNLIMITED = 400
"""Columns of output that goes to a file or a pipe: nothing has to be cut there."""
_UNITS = ("", "k", "M", "G")


def show(view: str, result: Result) -> None:
    """Print a result.

    Args:
        view: the name of a method, or `globals`; `show KEY` shows that key's values only. Where there is no view of
            that name the result's messages are printed.
        result: what the method returned.
    """
    console = Console(highlight=False, soft_wrap=False)
    if not console.is_terminal:
        console.width = _UNLIMITED
    name, _, detail = view.partition(" ")
    _VIEWS.get(name, _messages)(console, result, detail)


def _messages(console: Console, result: Result, detail: str) -> None:
    for line in result.get("messages", []):
        console.print(Text(line), soft_wrap=True)


def _version(console: Console, result: Result, detail: str) -> None:
    console.print(Text(f"{result['name']} {result['version']}, control protocol {result['protocol']}"))


def _list(console: Console, result: Result, detail: str) -> None:
    targets = result["targets"]
    console.print(Text(f"Targets: {len(targets)}, sessions: {result['sessions']}."))
    rows = [
        (
            each["name"],
            each["id"],
            each["sessions"],
            each["login_ip"],
            "\n".join(_values(each, "PortalGroup")),
            "\n".join(f"{lun}: {value}" for lun, value in enumerate(_values(each, "TargetDevice"))),
        )
        for each in targets
    ]
    _table(console, ("Target", "id", "Sessions", "Logins", "Portal groups", "Devices"), rows)


def _show(console: Console, result: Result, detail: str) -> None:
    if detail:
        for value in _values(result, detail):
            console.print(Text(value), soft_wrap=True)
    else:
        _table(console, ("Key", "Value"), result["keys"])


def _values(result: Result, name: str) -> list[str]:
    return [value for key, value in result["keys"] if key == name]


def _sessions(console: Console, result: Result, detail: str) -> None:
    _table(
        console,
        ("Session", "Target", "Initiator", "ISID", "TSIH", "CmdSN", "Expected", "Maximum", "Read", "Written"),
        [
            (
                f"0x{each['hndl']:x}",
                each["target"],
                each["peer_name"],
                each["isid"],
                f"0x{each['tsih']:x}",
                *(each[number] for number in ("cmdsn", "expcmdsn", "maxcmdsn")),
                *_moved(each["perf"]),
            )
            for each in result["sessions"]
        ],
    )
    if result["sessions"]:
        _connections(console, result)


def _connections(console: Console, result: Result) -> None:
    _table(
        console,
        (
            "Session",
            "CID",
            "Initiator's end",
            "Target's end",
            "Group",
            "Digests",
            "Offloaded",
            "StatSN",
            "Read",
            "Written",
            "Placed",
            "Copied",
        ),
        [
            (
                f"0x{session['hndl']:x}",
                each["cid"],
                each["tcp_endpoints"]["initiator"],
                each["tcp_endpoints"]["target"],
                each["conn_keys"]["portal_group_tag"],
                ",".join(each["conn_keys"]["header_digest"] + each["conn_keys"]["data_digest"]),
                f"tid {each['tid']}" if each["offloaded"] else "no",
                each["statsn"],
                *_moved(each["perf"]),
                *(_short(each[name]) if each["offloaded"] else "-" for name in ("placed_bytes", "copied_bytes")),
            )
            for session in result["sessions"]
            for each in session["connections"]
        ],
    )


def _statistics(console: Console, result: Result, detail: str) -> None:
    columns = ("Read commands", "Read octets", "Write commands", "Written octets")
    rows = [(each["portal"], *_counts(each["perf"])) for each in result["portals"]]
    _table(console, ("Portal", *columns), rows)
    if result["sessions"]:
        offloaded = any(each["offload"]["connections"] for each in result["sessions"])
        found = [
            (
                f"0x{each['hndl']:x}",
                each["target"],
                each["initiator"],
                *_counts(each["perf"]),
                *(_placement(each["offload"]) if each["offload"]["connections"] else "-----" if offloaded else ()),
            )
            for each in result["sessions"]
        ]
        _table(console, ("Session", "Target", "Initiator", *columns, *(_PLACEMENT if offloaded else ())), found)


_PLACEMENT = ("Placed octets", "Copied octets", "DDP pass, fail", "Pods", "Peak")


def _placement(counted: Mapping[str, int]) -> tuple[object, ...]:
    pdus = f"{counted['ddp_pass']}, {counted['ddp_fail']}"
    octets = counted["placed_bytes"], counted["copied_bytes"]
    return (*octets, pdus, counted["ppods_in_use"], counted["ppods_peak"])


def _adapter(console: Console, result: Result, detail: str) -> None:
    adapter = result["adapter"]
    if adapter is None:
        console.print(Text("There is no adapter: the target runs with --offload off."))
        return
    columns = ("Mode", "Places data", "Connections in ULP mode", "Page pods", "In use", "Peak")
    pods = (adapter[name] for name in ("ppods", "ppods_in_use", "ppods_peak"))
    places = "yes" if adapter["places_data"] else "no"
    _table(console, columns, [(adapter["mode"], places, adapter["connections"], *pods)])
    if result["connections"]:
        found = [
            (each["tid"], f"0x{each['hndl']:x}", each["cid"], *_placement(each), each["iso_cnt"], each["lro_cnt"])
            for each in result["connections"]
        ]
        _table(console, ("tid", "Session", "CID", *_PLACEMENT, "ISO", "LRO"), found)


def _counts(perf: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(perf.get(name, 0) for name in ("read_cmd_cnt", "read_bytes", "write_cmd_cnt", "write_bytes"))


def _moved(perf: Mapping[str, int]) -> tuple[str, str]:
    return _short(perf["read_bytes"]), _short(perf["write_bytes"])


def _short(count: int) -> str:
    """A number of octets in at most five characters, by powers of 1024."""
    for unit in _UNITS[:-1]:
        if count < 10_000:
            return f"{count}{unit}"
        count //= 1024
    return f"{count}{_UNITS[-1]}"


def _verbosity(console: Console, result: Result, detail: str) -> None:
    console.print(Text(f"iscsi_verbose_level={result['level']}"))


def _globals(console: Console, result: Result, detail: str) -> None:
    _table(console, ("Variable", "Value"), result["values"].items())


def _table(console: Console, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(value)) for value in row))
    console.print(table)


_VIEWS: Mapping[str, Callable[[Console, Result, str], None]] = {
    "version": _version,
    "list": _list,
    "show": _show,
    "sessions": _sessions,
    "statistics": _statistics,
    "adapter": _adapter,
    "verbosity": _verbosity,
    "globals": _globals,
}
