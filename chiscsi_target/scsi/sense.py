"""Sense data: what went wrong with a command, and its two formats (SPC-4, 4.5)."""

from __future__ import annotations

from typing import Final, NamedTuple

from iscsi_wire.scsi import (
    DescriptorSense,
    FixedSense,
    InformationDescriptor,
    SenseDescriptor,
    SenseKeySpecificDescriptor,
)
from iscsi_wire.scsi_codes import AdditionalSense, SenseKey

__all__ = ["Field", "Progress", "Sense", "descriptor_format", "fixed_format"]

_IN_CDB: Final = 1 << 22
_BIT_POINTER_VALID: Final = 1 << 19
_BIT_POINTER: Final = 16
_TOO_LARGE: Final = 1 << 32


class Sense(NamedTuple):
    """Sense key, additional sense code and its qualifier."""

    key: int
    asc: int
    ascq: int


class Field(NamedTuple):
    """Where a CDB is wrong: an octet, counted from 0, and the field's leftmost bit if it does not fill the octet.

    `in_data` says that it is not the CDB, but the data that the command brought.
    """

    octet: int
    bit: int | None = None
    in_data: bool = False

    @property
    def sense_key_specific(self) -> int:
        """The field pointer of an ILLEGAL REQUEST, 23 bits (SPC-4, 4.5.2.4.2)."""
        where = self.octet if self.in_data else _IN_CDB | self.octet
        return where if self.bit is None else where | _BIT_POINTER_VALID | self.bit << _BIT_POINTER


