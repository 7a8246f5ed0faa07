"""INQUIRY: standard data and vital product data (SPC-4, 6.6 and 7.8; SBC-3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.scsi.identity import designators, padded, scsi_ports, serial_number
from chiscsi_target.scsi.logical_unit import NO_LOGICAL_UNIT
from chiscsi_target.scsi.provisioning import (
    MOST_UNMAP_BLOCKS,
    MOST_UNMAP_DESCRIPTORS,
    MOST_WRITE_SAME_BLOCKS,
    can_anchor,
    is_thin,
)
from chiscsi_target.scsi.ranges import has_medium
from chiscsi_target.scsi.reply import fail, send
from chiscsi_target.scsi.sense import INVALID_FIELD_IN_CDB, Field
from chiscsi_target.scsi.start_stop import is_removable
from chiscsi_target.scsi.third_party_page import third_party_copy
from chiscsi_target.scsi.verify import MOST_ATOMIC_BLOCKS, MOST_COMPARED_BLOCKS
from iscsi_wire.scsi import (
    BlockDeviceCharacteristics,
    BlockLimits,
    DeviceIdentification,
    ExtendedInquiryData,
    InquiryExtension,
    LogicalBlockProvisioning,
    ModePagePolicy,
    ModePagePolicyDescriptor,
    Referrals,
    StandardInquiry,
    SupportedVpdPages,
    UnitSerialNumber,
)
from iscsi_wire.scsi_page_codes import InquiryVersion, ModePageCode, ModePagePolicyCode, ProvisioningType, VpdPageCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit
    from iscsi_wire.scsi import Inquiry
    from iscsi_wire.structure import VpdPage

__all__ = ["inquiry"]

_PAGE_CODE_FIELD: Final = Field(2)
_PRODUCT: Final = "CHISCSI Target"
_NON_ROTATING: Final = 1
_EXPLICIT: Final = 2
"""TPGS: the access states of target port groups change by SET TARGET PORT GROUPS only."""
_SUPPORTED_TYPES: Final = (0, 0, 2, 4)
"""SPT by the type of protection information: that one, and no other."""
_READS_SUCCEED: Final = 1
_ALL_SUBPAGES: Final = 0xFF
_LONGEST_SENSE: Final = 96
"""Octets of sense data that one command may end with: what `sc_sense_buf` has room for."""
_PAGE: Final = 4096
"""Octets of the smallest piece of storage that a medium gives back."""

# Version descriptors (SPC-4, annex on version descriptor values); none claims a particular revision.
_SAM_5, _ISCSI, _SPC_4, _SBC_3 = 0x00A0, 0x0960, 0x0460, 0x04C0


def _standard(unit: LogicalUnit) -> bytes:
    """Standard INQUIRY data, 96 octets."""
    device = unit.device
    extension = InquiryExtension.make(
        version_descriptor_1=_SAM_5,
        version_descriptor_2=_ISCSI,
        version_descriptor_3=_SPC_4,
        version_descriptor_4=_SBC_3,
    )
    data = StandardInquiry.make(
        version=int(InquiryVersion.SPC_4),
        rmb=int(is_removable(unit)),
        normaca=1,
        hisup=1,
        protect=int(bool(unit.lu.protection)),
        tpgs=_EXPLICIT,
        multip=int(len(device.target_ports.numbers) > 1),
        third_party_copy=int(has_medium(unit)),
        cmdque=1,
        vendor_identification=padded(device.vendor_id, 8),
        product_identification=padded(unit.lu.prod_id or _PRODUCT, 16),
        product_revision_level=padded(device.revision, 4),
        further_data=extension.encode(),
    )
    data.octet_0 = unit.peripheral
    return data.encode()


def _has_page(unit: LogicalUnit, code: int) -> bool:
    """Whether a logical unit has a page that is known here."""
    if code == VpdPageCode.THIRD_PARTY_COPY:
        return has_medium(unit)
    if code == VpdPageCode.DEVICE_IDENTIFICATION:
        return unit.peripheral != NO_LOGICAL_UNIT
    return unit.present or code == VpdPageCode.SUPPORTED_PAGES


def _supported_pages(unit: LogicalUnit) -> VpdPage:
    """Supported VPD Pages: where there is no logical unit, no other page is known."""
    page = SupportedVpdPages.make(page_codes=[int(code) for code in sorted(_PAGES) if _has_page(unit, code)])
    page.octet_0 = unit.peripheral
    return page


def _unit_serial_number(unit: LogicalUnit) -> VpdPage:
    return UnitSerialNumber.make(product_serial_number=serial_number(unit).encode())


def _device_identification(unit: LogicalUnit, session: int | None = None) -> VpdPage:
    return DeviceIdentification.make(designators=designators(unit, session))


def _block_limits(unit: LogicalUnit) -> VpdPage:
    """Block Limits: whatever is 0 is not limited, or is not supported."""
    if unit.lu.medium is None:
        return BlockLimits.make(maximum_transfer_length=unit.max_blocks)
    limits = BlockLimits.make(
        maximum_compare_and_write_length=MOST_COMPARED_BLOCKS,
        maximum_transfer_length=unit.max_blocks,
        maximum_atomic_transfer_length=MOST_ATOMIC_BLOCKS,
    )
    if is_thin(unit):
        limits.maximum_unmap_lba_count = MOST_UNMAP_BLOCKS
        limits.maximum_unmap_block_descriptor_count = MOST_UNMAP_DESCRIPTORS
        limits.optimal_unmap_granularity = max(_PAGE >> unit.lu.sect_shift, 1)
        limits.ugavalid = 1
        limits.maximum_write_same_length = MOST_WRITE_SAME_BLOCKS
        limits.wsnz = 1
    return limits


def _logical_block_provisioning(unit: LogicalUnit) -> VpdPage:
    """Logical Block Provisioning: what is given back, or anchored, reads as zeros (LBPRZ)."""
    thin = int(is_thin(unit))
    return LogicalBlockProvisioning.make(
        lbpu=thin,
        lbpws=thin,
        lbpws10=thin,
        lbprz=thin,
        anc_sup=int(can_anchor(unit)),
        provisioning_type=ProvisioningType.THIN_PROVISIONED if thin else ProvisioningType.UNKNOWN,
    )


def _referrals(_unit: LogicalUnit) -> VpdPage:
    """Referrals: all blocks are reached through every port alike, so there is one segment (SBC-3, 4.27)."""
    return Referrals()


def _block_device_characteristics(unit: LogicalUnit) -> VpdPage:
    """Block Device Characteristics: nothing rotates, so initiators need not sort their commands.

    After SANITIZE BLOCK ERASE, which thin units have, reads succeed (WABEREQ).
    """
    wabereq = _READS_SUCCEED if is_thin(unit) else 0
    return BlockDeviceCharacteristics.make(medium_rotation_rate=_NON_ROTATING, wabereq=wabereq)


def _extended_inquiry_data(unit: LogicalUnit) -> VpdPage:
    """Extended INQUIRY Data: all task attributes; a cache that loses its data with the power, where there may be one.

    A REPORTED LUNS DATA HAS CHANGED is told once, by whatever unit of the target (LUICLR). Of protection information,
    there is the type that the unit has; application tags are checked where the CDB tells them, with type 2.
    """
    protection = unit.lu.protection
    caching = (int(ModePageCode.CACHING), 0)
    return ExtendedInquiryData.make(
        spt=_SUPPORTED_TYPES[protection],
        grd_chk=int(protection > 0),
        app_chk=int(protection == 2),
        ref_chk=int(protection in (1, 2)),
        headsup=1,
        ordsup=1,
        simpsup=1,
        v_sup=int(bool(unit.modes.write_cache or unit.modes.changeable(caching))),
        luiclr=1,
        maximum_supported_sense_data_length=_LONGEST_SENSE,
    )


def _mode_page_policy(_unit: LogicalUnit) -> VpdPage:
    """Mode Page Policy: all nexuses share the values of all pages."""
    every = ModePagePolicyDescriptor.make(
        policy_page_code=int(ModePageCode.ALL),
        policy_subpage_code=_ALL_SUBPAGES,
        mode_page_policy=int(ModePagePolicyCode.SHARED),
    )
    return ModePagePolicy.make(descriptors=[every])


_PAGES: Final[dict[int, Callable[[LogicalUnit], VpdPage]]] = {
    VpdPageCode.SUPPORTED_PAGES: _supported_pages,
    VpdPageCode.UNIT_SERIAL_NUMBER: _unit_serial_number,
    VpdPageCode.DEVICE_IDENTIFICATION: _device_identification,
    VpdPageCode.EXTENDED_INQUIRY_DATA: _extended_inquiry_data,
    VpdPageCode.MODE_PAGE_POLICY: _mode_page_policy,
    VpdPageCode.SCSI_PORTS: scsi_ports,
    VpdPageCode.THIRD_PARTY_COPY: third_party_copy,
    VpdPageCode.BLOCK_LIMITS: _block_limits,
    VpdPageCode.BLOCK_DEVICE_CHARACTERISTICS: _block_device_characteristics,
    VpdPageCode.LOGICAL_BLOCK_PROVISIONING: _logical_block_provisioning,
    VpdPageCode.REFERRALS: _referrals,
}


def inquiry(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: Inquiry) -> int:
    """INQUIRY, which is answered for any logical unit number."""
    if not cdb.evpd:
        if cdb.page_code:
            return fail(unit, sc, INVALID_FIELD_IN_CDB, _PAGE_CODE_FIELD)
        return send(sc, _standard(unit), cdb.allocation_length)
    page = _PAGES.get(cdb.page_code)
    if page is None or not _has_page(unit, cdb.page_code):
        return fail(unit, sc, INVALID_FIELD_IN_CDB, _PAGE_CODE_FIELD)
    if cdb.page_code == VpdPageCode.DEVICE_IDENTIFICATION:
        # It names the port, too, that it is asked through.
        found = _device_identification(unit, sc.sc_sess)
        found.octet_0 = unit.peripheral  # type: ignore[attr-defined]
        return send(sc, found.encode(), cdb.allocation_length)
    return send(sc, page(unit).encode(), cdb.allocation_length)
