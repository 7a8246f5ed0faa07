"""Reject (RFC 7143, 11.17)."""

from __future__ import annotations

from iscsi_wire.constants import RESERVED_TAG, Opcode, RejectReason
from iscsi_wire.formats.bhs import final_octet, lengths, opcode_octet, response_numbers, sequence_number
from iscsi_wire.formats.declare import Format, pdu, reserved, uint

REJECT: Format = pdu(
    "Reject",
    Opcode.REJECT,
    "11.17",
    opcode_octet(Opcode.REJECT),  # 0
    final_octet("11.17", default=1),
    uint("reason", "Reason", "11.17.1", 8, codes=RejectReason),
    reserved("rsvd_3", 8, "11.17"),
    lengths(),  # 4
    reserved("rsvd_8", 64, "11.17"),  # 8
    reserved("rsvd_16", 32, "11.17", default=RESERVED_TAG),  # 16
    reserved("rsvd_20", 32, "11.17"),  # 20
    *response_numbers("11.17.3"),  # 24, 28, 32
    sequence_number("data_sn", "DataSN/R2TSN", "11.17.2"),  # 36
    reserved("rsvd_40", 32, "11.17"),  # 40
    reserved("rsvd_44", 32, "11.17"),  # 44
)
