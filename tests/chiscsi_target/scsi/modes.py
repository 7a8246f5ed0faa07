"""MODE SELECT and its parameter lists, for the tests."""

from __future__ import annotations

from chiscsi_target.errors import DriverError
from tests.chiscsi_target.fakes import Outcome
from tests.chiscsi_target.scsi.rig import Rig

__all__ = ["CACHING", "CONTROL", "EXCEPTIONS", "Kept", "changed", "current", "page", "select", "set_bits"]

CACHING, CONTROL, EXCEPTIONS = 0x08, 0x0A, 0x1C


class Kept:
    """A `KeptState` in memory.

    Attributes:
        content: what is kept, by name.
        broken: whether saving fails.
    """

    def __init__(self, **content: bytes) -> None:
        self.content: dict[str, bytes] = content
        self.broken = False

    def load(self, name: str) -> bytes | None:
        return self.content.get(name)

    def save(self, name: str, data: bytes | None) -> None:
        if self.broken:
            raise DriverError(4, 0x44)
        self.content.pop(name, None)
        if data is not None:
            self.content[name] = data

    def where(self, name: str) -> str:
        return f"memory:{name}"


def page(rig: Rig, code: int, control: int = 0, *, session: int = 1, subpage: int = 0) -> bytes:
    """One page as MODE SENSE (6) has it."""
    outcome = rig.run(f"1a 08 {control << 6 | code:02x} {subpage:02x} ff 00", length=255, session=session)
    assert outcome.status == 0
    return outcome.data[4:]


def current(rig: Rig, code: int) -> bytearray:
    """The current values of a page, to be changed."""
    return bytearray(page(rig, code))


def changed(rig: Rig, code: int, octet: int, bits: int, *, clear: int = 0) -> bytes:
    """A page with bits of an octet set, and others cleared."""
    octets = current(rig, code)
    octets[octet] = octets[octet] & ~clear | bits
    return bytes(octets)


def select(rig: Rig, *pages: bytes, head: str = "00 00 00 00", flags: int = 0x10, session: int = 1) -> Outcome:
    """MODE SELECT (6) with a header, perhaps a block descriptor behind it, and pages."""
    data = bytes.fromhex(head) + b"".join(pages)
    return rig.stack.run(f"15 {flags:02x} 0000 {len(data):02x} 00", data=data, lun=0, session=session)


def set_bits(rig: Rig, code: int, octet: int, bits: int, *, clear: int = 0, flags: int = 0x10) -> None:
    """Change bits of a page."""
    assert select(rig, changed(rig, code, octet, bits, clear=clear), flags=flags).status == 0
