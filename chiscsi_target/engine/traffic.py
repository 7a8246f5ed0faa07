"""`Traffic`: which connections count for which session and portal (behaviour file, 1.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiscsi_target.core.counters import Counters, Totals

if TYPE_CHECKING:
    from chiscsi_target.core.connection import Connection
    from chiscsi_target.core.portal import Portal


class Traffic:
    """The book of counters. `joined` and `left` belong to the login worker's thread, `through` to any.

    Portals are known by their address, since several targets may be behind one, and come and go.
    """

    def __init__(self) -> None:
        self._portals: dict[str, Totals] = {}

    def joined(self, connection: Connection) -> None:
        """Count a connection whose login is over for its session and its portal."""
        for totals in self._of(connection):
            totals.join(connection.counters)

    def left(self, connection: Connection) -> None:
        """Keep what a connection has counted that is over, if its login ever was."""
        for totals in self._of(connection):
            totals.leave(connection.counters)

    def through(self, portal: Portal) -> Counters:
        """What went through a portal so far."""
        totals = self._portals.get(str(portal.address))
        return Counters() if totals is None else totals.sum()

    def _of(self, connection: Connection) -> list[Totals]:
        of_portal = self._portals.setdefault(str(connection.portal.address), Totals())
        session = connection.session
        return [of_portal] if session is None else [of_portal, session.counters]
