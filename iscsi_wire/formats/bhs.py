"""The rows that all Basic Header Segments share (RFC 7143, 11.2.1).

       Byte/     0       |       1       |       2       |       3       |
        0|.|I| Opcode    |F| Opcode-specific fields                      |
        4|TotalAHSLength | DataSegmentLength                             |
        8| LUN or Opcode-specific fields                                 |
       16| Initiator Task Tag                                            |
       20/ Opcode-specific fields                                        /

A tag that the RFC draws as "... or 0xffffffff" has that reserved value as its default.
"""

from __future__ import annotations

from iscsi_wire.constants import RESERVED_TAG, Opcode
from iscsi_wire.formats.declare import (
    Described,
    Format,
    bits,
    flag,
    octets,
    pdu,
    reserved_bits,
    uint,
    word,
)
from iscsi_wire.structure import Kind


def opcode_octet(opcode: Opcode | None, *, immediate: int = 0) -> Described:
    """Octet 0: a reserved bit, the I bit and the opcode."""
    return word(
        "octet_0",
        reserved_bits("rsvd_bit", 1, "11.2.1"),
        flag("immediate", "I", "11.2.1.1", default=immediate),
        bits("opcode", "Opcode", "11.2.1.2", 6, codes=Opcode, default=int(opcode or 0)),
    )


def final_octet(section: str = "11.2.1.3", *, default: int = 0) -> Described:
    """Octet 1 that holds nothing but the F bit."""
    return word("octet_1", flag("final", "F", section, default=default), reserved_bits("rsvd_1", 7, "11.2.1"))


def lengths() -> Described:
    """Octets 4 to 7: TotalAHSLength in words, and DataSegmentLength in bytes."""
    return word(
        "lengths",
        bits("total_ahs_length", "TotalAHSLength", "11.2.1.5", 8),
        bits("data_segment_length", "DataSegmentLength", "11.2.1.6", 24, kind=Kind.LENGTH),
    )


def lun(section: str = "11.2.1.7") -> Described:
    """Octets 8 to 15: the LUN, the first of its four levels uppermost."""
    return uint("lun", "LUN", section, 64, kind=Kind.LUN)


def initiator_task_tag(section: str = "11.2.1.8", *, default: int = 0) -> Described:
    """Octets 16 to 19."""
    return uint("initiator_task_tag", "Initiator Task Tag", section, 32, kind=Kind.TAG, default=default)


def target_transfer_tag(section: str, *, default: int = RESERVED_TAG) -> Described:
    """Octets 20 to 23."""
    return uint("target_transfer_tag", "Target Transfer Tag", section, 32, kind=Kind.TAG, default=default)


def sequence_number(name: str, title: str, section: str) -> Described:
    """A 32-bit number that wraps (RFC 7143, 4.2.2)."""
    return uint(name, title, section, 32, kind=Kind.SEQUENCE_NUMBER)


def request_numbers(cmd_sn: str = "11.3.2", exp_stat_sn: str = "11.3.3") -> tuple[Described, Described]:
    """Octets 24 to 31 of a request."""
    return sequence_number("cmd_sn", "CmdSN", cmd_sn), sequence_number("exp_stat_sn", "ExpStatSN", exp_stat_sn)


def response_numbers(stat_sn: str = "11.4.9") -> tuple[Described, Described, Described]:
    """Octets 24 to 35 of a response."""
    return (
        sequence_number("stat_sn", "StatSN", stat_sn),
        sequence_number("exp_cmd_sn", "ExpCmdSN", "11.4.10"),
        sequence_number("max_cmd_sn", "MaxCmdSN", "11.4.11"),
    )


UNKNOWN: Format = pdu(
    "UnknownPdu",
    None,
    "11.2.1",
    opcode_octet(None),
    word(
        "octet_1",
        flag("final", "F", "11.2.1.3"),
        bits("opcode_specific_1", "Opcode-specific fields", "11.2.1.4", 7),
    ),
    uint("opcode_specific_2", "Opcode-specific fields", "11.2.1.4", 16),
    lengths(),
    lun(),
    initiator_task_tag(),
    octets("opcode_specific_20", "Opcode-specific fields", "11.2.1.4", 28),
    title="PDU of an unassigned opcode",
    doc="Vendor-specific opcodes are among them. It goes back to the wire as it came.",
)
