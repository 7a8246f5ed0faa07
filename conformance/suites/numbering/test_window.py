from __future__ import annotations

from conformance.api import Scratch, Session, case, expect, sn_add, sn_diff, variants
from conformance.suites.blocks import contents, fill, pattern, start_write
from iscsi_wire.scsi import TestUnitReady

_AT_MOST = 255


@case("cmdsn-window-01", "7143-4.2.2.1-17")
def test_command_beyond_max_cmd_sn_gets_no_answer(session: Session) -> None:
    """> For non-immediate commands, the CmdSN field can take any value from ExpCmdSN to MaxCmdSN inclusive.
    > The target MUST silently ignore any non-immediate command outside of this range.
    """
    beyond = sn_add(session.numbering.max_cmd_sn, 1)
    session.start(TestUnitReady(), cmd_sn=beyond)
    session.expect(expect.silently_ignored())
    session.command(TestUnitReady()).expect(expect.good())


@case("cmdsn-window-02", "7143-4.2.2.1-17")
@variants("distance", [-1, -1000], ids=["just-below", "far-below"])
def test_command_below_exp_cmd_sn_gets_no_answer(session: Session, distance: int) -> None:
    """> The target MUST silently ignore any non-immediate command outside of this range."""
    session.start(TestUnitReady(), cmd_sn=sn_add(session.numbering.cmd_sn, distance))
    session.expect(expect.silently_ignored())
    session.command(TestUnitReady()).expect(expect.good())


@case("cmdsn-window-03", "7143-4.2.2.1-17")
def test_write_outside_the_window_has_no_effect(session: Session, scratch: Scratch) -> None:
    """A command that is silently ignored is not executed either."""
    before, never = pattern(scratch.block_size, 1), pattern(scratch.block_size, 2)
    fill(session, scratch, before)
    beyond = sn_add(session.numbering.max_cmd_sn, 1)
    start_write(session, scratch, never, cmd_sn=beyond, immediate_data=len(never))
    session.expect(expect.silently_ignored())
    found = contents(session, scratch, 1)
    assert found == before, "the block holds something else than before"


@case("cmdsn-window-04", "7143-4.2.2.1-14", "7143-4.2.2.1-09")
def test_whole_window_waits_behind_one_hole(session: Session) -> None:
    """> The queuing capacity of the receiving iSCSI layer is MaxCmdSN - ExpCmdSN + 1.

    So much may wait for one missing command, and none of it is lost.
    """
    numbering = session.numbering
    missing = numbering.cmd_sn
    room = min(sn_diff(numbering.max_cmd_sn, missing), _AT_MOST)
    waiting = [session.start(TestUnitReady(), cmd_sn=sn_add(missing, 1 + number)) for number in range(room)]
    first = session.start(TestUnitReady(), cmd_sn=missing)
    for task in (first, *waiting):
        task.expect(expect.any_of(expect.good(), expect.status(0x08, 0x28)))
    numbering.cmd_sn = sn_add(missing, 1 + room)
    session.command(TestUnitReady()).expect(expect.good())


@case("cmdsn-window-05", "7143-4.2.2.1-16", "7143-11.4.10-01")
def test_max_cmd_sn_is_never_behind_exp_cmd_sn_by_more_than_one(session: Session) -> None:
    """> The target MUST NOT transmit a MaxCmdSN that is less than ExpCmdSN - 1."""
    tasks = [session.start(TestUnitReady()) for _ in range(8)]
    headers = [session.nop(b"between").header, *(task.wait().header for task in tasks), session.nop().header]
    for header in headers:
        assert header is not None, "a command got no status"
        ahead = sn_diff(header.max_cmd_sn, header.exp_cmd_sn)
        assert ahead >= -1, f"MaxCmdSN {header.max_cmd_sn:#x} with ExpCmdSN {header.exp_cmd_sn:#x}"


@case("cmdsn-window-06", "7143-4.2.2.1-18")
def test_second_command_with_the_same_number_is_dropped(session: Session) -> None:
    """> The target MUST silently ignore any non-immediate command outside of this range or non-immediate
    > duplicates within the range.
    """
    missing = session.numbering.cmd_sn
    wanted = session.start(TestUnitReady(), cmd_sn=sn_add(missing, 1))
    session.start(TestUnitReady(), cmd_sn=sn_add(missing, 1))
    session.expect(expect.silently_ignored())
    session.command(TestUnitReady()).expect(expect.good())
    wanted.expect(expect.good())
    session.numbering.take_cmd_sn(False)
    session.command(TestUnitReady()).expect(expect.good())


@case("cmdsn-window-07", "7143-4.2.2.1-17", "7143-4.2.2.1-28")
def test_retry_of_a_command_under_way_is_ignored(session: Session, scratch: Scratch) -> None:
    """A retry of a command whose CmdSN was acknowledged lies outside the window: one task, one answer."""
    data = pattern(scratch.block_size, 3)
    task = start_write(session, scratch, data)
    r2t = task.next_r2t()
    session.send(task.sent)
    session.expect(expect.unanswered())
    task.serve(r2t)
    task.expect(expect.good())
    session.connection.never_answered(task.tag)
    assert contents(session, scratch, 1) == data, "the block holds something else than was written"
