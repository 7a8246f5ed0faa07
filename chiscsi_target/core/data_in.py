"""Data-In (RFC 7143 section 11.7): a read's data, and its status with the last of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiscsi_target.api.constants import SC_FLAG_XFER_OVERFLOW, SC_FLAG_XFER_UNDERFLOW
from chiscsi_target.core.buffers import gather
from chiscsi_target.core.residuals import residual
from chiscsi_target.core.scsi_response import end_task, has_sense, send_response
from chiscsi_target.core.task import R_XFER
from iscsi_wire.constants import RESERVED_TAG, ScsiStatus
from iscsi_wire.pdus import DataIn

if TYPE_CHECKING:
    from chiscsi_target.core.task import Task

_pack = DataIn.STRUCT.pack
_OPCODE, _FINAL, _STATUS = DataIn.OPCODE, 0x80, 0x01
_OVER_OR_UNDER = SC_FLAG_XFER_OVERFLOW | SC_FLAG_XFER_UNDERFLOW
# Section 11.7: only these may ride on a Data-In.
_COLLAPSIBLE = frozenset((ScsiStatus.GOOD, ScsiStatus.CONDITION_MET, ScsiStatus.INTERMEDIATE_CONDITION_MET))


def send_data(task: Task) -> None:
    """Send all that the driver has given and that was not sent yet; conclude the task if that is all there is."""
    total = task.sc_xfer_len
    over_or_under = task.sc_flag & _OVER_OR_UNDER
    if (
        0 < total == task.given <= task.connection.max_send_data
        and total <= task.session.keys.max_burst_length
        and not (task.sent or task.sc_status or task.sc_response or over_or_under)
        and not (task.sc_sense_key or task.sc_sense_buf)
    ):
        task.state = R_XFER
        _send_whole(task, total)
        return
    end = min(task.given, total)
    complete = task.sc_status != 0 or end == total or bool(over_or_under)
    collapse = (
        complete and end > task.sent and task.sc_status in _COLLAPSIBLE and not task.sc_response and not has_sense(task)
    )
    if task.sc_status == 0 or collapse:
        task.state = R_XFER
        _send_pdus(task, end, collapse, complete)
    if complete and not collapse:
        send_response(task)
    elif not complete:
        task.connection.return_when_sent(task)


def _send_whole(task: Task, length: int) -> None:
    """Send a read in one Data-In that carries good status as well: what nearly every small read comes to."""
    connection, window = task.connection, task.session.window
    buf, sgcnt, _, _ = task.phases[0]
    pieces = (buf,) if sgcnt == 0 and type(buf) is memoryview else gather(task.phases, 0, length)
    connection.counters.read_bytes += length
    stat_sn = connection.next_stat_sn()
    end_task(task)
    header = _pack(
        _OPCODE,
        _FINAL | _STATUS,
        0,
        0,
        length,
        0,
        task.itt,
        RESERVED_TAG,
        stat_sn,
        window.exp_cmd_sn,
        window.max_cmd_sn,
        task.data_sn,
        0,
        0,
    )
    task.data_sn += 1
    connection.send(header, pieces, length, task)


def _send_pdus(task: Task, end: int, collapse: bool, complete: bool) -> None:
    """Send octets `task.sent` to `end`, cut where PDUs and bursts have to end; with status in the last PDU or not."""
    connection = task.connection
    max_burst = task.session.keys.max_burst_length
    offset = task.sent
    while offset < end:
        # Section 13.13: a sequence, up to F=1, carries at most MaxBurstLength octets.
        burst_end = offset - offset % max_burst + max_burst
        length = min(end - offset, connection.max_send_data, burst_end - offset)
        following = offset + length
        last = following == end
        final = _FINAL if following == burst_end or (last and complete) else 0
        _send_pdu(task, offset, length, final, last and collapse)
        offset = following
    task.sent = end


def _send_pdu(task: Task, offset: int, length: int, final: int, with_status: bool) -> None:
    connection, window = task.connection, task.session.window
    pieces = gather(task.phases, offset, offset + length)
    stat_sn = status = residual_count = 0
    data_sn = task.data_sn
    task.data_sn = data_sn + 1
    connection.counters.read_bytes += length
    if with_status:
        final |= _STATUS
        if task.sc_flag & _OVER_OR_UNDER:
            residual_flag, residual_count = residual(task)
            final |= residual_flag
        status = task.sc_status
        stat_sn = connection.next_stat_sn()
        end_task(task)
    connection.send(
        _pack(
            _OPCODE,
            final,
            0,
            status,
            length,
            0,
            task.itt,
            RESERVED_TAG,
            stat_sn,
            window.exp_cmd_sn,
            window.max_cmd_sn,
            data_sn,
            offset,
            residual_count,
        ),
        pieces,
        length,
        task if with_status else None,
    )
