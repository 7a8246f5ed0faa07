"""Values in the data that describe a device: INQUIRY, and its VPD, mode, log and diagnostic pages (SPC-4, SBC-4)."""

from __future__ import annotations

from iscsi_wire.constants import Code


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


class ProvisioningType(Code):
    """How a logical unit provides storage (SBC-3, Logical Block Provisioning VPD page)."""

    UNKNOWN = 0, "not reported, or fully provisioned"
    RESOURCE_PROVISIONED = 1, "resource provisioned"
    THIN_PROVISIONED = 2, "thin provisioned"


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
