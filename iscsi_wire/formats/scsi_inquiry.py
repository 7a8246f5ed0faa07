"""Standard INQUIRY data and vital product data pages (SPC-4; Block Limits: SBC-3)."""

from __future__ import annotations

from iscsi_wire.formats.declare import (
    Described,
    Format,
    bits,
    flag,
    octets,
    reserved,
    reserved_bits,
    structure,
    tail,
    uint,
    vpd_page,
    word,
)
from iscsi_wire.formats.scsi_common import peripheral
from iscsi_wire.scsi_page_codes import (
    Association,
    CodeSet,
    DesignatorType,
    InquiryVersion,
    ModePageCode,
    ModePagePolicyCode,
    ProtocolIdentifier,
    VpdPageCode,
)
from iscsi_wire.structure import Kind

_STANDARD = "SPC-4, standard INQUIRY data"
_SUPPORTED = "SPC-4, Supported VPD Pages VPD page"
_SERIAL = "SPC-4, Unit Serial Number VPD page"
_IDENTIFICATION = "SPC-4, Device Identification VPD page"
_LIMITS = "SBC-3, Block Limits VPD page"
_LIMITS_4 = "SBC-4, Block Limits VPD page"
_CHARACTERISTICS = "SBC-3, Block Device Characteristics VPD page"

STANDARD_INQUIRY: Format = structure(
    "StandardInquiry",
    "Standard INQUIRY data",
    _STANDARD,
    peripheral(_STANDARD),  # 0
    word("octet_1", flag("rmb", "RMB", _STANDARD), reserved_bits("rsvd_1", 7, _STANDARD)),
    uint("version", "VERSION", _STANDARD, 8, codes=InquiryVersion),
    word(
        "octet_3",
        reserved_bits("rsvd_3", 2, _STANDARD),
        flag("normaca", "NORMACA", _STANDARD),
        flag("hisup", "HISUP", _STANDARD),
        bits("response_data_format", "RESPONSE DATA FORMAT", _STANDARD, 4, default=2),
    ),
    uint("additional_length", "ADDITIONAL LENGTH", _STANDARD, 8, kind=Kind.LENGTH),  # 4
    word(
        "octet_5",
        flag("sccs", "SCCS", _STANDARD),
        flag("acc", "ACC", _STANDARD),
        bits("tpgs", "TPGS", _STANDARD, 2),
        flag("third_party_copy", "3PC", _STANDARD),
        reserved_bits("rsvd_5", 2, _STANDARD),
        flag("protect", "PROTECT", _STANDARD),
    ),
    word(
        "octet_6",
        reserved_bits("rsvd_6", 1, _STANDARD),
        flag("encserv", "ENCSERV", _STANDARD),
        bits("vendor_specific_6", "VS", _STANDARD, 1),
        flag("multip", "MULTIP", _STANDARD),
        reserved_bits("rsvd_6_4", 4, _STANDARD),
    ),
    word(
        "octet_7",
        reserved_bits("rsvd_7", 6, _STANDARD),
        flag("cmdque", "CMDQUE", _STANDARD),
        bits("vendor_specific_7", "VS", _STANDARD, 1),
    ),
    octets("vendor_identification", "T10 VENDOR IDENTIFICATION", _STANDARD, 8, kind=Kind.TEXT, default=b" " * 8),
    octets("product_identification", "PRODUCT IDENTIFICATION", _STANDARD, 16, kind=Kind.TEXT, default=b" " * 16),
    octets("product_revision_level", "PRODUCT REVISION LEVEL", _STANDARD, 4, kind=Kind.TEXT, default=b" " * 4),
    tail("further_data", "Bytes from 36 on", _STANDARD, length="additional_length", counts_from=5),
    doc="What follows byte 36, if anything, begins with an InquiryExtension.",
)

INQUIRY_EXTENSION: Format = structure(
    "InquiryExtension",
    "Standard INQUIRY data from byte 36 on",
    _STANDARD,
    octets("vendor_specific", "Vendor specific", _STANDARD, 20),
    reserved("rsvd_20", 16, _STANDARD),
    *(uint(f"version_descriptor_{n}", f"VERSION DESCRIPTOR {n}", _STANDARD, 16) for n in range(1, 9)),
    octets("rsvd_38", "Reserved", _STANDARD, 22),
)


