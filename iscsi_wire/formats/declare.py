"""The words in which formats are declared: construct's, each with its name in the standard and its clause.

A declaration is one :class:`Format`: a title, a clause and a row of fields, read from the top left corner of the
standard's drawing to its bottom right. ``Format.construct`` is a plain ``construct.Struct`` that parses and
builds the format on its own. The generator, the scapy layers and the tables in docs/ take the same declaration
through ``Format.slots``.

Fields that share bytes stand in one :func:`word`; such a word is one item of the generated ``struct`` codec, and
its members become properties. Reserved fields are called ``rsvd_<octet>``, and a second one in the same octet
``rsvd_<octet>_<bit>``, so that a test can set them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from construct import (
    BitsInteger,
    BitStruct,
    Bytes,
    Construct,
    Default,
    FixedSized,
    GreedyBytes,
    GreedyRange,
    Int8ub,
    Int16ub,
    Int32ub,
    Int64ub,
    Renamed,
    Struct,
)

from iscsi_wire.constants import BHS_LENGTH, Code, Opcode
from iscsi_wire.structure import Kind

_INTEGERS: Final = {8: Int8ub, 16: Int16ub, 32: Int32ub, 64: Int64ub}
_ITEMS: Final = {8: "B", 16: "H", 32: "I", 64: "Q"}


class Described(Renamed):  # type: ignore[misc]  # construct has no types
    """A named construct that remembers what the standard says about it."""

    def __init__(
        self,
        name: str,
        subcon: Construct,
        title: str,
        section: str,
        *,
        width: int,
        kind: Kind,
        default: int | bytes = 0,
        codes: type[Code] | None = None,
        above: str = "",
        members: tuple[Described, ...] = (),
        tail: Tail | None = None,
    ) -> None:
        super().__init__(subcon, name, title)
        self.title = title
        self.section = section
        self.width = width
        self.kind = kind
        self.default = default
        self.codes = codes
        self.above = above
        self.members = members
        self.tail = tail

    @property
    def item(self) -> str:
        """The field's format in :mod:`struct`."""
        return _ITEMS.get(self.width, "") if self.kind not in (Kind.BYTES, Kind.TEXT) else ""


@dataclass(frozen=True)
class Tail:
    """How far a part of variable length reaches, and what it is made of.

    Attributes:
        length: name of the field that tells; empty for "whatever is left".
        counts_from: octet from which that field counts bytes.
        item: ``struct`` format of the integers in the part, if it is a list of integers.
        element: format of the structures in the part, if it is a list of structures.
    """

    length: str
    counts_from: int
    item: str = ""
    element: Format | None = None


@dataclass(frozen=True)
class Format:
    """One declared format.

    Attributes:
        name: name of the generated class.
        title: name in the standard.
        section: clause that draws it.
        slots: the stored fields in order; a word's members are the fields proper.
        construct: the declaration as construct reads it.
        size: length of the fixed part in bytes.
        base: name of the class that the generated one derives from; it decides which table lists it.
        code: opcode of a PDU, operation code of a CDB, or page code; ``None`` if the format has none.
        subcode: service action of a CDB or subpage code of a mode page; ``None`` if there is none.
        doc: a sentence about what the drawing does not say.
        tail: the part of variable length at the end, if there is one.
    """

    name: str
    title: str
    section: str
    slots: tuple[Described, ...]
    construct: Construct
    size: int
    base: str = "Structure"
    code: int | None = None
    subcode: int | None = None
    doc: str = ""
    tail: Described | None = None


def flag(name: str, title: str, section: str, *, default: int = 0) -> Described:
    """One bit that is set or clear."""
    return bits(name, title, section, 1, kind=Kind.FLAG, default=default)


def bits(
    name: str,
    title: str,
    section: str,
    width: int,
    *,
    kind: Kind = Kind.NUMBER,
    default: int = 0,
    codes: type[Code] | None = None,
    above: str = "",
) -> Described:
    """``width`` bits within a :func:`word`."""
    kind = Kind.CODE if codes else kind
    subcon = Default(BitsInteger(width), default)
    return Described(name, subcon, title, section, width=width, kind=kind, default=default, codes=codes, above=above)


def reserved_bits(name: str, width: int, section: str, *, default: int = 0) -> Described:
    """``width`` reserved bits within a :func:`word`."""
    return bits(name, "Reserved", section, width, kind=Kind.RESERVED, default=default)


def word(name: str, *members: Described) -> Described:
    """A whole number of bytes whose bits are the ``members``; stored as one item."""
    width = sum(member.width for member in members)
    if width % 8:
        raise ValueError(f"{name} has {width} bits, which make no whole number of bytes")
    default = 0
    for member in members:
        default = default << member.width | int(member.default)
    subcon = Default(BitStruct(*members), {})
    section = members[0].section
    kind = Kind.NUMBER if width in _ITEMS else Kind.BYTES
    return Described(name, subcon, name, section, width=width, kind=kind, default=default, members=members)


def uint(
    name: str,
    title: str,
    section: str,
    width: int,
    *,
    kind: Kind = Kind.NUMBER,
    default: int = 0,
    codes: type[Code] | None = None,
    above: str = "",
) -> Described:
    """An unsigned integer of ``width`` bits, a multiple of 8, alone in its bytes."""
    if width not in _INTEGERS:
        inner = bits(name, title, section, width, kind=kind, default=default, codes=codes, above=above)
        return word(f"{name}_octets", inner)
    kind = Kind.CODE if codes else kind
    subcon = Default(_INTEGERS[width], default)
    return Described(name, subcon, title, section, width=width, kind=kind, default=default, codes=codes, above=above)


