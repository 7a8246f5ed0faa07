"""SCSI Response, and the sense data segment behind it (RFC 7143, 11.4; Status Qualifier: RFC 7144, 5.2)."""

from __future__ import annotations

from iscsi_wire.constants import Opcode, ScsiResponseCode, ScsiStatus
from iscsi_wire.formats.bhs import initiator_task_tag, lengths, opcode_octet, response_numbers, sequence_number
from iscsi_wire.formats.declare import Format, flag, pdu, reserved, reserved_bits, structure, tail, uint, word
from iscsi_wire.structure import Kind

SCSI_RESPONSE: Format = pdu(
    "ScsiResponse",
    Opcode.SCSI_RESPONSE,
    "11.4",
    opcode_octet(Opcode.SCSI_RESPONSE),  # 0
    word(
        "octet_1",
        flag("final", "F", "11.4", default=1),
        reserved_bits("rsvd_1", 2, "11.4.1"),
        flag("bidi_read_overflow", "o", "11.4.1"),
        flag("bidi_read_underflow", "u", "11.4.1"),
        flag("overflow", "O", "11.4.1"),
        flag("underflow", "U", "11.4.1"),
        reserved_bits("rsvd_1_7", 1, "11.4.1"),
    ),
    uint("response", "Response", "11.4.3", 8, codes=ScsiResponseCode),
    uint("status", "Status", "11.4.2", 8, codes=ScsiStatus),
    lengths(),  # 4
    uint("status_qualifier", "Status Qualifier", "RFC 7144, 5.2.1", 16),  # 8
    reserved("rsvd_10", 16, "11.4"),
    reserved("rsvd_12", 32, "11.4"),  # 12
    initiator_task_tag(),  # 16
    uint("snack_tag", "SNACK Tag", "11.4.4", 32, kind=Kind.TAG),  # 20
    *response_numbers(),  # 24, 28, 32
    sequence_number("exp_data_sn", "ExpDataSN", "11.4.8"),  # 36
    uint(  # 40
        "bidi_read_residual_count", "Bidirectional Read Residual Count", "11.4.6", 32, kind=Kind.LENGTH
    ),
    uint("residual_count", "Residual Count", "11.4.5", 32, kind=Kind.LENGTH),  # 44
)

SENSE_SEGMENT: Format = structure(
    "SenseSegment",
    "Sense data in a data segment",
    "11.4.7",
    uint("sense_length", "SenseLength", "11.4.7.1", 16, kind=Kind.LENGTH),  # 0
    tail("sense_data", "Sense Data", "11.4.7.2", length="sense_length", counts_from=2),
    doc="Begins the data segment of a SCSI Response or an Asynchronous Message; what follows it in the "
    "segment is Response Data or iSCSI Event Data.",
)
