"""CDBs of the commands for all device types (SPC-4)."""

from __future__ import annotations

from iscsi_wire.formats.declare import Described, Format, bits, cdb, flag, reserved, reserved_bits, uint, word
from iscsi_wire.formats.scsi_common import allocation_length, control, operation_code
from iscsi_wire.scsi_codes import OperationCode
from iscsi_wire.scsi_page_codes import ModePageCode, PageControl, VpdPageCode
from iscsi_wire.scsi_parameter_codes import SelectReport

_TUR = "SPC-4, TEST UNIT READY command"
_SENSE = "SPC-4, REQUEST SENSE command"
_INQUIRY = "SPC-4, INQUIRY command"
_MODE_6 = "SPC-4, MODE SENSE(6) command"
_MODE_10 = "SPC-4, MODE SENSE(10) command"
_LUNS = "SPC-4, REPORT LUNS command"

TEST_UNIT_READY: Format = cdb(
    "TestUnitReady",
    OperationCode.TEST_UNIT_READY,
    _TUR,
    operation_code(OperationCode.TEST_UNIT_READY),
    reserved("rsvd_1", 32, _TUR),
    control(),
)

REQUEST_SENSE: Format = cdb(
    "RequestSense",
    OperationCode.REQUEST_SENSE,
    _SENSE,
    operation_code(OperationCode.REQUEST_SENSE),
    word("octet_1", reserved_bits("rsvd_1", 7, _SENSE), flag("desc", "DESC", _SENSE)),
    reserved("rsvd_2", 16, _SENSE),
    allocation_length(8, _SENSE),
    control(),
)

INQUIRY: Format = cdb(
    "Inquiry",
    OperationCode.INQUIRY,
    _INQUIRY,
    operation_code(OperationCode.INQUIRY),
    word(
        "octet_1",
        reserved_bits("rsvd_1", 6, _INQUIRY),
        reserved_bits("cmddt", 1, _INQUIRY),  # obsolete since SPC-3, and still sent by tests
        flag("evpd", "EVPD", _INQUIRY),
    ),
    uint("page_code", "PAGE CODE", _INQUIRY, 8, codes=VpdPageCode),
    allocation_length(16, _INQUIRY),
    control(),
)


def _pages(section: str) -> tuple[Described, Described]:
    """Bytes 2 and 3 of MODE SENSE: which pages, and which of their values."""
    return (
        word(
            "octet_2",
            bits("pc", "PC", section, 2, codes=PageControl),
            bits("page_code", "PAGE CODE", section, 6, codes=ModePageCode),
        ),
        uint("subpage_code", "SUBPAGE CODE", section, 8),
    )


MODE_SENSE_6: Format = cdb(
    "ModeSense6",
    OperationCode.MODE_SENSE_6,
    _MODE_6,
    operation_code(OperationCode.MODE_SENSE_6),
    word(
        "octet_1",
        reserved_bits("rsvd_1", 4, _MODE_6),
        flag("dbd", "DBD", _MODE_6),
        reserved_bits("rsvd_1_5", 3, _MODE_6),
    ),
    *_pages(_MODE_6),
    allocation_length(8, _MODE_6),
    control(),
)

MODE_SENSE_10: Format = cdb(
    "ModeSense10",
    OperationCode.MODE_SENSE_10,
    _MODE_10,
    operation_code(OperationCode.MODE_SENSE_10),
    word(
        "octet_1",
        reserved_bits("rsvd_1", 3, _MODE_10),
        flag("llbaa", "LLBAA", _MODE_10),
        flag("dbd", "DBD", _MODE_10),
        reserved_bits("rsvd_1_5", 3, _MODE_10),
    ),
    *_pages(_MODE_10),
    reserved("rsvd_4", 8, _MODE_10),
    reserved("rsvd_5", 16, _MODE_10),
    allocation_length(16, _MODE_10),
    control(),
)

REPORT_LUNS: Format = cdb(
    "ReportLuns",
    OperationCode.REPORT_LUNS,
    _LUNS,
    operation_code(OperationCode.REPORT_LUNS),
    reserved("rsvd_1", 8, _LUNS),
    uint("select_report", "SELECT REPORT", _LUNS, 8, codes=SelectReport),
    reserved("rsvd_3", 8, _LUNS),
    reserved("rsvd_4", 16, _LUNS),
    allocation_length(32, _LUNS),
    reserved("rsvd_10", 8, _LUNS),
    control(),
)
