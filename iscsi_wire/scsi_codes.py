"""Values that the SCSI standards (SAM-5, SPC-4, SBC-3) give a meaning to, with their words for it.

SCSI status is in :mod:`iscsi_wire.constants`, because RFC 7143 lists it too.
"""

from __future__ import annotations

from iscsi_wire.constants import Code


class OperationCode(Code):
    """Operation codes, the first byte of a CDB (SPC-4, annex on operation codes)."""

    TEST_UNIT_READY = 0x00, "TEST UNIT READY"
    REZERO_UNIT = 0x01, "REZERO UNIT"
    REQUEST_SENSE = 0x03, "REQUEST SENSE"
    FORMAT_UNIT = 0x04, "FORMAT UNIT"
    REASSIGN_BLOCKS = 0x07, "REASSIGN BLOCKS"
    READ_6 = 0x08, "READ (6)"
    WRITE_6 = 0x0A, "WRITE (6)"
    INQUIRY = 0x12, "INQUIRY"
    MODE_SELECT_6 = 0x15, "MODE SELECT (6)"
    RESERVE_6 = 0x16, "RESERVE (6)"
    RELEASE_6 = 0x17, "RELEASE (6)"
    MODE_SENSE_6 = 0x1A, "MODE SENSE (6)"
    START_STOP_UNIT = 0x1B, "START STOP UNIT"
    RECEIVE_DIAGNOSTIC_RESULTS = 0x1C, "RECEIVE DIAGNOSTIC RESULTS"
    SEND_DIAGNOSTIC = 0x1D, "SEND DIAGNOSTIC"
    PREVENT_ALLOW_MEDIUM_REMOVAL = 0x1E, "PREVENT ALLOW MEDIUM REMOVAL"
    READ_CAPACITY_10 = 0x25, "READ CAPACITY (10)"
    READ_10 = 0x28, "READ (10)"
    WRITE_10 = 0x2A, "WRITE (10)"
    WRITE_AND_VERIFY_10 = 0x2E, "WRITE AND VERIFY (10)"
    VERIFY_10 = 0x2F, "VERIFY (10)"
    PRE_FETCH_10 = 0x34, "PRE-FETCH (10)"
    SYNCHRONIZE_CACHE_10 = 0x35, "SYNCHRONIZE CACHE (10)"
    READ_DEFECT_DATA_10 = 0x37, "READ DEFECT DATA (10)"
    WRITE_BUFFER = 0x3B, "WRITE BUFFER"
    READ_BUFFER = 0x3C, "READ BUFFER"
    WRITE_SAME_10 = 0x41, "WRITE SAME (10)"
    UNMAP = 0x42, "UNMAP"
    SANITIZE = 0x48, "SANITIZE"
    LOG_SELECT = 0x4C, "LOG SELECT"
    LOG_SENSE = 0x4D, "LOG SENSE"
    MODE_SELECT_10 = 0x55, "MODE SELECT (10)"
    RESERVE_10 = 0x56, "RESERVE (10)"
    RELEASE_10 = 0x57, "RELEASE (10)"
    MODE_SENSE_10 = 0x5A, "MODE SENSE (10)"
    PERSISTENT_RESERVE_IN = 0x5E, "PERSISTENT RESERVE IN"
    PERSISTENT_RESERVE_OUT = 0x5F, "PERSISTENT RESERVE OUT"
    VARIABLE_LENGTH = 0x7F, "variable-length CDB"
    THIRD_PARTY_COPY_OUT = 0x83, "Third-party Copy OUT"
    THIRD_PARTY_COPY_IN = 0x84, "Third-party Copy IN"
    READ_16 = 0x88, "READ (16)"
    COMPARE_AND_WRITE = 0x89, "COMPARE AND WRITE"
    WRITE_16 = 0x8A, "WRITE (16)"
    ORWRITE_16 = 0x8B, "ORWRITE (16)"
    WRITE_AND_VERIFY_16 = 0x8E, "WRITE AND VERIFY (16)"
    VERIFY_16 = 0x8F, "VERIFY (16)"
    PRE_FETCH_16 = 0x90, "PRE-FETCH (16)"
    SYNCHRONIZE_CACHE_16 = 0x91, "SYNCHRONIZE CACHE (16)"
    WRITE_SAME_16 = 0x93, "WRITE SAME (16)"
    WRITE_ATOMIC_16 = 0x9C, "WRITE ATOMIC (16)"
    SERVICE_ACTION_IN_16 = 0x9E, "SERVICE ACTION IN (16)"
    REPORT_LUNS = 0xA0, "REPORT LUNS"
    MAINTENANCE_IN = 0xA3, "MAINTENANCE IN"
    MAINTENANCE_OUT = 0xA4, "MAINTENANCE OUT"
    READ_12 = 0xA8, "READ (12)"
    WRITE_12 = 0xAA, "WRITE (12)"
    WRITE_AND_VERIFY_12 = 0xAE, "WRITE AND VERIFY (12)"
    VERIFY_12 = 0xAF, "VERIFY (12)"
    READ_DEFECT_DATA_12 = 0xB7, "READ DEFECT DATA (12)"

    @classmethod
    def unassigned(cls, value: int) -> str:
        """Operation codes from C0h on are the vendor's."""
        return "vendor specific" if value >= 0xC0 else "not assigned here"


