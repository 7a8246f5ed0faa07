"""SANITIZE: one CDB for each service action, and the parameter list of an overwrite (SBC-3)."""

from __future__ import annotations

from iscsi_wire.formats.declare import Format, bits, cdb, flag, reserved, reserved_bits, structure, tail, uint, word
from iscsi_wire.formats.scsi_common import control, operation_code
from iscsi_wire.scsi_codes import OperationCode
from iscsi_wire.scsi_parameter_codes import Sanitize
from iscsi_wire.structure import Kind

_SANITIZE = "SBC-3, SANITIZE command"
_LIST = "SBC-3, SANITIZE OVERWRITE parameter list"


def _sanitize(name: str, action: Sanitize) -> Format:
    return cdb(
        name,
        OperationCode.SANITIZE,
        _SANITIZE,
        operation_code(OperationCode.SANITIZE),
        word(
            "octet_1",
            flag("immed", "IMMED", _SANITIZE),
            reserved_bits("rsvd_1", 1, _SANITIZE),
            flag("ause", "AUSE", _SANITIZE),
            bits("service_action", "SERVICE ACTION", _SANITIZE, 5, codes=Sanitize, default=int(action)),
        ),
        reserved("rsvd_2", 8, _SANITIZE),
        reserved("rsvd_3", 32, _SANITIZE),
        uint("parameter_list_length", "PARAMETER LIST LENGTH", _SANITIZE, 16, kind=Kind.LENGTH),
        control(),
        service_action=int(action),
        title=f"SANITIZE {action.label}",
    )


SANITIZE_OVERWRITE: Format = _sanitize("SanitizeOverwrite", Sanitize.OVERWRITE)
SANITIZE_BLOCK_ERASE: Format = _sanitize("SanitizeBlockErase", Sanitize.BLOCK_ERASE)
SANITIZE_EXIT_FAILURE_MODE: Format = _sanitize("SanitizeExitFailureMode", Sanitize.EXIT_FAILURE_MODE)

OVERWRITE_PARAMETER_LIST: Format = structure(
    "OverwriteParameterList",
    "SANITIZE OVERWRITE parameter list",
    _LIST,
    word(
        "octet_0",
        flag("invert", "INVERT", _LIST),
        bits("test", "TEST", _LIST, 2),
        bits("overwrite_count", "OVERWRITE COUNT", _LIST, 5),
    ),
    reserved("rsvd_1", 8, _LIST),
    uint("initialization_pattern_length", "INITIALIZATION PATTERN LENGTH", _LIST, 16, kind=Kind.LENGTH),
    tail(
        "initialization_pattern",
        "INITIALIZATION PATTERN",
        _LIST,
        length="initialization_pattern_length",
        counts_from=4,
    ),
)

FORMATS: tuple[Format, ...] = (
    SANITIZE_OVERWRITE,
    SANITIZE_BLOCK_ERASE,
    SANITIZE_EXIT_FAILURE_MODE,
    OVERWRITE_PARAMETER_LIST,
)
