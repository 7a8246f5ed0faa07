"""PERSISTENT RESERVE IN and PERSISTENT RESERVE OUT (SPC-4, 5.12, 6.15 and 6.16)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from chiscsi_target.scsi.aborts import abort_commands
from chiscsi_target.scsi.aca import clear_aca
from chiscsi_target.scsi.commands import Command, Direction, parameter_list_length
from chiscsi_target.scsi.nexus import InitiatorPort, Nexus, decode_transport_id, encode_transport_id
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.reply import finish, send
from chiscsi_target.scsi.reservations import ALL_REGISTRANTS, REGISTRANTS_ONLY, Registration
from chiscsi_target.scsi.reserve import conflict, watch
from chiscsi_target.scsi.sense import (
    INVALID_FIELD_IN_CDB,
    INVALID_FIELD_IN_PARAMETER_LIST,
    INVALID_RELEASE,
    PARAMETER_LIST_LENGTH_ERROR,
    REGISTRATIONS_PREEMPTED,
    RESERVATIONS_PREEMPTED,
    RESERVATIONS_RELEASED,
    Field,
    Sense,
)
from iscsi_wire import scsi
from iscsi_wire.scsi_parameter_codes import PersistentReserveOut as Action
from iscsi_wire.scsi_parameter_codes import ReservationType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.commands import ExecuteWithData
    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = [
    "PERSISTENT_RESERVE_COMMANDS",
    "Request",
    "clear",
    "preempt",
    "read_full_status",
    "read_keys",
    "read_reservation",
    "register",
    "register_and_move",
    "release",
    "report_capabilities",
    "reserve",
]

_SCOPE_FIELD, _TYPE_FIELD = Field(2, 7), Field(2, 3)
_TYPES: Final = frozenset(int(kind) for kind in ReservationType)
_LIST: Final = scsi.PersistentReserveOutList.STRUCT.size
_MOVE_LIST: Final = scsi.RegisterAndMoveList.STRUCT.size
_KEPT: Final = "reservations"


class _Conflict(Exception):
    """The command ends with RESERVATION CONFLICT."""


# PERSISTENT RESERVE IN


def read_keys(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.PersistentReadKeys) -> int:
    """READ KEYS."""
    state = unit.reservations
    keys = [each.key for each in state.registrations]
    data = scsi.ReadKeysData.make(prgeneration=state.generation, reservation_keys=keys)
    return send(sc, data.encode(), cdb.allocation_length)


def read_reservation(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.PersistentReadReservation) -> int:
    """READ RESERVATION: with an All Registrants type the key is 0."""
    state = unit.reservations
    descriptors = []
    if state.holder is not None:
        key = 0 if state.type in ALL_REGISTRANTS else state.holder.key
        descriptors.append(scsi.ReservationDescriptor.make(reservation_key=key, type=state.type))
    data = scsi.ReadReservationData.make(prgeneration=state.generation, descriptors=descriptors)
    return send(sc, data.encode(), cdb.allocation_length)


def report_capabilities(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.PersistentReportCapabilities) -> int:
    """REPORT CAPABILITIES: all types; the mask has WR_EX_AR in bit 15 and EX_AC_AR in bit 0."""
    kept = int(unit.lu.kept is not None)
    data = scsi.ReportCapabilitiesData.make(
        sip_c=1,
        atp_c=1,
        ptpl_c=kept,
        tmv=1,
        ptpl_a=int(unit.reservations.persist),
        persistent_reservation_type_mask=0xEA01,
    )
    return send(sc, data.encode(), cdb.allocation_length)


def read_full_status(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.PersistentReadFullStatus) -> int:
    """READ FULL STATUS: every registration with its two ports, one by one also after ALL_TG_PT, as SPC-4 allows."""
    state, ports = unit.reservations, unit.device.target_ports
    data = b""
    for each in state.registrations:
        holds = state.holds(each)
        data += scsi.FullStatusDescriptor.make(
            reservation_key=each.key,
            r_holder=int(holds),
            type=state.type if holds else 0,
            relative_target_port_identifier=ports.number(each.nexus.target),
            transport_id=encode_transport_id(each.nexus.initiator),
        ).encode()
    whole = scsi.ReadFullStatusData.make(prgeneration=state.generation, descriptors=data)
    return send(sc, whole.encode(), cdb.allocation_length)


# PERSISTENT RESERVE OUT


@dataclass(frozen=True, slots=True)
class Request:
    """One PERSISTENT RESERVE OUT command.

    Attributes:
        unit: the logical unit that it is for.
        sc: the command.
        cdb: its CDB, which has scope and type.
        asked: its parameter list without what follows the fixed fields.
        data: its whole parameter list.
    """

    unit: LogicalUnit
    sc: chiscsi_scsi_command
    cdb: Any
    asked: Any
    data: bytes | bytearray


def _basic_list(cdb: Any, data: bytes | bytearray) -> scsi.PersistentReserveOutList:
    """The parameter list of all service actions but one."""
    if len(data) < _LIST or cdb.parameter_list_length < _LIST:
        raise Refused(PARAMETER_LIST_LENGTH_ERROR)
    asked = scsi.PersistentReserveOutList.decode(bytes(data[:_LIST]))
    if not asked.spec_i_pt and cdb.parameter_list_length != _LIST:
        raise Refused(PARAMETER_LIST_LENGTH_ERROR)
    return asked


def _move_list(cdb: Any, data: bytes | bytearray) -> scsi.RegisterAndMoveList:
    """The parameter list of REGISTER AND MOVE."""
    if len(data) < _MOVE_LIST or len(data) != cdb.parameter_list_length:
        raise Refused(PARAMETER_LIST_LENGTH_ERROR)
    return scsi.RegisterAndMoveList.decode(bytes(data))


def _out(change: _Change, parameter_list: _ParameterList) -> ExecuteWithData:
    """What executes a service action with a parameter list of this form."""

    def execute(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: Any, data: bytes | bytearray) -> int:
        asked = parameter_list(cdb, data)
        if unit.reservations.legacy is not None:
            return conflict(sc)
        try:
            change(Request(unit, sc, cdb, asked, data))
        except _Conflict:
            return conflict(sc)
        return _changed(unit, sc)

    return execute


def _changed(unit: LogicalUnit, sc: chiscsi_scsi_command) -> int:
    """Complete a service action that was executed: what has to survive a power loss is kept first."""
    if unit.lu.kept is not None:
        unit.lu.kept.save(_KEPT, unit.reservations.dump() if unit.reservations.persist else None)
    watch(unit)
    return finish(sc)


def _nexus(request: Request) -> Nexus:
    nexus = request.unit.device.nexus(request.sc.sc_sess)
    if nexus is None:
        raise _Conflict  # a session that is gone
    return nexus


def _registered(request: Request) -> Registration:
    """The registration of whoever asks, who has to know its key."""
    found = request.unit.reservations.of(_nexus(request))
    if found is None or found.key != request.asked.reservation_key:
        raise _Conflict
    return found


def _others(request: Request, registrations: Iterable[Registration]) -> list[int]:
    """The sessions that registrations are about, but not that of whoever asks."""
    device, meant = request.unit.device, [each.nexus for each in registrations]
    nexuses = {session: device.nexus(session) for session in device.ports if session != request.sc.sc_sess}
    return [
        session
        for session, nexus in nexuses.items()
        if session is not None and nexus is not None and any(each.covers(nexus) for each in meant)
    ]


def _tell(request: Request, registrations: Iterable[Registration], sense: Sense) -> None:
    """Establish a unit attention condition for the sessions that are registered, but not for whoever caused it."""
    for session in _others(request, registrations):
        request.unit.establish_attention(session, sense)


def _keep(request: Request) -> None:
    if request.asked.aptpl and request.unit.lu.kept is None:
        raise Refused(INVALID_FIELD_IN_PARAMETER_LIST)
    request.unit.reservations.persist = bool(request.asked.aptpl)


def _check_type(cdb: Any) -> int:
    if cdb.scope:
        raise Refused(INVALID_FIELD_IN_CDB, _SCOPE_FIELD)
    if cdb.type not in _TYPES:
        raise Refused(INVALID_FIELD_IN_CDB, _TYPE_FIELD)
    return int(cdb.type)


def register(request: Request) -> None:
    """REGISTER, and REGISTER AND IGNORE EXISTING KEY, which does not ask for the old key (SPC-4, 5.12.7)."""
    state, asked, me = request.unit.reservations, request.asked, _nexus(request)
    targets = [me.target, *request.unit.device.target_ports.numbers] if asked.all_tg_pt else [me.target]
    mine = _through(targets, [me.initiator])
    ignoring = request.cdb.service_action == Action.REGISTER_AND_IGNORE_EXISTING_KEY
    if not ignoring:
        _check_old_key(request, mine)
    if asked.spec_i_pt and (ignoring or state.of(me) is not None):
        raise Refused(INVALID_FIELD_IN_PARAMETER_LIST)
    named = _through(targets, _named_ports(request.data)) if asked.spec_i_pt else []
    _keep(request)
    key = asked.service_action_reservation_key
    for nexus in (*mine, *named) if key else mine:
        found = state.of(nexus)
        if key:
            state.register(nexus, key)
        elif found is not None:
            _unregister(request, found)
    state.changed()


def _through(targets: Iterable[int], initiators: Iterable[InitiatorPort]) -> list[Nexus]:
    """Initiator ports through target ports, each of these as if the request had come through it (SPC-4, ALL_TG_PT)."""
    return list(dict.fromkeys(Nexus(initiator, target) for target in targets for initiator in initiators))


def _check_old_key(request: Request, mine: list[Nexus]) -> None:
    """Check that the first nexus, which asks, has the old key, and that no other through which it asks has one besides.

    Raises:
        _Conflict: it is not so.
    """
    key = request.asked.reservation_key
    first, *others = (request.unit.reservations.of(nexus) for nexus in mine)
    if key != (first.key if first else 0) or any(found is not None and found.key != key for found in others):
        raise _Conflict


def _named_ports(data: bytes | bytearray) -> list[InitiatorPort]:
    """The ports that are to be registered too (SPEC_I_PT)."""
    start = _LIST + 4
    length = int.from_bytes(data[_LIST:start])
    if len(data) < start or len(data) != start + length:
        raise Refused(PARAMETER_LIST_LENGTH_ERROR)
    ports = []
    while start < len(data):
        port, size = decode_transport_id(data, start)
        ports.append(port)
        start += size
    return ports


def _unregister(request: Request, registration: Registration) -> None:
    state = request.unit.reservations
    shared = state.type in REGISTRANTS_ONLY
    if state.unregister(registration) and shared:
        _tell(request, state.registrations, RESERVATIONS_RELEASED)


def reserve(request: Request) -> None:
    """RESERVE; whoever holds it already, with the same type, gets it again (SPC-4, 5.12.9)."""
    state = request.unit.reservations
    me = _registered(request)
    kind = _check_type(request.cdb)
    if not state.type:
        state.reserve(me, kind)
    elif not state.holds(me) or state.type != kind:
        raise _Conflict


def release(request: Request) -> None:
    """RELEASE: whoever holds nothing releases nothing (SPC-4, 5.12.11.2)."""
    state = request.unit.reservations
    me = _registered(request)
    if not state.holds(me):
        return
    if request.cdb.scope or request.cdb.type != state.type:
        raise Refused(INVALID_RELEASE)
    kind = state.type
    state.release()
    if kind in REGISTRANTS_ONLY | ALL_REGISTRANTS:
        _tell(request, state.registrations, RESERVATIONS_RELEASED)


def clear(request: Request) -> None:
    """CLEAR: nobody is registered any more (SPC-4, 5.12.11.5)."""
    state = request.unit.reservations
    _registered(request)
    _tell(request, state.clear(), RESERVATIONS_PREEMPTED)
    state.changed()


def preempt(request: Request) -> None:
    """PREEMPT, and PREEMPT AND ABORT, which ends the commands of those preempted as well (SPC-4, 5.12.11.3 and 4)."""
    state = request.unit.reservations
    me = _registered(request)
    kind, key = _check_type(request.cdb), request.asked.service_action_reservation_key
    everybody = state.type in ALL_REGISTRANTS
    if not key and not everybody:
        raise Refused(INVALID_FIELD_IN_PARAMETER_LIST)
    victims = [each for each in state.registrations if each is not me and (not key or each.key == key)]
    takes_over = not key or (not everybody and state.holder is not None and state.holder.key == key)
    if not victims and not takes_over and me.key != key:
        raise _Conflict
    old = state.type
    for each in victims:
        if not takes_over and everybody:
            state.unregister(each)
    state.remove(victims)
    if takes_over:
        state.reserve(me, kind)
    _tell(request, victims, REGISTRATIONS_PREEMPTED)
    if takes_over and old != kind and old in REGISTRANTS_ONLY | ALL_REGISTRANTS:
        _tell(request, (each for each in state.registrations if each is not me), RESERVATIONS_RELEASED)
    state.changed()
    if request.cdb.service_action == Action.PREEMPT_AND_ABORT:
        _abort_tasks(request, victims)


def _abort_tasks(request: Request, victims: list[Registration]) -> None:
    for session in _others(request, victims):
        abort_commands(request.unit, request.sc, session)
        clear_aca(request.unit, session)


def register_and_move(request: Request) -> None:
    """REGISTER AND MOVE: the reservation goes to another nexus, which is registered for that (SPC-4, 5.12.8)."""
    state, asked, data = request.unit.reservations, request.asked, request.data
    me = _registered(request)
    if not state.holds(me) or state.type in ALL_REGISTRANTS:
        raise _Conflict
    if asked.transportid_length != len(data) - _MOVE_LIST:
        raise Refused(PARAMETER_LIST_LENGTH_ERROR)
    initiator, size = decode_transport_id(data, _MOVE_LIST)
    key, number = asked.service_action_reservation_key, asked.relative_target_port_identifier
    target = request.unit.device.target_ports.tag(number)
    if size != asked.transportid_length or not key or target is None:
        raise Refused(INVALID_FIELD_IN_PARAMETER_LIST)
    nexus = Nexus(initiator, target)
    if nexus.covers(_nexus(request)):
        raise Refused(INVALID_FIELD_IN_PARAMETER_LIST)
    _keep(request)
    state.reserve(state.register(nexus, key), state.type)
    if asked.unreg:
        state.remove([me])
    state.changed()


_Change: TypeAlias = "Callable[[Request], None]"
_ParameterList: TypeAlias = "Callable[[Any, bytes | bytearray], Any]"
_IN, _OUT = Direction.IN, Direction.OUT


def _row(cdb: type[Any], change: _Change, parameter_list: _ParameterList = _basic_list) -> Command:
    return Command(cdb, _OUT, execute_with_data=_out(change, parameter_list), data_length=parameter_list_length)


PERSISTENT_RESERVE_COMMANDS: Final = (
    Command(scsi.PersistentReadKeys, _IN, read_keys),
    Command(scsi.PersistentReadReservation, _IN, read_reservation),
    Command(scsi.PersistentReportCapabilities, _IN, report_capabilities),
    Command(scsi.PersistentReadFullStatus, _IN, read_full_status),
    _row(scsi.PersistentRegister, register),
    _row(scsi.PersistentReserve, reserve),
    _row(scsi.PersistentRelease, release),
    _row(scsi.PersistentClear, clear),
    _row(scsi.PersistentPreempt, preempt),
    _row(scsi.PersistentPreemptAndAbort, preempt),
    _row(scsi.PersistentRegisterAndIgnoreExistingKey, register),
    _row(scsi.PersistentRegisterAndMove, register_and_move, _move_list),
)
