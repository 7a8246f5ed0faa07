from __future__ import annotations

from collections.abc import Mapping

from conformance.api import Received, Scratch, ScsiResponse, Session, case, expect, variants
from conformance.suites.blocks import ask_write, pattern
from conformance.suites.exchanges import NO_LUN
from iscsi_wire.scsi import Inquiry, Read10, TestUnitReady, Write10

_OUT_OF_RANGE = 0xFFFFFFFE
_FAILURES: Mapping[str, tuple[bytes, int, int, int]] = {
    "unknown-command": (bytes([0xC7]) + bytes(9), 0, 5, 0x20),
    "beyond-the-end": (Read10.make(logical_block_address=_OUT_OF_RANGE, transfer_length=1).encode(), 512, 5, 0x21),
    "field-in-cdb": (Inquiry.make(evpd=1, page_code=0xDE, allocation_length=64).encode(), 64, 5, 0x24),
}


@case("autosense-01", "7143-11.4.7-02", "7143-11.4.7-01", "7143-4.6.1.2-01", "7143-10.2-01")
@variants("failure", _FAILURES.values(), ids=_FAILURES)
def test_check_condition_brings_its_sense_data(session: Session, failure: tuple[bytes, int, int, int]) -> None:
    """> iSCSI targets MUST support and enable Autosense.  If Status is CHECK CONDITION (0x02), then the data segment
    > MUST contain sense data for the failed command.
    """
    cdb, expected, key, asc = failure
    result = session.command(cdb, read=expected).expect(expect.check_condition(key=key, asc=asc))
    assert result.sense is not None, "no sense data"
    code = result.sense.octets[0] & 0x7F
    assert code in (0x70, 0x72), f"response code {code:#x} is not that of current sense data"
    session.command(TestUnitReady()).expect(expect.good())


@case("autosense-02", "7143-11.4.7-04", "7143-11.4.7.1-01")
def test_sense_length_counts_the_sense_data(session: Session) -> None:
    """> If the DataSegmentLength is not 0, the format of the data segment is as follows: SenseLength, Sense Data."""
    ending = session.command(_FAILURES["unknown-command"][0]).expect(expect.check_condition()).ending
    assert isinstance(ending, Received), f"{ending}"
    length, room = int.from_bytes(ending.data[:2], "big"), len(ending.data) - 2
    assert 8 <= length <= room, f"SenseLength {length}, and {room} octets follow"


@case("response-fields-01", "7143-11.4-01", "7143-11.4-02", "7143-11.4.4-01", "7143-11.4.6-01")
def test_fields_that_do_not_apply_to_a_plain_command_are_zero(session: Session) -> None:
    """> Otherwise, it is reserved and should be set to 0 [SNACK Tag].  If neither bit is set, the Bidirectional Read
    > Residual Count field is reserved.
    """
    for cdb in (TestUnitReady().encode(), _FAILURES["unknown-command"][0]):
        header = session.command(cdb).header
        assert isinstance(header, ScsiResponse), "no SCSI Response came"
        fields = (
            header.snack_tag,
            header.bidi_read_overflow,
            header.bidi_read_underflow,
            header.bidi_read_residual_count,
            header.response,
        )
        assert fields == (0, 0, 0, 0, 0), f"SNACK Tag, o, u, Bidirectional Read Residual Count, response: {fields}"


@case("response-fields-02", "7143-11.4.2-01", "7143-11.4.1-05")
def test_failed_read_does_not_claim_data_that_did_not_come(session: Session, scratch: Scratch) -> None:
    """> If the U bit is set, the Residual Count indicates the number of bytes that were not transferred out of the
    > number of bytes expected to be transferred.
    """
    beyond = Read10.make(logical_block_address=_OUT_OF_RANGE, transfer_length=1)
    result = session.command(beyond, read=scratch.block_size).expect(expect.check_condition(key=5))
    allowed = {0, result.received - scratch.block_size}
    assert result.residual in allowed, f"residual {result.residual} after {result.received} octets"


@case("response-fields-03", "7143-11.4.2-01", "7143-11.4.8-02")
def test_failed_write_ends_with_check_condition(session: Session, scratch: Scratch) -> None:
    """A write beyond the end of the medium fails as a whole, with sense data, and the next write works."""
    data = pattern(scratch.block_size)
    beyond = Write10.make(logical_block_address=_OUT_OF_RANGE, transfer_length=1)
    session.command(beyond, write=data).expect(expect.check_condition(key=5, asc=0x21))
    task, r2t = ask_write(session, scratch, data)
    task.serve(r2t)
    task.expect(expect.good())


@case("response-lun-01", "7143-11.2.1.7-01", "7143-11.4.7-02")
def test_command_for_a_lun_that_is_not_there_fails(session: Session) -> None:
    """A LUN that does not exist answers no command but INQUIRY and REPORT LUNS (SPC: LOGICAL UNIT NOT SUPPORTED)."""
    session.command(TestUnitReady(), lun=NO_LUN).expect(expect.check_condition(key=5, asc=0x25))


@case("response-lun-02", "7143-11.2.1.7-01")
def test_inquiry_of_a_lun_that_is_not_there_says_so(session: Session) -> None:
    """INQUIRY of a LUN without logical unit tells so by its peripheral qualifier, or ends with LUN NOT SUPPORTED."""
    result = session.command(Inquiry.make(allocation_length=36), read=36, lun=NO_LUN)
    result.expect(expect.any_of(expect.good(residual=None), expect.check_condition(key=5, asc=0x25)))
    if result.status == 0:
        qualifier = result.data[0] >> 5
        assert qualifier in (1, 3), f"peripheral qualifier {qualifier}"
