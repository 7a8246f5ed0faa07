"""MODE SELECT: a parameter list is checked whole before the first value changes (SPC-4, 6.11 and 6.12; SBC-3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from chiscsi_target.scsi.commands import Command, Direction, parameter_list_length
from chiscsi_target.scsi.mode_pages import PAGES
from chiscsi_target.scsi.ranges import check_granted
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.reply import finish
from chiscsi_target.scsi.sense import (
    INVALID_FIELD_IN_CDB,
    INVALID_FIELD_IN_PARAMETER_LIST,
    MODE_PARAMETERS_CHANGED,
    PARAMETER_LIST_LENGTH_ERROR,
    Field,
)
from iscsi_wire import scsi

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit
    from chiscsi_target.scsi.mode_pages import Key
    from iscsi_wire.structure import FieldInfo, Structure

__all__ = ["MODE_SELECT_COMMANDS", "mode_select"]

_FORMAT_FIELD, _SAVE_FIELD = Field(1, 4), Field(1, 0)
_CODE, _SUBPAGE_FORMAT = 0x3F, 0x40
_ANY_COUNT: Final = 0
"""NUMBER OF LOGICAL BLOCKS that leaves it as it is."""
_HEAD: Final = frozenset(("ps", "spf", "page_code", "subpage_code", "page_length"))
"""What a page is known by, and PS, which is reserved in MODE SELECT."""


def _invalid(octet: int, bit: int | None = None) -> Refused:
    return Refused(INVALID_FIELD_IN_PARAMETER_LIST, Field(octet, bit, in_data=True))


def _invalid_field(info: FieldInfo, start: int) -> Refused:
    """A field of a structure that begins at octet `start` of the list."""
    whole = info.bit == 0 and info.width % 8 == 0
    return _invalid(start + info.octet, None if whole else 7 - info.bit)


def mode_select(
    unit: LogicalUnit,
    sc: chiscsi_scsi_command,
    cdb: scsi.ModeSelect6 | scsi.ModeSelect10,
    data: bytes | bytearray,
) -> int:
    """MODE SELECT (6) and (10): the sessions of others learn of a change from a unit attention condition.

    As everybody shares the values, only those may change them that may write.
    """
    if cdb.sp and unit.lu.kept is None:
        raise Refused(INVALID_FIELD_IN_CDB, _SAVE_FIELD)
    if cdb.parameter_list_length and not cdb.pf:
        raise Refused(INVALID_FIELD_IN_CDB, _FORMAT_FIELD)
    if len(data) != cdb.parameter_list_length:
        raise Refused(PARAMETER_LIST_LENGTH_ERROR)
    check_granted(unit, sc)
    selected: dict[Key, dict[str, int]] = {}
    if data:
        at = _after_descriptors(unit, isinstance(cdb, scsi.ModeSelect10), bytes(data))
        while at < len(data):
            at = _page(unit, bytes(data), at, selected)
    if unit.modes.select(selected, save=bool(cdb.sp)):
        for session in unit.device.sessions - {sc.sc_sess}:
            unit.establish_attention(session, MODE_PARAMETERS_CHANGED)
    return finish(sc)


def _after_descriptors(unit: LogicalUnit, ten: bool, data: bytes) -> int:
    """Check header and block descriptor; returns where the pages begin."""
    kind = scsi.ModeParameterHeader10 if ten else scsi.ModeParameterHeader6
    size = kind.STRUCT.size
    if len(data) < size:
        raise Refused(PARAMETER_LIST_LENGTH_ERROR)
    header: Any = kind.decode(data)
    if header.medium_type:
        raise _invalid_field(kind.field("medium_type"), 0)
    long = bool(ten and header.longlba)
    descriptor = scsi.LongBlockDescriptor if long else scsi.ShortBlockDescriptor
    length = header.block_descriptor_length
    if length not in (0, descriptor.STRUCT.size):
        raise _invalid_field(kind.field("block_descriptor_length"), 0)
    if len(data) < size + length:
        raise Refused(PARAMETER_LIST_LENGTH_ERROR)
    if length:
        _check_descriptor(unit, descriptor.decode(data, size), size)
    return int(size + length)


def _check_descriptor(unit: LogicalUnit, sent: Any, start: int) -> None:
    """A block descriptor may only say what is: to resize a unit is the administrator's."""
    count = sent.field("number_of_logical_blocks")
    largest = (1 << count.width) - 1
    if sent.number_of_logical_blocks not in (_ANY_COUNT, min(unit.lu.block_count, largest), largest):
        raise _invalid_field(count, start)
    if sent.logical_block_length != 1 << unit.lu.sect_shift:
        raise _invalid_field(sent.field("logical_block_length"), start)


def _page(unit: LogicalUnit, data: bytes, at: int, selected: dict[Key, dict[str, int]]) -> int:
    """Check the page at octet `at`, and note the values of its changeable fields; returns where the next begins."""
    if len(data) < at + 2:
        raise Refused(PARAMETER_LIST_LENGTH_ERROR)
    code, subpage_format = data[at] & _CODE, data[at] & _SUBPAGE_FORMAT
    key = (code, data[at + 1] if subpage_format else 0)
    if not any(code == known for known, _ in PAGES):
        raise _invalid(at, 5)
    if subpage_format and key[1] == 0:
        raise _invalid(at, 6)
    if key not in PAGES:
        raise _invalid(at + 1)
    current = unit.modes.page(key)
    size = _check_length(type(current), data, at)
    sent = current.decode(data, at)
    changeable = unit.modes.changeable(key)
    values = selected.setdefault(key, {})
    for info in sent.FIELDS:
        value = getattr(sent, info.name)
        if info.name in changeable:
            if value not in changeable[info.name]:
                raise _invalid_field(info, at)
            values[info.name] = value
        elif info.name not in _HEAD and value != getattr(current, info.name):
            raise _invalid_field(info, at)
    return at + size


def _check_length(kind: type[Structure], data: bytes, at: int) -> int:
    """Check that a page has the length that it says, and that there is; returns that in octets."""
    size, info = kind.STRUCT.size, kind.field("page_length")
    end = info.octet + info.width // 8
    if len(data) < at + end:
        raise Refused(PARAMETER_LIST_LENGTH_ERROR)
    if int.from_bytes(data[at + info.octet : at + end]) != size - end:
        raise _invalid_field(info, at)
    if len(data) < at + size:
        raise Refused(PARAMETER_LIST_LENGTH_ERROR)
    return size


MODE_SELECT_COMMANDS: Final = tuple(
    Command(cdb, Direction.OUT, execute_with_data=mode_select, data_length=parameter_list_length)
    for cdb in (scsi.ModeSelect6, scsi.ModeSelect10)
)