class ServiceActionIn16(Code):
    """Service actions of SERVICE ACTION IN (16) (SBC-3)."""

    READ_CAPACITY_16 = 0x10, "READ CAPACITY (16)"
    READ_LONG_16 = 0x11, "READ LONG (16)"
    GET_LBA_STATUS = 0x12, "GET LBA STATUS"


class LongServiceAction(Code):
    """Service actions of CDBs of 32 octets (SBC-3, variable length CDBs)."""

    READ_32 = 0x09, "READ (32)"
    VERIFY_32 = 0x0A, "VERIFY (32)"
    WRITE_32 = 0x0B, "WRITE (32)"
    WRITE_AND_VERIFY_32 = 0x0C, "WRITE AND VERIFY (32)"
    WRITE_SAME_32 = 0x0D, "WRITE SAME (32)"


class SenseKey(Code):
    """Sense keys (SPC-4, sense key and sense code definitions)."""

    NO_SENSE = 0x0, "NO SENSE"
    RECOVERED_ERROR = 0x1, "RECOVERED ERROR"
    NOT_READY = 0x2, "NOT READY"
    MEDIUM_ERROR = 0x3, "MEDIUM ERROR"
    HARDWARE_ERROR = 0x4, "HARDWARE ERROR"
    ILLEGAL_REQUEST = 0x5, "ILLEGAL REQUEST"
    UNIT_ATTENTION = 0x6, "UNIT ATTENTION"
    DATA_PROTECT = 0x7, "DATA PROTECT"
    BLANK_CHECK = 0x8, "BLANK CHECK"
    VENDOR_SPECIFIC = 0x9, "VENDOR SPECIFIC"
    COPY_ABORTED = 0xA, "COPY ABORTED"
    ABORTED_COMMAND = 0xB, "ABORTED COMMAND"
    VOLUME_OVERFLOW = 0xD, "VOLUME OVERFLOW"
    MISCOMPARE = 0xE, "MISCOMPARE"
    COMPLETED = 0xF, "COMPLETED"


class SenseResponseCode(Code):
    """Formats of sense data (SPC-4, sense data response codes)."""

    FIXED_CURRENT = 0x70, "current, fixed format"
    FIXED_DEFERRED = 0x71, "deferred, fixed format"
    DESCRIPTOR_CURRENT = 0x72, "current, descriptor format"
    DESCRIPTOR_DEFERRED = 0x73, "deferred, descriptor format"
    VENDOR_SPECIFIC = 0x7F, "vendor specific"


class SenseDescriptorType(Code):
    """Types of sense data descriptor (SPC-4, descriptor format sense data)."""

    INFORMATION = 0x00, "Information"
    COMMAND_SPECIFIC = 0x01, "Command specific information"
    SENSE_KEY_SPECIFIC = 0x02, "Sense key specific"
    FIELD_REPLACEABLE_UNIT = 0x03, "Field replaceable unit"
    STREAM_COMMANDS = 0x04, "Stream commands"
    BLOCK_COMMANDS = 0x05, "Block commands"
    FORWARDED = 0x0C, "Forwarded sense data"

    @classmethod
    def unassigned(cls, value: int) -> str:
        """Types from 80h on are the vendor's."""
        return "vendor specific" if value >= 0x80 else "not assigned here"


