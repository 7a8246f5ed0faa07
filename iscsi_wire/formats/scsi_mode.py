"""Mode parameter headers, block descriptors and mode pages (SPC-4 and SBC-3)."""

from __future__ import annotations

from iscsi_wire.formats.declare import (
    Described,
    Format,
    bits,
    flag,
    mode_page,
    reserved,
    reserved_bits,
    structure,
    uint,
    word,
)
from iscsi_wire.scsi_codes import ModePageCode
from iscsi_wire.structure import Kind

_HEADER = "SPC-4, mode parameter header formats"
_SHORT = "SBC-3, short LBA mode parameter block descriptor"
_LONG = "SBC-3, long LBA mode parameter block descriptor"
_CACHING = "SBC-3, Caching mode page"
_CONTROL = "SPC-4, Control mode page"


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
        bits("tst", "TST", _CONTROL, 3),
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
        bits("qerr", "QERR", _CONTROL, 2),
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
