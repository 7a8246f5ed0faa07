"""Values in CDBs and parameter data of single commands: service actions, options, states (SAM-5, SPC-4, SBC-4)."""

from __future__ import annotations

from iscsi_wire.constants import Code


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
