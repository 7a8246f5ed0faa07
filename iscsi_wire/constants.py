"""Values that RFC 7143 and RFC 7144 give a meaning to, each with the words the RFC uses for it.

Only numbers and their names live here; what a value makes somebody do belongs to the target, the
initiator or the suites.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, Self

BHS_LENGTH: Final = 48
"""Length of the Basic Header Segment in bytes (RFC 7143, 11.2.1)."""

DIGEST_LENGTH: Final = 4
"""Length of a header or data digest in bytes (RFC 7143, 13.1)."""

PADDING: Final = 4
"""Every segment is padded to a multiple of this many bytes (RFC 7143, 11.1)."""

RESERVED_TAG: Final = 0xFFFFFFFF
"""The Initiator Task Tag or Target Transfer Tag that names nothing (RFC 7143, 11.2.1.8, 11.7.4)."""

RESERVED_TSIH: Final = 0
"""The TSIH of a login that asks for a new session (RFC 7143, 11.12.6)."""

MAX_DATA_SEGMENT_LENGTH: Final = 0xFFFFFF
"""The largest DataSegmentLength that the 24-bit field holds, in bytes (RFC 7143, 11.2.1)."""

MAX_AHS_LENGTH: Final = 255 * 4
"""The longest AHS area that TotalAHSLength can announce, in bytes (RFC 7143, 11.2.1.5)."""

ISCSI_VERSION: Final = 0x00
"""Version-max, Version-min and Version-active of RFC 7143 (11.12.4)."""

ISCSI_PORT: Final = 3260
"""TCP port of a TargetAddress that names none (RFC 7143, 13.8 and 14)."""

OPCODE_MASK: Final = 0x3F
"""The opcode's bits in byte 0 of a header (RFC 7143, 11.2.1)."""

IMMEDIATE_BIT: Final = 0x40
"""The I bit in byte 0 of a request (RFC 7143, 11.2.1.1)."""

FINAL_BIT: Final = 0x80
"""The F bit in byte 1 of a header (RFC 7143, 11.2.1.3)."""


class Code(IntEnum):
    """A coded field: each member is an int that carries its wording in the standard as ``label``."""

    label: str

    def __new__(cls, value: int, label: str = "") -> Self:
        """Make the member ``value`` with the standard's wording ``label``."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.label = label
        return member

    @classmethod
    def meaning(cls, value: int) -> str:
        """Return the standard's wording for ``value``, also for a value that it leaves unassigned."""
        member = cls._value2member_map_.get(value)
        return member.label if isinstance(member, Code) else cls.unassigned(value)

    @classmethod
    def unassigned(cls, value: int) -> str:
        """Return what the standard says of a ``value`` that is no member."""
        return "reserved"


class Opcode(Code):
    """Opcodes (RFC 7143, 11.2.1.2)."""

    NOP_OUT = 0x00, "NOP-Out"
    SCSI_COMMAND = 0x01, "SCSI Command"
    TASK_MANAGEMENT_REQUEST = 0x02, "Task Management Function Request"
    LOGIN_REQUEST = 0x03, "Login Request"
    TEXT_REQUEST = 0x04, "Text Request"
    DATA_OUT = 0x05, "SCSI Data-Out"
    LOGOUT_REQUEST = 0x06, "Logout Request"
    SNACK_REQUEST = 0x10, "SNACK Request"
    NOP_IN = 0x20, "NOP-In"
    SCSI_RESPONSE = 0x21, "SCSI Response"
    TASK_MANAGEMENT_RESPONSE = 0x22, "Task Management Function Response"
    LOGIN_RESPONSE = 0x23, "Login Response"
    TEXT_RESPONSE = 0x24, "Text Response"
    DATA_IN = 0x25, "SCSI Data-In"
    LOGOUT_RESPONSE = 0x26, "Logout Response"
    READY_TO_TRANSFER = 0x31, "Ready To Transfer"
    ASYNC_MESSAGE = 0x32, "Asynchronous Message"
    REJECT = 0x3F, "Reject"

    @classmethod
    def unassigned(cls, value: int) -> str:
        """Tell the vendor-specific opcodes from the unassigned ones."""
        return "vendor-specific" if value & 0x1F in (0x1C, 0x1D, 0x1E) else "unassigned"


class AhsType(Code):
    """Types of Additional Header Segment (RFC 7143, 11.2.2.1)."""

    EXTENDED_CDB = 0x01, "Extended CDB"
    BIDIRECTIONAL_READ_LENGTH = 0x02, "Bidirectional Read Expected Data Transfer Length"


