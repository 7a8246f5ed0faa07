"""SNACK Request (RFC 7143, 11.16)."""

from __future__ import annotations

from iscsi_wire.constants import RESERVED_TAG, Opcode, SnackType
from iscsi_wire.formats.bhs import (
    initiator_task_tag,
    lengths,
    lun,
    opcode_octet,
    sequence_number,
    target_transfer_tag,
)
from iscsi_wire.formats.declare import Format, bits, flag, pdu, reserved, reserved_bits, uint, word

SNACK_REQUEST: Format = pdu(
    "SnackRequest",
    Opcode.SNACK_REQUEST,
    "11.16",
    opcode_octet(Opcode.SNACK_REQUEST),  # 0
    word(
        "octet_1",
        flag("final", "F", "11.16", default=1),
        reserved_bits("rsvd_1", 3, "11.16"),
        bits("type", "Type", "11.16.1", 4, codes=SnackType),
    ),
    reserved("rsvd_2", 16, "11.16"),
    lengths(),  # 4
    lun("11.16.5"),  # 8
    initiator_task_tag("11.16.4", default=RESERVED_TAG),  # 16
    target_transfer_tag("11.16.5"),  # 20
    reserved("rsvd_24", 32, "11.16"),  # 24
    sequence_number("exp_stat_sn", "ExpStatSN", "11.3.3"),  # 28
    reserved("rsvd_32", 64, "11.16"),  # 32
    sequence_number("beg_run", "BegRun", "11.16.6"),  # 40
    uint("run_length", "RunLength", "11.16.7", 32),  # 44
)
