from __future__ import annotations

from conformance.api import CommandResult, Scratch, Session, case, expect, mutations, variants
from conformance.suites.blocks import contents, fill, pattern, read_command, write_command
from iscsi_wire.scsi import ReadCapacity10


def _residual(result: CommandResult) -> tuple[int, int, int]:
    """Return O, U and Residual Count of a command that has ended."""
    header = result.header
    assert header is not None, f"no status: {result}"
    return header.overflow, header.underflow, header.residual_count


@case("residual-exact-01", "7143-11.4.5.2-01", "7143-11.4.5.1-03")
def test_read_of_the_expected_length_has_no_residual(session: Session, scratch: Scratch) -> None:
    """> When SPDTL = EDTL for a task, the target iSCSI layer completes the task with no residuals."""
    session.connection.rules.enforce("residual_zero")
    result = session.command(read_command(scratch, 2), read=2 * scratch.block_size).expect(expect.good())
    assert _residual(result) == (0, 0, 0), f"O, U, Residual Count are {_residual(result)}"


@case("residual-exact-02", "7143-11.4.5.2-01", "7143-11.4.5.1-03")
def test_write_of_the_expected_length_has_no_residual(session: Session, scratch: Scratch) -> None:
    """> When SPDTL = EDTL for a task, the target iSCSI layer completes the task with no residuals."""
    session.connection.rules.enforce("residual_zero")
    data = pattern(2 * scratch.block_size)
    result = session.command(write_command(scratch, 2), write=data).expect(expect.good())
    assert _residual(result) == (0, 0, 0), f"O, U, Residual Count are {_residual(result)}"


@case("residual-read-01", "7143-11.4.5.2-04", "7143-11.4.5.2-05", "7143-11.4.1-04", "7143-11.4.5.1-01")
@variants("more", [1, 512, 65536], ids=["one-octet", "one-block", "many-blocks"])
def test_read_of_less_than_expected_is_an_underflow(session: Session, scratch: Scratch, more: int) -> None:
    """> If SPDTL < EDTL for a task, iSCSI Underflow MUST be signaled in the SCSI Response PDU.  The Residual Count
    > MUST be set to the numerical value of (EDTL - SPDTL).
    """
    data = pattern(scratch.block_size, 1)
    fill(session, scratch, data)
    result = session.command(read_command(scratch, 1), read=len(data) + more)
    result.expect(expect.good(data=data, residual=-more))
    assert _residual(result) == (0, 1, more), f"O, U, Residual Count are {_residual(result)}"


@case("residual-read-02", "7143-11.4.5.2-02", "7143-11.4.5.2-03", "7143-11.4.1-03", "7143-11.7.6-01")
@variants("expected", [512, 1000, 4, 1], ids=["one-block", "part-of-a-block", "one-word", "one-octet"])
def test_read_of_more_than_expected_is_an_overflow(session: Session, scratch: Scratch, expected: int) -> None:
    """> If SPDTL > EDTL for a task, iSCSI Overflow MUST be signaled in the SCSI Response PDU.  The Residual Count MUST
    > be set to the numerical value of (SPDTL - EDTL).

    What does come is the beginning of the data.
    """
    data = pattern(4 * scratch.block_size, 2)
    fill(session, scratch, data)
    result = session.command(read_command(scratch, 4), read=expected)
    result.expect(expect.good(data=data[:expected], residual=len(data) - expected))
    assert _residual(result) == (1, 0, len(data) - expected), f"O, U, Residual Count are {_residual(result)}"


@case("residual-read-03", "7143-11.4.5.2-02", "7143-11.4.5.2-03")
@variants("bit", [0, 1], ids=["r-clear", "r-set"])
def test_read_with_no_expected_length_is_all_overflow(session: Session, bit: int) -> None:
    """> If SPDTL > EDTL for a task, iSCSI Overflow MUST be signaled in the SCSI Response PDU.

    READ CAPACITY(10) has eight octets to send, and the initiator expects none.
    """
    result = session.command(ReadCapacity10(), mutations.set_fields(read=bit))
    result.expect(expect.good(residual=8))
    assert result.received == 0, f"{result.received} octets came"


