"""Responses of functions on several tasks wait for what went out on other connections (RFC 7143, 4.2.3.3 d)."""

from __future__ import annotations

import pytest

from iscsi_wire.constants import RESERVED_TAG
from iscsi_wire.constants import TaskManagementFunction as Function
from iscsi_wire.constants import TaskManagementResponseCode as Response
from iscsi_wire.pdus import DataIn, NopIn, NopOut, TaskManagementResponse
from tests.chiscsi_target.bench import LENGTH, Bench
from tests.chiscsi_target.peer import Peer, read10


class Two:
    """A session of two connections; on the further one a read has been answered, and the answer not acknowledged."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.further: Peer = self.bench.stand.join(self.bench.peer)
        self.further.cmd_sn = self.bench.peer.cmd_sn
        request = self.further.command(read10(0, 8), LENGTH)
        self.bench.peer.cmd_sn = self.further.cmd_sn
        assert self.bench.driver.complete(self.bench.scsi_command(request), b"z" * LENGTH) == 0
        self.answer = self.further.take(DataIn)[0]

    def ask(self, function: Function) -> None:
        self.bench.peer.manage(function)
        self.bench.driver.answer(Response.FUNCTION_COMPLETE)

    def acknowledge(self, ping: NopIn, exp_stat_sn: int) -> None:
        self.further.send(
            NopOut.make(
                immediate=1,
                initiator_task_tag=RESERVED_TAG,
                target_transfer_tag=ping.target_transfer_tag,
                cmd_sn=self.bench.peer.cmd_sn,
                exp_stat_sn=exp_stat_sn,
            )
        )


def test_it_waits_for_the_acknowledgment_and_asks_for_it() -> None:
    two = Two()
    two.ask(Function.LOGICAL_UNIT_RESET)
    assert two.bench.peer.silent()
    ping = two.further.take(NopIn)[0]
    two.acknowledge(ping, two.answer.stat_sn)
    assert two.bench.peer.silent()
    two.acknowledge(ping, two.answer.stat_sn + 1)
    assert two.bench.peer.take(TaskManagementResponse)[0].response == Response.FUNCTION_COMPLETE


def test_a_connection_that_goes_is_waited_for_no_longer() -> None:
    two = Two()
    two.ask(Function.ABORT_TASK_SET)
    assert two.bench.peer.silent()
    two.bench.stand.pipe(two.further).close()
    assert two.bench.peer.take(TaskManagementResponse)[0].response == Response.FUNCTION_COMPLETE


def test_the_connection_that_asked_goes() -> None:
    two = Two()
    two.ask(Function.ABORT_TASK_SET)
    assert two.bench.peer.silent()
    two.bench.stand.pipe(two.bench.peer).close()
    two.acknowledge(two.further.take(NopIn)[0], two.answer.stat_sn + 1)
    assert two.further.silent()
    assert not two.bench.stand.session(two.further).fences


@pytest.mark.parametrize("function", [Function.ABORT_TASK_SET, Function.TARGET_COLD_RESET])
def test_what_is_acknowledged_is_not_waited_for(function: Function) -> None:
    two = Two()
    two.further.send(
        NopOut.make(
            immediate=1,
            initiator_task_tag=RESERVED_TAG,
            target_transfer_tag=RESERVED_TAG,
            cmd_sn=two.bench.peer.cmd_sn,
            exp_stat_sn=two.answer.stat_sn + 1,
        )
    )
    two.ask(function)
    assert two.bench.peer.take(TaskManagementResponse)[0].response == Response.FUNCTION_COMPLETE
