"""The command table: every command that the device server knows, a row each."""

from __future__ import annotations

from typing import Final

from chiscsi_target.api.constants import SC_FLAG_WRITE
from chiscsi_target.scsi.commands import Command, Direction
from chiscsi_target.scsi.inquiry import inquiry
from chiscsi_target.scsi.medium import (
    synchronize_cache_10,
    synchronize_cache_16,
    transfer_6,
    transfer_10,
    transfer_12_16,
)
from chiscsi_target.scsi.status import (
    read_capacity_10,
    read_capacity_16,
    report_luns,
    request_sense,
    unit_ready,
)

__all__: list[str] = []

NONE, IN, OUT = Direction.NONE, Direction.IN, Direction.OUT


def _usage(text: str) -> bytes:
    return bytes.fromhex(text)


READ_6 = _usage("08 1f ff ff ff 00")
WRITE_6 = _usage("0a 1f ff ff ff 00")
# Of octet 1 a READ may set DPO, FUA, RARC and FUA_NV, a WRITE all but RARC. RDPROTECT and WRPROTECT need protection
# information, RELADR is obsolete. GROUP NUMBER is accepted and ignored.
READ_10 = _usage("28 1e ff ff ff ff 1f ff ff 00")
WRITE_10 = _usage("2a 1a ff ff ff ff 1f ff ff 00")
READ_12 = _usage("a8 1e ff ff ff ff ff ff ff ff 1f 00")
WRITE_12 = _usage("aa 1a ff ff ff ff ff ff ff ff 1f 00")
READ_16 = _usage("88 1e ff ff ff ff ff ff ff ff ff ff ff ff 1f 00")
WRITE_16 = _usage("8a 1a ff ff ff ff ff ff ff ff ff ff ff ff 1f 00")

COMMANDS: Final = (
    Command("TEST UNIT READY", "SPC-4 6.47", _usage("00 00 00 00 00 00"), NONE, unit_ready),
    Command("REQUEST SENSE", "SPC-4 6.39", _usage("03 01 00 00 ff 00"), IN, request_sense, any_unit=True),
    Command("READ(6)", "SBC-3 5.11", READ_6, IN, transfer_6(READ_6, 0), direct=True),
    Command("WRITE(6)", "SBC-3 5.32", WRITE_6, OUT, transfer_6(WRITE_6, SC_FLAG_WRITE), direct=True),
    Command("INQUIRY", "SPC-4 6.4", _usage("12 01 ff ff ff 00"), IN, inquiry, any_unit=True),
    Command("READ CAPACITY(10)", "SBC-3 5.15", _usage("25 00 00 00 00 00 00 00 00 00"), IN, read_capacity_10),
    Command("READ(10)", "SBC-3 5.12", READ_10, IN, transfer_10(READ_10, 0), direct=True),
    Command("WRITE(10)", "SBC-3 5.33", WRITE_10, OUT, transfer_10(WRITE_10, SC_FLAG_WRITE), direct=True),
    Command("SYNCHRONIZE CACHE(10)", "SBC-3 5.28", _usage("35 06 ff ff ff ff 1f ff ff 00"), NONE, synchronize_cache_10),
    Command("READ(16)", "SBC-3 5.14", READ_16, IN, transfer_12_16(READ_16, 0), direct=True),
    Command("WRITE(16)", "SBC-3 5.35", WRITE_16, OUT, transfer_12_16(WRITE_16, SC_FLAG_WRITE), direct=True),
    Command(
        "SYNCHRONIZE CACHE(16)",
        "SBC-3 5.29",
        _usage("91 06 ff ff ff ff ff ff ff ff ff ff ff ff 1f 00"),
        NONE,
        synchronize_cache_16,
    ),
    Command(
        "READ CAPACITY(16)",
        "SBC-3 5.16",
        _usage("9e 10 00 00 00 00 00 00 00 00 ff ff ff ff 00 00"),
        IN,
        read_capacity_16,
        service_action=0x10,
    ),
    Command("REPORT LUNS", "SPC-4 6.33", _usage("a0 00 ff 00 00 00 ff ff ff ff 00 00"), IN, report_luns, any_unit=True),
    Command("READ(12)", "SBC-3 5.13", READ_12, IN, transfer_12_16(READ_12, 0), direct=True),
    Command("WRITE(12)", "SBC-3 5.34", WRITE_12, OUT, transfer_12_16(WRITE_12, SC_FLAG_WRITE), direct=True),
)
