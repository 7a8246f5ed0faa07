"""`UnitAttentions`: what each session has to be told with its next command to a LUN (SAM-5, 5.14)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from chiscsi_target.api import chiscsi_scsi_command

__all__ = ["CLEARED_BY_ISCSI", "RESET_OCCURRED", "UnitAttentions"]

RESET_OCCURRED: Final = (0x06, 0x29, 0x03)
CLEARED_BY_ISCSI: Final = (0x06, 0x47, 0x7F)
_PASSING: Final = (0x03, 0x12, 0xA0)
"""REQUEST SENSE, INQUIRY and REPORT LUNS are executed all the same."""


class UnitAttentions:
    """Unit attention conditions by session and LUN. Used by the stack's thread only."""

    def __init__(self) -> None:
        self._sessions: set[int] = set()
        self._pending: dict[tuple[int, int], tuple[int, int, int]] = {}

    def take(self, sc: chiscsi_scsi_command) -> tuple[int, int, int] | None:
        """The sense data that a command has to end with before it begins, if any; and note whose command it is."""
        if sc.sc_sess is None:
            return None
        self._sessions.add(sc.sc_sess)
        return None if sc.sc_cmd[0] in _PASSING else self._pending.pop((sc.sc_sess, sc.sc_lun), None)

    def establish(self, session: int, lun: int, sense: tuple[int, int, int]) -> None:
        """Have one session told."""
        self._pending[session, lun] = sense

    def tell_others(self, issuer: object, luns: range, sense: tuple[int, int, int]) -> None:
        """Have all sessions told but the one that knows: who issued a reset.

        Args:
            issuer: its handle, which is what a target class returned from `fp_session_added`. Where there is no such
                target class nobody can be told apart, and nobody is told.
            luns: the LUNs that it is about.
            sense: what to tell.
        """
        if issuer in self._sessions:
            for session in self._sessions - {issuer}:
                for lun in luns:
                    self.establish(session, lun, sense)
