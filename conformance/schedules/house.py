"""The target of a schedule, and the logins of its initiators; and steps of a plan in words."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from chiscsi_target.api.endpoints import chiscsi_tcp_endpoints, tcp_endpoint
from chiscsi_target.config.target_config import TargetConfig, parse_target
from chiscsi_target.core.session import Session
from chiscsi_target.core.session_keys import SessionKeys
from chiscsi_target.core.target_node import TargetNode
from chiscsi_target.core.watched_task import WatchedTask
from conformance.schedules.link import Link
from conformance.schedules.plan import AbortSession, Command, Logout, Lose, Manage, RemoveTarget, Scenario, Step
from iscsi_wire.pdus import LoginRequest
from iscsi_wire.text import format_pairs

if TYPE_CHECKING:
    from chiscsi_target.core.adapter import Adapter
    from conformance.schedules.run import Run

# Names as short as can be: every schedule logs in anew, and names are checked letter by letter.
_TARGET, _INITIATOR = "iqn.2026-11.x:t", "iqn.2026-11.x:i"
_CLASS = "SCHEDULES"
_FIRST_PORT = 40001
_TSIH = slice(14, 16)


def keys_of(scenario: Scenario) -> tuple[tuple[str, str], ...]:
    """The text keys of a scenario's sessions: both sides want the same."""
    unit = str(scenario.unit)
    known = {
        "MaxRecvDataSegmentLength": unit,
        "MaxBurstLength": unit,
        "FirstBurstLength": unit,
        "InitialR2T": "No",
        "ImmediateData": "Yes",
        "MaxConnections": str(max(scenario.connections.count(session) for session in scenario.connections)),
    }
    return tuple((known | dict(scenario.keys)).items())


def build(run: Run) -> TargetNode:
    """Set the target up, and log all connections in."""
    scenario, module = run.scenario, run.module
    run.watching.class_name = _CLASS
    module.chiscsi_target_class_register(run.watching)
    module.chiscsi_target_lun_class_register(run.driver, _CLASS)
    node = module.add_target(_configuration(scenario))
    if scenario not in _AGREED:
        _negotiate(type(run), scenario)
    agreed = _AGREED[scenario]
    for index, number in enumerate(scenario.connections):
        leading = number not in scenario.connections[:index]
        _offload_to(run, None if agreed else module.terminator)
        session = _connect(run, node, index, keys_of(scenario) if leading and agreed is None else ())
        if agreed is not None:
            _offload_to(run, module.terminator)
            session.keys = agreed
            run.links[index].connection.start_full_feature_phase(
                max_receive_data=scenario.unit, max_send_data=scenario.unit, header_digest=False, data_digest=False
            )
    return node


def _offload_to(run: Run, adapter: Adapter | None) -> None:
    """Have connections that enter full feature phase taken over by an adapter, each once."""
    run.login_worker.adapter = run.worker.adapter = adapter


_AGREED: dict[Scenario, SessionKeys | None] = {}
"""What logins of a scenario negotiate. To do so anew for each schedule would take most of its time."""


def _negotiate(make: type[Run], scenario: Scenario) -> None:
    """Log in once in earnest."""
    _AGREED[scenario] = None
    session = make(scenario).links[0].connection.session
    assert session is not None
    _AGREED[scenario] = session.keys


@cache
def _configuration(scenario: Scenario) -> TargetConfig:
    pairs = [
        ("TargetName", _TARGET),
        ("PortalGroup", "1@127.0.0.1:3260"),
        ("TargetClass", _CLASS),
        *keys_of(scenario),
    ]
    return parse_target(pairs)


def _connect(run: Run, node: TargetNode, index: int, keys: tuple[tuple[str, str], ...]) -> Session:
    """Open a connection and log in; returns its session."""
    portal, connections = node.portals[0], run.scenario.connections
    endpoints = chiscsi_tcp_endpoints(iaddr=tcp_endpoint("127.0.0.1", _FIRST_PORT + index), taddr=portal.address)
    connection = run.module.directory.accept(endpoints, portal, 0.0)
    host = run.hosts[connections[index]]
    link = Link(index, host, connection, run.judge)
    octets = bytearray(_login(host.index, connections[:index].count(host.index), keys))
    octets[_TSIH] = host.tsih.to_bytes(2)
    link.deliver(bytes(octets))
    run.login_worker.run(0.0)
    run.worker.run(0.0)
    run.login_worker.run(0.0)
    run.links.append(link)
    made = connection.session
    assert made is not None
    made.task_class = WatchedTask  # holds every move of a command against the tables of its machine
    host.handle, host.tsih = made.handle, link.login_answered()
    run.login_worker.take_dirty()
    run.worker.take_dirty()
    return made


@cache
def _login(session: int, cid: int, keys: tuple[tuple[str, str], ...]) -> bytes:
    """A Login Request that reaches the full feature phase at once."""
    data = format_pairs([("InitiatorName", _INITIATOR), ("TargetName", _TARGET), *keys])
    pdu = LoginRequest.make(
        immediate=1,
        transit=1,
        csg=1,
        nsg=3,
        isid=bytes((0x40, 0, 0, 0, 0, session)),
        cid=cid,
        initiator_task_tag=1,
        cmd_sn=1,
        data_segment_length=len(data),
    )
    return pdu.encode() + data + bytes(-len(data) % 4)


def describe(step: Step) -> str:
    """A step of a plan in words."""
    if isinstance(step, Command):
        extra = f", {step.immediate} immediate" if step.immediate else ""
        extra += f", {step.unsolicited} unsolicited" if step.unsolicited else ""
        return f"command {step.name} on connection {step.connection}: {step.kind} of {step.length} octets{extra}"
    if isinstance(step, Manage):
        of = f" of {step.of}" if step.of else ""
        return f"{step.function.name}{of} on connection {step.connection}" + (", immediate" if step.urgent else "")
    if isinstance(step, Logout):
        return f"logout on connection {step.connection}: {step.reason.name}"
    if isinstance(step, Lose):
        return f"connection {step.connection} is {'reset' if step.reset else 'closed'} by the initiator"
    if isinstance(step, AbortSession):
        return f"the driver aborts session {step.session}"
    assert isinstance(step, RemoveTarget)
    return "the target is removed"
