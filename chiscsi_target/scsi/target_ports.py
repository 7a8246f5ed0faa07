"""REPORT TARGET PORT GROUPS and SET TARGET PORT GROUPS (SPC-4): through which ports a unit is best reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.scsi.commands import Command, Direction
from chiscsi_target.scsi.port_groups import CAN_BE_SET, KEPT, dump_states, watch
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.reply import finish, good, send
from chiscsi_target.scsi.sense import (
    ACCESS_STATE_CHANGED,
    INVALID_FIELD_IN_CDB,
    INVALID_FIELD_IN_PARAMETER_LIST,
    PARAMETER_LIST_LENGTH_ERROR,
    Field,
)
from iscsi_wire import scsi
from iscsi_wire.scsi_parameter_codes import AccessState, AccessStateCause, TargetPortGroupsFormat

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = ["TARGET_PORT_COMMANDS", "report_target_port_groups", "set_target_port_groups"]

_FORMAT_FIELD: Final = Field(1, 7)
_HEADER, _DESCRIPTOR = scsi.SetTargetPortGroupsList.STRUCT.size, scsi.SetTargetPortGroupDescriptor.STRUCT.size


def report_target_port_groups(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.ReportTargetPortGroups) -> int:
    """REPORT TARGET PORT GROUPS; no state changes by itself, so there is no implicit transition time."""
    groups = b"".join(_group(unit, tag, number) for tag, number in unit.device.target_ports.numbers.items())
    if cdb.parameter_data_format == TargetPortGroupsFormat.EXTENDED:
        groups = scsi.TargetPortGroupsExtendedHeader().encode() + groups
    elif cdb.parameter_data_format != TargetPortGroupsFormat.LENGTH_ONLY:
        raise Refused(INVALID_FIELD_IN_CDB, _FORMAT_FIELD)
    return send(sc, scsi.TargetPortGroupsData.make(descriptors=groups).encode(), cdb.allocation_length)


def _group(unit: LogicalUnit, tag: int, number: int) -> bytes:
    """A target port group with its one port."""
    cause = AccessStateCause.BY_COMMAND if tag in unit.access_states else AccessStateCause.NONE
    group = scsi.TargetPortGroupDescriptor.make(
        asymmetric_access_state=unit.access_states.get(tag, AccessState.ACTIVE_OPTIMIZED),
        ao_sup=1,
        an_sup=1,
        s_sup=1,
        u_sup=1,
        target_port_group=tag,
        status_code=cause,
        target_port_count=1,
    )
    return group.encode() + scsi.TargetPortDescriptor.make(relative_target_port_identifier=number).encode()


def set_target_port_groups(
    unit: LogicalUnit, sc: chiscsi_scsi_command, _cdb: scsi.SetTargetPortGroups, data: bytes | bytearray
) -> int:
    """SET TARGET PORT GROUPS: all that it asks for, or nothing. Other sessions than the one that asks are told."""
    if not data:
        return good(sc)
    if len(data) < _HEADER or (len(data) - _HEADER) % _DESCRIPTOR:
        raise Refused(PARAMETER_LIST_LENGTH_ERROR)
    wanted: dict[int, int] = {}
    for each in scsi.SetTargetPortGroupsList.decode(bytes(data)).descriptors:
        known = each.target_port_group in unit.device.target_ports.numbers
        if not known or each.asymmetric_access_state not in CAN_BE_SET:
            raise Refused(INVALID_FIELD_IN_PARAMETER_LIST)
        wanted[each.target_port_group] = each.asymmetric_access_state
    _change(unit, sc.sc_sess, wanted)
    return finish(sc)


def _change(unit: LogicalUnit, session: int | None, wanted: dict[int, int]) -> None:
    """Set states, which are kept first where something can be: the initiators' choice of paths outlives the target."""
    states = unit.access_states
    changed = any(states.get(tag, AccessState.ACTIVE_OPTIMIZED) != state for tag, state in wanted.items())
    if changed and unit.lu.kept is not None:
        unit.lu.kept.save(KEPT, dump_states({**states, **wanted}))
    states.update(wanted)
    watch(unit)
    if changed:
        for other in unit.device.sessions - {session}:
            unit.establish_attention(other, ACCESS_STATE_CHANGED)


def _length(_unit: LogicalUnit, cdb: scsi.SetTargetPortGroups) -> int:
    return cdb.parameter_list_length


TARGET_PORT_COMMANDS: Final = (
    Command(scsi.ReportTargetPortGroups, Direction.IN, report_target_port_groups),
    Command(scsi.SetTargetPortGroups, Direction.OUT, execute_with_data=set_target_port_groups, data_length=_length),
)
