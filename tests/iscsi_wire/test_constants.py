"""Names for numbers: the RFC's wording, and what it says of the numbers between."""

from __future__ import annotations

import pytest

from iscsi_wire.constants import (
    AsyncEvent,
    Code,
    LoginStatus,
    LoginStatusClass,
    Opcode,
    RejectReason,
    ScsiResponseCode,
    TaskManagementFunction,
    TaskManagementResponseCode,
)
from iscsi_wire.scsi_codes import AdditionalSense, OperationCode, SenseDescriptorType
from iscsi_wire.scsi_page_codes import ModePageCode, PeripheralQualifier, VpdPageCode


@pytest.mark.parametrize(
    "codes, value, meaning",
    [
        (Opcode, 0x21, "SCSI Response"),
        (Opcode, 0x07, "unassigned"),
        (Opcode, 0x1B, "unassigned"),
        (Opcode, 0x1C, "vendor-specific"),
        (Opcode, 0x1E, "vendor-specific"),
        (Opcode, 0x1F, "unassigned"),
        (Opcode, 0x3D, "vendor-specific"),
        (AsyncEvent, 5, "Task Termination"),
        (AsyncEvent, 6, "unassigned"),
        (AsyncEvent, 248, "Vendor-unique"),
        (AsyncEvent, 255, "Vendor-unique"),
        (ScsiResponseCode, 2, "reserved"),
        (ScsiResponseCode, 0x80, "vendor-specific"),
        (TaskManagementFunction, 12, "QUERY ASYNCHRONOUS EVENT"),
        (TaskManagementFunction, 13, "unassigned"),
        (TaskManagementResponseCode, 7, "Function succeeded"),
        (TaskManagementResponseCode, 8, "reserved"),
        (RejectReason, 0x0C, "Waiting for Logout"),
        (RejectReason, 0x0D, "unassigned"),
        (LoginStatus, 0x020B, "Invalid during login"),
        (LoginStatus, 0x0400, "reserved"),
        (OperationCode, 0xC1, "vendor specific"),
        (OperationCode, 0xBF, "not assigned here"),
        (PeripheralQualifier, 2, "reserved"),
        (PeripheralQualifier, 5, "vendor specific"),
        (SenseDescriptorType, 0x80, "vendor specific"),
        (SenseDescriptorType, 0x7F, "not assigned here"),
        (AdditionalSense, 0x2400, "INVALID FIELD IN CDB"),
        (AdditionalSense, 0x8001, "vendor specific"),
        (AdditionalSense, 0x2480, "vendor specific"),
        (AdditionalSense, 0x2401, "not listed here"),
        (VpdPageCode, 0xC0, "vendor specific"),
        (ModePageCode, 0x00, "vendor specific"),
    ],
)
def test_meaning(codes: type[Code], value: int, meaning: str) -> None:
    assert codes.meaning(value) == meaning


def test_members_are_plain_integers() -> None:
    assert isinstance(Opcode.REJECT, int)
    assert int(Opcode.REJECT) == 0x3F
    assert Opcode(0x3F) is Opcode.REJECT
    assert int(LoginStatus.NOT_FOUND).to_bytes(2, "big") == b"\x02\x03"


def test_login_status_falls_into_class_and_detail() -> None:
    for status in LoginStatus:
        assert status == status.status_class << 8 | status.status_detail
        assert status.status_class in set(LoginStatusClass)
