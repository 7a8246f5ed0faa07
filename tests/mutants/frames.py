"""Faults of framing, digests, additional header segments, fields, and Reject (sections 7.7, 7.8, 11.2 and 11.17)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chiscsi_target.core import connection as core_connection
from chiscsi_target.core import dispatch
from chiscsi_target.core.connection import Connection
from chiscsi_target.errors import RejectedPdu
from iscsi_wire.constants import OPCODE_MASK, RESERVED_TAG, Opcode
from iscsi_wire.digest import digest
from iscsi_wire.framing import Frame, Framer
from iscsi_wire.pdus import NopIn, NopOut, Reject, ScsiCommand
from tests.mutants.planting import Handler, Original, Plant, mutant

_REQUESTS = (
    Opcode.NOP_OUT,
    Opcode.SCSI_COMMAND,
    Opcode.TASK_MANAGEMENT_REQUEST,
    Opcode.TEXT_REQUEST,
    Opcode.DATA_OUT,
    Opcode.LOGOUT_REQUEST,
)
_UNASSIGNED = "an opcode that has no meaning"


def _refuse(plant: Plant, opcode: Opcode, wrong: Callable[[Frame], object], reason: int = 4) -> None:
    """Reject requests of an opcode that are `wrong`."""

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        if wrong(frame):
            raise RejectedPdu(reason, "refused", "none")
        original(connection, frame)

    plant.received(opcode, handle)


def _drop(plant: Plant, opcode: Opcode, which: Callable[[Frame], object]) -> None:
    """Ignore requests of an opcode."""

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        if not which(frame):
            original(connection, frame)

    plant.received(opcode, handle)


def _change_command(plant: Plant, change: Callable[[ScsiCommand], object]) -> None:
    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        pdu = ScsiCommand.decode(frame.header)
        change(pdu)
        frame.header = pdu.encode()
        original(connection, frame)

    plant.received(Opcode.SCSI_COMMAND, handle)


# Reject


@mutant("11.2.1.2", "reject-opcode-01 reject-opcode-02 reject-command-01")
def unassigned_opcodes_are_ignored(plant: Plant) -> None:
    """A PDU whose opcode has no meaning is dropped."""
    plant.replace(dispatch, "unsupported", lambda connection, frame: None)


@mutant("11.2.1.2", "reject-opcode-03")
def target_opcodes_are_ignored(plant: Plant) -> None:
    """A PDU that only a target may send is dropped."""
    for opcode in Opcode:
        if opcode & 0x20:
            plant.row(dispatch.handlers_for(False), opcode.value, lambda connection, frame: None)


@mutant("11.17.4", "reject-header-01")
def reject_returns_half_a_header(plant: Plant) -> None:
    """Of the header that a Reject returns, the second half is 0."""

    def send(original: Original, connection: Connection, reason: int, frame: Frame) -> None:
        frame.header = bytes(frame.header[:24]) + bytes(24)
        original(connection, reason, frame)

    plant.wrap(core_connection, "send_reject", send)


@mutant("11.17.3", "reject-numbers-01")
def reject_uses_up_no_stat_sn(plant: Plant) -> None:
    """StatSN of a Reject is that of the next status, too."""

    def edit(_: Reject, connection: Connection) -> None:
        connection.stat_sn -= 1

    plant.sent(Reject, edit)


@mutant("11.16", "reject-snack-01")
def snacks_are_ignored(plant: Plant) -> None:
    """A SNACK Request at ErrorRecoveryLevel 0 is dropped."""
    _drop(plant, Opcode.SNACK_REQUEST, lambda frame: True)


@mutant("11.17.1", "reject-tag-01 reject-tag-02")
def command_takes_over_the_tag_of_another(plant: Plant) -> None:
    """A command with the Initiator Task Tag of a task that exists is executed, and the task is lost."""

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        assert connection.session is not None
        connection.session.tasks.pop(ScsiCommand.decode(frame.header).initiator_task_tag, None)
        original(connection, frame)

    plant.received(Opcode.SCSI_COMMAND, handle)


@mutant("7.3", "reject-tag-02")
def cmd_sn_of_a_rejected_command_is_used_up(plant: Plant) -> None:
    """ExpCmdSN moves on for a command that was rejected."""

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        assert connection.session is not None
        try:
            original(connection, frame)
        except RejectedPdu:
            connection.session.window.exp_cmd_sn += 1
            raise

    plant.received(Opcode.SCSI_COMMAND, handle)


@mutant("11.2.1.8", "reject-tag-03")
def reserved_tag_is_a_tag(plant: Plant) -> None:
    """A command with the Initiator Task Tag 0xffffffff is dropped."""
    _drop(
        plant,
        Opcode.SCSI_COMMAND,
        lambda frame: ScsiCommand.decode(frame.header).initiator_task_tag == RESERVED_TAG,
    )


@mutant("7.3", "reject-command-01")
def rejected_request_is_answered_as_well(plant: Plant) -> None:
    """A request that was rejected gets a response behind the Reject."""

    def reject(original: Original, connection: Connection, violation: RejectedPdu, frame: Frame) -> None:
        original(connection, violation, frame)
        assert connection.session is not None
        window, tag = connection.session.window, NopOut.decode(frame.header).initiator_task_tag
        pdu = NopIn(initiator_task_tag=tag, stat_sn=connection.next_stat_sn())
        pdu.exp_cmd_sn, pdu.max_cmd_sn = window.exp_cmd_sn, window.max_cmd_sn
        connection.send_pdu(pdu)

    plant.wrap(Connection, "_reject", reject)


@mutant("7.3", "reject-command-02 digest-wrong-data-01.numbered digest-wrong-data-02")
def request_behind_a_rejected_one_is_lost(plant: Plant) -> None:
    """The request that comes behind a rejected one is dropped."""
    rejected: set[Connection] = set()

    def reject(original: Original, connection: Connection, *rest: Any) -> None:
        rejected.add(connection)
        original(connection, *rest)

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        if connection in rejected:
            rejected.discard(connection)
        else:
            original(connection, frame)

    plant.wrap(Connection, "_reject", reject)
    for opcode in (Opcode.SCSI_COMMAND, Opcode.NOP_OUT):
        plant.received(opcode, handle)


# Digests


def _send_otherwise(plant: Plant, opcodes: tuple[Opcode, ...], **digests: bool) -> None:
    """Send PDUs of these opcodes with other digests than agreed."""

    def send(original: Original, connection: Connection, header: bytes, *rest: Any) -> None:
        framer = connection.framer
        agreed = {name: getattr(framer, name) for name in digests}
        if header[0] & OPCODE_MASK in opcodes:
            for name, used in digests.items():
                setattr(framer, name, used)
        original(connection, header, *rest)
        for name, used in agreed.items():
            setattr(framer, name, used)

    plant.wrap(Connection, "_send_with_digests", send)


@mutant("13.1", "digest-combination-03")
def text_responses_have_no_header_digest(plant: Plant) -> None:
    """A Text Response goes out without the header digest agreed."""
    _send_otherwise(plant, (Opcode.TEXT_RESPONSE,), header_digest=False)


@mutant("13.1", "digest-response-01 digest-combination-01.data")
def sense_data_have_no_digest(plant: Plant) -> None:
    """A SCSI Response with sense data for an illegal request, or a Reject, lacks the data digest agreed."""

    def send(original: Original, connection: Connection, header: bytes, pieces: Any, length: int) -> None:
        data = b"".join(pieces)
        agreed = connection.framer.data_digest
        if header[0] & OPCODE_MASK == Opcode.REJECT or data[4:5] == b"\x05":
            connection.framer.data_digest = False
        original(connection, header, pieces, length)
        connection.framer.data_digest = agreed

    plant.wrap(Connection, "_send_with_digests", send)


@mutant("13.1", "digest-combination-02")
def digests_hold_for_the_whole_session(plant: Plant) -> None:
    """The digests of the connection that came last are used on all of its session."""

    def start(original: Original, connection: Connection, *, header_digest: bool, **more: Any) -> None:
        original(connection, header_digest=header_digest, **more)
        others = () if connection.session is None else connection.session.connections.values()
        for other in others:
            other.framer.header_digest = header_digest
            other.zero_copy = other.zero_copy and not header_digest

    plant.wrap(Connection, "start_full_feature_phase", start)


@mutant("11.2.3", "digest-empty-01")
def empty_data_segments_have_a_digest(plant: Plant) -> None:
    """A PDU without data has a data digest."""

    def send(original: Original, connection: Connection, header: bytes, pieces: Any, length: int) -> None:
        original(connection, header, pieces, length)
        if not length and connection.framer.data_digest and header[0] & OPCODE_MASK == Opcode.NOP_IN:
            connection.output.append(digest(b""))

    plant.wrap(Connection, "_send_with_digests", send)


class _FramesFramer(Framer):
    """A framer that hands every frame to `amend` before anybody else sees it."""

    def amend(self, frame: Frame) -> None:
        """Change a frame."""

    def _frame(self, position: int, header_end: int) -> Frame:
        frame = super()._frame(position, header_end)
        self.amend(frame)
        return frame


@mutant("7.8", "digest-wrong-header-01 digest-wrong-header-02")
def header_digests_are_not_checked(plant: Plant) -> None:
    """A PDU with a wrong header digest is served."""

    class Careless(_FramesFramer):
        def amend(self, frame: Frame) -> None:
            frame.header_digest_error = False

    plant.replace(core_connection, "Framer", Careless)


@mutant("11.2.3", "digest-ahs-01")
def header_digest_leaves_out_additional_segments(plant: Plant) -> None:
    """The header digest of a PDU with additional header segments is taken for wrong."""

    class Short(_FramesFramer):
        def amend(self, frame: Frame) -> None:
            frame.header_digest_error = frame.header_digest_error or (self.header_digest and bool(frame.ahs))

    plant.replace(core_connection, "Framer", Short)


def _data_digest_error(plant: Plant, wrong: Callable[[Frame], bool]) -> None:
    """Have it said of each PDU with data whether its data digest is wrong."""

    def judge(original: Original, connection: Connection, frames: list[Frame]) -> None:
        for frame in frames:
            if connection.framer.data_digest and len(frame.data):
                frame.data_digest_error = wrong(frame)
        original(connection, frames)

    plant.wrap(Connection, "_handle", judge)


@mutant(
    "7.8",
    "digest-wrong-data-01 digest-wrong-data-02 digest-wrong-data-03 digest-wrong-data-04 digest-wrong-data-05"
    " digest-wrong-data-06",
)
def data_digests_are_not_checked(plant: Plant) -> None:
    """Data with a wrong digest are taken."""
    _data_digest_error(plant, lambda frame: False)


@mutant("13.1", "digest-padding-01 frame-split-02")
def data_digest_leaves_out_the_padding(plant: Plant) -> None:
    """The data digest of a segment with padding is taken for wrong."""
    _data_digest_error(plant, lambda frame: frame.data_digest_error or bool(frame.padding))


@mutant("13.1", "digest-reference-01")
def data_digest_has_its_octets_swapped(plant: Plant) -> None:
    """The data digests of 32 octets that the specification gives as examples are taken for wrong."""
    _data_digest_error(plant, lambda frame: frame.data_digest_error or len(frame.data) == 32)
