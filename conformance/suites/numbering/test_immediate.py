from __future__ import annotations

from typing import Any

from conformance.api import (
    Initiator,
    NopOut,
    Session,
    TaskManagementFunction,
    TaskManagementRequest,
    Unsupported,
    case,
    expect,
    settle,
    sn_add,
    sn_diff,
    variants,
)
from conformance.suites.exchanges import NO_TASK
from iscsi_wire.scsi import TestUnitReady

_AT_MOST = 255


@case("cmdsn-immediate-01", "7143-4.2.2.1-12", "7143-4.2.2.1-24")
def test_immediate_command_uses_up_no_cmd_sn(session: Session) -> None:
    """> The CmdSN MUST NOT advance after a command marked for immediate delivery is sent."""
    number = session.numbering.cmd_sn
    header = session.command(TestUnitReady(), immediate=1).expect(expect.good()).header
    assert header is not None
    assert header.exp_cmd_sn == number, f"ExpCmdSN is {header.exp_cmd_sn:#x}, and {number:#x} was not used up"
    session.command(TestUnitReady()).expect(expect.good())


@case("cmdsn-immediate-02", "7143-4.2.2.1-19")
@variants("distance", [-1, 1, 1000], ids=["below", "above", "far-above"])
def test_immediate_command_outside_the_window_is_executed(session: Session, distance: int) -> None:
    """> The CmdSN carried by immediate commands may lie outside the ExpCmdSN-to-MaxCmdSN range."""
    numbering = session.numbering
    outside = sn_add(numbering.exp_cmd_sn if distance < 0 else numbering.max_cmd_sn, distance)
    session.command(TestUnitReady(), immediate=1, cmd_sn=outside).expect(expect.good())
    session.command(TestUnitReady()).expect(expect.good())


@case("cmdsn-immediate-03", "7143-4.2.2.1-19", "7143-4.2.2.1-14")
def test_immediate_ping_passes_a_window_that_is_full(session: Session) -> None:
    """> For example, if the initiator has previously sent a non-immediate command carrying the CmdSN equal to the
    > MaxCmdSN, the target window is closed.
    """
    missing, last = session.numbering.cmd_sn, session.numbering.max_cmd_sn
    room = sn_diff(last, missing)
    if room > _AT_MOST:
        raise Unsupported(f"a window of {room + 1} commands is too wide to be filled")
    waiting = [session.start(TestUnitReady(), cmd_sn=sn_add(missing, 1 + number)) for number in range(room)]
    session.nop(b"urgent", immediate=1, cmd_sn=sn_add(last, 1))
    for task in (session.start(TestUnitReady(), cmd_sn=missing), *waiting):
        task.expect(expect.any_of(expect.good(), expect.status(0x08, 0x28)))


@case("cmdsn-immediate-04", "7143-4.2.2.1-08")
def test_immediate_ping_and_immediate_function_are_taken_together(session: Session) -> None:
    """> An iSCSI target MUST be able to handle at least one immediate task management command and one immediate
    > non-task-management iSCSI command per connection at any time.
    """
    abort: dict[str, Any] = {"function": TaskManagementFunction.ABORT_TASK, "referenced_task_tag": NO_TASK}
    with session.connection.held():
        ping = session.send(NopOut, immediate=1, data=b"both").header.initiator_task_tag
        function = session.send(TaskManagementRequest, immediate=1, **abort).header.initiator_task_tag
    answers = [session.receive() for _ in range(2)]
    tags = {getattr(getattr(answer, "header", None), "initiator_task_tag", None) for answer in answers}
    assert tags == {ping, function}, " and ".join(map(str, answers))


@case("cmdsn-immediate-05", "7143-4.2.2.1-07", "7143-11.17.1-05")
def test_many_immediate_commands_are_executed_or_rejected(session: Session) -> None:
    """> An iSCSI target MAY reject immediate commands, e.g., due to lack of resources.

    The reason is then 0x06, and the session goes on.
    """
    with session.connection.held():
        tasks = [session.start(TestUnitReady(), immediate=1) for _ in range(40)]
    for task in tasks:
        task.expect(expect.any_of(expect.good(), expect.rejected(0x06), expect.status(0x08, 0x28)))
    session.command(TestUnitReady()).expect(expect.good())


def _login_at(initiator: Initiator, cmd_sn: int) -> Session:
    """Log in with an initial CmdSN, and get the LUN ready."""
    session = initiator.session()
    session.numbering.cmd_sn = cmd_sn
    session.login()
    settle(session)
    return session


@case("cmdsn-wrap-01", "7143-4.2.2.1-01")
def test_cmd_sn_wraps_to_zero(initiator: Initiator) -> None:
    """> CmdSNs use Serial Number Arithmetic as defined in [RFC1982] where SERIAL_BITS = 32."""
    session = _login_at(initiator, 0xFFFFFFF8)
    for _ in range(12):
        session.command(TestUnitReady()).expect(expect.good())
    assert session.numbering.cmd_sn < 0x100, "the case did not come past 2^32"
    seen = session.nop(immediate=1).header.exp_cmd_sn
    assert seen == session.numbering.cmd_sn, f"ExpCmdSN is {seen:#x}, not {session.numbering.cmd_sn:#x}"


def _login_before_wrap(initiator: Initiator) -> Session:
    """Log in, and go on until the next CmdSN is 0xffffffff."""
    session = _login_at(initiator, 0xFFFFFFF0)
    while session.numbering.cmd_sn != 0xFFFFFFFF:
        session.command(TestUnitReady()).expect(expect.good())
    return session


@case("cmdsn-wrap-02", "7143-4.2.2.1-01", "7143-4.2.2.1-09")
def test_command_zero_waits_for_the_command_before_it(initiator: Initiator) -> None:
    """CmdSN 0 follows 0xffffffff: it waits until that has come."""
    session = _login_before_wrap(initiator)
    zero = session.start(TestUnitReady(), cmd_sn=0)
    session.expect(expect.unanswered())
    session.command(TestUnitReady()).expect(expect.good())
    zero.expect(expect.good())
    session.numbering.take_cmd_sn(False)
    session.command(TestUnitReady()).expect(expect.good())


@case("cmdsn-wrap-03", "7143-4.2.2.1-01", "7143-4.2.2.1-17")
def test_command_below_the_window_is_ignored_across_the_wrap(initiator: Initiator) -> None:
    """After the wrap 0xffffffff lies below ExpCmdSN, however big a number it is."""
    session = _login_before_wrap(initiator)
    for _ in range(3):
        session.command(TestUnitReady()).expect(expect.good())
    session.start(TestUnitReady(), cmd_sn=0xFFFFFFFF)
    session.expect(expect.silently_ignored())
    session.command(TestUnitReady()).expect(expect.good())


@case("cmdsn-initial-01", "7143-4.2.2.1-12", "7143-4.2.2.1-24")
@variants("number", [0, 1, 0x7FFFFFFF, 0x80000000], ids=["zero", "one", "half", "upper-half"])
def test_numbering_begins_with_the_cmd_sn_of_the_login(initiator: Initiator, number: int) -> None:
    """> Command numbering starts with the first Login Request on the first connection of a session."""
    session = initiator.session()
    session.numbering.cmd_sn = number
    session.login()
    seen = session.numbering.exp_cmd_sn
    assert seen == number, f"ExpCmdSN is {seen:#x} after a login with CmdSN {number:#x}"
    session.command(TestUnitReady())
    seen = session.nop(immediate=1).header.exp_cmd_sn
    assert seen == sn_add(number, 1), f"ExpCmdSN is {seen:#x} after the first command, {number:#x}"
