"""Which fields of a command are the stack's, and what a storage driver has made of them.

Guide, 7.3.5.1: "Most of them are read-only except when marked as writeable in the following sections."
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from chiscsi_target.api.constants import (
    SC_FLAG_IMMEDIATE_CMD,
    SC_FLAG_LUN_ACL_R,
    SC_FLAG_LUN_ACL_W,
    SC_FLAG_LUN_OOR,
    SC_FLAG_READ,
    SC_FLAG_WRITE,
    SC_FLAG_XFER_UNDERFLOW,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chiscsi_target.core.task import Task

__all__ = ["FIXED_FLAGS", "READ_ONLY", "Owned", "owned_by_stack", "trouble_with_length", "written_over"]

READ_ONLY: Final = (
    "sc_attribute",
    "sc_cmd",
    "sc_CmdSN",
    "sc_conn",
    "sc_ieps",
    "sc_itt",
    "sc_lun",
    "sc_sess",
    "sc_tclass_sess_priv",
)
"""The fields that the stack fills when the command arrives, and nobody writes afterwards."""
FIXED_FLAGS: Final = (
    SC_FLAG_READ | SC_FLAG_WRITE | SC_FLAG_IMMEDIATE_CMD | SC_FLAG_LUN_ACL_R | SC_FLAG_LUN_ACL_W | SC_FLAG_LUN_OOR
)
"""The bits of `sc_flag` that are known before the driver sees the command, and stay."""
_DETACHED: Final = ("sc_conn", "sc_sess")  # by the stack itself, when their session is gone (behaviour file, 1.7)

Owned = dict[str, Any]
"""What the stack has put into the fields that are its own, by their names."""


def owned_by_stack(task: Task) -> Owned:
    """The values of these fields now."""
    return {**{name: getattr(task, name) for name in READ_ONLY}, "sc_flag": task.sc_flag & FIXED_FLAGS}


def written_over(task: Task, owned: Owned) -> Iterator[str]:
    """The fields that are not what they were when this was asked last; `owned` is brought up to date."""
    for name, value in owned_by_stack(task).items():
        was, owned[name] = owned[name], value
        if not _same(value, was) and not (value is None and name in _DETACHED):
            yield name


def trouble_with_length(task: Task) -> str:
    """What is wrong with the transfer length that a driver has set; "" for nothing (guide 7.3.5.1, Underflow)."""
    if task.sc_xfer_len > task.edtl:
        return f"sc_xfer_len was raised from {task.edtl} to {task.sc_xfer_len}"
    if task.sc_xfer_len < task.edtl and not task.sc_flag & SC_FLAG_XFER_UNDERFLOW:
        return f"sc_xfer_len was lowered from {task.edtl} to {task.sc_xfer_len} without SC_FLAG_XFER_UNDERFLOW"
    return ""


def _same(value: object, right: object) -> bool:
    """Whether a field is as it was; what a driver returned from `fp_session_added` may compare in its own way."""
    plain = isinstance(right, int | bytes) and type(value) is type(right)
    return value is right or (plain and value == right)
