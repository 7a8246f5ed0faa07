"""What a script leaves open in a request, filled in: tags, numbers, bits (RFC 7143 sections 4.2.2 and 11)."""

from __future__ import annotations

from typing import Any, Final, TypeVar

from initiator_sim.fields import field_table
from initiator_sim.numbering import Numbering
from initiator_sim.outcomes import HarnessFault
from iscsi_wire.constants import RESERVED_TAG, Opcode
from iscsi_wire.errors import FieldValueError
from iscsi_wire.pdus import LoginRequest, NopOut, Pdu

H = TypeVar("H", bound=Pdu)

NUMBERED: Final = frozenset(
    {
        Opcode.NOP_OUT,
        Opcode.SCSI_COMMAND,
        Opcode.TASK_MANAGEMENT_REQUEST,
        Opcode.TEXT_REQUEST,
        Opcode.LOGOUT_REQUEST,
    }
)
"""Requests that take part in command numbering (RFC 7143, 4.2.2.1)."""


def make_header(kind: type[H], given: dict[str, Any], numbering: Numbering, exp_stat_sn: int) -> H:
    """Make a header of the class `kind` with the fields `given`, and fill in the others.

    Raises:
        HarnessFault: the PDU has no such field, or its bits cannot hold the value.
    """
    header = kind()
    known = field_table(kind)
    try:
        for name, value in given.items():
            if name not in known:
                raise HarnessFault(f"{kind.__name__} has no field {name}; it has {', '.join(known)}")
            setattr(header, name, value)
    except FieldValueError as error:
        raise HarnessFault(str(error)) from error
    _fill_in(header, given, numbering, exp_stat_sn)
    return header


def _fill_in(header: Any, given: dict[str, Any], numbering: Numbering, exp_stat_sn: int) -> None:
    known = field_table(type(header))
    if "final" in known and "final" not in given:
        header.final = 1
    if "target_transfer_tag" in known and "target_transfer_tag" not in given:
        header.target_transfer_tag = RESERVED_TAG
    if "initiator_task_tag" in known and "initiator_task_tag" not in given:
        header.initiator_task_tag = numbering.take_tag()
    if "exp_stat_sn" in known and "exp_stat_sn" not in given:
        header.exp_stat_sn = exp_stat_sn
    if "cmd_sn" not in known:
        return
    if "immediate" not in given and (isinstance(header, LoginRequest) or _wants_no_answer(header)):
        header.immediate = 1
    if "cmd_sn" not in given:
        header.cmd_sn = numbering.take_cmd_sn(bool(header.immediate))


def _wants_no_answer(header: Pdu) -> bool:
    """RFC 7143, 11.18.1: "If the Initiator Task Tag contains 0xffffffff, the I bit MUST be set to 1"."""
    return isinstance(header, NopOut) and header.initiator_task_tag == RESERVED_TAG
