"""Copy sources and copy destinations: which logical unit a segment means, and whether it can be read or written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

from chiscsi_target.api.constants import SC_FLAG_READ, SC_FLAG_WRITE
from chiscsi_target.api.logical_unit import LU_FLAG_OFFLINE
from chiscsi_target.api.scsi_command import chiscsi_scsi_command
from chiscsi_target.scsi.copy_failure import (
    COPY_TARGET_DEVICE_NOT_REACHABLE,
    DESTINATION,
    INCORRECT_COPY_TARGET_DEVICE_TYPE,
    SOURCE,
    THIRD_PARTY_DEVICE_FAILURE,
    UNREACHABLE_COPY_TARGET,
    CopyAborted,
    Forwarded,
    blaming,
)
from chiscsi_target.scsi.identity import designators
from chiscsi_target.scsi.ranges import check_writable, has_medium
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.sense import INVALID_FIELD_IN_PARAMETER_LIST, Sense, fixed_format
from iscsi_wire.constants import ScsiStatus
from iscsi_wire.scsi import Read16, Write16
from iscsi_wire.scsi_copy_codes import CscdDescriptorId
from iscsi_wire.scsi_page_codes import Association, PeripheralDeviceType

if TYPE_CHECKING:
    from chiscsi_target.scsi.copy_list import CopyList
    from chiscsi_target.scsi.logical_unit import LogicalUnit
    from iscsi_wire.scsi import BlockToBlockSegment, IdentificationCscd

__all__ = ["Ends", "check_block_lengths", "reach"]

_PASSED: Final = 0


class Ends(NamedTuple):
    """Where a segment copies from and to.

    Attributes:
        source, destination: the logical units.
        discards: whether the rest of a source block is left out (PAD).
        pads: whether the rest of a destination block is filled with zeros (PAD).
    """

    source: LogicalUnit
    destination: LogicalUnit
    discards: bool
    pads: bool


class _Answer:
    """What a logical unit answers to a command of the copy manager: the stack's side of that command."""

    def __init__(self, unit: LogicalUnit, cdb: bytes, flag: int, session: int | None) -> None:
        self.command = chiscsi_scsi_command(self, cdb, unit.lu.lun, 0, 0, 0, flag)
        self.command.sc_sess = session
        self._unit = unit

    def stopped(self) -> bool:
        """Whether something stands in the command's way: a reservation, a medium that is not ready."""
        return self._unit.guards.stop(self._unit, self.command) is not None

    @property
    def sense(self) -> bytes:
        """Sense data, in fixed format; nothing with another status than CHECK CONDITION."""
        command = self.command
        if command.sc_status != ScsiStatus.CHECK_CONDITION:
            return b""
        return fixed_format(Sense(command.sc_sense_key, command.sc_sense_asc, command.sc_sense_ascq))

    def execution_status(self, scmd: chiscsi_scsi_command, buf: Any, sgcnt: int, offset: int, buflen: int) -> int:
        """Take the command's completion, which is in `scmd`."""
        return _PASSED

    def _never(self, *arguments: Any) -> NoReturn:
        raise AssertionError("a guard does nothing but complete a command")

    buffer_ready = command_abort = command_abort_status = ready_to_release = command_dump = _never


def _named(unit: LogicalUnit, cscd: IdentificationCscd, session: int | None) -> LogicalUnit | None:
    """The logical unit of the target that has a designator, if the session sees it."""
    wanted = (cscd.code_set, cscd.designator_type, bytes(cscd.designator[: cscd.designator_length]))
    device = unit.device
    visible = device.visible.get(session)
    for other in device.units.values():
        if visible is not None and other.lu.lun not in visible:
            continue
        for each in designators(other):
            if each.association == Association.LOGICAL_UNIT == cscd.association and wanted == (
                each.code_set,
                each.designator_type,
                bytes(each.designator),
            ):
                return other
    return None


def check_block_lengths(unit: LogicalUnit, asked: CopyList, session: int | None) -> None:
    """Check the lengths of blocks that the CSCD descriptors give.

    Raises:
        Refused: a logical unit has blocks of another length.
    """
    for cscd in asked.cscds:
        if cscd.peripheral_device_type != PeripheralDeviceType.DIRECT_ACCESS_BLOCK:
            continue
        other = _named(unit, cscd, session)
        if other is not None and cscd.disk_block_length != 1 << other.lu.sect_shift:
            raise Refused(INVALID_FIELD_IN_PARAMETER_LIST)


def _end(
    unit: LogicalUnit, sc: chiscsi_scsi_command, asked: CopyList, index: int, segment: int
) -> tuple[LogicalUnit, bool]:
    """The logical unit that a CSCD descriptor ID stands for, and whether its PAD is set."""
    if index == CscdDescriptorId.THIS_LOGICAL_UNIT:
        return unit, False
    if index >= len(asked.cscds):
        raise CopyAborted(unit, UNREACHABLE_COPY_TARGET, segment)
    cscd = asked.cscds[index]
    if cscd.peripheral_device_type != PeripheralDeviceType.DIRECT_ACCESS_BLOCK:
        raise CopyAborted(unit, INCORRECT_COPY_TARGET_DEVICE_TYPE, segment)
    found = _named(unit, cscd, sc.sc_sess)
    if found is None or found.lu.flags & LU_FLAG_OFFLINE or not has_medium(found):
        raise CopyAborted(unit, COPY_TARGET_DEVICE_NOT_REACHABLE, segment)
    return found, bool(cscd.pad)


def _check(unit: LogicalUnit, sc: chiscsi_scsi_command, other: LogicalUnit, whose: int, segment: int) -> None:
    """Check that the session of a copy may read, or write, the unit: what is in force there is in force for a copy."""
    if whose == DESTINATION:
        with blaming(unit, whose, segment):
            check_writable(other, sc)
    if other is unit or not other.guards:
        return  # what is in force on `unit` the copy itself has met
    cdb, flag = (Read16().encode(), SC_FLAG_READ) if whose == SOURCE else (Write16().encode(), SC_FLAG_WRITE)
    answer = _Answer(other, cdb, flag, sc.sc_sess)
    if answer.stopped():
        forwarded = Forwarded(whose, answer.command.sc_status, answer.sense)
        unreachable = answer.command.sc_status == ScsiStatus.RESERVATION_CONFLICT
        sense = COPY_TARGET_DEVICE_NOT_REACHABLE if unreachable else THIRD_PARTY_DEVICE_FAILURE
        raise CopyAborted(unit, sense, segment, forwarded)


def reach(
    unit: LogicalUnit, sc: chiscsi_scsi_command, asked: CopyList, segment: BlockToBlockSegment, number: int
) -> Ends:
    """Find both ends of a segment.

    Raises:
        CopyAborted: one is not there, or may not be read or written.
    """
    source, discards = _end(unit, sc, asked, segment.source_cscd_descriptor_id, number)
    destination, pads = _end(unit, sc, asked, segment.destination_cscd_descriptor_id, number)
    _check(unit, sc, source, SOURCE, number)
    _check(unit, sc, destination, DESTINATION, number)
    return Ends(source, destination, discards, pads)
