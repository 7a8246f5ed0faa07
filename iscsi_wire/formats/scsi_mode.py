"""Mode parameter headers, block descriptors and mode pages (SPC-4 and SBC-3)."""

from __future__ import annotations

from iscsi_wire.formats.declare import (
    Described,
    Format,
    bits,
    flag,
    mode_page,
    octets,
    reserved,
    reserved_bits,
    structure,
    uint,
    word,
)
from iscsi_wire.scsi_page_codes import ModePageCode, QueueError, TaskSetType
from iscsi_wire.structure import Kind

_HEADER = "SPC-4, mode parameter header formats"
_SHORT = "SBC-3, short LBA mode parameter block descriptor"
_LONG = "SBC-3, long LBA mode parameter block descriptor"
_CACHING = "SBC-3, Caching mode page"
_CONTROL = "SPC-4, Control mode page"
_RECOVERY = "SBC-3, Read-Write Error Recovery mode page"
_RECONNECT = "SPC-4, Disconnect-Reconnect mode page"
_FORMAT = "SBC, Format Device mode page"  # obsolete since SBC-2, and still asked for
_GEOMETRY = "SBC-2, Rigid Disk Geometry mode page"  # obsolete in SBC-3, and still asked for
_EXCEPTIONS = "SPC-4, Informational Exceptions Control mode page"
_EXTENSION = "SPC-4, Control Extension mode page"
_POWER = "SPC-4, Power Condition mode page"


def _device_specific(octet: int) -> Described:
    """The DEVICE-SPECIFIC PARAMETER of direct access block devices (SBC-3)."""
    return word(
        f"octet_{octet}",
        flag("wp", "WP", "SBC-3, mode parameter header"),
        reserved_bits(f"rsvd_{octet}", 2, "SBC-3, mode parameter header"),
        flag("dpofua", "DPOFUA", "SBC-3, mode parameter header"),
        reserved_bits(f"rsvd_{octet}_4", 4, "SBC-3, mode parameter header"),
    )


MODE_HEADER_6: Format = structure(
    "ModeParameterHeader6",
    "Mode parameter header(6)",
    _HEADER,
    uint("mode_data_length", "MODE DATA LENGTH", _HEADER, 8, kind=Kind.LENGTH),
    uint("medium_type", "MEDIUM TYPE", _HEADER, 8),
    _device_specific(2),
    uint("block_descriptor_length", "BLOCK DESCRIPTOR LENGTH", _HEADER, 8, kind=Kind.LENGTH),
    doc="Block descriptors and mode pages follow it; MODE DATA LENGTH counts from byte 1.",
)

MODE_HEADER_10: Format = structure(
    "ModeParameterHeader10",
    "Mode parameter header(10)",
    _HEADER,
    uint("mode_data_length", "MODE DATA LENGTH", _HEADER, 16, kind=Kind.LENGTH),
    uint("medium_type", "MEDIUM TYPE", _HEADER, 8),
    _device_specific(3),
    word("octet_4", reserved_bits("rsvd_4", 7, _HEADER), flag("longlba", "LONGLBA", _HEADER)),
    reserved("rsvd_5", 8, _HEADER),
    uint("block_descriptor_length", "BLOCK DESCRIPTOR LENGTH", _HEADER, 16, kind=Kind.LENGTH),
    doc="Block descriptors and mode pages follow it; MODE DATA LENGTH counts from byte 2.",
)

SHORT_BLOCK_DESCRIPTOR: Format = structure(
    "ShortBlockDescriptor",
    "Short LBA mode parameter block descriptor",
    _SHORT,
    uint("number_of_logical_blocks", "NUMBER OF LOGICAL BLOCKS", _SHORT, 32),
    word(
        "octets_4_7",
        reserved_bits("rsvd_4", 8, _SHORT),
        bits("logical_block_length", "LOGICAL BLOCK LENGTH", _SHORT, 24, kind=Kind.LENGTH),
    ),
)