def page_head(page: VpdPageCode, section: str, *, length: int = 0) -> tuple[Described, Described, Described]:
    """Bytes 0 to 3 of every page."""
    return (
        peripheral(section),
        uint("page_code", "PAGE CODE", section, 8, codes=VpdPageCode, default=int(page)),
        uint("page_length", "PAGE LENGTH", section, 16, kind=Kind.LENGTH, default=length),
    )


SUPPORTED_PAGES: Format = vpd_page(
    "SupportedVpdPages",
    VpdPageCode.SUPPORTED_PAGES,
    _SUPPORTED,
    *page_head(VpdPageCode.SUPPORTED_PAGES, _SUPPORTED),
    tail("page_codes", "Supported VPD page list", _SUPPORTED, length="page_length", counts_from=4, width=8),
)

UNIT_SERIAL_NUMBER: Format = vpd_page(
    "UnitSerialNumber",
    VpdPageCode.UNIT_SERIAL_NUMBER,
    _SERIAL,
    *page_head(VpdPageCode.UNIT_SERIAL_NUMBER, _SERIAL),
    tail(
        "product_serial_number",
        "PRODUCT SERIAL NUMBER",
        _SERIAL,
        length="page_length",
        counts_from=4,
        kind=Kind.TEXT,
    ),
)

DESIGNATOR: Format = structure(
    "Designator",
    "Designation descriptor",
    _IDENTIFICATION,
    word(
        "octet_0",
        bits("protocol_identifier", "PROTOCOL IDENTIFIER", _IDENTIFICATION, 4, codes=ProtocolIdentifier),
        bits("code_set", "CODE SET", _IDENTIFICATION, 4, codes=CodeSet),
    ),
    word(
        "octet_1",
        flag("piv", "PIV", _IDENTIFICATION),
        reserved_bits("rsvd_1", 1, _IDENTIFICATION),
        bits("association", "ASSOCIATION", _IDENTIFICATION, 2, codes=Association),
        bits("designator_type", "DESIGNATOR TYPE", _IDENTIFICATION, 4, codes=DesignatorType),
    ),
    reserved("rsvd_2", 8, _IDENTIFICATION),
    uint("designator_length", "DESIGNATOR LENGTH", _IDENTIFICATION, 8, kind=Kind.LENGTH),
    tail("designator", "DESIGNATOR", _IDENTIFICATION, length="designator_length", counts_from=4),
)

DEVICE_IDENTIFICATION: Format = vpd_page(
    "DeviceIdentification",
    VpdPageCode.DEVICE_IDENTIFICATION,
    _IDENTIFICATION,
    *page_head(VpdPageCode.DEVICE_IDENTIFICATION, _IDENTIFICATION),
    tail(
        "designators",
        "Designation descriptor list",
        _IDENTIFICATION,
        length="page_length",
        counts_from=4,
        element=DESIGNATOR,
    ),
)