class AdditionalSense(Code):
    """Additional sense codes, ASC << 8 | ASCQ, as far as something here uses them (SPC-4, ASC and ASCQ assignments)."""

    NONE = 0x0000, "NO ADDITIONAL SENSE INFORMATION"
    OPERATION_IN_PROGRESS = 0x0016, "OPERATION IN PROGRESS"
    PERIPHERAL_DEVICE_WRITE_FAULT = 0x0300, "PERIPHERAL DEVICE WRITE FAULT"
    LOGICAL_UNIT_NOT_READY = 0x0400, "LOGICAL UNIT NOT READY, CAUSE NOT REPORTABLE"
    LOGICAL_UNIT_BECOMING_READY = 0x0401, "LOGICAL UNIT IS IN PROCESS OF BECOMING READY"
    TARGET_PORT_IN_STANDBY_STATE = 0x040B, "LOGICAL UNIT NOT ACCESSIBLE, TARGET PORT IN STANDBY STATE"
    TARGET_PORT_IN_UNAVAILABLE_STATE = 0x040C, "LOGICAL UNIT NOT ACCESSIBLE, TARGET PORT IN UNAVAILABLE STATE"
    INITIALIZING_COMMAND_REQUIRED = 0x0402, "LOGICAL UNIT NOT READY, INITIALIZING COMMAND REQUIRED"
    FORMAT_IN_PROGRESS = 0x0404, "LOGICAL UNIT NOT READY, FORMAT IN PROGRESS"
    SANITIZE_IN_PROGRESS = 0x041B, "LOGICAL UNIT NOT READY, SANITIZE IN PROGRESS"
    LOGICAL_UNIT_COMMUNICATION_FAILURE = 0x0800, "LOGICAL UNIT COMMUNICATION FAILURE"
    UNREACHABLE_COPY_TARGET = 0x0804, "UNREACHABLE COPY TARGET"
    WRITE_ERROR = 0x0C00, "WRITE ERROR"
    UNEXPECTED_UNSOLICITED_DATA = 0x0C0C, "WRITE ERROR - UNEXPECTED UNSOLICITED DATA"
    NOT_ENOUGH_UNSOLICITED_DATA = 0x0C0D, "WRITE ERROR - NOT ENOUGH UNSOLICITED DATA"
    THIRD_PARTY_DEVICE_FAILURE = 0x0D01, "THIRD PARTY DEVICE FAILURE"
    COPY_TARGET_DEVICE_NOT_REACHABLE = 0x0D02, "COPY TARGET DEVICE NOT REACHABLE"
    INCORRECT_COPY_TARGET_DEVICE_TYPE = 0x0D03, "INCORRECT COPY TARGET DEVICE TYPE"
    INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT = 0x0E03, "INVALID FIELD IN COMMAND INFORMATION UNIT"
    LOGICAL_BLOCK_GUARD_CHECK_FAILED = 0x1001, "LOGICAL BLOCK GUARD CHECK FAILED"
    LOGICAL_BLOCK_APPLICATION_TAG_CHECK_FAILED = 0x1002, "LOGICAL BLOCK APPLICATION TAG CHECK FAILED"
    LOGICAL_BLOCK_REFERENCE_TAG_CHECK_FAILED = 0x1003, "LOGICAL BLOCK REFERENCE TAG CHECK FAILED"
    UNRECOVERED_READ_ERROR = 0x1100, "UNRECOVERED READ ERROR"
    FAILED_RETRANSMISSION_REQUEST = 0x1113, "READ ERROR - FAILED RETRANSMISSION REQUEST"
    PARAMETER_LIST_LENGTH_ERROR = 0x1A00, "PARAMETER LIST LENGTH ERROR"
    MISCOMPARE_DURING_VERIFY = 0x1D00, "MISCOMPARE DURING VERIFY OPERATION"
    INVALID_COMMAND_OPERATION_CODE = 0x2000, "INVALID COMMAND OPERATION CODE"
    LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE = 0x2100, "LOGICAL BLOCK ADDRESS OUT OF RANGE"
    UNSUPPORTED_TOKEN_TYPE = 0x2301, "INVALID TOKEN OPERATION, UNSUPPORTED TOKEN TYPE"
    TOKEN_UNKNOWN = 0x2304, "INVALID TOKEN OPERATION, TOKEN UNKNOWN"
    TOKEN_CORRUPT = 0x2305, "INVALID TOKEN OPERATION, TOKEN CORRUPT"
    TOKEN_EXPIRED = 0x2307, "INVALID TOKEN OPERATION, TOKEN EXPIRED"
    TOKEN_CANCELLED = 0x2308, "INVALID TOKEN OPERATION, TOKEN CANCELLED"
    TOKEN_DELETED = 0x2309, "INVALID TOKEN OPERATION, TOKEN DELETED"
    INVALID_TOKEN_LENGTH = 0x230A, "INVALID TOKEN OPERATION, INVALID TOKEN LENGTH"
    INVALID_FIELD_IN_CDB = 0x2400, "INVALID FIELD IN CDB"
    LOGICAL_UNIT_NOT_SUPPORTED = 0x2500, "LOGICAL UNIT NOT SUPPORTED"
    INVALID_FIELD_IN_PARAMETER_LIST = 0x2600, "INVALID FIELD IN PARAMETER LIST"
    PARAMETER_NOT_SUPPORTED = 0x2601, "PARAMETER NOT SUPPORTED"
    PARAMETER_VALUE_INVALID = 0x2602, "PARAMETER VALUE INVALID"
    INVALID_RELEASE_OF_PERSISTENT_RESERVATION = 0x2604, "INVALID RELEASE OF PERSISTENT RESERVATION"
    TOO_MANY_TARGET_DESCRIPTORS = 0x2606, "TOO MANY TARGET DESCRIPTORS"
    UNSUPPORTED_TARGET_DESCRIPTOR_TYPE_CODE = 0x2607, "UNSUPPORTED TARGET DESCRIPTOR TYPE CODE"
    TOO_MANY_SEGMENT_DESCRIPTORS = 0x2608, "TOO MANY SEGMENT DESCRIPTORS"
    UNSUPPORTED_SEGMENT_DESCRIPTOR_TYPE_CODE = 0x2609, "UNSUPPORTED SEGMENT DESCRIPTOR TYPE CODE"
    UNEXPECTED_INEXACT_SEGMENT = 0x260A, "UNEXPECTED INEXACT SEGMENT"
    INLINE_DATA_LENGTH_EXCEEDED = 0x260B, "INLINE DATA LENGTH EXCEEDED"
    WRITE_PROTECTED = 0x2700, "WRITE PROTECTED"
    NOT_READY_TO_READY_CHANGE = 0x2800, "NOT READY TO READY CHANGE, MEDIUM MAY HAVE CHANGED"
    POWER_ON_RESET_OR_BUS_DEVICE_RESET = 0x2900, "POWER ON, RESET, OR BUS DEVICE RESET OCCURRED"
    POWER_ON_OCCURRED = 0x2901, "POWER ON OCCURRED"
    SCSI_BUS_RESET_OCCURRED = 0x2902, "SCSI BUS RESET OCCURRED"
    BUS_DEVICE_RESET_FUNCTION_OCCURRED = 0x2903, "BUS DEVICE RESET FUNCTION OCCURRED"
    I_T_NEXUS_LOSS_OCCURRED = 0x2907, "I_T NEXUS LOSS OCCURRED"
    MODE_PARAMETERS_CHANGED = 0x2A01, "MODE PARAMETERS CHANGED"
    RESERVATIONS_PREEMPTED = 0x2A03, "RESERVATIONS PREEMPTED"
    RESERVATIONS_RELEASED = 0x2A04, "RESERVATIONS RELEASED"
    REGISTRATIONS_PREEMPTED = 0x2A05, "REGISTRATIONS PREEMPTED"
    ASYMMETRIC_ACCESS_STATE_CHANGED = 0x2A06, "ASYMMETRIC ACCESS STATE CHANGED"
    CAPACITY_DATA_HAS_CHANGED = 0x2A09, "CAPACITY DATA HAS CHANGED"
    COMMAND_SEQUENCE_ERROR = 0x2C00, "COMMAND SEQUENCE ERROR"
    COMMANDS_CLEARED_BY_ANOTHER_INITIATOR = 0x2F00, "COMMANDS CLEARED BY ANOTHER INITIATOR"
    FORMAT_COMMAND_FAILED = 0x3101, "FORMAT COMMAND FAILED"
    SANITIZE_COMMAND_FAILED = 0x3103, "SANITIZE COMMAND FAILED"
    SAVING_PARAMETERS_NOT_SUPPORTED = 0x3900, "SAVING PARAMETERS NOT SUPPORTED"
    MEDIUM_NOT_PRESENT = 0x3A00, "MEDIUM NOT PRESENT"
    LOGICAL_UNIT_FAILED_SELF_TEST = 0x3E03, "LOGICAL UNIT FAILED SELF-TEST"
    TARGET_OPERATING_CONDITIONS_HAVE_CHANGED = 0x3F00, "TARGET OPERATING CONDITIONS HAVE CHANGED"
    INQUIRY_DATA_HAS_CHANGED = 0x3F03, "INQUIRY DATA HAS CHANGED"
    REPORTED_LUNS_DATA_HAS_CHANGED = 0x3F0E, "REPORTED LUNS DATA HAS CHANGED"
    INTERNAL_TARGET_FAILURE = 0x4400, "INTERNAL TARGET FAILURE"
    PROTOCOL_SERVICE_CRC_ERROR = 0x4705, "PROTOCOL SERVICE CRC ERROR"
    SOME_COMMANDS_CLEARED_BY_ISCSI = 0x477F, "SOME COMMANDS CLEARED BY ISCSI PROTOCOL EVENT"
    INITIATOR_DETECTED_ERROR_MESSAGE_RECEIVED = 0x4800, "INITIATOR DETECTED ERROR MESSAGE RECEIVED"
    INVALID_MESSAGE_ERROR = 0x4900, "INVALID MESSAGE ERROR"
    OVERLAPPED_COMMANDS_ATTEMPTED = 0x4E00, "OVERLAPPED COMMANDS ATTEMPTED"
    MEDIUM_REMOVAL_PREVENTED = 0x5302, "MEDIUM REMOVAL PREVENTED"
    INSUFFICIENT_RESOURCES = 0x5503, "INSUFFICIENT RESOURCES"
    INSUFFICIENT_REGISTRATION_RESOURCES = 0x5504, "INSUFFICIENT REGISTRATION RESOURCES"
    INSUFFICIENT_RESOURCES_TO_CREATE_ROD = 0x550C, "INSUFFICIENT RESOURCES TO CREATE ROD"
    INSUFFICIENT_RESOURCES_TO_CREATE_ROD_TOKEN = 0x550D, "INSUFFICIENT RESOURCES TO CREATE ROD TOKEN"
    FAILURE_PREDICTION_THRESHOLD_EXCEEDED_FALSE = 0x5DFF, "FAILURE PREDICTION THRESHOLD EXCEEDED (FALSE)"

    @classmethod
    def unassigned(cls, value: int) -> str:
        """Codes and qualifiers from 80h on are the vendor's."""
        return "vendor specific" if value >= 0x8000 or value & 0x80 else "not listed here"


