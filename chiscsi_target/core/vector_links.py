"""What the stack writes into a driver's vectors while it has them: where they lie, and what comes next.

Behaviour file, 3.1: `sg_boff` is a vector's offset in the whole transfer, `sg_next` chains the vectors over all phases,
and the first and last vector of each phase carry LISTHEAD and LISTTAIL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiscsi_target.api.constants import CHISCSI_SG_LISTHEAD, CHISCSI_SG_LISTTAIL
from chiscsi_target.core.buffers import plainly_right, vectors

if TYPE_CHECKING:
    from chiscsi_target.api.sgvec import SgList, chiscsi_sgvec
    from chiscsi_target.core.task import Task

__all__ = ["link", "plainly_right_and_linked"]

_ENDS = CHISCSI_SG_LISTHEAD | CHISCSI_SG_LISTTAIL


def link(task: Task, buf: SgList, sgcnt: int, offset: int) -> None:
    """Number and chain the vectors of a phase that was taken; called before it joins `task.phases`."""
    if not sgcnt:
        return
    previous = _last_vector(task)
    listed = vectors(buf, sgcnt)
    for vector in listed:
        vector.sg_boff = offset
        vector.sg_flag &= ~_ENDS
        vector.sg_next = None
        offset += vector.sg_length
        if previous is not None:
            previous.sg_next = vector
        previous = vector
    if listed:
        listed[0].sg_flag |= CHISCSI_SG_LISTHEAD
        listed[-1].sg_flag |= CHISCSI_SG_LISTTAIL


def _last_vector(task: Task) -> chiscsi_sgvec | None:
    """The end of the chain, as far as the stack still has it."""
    for buf, sgcnt, _, _ in reversed(task.phases):
        if sgcnt and (listed := vectors(buf, sgcnt)):
            return listed[-1]
    return None


def plainly_right_and_linked(task: Task, buf: SgList | None, sgcnt: int, offset: int, buflen: int) -> bool:
    """As `plainly_right`, for drivers that can see what is written into their vectors."""
    if not plainly_right(task, buf, sgcnt, offset, buflen):
        return False
    assert buf is not None
    link(task, buf, sgcnt, offset)
    return True
