"""SNACK Request (RFC 7143 section 11.16)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from chiscsi_target.errors import RejectedPdu
from iscsi_wire.constants import RejectReason

if TYPE_CHECKING:
    from chiscsi_target.core.connection import Connection
    from iscsi_wire.framing import Frame


def snack_request(connection: Connection, frame: Frame) -> NoReturn:
    """Refuse a SNACK: it asks for a recovery that ErrorRecoveryLevel 0 does not have.

    Raises:
        RejectedPdu: always.
    """
    raise RejectedPdu(RejectReason.SNACK_REJECT, "SNACK at ErrorRecoveryLevel 0", "11.16")
