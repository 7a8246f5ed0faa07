from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.api import (
    NopOut,
    Received,
    Scratch,
    Session,
    TaskManagementFunction,
    TaskManagementRequest,
    TextRequest,
    case,
    expect,
    sn_add,
    sn_lt,
    variants,
)
from conformance.suites.blocks import fill, pattern, read_command, write_command
from conformance.suites.exchanges import NO_TASK
from iscsi_wire.scsi import TestUnitReady

_ORDERED = 2


@case("cmdsn-order-01", "7143-4.2.2.1-09", "7143-4.2.2.1-13")
def test_commands_behind_a_hole_wait_until_it_is_filled(session: Session) -> None:
    """> The iSCSI target layer MUST deliver the commands for execution ... in the order specified by CmdSN."""
    with session.connection.held() as held:
        first, second = session.start(TestUnitReady()), session.start(TestUnitReady())
        held.reverse()
    first.expect(expect.good())
    second.expect(expect.good())


@case("cmdsn-order-02", "7143-4.2.2.1-09")
def test_command_behind_a_hole_is_not_answered(session: Session) -> None:
    """> The iSCSI target layer MUST deliver the commands for execution in the order specified by the CmdSN."""
    missing = session.numbering.cmd_sn
    waiting = session.start(TestUnitReady(), cmd_sn=sn_add(missing, 1))
    session.expect(expect.unanswered())
    session.command(TestUnitReady(), cmd_sn=missing).expect(expect.good())
    waiting.expect(expect.good())


@case("cmdsn-order-03", "7143-4.2.2.1-13", "7143-4.2.2.1-12")
def test_exp_cmd_sn_stays_at_the_hole(session: Session) -> None:
    """> There MUST NOT be any holes in the acknowledged CmdSN sequence."""
    missing = session.numbering.take_cmd_sn(False)
    waiting = [session.start(TestUnitReady()) for _ in range(3)]
    seen = session.nop(immediate=1).header.exp_cmd_sn
    assert seen == missing, f"ExpCmdSN is {seen:#x}, and {missing:#x} has not arrived"
    session.command(TestUnitReady(), cmd_sn=missing).expect(expect.good())
    for task in waiting:
        task.expect(expect.good())
    seen = session.nop(immediate=1).header.exp_cmd_sn
    assert seen == sn_add(missing, 4), f"ExpCmdSN is {seen:#x} after all commands up to {missing + 3:#x}"


@case("cmdsn-order-04", "7143-4.2.2.1-09")
@variants(
    "order",
    [(3, 2, 1, 0), (1, 3, 0, 2), (2, 0, 3, 1), (1, 2, 3, 0)],
    ids=["backwards", "two-holes", "hole-between", "first-last"],
)
def test_holes_are_filled_in_any_order(session: Session, order: tuple[int, ...]) -> None:
    """Commands may arrive in any order inside the window; each is executed once, when all before it are there."""
    first = session.numbering.cmd_sn
    tasks = [session.start(TestUnitReady(), cmd_sn=sn_add(first, place)) for place in order]
    for task in tasks:
        task.expect(expect.good())
    session.numbering.cmd_sn = sn_add(first, len(order))
    session.command(TestUnitReady()).expect(expect.good())


@case("cmdsn-order-05", "7143-4.2.2.1-09")
def test_read_that_overtakes_an_ordered_write_returns_what_it_wrote(session: Session, scratch: Scratch) -> None:
    """Commands are delivered in the order of CmdSN, not of arrival; with the attribute ORDERED they are executed so."""
    old, new = pattern(scratch.block_size, 4), pattern(scratch.block_size, 5)
    fill(session, scratch, old)
    with session.connection.held() as held:
        write = session.start(write_command(scratch, 1), write=new, attr=_ORDERED)
        read = session.start(read_command(scratch, 1), read=len(new), attr=_ORDERED)
        held.reverse()
    write.expect(expect.good())
    read.expect(expect.good(data=new))


def _nop(session: Session) -> None:
    session.nop(b"numbered")


def _text(session: Session) -> None:
    session.send(TextRequest, data=b"SendTargets=\0")
    session.expect(expect.text_response())


def _task_management(session: Session) -> None:
    unknown = session.numbering.take_tag()
    number = sn_add(session.numbering.cmd_sn, -1)
    session.task_management(
        TaskManagementFunction.ABORT_TASK, immediate=0, referenced_task_tag=unknown, ref_cmd_sn=number
    )


