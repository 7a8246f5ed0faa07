"""A LUN's queue: in order, one at a time, with and without a thread; jobs may put jobs, and can be dropped."""

from __future__ import annotations

from threading import Event
from typing import Any

import pytest

from chiscsi_target.api import chiscsi_scsi_command
from chiscsi_target.drivers.samples.lun_queue import LunQueue
from tests.chiscsi_target.fakes import FakeStack
from tests.chiscsi_target.scripted import HoldingDriver

PATIENCE = 10


def command(number: int) -> chiscsi_scsi_command:
    return chiscsi_scsi_command(FakeStack(HoldingDriver()), bytes(16), 0, number, number, 0, 1)


@pytest.mark.parametrize("threaded", [False, True], ids=["at-once", "thread"])
def test_jobs_are_done_in_order_and_may_put_others(threaded: bool) -> None:
    queue, done, finished = LunQueue(threaded=threaded), [], Event()

    def job(sc: chiscsi_scsi_command) -> None:
        done.append(sc.sc_itt)
        if sc.sc_itt < 5:
            queue.put(command(sc.sc_itt + 1), job)
            done.append(-sc.sc_itt)
        else:
            finished.set()

    queue.put(command(1), job)
    assert finished.wait(PATIENCE)
    assert done == [1, -1, 2, -2, 3, -3, 4, -4, 5]


def test_a_command_can_be_given_up_until_it_runs() -> None:
    queue, begun, go_on, done = LunQueue(threaded=True), Event(), Event(), Event()
    first, second = command(1), command(2)
    ran: list[Any] = []

    def slow(sc: chiscsi_scsi_command) -> None:
        begun.set()
        go_on.wait(PATIENCE)

    queue.put(first, slow)
    queue.put(second, ran.append)
    assert begun.wait(PATIENCE)
    assert not queue.give_up(first)
    assert queue.give_up(second)
    go_on.set()
    queue.put(first, lambda sc: done.set())
    assert done.wait(PATIENCE)
    assert not ran


def test_a_job_that_raises_does_not_stop_the_next() -> None:
    queue = LunQueue()
    ran: list[chiscsi_scsi_command] = []

    def broken(sc: chiscsi_scsi_command) -> None:
        raise OSError("no medium")

    with pytest.raises(OSError, match="no medium"):
        queue.put(command(1), broken)
    queue.put(command(2), ran.append)
    assert len(ran) == 1
