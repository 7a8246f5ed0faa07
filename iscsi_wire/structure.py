"""What every generated structure shares: its description field by field, and the slow, careful paths.

The fast paths are generated (:mod:`iscsi_wire.pdus`, :mod:`iscsi_wire.scsi`); they come here when something
is wrong, when a structure ends in a part of variable length, and when somebody wants to read about a field.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Final, Self, TypeAlias, TypeVar

from iscsi_wire.constants import RESERVED_TAG, Code
from iscsi_wire.errors import DecodeError, FieldValueError

Buffer: TypeAlias = bytes | bytearray | memoryview
"""Whatever bytes can be read from without copying."""

AUTO: Final = -1
"""Default of a length field in front of a part of variable length: ``encode`` fills in what is true."""

_S = TypeVar("_S", bound="Structure")


class Kind(StrEnum):
    """How a field's value is to be understood and shown."""

    FLAG = "flag"
    CODE = "code"
    NUMBER = "number"
    LENGTH = "length"
    TAG = "tag"
    SEQUENCE_NUMBER = "sequence number"
    LUN = "lun"
    BYTES = "bytes"
    TEXT = "text"
    RESERVED = "reserved"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One field of a structure, as declared in :mod:`iscsi_wire.formats`.

    Attributes:
        name: attribute of the structure.
        title: the standard's spelling, such as ``ExpStatSN``.
        octet: byte offset of the field's first bit from the start of the structure.
        bit: position of that bit in its byte; 0 is the most significant, as in the RFC's drawings.
        width: length in bits; 0 for a part of variable length at the end.
        kind: how to understand the value.
        section: clause that defines the field; of RFC 7143 unless it names another document.
        default: value in a fresh structure.
        slot: the stored attribute that holds the field's bits; equal to ``name`` if it is not shared.
        codes: the values with a meaning, for ``Kind.CODE``.
        above: name of the field that holds the upper bits of the code, if a code spans two fields.
        length: name of the field that holds the length of a part of variable length.
    """

    name: str
    title: str
    octet: int
    bit: int
    width: int
    kind: Kind
    section: str
    default: int | bytes = 0
    slot: str = ""
    codes: type[Code] | None = None
    above: str = ""
    length: str = ""

    def meaning(self, value: Any, above: int = 0) -> str:
        """Return what ``value`` says, in the standard's words; empty if the bare value says it all.

        Args:
            value: value of this field.
            above: value of the field named by ``self.above``, if there is one.
        """
        if self.codes is not None:
            return self.codes.meaning(above << self.width | int(value))
        return _MEANINGS[self.kind](value) if self.kind in _MEANINGS else ""


def _lun_meaning(value: int) -> str:
    """Read the first level of a LUN: peripheral or flat addressing (SAM-5, logical unit addressing)."""
    method, number = value >> 62, value >> 48 & 0x3FFF
    if value & 0xFFFFFFFFFFFF or method > 1 or (method == 0 and number > 0xFF):
        return "other addressing method"
    return f"LUN {number}"


_MEANINGS: dict[Kind, Callable[[Any], str]] = {
    Kind.FLAG: lambda value: "set" if value else "clear",
    Kind.TAG: lambda value: "reserved value: names nothing" if value == RESERVED_TAG else "",
    Kind.LENGTH: lambda value: "filled in on encoding" if value == AUTO else f"{value} bytes",
    Kind.LUN: _lun_meaning,
    Kind.TEXT: lambda value: bytes(value).decode("ascii", "backslashreplace").rstrip(" \0"),
}


class Structure:
    """A structure of fixed layout, perhaps with one part of variable length at its end.

    Attributes:
        TITLE: name in the standard.
        SECTION: clause that draws it.
        STRUCT: codec of the fixed part; its items are the stored slots, in order.
        FIELDS: every field in the order of the drawing; together they cover every bit.
    """

    __slots__ = ()

    TITLE: ClassVar[str]
    SECTION: ClassVar[str]
    STRUCT: ClassVar[struct.Struct]
    FIELDS: ClassVar[tuple[FieldInfo, ...]]

    @classmethod
    def decode(cls, buffer: Buffer, offset: int = 0) -> Self:
        """Read the structure that begins ``offset`` bytes into ``buffer``.

        Raises:
            DecodeError: the buffer ends before the structure does.
        """
        raise NotImplementedError

    def encode(self) -> bytes:
        """Return the structure as on the wire.

        Raises:
            FieldValueError: a field holds a value that its bits cannot.
        """
        raise NotImplementedError

    @classmethod
    def make(cls, **values: Any) -> Self:
        """Return a structure with defaults except for ``values``, by the names in ``FIELDS``.

        Raises:
            FieldValueError: no such field, or its bits cannot hold the value.
        """
        made = cls()
        known = {info.name: info for info in cls.FIELDS}
        for name, value in values.items():
            if name not in known:
                raise FieldValueError(name, f"is no field of {cls.__name__}")
            setattr(made, name, value)
        return made

    @classmethod
    def field(cls, name: str) -> FieldInfo:
        """Return the description of the field ``name``; raises ``KeyError`` if there is none."""
        for info in cls.FIELDS:
            if info.name == name:
                return info
        raise KeyError(name)

    def describe(self) -> Iterator[tuple[FieldInfo, Any, str]]:
        """Yield each field with its value and meaning, in the order of the drawing."""
        for info in self.FIELDS:
            value = getattr(self, info.name)
            above = getattr(self, info.above) if info.above else 0
            yield info, value, info.meaning(value, above)

    @classmethod
    def too_short(cls, buffer: Buffer, offset: int) -> DecodeError:
        """Return the error for a ``buffer`` that ends within the fixed part."""
        left = max(len(buffer) - offset, 0)
        ends = ((info.name, info.octet + (info.bit + info.width + 7) // 8) for info in cls.FIELDS)
        cut = next((name for name, end in ends if end > left), "")
        message = f"{cls.TITLE} takes {cls.STRUCT.size} bytes, and {left} are left in the buffer"
        return DecodeError(offset, cut, message)

    def unfit(self) -> FieldValueError:
        """Return the error for the first value that does not fit; to be called when ``encode`` has failed."""
        last = self.FIELDS[-1]
        for slot, item in self._items():
            value = getattr(self, slot)
            if slot == last.length and value == AUTO:
                continue
            try:
                struct.pack(f">{item}", value)
            except struct.error as fault:
                return FieldValueError(slot, f"{value!r} does not fit: {fault}")
        return FieldValueError(last.name, f"is longer than {last.length} can say")

    @classmethod
    def _items(cls) -> Iterator[tuple[str, str]]:
        """Yield the stored slots of the fixed part with their ``struct`` formats."""
        slots = dict.fromkeys(info.slot or info.name for info in cls.FIELDS if info.width)
        return zip(slots, _split_format(cls.STRUCT.format), strict=True)

    @classmethod
    def variable_part(cls, buffer: Buffer, offset: int, end: int, truncated: bool) -> memoryview:
        """Return the bytes behind the fixed part, confined to the declared length.

        Args:
            buffer: where the structure lies.
            offset: where it begins.
            end: where it ends by its own length field, counted from its beginning.
            truncated: accept a buffer that ends earlier, as after an allocation length (SPC-4, allocation length).

        Raises:
            DecodeError: the buffer ends earlier, and ``truncated`` is false.
        """
        start, last = offset + cls.STRUCT.size, cls.FIELDS[-1]
        promised = max(end - cls.STRUCT.size, 0)
        part = memoryview(buffer)[start : start + promised]
        if len(part) < promised and not truncated:
            message = f"{last.length} promises {promised} bytes, and {len(part)} are left in the buffer"
            raise DecodeError(start, last.name, message)
        return part


def _split_format(text: str) -> Iterator[str]:
    """Yield the items of a ``struct`` format such as ``>BB16s``."""
    count = ""
    for character in text.lstrip(">"):
        if character.isdigit():
            count += character
            continue
        yield count + character
        count = ""


def out_of_range(field: str, value: object, width: int) -> FieldValueError:
    """Return the error for a ``value`` that the ``width`` bits of ``field`` cannot hold."""
    return FieldValueError(field, f"{value!r} does not fit in {width} bits")


def with_bits(stored: int, value: int, shift: int, width: int, field: str) -> int:
    """Return ``stored`` with the ``width`` bits above bit ``shift`` replaced by ``value``.

    Raises:
        FieldValueError: ``field``, which these bits are, cannot hold ``value``.
    """
    if not 0 <= value < 1 << width:
        raise out_of_range(field, value, width)
    return stored & ~(((1 << width) - 1) << shift) | value << shift


def too_long(field: str, value: bytes, length: int) -> FieldValueError:
    """Return the error for a ``value`` with more bytes than the ``length`` of ``field``."""
    return FieldValueError(field, f"{len(value)} bytes do not fit in {length}")


def read_integers(part: memoryview, item: str, name: str, truncated: bool) -> list[int]:
    """Read a list of integers of ``struct`` format ``item`` that fills ``part``.

    Raises:
        DecodeError: the last integer is cut off, and ``truncated`` is false.
    """
    size = struct.calcsize(f">{item}")
    count, rest = divmod(len(part), size)
    if rest and not truncated:
        raise DecodeError(count * size, name, f"{len(part)} bytes do not divide into items of {size}")
    return list(struct.unpack_from(f">{count}{item}", part))


def write_integers(values: list[int], item: str, name: str) -> bytes:
    """Return ``values`` as on the wire, each in ``struct`` format ``item``.

    Raises:
        FieldValueError: a value does not fit.
    """
    try:
        return struct.pack(f">{len(values)}{item}", *values)
    except struct.error as fault:
        raise FieldValueError(name, str(fault)) from fault


def read_structures(part: memoryview, kind: type[_S], truncated: bool) -> list[_S]:
    """Read structures of one ``kind``, one behind the other, until ``part`` is used up.

    Raises:
        DecodeError: the last one is cut off, and ``truncated`` is false.
    """
    found: list[_S] = []
    offset = 0
    while offset < len(part):
        try:
            item = kind.decode(part, offset)
        except DecodeError:
            if truncated:
                break
            raise
        found.append(item)
        offset += len(item.encode())
    return found


def write_structures(items: list[_S]) -> bytes:
    """Return ``items`` as on the wire, one behind the other."""
    return b"".join(item.encode() for item in items)


class Cdb(Structure):
    """A command descriptor block.

    Attributes:
        OPERATION_CODE: its first byte.
        SERVICE_ACTION: what tells commands of one operation code apart, or ``None``.
    """

    __slots__ = ()

    OPERATION_CODE: ClassVar[int]
    SERVICE_ACTION: ClassVar[int | None]


class VpdPage(Structure):
    """A page of vital product data.

    Attributes:
        PAGE_CODE: the code by which INQUIRY asks for it.
    """

    __slots__ = ()

    PAGE_CODE: ClassVar[int]


class ModePage(Structure):
    """A mode page.

    Attributes:
        PAGE_CODE: the code by which MODE SENSE asks for it.
        SUBPAGE_CODE: its subpage, or ``None`` for a page in the page_0 format.
    """

    __slots__ = ()

    PAGE_CODE: ClassVar[int]
    SUBPAGE_CODE: ClassVar[int | None]
