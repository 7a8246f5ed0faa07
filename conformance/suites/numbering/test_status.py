from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from conformance.api import (
    CommandResult,
    Scratch,
    Session,
    TaskManagementFunction,
    TextRequest,
    case,
    expect,
    sn_add,
    variants,
)
from conformance.suites.blocks import ask_write, pattern, read_command, start_write, take_data_in
from conformance.suites.exchanges import NO_TASK
from iscsi_wire.scsi import TestUnitReady

_UNKNOWN_COMMAND = bytes([0xC7, 0, 0, 0, 0, 0])


def _ping(session: Session) -> int:
    return session.nop(b"ping").header.stat_sn


def _good(session: Session) -> int:
    return _stat_sn(session.command(TestUnitReady()).expect(expect.good()))


def _check_condition(session: Session) -> int:
    return _stat_sn(session.command(_UNKNOWN_COMMAND).expect(expect.check_condition()))


def _text(session: Session) -> int:
    session.send(TextRequest, data=b"SendTargets=\0")
    return session.expect(expect.text_response()).header.stat_sn


def _function(session: Session) -> int:
    return session.task_management(TaskManagementFunction.ABORT_TASK, referenced_task_tag=NO_TASK).header.stat_sn


def _stat_sn(result: CommandResult) -> int:
    assert result.header is not None, f"no status: {result}"
    return result.header.stat_sn


_RESPONSES: list[Callable[[Session], int]] = [_ping, _good, _check_condition, _text, _function]


@case("statsn-01", "7143-11.4.9-01", "7143-4.2.2.2-06", "7143-11.19.2-01")
@variants("issue", _RESPONSES, ids=["nop-in", "good", "check-condition", "text", "task-management"])
def test_every_kind_of_response_uses_up_one_stat_sn(session: Session, issue: Callable[[Session], int]) -> None:
    """> The StatSN is incremented by 1 for every response/status sent on a connection."""
    numbers = [_ping(session), issue(session), issue(session), _ping(session)]
    steps = [sn_add(after, -before) for before, after in pairwise(numbers)]
    assert steps == [1, 1, 1], f"StatSN goes on by {steps}"


@case("statsn-02", "7143-11.8.3-01")
def test_r2t_shows_the_next_stat_sn_and_does_not_use_it_up(session: Session, scratch: Scratch) -> None:
    """> The StatSN field will contain the next StatSN.  The StatSN for this connection is not advanced after this
    > PDU is sent.
    """
    task, r2t = ask_write(session, scratch, pattern(scratch.block_size))
    task.serve(r2t)
    header = task.expect(expect.good()).header
    assert header is not None
    assert r2t.header.stat_sn == header.stat_sn, f"R2T {r2t.header.stat_sn:#x}, then status {header.stat_sn:#x}"


@case("statsn-03", "7143-11.4.9-01", "7143-11.7.3-04")
def test_data_without_status_use_up_no_stat_sn(login: Callable[..., Session], scratch: Scratch) -> None:
    """> The fields StatSN, Status, and Residual Count only have meaningful content if the S bit is set to 1."""
    session = login(keys={"MaxRecvDataSegmentLength": "512"})
    before = session.nop().header.stat_sn
    length = 8 * scratch.block_size
    header = session.command(read_command(scratch, 8), read=length).expect(expect.good()).header
    assert header is not None
    assert header.stat_sn == sn_add(before, 1), f"status has StatSN {header.stat_sn:#x}, {before:#x} came before it"


@case("statsn-04", "7143-4.2.2.2-01", needs="several-connections")
def test_each_connection_counts_its_own_stat_sn(login: Callable[..., Session]) -> None:
    """> The StatSN is a counter maintained per connection."""
    session = login(keys={"MaxConnections": "2"})
    connections = (session.connection, session.add_connection())
    numbers: tuple[list[int], list[int]] = ([], [])
    for turn in (0, 0, 1, 0, 1, 1, 0, 1):
        numbers[turn].append(session.nop(connection=connections[turn]).header.stat_sn)
    for came in numbers:
        expected = [sn_add(came[0], step) for step in range(4)]
        assert came == expected, f"StatSN of one connection: {came}"


@case("datasn-01", "7143-4.2.2.4-02", "7143-4.2.2.4-01", "7143-11.7.5-01", "7143-11.7.1-02")
def test_data_sn_counts_the_data_in_of_a_command_from_zero(login: Callable[..., Session], scratch: Scratch) -> None:
    """> For input (read) data PDUs, the DataSN starts with 0 for the first data PDU of an input command and
    > advances by 1 for each subsequent data PDU.

    Several sequences do not begin anew.
    """
    session = login(keys={"MaxRecvDataSegmentLength": "512", "MaxBurstLength": "1024", "FirstBurstLength": "512"})
    for _ in range(2):
        task = session.start(read_command(scratch, 4096 // scratch.block_size), read=4096)
        numbers = [pdu.header.data_sn for pdu in take_data_in(task)]
        assert len(numbers) >= 8, f"4096 octets came in {len(numbers)} Data-In"
        assert numbers == list(range(len(numbers))), f"DataSN {numbers}"


@case("datasn-02", "7143-11.4.8-02", "7143-11.4.8-01")
def test_exp_data_sn_is_zero_without_data_in(session: Session, scratch: Scratch) -> None:
    """> This field MUST be 0 if the response code is not Command Completed at Target or the target sent no Data-In
    > PDUs for the command.
    """
    write = start_write(session, scratch, pattern(scratch.block_size))
    for result in (session.command(_UNKNOWN_COMMAND), session.command(TestUnitReady()), write.wait()):
        header = result.header
        assert header is not None, f"no status: {result}"
        seen = getattr(header, "exp_data_sn", None)
        assert seen == 0, f"ExpDataSN is {seen} without any Data-In"


@case("r2tsn-01", "7143-4.2.2.4-04", "7143-11.8.2-01", "7143-A.3.1-01")
def test_r2t_sn_counts_the_r2ts_of_a_command_from_zero(login: Callable[..., Session], scratch: Scratch) -> None:
    """> R2Ts are also sequenced per command.  For example, the first R2T has an R2TSN of 0 and advances by 1 for each
    > subsequent R2T.
    """
    session = login(keys={"MaxBurstLength": "1024", "FirstBurstLength": "512"})
    for seed in range(2):
        task = start_write(session, scratch, pattern(4096, seed))
        numbers = []
        for _ in range(4):
            r2t = task.next_r2t()
            numbers.append(r2t.header.r2t_sn)
            task.serve(r2t)
        assert numbers == [0, 1, 2, 3], f"R2TSN {numbers}"
        task.expect(expect.good())
