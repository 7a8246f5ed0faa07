"""A write's data: immediate, unsolicited and solicited (RFC 7143 sections 4.2.5.2, 11.7 and 11.8)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from chiscsi_target.core import buffers, data_path, scsi_response
from chiscsi_target.core.task import EXE_READY, W_BUFFER_READY, W_XFER, ReadyToTransferRecord, Task
from chiscsi_target.errors import RejectedPdu
from iscsi_wire.constants import RESERVED_TAG, RejectReason
from iscsi_wire.pdus import DataOut, ReadyToTransfer

if TYPE_CHECKING:
    from chiscsi_target.core.adapter import Burst, Ulp
    from chiscsi_target.core.connection import Connection
    from iscsi_wire.framing import Frame

_unpack = DataOut.STRUCT.unpack_from
_pack_r2t = ReadyToTransfer.STRUCT.pack
_FINAL = 0x80
_EXP_STAT_SN = struct.Struct(">I").unpack_from

# Sense data that stand for iSCSI conditions (section 11.4.7.2): key, additional sense code, qualifier.
UNEXPECTED_UNSOLICITED_DATA = (0x0B, 0x0C, 0x0C)
INCORRECT_AMOUNT_OF_DATA = (0x0B, 0x0C, 0x0D)
PROTOCOL_SERVICE_CRC_ERROR = (0x0B, 0x47, 0x05)


def begin(task: Task, frame: Frame, final: bool) -> None:
    """Take the immediate data of a write, and see what else will come without being asked for."""
    keys = task.session.keys
    data = frame.data
    counters = task.connection.counters
    counters.write_cmd_cnt += 1
    if data:
        immediate = len(data)
        if not keys.immediate_data:
            task.doom(UNEXPECTED_UNSOLICITED_DATA)
        elif immediate > keys.first_burst_length or immediate > task.edtl:
            task.doom(INCORRECT_AMOUNT_OF_DATA)
        else:
            task.unsolicited.append((0, memoryview(data)))
            task.connection.agenda.keep_unsolicited(task)
            counters.write_bytes += immediate
        task.landed = task.solicited = immediate
    if not final:
        task.unsolicited_open = True
        if keys.initial_r2t:
            task.doom(UNEXPECTED_UNSOLICITED_DATA)


def data_out(connection: Connection, frame: Frame) -> None:
    """Take a Data-Out PDU.

    Raises:
        RejectedPdu: it belongs to nothing, or its digest is wrong.
    """
    session = connection.session
    assert session is not None
    _, flags, _, _, lun, itt, ttt, _, exp_stat_sn, _, data_sn, offset, _ = _unpack(frame.header)
    connection.exp_stat_sn = exp_stat_sn
    final = bool(flags & _FINAL)
    task = session.tasks.get(itt)
    if task is None or not task.is_write or task.connection is not connection:
        # Section 4.2.5.1: a command's data come over its own connection.
        if session.late_data(itt, ttt, final):
            return
        raise RejectedPdu(RejectReason.INVALID_PDU_FIELD, f"Data-Out for unknown task 0x{itt:x}", "11.7.4")
    if ttt == RESERVED_TAG:
        _unsolicited(task, frame, data_sn, offset, final)
    elif lun != task.lun_field:
        # Section 4.2.5.3: fields of a PDU have to agree with those that instantiated the task.
        raise RejectedPdu(RejectReason.INVALID_PDU_FIELD, f"LUN 0x{lun:x} with a tag of another LUN", "11.7.4")
    else:
        _solicited(task, frame, ttt, data_sn, offset, final)
    if frame.data_digest_error:
        raise RejectedPdu(RejectReason.DATA_DIGEST_ERROR, "data digest error in a Data-Out", "7.8")


def _unsolicited(task: Task, frame: Frame, data_sn: int, offset: int, final: bool) -> None:
    if not task.unsolicited_open:
        task.doom(UNEXPECTED_UNSOLICITED_DATA)
        scsi_response.conclude_when_data_is_in(task)
        raise RejectedPdu(RejectReason.INVALID_PDU_FIELD, "unsolicited Data-Out that was not announced", "11.8")
    end = task.landed + len(frame.data)
    wanted = min(task.session.keys.first_burst_length, task.edtl)
    if _takes_data(task):
        if frame.data_digest_error or data_sn != task.unsolicited_sn:
            task.doom(PROTOCOL_SERVICE_CRC_ERROR)
        elif offset != task.landed or end > wanted or (final and end != wanted):
            task.doom(INCORRECT_AMOUNT_OF_DATA)
        else:
            _land(task, offset, frame)
            task.solicited = end
    task.unsolicited_sn = data_sn + 1
    task.landed = end
    if final:
        task.unsolicited_open = False
        continue_write(task)


def _solicited(task: Task, frame: Frame, ttt: int, data_sn: int, offset: int, final: bool) -> None:
    request = task.r2ts.get(ttt)
    if request is None:
        if task.session.late_data(task.itt, ttt, final):
            return  # of a task that had the same tag
        raise RejectedPdu(RejectReason.INVALID_PDU_FIELD, f"Target Transfer Tag 0x{ttt:x} is not outstanding", "11.7.4")
    end = offset + len(frame.data)
    if _takes_data(task):
        if frame.data_digest_error or data_sn != request.data_sn:
            task.doom(PROTOCOL_SERVICE_CRC_ERROR)
        elif offset != request.next_offset or end > request.end or (final and end != request.end):
            task.doom(INCORRECT_AMOUNT_OF_DATA)
        else:
            _land(task, offset, frame)
            task.landed += len(frame.data)
            request.next_offset = end
    request.data_sn += 1
    if final:
        _end_burst(task, ttt)


def _end_burst(task: Task, ttt: int) -> None:
    """Section 13.17: an R2T is outstanding until its Data-Out with F=1 has come."""
    del task.r2ts[ttt]
    task.session.transfer_tags.discard(ttt)
    continue_write(task)


def data_out_burst(connection: Connection, burst: Burst) -> None:
    """Take Data-Out PDUs that an adapter completed at once; if they are not just what is waited for, one by one."""
    ulp, end = connection.ulp, burst.buffer_offset + burst.length
    assert ulp is not None
    final = bool(burst.header[1] & _FINAL)
    task = _waiting_for(connection, burst.lun, burst.itt, burst.ttt, burst.data_sn, burst.buffer_offset, end, final)
    if task is None:
        connection.take_in(ulp.one_by_one(burst))
        return
    connection.exp_stat_sn = _EXP_STAT_SN(burst.header, 28)[0]
    _land(task, burst.buffer_offset, burst)
    task.landed += burst.length
    request = task.r2ts[burst.ttt]
    request.next_offset = end
    request.data_sn += burst.count
    if final:
        _end_burst(task, burst.ttt)


def _land(task: Task, offset: int, frame: Frame) -> None:
    """Put data that arrived where they belong, or keep them until the driver has given buffers."""
    task.connection.counters.write_bytes += len(frame.data)
    if frame.placed and task.connection.ulp is not None:
        task.connection.ulp.take(frame, task)
    if frame.placed or not frame.data:
        return
    if task.phases:
        data_path.scatter(task, offset, memoryview(frame.data)[: max(task.given - offset, 0)])
    if task.given < min(offset + len(frame.data), task.sc_xfer_len):
        task.unsolicited.append((offset, memoryview(frame.data)))
        task.connection.agenda.keep_unsolicited(task)


def _takes_data(task: Task) -> bool:
    """Whether arriving data are kept: while a task management function may still be refused they are (11.6.1).

    The driver of a command that was told to give it up has its buffers back when it has answered.
    """
    return not task.failing and (task.aborting is None or task.abort_asked is not False)


def expected_of(connection: Connection, frame: Frame) -> Task | None:
    """The write that waits for just this Data-Out, which may still be coming in; None when none does."""
    if frame.opcode != DataOut.OPCODE:
        return None
    _, flags, _, lengths, lun, itt, ttt, _, _, _, data_sn, offset, _ = _unpack(frame.header)
    end = offset + (lengths & 0xFFFFFF)
    return _waiting_for(connection, lun, itt, ttt, data_sn, offset, end, bool(flags & _FINAL))


def _waiting_for(
    connection: Connection, lun: int, itt: int, ttt: int, data_sn: int, offset: int, end: int, final: bool
) -> Task | None:
    """The write that waits for data from `offset` to `end` with these fields; None when none does."""
    session = connection.session
    task = None if session is None else session.tasks.get(itt)
    if task is None or task.connection is not connection or not task.is_write:
        return None
    if not _takes_data(task) or lun != task.lun_field:
        return None
    request = task.r2ts.get(ttt)
    if request is None or (data_sn, offset) != (request.data_sn, request.next_offset):
        return None
    return task if end == request.end or (end < request.end and not final) else None


def place(connection: Connection, frame: Frame) -> list[memoryview] | None:
    """Where the data of a PDU that is still coming in belongs in a driver's memory, if that is known."""
    task = expected_of(connection, frame)
    if task is None:
        return None
    _, _, _, lengths, _, _, _, _, _, _, _, offset, _ = _unpack(frame.header)
    return buffers.place(task.phases, offset, lengths & 0xFFFFFF)


