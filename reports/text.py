r"""A case as plain text: the verdict with its evidence, and the exchange as a ladder.

        ms  initiator                                                  target
     0.315 |-- Login Request  CSG=1 NSG=3 T=1 ------------------------------>|
     0.327 |                               S4 → S5  T5: Login Response sent *|
!    0.564 |<------------------------ Login Response  status=0x0000 TSIH=0 --|
!          |    ^ TSIH 0 never names a session                               |
     0.812 |-- SCSI Command  WRITE(10) lba=64 blocks=2 --------------------->|
           |    ████████████████░░░░ 1,024 octets placed, 256 copied: they   |
           |    came unasked                                                 |

For terminals, JUnit's system-out and Allure's attachments. Whatever a device sent may stand in a record, so
control characters leave here as escapes such as ``\x1b``: a report never drives somebody's terminal.
"""

from __future__ import annotations

import functools
import re
import textwrap

from reports.model import Case, Event, Requirement
from reports.placement import bar, in_words

__all__ = ["case_text", "clock", "decoded", "flat", "hex_dump", "ladder", "printable", "step"]

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_SHOWN = bytes(octet if 0x20 <= octet < 0x7F else 0x2E for octet in range(256))
_LABELS = {"hook": "call", "completion": "done", "offload": "card"}
MARK = "!"
_TIME = 9  # columns for milliseconds
_REMARK_LINES = 4


def printable(text: str) -> str:
    r"""The text with control characters as escapes (``\x1b``); tabs and line ends stay."""
    return _CONTROL.sub(lambda match: ascii(match.group())[1:-1], text)


def flat(text: str) -> str:
    """The text on one line: control characters, line ends and tabs as escapes."""
    if text.isprintable():
        return text
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def clock(seconds: float) -> str:
    """A duration as people read it: "0.210 ms", "12.4 ms", "1.50 s"."""
    if seconds < 0.001:
        return f"{seconds * 1000:.3f} ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds:.2f} s"


def case_text(case: Case, requirements: dict[str, Requirement], *, width: int = 100) -> str:
    """Everything about a case that fits in a terminal: rule, verdict, exchange, decoded culprit, how to
    repeat.

    Args:
        case: the case.
        requirements: catalogue entries by identifier; one that is missing is named without its wording.
        width: columns to fill, at least 60.
    """
    parts = [_heading(case, requirements, width)]
    if case.events:
        parts.append(ladder(case, width=width))
    parts += [decoded(event, width=width) for event in case.events if event.marked and event.fields]
    if case.traceback:
        parts.append(printable(case.traceback).rstrip())
    if case.repeat_command:
        parts.append(f"repeat: {printable(case.repeat_command)}")
    return "\n\n".join(parts) + "\n"


def ladder(case: Case, *, width: int = 100) -> str:
    """The exchange, one lifeline at each edge, `width` columns wide (at least 60).

    A PDU takes two lines, what it says and its arrow; whatever one side reports about itself stands at its
    lifeline. The offending event carries "!" in the first column.
    """
    inside = max(width, 60) - _TIME - 4
    several = len({event.connection for event in case.events if event.connection}) > 1
    lines = [f"{'ms':>{_TIME + 1}}  initiator{'target':>{inside - 8}}"]
    for event in case.events:
        lines += _event_lines(event, inside, several)
    return "\n".join(lines)


def decoded(event: Event, *, width: int = 100) -> str:
    """All fields of a PDU as a table, then its bytes."""
    lines = [f"{flat(event.title)} ({_where(event)})"]
    rows = [(flat(field.name), flat(field.value), field) for field in event.fields]
    names = max((len(name) for name, _, _ in rows), default=0)
    values = min(max((len(value) for _, value, _ in rows), default=0), 34)
    for name, value, field in rows:
        place = f"{_place(field.offset, field.bits)}  {flat(field.section)}".strip()
        text = f"{name:<{names}}  {value:<{values}}  {flat(field.meaning)}".rstrip()
        gap = max(2, width - 2 - len(text) - len(place))
        lines.append(f"{MARK if field.marked else ' '} {text}{' ' * gap}{place}".rstrip())
    return "\n".join([*lines, *(f"  {line}" for line in hex_dump(event.hex))])


