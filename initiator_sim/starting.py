"""Starting a SCSI command: its header, and the data that go out unasked (RFC 7143, 4.2.5.2 and 11.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from initiator_sim.draft import Mutation
from initiator_sim.outcomes import Inconclusive
from initiator_sim.task import Task
from iscsi_wire.ahs import BidirectionalReadLengthAhs, ExtendedCdbAhs, build_ahs
from iscsi_wire.constants import TaskAttribute
from iscsi_wire.pdus import ScsiCommand

if TYPE_CHECKING:
    from initiator_sim.connection import Connection
    from initiator_sim.parameters import Parameters

CDB_LENGTH = 16
"""What the header holds of a CDB, in octets; longer ones go on in an AHS (RFC 7143, 11.3.5)."""


class Encodable(Protocol):
    """A structure that knows its octets, such as a CDB of `iscsi_wire.scsi`."""

    def encode(self) -> bytes:
        """Return the octets."""
        ...


def lun_field(lun: int) -> int:
    """Return the 64-bit LUN field for a LUN.

    Args:
        lun: a number below 16384, or a whole field of 64 bits, which stays as it is.
    """
    if lun < 256:
        return lun << 48  # peripheral device addressing (SAM-5, 4.7.7.2)
    return (0x4000 | lun) << 48 if lun < 16384 else lun  # flat space addressing (4.7.7.3)


def start_command(
    connection: Connection,
    parameters: Parameters,
    cdb: bytes | Encodable,
    *mutations: Mutation,
    read: int = 0,
    write: bytes = b"",
    lun: int = 0,
    immediate_data: int | None = None,
    unsolicited: int | None = None,
    **fields: Any,
) -> Task:
    """Send a SCSI Command and the data that go out unasked; see `Session.start`."""
    octets = cdb if isinstance(cdb, bytes) else cdb.encode()
    immediate_length = _immediate_length(connection, parameters, write, immediate_data)
    unasked = _unsolicited_end(parameters, write, immediate_length, unsolicited)
    filled: dict[str, Any] = {
        "read": int(read > 0),
        "write": int(bool(write)),
        "attr": TaskAttribute.SIMPLE,
        "lun": lun_field(lun),
        "expected_data_transfer_length": len(write) or read,
        "cdb": octets[:CDB_LENGTH].ljust(CDB_LENGTH, b"\0"),
        "final": int(unasked <= immediate_length),
    }
    filled |= fields
    if "cmd_sn" not in fields and not fields.get("immediate") and not _window_opens(connection):
        raise Inconclusive("the target's command window stays closed")
    draft = connection.send(
        ScsiCommand, *mutations, data=write[:immediate_length], ahs=_ahs(octets, read, write), **filled
    )
    header = draft.as_sent
    length = header.expected_data_transfer_length
    task = Task(
        connection,
        parameters,
        draft,
        write,
        expected_input=(read if write else length) if header.read else 0,
        expected_output=length if header.write else 0,
    )
    task.output_transfer.sent_unasked(max(unasked, immediate_length))
    if unasked > immediate_length:
        task.send_sequence(immediate_length, unasked - immediate_length)
    return task


def _immediate_length(connection: Connection, parameters: Parameters, write: bytes, wanted: int | None) -> int:
    if wanted is not None:
        return wanted
    if not parameters.immediate_data:
        return 0
    return min(len(write), parameters.first_burst_length, connection.max_send_segment)


def _unsolicited_end(parameters: Parameters, write: bytes, immediate: int, wanted: int | None) -> int:
    """Return up to which octet data go out unasked, immediate data included."""
    if wanted is not None:
        return immediate + wanted
    if parameters.initial_r2t:
        return immediate
    return max(min(len(write), parameters.first_burst_length), immediate)


def _window_opens(connection: Connection) -> bool:
    # On a dead connection there is nothing to wait for: the command's end will say so.
    return connection.wait_until(lambda: connection.numbering.open) or connection.ended


def _ahs(cdb: bytes, read: int, write: bytes) -> bytes:
    """Return the additional header segments: the rest of a long CDB, the read length of a bidirectional command."""
    segments: list[ExtendedCdbAhs | BidirectionalReadLengthAhs] = []
    if len(cdb) > CDB_LENGTH:
        segments.append(ExtendedCdbAhs.make(extended_cdb=cdb[CDB_LENGTH:]))
    if read and write:
        segments.append(BidirectionalReadLengthAhs.make(bidirectional_read_expected_data_transfer_length=read))
    return build_ahs(segments) if segments else b""