def begin_transfer(task: Task) -> None:
    """Go on with a write whose driver has given buffers: all of them, or the first ones."""
    task.state = W_BUFFER_READY
    early = task.unsolicited
    if len(early) == 1 and len(early[0][1]) == task.given == task.sc_xfer_len and not task.unsolicited_open:
        # All the data came with the command, as with nearly every small write.
        data_path.scatter(task, 0, early.pop()[1])
        if not task.failing:
            task.state = EXE_READY
            task.connection.agenda.call_data_xfer_status(task)
            return
    elif early:
        _take_unsolicited(task)
    continue_write(task)


def go_on(task: Task) -> None:
    """Go on with a write whose driver has given more buffers, into which some of what came early may belong."""
    if task.unsolicited:
        _take_unsolicited(task)
    continue_write(task)


def _take_unsolicited(task: Task) -> None:
    """Move what arrived early into buffers that the driver has given meanwhile."""
    early = task.unsolicited
    kept = []
    for offset, data in early:
        fits = max(min(task.given - offset, len(data)), 0)
        if fits:
            data_path.scatter(task, offset, data if fits == len(data) else data[:fits])
        if fits < len(data) and offset + fits < task.sc_xfer_len:
            kept.append((offset + fits, data[fits:]))
    task.unsolicited = kept


