"""MODE SENSE (SPC-4, 6.13 and 6.14; SBC-3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.scsi.mode_pages import PAGES
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.reply import send
from chiscsi_target.scsi.sense import INVALID_FIELD_IN_CDB, SAVING_NOT_SUPPORTED, Field
from iscsi_wire import scsi
from iscsi_wire.scsi_page_codes import ModePageCode, PageControl

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit
    from chiscsi_target.scsi.mode_pages import Key

__all__ = ["mode_sense_6", "mode_sense_10"]

_PAGE_CODE_FIELD, _SUBPAGE_CODE_FIELD = Field(2, 5), Field(3)
_ALL_SUBPAGES: Final = 0xFF
_LARGEST_COUNT_SHORT: Final = 0xFFFFFFFF


def _selected(page_code: int, subpage_code: int) -> list[Key]:
    """The pages that a CDB asks for (SPC-4, table on mode page codes)."""
    pages = [key for key in PAGES if page_code in (key[0], ModePageCode.ALL)]
    if not pages:
        raise Refused(INVALID_FIELD_IN_CDB, _PAGE_CODE_FIELD)
    if subpage_code == _ALL_SUBPAGES:
        return pages
    found = [key for key in pages if key[1] == subpage_code]
    if not found or (page_code == ModePageCode.ALL and subpage_code):
        raise Refused(INVALID_FIELD_IN_CDB, _SUBPAGE_CODE_FIELD)
    return found


def _block_descriptor(unit: LogicalUnit, long: bool) -> bytes:
    blocks, length = unit.lu.block_count, 1 << unit.lu.sect_shift
    if long:
        return scsi.LongBlockDescriptor.make(number_of_logical_blocks=blocks, logical_block_length=length).encode()
    return scsi.ShortBlockDescriptor.make(
        number_of_logical_blocks=min(blocks, _LARGEST_COUNT_SHORT), logical_block_length=length
    ).encode()


def _parameters(unit: LogicalUnit, cdb: scsi.ModeSense6 | scsi.ModeSense10, long: bool) -> tuple[bytes, bytes]:
    """Block descriptor and pages; saved values there are only where the unit has a place to keep them."""
    keys = _selected(cdb.page_code, cdb.subpage_code)
    if cdb.pc == PageControl.SAVED and unit.lu.kept is None:
        raise Refused(SAVING_NOT_SUPPORTED)
    descriptor = b"" if cdb.dbd else _block_descriptor(unit, long)
    return descriptor, b"".join(unit.modes.page(key, cdb.pc).encode() for key in keys)


def mode_sense_6(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.ModeSense6) -> int:
    """MODE SENSE (6)."""
    descriptor, pages = _parameters(unit, cdb, long=False)
    header = scsi.ModeParameterHeader6.make(
        mode_data_length=scsi.ModeParameterHeader6.STRUCT.size - 1 + len(descriptor) + len(pages),
        wp=int(unit.write_protected(sc.sc_sess)),
        dpofua=1,
        block_descriptor_length=len(descriptor),
    )
    return send(sc, header.encode() + descriptor + pages, cdb.allocation_length)


def mode_sense_10(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.ModeSense10) -> int:
    """MODE SENSE (10), which has room for a block descriptor with 64 bits of block count (LLBAA)."""
    descriptor, pages = _parameters(unit, cdb, long=bool(cdb.llbaa))
    header = scsi.ModeParameterHeader10.make(
        mode_data_length=scsi.ModeParameterHeader10.STRUCT.size - 2 + len(descriptor) + len(pages),
        wp=int(unit.write_protected(sc.sc_sess)),
        dpofua=1,
        longlba=int(bool(cdb.llbaa and descriptor)),
        block_descriptor_length=len(descriptor),
    )
    return send(sc, header.encode() + descriptor + pages, cdb.allocation_length)