class PeripheralQualifier(Code):
    """Peripheral qualifiers (SPC-4, standard INQUIRY data)."""

    CONNECTED = 0, "connected to this logical unit"
    NOT_CONNECTED = 1, "capable, but not connected"
    NOT_CAPABLE = 3, "not capable of a logical unit here"

    @classmethod
    def unassigned(cls, value: int) -> str:
        """Qualifiers from 4 on are the vendor's."""
        return "vendor specific" if value >= 4 else "reserved"


class PeripheralDeviceType(Code):
    """Peripheral device types (SPC-4, standard INQUIRY data)."""

    DIRECT_ACCESS_BLOCK = 0x00, "direct access block device"
    SEQUENTIAL_ACCESS = 0x01, "sequential-access device"
    PROCESSOR = 0x03, "processor device"
    CD_DVD = 0x05, "CD/DVD device"
    MEDIA_CHANGER = 0x08, "media changer"
    STORAGE_ARRAY_CONTROLLER = 0x0C, "storage array controller"
    ENCLOSURE_SERVICES = 0x0D, "enclosure services device"
    SIMPLIFIED_DIRECT_ACCESS = 0x0E, "simplified direct-access device"
    OBJECT_BASED = 0x11, "object-based storage device"
    WELL_KNOWN_LOGICAL_UNIT = 0x1E, "well known logical unit"
    UNKNOWN = 0x1F, "unknown or no device type"