BLOCK_LIMITS: Format = vpd_page(
    "BlockLimits",
    VpdPageCode.BLOCK_LIMITS,
    _LIMITS,
    *page_head(VpdPageCode.BLOCK_LIMITS, _LIMITS, length=0x3C),
    word("octet_4", reserved_bits("rsvd_4", 7, _LIMITS), flag("wsnz", "WSNZ", _LIMITS)),
    uint("maximum_compare_and_write_length", "MAXIMUM COMPARE AND WRITE LENGTH", _LIMITS, 8),
    uint("optimal_transfer_length_granularity", "OPTIMAL TRANSFER LENGTH GRANULARITY", _LIMITS, 16),
    uint("maximum_transfer_length", "MAXIMUM TRANSFER LENGTH", _LIMITS, 32),  # 8
    uint("optimal_transfer_length", "OPTIMAL TRANSFER LENGTH", _LIMITS, 32),
    uint("maximum_prefetch_length", "MAXIMUM PREFETCH LENGTH", _LIMITS, 32),  # 16
    uint("maximum_unmap_lba_count", "MAXIMUM UNMAP LBA COUNT", _LIMITS, 32),
    uint("maximum_unmap_block_descriptor_count", "MAXIMUM UNMAP BLOCK DESCRIPTOR COUNT", _LIMITS, 32),  # 24
    uint("optimal_unmap_granularity", "OPTIMAL UNMAP GRANULARITY", _LIMITS, 32),
    word(  # 32
        "octets_32_35",
        flag("ugavalid", "UGAVALID", _LIMITS),
        bits("unmap_granularity_alignment", "UNMAP GRANULARITY ALIGNMENT", _LIMITS, 31),
    ),
    uint("maximum_write_same_length", "MAXIMUM WRITE SAME LENGTH", _LIMITS, 64),  # 36
    uint("maximum_atomic_transfer_length", "MAXIMUM ATOMIC TRANSFER LENGTH", _LIMITS_4, 32),  # 44
    uint("atomic_alignment", "ATOMIC ALIGNMENT", _LIMITS_4, 32),
    uint("atomic_transfer_length_granularity", "ATOMIC TRANSFER LENGTH GRANULARITY", _LIMITS_4, 32),  # 52
    uint(
        "maximum_atomic_transfer_length_with_atomic_boundary",
        "MAXIMUM ATOMIC TRANSFER LENGTH WITH ATOMIC BOUNDARY",
        _LIMITS_4,
        32,
    ),
    uint("maximum_atomic_boundary_size", "MAXIMUM ATOMIC BOUNDARY SIZE", _LIMITS_4, 32),  # 60
)

BLOCK_DEVICE_CHARACTERISTICS: Format = vpd_page(
    "BlockDeviceCharacteristics",
    VpdPageCode.BLOCK_DEVICE_CHARACTERISTICS,
    _CHARACTERISTICS,
    *page_head(VpdPageCode.BLOCK_DEVICE_CHARACTERISTICS, _CHARACTERISTICS, length=0x3C),
    uint("medium_rotation_rate", "MEDIUM ROTATION RATE", _CHARACTERISTICS, 16),
    uint("product_type", "PRODUCT TYPE", _CHARACTERISTICS, 8),
    word(
        "octet_7",
        bits("wabereq", "WABEREQ", _CHARACTERISTICS, 2),
        bits("wacereq", "WACEREQ", _CHARACTERISTICS, 2),
        bits("nominal_form_factor", "NOMINAL FORM FACTOR", _CHARACTERISTICS, 4),
    ),
    word(
        "octet_8",
        reserved_bits("rsvd_8", 6, _CHARACTERISTICS),
        flag("fuab", "FUAB", _CHARACTERISTICS),
        flag("vbuls", "VBULS", _CHARACTERISTICS),
    ),
    octets("rsvd_9", "Reserved", _CHARACTERISTICS, 55),
)

_REFERRALS = "SBC-3, Referrals VPD page"
REFERRALS: Format = vpd_page(
    "Referrals",
    VpdPageCode.REFERRALS,
    _REFERRALS,
    *page_head(VpdPageCode.REFERRALS, _REFERRALS, length=0x0C),
    reserved("rsvd_4", 32, _REFERRALS),
    uint("user_data_segment_size", "USER DATA SEGMENT SIZE", _REFERRALS, 32),
    uint("user_data_segment_multiplier", "USER DATA SEGMENT MULTIPLIER", _REFERRALS, 32),
)

