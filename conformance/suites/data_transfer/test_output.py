from __future__ import annotations

from collections.abc import Callable, Sequence

from conformance.api import (
    RESERVED_TAG,
    ReadyToTransfer,
    Scratch,
    Session,
    Unsupported,
    case,
    expect,
    mutations,
    variants,
)
from conformance.suites.blocks import ask_write, contents, pattern, read_command, start_write, write_command

_ONE_BURST = 16384


@case("r2t-fields-01", "7143-11.8-01", "7143-11.8.5-01", "7143-11.8.1-01", "7143-4.2.5.3-03", "7143-11.8-16")
def test_r2t_names_its_command_and_its_lun(session: Session, scratch: Scratch) -> None:
    """> The LUN used in an R2T PDU MUST be the same as the one used in the SCSI Command PDU."""
    task, r2t = ask_write(session, scratch, pattern(_ONE_BURST))
    header = r2t.header
    assert header.lun == task.lun, f"LUN {header.lun:#x}, that of the command is {task.lun:#x}"
    assert header.target_transfer_tag != RESERVED_TAG, "Target Transfer Tag 0xffffffff"
    assert (header.data_segment_length, header.total_ahs_length) == (0, 0), "the R2T has data or an AHS"
    task.serve(r2t)
    task.expect(expect.good())


@case("r2t-burst-01", "7143-11.8.4-02", "7143-11.8.4-01", "7143-11.8-15")
def test_r2ts_ask_for_adjoining_bursts(login: Callable[..., Session], scratch: Scratch) -> None:
    """> The Desired Data Transfer Length MUST NOT be 0 and MUST NOT exceed MaxBurstLength.
    > If DataSequenceInOrder is Yes, then consecutive R2Ts MUST refer to continuous non-overlapping ranges.
    """
    session = login(keys={"MaxBurstLength": "5120", "FirstBurstLength": "512"})
    task = start_write(session, scratch, pattern(_ONE_BURST))
    place = 0
    while place < _ONE_BURST:
        r2t = task.next_r2t()
        start, length = r2t.header.buffer_offset, r2t.header.desired_data_transfer_length
        assert start == place, f"an R2T for offset {start} where {place} is next"
        assert 0 < length <= 5120, f"an R2T for {length} octets"
        task.serve(r2t)
        place += length
    task.expect(expect.good())


@case("r2t-unsolicited-01", "7143-13.10-03", needs="unsolicited-data")
def test_no_r2t_for_data_that_come_unasked(login: Callable[..., Session], scratch: Scratch) -> None:
    """An initial R2T is implied: the target asks for nothing that FirstBurstLength lets the initiator send."""
    session = login(keys={"InitialR2T": "No", "FirstBurstLength": "16384"})
    data = pattern(session.parameters.first_burst_length, 1)
    task = start_write(session, scratch, data, final=0)
    session.expect(expect.unanswered())
    task.send_sequence(0, len(data))
    task.expect(expect.good())
    assert task.output_transfer.count == 0, f"{task.output_transfer.count} R2Ts came"


