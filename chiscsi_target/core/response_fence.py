"""The Response Fence of a task management response (RFC 7143 sections 4.2.2.3 and 4.2.3.3, d).

Responses on one connection arrive in order. What went out on the others of a session has to be acknowledged before the
response that comes after it, or the initiator might get an aborted task's status behind the news that it was aborted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiscsi_target.core.nop import send_ping
from iscsi_wire.sequence import sn_lt

if TYPE_CHECKING:
    from collections.abc import Callable

    from chiscsi_target.core.connection import Connection
    from chiscsi_target.core.session import Session


class ResponseFence:
    """Waits for the acknowledgment of all that was sent on a session's other connections.

    Attributes:
        up: whether it still waits.
    """

    def __init__(self, session: Session, connection: Connection, pass_on: Callable[[], None]) -> None:
        """Note what is not acknowledged, and ask for that.

        Args:
            session: whose responses have to arrive before.
            connection: where the fenced response goes: there it comes behind the others anyway.
            pass_on: called once nothing is left to wait for; at once if nothing is.
        """
        self._pass_on = pass_on
        self._awaited = {
            other: other.stat_sn
            for other in session.connections.values()
            if other is not connection and sn_lt(other.exp_stat_sn, other.stat_sn)
        }
        self.up = True
        for other in self._awaited:
            send_ping(other)
        self.look()

    def look(self) -> None:
        """Look again what has been acknowledged, or has gone with its connection."""
        for other, stat_sn in list(self._awaited.items()):
            if other.closing or not sn_lt(other.exp_stat_sn, stat_sn):
                del self._awaited[other]
        if self.up and not self._awaited:
            self.up = False
            self._pass_on()
