from __future__ import annotations

from collections.abc import Callable

from conformance.api import RESERVED_TAG, Scratch, ScsiResponse, Session, case, expect, variants
from conformance.suites.blocks import contents, fill, pattern, read_command, take_data_in
from iscsi_wire.scsi import Read10

_SMALL = {"MaxRecvDataSegmentLength": "512", "MaxBurstLength": "1024", "FirstBurstLength": "512"}


@case("datain-final-01", "7143-11.7.1-02", "7143-13.13-02", "7143-11.7.1-05", "7143-11.2.1.3-01")
def test_each_input_sequence_ends_with_f_and_fits_into_max_burst_length(
    login: Callable[..., Session], scratch: Scratch
) -> None:
    """> For incoming data, this bit is 1 for the last input (read) data PDU of a sequence."""
    session = login(keys=_SMALL)
    task = session.start(read_command(scratch, 4096 // scratch.block_size), read=4096)
    pdus = take_data_in(task)
    ends = [index for index, pdu in enumerate(pdus) if pdu.header.final]
    assert len(ends) >= 4, f"4096 octets in bursts of at most 1024, and {len(ends)} times F=1"
    assert ends[-1] == len(pdus) - 1, "the last Data-In has F=0"
    begins = [0, *(end + 1 for end in ends[:-1])]
    bursts = [sum(len(pdu.data) for pdu in pdus[a : b + 1]) for a, b in zip(begins, ends, strict=True)]
    assert max(bursts) <= 1024, f"sequences of {bursts} octets"


@case("datain-offset-01", "7143-11.7.6-01", "7143-11.7.6-02", "7143-11.7.6-03", "7143-13.19-02")
def test_buffer_offsets_rise_without_gap_or_overlap(login: Callable[..., Session], scratch: Scratch) -> None:
    """> When set to Yes, it means that PDUs have to be in increasing buffer offset order and overlays are
    > forbidden.
    """
    session = login(keys=_SMALL)
    place = 0
    task = session.start(read_command(scratch, 4096 // scratch.block_size), read=4096)
    for pdu in take_data_in(task):
        assert pdu.header.buffer_offset == place, f"Buffer Offset {pdu.header.buffer_offset} where {place} is next"
        place += len(pdu.data)
    assert place == 4096, f"the Data-In end at {place} of 4096"


@case("datain-fields-01", "7143-11.7.2-03", "7143-11.7.4-04", "7143-11.7-06")
def test_data_in_asks_for_no_acknowledgement_at_level_zero(login: Callable[..., Session], scratch: Scratch) -> None:
    """> The target MUST NOT set to 1 the A bit for sessions with ErrorRecoveryLevel=0.

    Without A, neither Target Transfer Tag nor LUN are supplied.
    """
    session = login(keys={**_SMALL, "ErrorRecoveryLevel": "0"})
    task = session.start(read_command(scratch, 4096 // scratch.block_size), read=4096)
    for pdu in take_data_in(task):
        header = pdu.header
        assert not header.acknowledge, "A=1"
        tag, lun = header.target_transfer_tag, header.lun
        assert tag in (RESERVED_TAG, 0), f"Target Transfer Tag {tag:#x} with A=0"
        assert lun in (0, task.lun), f"LUN {lun:#x} with A=0 and LUN {task.lun:#x} in the command"


@case("datain-segment-01", "7143-13.12-02", "7143-13.12-01", "7143-6.4-16")
def test_data_in_keep_to_a_length_declared_later(session: Session, scratch: Scratch) -> None:
    """MaxRecvDataSegmentLength may be declared anew in the full feature phase; Data-In keep to it from then on."""
    data = pattern(8192, 16)
    fill(session, scratch, data)
    session.text({"MaxRecvDataSegmentLength": "1024"}).expect(expect.text_response())
    task = session.start(read_command(scratch, len(data) // scratch.block_size), read=len(data))
    longest = max(len(pdu.data) for pdu in take_data_in(task))
    assert longest <= 1024, f"a Data-In with {longest} octets"
    assert task.wait().data == data, "what is read is not what was written"


@case("datain-status-01", "7143-11.7.3-01", "7143-11.7-01", "7143-4.6.1.5-01")
def test_command_that_fails_ends_with_a_scsi_response(session: Session, scratch: Scratch) -> None:
    """> If the command is completed with an error, then the response and sense data MUST be sent in a SCSI Response
    > PDU (i.e., MUST NOT be sent in a SCSI data packet).
    """
    beyond = Read10.make(logical_block_address=0xFFFFFFFE, transfer_length=1)
    result = session.command(beyond, read=scratch.block_size).expect(expect.check_condition(key=5))
    assert isinstance(result.header, ScsiResponse), f"the status came in {result}"
    contents(session, scratch, 1)


@case("datain-status-02", "7143-11.7.3-03", "7143-11.7-02", "7143-11.7.3-04")
@variants("length", [512, 8192], ids=["one-data-in", "many-data-in"])
def test_good_status_comes_once_and_last(login: Callable[..., Session], scratch: Scratch, length: int) -> None:
    """> If this bit is set to 1, the F bit MUST also be set to 1.

    Good status comes with the last Data-In or in a SCSI Response behind it, once.
    """
    session = login(keys={"MaxRecvDataSegmentLength": "512"})
    blocks = max(length // scratch.block_size, 1)
    task = session.start(read_command(scratch, blocks), read=blocks * scratch.block_size)
    pdus = take_data_in(task)
    assert not any(pdu.header.status_present for pdu in pdus[:-1]), "S=1 before the last Data-In"
    assert pdus[-1].header.final, "the last Data-In has F=0"
    session.connection.never_answered(task.tag)
    session.nop()


@case("datain-padding-01", "7143-11.2-02", "7143-11.1-02", "7143-11.2.1.6-01")
def test_data_in_of_odd_length_are_padded(session: Session, scratch: Scratch) -> None:
    """> The padding bytes SHOULD be sent as 0."""
    session.connection.rules.enforce("padding")
    data = pattern(scratch.block_size, 17)
    fill(session, scratch, data)
    for length in (1, 2, 3, 5):
        result = session.command(read_command(scratch, 1), read=length)
        result.expect(expect.good(data=data[:length], residual=scratch.block_size - length))
    session.nop(b"still in step")