class TaskAttribute(Code):
    """Task attributes, field ATTR (RFC 7143, 11.3.1)."""

    UNTAGGED = 0, "Untagged"
    SIMPLE = 1, "Simple"
    ORDERED = 2, "Ordered"
    HEAD_OF_QUEUE = 3, "Head of queue"
    ACA = 4, "ACA"


class ScsiStatus(Code):
    """SCSI status (RFC 7143, 11.4.2; SAM-5, status codes)."""

    GOOD = 0x00, "GOOD"
    CHECK_CONDITION = 0x02, "CHECK CONDITION"
    CONDITION_MET = 0x04, "CONDITION MET"
    BUSY = 0x08, "BUSY"
    INTERMEDIATE = 0x10, "INTERMEDIATE"
    INTERMEDIATE_CONDITION_MET = 0x14, "INTERMEDIATE-CONDITION MET"
    RESERVATION_CONFLICT = 0x18, "RESERVATION CONFLICT"
    COMMAND_TERMINATED = 0x22, "COMMAND TERMINATED"
    TASK_SET_FULL = 0x28, "TASK SET FULL"
    ACA_ACTIVE = 0x30, "ACA ACTIVE"
    TASK_ABORTED = 0x40, "TASK ABORTED"


class ScsiResponseCode(Code):
    """iSCSI service responses, field Response (RFC 7143, 11.4.3)."""

    COMMAND_COMPLETED = 0x00, "Command Completed at Target"
    TARGET_FAILURE = 0x01, "Target Failure"

    @classmethod
    def unassigned(cls, value: int) -> str:
        """Responses from 0x80 on are the vendor's."""
        return "vendor-specific" if value >= 0x80 else "reserved"


class TaskManagementFunction(Code):
    """Task management functions (RFC 7143, 11.5.1; RFC 7144, 6.3)."""

    ABORT_TASK = 1, "ABORT TASK"
    ABORT_TASK_SET = 2, "ABORT TASK SET"
    CLEAR_ACA = 3, "CLEAR ACA"
    CLEAR_TASK_SET = 4, "CLEAR TASK SET"
    LOGICAL_UNIT_RESET = 5, "LOGICAL UNIT RESET"
    TARGET_WARM_RESET = 6, "TARGET WARM RESET"
    TARGET_COLD_RESET = 7, "TARGET COLD RESET"
    TASK_REASSIGN = 8, "TASK REASSIGN"
    QUERY_TASK = 9, "QUERY TASK"
    QUERY_TASK_SET = 10, "QUERY TASK SET"
    I_T_NEXUS_RESET = 11, "I_T NEXUS RESET"
    QUERY_ASYNCHRONOUS_EVENT = 12, "QUERY ASYNCHRONOUS EVENT"

    @classmethod
    def unassigned(cls, value: int) -> str:
        """No other function has a meaning."""
        return "unassigned"


class TaskManagementResponseCode(Code):
    """Responses to task management functions (RFC 7143, 11.6.1; RFC 7144, 6.4.2)."""

    FUNCTION_COMPLETE = 0, "Function complete"
    TASK_DOES_NOT_EXIST = 1, "Task does not exist"
    LUN_DOES_NOT_EXIST = 2, "LUN does not exist"
    TASK_STILL_ALLEGIANT = 3, "Task still allegiant"
    TASK_REASSIGNMENT_NOT_SUPPORTED = 4, "Task allegiance reassignment not supported"
    FUNCTION_NOT_SUPPORTED = 5, "Task management function not supported"
    AUTHORIZATION_FAILED = 6, "Function authorization failed"
    FUNCTION_SUCCEEDED = 7, "Function succeeded"
    FUNCTION_REJECTED = 255, "Function rejected"


class AsyncEvent(Code):
    """Events of an Asynchronous Message (RFC 7143, 11.9.1)."""

    SCSI_EVENT = 0, "SCSI Async Event"
    LOGOUT_REQUEST = 1, "Logout Request"
    CONNECTION_DROP = 2, "Connection Drop Notification"
    SESSION_DROP = 3, "Session Drop Notification"
    NEGOTIATION_REQUEST = 4, "Negotiation Request"
    TASK_TERMINATION = 5, "Task Termination"
    VENDOR_SPECIFIC = 255, "Vendor-unique"

    @classmethod
    def unassigned(cls, value: int) -> str:
        """Events from 248 on are the vendor's."""
        return "Vendor-unique" if value >= 248 else "unassigned"


class LoginStage(Code):
    """Stages of the Login Phase, fields CSG and NSG (RFC 7143, 11.12.3)."""

    SECURITY_NEGOTIATION = 0, "SecurityNegotiation"
    LOGIN_OPERATIONAL_NEGOTIATION = 1, "LoginOperationalNegotiation"
    FULL_FEATURE_PHASE = 3, "FullFeaturePhase"