LONG_BLOCK_DESCRIPTOR: Format = structure(
    "LongBlockDescriptor",
    "Long LBA mode parameter block descriptor",
    _LONG,
    uint("number_of_logical_blocks", "NUMBER OF LOGICAL BLOCKS", _LONG, 64),
    reserved("rsvd_8", 32, _LONG),
    uint("logical_block_length", "LOGICAL BLOCK LENGTH", _LONG, 32, kind=Kind.LENGTH),
)


def _page_head(page: ModePageCode, length: int, section: str) -> tuple[Described, Described]:
    """Bytes 0 and 1 of a page in the page_0 format."""
    return (
        word(
            "octet_0",
            flag("ps", "PS", section),
            flag("spf", "SPF", section),
            bits("page_code", "PAGE CODE", section, 6, codes=ModePageCode, default=int(page)),
        ),
        uint("page_length", "PAGE LENGTH", section, 8, kind=Kind.LENGTH, default=length),
    )


READ_WRITE_ERROR_RECOVERY: Format = mode_page(
    "ReadWriteErrorRecoveryModePage",
    ModePageCode.READ_WRITE_ERROR_RECOVERY,
    _RECOVERY,
    *_page_head(ModePageCode.READ_WRITE_ERROR_RECOVERY, 0x0A, _RECOVERY),
    word(
        "octet_2",
        flag("awre", "AWRE", _RECOVERY),
        flag("arre", "ARRE", _RECOVERY),
        flag("tb", "TB", _RECOVERY),
        flag("rc", "RC", _RECOVERY),
        flag("eer", "EER", _RECOVERY),
        flag("per", "PER", _RECOVERY),
        flag("dte", "DTE", _RECOVERY),
        reserved_bits("rsvd_2", 1, _RECOVERY),
    ),
    uint("read_retry_count", "READ RETRY COUNT", _RECOVERY, 8),
    reserved("rsvd_4", 16, _RECOVERY),
    reserved("rsvd_6", 8, _RECOVERY),
    word("octet_7", flag("lbpere", "LBPERE", _RECOVERY), reserved_bits("rsvd_7", 7, _RECOVERY)),
    uint("write_retry_count", "WRITE RETRY COUNT", _RECOVERY, 8),
    reserved("rsvd_9", 8, _RECOVERY),
    uint("recovery_time_limit", "RECOVERY TIME LIMIT", _RECOVERY, 16),
)

DISCONNECT_RECONNECT: Format = mode_page(
    "DisconnectReconnectModePage",
    ModePageCode.DISCONNECT_RECONNECT,
    _RECONNECT,
    *_page_head(ModePageCode.DISCONNECT_RECONNECT, 0x0E, _RECONNECT),
    uint("buffer_full_ratio", "BUFFER FULL RATIO", _RECONNECT, 8),
    uint("buffer_empty_ratio", "BUFFER EMPTY RATIO", _RECONNECT, 8),
    uint("bus_inactivity_limit", "BUS INACTIVITY LIMIT", _RECONNECT, 16),
    uint("disconnect_time_limit", "DISCONNECT TIME LIMIT", _RECONNECT, 16),
    uint("connect_time_limit", "CONNECT TIME LIMIT", _RECONNECT, 16),
    uint("maximum_burst_size", "MAXIMUM BURST SIZE", _RECONNECT, 16),
    word(
        "octet_12",
        flag("emdp", "EMDP", _RECONNECT),
        bits("fair_arbitration", "FAIR ARBITRATION", _RECONNECT, 3),
        flag("dimm", "DIMM", _RECONNECT),
        bits("dtdc", "DTDC", _RECONNECT, 3),
    ),
    reserved("rsvd_13", 8, _RECONNECT),
    uint("first_burst_size", "FIRST BURST SIZE", _RECONNECT, 16),
)