def reserved(name: str, width: int, section: str, *, default: int = 0) -> Described:
    """A reserved integer of ``width`` bits: 8, 16, 32 or 64."""
    return uint(name, "Reserved", section, width, kind=Kind.RESERVED, default=default)


def octets(
    name: str, title: str, section: str, length: int, *, kind: Kind = Kind.BYTES, default: bytes | None = None
) -> Described:
    """``length`` bytes that are no number, or text if ``kind`` says so."""
    value = bytes(length) if default is None else default
    subcon = Default(Bytes(length), value)
    return Described(name, subcon, title, section, width=8 * length, kind=kind, default=value)


def tail(
    name: str,
    title: str,
    section: str,
    *,
    length: str = "",
    counts_from: int = 0,
    width: int = 0,
    element: Format | None = None,
    kind: Kind = Kind.BYTES,
) -> Described:
    """The part of variable length at the end.

    Args:
        name: name of the field.
        title: the standard's name.
        section: its clause.
        length: the field that tells its length in bytes; without it the part takes whatever is left.
        counts_from: the octet from which that length counts, usually the one behind it.
        width: for a list of integers, their width in bits.
        element: for a list of structures, their format.
        kind: for plain bytes, ``Kind.TEXT`` if they are text.
    """
    subcon: Construct = GreedyBytes
    if width:
        subcon = GreedyRange(_INTEGERS[width])
    elif element is not None:
        subcon = GreedyRange(element.construct)
    how = Tail(length, counts_from, _ITEMS.get(width, ""), element)
    kind = Kind.LIST if width or element else kind
    return Described(name, subcon, title, section, width=0, kind=kind, default=b"", tail=how)


def structure(name: str, title: str, section: str, *rows: Described, doc: str = "") -> Format:
    """Declare a structure of a data segment, an AHS or SCSI data, from its ``rows``."""
    fixed = tuple(row for row in rows if row.tail is None)
    last = rows[-1] if rows[-1].tail is not None else None
    if rows[: len(fixed)] != fixed or len(rows) - len(fixed) > 1:
        raise ValueError(f"{name}: only the last field can be of variable length")
    size = sum(row.width for row in fixed) // 8
    _check_reserved_names(name, fixed)
    body = Struct(*fixed, *([_confined(last, size)] if last is not None else []))
    return Format(name, title, section, fixed, body, size, doc=doc, tail=last)


def pdu(name: str, opcode: Opcode | None, section: str, *rows: Described, title: str = "", doc: str = "") -> Format:
    """Declare the Basic Header Segment of the PDU with ``opcode``, or of all that have none in the RFC."""
    declared = structure(name, opcode.label if opcode is not None else title, section, *rows, doc=doc)
    if declared.size != BHS_LENGTH:
        raise ValueError(f"{name} has {declared.size} bytes, and a BHS has {BHS_LENGTH}")
    return replace(declared, base="Pdu", code=None if opcode is None else int(opcode))


def cdb(
    name: str,
    operation: Code | None,
    section: str,
    *rows: Described,
    service_action: int | None = None,
    title: str = "",
) -> Format:
    """Declare the CDB of a SCSI command by its operation code, and its service action if it has one."""
    declared = structure(name, title or (operation.label if operation is not None else ""), section, *rows)
    return replace(declared, base="Cdb", code=None if operation is None else int(operation), subcode=service_action)


def vpd_page(name: str, page: Code, section: str, *rows: Described) -> Format:
    """Declare the vital product data page with the code ``page``."""
    return replace(structure(name, f"{page.label} VPD page", section, *rows), base="VpdPage", code=int(page))


def mode_page(
    name: str, page: Code, section: str, *rows: Described, subpage: int | None = None, title: str = ""
) -> Format:
    """Declare the mode page with the code ``page``; a subpage has a ``title`` of its own."""
    declared = structure(name, f"{title or page.label} mode page", section, *rows)
    return replace(declared, base="ModePage", code=int(page), subcode=subpage)


def clause(section: str) -> str:
    """Return ``section`` with the document that it is in: RFC 7143 unless it names another."""
    return f"RFC 7143, {section}" if section[:1].isdigit() else section


def _confined(last: Described, size: int) -> Construct:
    """Let the part of variable length reach exactly as far as its length field says."""
    how = last.tail
    if how is None or not how.length:
        return last

    def reach(context: Any) -> int:
        return max(0, int(context[how.length]) + how.counts_from - size)

    return Renamed(FixedSized(reach, last.subcon), last.name, last.docs)


def _check_reserved_names(format_name: str, slots: tuple[Described, ...]) -> None:
    """Make sure that ``rsvd_16`` lies at octet 16: a reader trusts the name."""
    position = 0
    for slot in slots:
        for item in slot.members or (slot,):
            parts = item.name.split("_")
            if parts[0] == "rsvd" and parts[1].isdigit() and int(parts[1]) != position // 8:
                raise ValueError(f"{format_name}.{item.name} lies at octet {position // 8}")
            position += item.width