def continue_write(task: Task) -> None:
    """Go on with a write: ask for more data, or give the driver the buffers that are full."""
    if task.aborting is not None:
        task.aborting.proceed()
        return
    if task.failing:
        scsi_response.conclude_when_data_is_in(task)
        return
    if task.unsolicited_open or task.state not in (W_BUFFER_READY, W_XFER):
        return
    task.state = W_XFER
    end = min(task.given, task.sc_xfer_len)
    limit, longest = task.session.keys.max_outstanding_r2t, task.session.keys.max_burst_length
    while task.solicited < end and len(task.r2ts) < limit:
        asked = task.solicited
        _send_r2t(task, min(end - asked, longest))
        if task.solicited == asked:
            return
    if not task.r2ts and task.solicited >= end:
        task.state = EXE_READY
        _data_are_in(task)


def _data_are_in(task: Task) -> None:
    ulp = task.connection.ulp
    if ulp is not None and task.solicited >= task.sc_xfer_len:
        ulp.forget(task)
    task.connection.agenda.call_data_xfer_status(task)


def _tag_of_adapter(task: Task, ulp: Ulp) -> int | None:
    """The adapter's tag for the next R2T; None when it has to wait, or the command has failed for want of one."""
    ttt = ulp.transfer_tag(task)
    if ttt is None:
        data_path.give_up(task)
        scsi_response.conclude_when_data_is_in(task)
    elif ttt not in task.r2ts:
        task.session.transfer_tags.add(ttt)
        return ttt
    return None


def _send_r2t(task: Task, length: int) -> None:
    """Ask for the next octets of a write (section 11.8): R2Ts adjoin each other and do not use up a StatSN."""
    connection, session = task.connection, task.session
    ulp = connection.ulp
    ttt = session.new_transfer_tag() if ulp is None else _tag_of_adapter(task, ulp)
    if ttt is None:
        return
    offset = task.solicited
    task.r2ts[ttt] = ReadyToTransferRecord(offset, offset + length)
    connection.send(
        _pack_r2t(
            ReadyToTransfer.OPCODE,
            _FINAL,
            0,
            0,
            task.lun_field,
            task.itt,
            ttt,
            connection.stat_sn,
            session.window.exp_cmd_sn,
            session.window.max_cmd_sn,
            task.r2t_sn,
            offset,
            length,
        )
    )
    task.r2t_sn += 1
    task.solicited = offset + length
