from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.api import (
    RESERVED_TAG,
    LoginRequest,
    NopOut,
    RejectReason,
    Scratch,
    ScsiCommand,
    Session,
    SnackRequest,
    TaskManagementRequest,
    TextRequest,
    case,
    expect,
    mutations,
    sn_add,
    variants,
)
from conformance.suites.blocks import ask_write, contents, pattern, write_command
from conformance.suites.exchanges import NO_TASK
from iscsi_wire.pdus import Pdu
from iscsi_wire.scsi import TestUnitReady

_PROTOCOL_ERROR, _IN_PROGRESS, _INVALID = (
    RejectReason.PROTOCOL_ERROR,
    RejectReason.TASK_IN_PROGRESS,
    RejectReason.INVALID_PDU_FIELD,
)
_TEST_UNIT_READY = TestUnitReady().encode().ljust(16, b"\0")
_NOT_SUPPORTED, _SNACK_REJECT = RejectReason.COMMAND_NOT_SUPPORTED, RejectReason.SNACK_REJECT
# A format error ends the session (RFC 7143, 7.7), and either side may answer any error by that (7.1.4).
_OR_CLOSED = expect.connection_closed()


@case("reject-opcode-01", "7143-11.2.1.2-05", "7143-11.17.1-04", "7143-11-04")
@variants("opcode", [0x07, 0x0F, 0x11, 0x1B, 0x1F])
def test_unassigned_opcode_is_rejected(session: Session, opcode: int) -> None:
    """> All other Opcodes are unassigned.
    > Receipt of reserved code values in defined fields MUST be reported as a protocol error.
    """
    session.send(NopOut, mutations.set_fields(opcode=opcode), immediate=1)
    refused = expect.rejected({_PROTOCOL_ERROR, _NOT_SUPPORTED, _INVALID})
    session.expect(expect.any_of(refused, _OR_CLOSED))


@case("reject-opcode-02", "7143-11.17.1-04", "7143-11.2.1.2-05")
@variants("opcode", [0x1C, 0x1E], ids=["first", "last"])
def test_vendor_specific_opcode_that_is_not_known_is_rejected(session: Session, opcode: int) -> None:
    """> 0x05 Command not supported."""
    session.send(NopOut, mutations.set_fields(opcode=opcode), immediate=1)
    refused = expect.rejected({_PROTOCOL_ERROR, _NOT_SUPPORTED, _INVALID})
    session.expect(expect.any_of(refused, _OR_CLOSED))


@case("reject-opcode-03", "7143-7.13-01", "7143-11.2.1.2-05")
@variants("opcode", [0x20, 0x21, 0x25, 0x31, 0x3F])
def test_target_opcode_from_an_initiator_is_rejected(session: Session, opcode: int) -> None:
    """> Initiators MUST NOT use target Opcodes, and targets MUST NOT use initiator Opcodes."""
    session.send(NopOut, mutations.set_fields(opcode=opcode), immediate=1)
    refused = expect.rejected({_PROTOCOL_ERROR, _NOT_SUPPORTED, _INVALID})
    session.expect(expect.any_of(refused, _OR_CLOSED))


@case("reject-login-01", "7143-7.13-01", "7143-4.2.4-03")
def test_login_request_in_full_feature_phase_is_rejected(session: Session) -> None:
    """Login Requests belong to the Login Phase; afterwards one is a violation of the exchange sequences."""
    session.send(LoginRequest, transit=1, csg=1, nsg=3, isid=session.isid, tsih=session.tsih)
    refused = expect.rejected({_PROTOCOL_ERROR, _NOT_SUPPORTED, _INVALID})
    session.expect(expect.any_of(refused, _OR_CLOSED))


