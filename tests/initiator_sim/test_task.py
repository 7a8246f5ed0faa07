"""Commands carried out whole, and step by step in a script's hands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from initiator_sim import ExpectationFailed, Received, Session, Silence, expect
from initiator_sim.mutations import set_fields
from iscsi_wire.constants import RESERVED_TAG
from iscsi_wire.pdus import DataIn, DataOut, ReadyToTransfer, Reject, ScsiCommand
from iscsi_wire.scsi import Read10, Write10
from tests.initiator_sim.fakes import Bench

PATTERN = bytes(range(251)) * 600


@pytest.fixture
def log_in(bench: Bench) -> Callable[..., Session]:
    def log_in(**keys: str) -> Session:
        return bench.initiator.login(keys=keys)

    return log_in


def data_outs(bench: Bench) -> list[tuple[int, int, int, int, int]]:
    """Tag of the R2T, offset, length, DataSN and F of each Data-Out."""
    return [
        (h.target_transfer_tag, h.buffer_offset, len(data), h.data_sn, h.final)
        for h, _, data in bench.peer.got
        if isinstance(h, DataOut)
    ]


@pytest.mark.parametrize("length", [512, 4096, 10240, 100352])
def test_a_read_brings_its_data(bench: Bench, log_in: Callable[..., Session], length: int) -> None:
    result = log_in().command(Read10.make(logical_block_address=3, transfer_length=length // 512), read=length)
    result.expect(expect.good(data=bytes(bench.peer.disk[1536 : 1536 + length])))
    assert (result.received, result.residual, result.sense, result.rejected) == (length, 0, None, None)


@pytest.mark.parametrize("immediate", ["Yes", "No"])
@pytest.mark.parametrize("initial_r2t", ["Yes", "No"])
@pytest.mark.parametrize("first_burst", ["512", "65536"])
@pytest.mark.parametrize("length", [512, 8192, 20480, 150528])
def test_a_write_brings_its_data(
    bench: Bench, log_in: Callable[..., Session], immediate: str, initial_r2t: str, first_burst: str, length: int
) -> None:
    session = log_in(ImmediateData=immediate, InitialR2T=initial_r2t, FirstBurstLength=first_burst)
    session.command(Write10.make(transfer_length=length // 512), write=PATTERN[:length]).expect(expect.good())
    assert bytes(bench.peer.disk[:length]) == PATTERN[:length]
    command, _, data = next(got for got in bench.peer.got if isinstance(got[0], ScsiCommand))
    unasked = [part for part in data_outs(bench) if part[0] == RESERVED_TAG]
    assert len(data) == (min(length, int(first_burst), 8192) if immediate == "Yes" else 0)
    sent = len(data) + sum(part[2] for part in unasked)
    assert sent == (min(length, int(first_burst)) if initial_r2t == "No" else len(data))
    assert command.final == int(not unasked)
    if unasked:
        assert [part[3] for part in unasked] == list(range(len(unasked)))
        assert [part[4] for part in unasked] == [0] * (len(unasked) - 1) + [1]


def test_data_out_are_no_longer_than_the_target_takes(bench: Bench, log_in: Callable[..., Session]) -> None:
    log_in(ImmediateData="No").command(bytes(16), write=PATTERN[:70000])
    assert {length for _, _, length, _, _ in data_outs(bench)} == {8192, 65536 % 8192 or 8192, 70000 - 65536}
    assert [sn for tag, _, _, sn, _ in data_outs(bench) if tag == 0x501] == [0]


def test_an_r2t_answered_by_hand(bench: Bench, log_in: Callable[..., Session]) -> None:
    task = log_in(ImmediateData="No").start(bytes(16), write=PATTERN[:1024])
    r2t = task.next_r2t()
    assert (r2t.header.buffer_offset, r2t.header.desired_data_transfer_length) == (0, 1024)
    task.data_out(r2t, data=PATTERN[:512], final=0)
    task.data_out(r2t, data=PATTERN[512:1024], buffer_offset=512, data_sn=1)
    task.expect(expect.good())
    assert bytes(bench.peer.disk[:1024]) == PATTERN[:1024]


def test_data_out_by_default_holds_what_was_asked_for(bench: Bench, log_in: Callable[..., Session]) -> None:
    task = log_in(ImmediateData="No").start(bytes(16), write=PATTERN[:20000])
    task.data_out(task.next_r2t(), set_fields(rsvd_2=1))
    assert data_outs(bench) == [(0x500, 0, 8192, 0, 1)]
    assert bench.peer.got[-1][2] == PATTERN[:8192]


def test_unsolicited_data_by_hand(bench: Bench, log_in: Callable[..., Session]) -> None:
    session = log_in(InitialR2T="No")
    task = session.start(bytes(16), write=PATTERN[:1024], immediate_data=0, unsolicited=0, final=0)
    task.data_out(data=PATTERN[:512], buffer_offset=0, final=0)
    task.data_out(data=PATTERN[512:1024], buffer_offset=512, data_sn=1)
    task.expect(expect.good())
    assert bytes(bench.peer.disk[:1024]) == PATTERN[:1024]


def test_a_command_can_be_followed_pdu_by_pdu(bench: Bench, log_in: Callable[..., Session]) -> None:
    task = log_in().start(Read10.make(transfer_length=12), read=6144)
    task.expect(expect.data_in(offset=0, final=0))
    task.expect(expect.data_in(offset=4096, final=1, data=bytes(bench.peer.disk[4096:6144])))
    task.expect(expect.any_of(expect.r2t(), expect.good()))
    assert task.result is not None
    assert task.wait() is task.result


def test_something_else_than_an_r2t(bench: Bench, log_in: Callable[..., Session]) -> None:
    task = log_in().start(bytes(16), read=512)
    with pytest.raises(ExpectationFailed, match="expected: R2T"):
        task.next_r2t()


def test_a_command_that_nobody_answers(bench: Bench, log_in: Callable[..., Session]) -> None:
    session = log_in()
    bench.peer.handlers.pop(ScsiCommand)
    result = session.command(bytes(16))
    assert result.ending == Silence(5)
    assert (result.status, result.response, result.header) == (None, None, None)


def test_a_rejected_command(bench: Bench, log_in: Callable[..., Session]) -> None:
    session = log_in()
    bench.peer.handlers[ScsiCommand] = lambda header, _: bench.peer.say(Reject, header.encode(), reason=9)
    result = session.command(bytes(16))
    result.expect(expect.rejected({9}))
    assert result.rejected is result.ending


def test_a_rejected_data_out_does_not_end_its_command(bench: Bench, log_in: Callable[..., Session]) -> None:
    def refuse(header: Any, _data: bytes) -> None:
        bench.peer.say(Reject, header.encode(), reason=4)
        bench.peer.status(header.initiator_task_tag, 2, bytes([0, 18]) + bytes(18))

    session = log_in(ImmediateData="No")
    bench.peer.handlers[DataOut] = refuse
    result = session.command(bytes(16), write=PATTERN[:512])
    result.expect(expect.check_condition())
    assert [reject.header.reason for reject in result.rejects] == [4]


def test_commands_at_once_do_not_mix(bench: Bench, log_in: Callable[..., Session]) -> None:
    session = log_in()
    tasks = [session.start(Read10.make(logical_block_address=n, transfer_length=1), read=512) for n in range(4)]
    for number, task in reversed(list(enumerate(tasks))):
        task.expect(expect.good(data=bytes(bench.peer.disk[number * 512 : (number + 1) * 512])))
    assert [task.cmd_sn for task in tasks] == [1, 2, 3, 4]
    assert session.connection.live_tags == set()


def test_input_out_of_order_is_put_together(bench: Bench, log_in: Callable[..., Session]) -> None:
    session = log_in(DataPDUInOrder="No", DataSequenceInOrder="No")

    def backwards(header: Any, _data: bytes) -> None:
        tag = header.initiator_task_tag
        bench.peer.say(DataIn, b"5678", initiator_task_tag=tag, buffer_offset=4, final=0)
        bench.peer.say(DataIn, b"1234", initiator_task_tag=tag, data_sn=1, final=1, status_present=1)

    bench.peer.handlers[ScsiCommand] = backwards
    session.command(bytes(16), read=8).expect(expect.good(data=b"12345678"))


def test_a_bidirectional_command(bench: Bench, log_in: Callable[..., Session]) -> None:
    session = log_in()

    def begin(header: Any, _data: bytes) -> None:
        tag = header.initiator_task_tag
        bench.peer.say(DataIn, b"abcd", initiator_task_tag=tag, final=1)
        bench.peer.say(
            ReadyToTransfer,
            initiator_task_tag=tag,
            target_transfer_tag=1,
            r2t_sn=1,
            desired_data_transfer_length=8,
        )

    bench.peer.handlers[ScsiCommand] = begin
    bench.peer.handlers[DataOut] = lambda header, data: bench.peer.status(header.initiator_task_tag)
    result = session.command(bytes(16), read=4, write=b"12345678", immediate_data=0)
    result.expect(expect.good(data=b"abcd"))
    command, ahs, _ = next(got for got in bench.peer.got if isinstance(got[0], ScsiCommand))
    assert (command.read, command.write, command.expected_data_transfer_length) == (1, 1, 8)
    assert ahs == bytes.fromhex("0005020000000004")


def test_a_response_is_recorded_with_its_command(bench: Bench, log_in: Callable[..., Session]) -> None:
    result = log_in().command(bytes(16))
    assert isinstance(result.ending, Received)
    assert result.ending.record in bench.initiator.exchange.records
    assert str(result).startswith("SCSI Response")


def test_a_command_is_followed_by_the_tag_that_was_sent(bench: Bench, log_in: Callable[..., Session]) -> None:
    task = log_in().start(Read10.make(transfer_length=1), set_fields(initiator_task_tag=0x4444, lun=0), read=512, lun=3)
    assert (task.tag, task.lun) == (0x4444, 0)
    task.expect(expect.good())


def test_a_command_altered_into_another_pdu_is_followed_by_its_tag(
    bench: Bench, log_in: Callable[..., Session]
) -> None:
    task = log_in().start(bytes(16), set_fields(opcode=0x1E, immediate=1))
    assert task.tag == task.sent.header.initiator_task_tag
    assert task.wait().ending == Silence(5)
