"""How third-party copies fail, and how they say so (SPC-4, third-party copy exception conditions)."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from chiscsi_target.errors import DriverError
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.sense import Sense, descriptor_format, fixed_format
from iscsi_wire.constants import ScsiStatus
from iscsi_wire.scsi import DescriptorSense, FixedSense, SenseDescriptor
from iscsi_wire.scsi_codes import AdditionalSense, SenseDescriptorType, SenseKey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = ["DESTINATION", "SOURCE", "CopyAborted", "Forwarded", "blaming"]

SOURCE, DESTINATION = 1, 2
"""Which copy source or copy destination a failure came from: field SENSE DATA SOURCE."""

_FIXED: Final = FixedSense.STRUCT.size


def _of(key: SenseKey, code: AdditionalSense) -> Sense:
    return Sense(int(key), code >> 8, code & 0xFF)


_BAD, _COPY = SenseKey.ILLEGAL_REQUEST, SenseKey.COPY_ABORTED

OPERATION_IN_PROGRESS: Final = _of(_BAD, AdditionalSense.OPERATION_IN_PROGRESS)
TOO_MANY_CSCD_DESCRIPTORS: Final = _of(_BAD, AdditionalSense.TOO_MANY_TARGET_DESCRIPTORS)
TOO_MANY_SEGMENT_DESCRIPTORS: Final = _of(_BAD, AdditionalSense.TOO_MANY_SEGMENT_DESCRIPTORS)
UNSUPPORTED_CSCD_DESCRIPTOR: Final = _of(_BAD, AdditionalSense.UNSUPPORTED_TARGET_DESCRIPTOR_TYPE_CODE)
UNSUPPORTED_SEGMENT_DESCRIPTOR: Final = _of(_BAD, AdditionalSense.UNSUPPORTED_SEGMENT_DESCRIPTOR_TYPE_CODE)
INLINE_DATA_LENGTH_EXCEEDED: Final = _of(_BAD, AdditionalSense.INLINE_DATA_LENGTH_EXCEEDED)
COPY_ABORTED: Final = _of(_COPY, AdditionalSense.NONE)
CLEARED_BY_DEVICE_SERVER: Final = _of(_COPY, AdditionalSense.COMMANDS_CLEARED_BY_DEVICE_SERVER)
THIRD_PARTY_DEVICE_FAILURE: Final = _of(_COPY, AdditionalSense.THIRD_PARTY_DEVICE_FAILURE)
UNREACHABLE_COPY_TARGET: Final = _of(_COPY, AdditionalSense.UNREACHABLE_COPY_TARGET)
COPY_TARGET_DEVICE_NOT_REACHABLE: Final = _of(_COPY, AdditionalSense.COPY_TARGET_DEVICE_NOT_REACHABLE)
INCORRECT_COPY_TARGET_DEVICE_TYPE: Final = _of(_COPY, AdditionalSense.INCORRECT_COPY_TARGET_DEVICE_TYPE)
UNEXPECTED_INEXACT_SEGMENT: Final = _of(_COPY, AdditionalSense.UNEXPECTED_INEXACT_SEGMENT)


class Forwarded(NamedTuple):
    """What a copy source or copy destination said.

    Attributes:
        whose: SOURCE or DESTINATION.
        status: the SCSI status.
        sense: its sense data, in fixed format; empty without any.
    """

    whose: int
    status: int
    sense: bytes

    @classmethod
    def check_condition(cls, whose: int, sense: Sense) -> Forwarded:
        """CHECK CONDITION with some sense data."""
        return cls(whose, int(ScsiStatus.CHECK_CONDITION), fixed_format(sense))


class CopyAborted(Refused):
    """A segment of a copy cannot be processed: the command ends, and what was copied before is copied."""

    def __init__(self, unit: LogicalUnit, sense: Sense, segment: int, forwarded: Forwarded | None = None) -> None:
        """Make the failure.

        Args:
            unit: the logical unit that the command was sent to; D_SENSE of its modes decides the format.
            sense: sense data of the copy.
            segment: number of the segment descriptor, from 0.
            forwarded: what the copy source or copy destination said, if it said something.
        """
        super().__init__(sense)
        self.forwarded = forwarded
        encode = _descriptors if unit.lu.descriptor_sense else _fixed
        self.sense_data = encode(sense, segment, forwarded)


@contextmanager
def blaming(unit: LogicalUnit, whose: int, segment: int, sense: Sense = THIRD_PARTY_DEVICE_FAILURE) -> Iterator[None]:
    """Have what a copy source or copy destination fails with abort the copy; the arguments are `CopyAborted`'s."""
    try:
        yield
    except CopyAborted:
        raise
    except Refused as reason:
        raise CopyAborted(unit, sense, segment, Forwarded.check_condition(whose, reason.sense)) from reason
    except DriverError as error:
        reported = Sense(error.key, error.asc, error.ascq)
        raise CopyAborted(unit, sense, segment, Forwarded.check_condition(whose, reported)) from error


def _fixed(sense: Sense, segment: int, forwarded: Forwarded | None) -> bytes:
    """Fixed format: COMMAND-SPECIFIC INFORMATION tells where what was forwarded begins, and the segment."""
    decoded = FixedSense.decode(fixed_format(sense))
    decoded.command_specific_information = segment
    if forwarded is not None:
        decoded.command_specific_information |= _FIXED << (24 if forwarded.whose == SOURCE else 16)
        decoded.additional_sense_bytes = bytes((forwarded.status,)) + forwarded.sense
    decoded.additional_sense_length = _FIXED - 8 + len(decoded.additional_sense_bytes)
    return decoded.encode()


def _descriptors(sense: Sense, segment: int, forwarded: Forwarded | None) -> bytes:
    """Descriptor format: the segment in command-specific information, and forwarded sense data."""
    decoded = DescriptorSense.decode(descriptor_format(sense))
    command_specific = bytes(2) + segment.to_bytes(8)
    decoded.descriptors.append(
        SenseDescriptor.make(descriptor_type=int(SenseDescriptorType.COMMAND_SPECIFIC), specific=command_specific)
    )
    if forwarded is not None:
        specific = bytes((forwarded.whose, forwarded.status)) + forwarded.sense
        decoded.descriptors.append(
            SenseDescriptor.make(descriptor_type=int(SenseDescriptorType.FORWARDED), specific=specific)
        )
    return DescriptorSense.make(
        sense_key=decoded.sense_key, asc=decoded.asc, ascq=decoded.ascq, descriptors=decoded.descriptors
    ).encode()
