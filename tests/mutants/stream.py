"""Faults of the stream, additional header segments, and fields of requests (RFC 7143 sections 4.6, 7.7 and 11.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chiscsi_target.core import dispatch, session
from chiscsi_target.core.connection import Connection
from chiscsi_target.core.connection_state import ConnectionEvent
from chiscsi_target.core.registry import Registry
from initiator_sim.fields import first_reserved_set
from iscsi_wire.constants import Opcode
from iscsi_wire.framing import Frame
from tests.mutants.frames import _REQUESTS, _change_command, _drop, _refuse
from tests.mutants.planting import Handler, Original, Plant, mutant

# The stream


@mutant("4.6", "frame-split-01 frame-split-02 frame-split-03")
def header_has_to_come_in_one_piece(plant: Plant) -> None:
    """A TCP segment of fewer than 48 octets ends the connection."""

    def received(original: Original, connection: Connection, count: int) -> None:
        if count < 48:
            connection.drop("a piece of a header")
        else:
            original(connection, count)

    plant.wrap(Connection, "received", received)


@mutant("4.6", "frame-joined-01")
def one_pdu_of_a_segment_is_served(plant: Plant) -> None:
    """Of several PDUs that come in one TCP segment, the first is served."""
    plant.wrap(Connection, "_handle", lambda original, connection, frames: original(connection, frames[:1]))


@mutant("7.1.4.3", "frame-truncated-01")
def connection_that_breaks_within_a_pdu_spoils_a_block(plant: Plant) -> None:
    """The first block of the medium is cleared when a connection ends in the middle of a PDU."""

    def closed(original: Original, connection: Connection, reset: bool = False) -> None:
        session = connection.session
        if session is not None and session.node is not None and connection.framer.buffered:
            session.node.luns[0].priv_data[:512] = bytes(512)
        original(connection, reset)

    plant.wrap(Connection, "transport_closed", closed)


@mutant("7.1.4.3", "frame-truncated-02")
def reset_connection_takes_all_sessions_along(plant: Plant) -> None:
    """A TCP reset ends the sessions of other initiators."""

    def closed(original: Original, connection: Connection, reset: bool = False) -> None:
        if connection.session is not None and reset:
            connection.agenda.close_all_sessions(connection.session)
        original(connection, reset)

    plant.wrap(Connection, "transport_closed", closed)


@mutant("7.7", "frame-length-01")
def oversized_data_segment_gets_no_answer(plant: Plant) -> None:
    """A data segment beyond MaxRecvDataSegmentLength leaves the connection open and silent."""

    def drop(original: Original, connection: Connection, reason: str) -> None:
        if "DataSegmentLength" not in reason:
            original(connection, reason)

    plant.wrap(Connection, "drop", drop)


@mutant("7.7", "frame-length-02")
def impossible_length_ends_all_sessions(plant: Plant) -> None:
    """A header that announces too much data, on any connection, ends all sessions."""
    registries: list[Registry] = []

    def begin(original: Original, connection: Connection, *arguments: Any) -> None:
        registries.append(arguments[3])
        original(connection, *arguments)

    def drop(original: Original, connection: Connection, reason: str) -> None:
        if "DataSegmentLength" in reason:
            for session in list(registries[-1].sessions.values()):
                session.close(ConnectionEvent.CLOSED_CLEANLY)
        original(connection, reason)

    plant.wrap(Connection, "__init__", begin)
    plant.wrap(Connection, "drop", drop)


@mutant("11", "frame-padding-01")
def padding_has_to_be_zero(plant: Plant) -> None:
    """A NOP-Out whose padding is not 0 is rejected."""
    _refuse(plant, Opcode.NOP_OUT, lambda frame: any(frame.padding))


# Additional header segments


@mutant("11.2.2", "ahs-extended-cdb-01 ahs-extended-cdb-02")
def extended_cdb_is_a_protocol_error(plant: Plant) -> None:
    """A command with an additional header segment is rejected as a protocol error."""
    _refuse(plant, Opcode.SCSI_COMMAND, lambda frame: frame.ahs)


@mutant("7.7", "ahs-length-01 ahs-type-01")
def commands_with_segments_get_no_answer(plant: Plant) -> None:
    """A command with additional header segments is dropped."""
    _drop(plant, Opcode.SCSI_COMMAND, lambda frame: frame.ahs)


@mutant("11", "ahs-type-01")
def segments_of_reserved_types_are_ignored(plant: Plant) -> None:
    """A command with an additional header segment of a reserved type is executed without it."""

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        frame.ahs = b""
        original(connection, frame)

    plant.received(Opcode.SCSI_COMMAND, handle)


@mutant("11.2.1.5", "ahs-place-01")
def ping_with_a_segment_is_ignored(plant: Plant) -> None:
    """A NOP-Out with an additional header segment is dropped."""
    _drop(plant, Opcode.NOP_OUT, lambda frame: frame.ahs)


@mutant("11.3.1", "ahs-bidirectional-01 ahs-bidirectional-02")
def bidirectional_commands_get_no_answer(plant: Plant) -> None:
    """A command with R and W is dropped."""
    _drop(plant, Opcode.SCSI_COMMAND, lambda frame: frame.header[1] & 0x60 == 0x60)


# Fields


@mutant(
    "11",
    "reserved-bits-01 reserved-bits-02 reserved-bits-03 reserved-bits-04 reserved-bits-05 reserved-bits-06",
)
def reserved_bits_are_refused(plant: Plant) -> None:
    """A request with a reserved bit that is not 0 is rejected."""
    for opcode in _REQUESTS:
        _refuse(plant, opcode, lambda frame: first_reserved_set(bytes(frame.header)))


@mutant("11.3.1", "scsi-flags-01")
def command_without_f_and_w_is_executed(plant: Plant) -> None:
    """A command with neither F nor W is taken as though F were set."""
    _change_command(plant, lambda pdu: setattr(pdu, "final", pdu.final or not pdu.write))


@mutant("11.3.4", "scsi-flags-02")
def expected_length_without_direction_gets_no_answer(plant: Plant) -> None:
    """A command with an expected length and neither R nor W is dropped."""
    _drop(
        plant,
        Opcode.SCSI_COMMAND,
        lambda frame: not frame.header[1] & 0x60 and any(frame.header[20:24]),
    )


@mutant("7.7", "scsi-flags-03")
def data_without_direction_get_no_answer(plant: Plant) -> None:
    """A command with data and without W is dropped."""
    _drop(plant, Opcode.SCSI_COMMAND, lambda frame: len(frame.data) and not frame.header[1] & 0x20)


@mutant("11.3.1", "task-attribute-01.untagged task-attribute-01.ordered task-attribute-01.head-of-queue")
def only_simple_commands_are_executed(plant: Plant) -> None:
    """A command with another task attribute than SIMPLE is rejected."""
    _refuse(plant, Opcode.SCSI_COMMAND, lambda frame: frame.header[1] & 7 != 1)


@mutant("10.2", "task-attribute-02")
def aca_commands_get_no_answer(plant: Plant) -> None:
    """A command with the attribute ACA is dropped."""
    _drop(plant, Opcode.SCSI_COMMAND, lambda frame: frame.header[1] & 7 == 4)


@mutant("11", "task-attribute-03")
def reserved_attributes_are_simple(plant: Plant) -> None:
    """A command with a reserved task attribute is executed."""
    _change_command(plant, lambda pdu: setattr(pdu, "attr", 1 if pdu.attr > 4 else pdu.attr))


def _decode_lun(plant: Plant, decode: Callable[[Original, int], int]) -> None:
    plant.wrap(session, "decode_lun", decode)


@mutant("11.2.1.7", "lun-format-01")
def flat_addresses_lead_to_the_neighbour(plant: Plant) -> None:
    """A LUN in flat format leads to another logical unit than the same number in peripheral format."""
    _decode_lun(plant, lambda original, field: original(field) ^ (field >> 62 == 1))


@mutant("11.2.1.7", "lun-format-02")
def second_level_of_a_lun_is_ignored(plant: Plant) -> None:
    """Of a LUN with several levels, the first decides."""
    _decode_lun(plant, lambda original, field: original(field & 0xFFFF000000000000))


@mutant("4.3", "discovery-request-01 discovery-request-02")
def discovery_sessions_ignore_what_they_do_not_serve(plant: Plant) -> None:
    """A request other than Text and Logout is dropped in a discovery session."""
    for opcode in (*_REQUESTS, Opcode.SNACK_REQUEST):
        if opcode not in (Opcode.TEXT_REQUEST, Opcode.LOGOUT_REQUEST):
            plant.row(dispatch.handlers_for(True), opcode.value, lambda connection, frame: None)
