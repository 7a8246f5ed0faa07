"""Parameter lists of third-party copies, for the tests of those commands."""

from __future__ import annotations

from chiscsi_target.scsi.logical_unit import LogicalUnit
from chiscsi_target.scsi.rod_tokens import ROD_PIECE, Rod, RodTokens
from iscsi_wire.scsi import (
    BlockDeviceRange,
    BlockToBlockSegment,
    DeviceIdentification,
    IdentificationCscd,
    PopulateTokenList,
    WriteUsingTokenList,
)
from tests.chiscsi_target.fakes import Outcome
from tests.chiscsi_target.scsi.rig import BLOCK, Rig

__all__ = [
    "HERE",
    "completed",
    "copy",
    "copy_list",
    "cscd",
    "fill",
    "information",
    "pattern",
    "populate",
    "populate_list",
    "segment",
    "use",
    "use_list",
]

HERE = 0xFFFF
"""CSCD descriptor ID of the logical unit that gets the command."""
NAA = 3


def pattern(blocks: int, seed: int = 0, size: int = BLOCK) -> bytes:
    """Blocks of which each is another."""
    return b"".join((seed + number).to_bytes(4) * (size // 4) for number in range(1, blocks + 1))


def fill(rig: Rig, lba: int, data: bytes, lun: int = 0, size: int = BLOCK) -> None:
    """Write blocks."""
    assert rig.write(f"2a 00 {lba:08x} 00 {len(data) // size:04x} 00", data, lun=lun).status == 0


def cscd(rig: Rig, lun: int, *, pad: int = 0, kind: int = 0, block: int = BLOCK) -> bytes:
    """The CSCD descriptor of a logical unit, from what it says of itself."""
    page = DeviceIdentification.decode(rig.run("12 01 83 00 ff 00", length=255, lun=lun).data, truncated=True)
    name = next(each for each in page.designators if each.designator_type == NAA)
    return IdentificationCscd.make(
        peripheral_device_type=kind,
        code_set=name.code_set,
        designator_type=name.designator_type,
        designator_length=len(name.designator),
        designator=bytes(name.designator).ljust(20, b"\0"),
        pad=pad,
        disk_block_length=block,
    ).encode()


def segment(
    start: int, target: int, count: int, *, source: int = 0, destination: int = 0, dc: int = 0, cat: int = 0
) -> bytes:
    """The segment descriptor for so many blocks."""
    return BlockToBlockSegment.make(
        dc=dc,
        cat=cat,
        source_cscd_descriptor_id=source,
        destination_cscd_descriptor_id=destination,
        block_device_number_of_blocks=count,
        source_block_device_logical_block_address=start,
        destination_block_device_logical_block_address=target,
    ).encode()


def copy_list(cscds: list[bytes], segments: list[bytes], *, identifier: int = 1, usage: int = 0) -> bytes:
    """The parameter list of EXTENDED COPY(LID1)."""
    ends, parts = b"".join(cscds), b"".join(segments)
    head = bytes((identifier, usage << 3)) + len(ends).to_bytes(2) + bytes(4) + len(parts).to_bytes(4) + bytes(4)
    return head + ends + parts


def copy(rig: Rig, data: bytes, *, lun: int = 0) -> Outcome:
    """Run an EXTENDED COPY(LID1)."""
    return rig.write(f"83 00 0000000000000000 {len(data):08x} 00 00", data, lun=lun)


def _ranges(ranges: tuple[tuple[int, int], ...]) -> list[BlockDeviceRange]:
    return [BlockDeviceRange.make(logical_block_address=lba, number_of_logical_blocks=count) for lba, count in ranges]


def populate_list(*ranges: tuple[int, int], timeout: int = 0, rod_type: int | None = None) -> bytes:
    """The parameter list of POPULATE TOKEN."""
    return PopulateTokenList.make(
        populate_token_data_length=14 + 16 * len(ranges),
        rtv=int(rod_type is not None),
        rod_type=rod_type or 0,
        inactivity_timeout=timeout,
        ranges=_ranges(ranges),
    ).encode()


def populate(rig: Rig, data: bytes, *, identifier: int = 7, lun: int = 0) -> Outcome:
    """Run a POPULATE TOKEN."""
    return rig.write(f"83 10 00000000 {identifier:08x} {len(data):08x} 00 00", data, lun=lun)


def use_list(token: bytes, *ranges: tuple[int, int], offset: int = 0, delete: int = 0) -> bytes:
    """The parameter list of WRITE USING TOKEN."""
    return WriteUsingTokenList.make(
        write_using_token_data_length=534 + 16 * len(ranges),
        del_tkn=delete,
        offset_into_rod=offset,
        rod_token=token,
        ranges=_ranges(ranges),
    ).encode()


def use(rig: Rig, data: bytes, *, identifier: int = 8, lun: int = 0) -> Outcome:
    """Run a WRITE USING TOKEN."""
    return rig.write(f"83 11 00000000 {identifier:08x} {len(data):08x} 00 00", data, lun=lun)


def completed(tokens: RodTokens, unit: LogicalUnit, data: bytes, timeout: int = 0) -> Rod:
    """Keep data, and make a token for them."""
    rod = tokens.begin(len(data))
    for number, start in enumerate(range(0, len(data), ROD_PIECE)):
        tokens.keep(rod, number, data[start : start + ROD_PIECE])
    tokens.complete(rod, unit, timeout)
    return rod


def information(rig: Rig, *, identifier: int = 7, lun: int = 0, session: int = 1) -> Outcome:
    """Run a RECEIVE ROD TOKEN INFORMATION."""
    return rig.run(f"84 07 {identifier:08x} 00000000 00001000 00 00", length=0x1000, lun=lun, session=session)
