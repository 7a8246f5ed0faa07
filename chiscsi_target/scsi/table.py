"""The command table: every command that the device server knows, a row each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.scsi.commands import Command, Direction, Fast
from chiscsi_target.scsi.copy_abort import COPY_ABORT_COMMANDS
from chiscsi_target.scsi.data_buffer import BUFFER_COMMANDS
from chiscsi_target.scsi.diagnostic import DIAGNOSTIC_COMMANDS
from chiscsi_target.scsi.extended_copy import EXTENDED_COPY_COMMANDS
from chiscsi_target.scsi.format_unit import FORMATTING_COMMANDS
from chiscsi_target.scsi.inquiry import inquiry
from chiscsi_target.scsi.log_sense import LOG_COMMANDS
from chiscsi_target.scsi.medium import synchronize_cache, transfer_6, transfer_10, transfer_12_16
from chiscsi_target.scsi.mode import mode_sense_6, mode_sense_10
from chiscsi_target.scsi.mode_select import MODE_SELECT_COMMANDS
from chiscsi_target.scsi.persistent_reserve import PERSISTENT_RESERVE_COMMANDS
from chiscsi_target.scsi.prefetch import PREPARING_COMMANDS
from chiscsi_target.scsi.protected_transfer import LONG_COMMANDS, PROTECTED_COMMANDS
from chiscsi_target.scsi.provisioning import PROVISIONING_COMMANDS
from chiscsi_target.scsi.receive_copy import RECEIVE_COPY_COMMANDS
from chiscsi_target.scsi.report import REPORT_COMMANDS
from chiscsi_target.scsi.reserve import RESERVE_COMMANDS
from chiscsi_target.scsi.sanitize import SANITIZE_COMMANDS
from chiscsi_target.scsi.start_stop import START_STOP_COMMANDS
from chiscsi_target.scsi.status import read_capacity_10, read_capacity_16, report_luns, request_sense, unit_ready
from chiscsi_target.scsi.target_ports import TARGET_PORT_COMMANDS
from chiscsi_target.scsi.token_copy import TOKEN_COMMANDS
from chiscsi_target.scsi.verify import VERIFYING_COMMANDS
from iscsi_wire import scsi

if TYPE_CHECKING:
    from iscsi_wire.structure import Cdb

__all__ = ["COMMANDS", "WITH_PROTECTION"]

_NONE, _IN, _OUT = Direction.NONE, Direction.IN, Direction.OUT


def _read(cdb: type[Cdb], fast: Fast) -> Command:
    """A READ. There is no protection information, so RDPROTECT must be 0; FUA_NV is obsolete, but SBC-2 has it."""
    return Command(cdb, _IN, fast=fast, refused=("rdprotect",), ignored=("fua_nv",))


def _write(cdb: type[Cdb], fast: Fast) -> Command:
    """A WRITE, with the like."""
    return Command(cdb, _OUT, fast=fast, refused=("wrprotect",), ignored=("fua_nv",))


def _synchronize(cdb: type[Cdb]) -> Command:
    """SYNCHRONIZE CACHE. SYNC_NV is obsolete, and asks for less than is done."""
    return Command(cdb, _NONE, synchronize_cache, ignored=("sync_nv",))


COMMANDS: Final = (
    Command(scsi.TestUnitReady, _NONE, unit_ready),
    Command(scsi.RequestSense, _IN, request_sense, any_unit=True),
    Command(scsi.Read6, _IN, fast=transfer_6),
    Command(scsi.Write6, _OUT, fast=transfer_6),
    Command(scsi.Inquiry, _IN, inquiry, any_unit=True),
    Command(scsi.ModeSense6, _IN, mode_sense_6),
    Command(scsi.ReadCapacity10, _IN, read_capacity_10, refused=("logical_block_address", "pmi")),
    _read(scsi.Read10, transfer_10),
    _write(scsi.Write10, transfer_10),
    _synchronize(scsi.SynchronizeCache10),
    Command(scsi.ModeSense10, _IN, mode_sense_10),
    _read(scsi.Read16, transfer_12_16),
    _write(scsi.Write16, transfer_12_16),
    _synchronize(scsi.SynchronizeCache16),
    Command(scsi.ReadCapacity16, _IN, read_capacity_16, refused=("logical_block_address", "pmi")),
    Command(scsi.ReportLuns, _IN, report_luns, any_unit=True),
    _read(scsi.Read12, transfer_12_16),
    _write(scsi.Write12, transfer_12_16),
    *PROVISIONING_COMMANDS,
    *VERIFYING_COMMANDS,
    *LONG_COMMANDS,
    *PREPARING_COMMANDS,
    *REPORT_COMMANDS,
    *TARGET_PORT_COMMANDS,
    *START_STOP_COMMANDS,
    *SANITIZE_COMMANDS,
    *FORMATTING_COMMANDS,
    *RESERVE_COMMANDS,
    *PERSISTENT_RESERVE_COMMANDS,
    *EXTENDED_COPY_COMMANDS,
    *RECEIVE_COPY_COMMANDS,
    *TOKEN_COMMANDS,
    *COPY_ABORT_COMMANDS,
    *MODE_SELECT_COMMANDS,
    *LOG_COMMANDS,
    *DIAGNOSTIC_COMMANDS,
    *BUFFER_COMMANDS,
)

_REPLACED: Final = frozenset(command.cdb for command in PROTECTED_COMMANDS)
WITH_PROTECTION: Final = (*(command for command in COMMANDS if command.cdb not in _REPLACED), *PROTECTED_COMMANDS)
"""The commands of a logical unit with protection information."""