@case("residual-read-04", "7143-11.4.5.2-04", "7143-11.4.5.2-05")
def test_read_of_no_blocks_is_all_underflow(session: Session, scratch: Scratch) -> None:
    """> If SPDTL < EDTL for a task, iSCSI Underflow MUST be signaled in the SCSI Response PDU."""
    session.command(read_command(scratch, 0), read=512).expect(expect.good(data=b"", residual=-512))


@case("residual-read-05", "7143-11.4.5.2-01", "7143-4.2.5.2-12")
def test_residual_counts_scsi_data_and_no_padding(session: Session, scratch: Scratch) -> None:
    """> SCSI targets perform residual count calculation to check how much data was actually transferred to or from the
    > device by a command.

    Padding and the number of PDUs play no part.
    """
    size = scratch.block_size
    session.command(read_command(scratch, 1), read=size + 3).expect(expect.good(residual=-3))
    session.command(read_command(scratch, 1), read=size - 3).expect(expect.good(residual=3))


@case("residual-write-01", "7143-11.4.5.2-02", "7143-11.4.5.2-03", "7143-11.4.5.2-06", "7143-11.4.1-03")
@variants("immediate", [True, False], ids=["immediate", "solicited"])
def test_write_of_more_than_expected_is_an_overflow(session: Session, scratch: Scratch, immediate: bool) -> None:
    """> Note that the Overflow and Underflow scenarios are independent of Data-In and Data-Out.

    A target may refuse such a write; if it carries it out, the blocks that data came for are written, and no others.
    """
    size = scratch.block_size
    before, new = pattern(2 * size, 3), pattern(size, 4)
    fill(session, scratch, before)
    result = session.command(write_command(scratch, 2), write=new, immediate_data=size if immediate else 0)
    result.expect(expect.any_of(expect.good(residual=size), expect.check_condition()))
    found = contents(session, scratch, 2)
    wanted = {True: [new + before[size:]], False: [before, new + before[size:]]}[result.status == 0]
    assert found in wanted, "blocks hold what was neither there before nor sent"


@case("residual-write-02", "7143-11.4.5.2-04", "7143-11.4.5.2-05", "7143-11.4.5.2-06", "7143-11.4.1-04")
@variants("immediate", [True, False], ids=["immediate", "solicited"])
def test_write_of_less_than_expected_is_an_underflow(session: Session, scratch: Scratch, immediate: bool) -> None:
    """> If SPDTL < EDTL for a task, iSCSI Underflow MUST be signaled in the SCSI Response PDU.  The Residual Count
    > MUST be set to the numerical value of (EDTL - SPDTL).
    """
    size = scratch.block_size
    before, new = pattern(2 * size, 5), pattern(2 * size, 6)
    fill(session, scratch, before)
    result = session.command(write_command(scratch, 1), write=new, immediate_data=2 * size if immediate else 0)
    result.expect(expect.any_of(expect.good(residual=-size), expect.check_condition()))
    found = contents(session, scratch, 2)
    wanted = {True: [new[:size] + before[size:]], False: [before, new[:size] + before[size:]]}[result.status == 0]
    assert found in wanted, "blocks hold what was neither there before nor meant for them"


@case("residual-write-03", "7143-11.4.5.2-04", "7143-11.4.5.2-05")
def test_write_of_no_blocks_is_all_underflow(session: Session, scratch: Scratch) -> None:
    """> If SPDTL < EDTL for a task, iSCSI Underflow MUST be signaled in the SCSI Response PDU.

    The data that came with the command go nowhere.
    """
    size = scratch.block_size
    before = pattern(size, 7)
    fill(session, scratch, before)
    result = session.command(write_command(scratch, 0), write=pattern(size, 8))
    result.expect(expect.any_of(expect.good(residual=-size), expect.check_condition()))
    assert contents(session, scratch, 1) == before, "a write of no blocks changed a block"
