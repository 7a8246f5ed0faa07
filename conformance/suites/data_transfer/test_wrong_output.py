from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.api import (
    Reject,
    RejectReason,
    Scratch,
    Session,
    case,
    expect,
    variants,
)
from conformance.suites.blocks import ask_write, contents, fill, pattern, start_write
from initiator_sim.expectation import Expectation
from iscsi_wire.scsi import Write10

_ABORTED_COMMAND = 0x0B
_WRITE_ERROR = 0x0C
_UNEXPECTED_UNSOLICITED_DATA, _INCORRECT_AMOUNT_OF_DATA = 0x0C, 0x0D
_REFUSED = {RejectReason.PROTOCOL_ERROR, RejectReason.INVALID_PDU_FIELD}
# Either side may answer an error by session recovery (RFC 7143, 7.1.4.4), which closes the connections.


def _ends(*ascq: int) -> Expectation[Any]:
    """The command ends with one of the conditions of RFC 7143, 11.4.7.2."""
    condition = expect.check_condition(key=_ABORTED_COMMAND, asc=_WRITE_ERROR, ascq=set(ascq))
    return expect.any_of(condition, expect.connection_closed())


def _refused() -> Expectation[Any]:
    """The next PDU refuses a Data-Out, or ends its command with an error."""
    rejected = expect.pdu(Reject, reason=_REFUSED)
    return expect.any_of(rejected, expect.check_condition(key=_ABORTED_COMMAND), expect.connection_closed())


@case("unexpected-data-01", "7143-13.11-04", "7143-11.4.7.2-01")
@variants("initial_r2t", ["Yes", "No"], ids=["r2t-first", "unsolicited"])
def test_immediate_data_without_immediate_data_yes_are_refused(
    login: Callable[..., Session], scratch: Scratch, initial_r2t: str
) -> None:
    """> Unexpected unsolicited data: Aborted Command-0B, ASC = 0x0c ASCQ = 0x0c, Write Error."""
    session = login(keys={"ImmediateData": "No", "InitialR2T": initial_r2t})
    data = pattern(scratch.block_size)
    start_write(session, scratch, data, immediate_data=len(data)).expect(_ends(_UNEXPECTED_UNSOLICITED_DATA))


@case("unexpected-data-02", "7143-13.11-02", "7143-11.4.7.2-01", "7143-11.8-02", "7143-11.4.2-02")
def test_unsolicited_data_out_in_r2t_mode_are_refused(session: Session, scratch: Scratch) -> None:
    """> It is considered an error for an initiator to send unsolicited data PDUs to a target that operates in R2T
    > mode (only solicited data are allowed).
    """
    task = start_write(session, scratch, pattern(scratch.block_size), final=0)
    task.data_out(final=1)
    task.expect(_ends(_UNEXPECTED_UNSOLICITED_DATA))


@case("unexpected-data-03", "7143-7.3-01", "7143-13.11-02")
def test_stray_unsolicited_data_do_not_replace_those_asked_for(session: Session, scratch: Scratch) -> None:
    """> Targets MUST NOT implicitly terminate an active task by sending a Reject PDU for any PDU exchanged during the
    > life of the task.

    A Data-Out without Target Transfer Tag, behind a command that announced none, is an error; if the target lets
    the command go on, only the data that it asked for count.
    """
    data = pattern(scratch.block_size, 1)
    task, r2t = ask_write(session, scratch, data)
    task.data_out(data=bytes(len(data)), final=1)
    task.serve(r2t)
    error = expect.check_condition(key=_ABORTED_COMMAND)
    task.expect(expect.any_of(expect.good(), error, expect.connection_closed()))
    if task.wait().status == 0:
        assert contents(session, scratch, 1) == data, "the data that nobody asked for were stored"


