"""Writes the reference tables in docs/reference from the declarations and from the table of keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from iscsi_wire.constants import Code
from iscsi_wire.formats.declare import Described, Format, clause
from iscsi_wire.key_rules import Form, Key, Phase
from iscsi_wire.structure import Kind

_SHORT: Final = {Phase.SECURITY: "security", Phase.OPERATIONAL: "operational", Phase.FULL_FEATURE: "full feature"}


_KEY_COLUMNS: Final = [
    "key",
    "value",
    "default",
    "result",
    "use",
    "scope",
    "initiator sends in",
    "target sends in",
    "irrelevant when",
    "clause",
]


def formats_page(title: str, introduction: str, formats: tuple[Format, ...]) -> str:
    """Return a page with one table for each of ``formats``, and one for each code table that they use."""
    lines = [f"# {title}", "", introduction, ""]
    for declared in formats:
        lines += [*_format(declared), ""]
    codes = _codes(formats)
    if codes:
        lines += ["# Codes", ""]
    for table in codes:
        lines += [*_code_table(table), ""]
    return "\n".join(lines).rstrip() + "\n"


def keys_page(introduction: str, keys: Iterable[Key]) -> str:
    """Return the page with the table of text keys."""
    lines = [
        "# Text keys",
        "",
        introduction,
        "",
        _row(_KEY_COLUMNS),
        _row(["---"] * len(_KEY_COLUMNS)),
    ]
    for key in keys:
        default = "" if key.default is None else key.format(key.default)
        cells = [
            f"`{key.name}`",
            _value(key),
            default,
            key.rule.value,
            key.use.value,
            key.scope.value,
            _phases(key.initiator),
            _phases(key.target),
            _irrelevant(key),
            key.section,
        ]
        lines.append(_row(cells))
    return "\n".join(lines) + "\n"


def _value(key: Key) -> str:
    if key.form is Form.NUMBER:
        return f"{key.form.value}, {key.low} to {key.high}"
    if key.values:
        more = ", or an extension" if key.open_values else ""
        return f"{key.form.value}: {', '.join(key.values)}{more}"
    if key.form in (Form.BINARY, Form.LOCAL_NAME, Form.TEXT):
        return f"{key.form.value}, at most {key.max_length} bytes"
    return str(key.form.value)


def _irrelevant(key: Key) -> str:
    """Return the settings under which ``key`` means nothing."""
    conditions = (
        " and ".join(f"{name}={_shown(value)}" for name, value in condition.items())
        for condition in key.irrelevant_when
    )
    return "; ".join(conditions)


def _shown(value: object) -> str:
    return ("No", "Yes")[value] if isinstance(value, bool) else str(value)


def _phases(phases: frozenset[Phase]) -> str:
    return ", ".join(_SHORT[phase] for phase in Phase if phase in phases) or "never"


def _format(declared: Format) -> Iterator[str]:
    """Yield heading, clause and field table of one format."""
    yield f"## {declared.name}"
    yield ""
    code = "" if declared.code is None else f", code `0x{declared.code:02X}`"
    service = "" if declared.subcode is None else f" / `0x{declared.subcode:02X}`"
    length = f"{declared.size} bytes" + (" and more" if declared.tail else "")
    yield f"{declared.title}{code}{service}. {length}. {clause(declared.section)}."
    if declared.doc:
        yield ""
        yield declared.doc
    yield ""
    yield "| octet | bits | field | in the standard | kind | default | clause |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    position = 0
    for slot in declared.slots:
        for member in slot.members or (slot,):
            yield _field(member, position)
            position += member.width
    if declared.tail is not None:
        yield _field(declared.tail, position)


def _field(member: Described, position: int) -> str:
    octet, bit = divmod(position, 8)
    last = octet + (bit + member.width - 1) // 8
    octets = f"{octet}" if member.width and last == octet else f"{octet}-{last if member.width else ''}"
    whole = bit == 0 and member.width % 8 == 0
    within = "" if whole else f"{bit}" if member.width == 1 else f"{bit}-{(bit + member.width - 1) % 8}"
    kind = _kind(member)
    return _row([octets, within, f"`{member.name}`", member.title, kind, _default(member), member.section])


def _kind(member: Described) -> str:
    if member.codes is not None:
        whole = f" (with `{member.above}`)" if member.above else ""
        return f"[{member.codes.__name__}](#{member.codes.__name__.lower()}){whole}"
    if member.tail is not None:
        contents = "bytes" if member.kind is not Kind.TEXT else "text"
        if member.tail.element is not None:
            contents = f"list of [{member.tail.element.name}](#{member.tail.element.name.lower()})"
        elif member.tail.item:
            contents = "list of numbers"
        return (
            f"{contents}, length in `{member.tail.length}`" if member.tail.length else f"{contents}, all that is left"
        )
    return str(member.kind)


def _default(member: Described) -> str:
    if isinstance(member.default, bytes) or not member.default:
        return ""
    return f"`0x{member.default:X}`" if member.default > 9 else str(int(member.default))


def _codes(formats: tuple[Format, ...]) -> list[type[Code]]:
    """Return the code tables that ``formats`` use, each once, by name."""
    members = (member for declared in formats for slot in declared.slots for member in slot.members or (slot,))
    found = {member.codes.__name__: member.codes for member in members if member.codes is not None}
    return [found[name] for name in sorted(found)]


def _code_table(codes: type[Code]) -> Iterator[str]:
    digits = 2 if max(codes) < 0x100 else 4
    yield f"## {codes.__name__}"
    yield ""
    yield (codes.__doc__ or "").splitlines()[0]
    yield ""
    yield "| value | meaning |"
    yield "| --- | --- |"
    for code in codes:
        yield _row([f"`0x{int(code):0{digits}X}`", code.label])


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
