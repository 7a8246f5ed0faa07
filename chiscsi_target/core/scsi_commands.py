"""SCSI Command PDUs (RFC 7143 section 11.3): from arrival to the storage driver."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiscsi_target.api.constants import SC_FLAG_IMMEDIATE_CMD, SC_FLAG_READ, SC_FLAG_WRITE
from chiscsi_target.core import data_out, scsi_response
from chiscsi_target.errors import RejectedPdu
from iscsi_wire.ahs import parse_ahs
from iscsi_wire.constants import IMMEDIATE_BIT, RESERVED_TAG, RejectReason, TaskAttribute
from iscsi_wire.errors import WireError
from iscsi_wire.pdus import ExtendedCdbAhs, ScsiCommand, UnknownAhs

if TYPE_CHECKING:
    from chiscsi_target.core.connection import Connection
    from chiscsi_target.core.session import Session
    from chiscsi_target.core.task import Task
    from iscsi_wire.framing import Frame

_unpack = ScsiCommand.STRUCT.unpack_from
_FINAL, _READ, _WRITE, _ATTRIBUTE = 0x80, 0x40, 0x20, 0x07
_RARE_ATTRIBUTE = 0x04  # ACA, and the reserved ones
_DIRECTION = _READ | _WRITE
_KIND = _FINAL | _DIRECTION | _RARE_ATTRIBUTE
_PLAIN_READ, _PLAIN_WRITE = _FINAL | _READ, _FINAL | _WRITE


def scsi_command(connection: Connection, frame: Frame) -> None:
    """Take a SCSI Command PDU.

    Raises:
        RejectedPdu: the PDU is malformed; its CmdSN does not count as received (section 7.3).
    """
    session = connection.session
    assert session is not None
    octet_0, flags, _, _, _, lun, itt, edtl, cmd_sn, exp_stat_sn, cdb = _unpack(frame.header)
    connection.exp_stat_sn = exp_stat_sn
    immediate = octet_0 & IMMEDIATE_BIT
    window = session.window
    if not immediate and not window.admits(cmd_sn):
        return
    if not flags & _DIRECTION:
        edtl = 0
    kind = flags & _KIND
    plain = kind == _PLAIN_WRITE or (kind == _PLAIN_READ and not frame.data)
    if not plain or itt in session.tasks or itt == RESERVED_TAG or frame.ahs or frame.data_digest_error:
        cdb = _examine(session, frame, flags, itt, cdb)
    flag = session.lun_flags | (SC_FLAG_WRITE if flags & _WRITE else SC_FLAG_READ)
    if immediate:
        flag |= SC_FLAG_IMMEDIATE_CMD
        _admit_immediate(session)
    number = session.decode_lun(lun)
    attribute = flags & session.attribute_mask
    task = session.task_class(session.stack, connection, session, cdb, lun, number, itt, cmd_sn, edtl, flag, attribute)
    session.tasks[itt] = task
    if task.is_write:
        data_out.begin(task, frame, bool(flags & _FINAL))
    else:
        connection.counters.read_cmd_cnt += 1
    if immediate or window.in_turn(cmd_sn):
        _begin(task)
    else:
        window.arrived(cmd_sn, connection, deliver, task)


def _examine(session: Session, frame: Frame, flags: int, itt: int, cdb: bytes) -> bytes:
    """Look closely at a command that is no plain read or write; returns its whole CDB.

    Raises:
        RejectedPdu: it cannot be taken.
    """
    if frame.data_digest_error:
        raise RejectedPdu(RejectReason.DATA_DIGEST_ERROR, "data digest error in a SCSI Command", "7.8")
    if itt == RESERVED_TAG:
        raise RejectedPdu(RejectReason.INVALID_PDU_FIELD, "reserved Initiator Task Tag", "11.2.1.8")
    if itt in session.tasks:
        raise RejectedPdu(RejectReason.TASK_IN_PROGRESS, f"Initiator Task Tag 0x{itt:x} is in use", "11.17.1")
    if not flags & (_FINAL | _WRITE):
        raise RejectedPdu(RejectReason.PROTOCOL_ERROR, "neither F nor W is set", "11.3.1")
    if flags & _READ and flags & _WRITE:
        # The guide, 7.3.5.1: only uni-directional commands are supported.
        raise RejectedPdu(RejectReason.COMMAND_NOT_SUPPORTED, "bidirectional command", "11.3.1")
    if flags & _ATTRIBUTE > TaskAttribute.ACA:
        raise RejectedPdu(RejectReason.PROTOCOL_ERROR, "reserved task attribute", "11.3.1")
    if frame.data and not flags & _WRITE:
        raise RejectedPdu(RejectReason.PROTOCOL_ERROR, "immediate data with a command that is no write", "11.3.1")
    return cdb + _extended_cdb(frame.ahs) if frame.ahs else cdb


def _extended_cdb(area: bytes) -> bytes:
    """What the additional header segments add to the CDB (section 11.2.2.3).

    Raises:
        RejectedPdu: they are malformed, or of a type that has no meaning.
    """
    try:
        segments = parse_ahs(area)
    except WireError as error:
        raise RejectedPdu(RejectReason.INVALID_PDU_FIELD, f"malformed AHS, {error}", "11.2.2") from error
    if any(isinstance(segment, UnknownAhs) for segment in segments):
        raise RejectedPdu(RejectReason.PROTOCOL_ERROR, "reserved AHS type", "11.2.2.1")
    return b"".join(segment.extended_cdb for segment in segments if isinstance(segment, ExtendedCdbAhs))


def _admit_immediate(session: Session) -> None:
    if session.window.immediate >= session.window.size:
        raise RejectedPdu(RejectReason.IMMEDIATE_COMMAND_REJECT, "too many immediate commands", "4.2.2.1")
    session.window.immediate += 1


def deliver(task: Task) -> None:
    """Begin with a task that had to wait for its turn, unless it is gone by now."""
    if not task.connection.closing and task.session.tasks.get(task.itt) is task:
        _begin(task)


def _begin(task: Task) -> None:
    """Give a task to the storage driver, unless it has failed already."""
    if task.failing:
        scsi_response.conclude_when_data_is_in(task)
    else:
        task.connection.agenda.call_cdb_rcved(task)