class InquiryVersion(Code):
    """Field VERSION of standard INQUIRY data: the SPC that the device conforms to (SPC-4)."""

    NONE = 0x00, "no conformance to any standard"
    SPC = 0x03, "SPC"
    SPC_2 = 0x04, "SPC-2"
    SPC_3 = 0x05, "SPC-3"
    SPC_4 = 0x06, "SPC-4"
    SPC_5 = 0x07, "SPC-5"


class VpdPageCode(Code):
    """Vital product data pages (SPC-4 and SBC-3)."""

    SUPPORTED_PAGES = 0x00, "Supported VPD Pages"
    UNIT_SERIAL_NUMBER = 0x80, "Unit Serial Number"
    DEVICE_IDENTIFICATION = 0x83, "Device Identification"
    SOFTWARE_INTERFACE_IDENTIFICATION = 0x84, "Software Interface Identification"
    MANAGEMENT_NETWORK_ADDRESSES = 0x85, "Management Network Addresses"
    EXTENDED_INQUIRY_DATA = 0x86, "Extended INQUIRY Data"
    MODE_PAGE_POLICY = 0x87, "Mode Page Policy"
    SCSI_PORTS = 0x88, "SCSI Ports"
    THIRD_PARTY_COPY = 0x8F, "Third-party Copy"
    BLOCK_LIMITS = 0xB0, "Block Limits"
    BLOCK_DEVICE_CHARACTERISTICS = 0xB1, "Block Device Characteristics"
    LOGICAL_BLOCK_PROVISIONING = 0xB2, "Logical Block Provisioning"
    REFERRALS = 0xB3, "Referrals"

    @classmethod
    def unassigned(cls, value: int) -> str:
        """Pages from C0h on are the vendor's."""
        return "vendor specific" if value >= 0xC0 else "not listed here"


