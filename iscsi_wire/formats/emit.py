"""Writes the dataclasses and ``struct`` codecs of declared formats as Python text.

Only text is made here; :mod:`iscsi_wire.generate` decides what goes into which file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from iscsi_wire.formats.declare import Described, Format, clause
from iscsi_wire.structure import Kind

_WIDTH: Final = 120
_SHARED: Final = ("octet_0", "lengths")
"""Words that all PDUs have: their properties stand in the common base class."""


_CODES: Final = {
    "Pdu": ("OPCODE",),
    "Cdb": ("OPERATION_CODE", "SERVICE_ACTION"),
    "VpdPage": ("PAGE_CODE",),
    "ModePage": ("PAGE_CODE", "SUBPAGE_CODE"),
}
"""The class variables by which each kind of format is looked up."""

_ALWAYS: Final = ("OPCODE", "OPERATION_CODE", "PAGE_CODE")
"""Of these, the ones that every format of the kind has; -1 stands for a format of unknown code."""


def struct_format(declared: Format) -> str:
    """Return the ``struct`` format of the fixed part."""
    return ">" + "".join(slot.item or f"{slot.width // 8}s" for slot in declared.slots)


def emit_class(declared: Format) -> str:
    """Return the source text of the class for ``declared``."""
    lines = [
        "@dataclass(slots=True)",
        f"class {declared.name}({declared.base}):",
        f'    """{declared.title} ({clause(declared.section)}).',
    ]
    if declared.doc:
        lines += ["", *_wrapped(declared.doc, "    ")]
        lines.append('    """')
    else:
        lines[-1] += '"""'
    lines += ["", *_class_variables(declared), "", *_slots(declared), "", *_decode(declared), ""]
    lines += _encode(declared)
    for slot, member, shift in _members(declared):
        lines += ["", *_property(slot, member, shift)]
    lines += ["", *_fields(declared)]
    return "\n".join(lines) + "\n"


def emit_base(declared: Format) -> str:
    """Return the source text of ``Pdu``, which holds what all Basic Header Segments share."""
    lines = [
        "class Pdu(Structure):",
        '    """A Basic Header Segment: 48 bytes whose first two rows all PDUs share (RFC 7143, 11.2.1)."""',
        "",
        '    __slots__ = ("lengths", "octet_0", "octet_1")',
        "",
        "    OPCODE: ClassVar[int]",
        "",
        "    octet_0: int",
        "    octet_1: int",
        "    lengths: int",
    ]
    for slot in declared.slots:
        if slot.name in _SHARED:
            for member, shift in _shifts(slot):
                lines += ["", *_property(slot, member, shift)]
    return "\n".join(lines) + "\n"


def constant(declared: Format) -> str:
    """Return the name of the module's ``Struct`` for ``declared``: ``_SCSI_COMMAND``."""
    text = "".join(
        f"_{letter}" if letter.isupper() and not declared.name[index - 1 : index].isupper() else letter
        for index, letter in enumerate(declared.name)
    )
    return text.upper()


def _class_variables(declared: Format) -> Iterator[str]:
    yield f'    TITLE: ClassVar[str] = "{declared.title}"'
    yield f'    SECTION: ClassVar[str] = "{declared.section}"'
    for variable, value in zip(_CODES.get(declared.base, ()), (declared.code, declared.subcode), strict=False):
        kind = "int" if variable in _ALWAYS else "int | None"
        shown = "-1" if variable in _ALWAYS and value is None else str(None) if value is None else f"0x{value:02X}"
        yield f"    {variable}: ClassVar[{kind}] = {shown}"
    yield f"    STRUCT: ClassVar[struct.Struct] = {constant(declared)}"


def _slots(declared: Format) -> Iterator[str]:
    length = declared.tail.tail.length if declared.tail and declared.tail.tail else ""
    for slot in declared.slots:
        kind = "int" if slot.item else "bytes"
        yield f"    {slot.name}: {kind} = {'AUTO' if slot.name == length else _default(slot)}"
    if declared.tail is not None:
        how = declared.tail.tail
        assert how is not None
        if how.item:
            yield f"    {declared.tail.name}: list[int] = field(default_factory=list)"
        elif how.element:
            yield f"    {declared.tail.name}: list[{how.element.name}] = field(default_factory=list)"
        else:
            yield f'    {declared.tail.name}: bytes = b""'


