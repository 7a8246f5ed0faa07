"""Third-party copies within one unit: EXTENDED COPY(LID1), and copies by ROD token."""

from __future__ import annotations

from typing import Any

from conformance.api import CommandResult, Scratch, Session, Unsupported, expect, variants
from conformance.suites.blocks import contents, fill, pattern
from conformance.suites.scsi.commands import data_of, inquiry, offered, offered_data, refused, run, scsi_case
from iscsi_wire import scsi
from iscsi_wire.scsi_copy_codes import CopyStatus

_COPY = "SPC-4, EXTENDED COPY(LID1) command"
_PARAMETERS = "SPC-4, RECEIVE COPY OPERATING PARAMETERS command"
_POPULATE, _USE = "SBC-3 5.7, POPULATE TOKEN command", "SBC-3 5.46, WRITE USING TOKEN command"
_IDENTIFIER = 0x2C
_BLOCKS = 4
_NAA, _LOGICAL_UNIT = 3, 0


def _designator(session: Session) -> tuple[int, int, bytes]:
    """Code set, type and value of a designator of the unit, an NAA one if there is one."""
    page, at, found = data_of(session, inquiry(0x83), 255), 4, []
    while at + 4 <= len(page):
        value = page[at + 4 : at + 4 + page[at + 3]]
        if page[at + 1] >> 4 & 3 == _LOGICAL_UNIT and len(value) <= 20:
            found.append((page[at] & 0xF, page[at + 1] & 0xF, value))
        at += 4 + page[at + 3]
    if not found:
        raise Unsupported("VPD page 83h has no designator of the unit that fits into a CSCD descriptor")
    return next((each for each in found if each[1] == _NAA), found[0])


def _parameters(session: Session) -> Any:
    """RECEIVE COPY OPERATING PARAMETERS."""
    cdb = scsi.ReceiveCopyOperatingParameters.make(allocation_length=1024)
    return scsi.CopyOperatingParameters.decode(offered_data(session, cdb.encode(), 1024, 44), truncated=True)


def _copy(session: Session, scratch: Scratch, segments: list[tuple[int, int, int]], usage: int = 0) -> CommandResult:
    """EXTENDED COPY of (source, destination, blocks), addresses within the scratch region."""
    code_set, kind, value = _designator(session)
    cscd = scsi.IdentificationCscd.make(
        code_set=code_set,
        designator_type=kind,
        designator_length=len(value),
        designator=value.ljust(20, b"\0"),
        disk_block_length=scratch.block_size,
    ).encode()
    described = b"".join(
        scsi.BlockToBlockSegment.make(
            dc=1,
            source_block_device_logical_block_address=scratch.start + source,
            destination_block_device_logical_block_address=scratch.start + destination,
            block_device_number_of_blocks=count,
        ).encode()
        for source, destination, count in segments
    )
    data = scsi.ExtendedCopyList.make(
        list_identifier=_IDENTIFIER,
        list_id_usage=usage,
        cscd_descriptor_list_length=len(cscd),
        segment_descriptor_list_length=len(described),
        descriptors=cscd + described,
    ).encode()
    return run(session, scsi.ExtendedCopy.make(parameter_list_length=len(data)).encode(), write=data)


@scsi_case("scsi-copy-01", _COPY)
@variants("parts", [1, 2], ids=["one", "two"])
def test_segments_are_copied(session: Session, scratch: Scratch, parts: int) -> None:
    """EXTENDED COPY copies the blocks of each segment, and no others."""
    _parameters(session)
    old = pattern(16 * scratch.block_size, 1)
    fill(session, scratch, old)
    segments = [(0, 8, 2), (4, 11, 3)][:parts]
    _copy(session, scratch, segments).expect(expect.good())
    wanted, size = bytearray(old), scratch.block_size
    for source, destination, count in segments:
        wanted[destination * size : (destination + count) * size] = old[source * size : (source + count) * size]
    assert contents(session, scratch, 16) == bytes(wanted)


@scsi_case("scsi-copy-02", _PARAMETERS)
def test_both_descriptors_that_copies_need_are_implemented(session: Session) -> None:
    """The list of descriptor type codes is in ascending order, and AVAILABLE DATA is what follows."""
    data = offered_data(session, scsi.ReceiveCopyOperatingParameters.make(allocation_length=1024).encode(), 1024, 44)
    length = int.from_bytes(data[:4])
    assert length + 4 == len(data), f"AVAILABLE DATA is {length}, and {len(data)} octets came"
    types = list(data[44 : 44 + data[43]])
    assert types and types == sorted(set(types)), f"the descriptor types are {bytes(types).hex(' ')}"


