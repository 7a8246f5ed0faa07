"""SCSI Command (RFC 7143, 11.3; field PRI: RFC 7144, 5.1)."""

from __future__ import annotations

from iscsi_wire.constants import Opcode, TaskAttribute
from iscsi_wire.formats.bhs import initiator_task_tag, lengths, lun, opcode_octet, request_numbers
from iscsi_wire.formats.declare import Format, bits, flag, octets, pdu, reserved, reserved_bits, uint, word
from iscsi_wire.structure import Kind

SCSI_COMMAND: Format = pdu(
    "ScsiCommand",
    Opcode.SCSI_COMMAND,
    "11.3",
    opcode_octet(Opcode.SCSI_COMMAND),  # 0
    word(
        "octet_1",
        flag("final", "F", "11.3.1"),
        flag("read", "R", "11.3.1"),
        flag("write", "W", "11.3.1"),
        reserved_bits("rsvd_1", 2, "11.3.1"),
        bits("attr", "ATTR", "11.3.1", 3, codes=TaskAttribute),
    ),
    word("octet_2", bits("pri", "PRI", "RFC 7144, 5.1.1", 4), reserved_bits("rsvd_2", 4, "11.3")),
    reserved("rsvd_3", 8, "11.3"),
    lengths(),  # 4
    lun(),  # 8
    initiator_task_tag(),  # 16
    uint(  # 20
        "expected_data_transfer_length", "Expected Data Transfer Length", "11.3.4", 32, kind=Kind.LENGTH
    ),
    *request_numbers(),  # 24, 28
    octets("cdb", "CDB", "11.3.5", 16),  # 32
)
