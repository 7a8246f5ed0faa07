"""Asynchronous Message (RFC 7143, 11.9)."""

from __future__ import annotations

from iscsi_wire.constants import RESERVED_TAG, AsyncEvent, Opcode
from iscsi_wire.formats.bhs import final_octet, lengths, lun, opcode_octet, response_numbers
from iscsi_wire.formats.declare import Format, pdu, reserved, uint

ASYNC_MESSAGE: Format = pdu(
    "AsyncMessage",
    Opcode.ASYNC_MESSAGE,
    "11.9",
    opcode_octet(Opcode.ASYNC_MESSAGE),  # 0
    final_octet("11.9", default=1),
    reserved("rsvd_2", 16, "11.9"),
    lengths(),  # 4
    lun("11.9.3"),  # 8
    reserved("rsvd_16", 32, "11.9", default=RESERVED_TAG),  # 16
    reserved("rsvd_20", 32, "11.9"),  # 20
    *response_numbers(),  # 24, 28, 32
    uint("async_event", "AsyncEvent", "11.9.1", 8, codes=AsyncEvent),  # 36
    uint("async_vcode", "AsyncVCode", "11.9.2", 8),
    uint("parameter1", "Parameter1", "11.9.1", 16),
    uint("parameter2", "Parameter2", "11.9.1", 16),  # 40
    uint("parameter3", "Parameter3", "11.9.1", 16),
    reserved("rsvd_44", 32, "11.9"),  # 44
)
