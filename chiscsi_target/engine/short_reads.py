"""Short reads in release 3.14 (behaviour file, 3.5 and 3.6, the quirk `read_underflow_unchecked`).

The module does not ask for a flag. It compares what `sc_blk_cnt` says with the Expected Data Transfer Length: if that
is less, the command ends after the first call, with that difference as its residual; else further buffers are awaited.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiscsi_target.api.constants import SC_FLAG_XFER_UNDERFLOW
from chiscsi_target.core.task import Task
from chiscsi_target.engine.completions import OVER_OR_UNDER, LinkingCompletions
from chiscsi_target.engine.phased_completions import PhasedCompletions

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.api.sgvec import SgList

__all__ = ["ShortReadCompletions", "ShortReadPhasedCompletions"]

_BLOCK = 512


def _is_short(task: Task, offset: int, buflen: int) -> bool:
    """Whether a read is completed with less than was asked for, and nothing said of it."""
    flagged = task.sc_status or task.sc_flag & OVER_OR_UNDER
    return not (task.is_write or flagged) and offset + buflen < task.sc_xfer_len


def _ends_here(task: Task) -> bool:
    """Whether `sc_blk_cnt` says that there is no more; the command is marked then."""
    told = task.sc_blk_cnt * _BLOCK
    if told >= task.sc_xfer_len:
        return False
    task.sc_flag |= SC_FLAG_XFER_UNDERFLOW
    task.sc_xfer_residualcount = task.sc_xfer_len - told
    return True


class ShortReadCompletions(LinkingCompletions):
    """The `CommandStack` of single-phase pass-through commands."""

    def execution_status(
        self, scmd: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int
    ) -> int:
        """See `chiscsi_scsi_cmd_execution_status`."""
        assert isinstance(scmd, Task)
        waits = _is_short(scmd, offset, buflen) and not _ends_here(scmd)
        result = super().execution_status(scmd, buf, sgcnt, offset, buflen)
        if waits and result == 0:
            # The driver owes another call.
            scmd.held = True
        return result

    def _in_phases(self, task: Task) -> bool:
        return not task.is_write


class ShortReadPhasedCompletions(PhasedCompletions):
    """The `CommandStack` of multi-phase commands."""

    def execution_status(
        self, scmd: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int
    ) -> int:
        """See `chiscsi_scsi_cmd_execution_status`."""
        assert isinstance(scmd, Task)
        if _is_short(scmd, offset, buflen):
            _ends_here(scmd)
        return super().execution_status(scmd, buf, sgcnt, offset, buflen)
