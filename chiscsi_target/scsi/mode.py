"""MODE SENSE and the mode pages (SPC-4 and SBC-3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.api.logical_unit import LU_FLAG_SYNC
from chiscsi_target.scsi.reply import fail, send
from chiscsi_target.scsi.sense import INVALID_FIELD_IN_CDB, SAVING_NOT_SUPPORTED, Field
from iscsi_wire import scsi
from iscsi_wire.scsi_codes import ModePageCode, PageControl

if TYPE_CHECKING:
    from collections.abc import Callable

    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit
    from iscsi_wire.structure import ModePage

__all__ = ["mode_sense_6", "mode_sense_10"]

_PAGE_CODE_FIELD, _SUBPAGE_CODE_FIELD = Field(2, 5), Field(3)
_ALL_SUBPAGES: Final = 0xFF
_LARGEST_COUNT_SHORT: Final = 0xFFFFFFFF

# The geometry that a medium without one is given where a page wants it.
_HEADS: Final = 64
_SECTORS_PER_TRACK: Final = 256
_LARGEST_CYLINDERS: Final = 0xFFFFFF
_ROTATION_RATE: Final = 15000


def _recovery(_unit: LogicalUnit) -> ModePage:
    """Nothing is retried, reallocated or reported as recovered."""
    return scsi.ReadWriteErrorRecoveryModePage()


def _reconnect(_unit: LogicalUnit) -> ModePage:
    """Ratios of one half, as the module has them; iSCSI has no bus to disconnect from."""
    return scsi.DisconnectReconnectModePage.make(
        buffer_full_ratio=0x80, buffer_empty_ratio=0x80, bus_inactivity_limit=10
    )


def _format(unit: LogicalUnit) -> ModePage:
    return scsi.FormatDeviceModePage.make(
        sectors_per_track=_SECTORS_PER_TRACK,
        data_bytes_per_physical_sector=1 << unit.lu.sect_shift,
        interleave=1,
        hsec=1,
    )


def _geometry(unit: LogicalUnit) -> ModePage:
    cylinders = unit.lu.block_count // (_HEADS * _SECTORS_PER_TRACK)
    return scsi.RigidDiskGeometryModePage.make(
        number_of_cylinders=min(cylinders or 1, _LARGEST_CYLINDERS),
        number_of_heads=_HEADS,
        medium_rotation_rate=_ROTATION_RATE,
    )


def _caching(unit: LogicalUnit) -> ModePage:
    """WCE says whether a write may still be lost after its status."""
    return scsi.CachingModePage.make(
        disc=1,
        wce=int(not unit.lu.flags & LU_FLAG_SYNC),
        disable_prefetch_transfer_length=0xFFFF,
        maximum_prefetch=0xFFFF,
        maximum_prefetch_ceiling=0xFFFF,
        fsw=1,
        number_of_cache_segments=20,
    )


def _control(_unit: LogicalUnit) -> ModePage:
    """One task set for all nexuses, commands in the order of their arrival, no log parameters to save (GLTSD)."""
    return scsi.ControlModePage.make(gltsd=1, extended_self_test_completion_time=0x24B)


def _exceptions(_unit: LogicalUnit) -> ModePage:
    """There is nothing to foretell failures by (DEXCPT)."""
    return scsi.InformationalExceptionsControlModePage.make(dexcpt=1)


_PAGES: Final[dict[tuple[int, int], Callable[[LogicalUnit], ModePage]]] = {
    (ModePageCode.READ_WRITE_ERROR_RECOVERY, 0): _recovery,
    (ModePageCode.DISCONNECT_RECONNECT, 0): _reconnect,
    (ModePageCode.FORMAT_DEVICE, 0): _format,
    (ModePageCode.RIGID_DISK_GEOMETRY, 0): _geometry,
    (ModePageCode.CACHING, 0): _caching,
    (ModePageCode.CONTROL, 0): _control,
    (ModePageCode.INFORMATIONAL_EXCEPTIONS_CONTROL, 0): _exceptions,
}
"""The pages by page and subpage code, in the order in which MODE SENSE returns them all."""


def _selected(page_code: int, subpage_code: int) -> list[tuple[int, int]] | Field:
    """The pages that a CDB asks for, or the field for which it has to be refused (SPC-4, table on mode page codes)."""
    pages = [key for key in _PAGES if page_code in (key[0], ModePageCode.ALL)]
    if not pages:
        return _PAGE_CODE_FIELD
    if subpage_code == _ALL_SUBPAGES:
        return pages
    if page_code == ModePageCode.ALL and subpage_code:
        return _SUBPAGE_CODE_FIELD
    return [key for key in pages if key[1] == subpage_code] or _SUBPAGE_CODE_FIELD


def _page(unit: LogicalUnit, key: tuple[int, int], control: int) -> bytes:
    """One page: its values, or which of its bits MODE SELECT may change, and that is none."""
    page = _PAGES[key](unit).encode()
    return page[:2].ljust(len(page), b"\x00") if control == PageControl.CHANGEABLE else page


def _block_descriptor(unit: LogicalUnit, long: bool) -> bytes:
    blocks, length = unit.lu.block_count, 1 << unit.lu.sect_shift
    if long:
        return scsi.LongBlockDescriptor.make(number_of_logical_blocks=blocks, logical_block_length=length).encode()
    return scsi.ShortBlockDescriptor.make(
        number_of_logical_blocks=min(blocks, _LARGEST_COUNT_SHORT), logical_block_length=length
    ).encode()


def _parameters(unit: LogicalUnit, cdb: scsi.ModeSense6 | scsi.ModeSense10, long: bool) -> tuple[bytes, bytes] | Field:
    """Block descriptor and pages, or the field for which the CDB has to be refused."""
    keys = _selected(cdb.page_code, cdb.subpage_code)
    if isinstance(keys, Field):
        return keys
    descriptor = b"" if cdb.dbd else _block_descriptor(unit, long)
    return descriptor, b"".join(_page(unit, key, cdb.pc) for key in keys)


def mode_sense_6(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.ModeSense6) -> int:
    """MODE SENSE (6)."""
    if cdb.pc == PageControl.SAVED:
        return fail(unit, sc, SAVING_NOT_SUPPORTED)
    found = _parameters(unit, cdb, long=False)
    if isinstance(found, Field):
        return fail(unit, sc, INVALID_FIELD_IN_CDB, found)
    descriptor, pages = found
    header = scsi.ModeParameterHeader6.make(
        mode_data_length=scsi.ModeParameterHeader6.STRUCT.size - 1 + len(descriptor) + len(pages),
        wp=int(unit.write_protected(sc.sc_sess)),
        dpofua=1,
        block_descriptor_length=len(descriptor),
    )
    return send(sc, header.encode() + descriptor + pages, cdb.allocation_length)


def mode_sense_10(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.ModeSense10) -> int:
    """MODE SENSE (10), which has room for a block descriptor with 64 bits of block count (LLBAA)."""
    if cdb.pc == PageControl.SAVED:
        return fail(unit, sc, SAVING_NOT_SUPPORTED)
    found = _parameters(unit, cdb, long=bool(cdb.llbaa))
    if isinstance(found, Field):
        return fail(unit, sc, INVALID_FIELD_IN_CDB, found)
    descriptor, pages = found
    header = scsi.ModeParameterHeader10.make(
        mode_data_length=scsi.ModeParameterHeader10.STRUCT.size - 2 + len(descriptor) + len(pages),
        wp=int(unit.write_protected(sc.sc_sess)),
        dpofua=1,
        longlba=int(bool(cdb.llbaa and descriptor)),
        block_descriptor_length=len(descriptor),
    )
    return send(sc, header.encode() + descriptor + pages, cdb.allocation_length)
