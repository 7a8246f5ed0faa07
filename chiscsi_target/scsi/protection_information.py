"""Protection information: eight octets that go with every block, and what is checked of them (SBC-3, 4.22).

A tuple is the block's guard (a CRC of its data), an application tag and a reference tag. Its type says what the tags
mean: with type 1 the reference tag is the block's address, with type 2 it counts on from a value in the CDB, and with
type 3 it is the application client's own.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from fastcrc.crc16 import t10_dif

from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.sense import APPLICATION_TAG_CHECK_FAILED, GUARD_CHECK_FAILED, REFERENCE_TAG_CHECK_FAILED

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CHECKS", "NEVER_WRITTEN", "TUPLE", "Checks", "Tags", "check", "generate", "interleave", "separate"]

TUPLE: Final = 8
"""Octets of a block's protection information."""
NEVER_WRITTEN: Final = b"\xff" * TUPLE
"""What goes with a block that nobody has written, or that was given back: nothing of it is checked."""

_FIELDS: Final = struct.Struct(">HHI")
_NO_APPLICATION: Final = 0xFFFF
_NO_REFERENCE: Final = 0xFFFFFFFF
_REFERENCES: Final = 1 << 32


class Checks(NamedTuple):
    """Which fields of a tuple are looked at."""

    guard: bool
    application: bool
    reference: bool


CHECKS: Final[Sequence[Checks]] = (
    Checks(guard=True, application=True, reference=True),
    Checks(guard=True, application=True, reference=True),
    Checks(guard=False, application=True, reference=True),
    Checks(guard=False, application=False, reference=False),
    Checks(guard=True, application=False, reference=False),
    Checks(guard=True, application=True, reference=True),
)
"""What the values 0 to 5 of RDPROTECT, WRPROTECT and VRPROTECT ask for; others are reserved (SBC-3, tables of them)."""


class Tags(NamedTuple):
    """What the tags of blocks have to be.

    Attributes:
        kind: the type of protection information, from 1 to 3.
        reference: the first block's reference tag, from which those of further blocks count on; None when the device
            server does not know it.
        application, mask: the application tag, and which bits of it are known.
    """

    kind: int
    reference: int | None
    application: int = 0
    mask: int = 0

    def after(self, blocks: int) -> Tags:
        """Those of the blocks that come so many blocks later."""
        return self if self.reference is None else self._replace(reference=self.reference + blocks)


def generate(data: bytes | bytearray | memoryview, block: int, kind: int, lba: int) -> bytes:
    """The tuples of blocks that come without.

    The application tag is 0; the reference tag is the address, or with type 3 ffffffffh (SBC-3, WRPROTECT of 000b).

    Args:
        data: whole blocks.
        block: octets of one.
        kind: the type of protection information.
        lba: the address of the first.
    """
    view = memoryview(data)
    return b"".join(
        _FIELDS.pack(
            t10_dif(view[index * block : (index + 1) * block]),
            0,
            _NO_REFERENCE if kind == 3 else (lba + index) % _REFERENCES,
        )
        for index in range(len(view) // block)
    )


def check(
    data: bytes | bytearray | memoryview, tuples: bytes | bytearray, block: int, lba: int, tags: Tags, checks: Checks
) -> None:
    """Check the tuples of blocks; one with the application tag ffffh is not checked (SBC-3, 4.22.2).

    Args:
        data: the blocks.
        tuples: a tuple for each.
        block: octets of a block.
        lba: the first block's address, to say which one is wrong.
        tags: what the tags have to be.
        checks: what is looked at.

    Raises:
        Refused: the first field that is wrong.
    """
    view = memoryview(data)
    for index, (guard, application, reference) in enumerate(_FIELDS.iter_unpack(tuples)):
        if application == _NO_APPLICATION and (tags.kind != 3 or reference == _NO_REFERENCE):
            continue
        if checks.guard and guard != t10_dif(view[index * block : (index + 1) * block]):
            raise Refused(GUARD_CHECK_FAILED, information=lba + index)
        if checks.application and (application ^ tags.application) & tags.mask:
            raise Refused(APPLICATION_TAG_CHECK_FAILED, information=lba + index)
        known = checks.reference and tags.reference is not None
        if known and reference != (tags.reference + index) % _REFERENCES:  # type: ignore[operator]  # it is known
            raise Refused(REFERENCE_TAG_CHECK_FAILED, information=lba + index)


def interleave(data: bytes, tuples: bytes, block: int) -> bytes:
    """Blocks as they are transferred with protection information: each followed by its tuple."""
    return b"".join(
        part
        for index in range(len(tuples) // TUPLE)
        for part in (data[index * block : (index + 1) * block], tuples[index * TUPLE : (index + 1) * TUPLE])
    )


def separate(transferred: bytes | bytearray, block: int) -> tuple[bytes, bytes]:
    """The blocks, and their tuples, of what `interleave` makes."""
    view, step = memoryview(transferred), block + TUPLE
    starts = range(0, len(view), step)
    return (
        b"".join(view[start : start + block] for start in starts),
        b"".join(view[start + block : start + step] for start in starts),
    )
