"""What the Target Module says, as JSON: the structures of its information calls, and descriptions as pairs of text."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from chiscsi_target.api.information import (
    SESSION_INFO_MAX,
    chiscsi_connection_info,
    chiscsi_perf_info,
    chiscsi_session_info,
    chiscsi_target_info,
)
from chiscsi_target.config import portal_group, target_device
from chiscsi_target.config.listing import target_pairs

if TYPE_CHECKING:
    from chiscsi_target.config.target_config import TargetConfig
    from chiscsi_target.target_module import TargetModule

_SHORT = (portal_group.KEY, target_device.KEY)


def described(module: TargetModule, config: TargetConfig) -> list[tuple[str, str]]:
    """A target's description as pairs of key and value, secrets hidden, in the order of the table of keys."""
    node = module.directory.registry.nodes.get(config.name)
    classes = [] if node is None else [unit.lun_class.class_name for unit in node.luns]
    return target_pairs(config, classes=classes)


def summary(module: TargetModule, config: TargetConfig) -> dict[str, Any]:
    """A target in short: its number, who is there, and what it exports where."""
    name, info = config.name, chiscsi_target_info()
    module.chiscsi_get_target_info(name, info)
    return {
        "name": name,
        "id": info.hndl,
        "sessions": len(sessions(module, name)),
        "login_ip": module.logins_under_way(name),
        "keys": [pair for pair in described(module, config) if pair[0] in _SHORT],
    }


def sessions(module: TargetModule, name: str, initiator: str | None = None) -> list[chiscsi_session_info]:
    """A target's sessions."""
    found: list[chiscsi_session_info] = []
    module.chiscsi_get_session_info(name, initiator, SESSION_INFO_MAX, found)
    return found


def session(module: TargetModule, target: str, info: chiscsi_session_info) -> dict[str, Any]:
    """A session with its connections."""
    view = {"target": target} | asdict(info)
    view["isid"] = info.isid.hex()
    view["type"] = "Normal"
    view["connections"] = [_connection(each) for each in connections(module, info)]
    return view


def _connection(info: chiscsi_connection_info) -> dict[str, Any]:
    view = asdict(info)
    ends = info.tcp_endpoints
    return view | {"tcp_endpoints": {"initiator": str(ends.iaddr), "target": str(ends.taddr)}}


_OFFLOAD = (
    "placed_bytes",
    "copied_bytes",
    "ddp_pass",
    "ddp_fail",
    "ppods_in_use",
    "ppods_peak",
    "iso_cnt",
    "lro_cnt",
)


def connections(module: TargetModule, info: chiscsi_session_info) -> list[chiscsi_connection_info]:
    """A session's connections."""
    found = []
    for index in range(info.conn_cnt):
        connection = chiscsi_connection_info()
        if module.chiscsi_get_connection_info(info.hndl, index, connection) == 0:
            found.append(connection)
    return found


def statistics(module: TargetModule, target: str, info: chiscsi_session_info) -> dict[str, Any]:
    """What a session has moved, and what its offloaded connections did for that, added up."""
    offloaded = [connection for connection in connections(module, info) if connection.offloaded]
    sums = {name: sum(getattr(each, name) for each in offloaded) for name in _OFFLOAD}
    session = {"target": target, "initiator": info.peer_name, "hndl": info.hndl}
    return session | {"perf": info.perf, "offload": {"connections": len(offloaded)} | sums}


def adapter(module: TargetModule) -> dict[str, Any] | None:
    """The emulated adapter as a whole, or None without one."""
    terminator = module.terminator
    if terminator is None:
        return None
    pods = terminator.pods
    return {
        "mode": module.directory.registry.globals.offload_mode,
        "places_data": pods.enabled,
        "connections": len(terminator.connections),
        "ppods": pods.upper - pods.llimit,
        "ppods_in_use": pods.in_use,
        "ppods_peak": pods.peak,
    }


def offloaded(module: TargetModule) -> list[dict[str, Any]]:
    """What the adapter does for each connection of sessions that it serves, in the order of the targets."""
    return [
        {"target": name, "initiator": info.peer_name, "hndl": info.hndl, "cid": each.cid, "tid": each.tid}
        | {name: getattr(each, name) for name in _OFFLOAD}
        for name in list(module.configurations)
        for info in sessions(module, name)
        for each in connections(module, info)
        if each.offloaded
    ]


def portals(module: TargetModule) -> list[dict[str, Any]]:
    """What went through each portal, in the order of the targets."""
    found: dict[str, dict[str, Any]] = {}
    for name, config in list(module.configurations.items()):
        for portal in config.portals:
            address = portal.address
            row = found.setdefault(str(address), {"portal": str(address), "targets": [], "perf": {}})
            row["targets"].append(name)
            info = chiscsi_perf_info()
            if module.chiscsi_get_perf_info(":" in address.ip, address.ip, address.port, info) == 0:
                row["perf"] = asdict(info)
    return list(found.values())