class ModePageCode(Code):
    """Mode pages (SPC-4 and SBC-3)."""

    READ_WRITE_ERROR_RECOVERY = 0x01, "Read-Write Error Recovery"
    DISCONNECT_RECONNECT = 0x02, "Disconnect-Reconnect"
    FORMAT_DEVICE = 0x03, "Format Device"
    RIGID_DISK_GEOMETRY = 0x04, "Rigid Disk Geometry"
    VERIFY_ERROR_RECOVERY = 0x07, "Verify Error Recovery"
    CACHING = 0x08, "Caching"
    CONTROL = 0x0A, "Control"
    PROTOCOL_SPECIFIC_LOGICAL_UNIT = 0x18, "Protocol Specific Logical Unit"
    PROTOCOL_SPECIFIC_PORT = 0x19, "Protocol Specific Port"
    POWER_CONDITION = 0x1A, "Power Condition"
    INFORMATIONAL_EXCEPTIONS_CONTROL = 0x1C, "Informational Exceptions Control"
    ALL = 0x3F, "all pages"

    @classmethod
    def unassigned(cls, value: int) -> str:
        """Page 00h is the vendor's."""
        return "vendor specific" if value == 0 else "not listed here"


class PageControl(Code):
    """Field PC of MODE SENSE (SPC-4)."""

    CURRENT = 0, "current values"
    CHANGEABLE = 1, "changeable values"
    DEFAULT = 2, "default values"
    SAVED = 3, "saved values"


class CodeSet(Code):
    """Code sets of a designator (SPC-4, Device Identification VPD page)."""

    BINARY = 1, "binary"
    ASCII = 2, "ASCII"
    UTF_8 = 3, "UTF-8"


class Association(Code):
    """What a designator names (SPC-4, Device Identification VPD page)."""

    LOGICAL_UNIT = 0, "logical unit"
    TARGET_PORT = 1, "target port"
    TARGET_DEVICE = 2, "target device"


class DesignatorType(Code):
    """Types of designator (SPC-4, Device Identification VPD page)."""

    VENDOR_SPECIFIC = 0x0, "vendor specific"
    T10_VENDOR_ID = 0x1, "T10 vendor ID based"
    EUI_64 = 0x2, "EUI-64 based"
    NAA = 0x3, "NAA"
    RELATIVE_TARGET_PORT = 0x4, "relative target port"
    TARGET_PORT_GROUP = 0x5, "target port group"
    LOGICAL_UNIT_GROUP = 0x6, "logical unit group"
    MD5 = 0x7, "MD5 logical unit identifier"
    SCSI_NAME_STRING = 0x8, "SCSI name string"


class ProtocolIdentifier(Code):
    """Protocol identifiers (SPC-4)."""

    FIBRE_CHANNEL = 0x0, "Fibre Channel"
    SRP = 0x4, "SCSI RDMA Protocol"
    ISCSI = 0x5, "iSCSI"
    SAS = 0x6, "SAS"
    NONE = 0xF, "no specific protocol"


class SelectReport(Code):
    """Field SELECT REPORT of REPORT LUNS (SPC-4)."""

    ADDRESSED = 0x00, "logical units without the well known ones"
    WELL_KNOWN = 0x01, "well known logical units"
    ALL = 0x02, "all logical units"
    ADMINISTRATIVE = 0x10, "administrative logical units"
    SINGLE_LEVEL = 0x11, "logical units with a single level, and administrative ones"


class ProvisioningStatus(Code):
    """What is behind a logical block (SBC-3, GET LBA STATUS parameter data)."""

    MAPPED = 0x0, "mapped, or not known"
    DEALLOCATED = 0x1, "deallocated"
    ANCHORED = 0x2, "anchored"


class ProvisioningType(Code):
    """How a logical unit provides storage (SBC-3, Logical Block Provisioning VPD page)."""

    UNKNOWN = 0, "not reported, or fully provisioned"
    RESOURCE_PROVISIONED = 1, "resource provisioned"
    THIN_PROVISIONED = 2, "thin provisioned"