_EXTENDED = "SPC-4, Extended INQUIRY Data VPD page"
EXTENDED_INQUIRY: Format = vpd_page(
    "ExtendedInquiryData",
    VpdPageCode.EXTENDED_INQUIRY_DATA,
    _EXTENDED,
    *page_head(VpdPageCode.EXTENDED_INQUIRY_DATA, _EXTENDED, length=0x3C),
    word(
        "octet_4",
        bits("activate_microcode", "ACTIVATE MICROCODE", _EXTENDED, 2),
        bits("spt", "SPT", _EXTENDED, 3),
        flag("grd_chk", "GRD_CHK", _EXTENDED),
        flag("app_chk", "APP_CHK", _EXTENDED),
        flag("ref_chk", "REF_CHK", _EXTENDED),
    ),
    word(
        "octet_5",
        reserved_bits("rsvd_5", 2, _EXTENDED),
        flag("uask_sup", "UASK_SUP", _EXTENDED),
        flag("group_sup", "GROUP_SUP", _EXTENDED),
        flag("prior_sup", "PRIOR_SUP", _EXTENDED),
        flag("headsup", "HEADSUP", _EXTENDED),
        flag("ordsup", "ORDSUP", _EXTENDED),
        flag("simpsup", "SIMPSUP", _EXTENDED),
    ),
    word(
        "octet_6",
        reserved_bits("rsvd_6", 4, _EXTENDED),
        flag("wu_sup", "WU_SUP", _EXTENDED),
        flag("crd_sup", "CRD_SUP", _EXTENDED),
        flag("nv_sup", "NV_SUP", _EXTENDED),
        flag("v_sup", "V_SUP", _EXTENDED),
    ),
    word(
        "octet_7",
        reserved_bits("rsvd_7", 3, _EXTENDED),
        flag("p_i_i_sup", "P_I_I_SUP", _EXTENDED),
        reserved_bits("rsvd_7_4", 3, _EXTENDED),
        flag("luiclr", "LUICLR", _EXTENDED),
    ),
    word(
        "octet_8",
        reserved_bits("rsvd_8", 3, _EXTENDED),
        flag("r_sup", "R_SUP", _EXTENDED),
        reserved_bits("rsvd_8_4", 3, _EXTENDED),
        flag("cbcs", "CBCS", _EXTENDED),
    ),
    word(
        "octet_9",
        reserved_bits("rsvd_9", 4, _EXTENDED),
        bits("multi_i_t_nexus_microcode_download", "MULTI I_T NEXUS MICROCODE DOWNLOAD", _EXTENDED, 4),
    ),
    uint("extended_self_test_completion_minutes", "EXTENDED SELF-TEST COMPLETION MINUTES", _EXTENDED, 16),
    word(
        "octet_12",
        flag("poa_sup", "POA_SUP", _EXTENDED),
        flag("hra_sup", "HRA_SUP", _EXTENDED),
        flag("vsa_sup", "VSA_SUP", _EXTENDED),
        reserved_bits("rsvd_12", 5, _EXTENDED),
    ),
    uint("maximum_supported_sense_data_length", "MAXIMUM SUPPORTED SENSE DATA LENGTH", _EXTENDED, 8),
    octets("rsvd_14", "Reserved", _EXTENDED, 50),
)

_POLICY = "SPC-4, Mode Page Policy VPD page"
MODE_PAGE_POLICY_DESCRIPTOR: Format = structure(
    "ModePagePolicyDescriptor",
    "Mode page policy descriptor",
    _POLICY,
    word(
        "octet_0",
        reserved_bits("rsvd_0", 2, _POLICY),
        bits("policy_page_code", "POLICY PAGE CODE", _POLICY, 6, codes=ModePageCode),
    ),
    uint("policy_subpage_code", "POLICY SUBPAGE CODE", _POLICY, 8),
    word(
        "octet_2",
        flag("mlus", "MLUS", _POLICY),
        reserved_bits("rsvd_2", 5, _POLICY),
        bits("mode_page_policy", "MODE PAGE POLICY", _POLICY, 2, codes=ModePagePolicyCode),
    ),
    reserved("rsvd_3", 8, _POLICY),
)

MODE_PAGE_POLICY: Format = vpd_page(
    "ModePagePolicy",
    VpdPageCode.MODE_PAGE_POLICY,
    _POLICY,
    *page_head(VpdPageCode.MODE_PAGE_POLICY, _POLICY),
    tail(
        "descriptors",
        "Mode page policy descriptor list",
        _POLICY,
        length="page_length",
        counts_from=4,
        element=MODE_PAGE_POLICY_DESCRIPTOR,
    ),
)
