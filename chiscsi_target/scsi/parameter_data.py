"""Data that a command brings for the device server itself: parameter lists, and blocks that it has to look at first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from chiscsi_target.api.functions import chiscsi_scsi_cmd_buffer_ready
from chiscsi_target.api.sgvec import chiscsi_sgvec
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.reply import fail, refuse, settle
from chiscsi_target.scsi.sense import INVALID_FIELD_IN_CDB

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.commands import ExecuteWithData
    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = ["LONGEST", "arrived", "collect"]

LONGEST: Final = 16 << 20
"""Octets that one command may bring, as many as a WRITE: they are kept in memory until it is executed."""


class _Awaited(NamedTuple):
    """What a command waits with, in `sc_sdev_hdl`."""

    buffer: bytearray
    execute: ExecuteWithData
    cdb: Any


def collect(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: Any, length: int, execute: ExecuteWithData) -> int:
    """Have `execute(unit, sc, cdb, data)` called when the `length` octets are there that a CDB speaks of.

    The initiator may expect to send fewer: then `data` are what comes. It ends by `reply.finish` or `reply.fail`.
    """
    if length > LONGEST:
        return fail(unit, sc, INVALID_FIELD_IN_CDB)
    length = settle(sc, length)
    if not length:
        return execute(unit, sc, cdb, b"")
    buffer = bytearray(length)
    sc.sc_sdev_hdl = _Awaited(buffer, execute, cdb)
    return chiscsi_scsi_cmd_buffer_ready(sc, [chiscsi_sgvec(buffer, length)], 1, 0, length)


def arrived(unit: LogicalUnit, sc: chiscsi_scsi_command) -> int:
    """Execute a command whose data are there."""
    awaited = sc.sc_sdev_hdl
    assert isinstance(awaited, _Awaited)
    try:
        return awaited.execute(unit, sc, awaited.cdb, awaited.buffer)
    except Refused as reason:
        return refuse(unit, sc, reason)
