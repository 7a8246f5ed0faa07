"""Values of third-party copies that SPC-4 and SBC-3 give a meaning to, with their words for it."""

from __future__ import annotations

from iscsi_wire.constants import Code


class ThirdPartyCopyOut(Code):
    """Service actions of Third-party Copy OUT (SPC-4)."""

    EXTENDED_COPY_LID1 = 0x00, "EXTENDED COPY(LID1)"
    EXTENDED_COPY_LID4 = 0x01, "EXTENDED COPY(LID4)"
    POPULATE_TOKEN = 0x10, "POPULATE TOKEN"
    WRITE_USING_TOKEN = 0x11, "WRITE USING TOKEN"
    COPY_OPERATION_ABORT = 0x1C, "COPY OPERATION ABORT"


class ThirdPartyCopyIn(Code):
    """Service actions of Third-party Copy IN (SPC-4)."""

    RECEIVE_COPY_STATUS_LID1 = 0x00, "RECEIVE COPY STATUS(LID1)"
    RECEIVE_COPY_DATA_LID1 = 0x01, "RECEIVE COPY DATA(LID1)"
    RECEIVE_COPY_OPERATING_PARAMETERS = 0x03, "RECEIVE COPY OPERATING PARAMETERS"
    RECEIVE_COPY_FAILURE_DETAILS_LID1 = 0x04, "RECEIVE COPY FAILURE DETAILS(LID1)"
    RECEIVE_COPY_STATUS_LID4 = 0x05, "RECEIVE COPY STATUS(LID4)"
    RECEIVE_COPY_DATA_LID4 = 0x06, "RECEIVE COPY DATA(LID4)"
    RECEIVE_ROD_TOKEN_INFORMATION = 0x07, "RECEIVE ROD TOKEN INFORMATION"
    REPORT_ALL_ROD_TOKENS = 0x08, "REPORT ALL ROD TOKENS"


class CopyDescriptorType(Code):
    """Types of descriptors in an EXTENDED COPY parameter list, as far as something here uses them (SPC-4)."""

    BLOCK_TO_BLOCK = 0x02, "copy from block device to block device"
    STREAM_TO_STREAM = 0x03, "copy from stream device to stream device"
    FC_N_PORT_NAME = 0xE0, "Fibre Channel N_Port_Name CSCD descriptor"
    IDENTIFICATION = 0xE4, "Identification Descriptor CSCD descriptor"


class CscdDescriptorId(Code):
    """CSCD descriptor IDs that are no index of the CSCD descriptor list (SPC-4)."""

    NULL_BLOCK_DEVICE = 0xC000, "null logical unit, block device"
    ROD_TOKEN = 0xF800, "ROD of a ROD token"
    THIS_LOGICAL_UNIT = 0xFFFF, "the logical unit that got the command"


class ListIdUsage(Code):
    """Field LIST ID USAGE of EXTENDED COPY(LID1) (SPC-4)."""

    HOLD = 0, "list identifier used, data is held"
    DISCARD = 2, "list identifier used, data need not be held"
    NONE = 3, "no list identifier"


class CopyStatus(Code):
    """Field COPY COMMAND STATUS of RECEIVE COPY STATUS(LID1) (SPC-4)."""

    IN_PROGRESS = 0x00, "operation in progress"
    COMPLETED = 0x01, "operation completed without errors"
    FAILED = 0x02, "operation completed with errors"


class CopyOperationStatus(Code):
    """Field COPY OPERATION STATUS of RECEIVE ROD TOKEN INFORMATION (SPC-4)."""

    COMPLETED = 0x01, "operation completed without errors"
    FAILED = 0x02, "operation completed with errors"
    PARTIAL = 0x03, "operation completed without errors, but with partial ROD token usage"
    RESIDUAL = 0x04, "operation completed without errors, but with residual data"
    FOREGROUND = 0x11, "operation in progress, foreground"
    BACKGROUND = 0x12, "operation in progress, background"
    TERMINATED = 0x60, "operation terminated"


class TransferCountUnits(Code):
    """Field TRANSFER COUNT UNITS of the results of a copy (SPC-4)."""

    BYTES = 0x00, "bytes"
    KIBIBYTES = 0x01, "kibibytes"
    MEBIBYTES = 0x02, "mebibytes"
    BLOCKS = 0xF1, "logical blocks"


class RodType(Code):
    """Types of representation of data, and of tokens for them (SPC-4)."""

    ACCESS_UPON_REFERENCE = 0x00010000, "access upon reference"
    POINT_IN_TIME_COPY_DEFAULT = 0x00800000, "point in time copy, default"
    POINT_IN_TIME_COPY_CHANGE_VULNERABLE = 0x00800001, "point in time copy, change vulnerable"
    POINT_IN_TIME_COPY_PERSISTENT = 0x00800002, "point in time copy, persistent"
    POINT_IN_TIME_COPY_ANY = 0x0080FFFF, "point in time copy, any"
    BLOCK_DEVICE_ZERO = 0xFFFF0001, "block device zero ROD token"


class ThirdPartyCopyDescriptorType(Code):
    """Descriptors of the Third-party Copy VPD page (SPC-4 and SBC-3)."""

    BLOCK_DEVICE_ROD_LIMITS = 0x0000, "Block Device ROD Token Limits"
    SUPPORTED_COMMANDS = 0x0001, "Supported Commands"
    PARAMETER_DATA = 0x0004, "Parameter Data"
    SUPPORTED_DESCRIPTORS = 0x0008, "Supported Descriptors"
    SUPPORTED_CSCD_IDS = 0x000C, "Supported CSCD Descriptor IDs"
    ROD_TOKEN_FEATURES = 0x0106, "ROD Token Features"
    SUPPORTED_ROD_TYPES = 0x0108, "Supported ROD Types"
    GENERAL_COPY_OPERATIONS = 0x8001, "General Copy Operations"
    STREAM_COPY_OPERATIONS = 0x9101, "Stream Copy Operations"
    HELD_DATA = 0xC001, "Held Data"
