"""Mode pages as cases change them: which fields may be changed, and MODE SELECT of one field at a time."""

from __future__ import annotations

from typing import NamedTuple

from conformance.api import CommandResult, Session, Unsupported, expect
from conformance.suites.scsi.commands import data_of, run

_CHANGEABLE, _ALL = 1, 0xFF
_CURRENT = 0


class ModeField(NamedTuple):
    """A field of a mode page: the page, the octet in the page, its lowest bit, and how many bits it has."""

    name: str
    page: int
    octet: int
    bit: int
    width: int = 1

    def value(self, page: bytes) -> int:
        """What the field has in the octets of a page."""
        return page[self.octet] >> self.bit & self.mask

    def put(self, page: bytes, value: int) -> bytes:
        """The octets of a page with another value of the field."""
        changed = bytearray(page)
        changed[self.octet] = changed[self.octet] & ~(self.mask << self.bit) | value << self.bit
        return bytes(changed)

    @property
    def mask(self) -> int:
        """Its largest value."""
        return (1 << self.width) - 1


CONTROL, CACHING = 0x0A, 0x08
TST = ModeField("TST", CONTROL, 2, 5, 3)
D_SENSE = ModeField("D_SENSE", CONTROL, 2, 2)
QERR = ModeField("QERR", CONTROL, 3, 1, 2)
SWP = ModeField("SWP", CONTROL, 4, 3)
TAS = ModeField("TAS", CONTROL, 5, 6)
WCE = ModeField("WCE", CACHING, 2, 2)


def mode_sense(page: int, control: int = _CURRENT, *, flags: int = 0x08, length: int = _ALL) -> bytes:
    """The CDB of MODE SENSE (6), without block descriptors unless `flags` say otherwise."""
    return bytes((0x1A, flags, control << 6 | page, 0, length, 0))


def mode_page(session: Session, page: int, control: int = _CURRENT) -> bytes:
    """The octets of a mode page: its current values, or those of another page control.

    Raises:
        Unsupported: it does not come, or not as a whole.
    """
    found = page_in(data_of(session, mode_sense(page, control), _ALL))
    if not found:
        raise Unsupported(f"MODE SENSE with page control {control:02b}b returns no page {page:02X}h")
    return found


def page_in(data: bytes) -> bytes:
    """The first page of what MODE SENSE (6) returns; nothing if it is not there as a whole."""
    found = data[4 + data[3] :] if len(data) > 3 else b""
    length = 2 + found[1] if len(found) > 1 else 1
    return found[:length] if len(found) >= length else b""


def mode_select(
    session: Session, pages: bytes, *, header: bytes = bytes(4), length: int | None = None
) -> CommandResult:
    """MODE SELECT (6) of pages, as MODE SENSE returned them; PS is reserved here."""
    octets = header + (bytes((pages[0] & 0x7F,)) + pages[1:] if pages else b"")
    sent = len(octets) if length is None else length
    return run(session, bytes((0x15, 0x10, 0, 0, sent, 0)), write=octets[:sent].ljust(sent, b"\0"))


def require_changeable(session: Session, *fields: ModeField) -> None:
    """Go on only if all of a field's bits may be changed.

    Raises:
        Unsupported: they may not, or there is no such page.
    """
    for field in fields:
        result = run(session, mode_sense(field.page, _CHANGEABLE), read=_ALL)
        page = page_in(result.data[: result.received])
        if result.status or len(page) <= field.octet or field.value(page) != field.mask:
            raise Unsupported(f"the target does not let {field.name} be changed")


def change(session: Session, field: ModeField, value: int) -> None:
    """Change one field, which has to succeed."""
    attempt_change(session, field, value).expect(expect.good())


def attempt_change(session: Session, field: ModeField, value: int) -> CommandResult:
    """Change one field, however that ends."""
    return mode_select(session, field.put(mode_page(session, field.page), value))
