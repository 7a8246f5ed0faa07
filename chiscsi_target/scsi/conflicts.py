"""Which commands meet a reservation (SPC-4 and SBC-3, commands allowed in the presence of various reservations)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.scsi.reservations import REGISTRANTS_ONLY
from iscsi_wire.scsi_codes import LongServiceAction, OperationCode, ServiceActionIn16
from iscsi_wire.scsi_copy_codes import ThirdPartyCopyOut
from iscsi_wire.scsi_parameter_codes import MaintenanceIn, ReservationType

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.nexus import Nexus
    from chiscsi_target.scsi.reservations import Reservations

__all__ = ["conflicts"]

_START: Final = 0x01
_POWER_CONDITION: Final = 0xF0
_PREVENT: Final = 0x03
_SERVICE_ACTION: Final = 0x1F
_BY_ACTION: Final = frozenset(
    (
        OperationCode.SERVICE_ACTION_IN_16,
        OperationCode.MAINTENANCE_IN,
        OperationCode.MAINTENANCE_OUT,
        OperationCode.THIRD_PARTY_COPY_OUT,
    )
)
_ANY: Final = -1

# (operation code, service action): allowed to everybody.
_ALLOWED: Final = frozenset(
    (
        (OperationCode.TEST_UNIT_READY, _ANY),
        (OperationCode.REQUEST_SENSE, _ANY),
        (OperationCode.INQUIRY, _ANY),
        (OperationCode.LOG_SENSE, _ANY),
        (OperationCode.READ_CAPACITY_10, _ANY),
        (OperationCode.REPORT_LUNS, _ANY),
        (OperationCode.PERSISTENT_RESERVE_IN, _ANY),
        (OperationCode.PERSISTENT_RESERVE_OUT, _ANY),  # it has rules of its own
        (OperationCode.RESERVE_6, _ANY),  # likewise
        (OperationCode.RESERVE_10, _ANY),
        (OperationCode.RELEASE_6, _ANY),
        (OperationCode.RELEASE_10, _ANY),
        (OperationCode.THIRD_PARTY_COPY_IN, _ANY),
        (OperationCode.SERVICE_ACTION_IN_16, ServiceActionIn16.READ_CAPACITY_16),
        (OperationCode.MAINTENANCE_IN, MaintenanceIn.REPORT_TARGET_PORT_GROUPS),
        (OperationCode.MAINTENANCE_IN, MaintenanceIn.REPORT_SUPPORTED_OPERATION_CODES),
        (OperationCode.MAINTENANCE_IN, MaintenanceIn.REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS),
    )
)
# Allowed to everybody unless the reservation is one of Exclusive Access.
_READING: Final = frozenset(
    (
        (OperationCode.READ_6, _ANY),
        (OperationCode.READ_10, _ANY),
        (OperationCode.READ_12, _ANY),
        (OperationCode.READ_16, _ANY),
        (OperationCode.VERIFY_10, _ANY),
        (OperationCode.VERIFY_12, _ANY),
        (OperationCode.VERIFY_16, _ANY),
        (OperationCode.PRE_FETCH_10, _ANY),
        (OperationCode.PRE_FETCH_16, _ANY),
        (OperationCode.READ_DEFECT_DATA_10, _ANY),
        (OperationCode.READ_DEFECT_DATA_12, _ANY),
        (OperationCode.SERVICE_ACTION_IN_16, ServiceActionIn16.GET_LBA_STATUS),
        (OperationCode.THIRD_PARTY_COPY_OUT, ThirdPartyCopyOut.POPULATE_TOKEN),
        (OperationCode.VARIABLE_LENGTH, LongServiceAction.READ_32),
        (OperationCode.VARIABLE_LENGTH, LongServiceAction.VERIFY_32),
    )
)
_WRITE_EXCLUSIVE: Final = frozenset(
    (
        ReservationType.WRITE_EXCLUSIVE,
        ReservationType.WRITE_EXCLUSIVE_REGISTRANTS_ONLY,
        ReservationType.WRITE_EXCLUSIVE_ALL_REGISTRANTS,
    )
)
# What passes another's RESERVE (SPC-2, table of commands allowed in the presence of reservations).
_PASS_RESERVE: Final = frozenset(
    (
        OperationCode.INQUIRY,
        OperationCode.REPORT_LUNS,
        OperationCode.REQUEST_SENSE,
        OperationCode.READ_CAPACITY_10,
        OperationCode.RELEASE_6,
        OperationCode.RELEASE_10,
        OperationCode.LOG_SENSE,
    )
)


def conflicts(reservations: Reservations, nexus: Nexus | None, sc: chiscsi_scsi_command) -> bool:
    """Whether a command of an I_T nexus has to end with RESERVATION CONFLICT."""
    if reservations.legacy is not None:
        return reservations.legacy != sc.sc_sess and not _passes_reserve(sc)
    registration = None if nexus is None else reservations.of(nexus)
    if reservations.holds(registration) or (registration is not None and reservations.type in REGISTRANTS_ONLY):
        return False
    key = _key(sc)
    if key in _ALLOWED or _harmless(sc):
        return False
    return not (key in _READING and reservations.type in _WRITE_EXCLUSIVE)


def _key(sc: chiscsi_scsi_command) -> tuple[int, int]:
    code = sc.sc_cmd[0]
    if code == OperationCode.VARIABLE_LENGTH:
        return code, int.from_bytes(sc.sc_cmd[8:10])
    return code, sc.sc_cmd[1] & _SERVICE_ACTION if code in _BY_ACTION else _ANY


def _harmless(sc: chiscsi_scsi_command) -> bool:
    """What is allowed to everybody by its parameters: to start a unit, and to allow medium removal."""
    if sc.sc_cmd[0] == OperationCode.START_STOP_UNIT:
        return bool(sc.sc_cmd[4] & _START) and not sc.sc_cmd[4] & _POWER_CONDITION
    return sc.sc_cmd[0] == OperationCode.PREVENT_ALLOW_MEDIUM_REMOVAL and not sc.sc_cmd[4] & _PREVENT


def _passes_reserve(sc: chiscsi_scsi_command) -> bool:
    if sc.sc_cmd[0] in _PASS_RESERVE:
        return True
    return _harmless(sc)
