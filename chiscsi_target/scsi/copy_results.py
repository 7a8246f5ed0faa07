"""What a logical unit remembers of its third-party copies, for those who ask how one went (SPC-4, 5.17.4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from chiscsi_target.scsi.copy_failure import OPERATION_IN_PROGRESS
from chiscsi_target.scsi.refused import Refused
from iscsi_wire.scsi_copy_codes import CopyStatus

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.refused import Refused as Reason

__all__ = ["MOST_REMEMBERED", "CopyResult", "CopyResults"]

MOST_REMEMBERED: Final = 255
"""Copies of one session that are remembered; an older one that is over makes room for a new one."""


@dataclass(slots=True)
class CopyResult:
    """How one copy is going, or went.

    Attributes:
        action: the service action that began it.
        status: whether it is over.
        segments: segments that have been processed.
        transferred: octets that have been copied.
        failure: what it failed with.
        token: the ROD token that it made.
        partial: whether it left a part of its ROD token unused.
        unit_shift: binary logarithm of the block size, to tell `transferred` in blocks.
        command: the command that began it, as long as it waits for its end.
    """

    action: int
    status: CopyStatus = CopyStatus.IN_PROGRESS
    segments: int = 0
    transferred: int = 0
    failure: Reason | None = None
    token: bytes = b""
    partial: bool = False
    unit_shift: int = 0
    command: chiscsi_scsi_command | None = None


@dataclass(slots=True)
class CopyResults:
    """The copies of a logical unit by session and list identifier."""

    by_session: dict[int | None, dict[int, CopyResult]] = field(default_factory=dict)

    def begin(self, session: int | None, identifier: int | None, action: int) -> CopyResult:
        """Remember a new copy, unless it has no list identifier.

        Raises:
            Refused: the list identifier is that of a copy in progress.
        """
        result = CopyResult(action)
        if identifier is None:
            return result
        results = self.by_session.setdefault(session, {})
        known = results.pop(identifier, None)
        if known is not None and known.status == CopyStatus.IN_PROGRESS:
            results[identifier] = known
            raise Refused(OPERATION_IN_PROGRESS)
        if len(results) >= MOST_REMEMBERED:
            over = (key for key, each in results.items() if each.status != CopyStatus.IN_PROGRESS)
            results.pop(next(over, identifier), None)
        results[identifier] = result
        return result

    def find(self, session: int | None, identifier: int) -> CopyResult | None:
        """The copy with a list identifier, if it is remembered."""
        return self.by_session.get(session, {}).get(identifier)

    def drop(self, session: int | None, identifier: int) -> None:
        """Forget one copy."""
        self.by_session.get(session, {}).pop(identifier, None)

    def forget(self, session: int | None) -> None:
        """Forget the copies of a session that is gone."""
        self.by_session.pop(session, None)

    def clear(self) -> None:
        """Forget all copies: the logical unit was reset."""
        self.by_session.clear()