class LoginStatusClass(Code):
    """Classes of login status, field Status-Class (RFC 7143, 11.13.5)."""

    SUCCESS = 0, "Success"
    REDIRECTION = 1, "Redirection"
    INITIATOR_ERROR = 2, "Initiator Error"
    TARGET_ERROR = 3, "Target Error"


class LoginStatus(Code):
    """Login status, Status-Class << 8 | Status-Detail (RFC 7143, 11.13.5)."""

    SUCCESS = 0x0000, "Success"
    TARGET_MOVED_TEMPORARILY = 0x0101, "Target moved temporarily"
    TARGET_MOVED_PERMANENTLY = 0x0102, "Target moved permanently"
    INITIATOR_ERROR = 0x0200, "Initiator error"
    AUTHENTICATION_FAILURE = 0x0201, "Authentication failure"
    AUTHORIZATION_FAILURE = 0x0202, "Authorization failure"
    NOT_FOUND = 0x0203, "Not found"
    TARGET_REMOVED = 0x0204, "Target removed"
    UNSUPPORTED_VERSION = 0x0205, "Unsupported version"
    TOO_MANY_CONNECTIONS = 0x0206, "Too many connections"
    MISSING_PARAMETER = 0x0207, "Missing parameter"
    CANNOT_INCLUDE_IN_SESSION = 0x0208, "Can't include in session"
    SESSION_TYPE_NOT_SUPPORTED = 0x0209, "Session type not supported"
    SESSION_DOES_NOT_EXIST = 0x020A, "Session does not exist"
    INVALID_DURING_LOGIN = 0x020B, "Invalid during login"
    TARGET_ERROR = 0x0300, "Target error"
    SERVICE_UNAVAILABLE = 0x0301, "Service unavailable"
    OUT_OF_RESOURCES = 0x0302, "Out of resources"

    @property
    def status_class(self) -> int:
        """The Status-Class, 0 to 3."""
        return self >> 8

    @property
    def status_detail(self) -> int:
        """The Status-Detail within its class."""
        return self & 0xFF


class LogoutReason(Code):
    """Reason codes of a Logout Request (RFC 7143, 11.14.1)."""

    CLOSE_SESSION = 0, "close the session"
    CLOSE_CONNECTION = 1, "close the connection"
    REMOVE_FOR_RECOVERY = 2, "remove the connection for recovery"


class LogoutResponseCode(Code):
    """Responses to a Logout Request (RFC 7143, 11.15.1)."""

    CLOSED = 0, "connection or session closed successfully"
    CID_NOT_FOUND = 1, "CID not found"
    RECOVERY_NOT_SUPPORTED = 2, "connection recovery is not supported"
    CLEANUP_FAILED = 3, "cleanup failed for various reasons"


class SnackType(Code):
    """Types of SNACK Request (RFC 7143, 11.16.1)."""

    DATA_R2T = 0, "Data/R2T SNACK"
    STATUS = 1, "Status SNACK"
    DATA_ACK = 2, "DataACK"
    R_DATA = 3, "R-Data SNACK"


class RejectReason(Code):
    """Reasons of a Reject (RFC 7143, 11.17.1)."""

    RESERVED = 0x01, "reserved"
    DATA_DIGEST_ERROR = 0x02, "Data (payload) digest error"
    SNACK_REJECT = 0x03, "SNACK Reject"
    PROTOCOL_ERROR = 0x04, "Protocol Error"
    COMMAND_NOT_SUPPORTED = 0x05, "Command not supported"
    IMMEDIATE_COMMAND_REJECT = 0x06, "Immediate command reject - too many immediate commands"
    TASK_IN_PROGRESS = 0x07, "Task in progress"
    INVALID_DATA_ACK = 0x08, "Invalid data ack"
    INVALID_PDU_FIELD = 0x09, "Invalid PDU field"
    LONG_OPERATION_REJECT = 0x0A, "Long op reject - Can't generate Target Transfer Tag - out of resources"
    NEGOTIATION_RESET = 0x0B, "Deprecated; MUST NOT be used"
    WAITING_FOR_LOGOUT = 0x0C, "Waiting for Logout"

    @classmethod
    def unassigned(cls, value: int) -> str:
        """No other reason has a meaning."""
        return "unassigned"


class IsidType(Code):
    """Formats of an ISID, its field T (RFC 7143, 11.12.5)."""

    OUI = 0, "OUI-Format"
    ENTERPRISE_NUMBER = 1, "EN: Format (IANA Enterprise Number)"
    RANDOM = 2, "Random"