def hex_dump(digits: str) -> list[str]:
    """Hexadecimal digits as lines of sixteen bytes with offset and ASCII, in the RFC's groups of four."""
    lines = []
    data = bytes.fromhex(digits)
    for start in range(0, len(data), 16):
        row = data[start : start + 16]
        pairs = row.hex(" ")
        words = f"{pairs[:11]}  {pairs[12:23]}  {pairs[24:35]}  {pairs[36:]}"
        lines.append(f"{start:04x}  {words:<50}  {row.translate(_SHOWN).decode('ascii')}")
    return lines


def step(event: Event) -> str:
    """One event as a line, for tools that know no ladder."""
    arrow = f"{event.source} → {event.destination}" if event.destination else event.source
    label = "" if event.kind == "pdu" else f"{_LABELS.get(event.kind, event.kind)} "
    placement = f"({in_words(event.placement)})" if event.placement is not None else ""
    said = " ".join(part for part in (label + event.title, event.detail, placement) if part.strip())
    connection = f" [{event.connection}]" if event.connection else ""
    return flat(f"{clock(event.time)} {arrow}{connection}: {said}")


def _heading(case: Case, requirements: dict[str, Requirement], width: int) -> str:
    lines = [f"{case.verdict}: {flat(case.title)}", f"case: {flat(case.id)}"]
    lines += _paragraph("rule", case.rule + (f" ({case.clause})" if case.clause else ""), width)
    for identifier in case.requirements:
        entry = requirements.get(identifier)
        wording = f"{entry.level}, {entry.section}: {entry.text}" if entry else ""
        lines += _paragraph(identifier, wording, width)
    for name, text in (
        ("expected", case.expected),
        ("observed", case.observed),
        ("deviation", case.deviation),
    ):
        if text:
            lines += _paragraph(name, text, width)
    for finding in case.findings:
        often = f" ({finding.count} times)" if finding.count > 1 else ""
        lines += _paragraph("finding", f"{finding.kind}: {finding.text}{often}", width)
    return "\n".join(lines)


def _paragraph(name: str, text: str, width: int) -> list[str]:
    filled = textwrap.wrap(f"{name}: {printable(text)}", width, subsequent_indent="    ")
    return filled or [f"{name}:"]


def _event_lines(event: Event, width: int, several: bool) -> list[str]:
    mark = MARK if event.marked else " "
    label = "" if event.kind in ("pdu", "state") else f"{_LABELS.get(event.kind, event.kind)}: "
    connection = f"[{flat(event.connection)}] " if several and event.connection else ""
    said = f"{connection}{label}{flat(event.title)}  {flat(event.detail)}".strip()
    draw = _arrow if event.kind == "pdu" else _note
    lines = [f"{mark}{event.time * 1000:>{_TIME}.3f} |{draw(said, width, event.source == 'target')}|"]
    remark = textwrap.wrap(printable(event.remark), width - 8)[:_REMARK_LINES]
    below = [f"^ {part}" for part in remark] + _placement_lines(event, width - 8)
    return lines + [f"{mark}{'':{_TIME}} |{f'    {part}':{width}}|" for part in below]


def _placement_lines(event: Event, width: int) -> list[str]:
    """A bar with what became of a write's data, below the event that began it."""
    if event.placement is None:
        return []
    said = f"{bar(event.placement.placed, event.placement.copied)} {in_words(event.placement)}"
    return textwrap.wrap(printable(said), width)[:_REMARK_LINES]


def _arrow(said: str, width: int, from_target: bool) -> str:
    text = f" {_cut(said, width - 8)} "
    return f"<{text:->{width - 3}}--" if from_target else f"--{text:-<{width - 3}}>"


def _note(said: str, width: int, from_target: bool) -> str:
    text = _cut(said, width - 4)
    return f"{text:>{width - 2}} *" if from_target else f"* {text:<{width - 2}}"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _where(event: Event) -> str:
    parts = [f"{event.source} to {event.destination}", event.connection, clock(event.time)]
    return flat(", ".join(part for part in parts if part))


@functools.lru_cache(maxsize=4096)
def _place(offset: int, bits: str) -> str:
    """Where a field lies: "byte 1 bit 0", "bytes 24-27"."""
    if offset < 0:
        return ""
    first, _, last = bits.partition("-")
    if not first.isdigit():
        return f"byte {offset}"
    final = int(last) if last.isdigit() else int(first)
    if int(first) % 8 == 0 and final % 8 == 7:
        begin, end = offset + int(first) // 8, offset + final // 8
        return f"byte {begin}" if begin == end else f"bytes {begin}-{end}"
    return f"byte {offset} bit {bits}"