@scsi_case("scsi-copy-03", _PARAMETERS + ": MAXIMUM SEGMENT DESCRIPTOR COUNT")
def test_more_segments_than_the_limit_are_refused(session: Session, scratch: Scratch) -> None:
    """More segment descriptors than MAXIMUM SEGMENT DESCRIPTOR COUNT end with TOO MANY SEGMENT DESCRIPTORS, or the list
    is longer than MAXIMUM DESCRIPTOR LIST LENGTH and a parameter list length error.
    """
    most = _parameters(session).maximum_segment_descriptor_count
    if not 0 < most < 1000:
        raise Unsupported(f"MAXIMUM SEGMENT DESCRIPTOR COUNT is {most}")
    old = pattern(2 * scratch.block_size, 2)
    fill(session, scratch, old)
    result = _copy(session, scratch, [(0, 1, 1)] * (most + 1))
    result.expect(expect.any_of(refused(0x26, 0x08), refused(0x1A, 0)))
    assert contents(session, scratch, 2) == old


@scsi_case("scsi-copy-04", "SPC-4, RECEIVE COPY STATUS(LID1) command")
def test_the_status_of_a_copy_is_told(session: Session, scratch: Scratch) -> None:
    """The status of an EXTENDED COPY with a list identifier is that it has completed, with its one segment."""
    _parameters(session)
    fill(session, scratch, pattern(4 * scratch.block_size, 3))
    _copy(session, scratch, [(0, 2, 2)]).expect(expect.good())
    cdb = scsi.ReceiveCopyStatus.make(list_identifier=_IDENTIFIER, allocation_length=64)
    status = scsi.CopyStatusData.decode(data_of(session, cdb.encode(), 64, 12))
    assert status.copy_command_status == CopyStatus.COMPLETED, f"COPY COMMAND STATUS is {status.copy_command_status}"
    assert status.segments_processed == 1, f"SEGMENTS PROCESSED is {status.segments_processed}"


@scsi_case("scsi-copy-05", _COPY)
def test_a_segment_behind_the_medium_copies_nothing(session: Session, scratch: Scratch) -> None:
    """A segment whose source is not there ends with COPY ABORTED or LOGICAL BLOCK ADDRESS OUT OF RANGE."""
    _parameters(session)
    old = pattern(2 * scratch.block_size, 4)
    fill(session, scratch, old)
    result = _copy(session, scratch, [((1 << 40), 0, 1)])
    result.expect(expect.any_of(expect.check_condition({0x0A, 0x03}), refused(0x21), refused(0x26)))
    assert contents(session, scratch, 2) == old


def _populate(session: Session, scratch: Scratch, identifier: int = _IDENTIFIER) -> bytes:
    """The token of the first blocks of the scratch region."""
    ranges = [scsi.BlockDeviceRange.make(logical_block_address=scratch.start, number_of_logical_blocks=_BLOCKS)]
    data = scsi.PopulateTokenList.make(ranges=ranges).encode()
    data = (len(data) - 2).to_bytes(2) + data[2:]
    cdb = scsi.PopulateToken.make(list_identifier=identifier, parameter_list_length=len(data))
    offered(session, cdb.encode(), write=data).expect(expect.good())
    ask = scsi.ReceiveRodTokenInformation.make(list_identifier=identifier, allocation_length=1024)
    told = scsi.RodTokenInformation.decode(data_of(session, ask.encode(), 1024, 32))
    descriptors = scsi.RodTokenDescriptors.decode(bytes(told.rest[told.length_of_the_sense_data_field :]))
    assert descriptors.rod_token_descriptors, "no token came"
    return bytes(descriptors.rod_token_descriptors[0].rod_token)


def _use(session: Session, scratch: Scratch, token: bytes, at: int, **fields: int) -> CommandResult:
    """WRITE USING TOKEN, to blocks of the scratch region."""
    ranges = [scsi.BlockDeviceRange.make(logical_block_address=scratch.start + at, number_of_logical_blocks=_BLOCKS)]
    data = scsi.WriteUsingTokenList.make(rod_token=token, ranges=ranges, **fields).encode()
    data = (len(data) - 2).to_bytes(2) + data[2:]
    cdb = scsi.WriteUsingToken.make(list_identifier=_IDENTIFIER + 1, parameter_list_length=len(data))
    return run(session, cdb.encode(), write=data)