@case("reject-header-01", "7143-11.17.4-01", "7143-11.17-01", "7143-11.17-02")
def test_reject_returns_the_header_of_the_bad_pdu(session: Session) -> None:
    """> The target returns the header (not including the digest) of the PDU in error as the data of the response."""
    change = mutations.set_fields(opcode=0x0F)
    draft = session.send(NopOut, change, immediate=1, lun=0x0123456789ABCDEF)
    event = session.expect(expect.any_of(expect.rejected(), _OR_CLOSED))
    if not session.connection.ended:
        header = bytes([draft.header.octet_0 & 0xC0 | 0x0F]) + draft.header.encode()[1:]
        assert event.data[:48] == header, f"data {event.data[:48].hex(' ', 4)}, the header was {header.hex(' ', 4)}"


@case("reject-numbers-01", "7143-11.17.3-01", "7143-11.4.9-01")
def test_reject_uses_up_one_stat_sn(session: Session) -> None:
    """> These fields carry their usual values and are not related to the rejected command.  The StatSN is advanced
    > after a Reject.
    """
    before = session.nop().header.stat_sn
    session.send(NopOut, mutations.set_fields(opcode=0x0F), immediate=1)
    event = session.expect(expect.any_of(expect.rejected(), _OR_CLOSED))
    if not session.connection.ended:
        after = session.nop().header.stat_sn
        numbers = (before, event.header.stat_sn, after)
        assert numbers == (before, sn_add(before, 1), sn_add(before, 2)), f"StatSN {numbers}"


@case("reject-snack-01", "7143-11.16-08", "7143-11.17.1-02", level="FORMAT")
@variants("kind", [0, 1, 2, 3], ids=["data-r2t", "status", "data-ack", "r-data"])
def test_snack_at_recovery_level_zero_is_rejected(session: Session, kind: int) -> None:
    """> If the implementation supports ErrorRecoveryLevel greater than zero, it MUST support all SNACK types.

    At level 0 nothing is sent again, and what asks for it is refused.
    """
    fields: dict[str, Any] = {} if kind in (0, 3) else {"initiator_task_tag": RESERVED_TAG}
    session.send(SnackRequest, type=kind, beg_run=5, run_length=1, **fields)
    reasons = {_SNACK_REJECT, _PROTOCOL_ERROR, _NOT_SUPPORTED, RejectReason.INVALID_DATA_ACK, _INVALID}
    session.expect(expect.any_of(expect.rejected(reasons), _OR_CLOSED))


@case("reject-tag-01", "7143-11.17.1-06", "7143-4.2.2.1-17")
def test_command_with_a_tag_in_use_is_not_executed(session: Session, scratch: Scratch) -> None:
    """> While a task exists, this tag MUST uniquely identify the task session-wide.

    A second command with the tag is refused with "task in progress", or ignored like a retry; the task goes on.
    """
    data = pattern(scratch.block_size, 1)
    task, r2t = ask_write(session, scratch, data)
    session.send(ScsiCommand, attr=1, immediate=1, lun=task.lun, initiator_task_tag=task.tag, cdb=_TEST_UNIT_READY)
    refused = expect.rejected({_IN_PROGRESS, _PROTOCOL_ERROR, _INVALID})
    session.expect(expect.any_of(refused, expect.unanswered(), _OR_CLOSED))
    if not session.connection.ended:
        task.serve(r2t)
        task.expect(expect.good())
        assert contents(session, scratch, 1) == data, "other data were stored"


@case("reject-tag-02", "7143-7.3-03", "7143-11.17.1-06")
def test_cmd_sn_of_a_rejected_command_is_still_expected(session: Session, scratch: Scratch) -> None:
    """> The CmdSN of the rejected command PDU (if it is a non-immediate command) MUST NOT be considered received by the
    > target (i.e., a command sequence gap must be assumed for the CmdSN).
    """
    task, r2t = ask_write(session, scratch, pattern(scratch.block_size))
    number = session.numbering.cmd_sn
    session.send(ScsiCommand, attr=1, lun=task.lun, initiator_task_tag=task.tag, cdb=_TEST_UNIT_READY)
    refused = expect.rejected({_IN_PROGRESS, _PROTOCOL_ERROR, _INVALID})
    session.expect(expect.any_of(refused, expect.unanswered(), _OR_CLOSED))
    if not session.connection.ended:
        seen = session.nop(immediate=1).header.exp_cmd_sn
        assert seen == number, f"ExpCmdSN is {seen:#x} after the command with CmdSN {number:#x} was rejected"
        session.command(TestUnitReady(), cmd_sn=number).expect(expect.good())
        task.serve(r2t)
        session.command(TestUnitReady()).expect(expect.good())


