"""Faults of target port groups and their states (SPC-4)."""

from __future__ import annotations

from typing import Any

from chiscsi_target.scsi import port_groups, target_ports
from chiscsi_target.scsi.logical_unit import LogicalUnit
from chiscsi_target.scsi.sense import PORT_IN_STANDBY, PORT_UNAVAILABLE
from iscsi_wire.scsi_parameter_codes import AccessState
from tests.mutants.planting import Original, Plant, mutant
from tests.mutants.scsi_seams import cdb, returned

_IN, _OUT, _GROUPS = 0xA3, 0xA4, 0x0A
_REPORT = "SPC-4 6.37, REPORT TARGET PORT GROUPS command"
_SET = "SPC-4 6.45, SET TARGET PORT GROUPS command"
_STATES = "SPC-4 5.15.2.4, target port asymmetric access states"


def _reported(plant: Plant, change: Any) -> None:
    """Alter what REPORT TARGET PORT GROUPS returns, without the extended header."""

    def alter(data: bytearray, octets: bytes) -> None:
        if octets[1] == _GROUPS:
            change(data)

    returned(plant, alter, _IN)


@mutant(_REPORT, "scsi-ports-01")
def groups_are_longer_than_they_are(plant: Plant) -> None:
    """RETURN DATA LENGTH counts a port that is not there."""

    def change(data: bytearray) -> None:
        data[:4] = (int.from_bytes(data[:4]) + 4).to_bytes(4)

    _reported(plant, change)


@mutant(_REPORT, "scsi-ports-02 scsi-ports-06")
def groups_have_other_ports(plant: Plant) -> None:
    """The relative port of the group is not the one that VPD pages 83h and 88h name."""

    def change(data: bytearray) -> None:
        data[-1] ^= 0x40

    _reported(plant, change)


@mutant(_REPORT, "scsi-ports-03")
def no_state_is_supported(plant: Plant) -> None:
    """A group supports no state, and is in one."""

    def change(data: bytearray) -> None:
        data[5] = 0

    _reported(plant, change)


@mutant("SPC-4 6.37, REPORT TARGET PORT GROUPS: extended header", "scsi-ports-05")
def the_data_format_is_ignored(plant: Plant) -> None:
    """PARAMETER DATA FORMAT 001b is taken for 000b."""

    def change(octets: bytearray, _: Any) -> None:
        octets[1] &= 0x1F

    cdb(plant, change, _IN)


@mutant(_STATES, "scsi-state-02 scsi-state-03.control-unavailable")
def states_restrict_nothing(plant: Plant) -> None:
    """All commands are executed in the states standby and unavailable."""
    plant.replace(target_ports, "watch", lambda _: None)


@mutant(_STATES, "scsi-state-01.groups-standby scsi-state-01.groups-unavailable")
def states_cannot_be_asked_for(plant: Plant) -> None:
    """REPORT TARGET PORT GROUPS is refused in the states standby and unavailable."""
    plant.wrap(port_groups, "_always", lambda original, sc: sc.sc_cmd[0] != _IN and original(sc))


@mutant(_STATES, "scsi-state-01.inquiry-standby scsi-state-01.luns-standby scsi-state-03.control-standby")
def standby_lets_nothing_pass(plant: Plant) -> None:
    """In the state standby INQUIRY, REPORT LUNS and MODE SENSE are refused."""
    plant.row(port_groups._RESTRICTED, AccessState.STANDBY, (frozenset(), PORT_IN_STANDBY))


@mutant(_STATES, "scsi-state-02.ready-standby")
def standby_is_told_as_unavailable(plant: Plant) -> None:
    """In the state standby commands end with TARGET PORT IN UNAVAILABLE STATE."""
    plant.row(
        port_groups._RESTRICTED,
        AccessState.STANDBY,
        (port_groups._RESTRICTED[AccessState.STANDBY][0], PORT_UNAVAILABLE),
    )


@mutant(_SET, "scsi-state-04")
def states_seem_never_to_change(plant: Plant) -> None:
    """REPORT TARGET PORT GROUPS tells active/optimized whatever was set."""

    def change(data: bytearray) -> None:
        data[4] &= 0xF0

    _reported(plant, change)


@mutant("SPC-4 5.15.2, ASYMMETRIC ACCESS STATE CHANGED", "scsi-state-05")
def nobody_is_told_of_a_state(plant: Plant) -> None:
    """A new state leaves no unit attention condition."""

    def establish(original: Original, unit: LogicalUnit, session: Any, sense: Any) -> None:
        if (sense.asc, sense.ascq) != (0x2A, 0x06):
            original(unit, session, sense)

    plant.wrap(LogicalUnit, "establish_attention", establish)


@mutant(_SET, "scsi-state-06.transitioning scsi-state-06.reserved")
def every_state_can_be_set(plant: Plant) -> None:
    """SET TARGET PORT GROUPS takes reserved states."""
    plant.replace(target_ports, "CAN_BE_SET", frozenset(range(16)))


@mutant(_SET, "scsi-state-07")
def cut_off_lists_are_empty(plant: Plant) -> None:
    """A parameter list of SET TARGET PORT GROUPS that is too short is taken for an empty one."""

    def change(octets: bytearray, _: Any) -> None:
        if octets[1] == _GROUPS and int.from_bytes(octets[6:10]) < 8:
            octets[6:10] = bytes(4)

    cdb(plant, change, _OUT)