@case("incorrect-amount-01", "7143-11.4.7.2-05", "7143-11.4.7.2-02", needs="unsolicited-data")
def test_unsolicited_burst_that_ends_too_early_is_an_incorrect_amount(
    login: Callable[..., Session], scratch: Scratch
) -> None:
    """> The target reports the "Incorrect amount of data" condition if, during data output, the total data length to
    > output is greater than FirstBurstLength and the initiator sent unsolicited non-immediate data but the total
    > amount of unsolicited data is different than FirstBurstLength.
    """
    session = login(keys={"InitialR2T": "No", "FirstBurstLength": "4096"})
    first = session.parameters.first_burst_length
    task = start_write(session, scratch, pattern(2 * first), final=0)
    task.send_sequence(0, first // 2)
    task.expect(_ends(_INCORRECT_AMOUNT_OF_DATA))


@case("incorrect-amount-02", "7143-11.4.7.2-05", "7143-11.4.7.2-02", needs="unsolicited-data")
def test_unsolicited_burst_beyond_first_burst_length_is_refused(
    login: Callable[..., Session], scratch: Scratch
) -> None:
    """> It is also an error for an initiator to send more unsolicited data, whether immediate or as separate PDUs,
    > than FirstBurstLength.
    """
    session = login(keys={"InitialR2T": "No", "FirstBurstLength": "4096"})
    first = session.parameters.first_burst_length
    task = start_write(session, scratch, pattern(2 * first), final=0)
    task.send_sequence(0, first + 512)
    task.expect(_ends(_INCORRECT_AMOUNT_OF_DATA, _UNEXPECTED_UNSOLICITED_DATA))


@case("incorrect-amount-03", "7143-11.4.7.2-01", "7143-4.2.5.2-14", needs="immediate-data")
def test_immediate_data_beyond_first_burst_length_are_refused(login: Callable[..., Session], scratch: Scratch) -> None:
    """> It is also an error for an initiator to send more unsolicited data, whether immediate or as separate PDUs,
    > than FirstBurstLength.
    """
    session = login(keys={"FirstBurstLength": "512"})
    task = start_write(session, scratch, pattern(8192), immediate_data=4096)
    condition = _ends(_INCORRECT_AMOUNT_OF_DATA, _UNEXPECTED_UNSOLICITED_DATA)
    task.expect(expect.any_of(condition, expect.rejected(_REFUSED)))


@case("incorrect-amount-04", "7143-11.4.7.2-06", "7143-11.4.7.2-02", "7143-11.8-08")
def test_answer_to_an_r2t_that_ends_too_early_is_an_incorrect_amount(session: Session, scratch: Scratch) -> None:
    """> The target reports the same error when the amount of data sent as a reply to an R2T does not match the amount
    > requested.
    """
    task, r2t = ask_write(session, scratch, pattern(4096))
    task.data_out(r2t, data=task.output[:1024], final=1)
    task.expect(_ends(_INCORRECT_AMOUNT_OF_DATA))


@case("incorrect-amount-05", "7143-11.4.7.2-06", "7143-11.7.1-05")
def test_answer_with_more_than_the_r2t_asked_for_is_refused(login: Callable[..., Session], scratch: Scratch) -> None:
    """> The target reports the same error when the amount of data sent as a reply to an R2T does not match the amount
    > requested.
    """
    session = login(keys={"MaxBurstLength": "1024", "FirstBurstLength": "512"})
    task, r2t = ask_write(session, scratch, pattern(4096))
    task.data_out(r2t, data=task.output[:2048], final=1)
    task.expect(_refused())


@case("incorrect-amount-06", "7143-11.4.2-02", "7143-11.17.1-15", needs="unsolicited-data")
def test_error_is_reported_only_when_all_output_has_come(login: Callable[..., Session], scratch: Scratch) -> None:
    """> If a SCSI device error is detected while data from the initiator is still expected (...), the target MUST wait
    > until it receives a data PDU with the F bit set in the last expected sequence before sending the Response PDU.
    """
    session = login(keys={"InitialR2T": "No"})
    beyond = Write10.make(logical_block_address=0xFFFFFFFE, transfer_length=1)
    task = session.start(beyond, write=pattern(scratch.block_size), immediate_data=0, unsolicited=0, final=0)
    session.expect(expect.unanswered())
    task.data_out(data=task.output[:256], final=0)
    session.expect(expect.unanswered())
    task.data_out(data=task.output[256:], buffer_offset=256, data_sn=1, final=1)
    task.expect(expect.check_condition(key=5))


@case("dataout-offset-01", "7143-11.17.1-08", "7143-11.7.6-01", "7143-11.7.6-02", level="MUST")
@variants("offset", [512, 1024, 4096, 0xFFFFFE00], ids=["gap", "end", "beyond", "far-beyond"])
def test_data_out_at_a_wrong_offset_is_refused(session: Session, scratch: Scratch, offset: int) -> None:
    """> Some examples are invalid TTT/ITT, buffer offset, LUN qualifying a TTT, and an invalid sequence number.

    What does not lie where the R2T asked for it is not stored as though it did.
    """
    blocks = 1024 // scratch.block_size or 1
    before = pattern(16 * scratch.block_size, 2)
    fill(session, scratch, before)
    task, r2t = ask_write(session, scratch, pattern(blocks * scratch.block_size, 3))
    task.data_out(r2t, data=task.output[:512], buffer_offset=offset, final=1)
    task.expect(_refused())


@case("dataout-tag-01", "7143-11.17.1-08")
def test_data_out_with_an_unknown_transfer_tag_is_refused(session: Session, scratch: Scratch) -> None:
    """> A target should use this reason code for all invalid values of PDU fields that are meant to describe a task, a
    > response, or a data transfer.  Some examples are invalid TTT/ITT, ...
    """
    task, r2t = ask_write(session, scratch, pattern(scratch.block_size))
    task.data_out(r2t, target_transfer_tag=r2t.header.target_transfer_tag ^ 0x5A5A5A5A, final=1)
    task.expect(_refused())


@case("dataout-tag-02", "7143-7.3-01", "7143-11.17.1-14")
def test_write_goes_on_after_a_data_out_with_an_unknown_tag(session: Session, scratch: Scratch) -> None:
    """> Targets MUST NOT implicitly terminate an active task by sending a Reject PDU for any PDU exchanged during the
    > life of the task.
    """
    data = pattern(scratch.block_size, 4)
    task, r2t = ask_write(session, scratch, data)
    task.data_out(r2t, data=bytes(len(data)), target_transfer_tag=r2t.header.target_transfer_tag ^ 0x5A5A5A5A, final=1)
    task.serve(r2t)
    error = expect.check_condition(key=_ABORTED_COMMAND)
    task.expect(expect.any_of(expect.good(), error, expect.connection_closed()))
    if task.wait().status == 0:
        assert contents(session, scratch, 1) == data, "the data with the unknown tag were stored"


@case("dataout-tag-03", "7143-11.17.1-08")
def test_data_out_for_an_unknown_task_is_rejected(session: Session, scratch: Scratch) -> None:
    """> Some examples are invalid TTT/ITT, ..."""
    task, r2t = ask_write(session, scratch, pattern(scratch.block_size))
    task.data_out(r2t, initiator_task_tag=0x6FFFFFF1, target_transfer_tag=0x6FFFFFF2, final=1)
    session.expect(expect.any_of(expect.rejected(_REFUSED), expect.connection_closed()))


@case("dataout-lun-01", "7143-4.2.5.3-02", "7143-4.2.5.3-04", "7143-11.7.4-04")
def test_data_out_for_another_lun_is_a_protocol_error(session: Session, scratch: Scratch) -> None:
    """> The iSCSI initiator and target MUST verify that all other fields used in task-related PDUs have values that
    > are consistent with the values used at the task instantiation.  Using inconsistent field values is considered a
    > protocol error.
    """
    task, r2t = ask_write(session, scratch, pattern(scratch.block_size))
    task.data_out(r2t, lun=r2t.header.lun ^ 0x0055000000000000, final=1)
    task.expect(_refused())


@case("dataout-number-01", "7143-7.9-02", "7143-7.8-03")
@variants("numbers", [(1, 2), (0, 2), (0, 0)], ids=["begins-with-one", "gap", "repeated"])
def test_data_sn_out_of_order_is_handled_as_a_digest_error(
    session: Session, scratch: Scratch, numbers: tuple[int, int]
) -> None:
    """> When a target receives a data PDU with an out-of-order DataSN, it means that the target must have hit a
    > header or payload digest error on at least one of the earlier data PDUs.  The target MUST address these implied
    > digest errors as described in Section 7.8.

    At ErrorRecoveryLevel 0 that is a CHECK CONDITION once all data are in.
    """
    task, r2t = ask_write(session, scratch, pattern(1024))
    half = len(task.output) // 2
    task.data_out(r2t, data=task.output[:half], data_sn=numbers[0], final=0)
    task.data_out(r2t, data=task.output[half:], buffer_offset=half, data_sn=numbers[1], final=1)
    task.expect(expect.any_of(expect.check_condition(key=_ABORTED_COMMAND), expect.connection_closed()))


@case("dataout-late-01", "7143-4.2.5.2-17", "7143-7.13-01", level="FORMAT")
def test_data_out_behind_the_end_of_its_write_does_no_harm(session: Session, scratch: Scratch) -> None:
    """A Data-Out for a write that has ended belongs to nothing: it is rejected or thrown away, and changes nothing."""
    data = pattern(scratch.block_size, 5)
    task, r2t = ask_write(session, scratch, data)
    task.serve(r2t)
    task.expect(expect.good())
    task.data_out(r2t, data=bytes(len(data)), final=1)
    session.expect(expect.any_of(expect.unanswered(), expect.rejected(_REFUSED), expect.connection_closed()))
    if not session.connection.ended:
        assert contents(session, scratch, 1) == data, "the block was overwritten"
