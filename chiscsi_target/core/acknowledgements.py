"""`Acknowledgements`: commands whose driver hears of their transmission when the initiator has acknowledged it.

This is release 3.14's way (behaviour file, 3.3, the quirk `returned_when_acknowledged`); the guide's is to tell the
driver when the transport has taken the last octet. A status is acknowledged by the ExpStatSN of what the initiator
sends next, a phase of a multi-phase read by the NOP-Out that answers a NOP-In with the offset as its Target Transfer
Tag.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from chiscsi_target.core import nop
from iscsi_wire.sequence import sn_lt

if TYPE_CHECKING:
    from chiscsi_target.core.connection import Connection
    from chiscsi_target.core.task import Task

__all__ = ["ACKNOWLEDGE_WITHIN", "Acknowledgements"]

ACKNOWLEDGE_WITHIN: Final = 2.0
"""Seconds that an idle initiator has for an acknowledgement, before it is asked for one by a ping."""
_STAT_SN: Final = slice(24, 28)


class Acknowledgements:
    """What one connection's initiator has not acknowledged."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._statuses: deque[tuple[int, Task]] = deque()
        self._phases: list[tuple[int, Task]] = []
        self._since = 0.0

    def status_sent(self, header: bytes, task: Task) -> None:
        """Take note of a PDU that concludes a task."""
        connection = self._connection
        self._statuses.append((int.from_bytes(header[_STAT_SN]), task))
        self._since = connection.agenda.now
        connection.agenda.timer_due(self._since + ACKNOWLEDGE_WITHIN)
        newest = (task.sc_CmdSN + 1) & 0xFFFFFFFF == task.session.window.exp_cmd_sn
        if task.is_write and task.session.pass_through and newest and connection.ping_sent is None:
            # Behaviour file, 3.4: the sooner the driver hears of it.
            nop.send_ping(connection)

    def phase_sent(self, task: Task) -> None:
        """Ask for the acknowledgement of what was sent of a multi-phase read."""
        self._phases.append((task.sent, task))
        nop.send_ping(self._connection, task.sent, task.lun_field)

    def answered(self, transfer_tag: int) -> None:
        """Take a NOP-Out that answers a NOP-In."""
        for index, (offset, task) in enumerate(self._phases):
            if offset == transfer_tag:
                del self._phases[index]
                self._connection.agenda.call_phases_sent((task, offset))
                return

    def look(self) -> None:
        """Release what the newest ExpStatSN acknowledges."""
        statuses, connection = self._statuses, self._connection
        while statuses and sn_lt(statuses[0][0], connection.exp_stat_sn):
            connection.agenda.call_release(statuses.popleft()[1])

    def handle_timer(self, now: float) -> float | None:
        """Ping an initiator that has been idle for too long; returns when to come back, or None."""
        connection = self._connection
        if not self._statuses or connection.ping_sent is not None:
            return None
        due = max(self._since, connection.last_received) + ACKNOWLEDGE_WITHIN
        if now < due:
            return due
        nop.send_ping(connection)
        return None

    def abandon(self) -> None:
        """Release everything: nobody is left who could acknowledge it."""
        self._phases.clear()
        while self._statuses:
            self._connection.agenda.call_release(self._statuses.popleft()[1])