class Progress(NamedTuple):
    """How far an operation is: so much is done, of so much."""

    done: int
    total: int

    @property
    def sense_key_specific(self) -> int:
        """The progress indication of a NOT READY, in units of 1/65536 (SPC-4, 4.5.2.4.4)."""
        return min((self.done << 16) // max(self.total, 1), 0xFFFF)


def _sense(key: SenseKey, code: AdditionalSense) -> Sense:
    return Sense(int(key), code >> 8, code & 0xFF)


_BAD: Final = SenseKey.ILLEGAL_REQUEST
_ATTENTION: Final = SenseKey.UNIT_ATTENTION

NO_SENSE: Final = _sense(SenseKey.NO_SENSE, AdditionalSense.NONE)
INVALID_OPERATION_CODE: Final = _sense(_BAD, AdditionalSense.INVALID_COMMAND_OPERATION_CODE)
INVALID_FIELD_IN_CDB: Final = _sense(_BAD, AdditionalSense.INVALID_FIELD_IN_CDB)
INVALID_INFORMATION_UNIT: Final = _sense(_BAD, AdditionalSense.INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT)
INVALID_FIELD_IN_PARAMETER_LIST: Final = _sense(_BAD, AdditionalSense.INVALID_FIELD_IN_PARAMETER_LIST)
PARAMETER_LIST_LENGTH_ERROR: Final = _sense(_BAD, AdditionalSense.PARAMETER_LIST_LENGTH_ERROR)
LBA_OUT_OF_RANGE: Final = _sense(_BAD, AdditionalSense.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE)
LOGICAL_UNIT_NOT_SUPPORTED: Final = _sense(_BAD, AdditionalSense.LOGICAL_UNIT_NOT_SUPPORTED)
SAVING_NOT_SUPPORTED: Final = _sense(_BAD, AdditionalSense.SAVING_PARAMETERS_NOT_SUPPORTED)
# What the module says to a write without the right to it, for an initiator's sake (behaviour file, 2.6).
PERIPHERAL_DEVICE_WRITE_FAULT: Final = _sense(SenseKey.MEDIUM_ERROR, AdditionalSense.PERIPHERAL_DEVICE_WRITE_FAULT)
MISCOMPARE: Final = _sense(SenseKey.MISCOMPARE, AdditionalSense.MISCOMPARE_DURING_VERIFY)
WRITE_PROTECTED: Final = _sense(SenseKey.DATA_PROTECT, AdditionalSense.WRITE_PROTECTED)
RESET_OCCURRED: Final = _sense(_ATTENTION, AdditionalSense.POWER_ON_RESET_OR_BUS_DEVICE_RESET)
INVALID_RELEASE: Final = _sense(_BAD, AdditionalSense.INVALID_RELEASE_OF_PERSISTENT_RESERVATION)
RESERVATIONS_PREEMPTED: Final = _sense(_ATTENTION, AdditionalSense.RESERVATIONS_PREEMPTED)
RESERVATIONS_RELEASED: Final = _sense(_ATTENTION, AdditionalSense.RESERVATIONS_RELEASED)
REGISTRATIONS_PREEMPTED: Final = _sense(_ATTENTION, AdditionalSense.REGISTRATIONS_PREEMPTED)
INTERNAL_TARGET_FAILURE: Final = _sense(SenseKey.HARDWARE_ERROR, AdditionalSense.INTERNAL_TARGET_FAILURE)
MODE_PARAMETERS_CHANGED: Final = _sense(_ATTENTION, AdditionalSense.MODE_PARAMETERS_CHANGED)
COMMAND_SEQUENCE_ERROR: Final = _sense(_BAD, AdditionalSense.COMMAND_SEQUENCE_ERROR)
FAILED_SELF_TEST: Final = _sense(SenseKey.HARDWARE_ERROR, AdditionalSense.LOGICAL_UNIT_FAILED_SELF_TEST)
FALSE_FAILURE_PREDICTION: Final = _sense(SenseKey.NO_SENSE, AdditionalSense.FAILURE_PREDICTION_THRESHOLD_EXCEEDED_FALSE)
INITIALIZING_COMMAND_REQUIRED: Final = _sense(SenseKey.NOT_READY, AdditionalSense.INITIALIZING_COMMAND_REQUIRED)
FORMAT_IN_PROGRESS: Final = _sense(SenseKey.NOT_READY, AdditionalSense.FORMAT_IN_PROGRESS)
SANITIZE_IN_PROGRESS: Final = _sense(SenseKey.NOT_READY, AdditionalSense.SANITIZE_IN_PROGRESS)
MEDIUM_NOT_PRESENT: Final = _sense(SenseKey.NOT_READY, AdditionalSense.MEDIUM_NOT_PRESENT)
FORMAT_FAILED: Final = _sense(SenseKey.MEDIUM_ERROR, AdditionalSense.FORMAT_COMMAND_FAILED)
SANITIZE_FAILED: Final = _sense(SenseKey.MEDIUM_ERROR, AdditionalSense.SANITIZE_COMMAND_FAILED)
MEDIUM_REMOVAL_PREVENTED: Final = _sense(_BAD, AdditionalSense.MEDIUM_REMOVAL_PREVENTED)
MEDIUM_CHANGED: Final = _sense(_ATTENTION, AdditionalSense.NOT_READY_TO_READY_CHANGE)
INVALID_MESSAGE: Final = _sense(_BAD, AdditionalSense.INVALID_MESSAGE_ERROR)
COMMANDS_CLEARED_BY_ANOTHER_INITIATOR: Final = _sense(_ATTENTION, AdditionalSense.COMMANDS_CLEARED_BY_ANOTHER_INITIATOR)
ACCESS_STATE_CHANGED: Final = _sense(_ATTENTION, AdditionalSense.ASYMMETRIC_ACCESS_STATE_CHANGED)
PORT_IN_STANDBY: Final = _sense(SenseKey.NOT_READY, AdditionalSense.TARGET_PORT_IN_STANDBY_STATE)
PORT_UNAVAILABLE: Final = _sense(SenseKey.NOT_READY, AdditionalSense.TARGET_PORT_IN_UNAVAILABLE_STATE)
REPORTED_LUNS_CHANGED: Final = _sense(_ATTENTION, AdditionalSense.REPORTED_LUNS_DATA_HAS_CHANGED)
CAPACITY_CHANGED: Final = _sense(_ATTENTION, AdditionalSense.CAPACITY_DATA_HAS_CHANGED)
_ABORTED: Final = SenseKey.ABORTED_COMMAND
GUARD_CHECK_FAILED: Final = _sense(_ABORTED, AdditionalSense.LOGICAL_BLOCK_GUARD_CHECK_FAILED)
APPLICATION_TAG_CHECK_FAILED: Final = _sense(_ABORTED, AdditionalSense.LOGICAL_BLOCK_APPLICATION_TAG_CHECK_FAILED)
REFERENCE_TAG_CHECK_FAILED: Final = _sense(_ABORTED, AdditionalSense.LOGICAL_BLOCK_REFERENCE_TAG_CHECK_FAILED)
COMMANDS_CLEARED_BY_ISCSI: Final = _sense(_ATTENTION, AdditionalSense.SOME_COMMANDS_CLEARED_BY_ISCSI)


def fixed_format(sense: Sense, field: Field | Progress | None = None, information: int | None = None) -> bytes:
    """Current sense data in fixed format, 18 octets (SPC-4, 4.5.3).

    An `information` of more than 32 bits is left out, as VALID then has to be 0.
    """
    valid = information is not None and information < _TOO_LARGE
    return FixedSense.make(
        valid=int(valid),
        information=information if valid else 0,
        sense_key=sense.key,
        asc=sense.asc,
        ascq=sense.ascq,
        additional_sense_length=FixedSense.STRUCT.size - 8,
        sksv=int(field is not None),
        sense_key_specific=field.sense_key_specific if field else 0,
    ).encode()


def descriptor_format(sense: Sense, field: Field | Progress | None = None, information: int | None = None) -> bytes:
    """Current sense data in descriptor format: 8 octets, and for each of the other two a descriptor (SPC-4, 4.5.2)."""
    descriptors = []
    if information is not None:
        descriptors.append(InformationDescriptor.make(information=information).encode())
    if field is not None:
        descriptors.append(SenseKeySpecificDescriptor.make(sense_key_specific=field.sense_key_specific).encode())
    return DescriptorSense.make(
        sense_key=sense.key,
        asc=sense.asc,
        ascq=sense.ascq,
        descriptors=[SenseDescriptor.decode(each) for each in descriptors],
    ).encode()