@scsi_case("scsi-token-01", _USE)
def test_a_token_stands_for_its_blocks(session: Session, scratch: Scratch) -> None:
    """WRITE USING TOKEN writes what the blocks held when POPULATE TOKEN made the token, whatever was written since."""
    old = pattern(_BLOCKS * scratch.block_size, 1)
    fill(session, scratch, old)
    token = _populate(session, scratch)
    fill(session, scratch, pattern(_BLOCKS * scratch.block_size, 2))
    result = _use(session, scratch, token, 2 * _BLOCKS)
    result.expect(expect.any_of(expect.good(), refused(0x23)))  # there are tokens that a write makes invalid
    assert result.status or contents(session, scratch, _BLOCKS, at=2 * _BLOCKS) == old


@scsi_case("scsi-token-02", _USE)
def test_a_token_is_copied(session: Session, scratch: Scratch) -> None:
    """WRITE USING TOKEN copies the blocks of a token that was just made."""
    old = pattern(_BLOCKS * scratch.block_size, 3)
    fill(session, scratch, old)
    fill(session, scratch, bytes(_BLOCKS * scratch.block_size), at=2 * _BLOCKS)
    token = _populate(session, scratch)
    _use(session, scratch, token, 2 * _BLOCKS).expect(expect.good())
    assert contents(session, scratch, _BLOCKS, at=2 * _BLOCKS) == old


@scsi_case("scsi-token-03", _USE + ": DEL_TKN")
def test_a_deleted_token_is_good_no_more(session: Session, scratch: Scratch) -> None:
    """After WRITE USING TOKEN with DEL_TKN the token is refused, and nothing is written by it."""
    fill(session, scratch, pattern(_BLOCKS * scratch.block_size, 4))
    token = _populate(session, scratch)
    _use(session, scratch, token, 2 * _BLOCKS, del_tkn=1).expect(expect.good())
    fill(session, scratch, bytes(_BLOCKS * scratch.block_size), at=2 * _BLOCKS)
    _use(session, scratch, token, 2 * _BLOCKS).expect(refused(0x23))
    assert contents(session, scratch, _BLOCKS, at=2 * _BLOCKS) == bytes(_BLOCKS * scratch.block_size)


@scsi_case("scsi-token-04", _USE)
@variants("place", [20, 100], ids=["20", "100"])
def test_an_altered_token_is_refused(session: Session, scratch: Scratch, place: int) -> None:
    """A token that is not one the copy manager has made is an INVALID TOKEN OPERATION, and nothing is written."""
    old = pattern(_BLOCKS * scratch.block_size, 5)
    fill(session, scratch, old)
    token = bytearray(_populate(session, scratch))
    token[place] ^= 0xFF
    _use(session, scratch, bytes(token), 0).expect(refused(0x23))
    assert contents(session, scratch, _BLOCKS) == old


@scsi_case("scsi-token-05", _POPULATE)
def test_ranges_that_overlap_are_refused(session: Session, scratch: Scratch) -> None:
    """POPULATE TOKEN with the same block in two ranges is INVALID FIELD IN PARAMETER LIST."""
    _populate(session, scratch)
    ranges = [scsi.BlockDeviceRange.make(logical_block_address=scratch.start, number_of_logical_blocks=2)] * 2
    data = scsi.PopulateTokenList.make(ranges=ranges).encode()
    data = (len(data) - 2).to_bytes(2) + data[2:]
    cdb = scsi.PopulateToken.make(list_identifier=_IDENTIFIER, parameter_list_length=len(data))
    run(session, cdb.encode(), write=data).expect(refused(0x26, 0))


@scsi_case("scsi-copy-06", "SPC-4 7.8, Third-party Copy VPD page")
def test_the_page_of_copies_agrees_with_3pc(session: Session) -> None:
    """3PC in standard INQUIRY data says whether there are third-party copies: VPD page 8Fh, and the commands."""
    told = bool(data_of(session, inquiry(), 255, 36)[5] & 0x08)
    page = 0x8F in data_of(session, inquiry(0), 255)[4:]
    command = scsi.ReceiveCopyOperatingParameters.make(allocation_length=64).encode()
    result = session.command(command)
    assert told or not page, "VPD page 8Fh is there, and 3PC is 0"
    assert told == (not result.status), f"3PC is {int(told)}, and RECEIVE COPY OPERATING PARAMETERS ends with {result}"