def _scsi(session: Session) -> None:
    session.command(TestUnitReady()).expect(expect.good())


_REQUESTS: list[Callable[[Session], None]] = [_nop, _text, _task_management, _scsi]


@case("cmdsn-order-06", "7143-4.2.2.1-24", "7143-4.2.2.1-12")
@variants("issue", _REQUESTS, ids=["nop-out", "text", "task-management", "scsi-command"])
def test_every_numbered_request_moves_exp_cmd_sn_on_by_one(session: Session, issue: Callable[[Session], None]) -> None:
    """> All commands (initiator-to-target PDUs) in transit from the initiator to the target are numbered."""
    number = session.numbering.cmd_sn
    issue(session)
    seen = session.nop(immediate=1).header.exp_cmd_sn
    assert seen == sn_add(number, 1), f"ExpCmdSN is {seen:#x} after the request with CmdSN {number:#x}"
    session.command(TestUnitReady()).expect(expect.good())


@case("cmdsn-order-07", "7143-4.2.2.1-09")
@variants("kind", [NopOut, TextRequest, TaskManagementRequest], ids=["nop-out", "text", "task-management"])
def test_other_requests_wait_behind_a_hole_too(
    session: Session, kind: type[NopOut] | type[TextRequest] | type[TaskManagementRequest]
) -> None:
    """> Delivery for execution means delivery to the SCSI execution engine or an iSCSI protocol-specific execution
    > engine.  With the exception of the commands marked for immediate delivery, the iSCSI target layer MUST
    > deliver the commands for execution in the order specified by the CmdSN.
    """
    missing = session.numbering.take_cmd_sn(False)
    fields: dict[str, Any] = {"function": 1, "referenced_task_tag": NO_TASK} if kind is TaskManagementRequest else {}
    data = b"SendTargets=\0" if kind is TextRequest else b""
    session.send(kind, data=data, **fields)
    tag = session.connection.last_tag
    session.expect(expect.unanswered())
    session.command(TestUnitReady(), cmd_sn=missing).expect(expect.good())
    event = session.connection.take(lambda pdu: getattr(pdu.header, "initiator_task_tag", None) == tag)
    assert isinstance(event, Received), f"after the hole was filled: {event}"


@case("cmdsn-order-08", "7143-4.2.2.1-28")
def test_status_does_not_precede_the_acknowledgement(session: Session) -> None:
    """> A target command response or Data-In PDU with status MUST NOT precede the command acknowledgment.
    > However, the acknowledgment MAY be included in the response or the Data-In PDU.
    """
    for task in [session.start(TestUnitReady()) for _ in range(4)]:
        header = task.expect(expect.good()).header
        assert header is not None
        text = f"ExpCmdSN {header.exp_cmd_sn:#x} in the status of the command with CmdSN {task.cmd_sn:#x}"
        assert sn_lt(task.cmd_sn, header.exp_cmd_sn), text


@case("cmdsn-connections-01", "7143-4.2.2.1-01", "7143-4.2.2.1-09", needs="several-connections")
def test_commands_of_all_connections_share_one_order(login: Callable[..., Session]) -> None:
    """> The numbering is session-wide."""
    session = login(keys={"MaxConnections": "2"})
    second = session.add_connection()
    missing = session.numbering.take_cmd_sn(False)
    waiting = session.start(TestUnitReady(), connection=second)
    second.expect(expect.unanswered())
    session.command(TestUnitReady(), cmd_sn=missing).expect(expect.good())
    waiting.expect(expect.good())


@case("cmdsn-connections-02", "7143-4.2.2.1-01", "7143-4.2.2.1-12", needs="several-connections")
def test_connections_take_turns_in_one_sequence_of_numbers(login: Callable[..., Session]) -> None:
    """ExpCmdSN counts the commands of every connection, whichever it is reported on."""
    session = login(keys={"MaxConnections": "2"})
    second = session.add_connection()
    number = session.numbering.cmd_sn
    for turn in range(6):
        session.command(TestUnitReady(), connection=(session.connection, second)[turn & 1]).expect(expect.good())
    for connection in (session.connection, second):
        seen = session.nop(immediate=1, connection=connection).header.exp_cmd_sn
        assert seen == sn_add(number, 6), f"ExpCmdSN is {seen:#x} after six commands from {number:#x} on"