def _default(slot: Described) -> str:
    if not slot.item:
        value = slot.default if isinstance(slot.default, bytes) else slot.default.to_bytes(slot.width // 8, "big")
        text = repr(value)
        return (text if '"' in text else text.replace("'", '"')) if any(value) else f"bytes({len(value)})"
    assert isinstance(slot.default, int)
    return str(slot.default) if slot.default < 10 else f"0x{slot.default:0{slot.width // 4}X}"


def _decode(declared: Format) -> Iterator[str]:
    yield "    @classmethod"
    if declared.tail is None:
        yield "    def decode(cls, buffer: Buffer, offset: int = 0) -> Self:"
        yield f'        """Read {declared.size} bytes from ``offset``; raises ``DecodeError`` if there are fewer."""'
        yield "        try:"
        yield f"            return cls(*{constant(declared)}.unpack_from(buffer, offset))"
    else:
        yield "    def decode(cls, buffer: Buffer, offset: int = 0, *, truncated: bool = False) -> Self:"
        yield '        """Read from ``offset``; raises ``DecodeError`` if it is cut off, unless ``truncated``."""'
        yield "        try:"
        yield f"            decoded = cls(*{constant(declared)}.unpack_from(buffer, offset))"
    yield "        except struct.error as fault:"
    yield "            raise cls.too_short(buffer, offset) from fault"
    if declared.tail is not None:
        yield from _decode_tail(declared, declared.tail)


def _decode_tail(declared: Format, last: Described) -> Iterator[str]:
    how = last.tail
    assert how is not None
    end = f"decoded.{how.length} + {how.counts_from}" if how.length else "len(buffer) - offset"
    yield f"        part = cls.variable_part(buffer, offset, {end}, truncated)"
    if how.item:
        yield f'        decoded.{last.name} = read_integers(part, "{how.item}", "{last.name}", truncated)'
    elif how.element:
        yield f"        decoded.{last.name} = read_structures(part, {how.element.name}, truncated)"
    else:
        yield f"        decoded.{last.name} = bytes(part)"
    yield "        return decoded"


def _encode(declared: Format) -> Iterator[str]:
    yield "    def encode(self) -> bytes:"
    yield '        """Return the bytes on the wire; raises ``FieldValueError`` if a value does not fit."""'
    for slot in declared.slots:
        if not slot.item:
            yield f"        if len(self.{slot.name}) > {slot.width // 8}:"
            yield f'            raise too_long("{slot.name}", self.{slot.name}, {slot.width // 8})'
    values = [f"self.{slot.name}" for slot in declared.slots]
    last = declared.tail
    if last is not None and last.tail is not None:
        how = last.tail
        if how.item:
            yield f'        part = write_integers(self.{last.name}, "{how.item}", "{last.name}")'
        else:
            yield f"        part = {f'write_structures(self.{last.name})' if how.element else f'self.{last.name}'}"
        if how.length:
            yield f"        length = self.{how.length}"
            yield "        if length == AUTO:"
            yield f"            length = len(part) + {declared.size - how.counts_from}"
            values[values.index(f"self.{how.length}")] = "length"
    yield "        try:"
    yield f"            {'return' if last is None else 'head ='} {constant(declared)}.pack("
    yield from (f"                {value}," for value in values)
    yield "            )"
    yield "        except struct.error as fault:"
    yield "            raise self.unfit() from fault"
    if last is not None:
        yield "        return head + part"


def _members(declared: Format) -> Iterator[tuple[Described, Described, int]]:
    """Yield the members of words with their slot and the number of bits below them."""
    for slot in declared.slots:
        if declared.base == "Pdu" and slot.name in _SHARED:
            continue
        for member, shift in _shifts(slot):
            yield slot, member, shift


def _shifts(slot: Described) -> Iterator[tuple[Described, int]]:
    shift = slot.width
    for member in slot.members:
        shift -= member.width
        yield member, shift


def _property(slot: Described, member: Described, shift: int) -> Iterator[str]:
    stored = f"self.{slot.name}" if slot.item else f'int.from_bytes(self.{slot.name}, "big")'
    value = f"{stored} >> {shift}" if shift else stored
    if shift + member.width < slot.width:
        value += f" & 0x{(1 << member.width) - 1:X}"
    changed = f'with_bits({stored}, value, {shift}, {member.width}, "{member.name}")'
    if not slot.item:
        changed += f'.to_bytes({slot.width // 8}, "big")'
    yield "    @property"
    yield f"    def {member.name}(self) -> int:"
    title = f"The {member.title} bit" if member.kind is Kind.FLAG else member.title
    yield f'        """{title} ({clause(member.section)})."""'
    yield f"        return {value}"
    yield ""
    yield f"    @{member.name}.setter"
    yield f"    def {member.name}(self, value: int) -> None:"
    yield f"        self.{slot.name} = {changed}"


def _fields(declared: Format) -> Iterator[str]:
    """Yield the table of fields; it stands last in the class, where it is out of a reader's way."""
    yield "    FIELDS: ClassVar[tuple[FieldInfo, ...]] = ("
    position = 0
    for slot in declared.slots:
        for member in slot.members or (slot,):
            yield from _field(member, position, slot, declared)
            position += member.width
    if declared.tail is not None:
        yield from _field(declared.tail, position, declared.tail, declared)
    yield "    )"


def _field(member: Described, position: int, slot: Described, declared: Format) -> list[str]:
    arguments = [
        f'"{member.name}"',
        f'"{member.title}"',
        str(position // 8),
        str(position % 8),
        str(member.width),
        f"Kind.{member.kind.name}",
        f'"{member.section}"',
    ]
    if member.default and member.tail is None:
        default = _default(member) if slot is member else str(int(member.default))
        arguments.append(f"default={default}")
    if slot is not member:
        arguments.append(f'slot="{slot.name}"')
    if member.codes is not None:
        arguments.append(f"codes={member.codes.__name__}")
    if member.above:
        arguments.append(f'above="{member.above}"')
    if member.tail is not None and member.tail.length:
        arguments.append(f'length="{member.tail.length}"')
    line = f"        FieldInfo({', '.join(arguments)}),"
    if len(line) <= _WIDTH:
        return [line]
    return ["        FieldInfo(", *(f"            {argument}," for argument in arguments), "        ),"]


def used_codes(formats: tuple[Format, ...]) -> dict[str, list[str]]:
    """Return the names of the code tables that ``formats`` refer to, by the module that holds them."""
    found: dict[str, set[str]] = {}
    for declared in formats:
        for slot in declared.slots:
            for member in slot.members or (slot,):
                if member.codes is not None:
                    found.setdefault(member.codes.__module__, set()).add(member.codes.__name__)
    return {module: sorted(names) for module, names in sorted(found.items())}


def uses(formats: tuple[Format, ...]) -> dict[str, bool]:
    """Say which helpers the classes of ``formats`` need, by name."""
    tails = [declared.tail for declared in formats if declared.tail is not None and declared.tail.tail]
    hows = [last.tail for last in tails if last.tail]
    slots = [slot for declared in formats for slot in declared.slots]
    integers = any(how.item for how in hows)
    structures = any(how.element for how in hows)
    return {
        "AUTO": any(how.length for how in hows),
        "read_integers": integers,
        "read_structures": structures,
        "too_long": any(not slot.item for slot in slots),
        "with_bits": any(slot.members for slot in slots),
        "write_integers": integers,
        "write_structures": structures,
    }


def _wrapped(text: str, indent: str) -> Iterator[str]:
    line = indent
    for piece in text.split():
        if len(line) + len(piece) + 1 > _WIDTH:
            yield line.rstrip()
            line = indent
        line += piece + " "
    yield line.rstrip()