FORMAT_DEVICE: Format = mode_page(
    "FormatDeviceModePage",
    ModePageCode.FORMAT_DEVICE,
    _FORMAT,
    *_page_head(ModePageCode.FORMAT_DEVICE, 0x16, _FORMAT),
    uint("tracks_per_zone", "TRACKS PER ZONE", _FORMAT, 16),
    uint("alternate_sectors_per_zone", "ALTERNATE SECTORS PER ZONE", _FORMAT, 16),
    uint("alternate_tracks_per_zone", "ALTERNATE TRACKS PER ZONE", _FORMAT, 16),
    uint("alternate_tracks_per_logical_unit", "ALTERNATE TRACKS PER LOGICAL UNIT", _FORMAT, 16),
    uint("sectors_per_track", "SECTORS PER TRACK", _FORMAT, 16),
    uint("data_bytes_per_physical_sector", "DATA BYTES PER PHYSICAL SECTOR", _FORMAT, 16, kind=Kind.LENGTH),
    uint("interleave", "INTERLEAVE", _FORMAT, 16),
    uint("track_skew_factor", "TRACK SKEW FACTOR", _FORMAT, 16),
    uint("cylinder_skew_factor", "CYLINDER SKEW FACTOR", _FORMAT, 16),
    word(
        "octet_20",
        flag("ssec", "SSEC", _FORMAT),
        flag("hsec", "HSEC", _FORMAT),
        flag("rmb", "RMB", _FORMAT),
        flag("surf", "SURF", _FORMAT),
        reserved_bits("rsvd_20", 4, _FORMAT),
    ),
    reserved("rsvd_21", 8, _FORMAT),
    reserved("rsvd_22", 16, _FORMAT),
)

RIGID_DISK_GEOMETRY: Format = mode_page(
    "RigidDiskGeometryModePage",
    ModePageCode.RIGID_DISK_GEOMETRY,
    _GEOMETRY,
    *_page_head(ModePageCode.RIGID_DISK_GEOMETRY, 0x16, _GEOMETRY),
    word(
        "octets_2_5",
        bits("number_of_cylinders", "NUMBER OF CYLINDERS", _GEOMETRY, 24),
        bits("number_of_heads", "NUMBER OF HEADS", _GEOMETRY, 8),
    ),
    octets("write_precompensation", "STARTING CYLINDER-WRITE PRECOMPENSATION", _GEOMETRY, 3),
    octets("reduced_write_current", "STARTING CYLINDER-REDUCED WRITE CURRENT", _GEOMETRY, 3),
    uint("device_step_rate", "DEVICE STEP RATE", _GEOMETRY, 16),
    word(
        "octets_14_17",
        bits("landing_zone_cylinder", "LANDING ZONE CYLINDER", _GEOMETRY, 24),
        reserved_bits("rsvd_17", 6, _GEOMETRY),
        bits("rpl", "RPL", _GEOMETRY, 2),
    ),
    uint("rotational_offset", "ROTATIONAL OFFSET", _GEOMETRY, 8),
    reserved("rsvd_19", 8, _GEOMETRY),
    uint("medium_rotation_rate", "MEDIUM ROTATION RATE", _GEOMETRY, 16),
    reserved("rsvd_22", 16, _GEOMETRY),
)

