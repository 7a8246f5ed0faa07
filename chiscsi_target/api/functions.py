"""The functions that a storage driver calls for a command (guide 5.2.4 and 7.3.5).

They may be called inside a hook, later, or from another thread. All do the minimum and return: 0, or a negative
`ReturnCode`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiscsi_target.api.constants import ReturnCode
from chiscsi_target.api.stack import stack_of

if TYPE_CHECKING:
    from chiscsi_target.api.lun_class import TmfHandle
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.api.sgvec import SgList


def chiscsi_scsi_cmd_buffer_ready(
    scmd: chiscsi_scsi_command,
    sc_xfer_sreq_buf: SgList | None,
    sc_xfer_sgcnt: int,
    sc_xfer_offset: int,
    sc_xfer_buflen: int,
) -> int:
    """Hand over the buffers that a write's data is to go to.

    Args:
        scmd: the command.
        sc_xfer_sreq_buf: the vectors; they and their memory belong to the stack until they are handed back.
        sc_xfer_sgcnt: number of vectors; 0 when `sc_xfer_sreq_buf` is the memory itself.
        sc_xfer_offset: where the buffers begin in the whole transfer, in octets.
        sc_xfer_buflen: length of the buffers together, in octets.

    Returns:
        0, or -EINVAL with the message of Appendix D.
    """
    return scmd._stack.buffer_ready(scmd, sc_xfer_sreq_buf, sc_xfer_sgcnt, sc_xfer_offset, sc_xfer_buflen)


def chiscsi_scsi_cmd_execution_status(
    scmd: chiscsi_scsi_command,
    sc_xfer_sreq_buf: SgList | None,
    sc_xfer_sgcnt: int,
    sc_xfer_offset: int,
    sc_xfer_buflen: int,
) -> int:
    """Complete a command's execution, with the status in `scmd`; for a read, hand over the data to be sent.

    Args and result as `chiscsi_scsi_cmd_buffer_ready`. For a write the buffers are ignored.
    """
    return scmd._stack.execution_status(scmd, sc_xfer_sreq_buf, sc_xfer_sgcnt, sc_xfer_offset, sc_xfer_buflen)


def chiscsi_scsi_cmd_abort(scmd: chiscsi_scsi_command) -> int:
    """Ask the stack to abort a command; `fp_scsi_cmd_abort_status` tells when that is done (guide 7.3.5.4)."""
    return scmd._stack.command_abort(scmd)


def chiscsi_scsi_cmd_abort_status(scmd: chiscsi_scsi_command) -> int:
    """Answer `fp_scsi_cmd_abort`: the driver has given the command up."""
    return scmd._stack.command_abort_status(scmd)


def chiscsi_scsi_cmd_ready_to_release(scmd: chiscsi_scsi_command) -> int:
    """Let go of a command of a LUN class with LUN_CLASS_CMD_RELEASE_WAIT_BIT (behaviour file, 3.9).

    The command object is kept after `fp_scsi_cmd_cleanup` until this is called; called before the command is over, it
    means that the driver does not want it to be kept.

    Returns:
        0, or -EINVAL when the command is kept no longer.
    """
    return scmd._stack.ready_to_release(scmd)


def chiscsi_iscsi_command_dump(scmd: chiscsi_scsi_command) -> None:
    """Write a command to the log as it is now, field by field, at information level (guide 7.3.5.5)."""
    scmd._stack.command_dump(scmd)


def chiscsi_tmf_execution_done(hndl: TmfHandle | None, tmf_response: int, scmd: chiscsi_scsi_command | None) -> int:
    """Answer `fp_tmf_execute` (guide 7.3.6).

    Args:
        hndl: the handle that the hook was given.
        tmf_response: ISCSI_RESPONSE_TMF_*.
        scmd: the command that the hook was given, or None.

    Returns:
        0; -EINVAL without a handle (behaviour file, 4.2).
    """
    return -ReturnCode.EINVAL if hndl is None else hndl.execution_done(tmf_response, scmd)


# Logins and sessions (guide 5.1 and 7.3)


def chiscsi_target_first_login_check_done(
    hndl: int, login_status_class: int, login_status_detail: int, max_cmd: int
) -> None:
    """Answer `fp_first_login_check` (guide 5.1.2).

    Args:
        hndl: the handle that the hook was given.
        login_status_class: 0 to let the login go on, or ISCSI_LOGIN_STATUS_CLASS_*.
        login_status_detail: ISCSI_LOGIN_STATUS_DETAIL_*.
        max_cmd: how many commands the session may have outstanding; 0 for the default.
    """
    stack = stack_of(hndl)
    if stack is not None:
        stack.chiscsi_target_first_login_check_done(hndl, login_status_class, login_status_detail, max_cmd)


def chiscsi_target_login_stage_check_done(hndl: int, login_status_class: int, login_status_detail: int) -> None:
    """Answer `fp_login_stage_check` (guide 5.1.3); arguments as for `chiscsi_target_first_login_check_done`."""
    stack = stack_of(hndl)
    if stack is not None:
        stack.chiscsi_target_login_stage_check_done(hndl, login_status_class, login_status_detail)


def chiscsi_target_session_abort(sess_hdl: int) -> int:
    """Have a session closed (guide 7.3.4); the hooks follow later. Returns 0, or -EINVAL for no such session."""
    stack = stack_of(sess_hdl)
    return -int(ReturnCode.EINVAL) if stack is None else stack.chiscsi_target_session_abort(sess_hdl)
