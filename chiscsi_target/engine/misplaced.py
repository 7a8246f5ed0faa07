"""Which finding a driver's call is that its command does not expect (behaviour file, 3.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiscsi_target.api.findings import FindingKind
from chiscsi_target.core.buffers import BUFFER_READY, EXECUTION_STATUS
from chiscsi_target.core.task import CLOSED, EXECUTING, R_XFER, STATUS, W_BUFFER_WAIT

if TYPE_CHECKING:
    from chiscsi_target.core.task import Task

__all__ = ["kind_of_misplaced"]


def kind_of_misplaced(task: Task, function: str) -> FindingKind:
    """What kind of mistake a refused call is."""
    if task.state == CLOSED:
        return FindingKind.DEAD_COMMAND
    if function == EXECUTION_STATUS:
        return FindingKind.DOUBLE_COMPLETION if _completed(task) else FindingKind.NOT_HELD
    if function != BUFFER_READY or not task.is_write or task.state >= STATUS:
        return FindingKind.WRONG_STATE
    return FindingKind.NOT_HELD


def _completed(task: Task) -> bool:
    """Whether a command that is with the stack was completed; a write whose buffers are filled was not."""
    if task.state == W_BUFFER_WAIT:
        return not task.phases
    return task.state >= STATUS or task.state in (EXECUTING, R_XFER)