CACHING: Format = mode_page(
    "CachingModePage",
    ModePageCode.CACHING,
    _CACHING,
    *_page_head(ModePageCode.CACHING, 0x12, _CACHING),
    word(
        "octet_2",
        flag("ic", "IC", _CACHING),
        flag("abpf", "ABPF", _CACHING),
        flag("cap", "CAP", _CACHING),
        flag("disc", "DISC", _CACHING),
        flag("size", "SIZE", _CACHING),
        flag("wce", "WCE", _CACHING),
        flag("mf", "MF", _CACHING),
        flag("rcd", "RCD", _CACHING),
    ),
    word(
        "octet_3",
        bits("demand_read_retention_priority", "DEMAND READ RETENTION PRIORITY", _CACHING, 4),
        bits("write_retention_priority", "WRITE RETENTION PRIORITY", _CACHING, 4),
    ),
    uint("disable_prefetch_transfer_length", "DISABLE PRE-FETCH TRANSFER LENGTH", _CACHING, 16),
    uint("minimum_prefetch", "MINIMUM PRE-FETCH", _CACHING, 16),
    uint("maximum_prefetch", "MAXIMUM PRE-FETCH", _CACHING, 16),
    uint("maximum_prefetch_ceiling", "MAXIMUM PRE-FETCH CEILING", _CACHING, 16),
    word(
        "octet_12",
        flag("fsw", "FSW", _CACHING),
        flag("lbcss", "LBCSS", _CACHING),
        flag("dra", "DRA", _CACHING),
        bits("vendor_specific_12", "Vendor specific", _CACHING, 2),
        bits("sync_prog", "SYNC_PROG", _CACHING, 2),
        flag("nv_dis", "NV_DIS", _CACHING),
    ),
    uint("number_of_cache_segments", "NUMBER OF CACHE SEGMENTS", _CACHING, 8),
    uint("cache_segment_size", "CACHE SEGMENT SIZE", _CACHING, 16),
    reserved("rsvd_16", 32, _CACHING),
)

CONTROL: Format = mode_page(
    "ControlModePage",
    ModePageCode.CONTROL,
    _CONTROL,
    *_page_head(ModePageCode.CONTROL, 0x0A, _CONTROL),
    word(
        "octet_2",
        bits("tst", "TST", _CONTROL, 3, codes=TaskSetType),
        flag("tmf_only", "TMF_ONLY", _CONTROL),
        flag("dpicz", "DPICZ", _CONTROL),
        flag("d_sense", "D_SENSE", _CONTROL),
        flag("gltsd", "GLTSD", _CONTROL),
        flag("rlec", "RLEC", _CONTROL),
    ),
    word(
        "octet_3",
        bits("queue_algorithm_modifier", "QUEUE ALGORITHM MODIFIER", _CONTROL, 4),
        flag("nuar", "NUAR", _CONTROL),
        bits("qerr", "QERR", _CONTROL, 2, codes=QueueError),
        reserved_bits("rsvd_3", 1, _CONTROL),
    ),
    word(
        "octet_4",
        flag("vs", "VS", _CONTROL),
        flag("rac", "RAC", _CONTROL),
        bits("ua_intlck_ctrl", "UA_INTLCK_CTRL", _CONTROL, 2),
        flag("swp", "SWP", _CONTROL),
        reserved_bits("rsvd_4", 3, _CONTROL),
    ),
    word(
        "octet_5",
        flag("ato", "ATO", _CONTROL),
        flag("tas", "TAS", _CONTROL),
        flag("atmpe", "ATMPE", _CONTROL),
        flag("rwwp", "RWWP", _CONTROL),
        reserved_bits("rsvd_5", 1, _CONTROL),
        bits("autoload_mode", "AUTOLOAD MODE", _CONTROL, 3),
    ),
    reserved("rsvd_6", 16, _CONTROL),
    uint("busy_timeout_period", "BUSY TIMEOUT PERIOD", _CONTROL, 16),
    uint("extended_self_test_completion_time", "EXTENDED SELF-TEST COMPLETION TIME", _CONTROL, 16),
)

INFORMATIONAL_EXCEPTIONS: Format = mode_page(
    "InformationalExceptionsControlModePage",
    ModePageCode.INFORMATIONAL_EXCEPTIONS_CONTROL,
    _EXCEPTIONS,
    *_page_head(ModePageCode.INFORMATIONAL_EXCEPTIONS_CONTROL, 0x0A, _EXCEPTIONS),
    word(
        "octet_2",
        flag("perf", "PERF", _EXCEPTIONS),
        reserved_bits("rsvd_2", 1, _EXCEPTIONS),
        flag("ebf", "EBF", _EXCEPTIONS),
        flag("ewasc", "EWASC", _EXCEPTIONS),
        flag("dexcpt", "DEXCPT", _EXCEPTIONS),
        flag("test", "TEST", _EXCEPTIONS),
        flag("ebackerr", "EBACKERR", _EXCEPTIONS),
        flag("logerr", "LOGERR", _EXCEPTIONS),
    ),
    word("octet_3", reserved_bits("rsvd_3", 4, _EXCEPTIONS), bits("mrie", "MRIE", _EXCEPTIONS, 4)),
    uint("interval_timer", "INTERVAL TIMER", _EXCEPTIONS, 32),
    uint("report_count", "REPORT COUNT", _EXCEPTIONS, 32),
)

