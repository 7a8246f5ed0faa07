"""CDBs of MODE SELECT (SPC-4); the parameter lists are those of MODE SENSE."""

from __future__ import annotations

from iscsi_wire.formats.declare import Described, Format, cdb, flag, reserved, reserved_bits, uint, word
from iscsi_wire.formats.scsi_common import control, operation_code
from iscsi_wire.scsi_codes import OperationCode
from iscsi_wire.structure import Kind

_SELECT_6 = "SPC-4, MODE SELECT(6) command"
_SELECT_10 = "SPC-4, MODE SELECT(10) command"


def _select(section: str) -> Described:
    """Byte 1 of MODE SELECT."""
    return word(
        "octet_1",
        reserved_bits("rsvd_1", 3, section),
        flag("pf", "PF", section),
        reserved_bits("rsvd_1_4", 3, section),
        flag("sp", "SP", section),
    )


MODE_SELECT_6: Format = cdb(
    "ModeSelect6",
    OperationCode.MODE_SELECT_6,
    _SELECT_6,
    operation_code(OperationCode.MODE_SELECT_6),
    _select(_SELECT_6),
    reserved("rsvd_2", 16, _SELECT_6),
    uint("parameter_list_length", "PARAMETER LIST LENGTH", _SELECT_6, 8, kind=Kind.LENGTH),
    control(),
)

MODE_SELECT_10: Format = cdb(
    "ModeSelect10",
    OperationCode.MODE_SELECT_10,
    _SELECT_10,
    operation_code(OperationCode.MODE_SELECT_10),
    _select(_SELECT_10),
    reserved("rsvd_2", 32, _SELECT_10),
    reserved("rsvd_6", 8, _SELECT_10),
    uint("parameter_list_length", "PARAMETER LIST LENGTH", _SELECT_10, 16, kind=Kind.LENGTH),
    control(),
)

FORMATS: tuple[Format, ...] = (MODE_SELECT_6, MODE_SELECT_10)
