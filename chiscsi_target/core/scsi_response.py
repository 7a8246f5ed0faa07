"""SCSI Response (RFC 7143 section 11.4), and the end of a task."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from chiscsi_target.api.constants import (
    SC_FLAG_CMD_ABORT,
    SC_FLAG_XFER_OVERFLOW,
    SC_FLAG_XFER_UNDERFLOW,
    SCSI_SENSE_BUFFERSIZE,
)
from chiscsi_target.core.residuals import response_residual
from chiscsi_target.core.task import DONE, STATUS
from iscsi_wire.pdus import ScsiResponse

if TYPE_CHECKING:
    from chiscsi_target.core.task import Task

_pack = ScsiResponse.STRUCT.pack
_OPCODE, _FINAL = ScsiResponse.OPCODE, 0x80
_OCTET = 0xFF  # what the guide's structure has room for, of what a driver sets
_CHECK_CONDITION = 0x02
_OVER_OR_UNDER = SC_FLAG_XFER_OVERFLOW | SC_FLAG_XFER_UNDERFLOW
# The bit that says that INFORMATION is valid is not set: there is none.
_FIXED_FORMAT, _FIXED_LENGTH = 0x70, 10
_DESCRIPTOR_FORMAT = 0x72


def send_response(task: Task) -> None:
    """Conclude a task with its status."""
    connection, window = task.connection, task.session.window
    if task.sc_status:
        task.session.note_failure(task)
    task.state = STATUS
    end_task(task)
    flags = residual_count = 0
    if task.sc_flag & _OVER_OR_UNDER:
        flags, residual_count = response_residual(task)
    data = sense_segment(task) if task.sc_status or has_sense(task) else b""
    connection.send(
        _pack(
            _OPCODE,
            _FINAL | flags,
            task.sc_response & _OCTET,
            task.sc_status & _OCTET,
            len(data),
            0,
            0,
            0,
            task.itt,
            0,
            connection.next_stat_sn(),
            window.exp_cmd_sn,
            window.max_cmd_sn,
            # Section 11.4.8: the number of Data-In PDUs, 0 when the response code is not 0.
            0 if task.sc_response else task.data_sn,
            0,
            residual_count,
        ),
        (data,),
        len(data),
        task,
    )


def end_task(task: Task) -> None:
    """Take a task out of its session's books; its command no longer counts against the window (section 4.2.2.1)."""
    task.state = DONE
    session = task.session
    del session.tasks[task.itt]
    if task.is_immediate:
        session.window.immediate -= 1
    else:
        session.window.answered()
    if task.is_write and (task.r2ts or task.unsolicited_open):
        session.expect_late_data(task)


def has_sense(task: Task) -> bool:
    """Whether a driver has set sense data: a key, or a buffer that does not begin with 0 (behaviour file, 3.4)."""
    return task.sc_sense_key != 0 or _is_filled(task.sc_sense_buf)


def sense_segment(task: Task) -> bytes:
    """The data segment of section 11.4.7: SenseLength and sense data, or nothing.

    The driver's whole buffer, if it filled one: a buffer of zeros is none (behaviour file, 3.4). Else sense data from
    the codes, in the format that the logical unit was asked for (SPC-4 sections 4.5.2 and 4.5.3); there is a key, or
    section 11.4.7 demands sense data.
    """
    sense = b""
    if _is_filled(task.sc_sense_buf):
        sense = bytes(task.sc_sense_buf[:SCSI_SENSE_BUFFERSIZE])
    elif task.sc_status == _CHECK_CONDITION or task.sc_sense_key:
        sense = _from_codes(task)
    return len(sense).to_bytes(2, "big") + sense if sense else b""


def _is_filled(buffer: bytes | None) -> bool:
    return buffer is not None and any(buffer[:1])


def _from_codes(task: Task) -> bytes:
    codes = [code & _OCTET for code in (task.sc_sense_key, task.sc_sense_asc, task.sc_sense_ascq)]
    if _in_descriptor_format(task):
        return bytes((_DESCRIPTOR_FORMAT, *codes, 0, 0, 0, 0))
    return struct.pack(">BBBIBIBB4x", _FIXED_FORMAT, 0, codes[0], 0, _FIXED_LENGTH, 0, *codes[1:])


def conclude_when_data_is_in(task: Task) -> None:
    """Send the status of a failing task once no more Data-Out are due (sections 7.8 and 11.17.1).

    A driver whose buffers are with the stack gets `fp_scsi_cmd_abort`: they will never be full.
    """
    if not task.failing or task.data_due or task.held or task.state >= STATUS or task.aborting is not None:
        return
    if task.phases and not task.given_up and task.abort_asked is None:
        task.held = task.sc_flag & SC_FLAG_CMD_ABORT != 0
        task.sc_flag |= SC_FLAG_CMD_ABORT
        task.connection.agenda.call_abort(task)
        if task.held:
            # The data path has failed: the status goes out when the driver has answered (behaviour file, 4.1).
            return
    send_response(task)


def _in_descriptor_format(task: Task) -> bool:
    node = task.session.node
    return node is not None and any(lun.lun == task.sc_lun and lun.descriptor_sense for lun in node.luns)