@case("reject-tag-03", "7143-11.17.1-08", "7143-11.2.1.8-03", level="SHOULD")
def test_command_with_the_reserved_tag_is_rejected(session: Session) -> None:
    """> An ITT value of 0xffffffff is reserved and MUST NOT be assigned for a task by the initiator."""
    session.send(ScsiCommand, attr=1, immediate=1, initiator_task_tag=RESERVED_TAG, cdb=_TEST_UNIT_READY)
    refused = expect.rejected({_PROTOCOL_ERROR, _INVALID})
    session.expect(expect.any_of(refused, _OR_CLOSED))


_REQUESTS: Mapping[str, tuple[type[Pdu], bytes, dict[str, Any]]] = {
    "nop-out": (NopOut, b"ping", {}),
    "text": (TextRequest, b"SendTargets=\0", {}),
    "task-management": (TaskManagementRequest, b"", {"function": 1, "referenced_task_tag": NO_TASK}),
}


@case("reject-tag-04", "7143-11.17.1-06", level="SHOULD")
@variants("row", _REQUESTS.values(), ids=_REQUESTS)
def test_other_request_with_a_tag_in_use_is_not_served(
    session: Session, scratch: Scratch, row: tuple[type[Pdu], bytes, dict[str, Any]]
) -> None:
    """> iSCSI considers a task to be instantiated on the target in response to every request issued by the initiator.
    > (...) Testing for the execution state (represented by identifying the Initiator Task Tag) MUST precede any other
    > action at the target.
    """
    kind, data, fields = row
    task, r2t = ask_write(session, scratch, pattern(scratch.block_size, 1))
    session.send(kind, data=data, immediate=1, initiator_task_tag=task.tag, **fields)
    refused = expect.rejected({_IN_PROGRESS, _PROTOCOL_ERROR, _INVALID})
    session.expect(expect.any_of(refused, expect.unanswered(), _OR_CLOSED))
    if not session.connection.ended:
        task.serve(r2t)
        task.expect(expect.good())


@case("reject-command-01", "7143-7.3-02", "7143-11.17.1-03")
def test_rejected_command_gets_no_response(session: Session) -> None:
    """> If the task had never been active before the Reject (i.e., the Reject is on the command PDU), targets should
    > not send any further responses because the command itself is being discarded.
    """
    change = mutations.set_fields(opcode=0x0F)
    tag = session.send(NopOut, change, immediate=1, data=b"never").header.initiator_task_tag
    session.expect(expect.any_of(expect.rejected(), _OR_CLOSED))
    if not session.connection.ended:
        session.connection.never_answered(tag)
        session.nop(b"next")
        session.command(TestUnitReady()).expect(expect.good())


@case("reject-command-02", "7143-7.3-03", "7143-11.2.1.2-05")
def test_session_goes_on_after_a_reject(session: Session, scratch: Scratch) -> None:
    """A Reject discards one PDU: requests before and behind it are served as though it had never been sent."""
    data = pattern(scratch.block_size, 2)
    with session.connection.held():
        before = session.start(TestUnitReady())
        session.send(NopOut, mutations.set_fields(opcode=0x0F), immediate=1)
        behind = session.start(write_command(scratch, 1), write=data)
    before.wait()
    behind.expect(expect.any_of(expect.good(), _OR_CLOSED))
    if behind.wait().status == 0:
        assert contents(session, scratch, 1) == data, "other data were stored"
