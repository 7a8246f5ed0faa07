"""Task attributes: who waits for whom."""

from __future__ import annotations

from chiscsi_target.api import (
    ISCSI_TASK_ATTRIBUTES_HEAD_OF_QUEUE,
    ISCSI_TASK_ATTRIBUTES_ORDERED,
    ISCSI_TASK_ATTRIBUTES_SIMPLE,
    chiscsi_scsi_command,
)
from chiscsi_target.drivers.samples.command_order import CommandOrder
from tests.chiscsi_target.fakes import FakeStack
from tests.chiscsi_target.scripted import HoldingDriver

SIMPLE, ORDERED = ISCSI_TASK_ATTRIBUTES_SIMPLE, ISCSI_TASK_ATTRIBUTES_ORDERED


def command(attribute: int) -> chiscsi_scsi_command:
    return chiscsi_scsi_command(FakeStack(HoldingDriver()), bytes(16), 0, 1, 1, 0, 1, attribute)


def test_an_ordered_command_waits_and_is_waited_for() -> None:
    begun: list[chiscsi_scsi_command] = []
    order = CommandOrder(begun.append)
    before, other, ordered, behind = command(SIMPLE), command(SIMPLE), command(ORDERED), command(SIMPLE)
    assert [order.enter(sc) for sc in (before, other, ordered, behind)] == [True, True, False, False]
    order.leave(before)
    assert begun == []
    order.leave(other)
    assert begun == [ordered]
    order.leave(ordered)
    assert begun == [ordered, behind]


def test_a_command_that_waits_may_be_aborted() -> None:
    begun: list[chiscsi_scsi_command] = []
    order = CommandOrder(begun.append)
    first, second, third = command(ORDERED), command(ORDERED), command(SIMPLE)
    assert [order.enter(sc) for sc in (first, second, third)] == [True, False, False]
    order.leave(second)
    order.leave(first)
    assert begun == [third]


def test_head_of_queue_waits_for_nobody() -> None:
    order = CommandOrder(lambda sc: None)
    assert order.enter(command(ORDERED))
    assert order.enter(command(ISCSI_TASK_ATTRIBUTES_HEAD_OF_QUEUE))
    assert not order.enter(command(SIMPLE))
