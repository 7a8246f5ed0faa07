"""SEND DIAGNOSTIC and RECEIVE DIAGNOSTIC RESULTS: CDBs and diagnostic pages (SPC-4)."""

from __future__ import annotations

from iscsi_wire.formats.declare import (
    Format,
    bits,
    cdb,
    flag,
    reserved,
    reserved_bits,
    structure,
    tail,
    uint,
    word,
)
from iscsi_wire.formats.scsi_common import allocation_length, control, operation_code
from iscsi_wire.scsi_codes import OperationCode
from iscsi_wire.scsi_page_codes import DiagnosticPageCode, SelfTestCode
from iscsi_wire.structure import Kind

_SEND = "SPC-4, SEND DIAGNOSTIC command"
_RECEIVE = "SPC-4, RECEIVE DIAGNOSTIC RESULTS command"
_PAGE = "SPC-4, diagnostic page format"

RECEIVE_DIAGNOSTIC_RESULTS: Format = cdb(
    "ReceiveDiagnosticResults",
    OperationCode.RECEIVE_DIAGNOSTIC_RESULTS,
    _RECEIVE,
    operation_code(OperationCode.RECEIVE_DIAGNOSTIC_RESULTS),
    word("octet_1", reserved_bits("rsvd_1", 7, _RECEIVE), flag("pcv", "PCV", _RECEIVE)),
    uint("page_code", "PAGE CODE", _RECEIVE, 8, codes=DiagnosticPageCode),
    allocation_length(16, _RECEIVE),
    control(),
)

SEND_DIAGNOSTIC: Format = cdb(
    "SendDiagnostic",
    OperationCode.SEND_DIAGNOSTIC,
    _SEND,
    operation_code(OperationCode.SEND_DIAGNOSTIC),
    word(
        "octet_1",
        bits("self_test_code", "SELF-TEST CODE", _SEND, 3, codes=SelfTestCode),
        flag("pf", "PF", _SEND),
        reserved_bits("rsvd_1_4", 1, _SEND),
        flag("selftest", "SELFTEST", _SEND),
        flag("devoffl", "DEVOFFL", _SEND),
        flag("unitoffl", "UNITOFFL", _SEND),
    ),
    reserved("rsvd_2", 8, _SEND),
    uint("parameter_list_length", "PARAMETER LIST LENGTH", _SEND, 16, kind=Kind.LENGTH),
    control(),
)

DIAGNOSTIC_PAGE: Format = structure(
    "DiagnosticPage",
    "Diagnostic page",
    _PAGE,
    uint("page_code", "PAGE CODE", _PAGE, 8, codes=DiagnosticPageCode),
    uint("page_code_specific", "Page code specific", _PAGE, 8),
    uint("page_length", "PAGE LENGTH", _PAGE, 16, kind=Kind.LENGTH),
    tail("parameters", "Diagnostic parameters", _PAGE, length="page_length", counts_from=4),
)

FORMATS: tuple[Format, ...] = (RECEIVE_DIAGNOSTIC_RESULTS, SEND_DIAGNOSTIC, DIAGNOSTIC_PAGE)
