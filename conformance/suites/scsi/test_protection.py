"""Protection information: eight octets that go with every block of a unit that has it (PROT_EN)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import pytest
from fastcrc.crc16 import t10_dif

from conformance.api import CommandResult, Session, Target, Unsupported, expect, settle, variants
from conformance.suites.blocks import pattern
from conformance.suites.scsi.commands import (
    INVALID_FIELD,
    READS,
    VERIFIES,
    WRITES,
    blocks,
    inquiry,
    refused,
    scsi_case,
    units,
)

_SOURCE = "SBC-3 4.22, protection information model"
_TUPLE = struct.Struct(">HHL")
_GUARD, _REFERENCE = 1, 3
_ABORTED = 0x0B
_CHECK_ALL, _NO_GUARD, _NO_CHECK = 1, 2, 3
_TYPE_BITS = {1: (0, 1, 3, 7), 2: (1, 2, 5, 7), 3: (3, 4, 5, 7)}
"""The values of SPT that say of a type of protection information that the unit has it."""
sizes = variants("size", [10, 12, 16], ids=["10", "12", "16"])


@dataclass(frozen=True)
class _Disk:
    """A unit with protection information of type 1 or 3, and where cases may write."""

    session: Session
    lun: int
    kind: int
    lba: int
    block: int

    def tuples(self, data: bytes, *, guard: int = 0, reference: int = 0) -> bytes:
        """Blocks, each followed by its tuple, in which guard or reference tag may be wrong by some bits."""
        parts = [data[at : at + self.block] for at in range(0, len(data), self.block)]
        return b"".join(
            part + _TUPLE.pack(t10_dif(part) ^ guard, 0, self._tag(number) ^ reference)
            for number, part in enumerate(parts)
        )

    def _tag(self, number: int) -> int:
        return (self.lba + number) & 0xFFFFFFFF if self.kind == 1 else 0xFFFFFFFF

    def write(self, data: bytes, protect: int = 0, size: int = 10) -> CommandResult:
        """WRITE, with or without tuples."""
        count = len(data) // (self.block + 8 * bool(protect))
        return self.session.command(blocks(WRITES[size], self.lba, count, protect << 5), write=data, lun=self.lun)

    def read(self, count: int, protect: int = 0, size: int = 10) -> CommandResult:
        """READ, likewise."""
        length = count * (self.block + 8 * bool(protect))
        return self.session.command(blocks(READS[size], self.lba, count, protect << 5), read=length, lun=self.lun)


@pytest.fixture
def disk(target: Target, session: Session) -> _Disk:
    """A unit with protection information, ready."""
    for lun in units(session):
        settle(session, lun)
        data = session.command(struct.pack(">BB8xLxx", 0x9E, 0x10, 32), read=32, lun=lun).data
        if len(data) > 12 and data[12] & 1:
            kind = (data[12] >> 1 & 7) + 1
            if kind == 2:
                continue  # its tags come in CDBs of 32 octets
            scratch = target.scratch(lun)
            return _Disk(session, lun, kind, scratch.start + 8, scratch.block_size)
    raise Unsupported("no unit is formatted with protection information of type 1 or 3")


@scsi_case("scsi-protect-03", "SPC-4 7.8, Extended INQUIRY Data VPD page: SPT")
def test_protection_is_told_alike_everywhere(disk: _Disk) -> None:
    """A unit with PROT_EN has PROTECT in standard INQUIRY data, and SPT of VPD page 86h names its type."""
    standard = disk.session.command(inquiry(), read=255, lun=disk.lun).expect(expect.good(residual=None)).data
    assert standard[5] & 1, "PROTECT is 0"
    page = disk.session.command(inquiry(0x86), read=255, lun=disk.lun).expect(expect.good(residual=None)).data
    spt = page[4] >> 3 & 7
    assert spt in _TYPE_BITS[disk.kind], f"the unit has type {disk.kind}, and SPT is {spt:03b}b"


@scsi_case("scsi-protect-04", _SOURCE, destructive=True)
@sizes
def test_tuples_come_back_as_they_were_sent(disk: _Disk, size: int) -> None:
    """What WRITE with WRPROTECT 001b has brought, READ with RDPROTECT 001b returns: blocks and tuples."""
    data = disk.tuples(pattern(3 * disk.block, size))
    disk.write(data, _CHECK_ALL, size).expect(expect.good())
    disk.read(3, _CHECK_ALL, size).expect(expect.good(data=data))


@scsi_case("scsi-protect-05", _SOURCE, destructive=True)
@sizes
def test_blocks_without_tuples_get_some(disk: _Disk, size: int) -> None:
    """WRITE with WRPROTECT 000b gives a block the guard of its data, and with type 1 its address as reference tag."""
    data = pattern(3 * disk.block, size)
    disk.write(data, 0, size).expect(expect.good())
    found = disk.read(3, _CHECK_ALL, size).expect(expect.good()).data
    for number in range(3):
        guard, _, reference = _TUPLE.unpack_from(found, number * (disk.block + 8) + disk.block)
        wanted = t10_dif(data[number * disk.block : (number + 1) * disk.block])
        assert guard == wanted, f"block {number}: the guard is {guard:04X}h, and the data have {wanted:04X}h"
        assert disk.kind != 1 or reference == disk.lba + number, f"block {number}: the reference tag is {reference:X}h"
    disk.read(3).expect(expect.good(data=data))


@scsi_case("scsi-protect-06", _SOURCE, destructive=True)
@variants("part, code", [("guard", _GUARD), ("reference", _REFERENCE)], ids=["guard", "reference"])
def test_wrong_tuples_are_refused(disk: _Disk, part: str, code: int) -> None:
    """WRITE with a wrong guard or reference tag ends with the check that failed, ABORTED COMMAND; it writes nothing."""
    if part == "reference" and disk.kind != 1:
        raise Unsupported("with type 3 the reference tag is not checked")
    old = pattern(2 * disk.block, 5)
    disk.write(old).expect(expect.good())
    wrong = disk.tuples(bytes(2 * disk.block), **{part: 1})
    disk.write(wrong, _CHECK_ALL).expect(expect.check_condition(_ABORTED, 0x10, code))
    disk.read(2).expect(expect.good(data=old))


@scsi_case("scsi-protect-07", _SOURCE, destructive=True)
def test_unchecked_tuples_are_found_wrong_when_they_are_read(disk: _Disk) -> None:
    """WRPROTECT 011b has nothing checked; RDPROTECT 001b then finds the wrong guard, and 011b returns it."""
    wrong = disk.tuples(pattern(disk.block, 6), guard=1)
    disk.write(wrong, _NO_CHECK).expect(expect.good())
    disk.read(1, _CHECK_ALL).expect(expect.check_condition(_ABORTED, 0x10, _GUARD))
    disk.read(1, _NO_CHECK).expect(expect.good(data=wrong))
    disk.write(pattern(disk.block, 6)).expect(expect.good())


@scsi_case("scsi-protect-08", "SBC-3 5.29, VERIFY (10) command: VRPROTECT", destructive=True)
@sizes
def test_verify_checks_tuples(disk: _Disk, size: int) -> None:
    """VERIFY with VRPROTECT 001b succeeds where tuples go with their blocks, and finds a wrong guard."""
    cdb = blocks(VERIFIES[size], disk.lba, 1, _CHECK_ALL << 5)
    disk.write(pattern(disk.block, 7)).expect(expect.good())
    disk.session.command(cdb, lun=disk.lun).expect(expect.good())
    disk.write(disk.tuples(pattern(disk.block, 7), guard=1), _NO_CHECK).expect(expect.good())
    disk.session.command(cdb, lun=disk.lun).expect(expect.check_condition(_ABORTED, 0x10, _GUARD))
    disk.write(pattern(disk.block, 7)).expect(expect.good())


@scsi_case("scsi-protect-09", _SOURCE, destructive=True)
@variants("protect", [6, 7], ids=["6", "7"])
@variants("codes", [READS, WRITES], ids=["read", "write"])
def test_reserved_protect_values_are_refused(disk: _Disk, codes: dict[int, int], protect: int) -> None:
    """RDPROTECT and WRPROTECT 110b and 111b are reserved: an invalid field of the CDB."""
    length = disk.block + 8
    data = {"read": length} if codes is READS else {"write": bytes(length)}
    cdb = blocks(codes[10], disk.lba, 1, protect << 5)
    disk.session.command(cdb, lun=disk.lun, **data).expect(refused(INVALID_FIELD, 0))
