"""Which PDU goes where in full feature phase, and in which type of session it may come."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from chiscsi_target.core.adapter import Burst
from chiscsi_target.core.data_out import data_out, data_out_burst
from chiscsi_target.core.logout import logout
from chiscsi_target.core.nop import nop_out
from chiscsi_target.core.scsi_commands import scsi_command
from chiscsi_target.core.snack import snack_request
from chiscsi_target.core.task_management import task_management_request
from chiscsi_target.core.text import text_request
from chiscsi_target.errors import RejectedPdu
from iscsi_wire.constants import Opcode, RejectReason

if TYPE_CHECKING:
    from chiscsi_target.core.connection import Connection
    from iscsi_wire.framing import Frame

Handler: TypeAlias = Callable[["Connection", Any], None]
"""Takes a `Frame`; what stands for a whole burst, a `Burst`."""

# Opcode -> handler, whether a discovery session serves it (section 4.3: SendTargets and Logout, nothing else).
TABLE: Mapping[Opcode, tuple[Handler, bool]] = {
    Opcode.NOP_OUT: (nop_out, False),
    Opcode.SCSI_COMMAND: (scsi_command, False),
    Opcode.TASK_MANAGEMENT_REQUEST: (task_management_request, False),
    Opcode.TEXT_REQUEST: (text_request, True),
    Opcode.DATA_OUT: (data_out, False),
    Opcode.LOGOUT_REQUEST: (logout, True),
    Opcode.SNACK_REQUEST: (snack_request, False),
}


def refuse(connection: Connection, frame: Frame) -> NoReturn:
    """Refuse a PDU that the RFC knows, but not here: a Login Request, a target's PDU, or what discovery does not serve.

    Raises:
        RejectedPdu: always.
    """
    raise RejectedPdu(RejectReason.PROTOCOL_ERROR, f"{Opcode.meaning(frame.opcode)} at this time", "4.3")


def unsupported(connection: Connection, frame: Frame) -> NoReturn:
    """Refuse an opcode that has no meaning.

    Raises:
        RejectedPdu: always.
    """
    raise RejectedPdu(RejectReason.COMMAND_NOT_SUPPORTED, f"opcode {frame.opcode:#04x}", "11.2.1.2")


def _handlers(discovery: bool) -> Mapping[int, Handler]:
    handlers: dict[int, Handler] = {opcode.value: refuse for opcode in Opcode}
    for opcode, (handler, in_discovery) in TABLE.items():
        if in_discovery or not discovery:
            handlers[opcode.value] = handler
    if not discovery:
        handlers[Burst.OPCODE] = data_out_burst
    return handlers


_NORMAL, _DISCOVERY = _handlers(discovery=False), _handlers(discovery=True)


def handlers_for(discovery: bool) -> Mapping[int, Handler]:
    """The handlers of a session of this type, by opcode; `unsupported` for all that is missing."""
    return _DISCOVERY if discovery else _NORMAL