class PowerCondition(Code):
    """Field POWER CONDITION of START STOP UNIT (SBC-3)."""

    START_VALID = 0x0, "START and LOEJ count"
    ACTIVE = 0x1, "ACTIVE"
    IDLE = 0x2, "IDLE"
    STANDBY = 0x3, "STANDBY"
    LU_CONTROL = 0x7, "LU_CONTROL"
    FORCE_IDLE_0 = 0xA, "FORCE_IDLE_0"
    FORCE_STANDBY_0 = 0xB, "FORCE_STANDBY_0"


class Prevent(Code):
    """Field PREVENT of PREVENT ALLOW MEDIUM REMOVAL (SBC-3)."""

    ALLOWED = 0, "removal is allowed"
    PREVENTED = 1, "removal is prevented"

    @classmethod
    def unassigned(cls, value: int) -> str:
        """The others spoke of media changers."""
        return "obsolete"


class Sanitize(Code):
    """Service actions of SANITIZE (SBC-3)."""

    OVERWRITE = 0x01, "OVERWRITE"
    BLOCK_ERASE = 0x02, "BLOCK ERASE"
    CRYPTOGRAPHIC_ERASE = 0x03, "CRYPTOGRAPHIC ERASE"
    EXIT_FAILURE_MODE = 0x1F, "EXIT FAILURE MODE"


class InitializationPatternType(Code):
    """What FORMAT UNIT writes (SBC-3, initialization pattern descriptor)."""

    DEFAULT = 0x00, "the device server's choice"
    REPEAT = 0x01, "the pattern, repeated to fill each block"


class MaintenanceIn(Code):
    """Service actions of MAINTENANCE IN (SPC-4)."""

    REPORT_IDENTIFYING_INFORMATION = 0x05, "REPORT IDENTIFYING INFORMATION"
    REPORT_TARGET_PORT_GROUPS = 0x0A, "REPORT TARGET PORT GROUPS"
    REPORT_ALIASES = 0x0B, "REPORT ALIASES"
    REPORT_SUPPORTED_OPERATION_CODES = 0x0C, "REPORT SUPPORTED OPERATION CODES"
    REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS = 0x0D, "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS"


class MaintenanceOut(Code):
    """Service actions of MAINTENANCE OUT (SPC-4)."""

    SET_IDENTIFYING_INFORMATION = 0x06, "SET IDENTIFYING INFORMATION"
    SET_TARGET_PORT_GROUPS = 0x0A, "SET TARGET PORT GROUPS"


class TargetPortGroupsFormat(Code):
    """Field PARAMETER DATA FORMAT of REPORT TARGET PORT GROUPS (SPC-4)."""

    LENGTH_ONLY = 0, "length only header"
    EXTENDED = 1, "extended header"


class AccessState(Code):
    """Asymmetric access states of a target port group (SPC-4, asymmetric logical unit access)."""

    ACTIVE_OPTIMIZED = 0x0, "active/optimized"
    ACTIVE_NON_OPTIMIZED = 0x1, "active/non-optimized"
    STANDBY = 0x2, "standby"
    UNAVAILABLE = 0x3, "unavailable"
    LOGICAL_BLOCK_DEPENDENT = 0x4, "logical block dependent"
    OFFLINE = 0xE, "offline"
    TRANSITIONING = 0xF, "transitioning between states"


class AccessStateCause(Code):
    """Field STATUS CODE of a target port group descriptor (SPC-4)."""

    NONE = 0x0, "no status"
    BY_COMMAND = 0x1, "altered by SET TARGET PORT GROUPS"
    BY_ITSELF = 0x2, "altered by the device server"


class ReportingOptions(Code):
    """What REPORT SUPPORTED OPERATION CODES is asked for (SPC-4)."""

    ALL = 0, "all commands"
    ONE_WITHOUT_SERVICE_ACTION = 1, "one command, by its operation code"
    ONE_WITH_SERVICE_ACTION = 2, "one command, by its operation code and service action"
    ONE = 3, "one command, by its operation code and, if it has any, service action"


class CommandSupport(Code):
    """Whether a command is supported (SPC-4, One_command parameter data format)."""

    UNKNOWN = 0, "not known now"
    NOT_SUPPORTED = 1, "not supported"
    BY_THE_STANDARD = 3, "supported as a SCSI standard has it"
    BY_THE_VENDOR = 5, "supported in a vendor's manner"


class PersistentReserveIn(Code):
    """Service actions of PERSISTENT RESERVE IN (SPC-4)."""

    READ_KEYS = 0x0, "READ KEYS"
    READ_RESERVATION = 0x1, "READ RESERVATION"
    REPORT_CAPABILITIES = 0x2, "REPORT CAPABILITIES"
    READ_FULL_STATUS = 0x3, "READ FULL STATUS"


