"""The data path fails (behaviour file, 5.3): a driver's memory cannot be read or written after all.

Its vectors were wrong from the start, or the driver has changed them since. That costs the command, and nothing else:
CMD_ABORT, MEDIUM ERROR, and `fp_scsi_cmd_abort`, which the driver answers before the status goes out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.api.constants import SC_FLAG_CMD_ABORT
from chiscsi_target.core import buffers
from chiscsi_target.core.agenda import INFORMATION

if TYPE_CHECKING:
    from chiscsi_target.core.task import Task

__all__ = ["INTERNAL_FAILURE", "READ_ERROR", "WRITE_ERROR", "fail", "give_up", "scatter"]

# Behaviour file, 3.8: key, additional sense code, qualifier.
WRITE_ERROR: Final = (0x03, 0x0C, 0x00)
READ_ERROR: Final = (0x03, 0x11, 0x00)
INTERNAL_FAILURE: Final = (0x0B, 0x44, 0x00)


def fail(task: Task, reason: object) -> None:
    """Have a command end because of its buffers; `reason` goes to the log."""
    task.connection.agenda.log(INFORMATION, str(reason), task.connection.name)
    give_up(task)


def give_up(task: Task) -> None:
    """Have a command end because of its buffers, when the log says already why."""
    task.sc_flag |= SC_FLAG_CMD_ABORT
    task.doom(WRITE_ERROR if task.is_write else READ_ERROR)


def scatter(task: Task, offset: int, data: bytes | memoryview) -> None:
    """Put data that arrived where they belong; when that is not possible, the data path has failed."""
    try:
        buffers.scatter(task.phases, offset, data)
    except buffers.CHANGED as error:
        unreachable = buffers.find_unreachable(task.phases, offset)
        fail(task, unreachable or f"{task.name}, {error}.")
        if unreachable and task.connection.agenda.quirks.no_copy_closes:
            task.connection.drop("data that can neither be placed nor copied")