CONTROL_EXTENSION_SUBPAGE = 0x01

CONTROL_EXTENSION: Format = mode_page(
    "ControlExtensionModePage",
    ModePageCode.CONTROL,
    _EXTENSION,
    word(
        "octet_0",
        flag("ps", "PS", _EXTENSION),
        flag("spf", "SPF", _EXTENSION, default=1),
        bits("page_code", "PAGE CODE", _EXTENSION, 6, codes=ModePageCode, default=int(ModePageCode.CONTROL)),
    ),
    uint("subpage_code", "SUBPAGE CODE", _EXTENSION, 8, default=CONTROL_EXTENSION_SUBPAGE),
    uint("page_length", "PAGE LENGTH", _EXTENSION, 16, kind=Kind.LENGTH, default=0x1C),
    word(
        "octet_4",
        reserved_bits("rsvd_4", 5, _EXTENSION),
        flag("tcmos", "TCMOS", _EXTENSION),
        flag("scsip", "SCSIP", _EXTENSION),
        flag("ialuae", "IALUAE", _EXTENSION),
    ),
    word(
        "octet_5",
        reserved_bits("rsvd_5", 4, _EXTENSION),
        bits("initial_command_priority", "INITIAL COMMAND PRIORITY", _EXTENSION, 4),
    ),
    uint("maximum_sense_data_length", "MAXIMUM SENSE DATA LENGTH", _EXTENSION, 8),
    octets("rsvd_7", "Reserved", _EXTENSION, 25),
    subpage=CONTROL_EXTENSION_SUBPAGE,
    title="Control Extension",
)

POWER_CONDITION: Format = mode_page(
    "PowerConditionModePage",
    ModePageCode.POWER_CONDITION,
    _POWER,
    *_page_head(ModePageCode.POWER_CONDITION, 0x26, _POWER),
    word(
        "octet_2",
        bits("pm_bg_precedence", "PM_BG_PRECEDENCE", _POWER, 2),
        reserved_bits("rsvd_2", 5, _POWER),
        flag("standby_y", "STANDBY_Y", _POWER),
    ),
    word(
        "octet_3",
        reserved_bits("rsvd_3", 4, _POWER),
        flag("idle_c", "IDLE_C", _POWER),
        flag("idle_b", "IDLE_B", _POWER),
        flag("idle_a", "IDLE_A", _POWER),
        flag("standby_z", "STANDBY_Z", _POWER),
    ),
    uint("idle_a_condition_timer", "IDLE_A CONDITION TIMER", _POWER, 32),
    uint("standby_z_condition_timer", "STANDBY_Z CONDITION TIMER", _POWER, 32),
    uint("idle_b_condition_timer", "IDLE_B CONDITION TIMER", _POWER, 32),
    uint("idle_c_condition_timer", "IDLE_C CONDITION TIMER", _POWER, 32),
    uint("standby_y_condition_timer", "STANDBY_Y CONDITION TIMER", _POWER, 32),
    octets("rsvd_24", "Reserved", _POWER, 15),
    word(
        "octet_39",
        bits("ccf_idle", "CCF IDLE", _POWER, 2),
        bits("ccf_standby", "CCF STANDBY", _POWER, 2),
        bits("ccf_stopped", "CCF STOPPED", _POWER, 2),
        reserved_bits("rsvd_39", 2, _POWER),
    ),
)


FORMATS: tuple[Format, ...] = (CONTROL_EXTENSION, POWER_CONDITION)