class PersistentReserveOut(Code):
    """Service actions of PERSISTENT RESERVE OUT (SPC-4)."""

    REGISTER = 0x0, "REGISTER"
    RESERVE = 0x1, "RESERVE"
    RELEASE = 0x2, "RELEASE"
    CLEAR = 0x3, "CLEAR"
    PREEMPT = 0x4, "PREEMPT"
    PREEMPT_AND_ABORT = 0x5, "PREEMPT AND ABORT"
    REGISTER_AND_IGNORE_EXISTING_KEY = 0x6, "REGISTER AND IGNORE EXISTING KEY"
    REGISTER_AND_MOVE = 0x7, "REGISTER AND MOVE"


class ReservationType(Code):
    """Types of persistent reservations (SPC-4)."""

    WRITE_EXCLUSIVE = 0x1, "Write Exclusive"
    EXCLUSIVE_ACCESS = 0x3, "Exclusive Access"
    WRITE_EXCLUSIVE_REGISTRANTS_ONLY = 0x5, "Write Exclusive - Registrants Only"
    EXCLUSIVE_ACCESS_REGISTRANTS_ONLY = 0x6, "Exclusive Access - Registrants Only"
    WRITE_EXCLUSIVE_ALL_REGISTRANTS = 0x7, "Write Exclusive - All Registrants"
    EXCLUSIVE_ACCESS_ALL_REGISTRANTS = 0x8, "Exclusive Access - All Registrants"


class LogPageCode(Code):
    """Log pages (SPC-4)."""

    SUPPORTED_PAGES = 0x00, "Supported Log Pages"
    TEMPERATURE = 0x0D, "Temperature"
    START_STOP_CYCLE_COUNTER = 0x0E, "Start-Stop Cycle Counter"
    INFORMATIONAL_EXCEPTIONS = 0x2F, "Informational Exceptions"

    @classmethod
    def unassigned(cls, value: int) -> str:
        """Pages 30h to 3Eh are the vendor's."""
        return "vendor specific" if 0x30 <= value <= 0x3E else "not listed here"


class LogPageControl(Code):
    """Field PC of LOG SENSE and LOG SELECT (SPC-4)."""

    THRESHOLD = 0, "threshold values"
    CUMULATIVE = 1, "cumulative values"
    DEFAULT_THRESHOLD = 2, "default threshold values"
    DEFAULT_CUMULATIVE = 3, "default cumulative values"


class DiagnosticPageCode(Code):
    """Diagnostic pages (SPC-4)."""

    SUPPORTED_PAGES = 0x00, "Supported Diagnostic Pages"

    @classmethod
    def unassigned(cls, value: int) -> str:
        """Pages from 80h on are the vendor's."""
        return "vendor specific" if value >= 0x80 else "not listed here"


class SelfTestCode(Code):
    """Field SELF-TEST CODE of SEND DIAGNOSTIC (SPC-4)."""

    NONE = 0, "no self-test, or the default one"
    BACKGROUND_SHORT = 1, "background short self-test"
    BACKGROUND_EXTENDED = 2, "background extended self-test"
    ABORT_BACKGROUND = 4, "abort background self-test"
    FOREGROUND_SHORT = 5, "foreground short self-test"
    FOREGROUND_EXTENDED = 6, "foreground extended self-test"


class BufferMode(Code):
    """Field MODE of READ BUFFER and WRITE BUFFER (SPC-4)."""

    DATA = 0x02, "data"
    DESCRIPTOR = 0x03, "descriptor"
    ECHO_BUFFER = 0x0A, "echo buffer"
    ECHO_BUFFER_DESCRIPTOR = 0x0B, "echo buffer descriptor"


class ModePagePolicyCode(Code):
    """Field MODE PAGE POLICY (SPC-4, Mode Page Policy VPD page)."""

    SHARED = 0, "shared"
    PER_TARGET_PORT = 1, "per target port"
    PER_INITIATOR_PORT = 2, "per initiator port"
    PER_NEXUS = 3, "per I_T nexus"


class TaskSetType(Code):
    """Field TST of the Control mode page (SPC-4)."""

    SHARED = 0, "one task set for all I_T nexuses"
    PER_NEXUS = 1, "separate task sets for each I_T nexus"


class QueueError(Code):
    """Field QERR of the Control mode page: what becomes of the other commands after a CHECK CONDITION (SPC-4)."""

    CONTINUE = 0, "they are processed"
    ABORT_ALL = 1, "all of the task set are aborted"
    ABORT_OWN = 3, "those of the same I_T nexus are aborted"
