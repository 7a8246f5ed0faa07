"""READ BUFFER and WRITE BUFFER: CDBs and descriptors (SPC-4)."""

from __future__ import annotations

from iscsi_wire.constants import Code
from iscsi_wire.formats.declare import (
    Format,
    bits,
    cdb,
    flag,
    reserved,
    reserved_bits,
    structure,
    word,
)
from iscsi_wire.formats.scsi_common import operation_code
from iscsi_wire.scsi_codes import OperationCode
from iscsi_wire.scsi_page_codes import BufferMode
from iscsi_wire.structure import Kind

_ECHO = "SPC-4, READ BUFFER echo buffer descriptor"
_DESCRIPTOR = "SPC-4, READ BUFFER descriptor"


def _buffer_cdb(name: str, operation: Code, length: str, title: str) -> Format:
    section = f"SPC-4, {operation.label} command"
    return cdb(
        name,
        operation,
        section,
        operation_code(operation),
        word(
            "octet_1",
            bits("mode_specific", "MODE SPECIFIC", section, 3),
            bits("mode", "MODE", section, 5, codes=BufferMode),
        ),
        word(
            "octets_2_9",
            bits("buffer_id", "BUFFER ID", section, 8),
            bits("buffer_offset", "BUFFER OFFSET", section, 24),
            bits(length, title, section, 24, kind=Kind.LENGTH),
            bits("control", "CONTROL", "SAM-5, CONTROL byte", 8),
        ),
    )


WRITE_BUFFER: Format = _buffer_cdb(
    "WriteBuffer", OperationCode.WRITE_BUFFER, "parameter_list_length", "PARAMETER LIST LENGTH"
)
READ_BUFFER: Format = _buffer_cdb("ReadBuffer", OperationCode.READ_BUFFER, "allocation_length", "ALLOCATION LENGTH")

BUFFER_DESCRIPTOR: Format = structure(
    "BufferDescriptor",
    "READ BUFFER descriptor",
    _DESCRIPTOR,
    word(
        "octets_0_3",
        bits("offset_boundary", "OFFSET BOUNDARY", _DESCRIPTOR, 8),
        bits("buffer_capacity", "BUFFER CAPACITY", _DESCRIPTOR, 24, kind=Kind.LENGTH),
    ),
)

ECHO_BUFFER_DESCRIPTOR: Format = structure(
    "EchoBufferDescriptor",
    "Echo buffer descriptor",
    _ECHO,
    word("octet_0", reserved_bits("rsvd_0", 7, _ECHO), flag("ebos", "EBOS", _ECHO)),
    reserved("rsvd_1", 8, _ECHO),
    word(
        "octets_2_3",
        reserved_bits("rsvd_2", 3, _ECHO),
        bits("buffer_capacity", "BUFFER CAPACITY", _ECHO, 13, kind=Kind.LENGTH),
    ),
)

FORMATS: tuple[Format, ...] = (WRITE_BUFFER, READ_BUFFER, BUFFER_DESCRIPTOR, ECHO_BUFFER_DESCRIPTOR)