@case("r2t-unsolicited-02", "7143-11.8-15", "7143-11.3.1-02", needs="unsolicited-data")
def test_first_r2t_begins_behind_the_first_burst(login: Callable[..., Session], scratch: Scratch) -> None:
    """What was sent unsolicited is not asked for again: the first R2T begins where the first burst ended."""
    session = login(keys={"InitialR2T": "No", "FirstBurstLength": "4096"})
    first = session.parameters.first_burst_length
    data = pattern(2 * first, 2)
    task = start_write(session, scratch, data, final=0)
    task.send_sequence(0, first)
    r2t = task.next_r2t()
    assert r2t.header.buffer_offset == first, f"the R2T begins at {r2t.header.buffer_offset}, the burst ends at {first}"
    task.serve(r2t)
    task.expect(expect.good())
    assert contents(session, scratch, len(data) // scratch.block_size) == data, "other data were stored"


@case("r2t-immediate-01", "7143-11.3.1-02", "7143-11.8-15", needs="immediate-data")
@variants("length", [512, 1000, 1], ids=["one-block", "part-of-a-block", "one-octet"])
def test_r2t_begins_behind_the_immediate_data(login: Callable[..., Session], scratch: Scratch, length: int) -> None:
    """> When F = 1 for a write and if Expected Data Transfer Length is larger than the DataSegmentLength, the target
    > may solicit additional data through R2T.
    """
    session = login()
    data = pattern(_ONE_BURST, 3)
    task = start_write(session, scratch, data, immediate_data=length)
    r2t = task.next_r2t()
    assert r2t.header.buffer_offset == length, f"the R2T begins at {r2t.header.buffer_offset}, {length} octets came"
    task.serve(r2t)
    task.expect(expect.good())
    assert contents(session, scratch, len(data) // scratch.block_size) == data, "other data were stored"


@case("r2t-immediate-02", "7143-11.3.1-02", needs="immediate-data")
def test_no_r2t_when_all_data_were_immediate(session: Session, scratch: Scratch) -> None:
    """> If the Expected Data Transfer Length for a write and the length of the immediate data part that follows the
    > command (if any) are the same, then no more data PDUs are expected to follow.
    """
    data = pattern(scratch.block_size, 4)
    task = start_write(session, scratch, data, immediate_data=len(data))
    task.expect(expect.good())
    assert task.output_transfer.count == 0, f"{task.output_transfer.count} R2Ts came"


@case("r2t-outstanding-01", "7143-11.8-11", "7143-13.17-02")
@variants("number", [1, 2, 3, 4], ids=["one", "two", "three", "four"])
def test_r2ts_outstanding_do_not_exceed_the_agreed_number(
    login: Callable[..., Session], scratch: Scratch, number: int
) -> None:
    """> The number of outstanding R2T PDUs is limited by the value of the negotiated key MaxOutstandingR2T."""
    session = login(keys={"MaxOutstandingR2T": str(number), "MaxBurstLength": "512", "FirstBurstLength": "512"})
    if session.parameters.max_outstanding_r2t != number:
        raise Unsupported(f"the target settles for MaxOutstandingR2T={session.parameters.max_outstanding_r2t}")
    task, first = ask_write(session, scratch, pattern(8192, 5))
    session.nop()
    outstanding = 1 + session.connection.pending(ReadyToTransfer, task.tag)
    assert outstanding <= number, f"{outstanding} R2Ts are outstanding"
    task.serve(first)
    task.expect(expect.good())


@case("r2t-outstanding-02", "7143-13.17-02")
def test_r2t_is_outstanding_until_f_came(login: Callable[..., Session], scratch: Scratch) -> None:
    """> An R2T is considered outstanding until the last data PDU (with the F bit set to 1) is transferred."""
    session = login(keys={"MaxOutstandingR2T": "1", "MaxBurstLength": "1024", "FirstBurstLength": "512"})
    task, r2t = ask_write(session, scratch, pattern(4096, 6))
    task.data_out(r2t, data=task.output[:512], final=0)
    session.expect(expect.unanswered())
    task.data_out(r2t, data=task.output[512:1024], buffer_offset=512, data_sn=1, final=1)
    following = task.next_r2t()
    assert following.header.buffer_offset == 1024, f"the next R2T begins at {following.header.buffer_offset}"
    task.serve(following)
    task.expect(expect.good())


def _send_pieces(session: Session, scratch: Scratch, lengths: Sequence[int], seed: int) -> None:
    """Write 4096 octets in answer to one R2T, in Data-Out of these lengths, and read them back."""
    data = pattern(4096, seed)
    task, r2t = ask_write(session, scratch, data)
    place = 0
    for number, length in enumerate(lengths):
        end = place + length
        last = number == len(lengths) - 1
        task.data_out(r2t, data=data[place:end], buffer_offset=place, data_sn=number, final=int(last))
        place = end
    task.expect(expect.good())
    assert contents(session, scratch, 4096 // scratch.block_size) == data, "other data were stored"


@case("dataout-pieces-01", "7143-11.7.1-04", "7143-11.8-02")
@variants(
    "lengths",
    [[64] * 64, [2048, 2048], [4092, 4], [4, 4092]],
    ids=["many", "halves", "short-end", "short-begin"],
)
def test_initiator_may_send_smaller_data_out_than_it_must(
    session: Session, scratch: Scratch, lengths: list[int]
) -> None:
    """> However, the number of individual PDUs in a sequence (or in total) may be higher than the ratio of
    > MaxBurstLength (or FirstBurstLength) to MaxRecvDataSegmentLength.
    """
    _send_pieces(session, scratch, lengths, 7)


@case("dataout-pieces-02", "7143-11.1-01", "7143-11.2.1.6-01", "7143-11.7.7-02")
@variants(
    "lengths",
    [[1, 2, 3, 4090], [4095, 1], [1, 4095], [1023, 1025, 1021, 1027]],
    ids=["one-two-three", "one-octet-last", "one-octet-first", "odd"],
)
def test_data_out_of_any_length_are_taken_without_their_padding(
    session: Session, scratch: Scratch, lengths: list[int]
) -> None:
    """> DataSegmentLength: this is the data segment payload length in bytes (excluding padding)."""
    _send_pieces(session, scratch, lengths, 8)


@case("dataout-empty-01", "7143-11.7.7-01")
@variants(
    "lengths",
    [[0, 4096], [2048, 0, 2048], [4096, 0], [0, 0, 0, 4096]],
    ids=["first", "between", "last", "many"],
)
def test_data_out_without_data_are_taken(session: Session, scratch: Scratch, lengths: list[int]) -> None:
    """> The sending of 0-length data segments should be avoided, but initiators and targets MUST be able to properly
    > receive 0-length data segments.
    """
    _send_pieces(session, scratch, lengths, 9)


@case("dataout-empty-02", "7143-11.7.7-01", needs="unsolicited-data")
def test_unsolicited_burst_may_end_with_an_empty_data_out(login: Callable[..., Session], scratch: Scratch) -> None:
    """> Initiators and targets MUST be able to properly receive 0-length data segments."""
    session = login(keys={"InitialR2T": "No"})
    data = pattern(4096, 10)
    task = start_write(session, scratch, data, final=0)
    task.data_out(data=data, final=0)
    task.data_out(data=b"", buffer_offset=len(data), data_sn=1, final=1)
    task.expect(expect.good())
    assert contents(session, scratch, len(data) // scratch.block_size) == data, "other data were stored"


@case("transfer-zero-01", "7143-11.8.4-01", "7143-4.2.5.2-12")
@variants("bit", [0, 1], ids=["w-clear", "w-set"])
def test_write_of_no_blocks_asks_for_no_data(session: Session, scratch: Scratch, bit: int) -> None:
    """> Either or both of R and W MAY be 1 when the Expected Data Transfer Length ... [is] 0.

    There is nothing to ask for then: the Desired Data Transfer Length of an R2T is never 0.
    """
    session.start(write_command(scratch, 0), mutations.set_fields(write=bit)).expect(expect.good())


@case("transfer-zero-02", "7143-11.7.6-01", "7143-4.2.5.2-12")
@variants("bit", [0, 1], ids=["r-clear", "r-set"])
def test_read_of_no_blocks_brings_no_data(session: Session, scratch: Scratch, bit: int) -> None:
    """> Either or both of R and W MAY be 1 when the Expected Data Transfer Length ... [is] 0."""
    task = session.start(read_command(scratch, 0), mutations.set_fields(read=bit))
    received = task.expect(expect.good()).received
    assert received == 0, f"{received} octets came"
