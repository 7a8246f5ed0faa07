"""START STOP UNIT and PREVENT ALLOW MEDIUM REMOVAL (SBC-3)."""

from __future__ import annotations

from iscsi_wire.formats.declare import Format, bits, cdb, flag, reserved, reserved_bits, word
from iscsi_wire.formats.scsi_common import control, operation_code
from iscsi_wire.scsi_codes import OperationCode
from iscsi_wire.scsi_parameter_codes import PowerCondition, Prevent

_START_STOP = "SBC-3, START STOP UNIT command"
_PREVENT = "SBC-3, PREVENT ALLOW MEDIUM REMOVAL command"

START_STOP_UNIT: Format = cdb(
    "StartStopUnit",
    OperationCode.START_STOP_UNIT,
    _START_STOP,
    operation_code(OperationCode.START_STOP_UNIT),
    word("octet_1", reserved_bits("rsvd_1", 7, _START_STOP), flag("immed", "IMMED", _START_STOP)),
    reserved("rsvd_2", 8, _START_STOP),
    word(
        "octet_3",
        reserved_bits("rsvd_3", 4, _START_STOP),
        bits("power_condition_modifier", "POWER CONDITION MODIFIER", _START_STOP, 4),
    ),
    word(
        "octet_4",
        bits("power_condition", "POWER CONDITION", _START_STOP, 4, codes=PowerCondition),
        reserved_bits("rsvd_4", 1, _START_STOP),
        flag("no_flush", "NO_FLUSH", _START_STOP),
        flag("loej", "LOEJ", _START_STOP),
        flag("start", "START", _START_STOP),
    ),
    control(),
)

PREVENT_ALLOW_MEDIUM_REMOVAL: Format = cdb(
    "PreventAllowMediumRemoval",
    OperationCode.PREVENT_ALLOW_MEDIUM_REMOVAL,
    _PREVENT,
    operation_code(OperationCode.PREVENT_ALLOW_MEDIUM_REMOVAL),
    reserved("rsvd_1", 8, _PREVENT),
    reserved("rsvd_2", 16, _PREVENT),
    word("octet_4", reserved_bits("rsvd_4", 6, _PREVENT), bits("prevent", "PREVENT", _PREVENT, 2, codes=Prevent)),
    control(),
)

FORMATS: tuple[Format, ...] = (START_STOP_UNIT, PREVENT_ALLOW_MEDIUM_REMOVAL)
