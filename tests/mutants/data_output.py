"""Faults in what a target makes of Data-Out that arrive (RFC 7143 sections 4.2.5, 7.9 and 11.7)."""

from __future__ import annotations

from typing import Any

from chiscsi_target.core import buffers, data_out, scsi_response
from chiscsi_target.core.connection import Connection
from chiscsi_target.core.session import Session
from chiscsi_target.core.task import Task
from chiscsi_target.engine.completions import Completions
from chiscsi_target.errors import RejectedPdu
from iscsi_wire.constants import RESERVED_TAG, Opcode, RejectReason
from iscsi_wire.framing import Frame
from iscsi_wire.pdus import ScsiResponse
from tests.mutants.data_transfer import _change, _fields, _not_placed, _task
from tests.mutants.planting import Handler, Original, Plant, mutant

# What arrives


def _refuse_data_out(plant: Plant, wrong: Any) -> None:
    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        if wrong(_fields(frame)):
            raise RejectedPdu(RejectReason.INVALID_PDU_FIELD, "Data-Out", "11.7")
        original(connection, frame)

    plant.received(Opcode.DATA_OUT, handle)


@mutant("11.7.1", "dataout-pieces-01 dataout-pieces-02.one-two-three")
def sequences_of_several_data_out_are_refused(plant: Plant) -> None:
    """A Data-Out with F=0 in answer to an R2T is rejected."""
    _refuse_data_out(plant, lambda pdu: not pdu.final and pdu.target_transfer_tag != RESERVED_TAG)


@mutant("11.2.1.6", "dataout-pieces-02")
def padding_of_data_out_is_stored(plant: Plant) -> None:
    """The padding of a Data-Out counts as data."""
    _not_placed(plant)

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        data = bytes(frame.data)
        frame.data = data + bytes(-len(data) % 4)
        original(connection, frame)

    plant.received(Opcode.DATA_OUT, handle)


@mutant("11.7.7", "dataout-empty-01 dataout-empty-02")
def empty_data_out_are_refused(plant: Plant) -> None:
    """A Data-Out without data is rejected."""
    _refuse_data_out(plant, lambda pdu: not pdu.data_segment_length)


@mutant("4.2.5.2", "transfer-write-01 transfer-round-trip-01 transfer-connections-01 frame-split-03")
def every_write_lands_one_octet_further(plant: Plant) -> None:
    """Output is stored one octet behind its place: the first of a transfer is lost."""
    _not_placed(plant)

    def scatter(original: Original, phases: Any, start: int, data: Any) -> None:
        original(phases, start, (b"\0" + bytes(data))[: len(data)])

    plant.wrap(buffers, "scatter", scatter)


@mutant("4.2.5.1", "transfer-connections-02")
def status_goes_to_the_leading_connection(plant: Plant) -> None:
    """A SCSI Response is sent on the session's first connection, wherever the command came from."""

    def send(original: Original, connection: Connection, header: bytes, *rest: Any) -> None:
        session = connection.session
        if header[0] & 0x3F == ScsiResponse.OPCODE and session is not None and len(session.connections) > 1:
            connection = next(iter(session.connections.values()))
        original(connection, header, *rest)

    plant.wrap(Connection, "send", send)


@mutant("4.2.5.1", "transfer-parallel-02")
def r2ts_of_all_tasks_have_to_be_answered_in_order(plant: Plant) -> None:
    """A Data-Out that answers another R2T than the session's oldest is rejected."""

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        assert connection.session is not None
        oldest = next((task for task in connection.session.tasks.values() if task.is_write and task.r2ts), None)
        if oldest is not None and oldest.sc_itt != _fields(frame).initiator_task_tag:
            raise RejectedPdu(RejectReason.INVALID_PDU_FIELD, "not the oldest R2T", "11.8")
        original(connection, frame)

    _not_placed(plant)
    plant.received(Opcode.DATA_OUT, handle)


@mutant("4.2.5.2", "transfer-parallel-03")
def next_command_ends_the_unsolicited_data(plant: Plant) -> None:
    """A command that comes before the unsolicited data of the one before it makes those an error."""

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        assert connection.session is not None
        for task in connection.session.tasks.values():
            if task.is_write and task.unsolicited_open:
                task.doom(data_out.INCORRECT_AMOUNT_OF_DATA)
        original(connection, frame)

    plant.received(Opcode.SCSI_COMMAND, handle)


# Wrong output


def _lenient(plant: Plant, *conditions: tuple[int, int, int]) -> None:
    """Do not fail a write for these conditions."""

    def doom(original: Original, task: Task, sense: tuple[int, int, int]) -> None:
        if sense not in conditions:
            original(task, sense)

    plant.wrap(Task, "doom", doom)


@mutant("13.11", "unexpected-data-01 unexpected-data-02")
def unexpected_unsolicited_data_are_taken(plant: Plant) -> None:
    """Data that may not come unasked are stored like any other."""
    _lenient(plant, data_out.UNEXPECTED_UNSOLICITED_DATA)


@mutant("11.4.7.2", "incorrect-amount-01 incorrect-amount-02 incorrect-amount-03 incorrect-amount-04 dataout-offset-01")
def amount_of_data_is_not_checked(plant: Plant) -> None:
    """Output of a wrong amount, or at a wrong offset, does not fail its write."""
    _lenient(plant, data_out.INCORRECT_AMOUNT_OF_DATA)


@mutant("7.3", "unexpected-data-03 dataout-tag-01 dataout-tag-02 incorrect-amount-05")
def any_data_out_answers_the_r2t(plant: Plant) -> None:
    """Target Transfer Tag and length of a Data-Out are not looked at: it answers the write's first R2T."""
    _not_placed(plant)

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        task = _task(connection, frame)
        if task is not None and task.is_write and task.r2ts:
            request = next(iter(task.r2ts.values()))
            _change(frame, target_transfer_tag=next(iter(task.r2ts)), lun=task.lun_field)
            frame.data = bytes(frame.data)[: request.end - request.next_offset]
        original(connection, frame)

    plant.received(Opcode.DATA_OUT, handle)


@mutant("11.4.2", "incorrect-amount-06")
def error_is_reported_before_the_data_are_in(plant: Plant) -> None:
    """A write that fails is answered at once, although the initiator still sends."""

    def executed(original: Original, completions: Completions, task: Task) -> None:
        if task.sc_status and task.data_due and task.aborting is None:
            scsi_response.send_response(task)
        else:
            original(completions, task)

    plant.wrap(Completions, "_write_executed", executed)


@mutant("11.17.1", "dataout-tag-03")
def data_out_for_unknown_tasks_are_dropped(plant: Plant) -> None:
    """A Data-Out for a task that never was is ignored."""
    plant.replace(Session, "late_data", lambda session, itt, ttt, final: True)


@mutant("4.2.5.3", "dataout-lun-01")
def lun_of_a_data_out_is_not_checked(plant: Plant) -> None:
    """A Data-Out with the Target Transfer Tag of another LUN's R2T is taken."""
    _not_placed(plant)

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        task = _task(connection, frame)
        if task is not None:
            _change(frame, lun=task.lun_field)
        original(connection, frame)

    plant.received(Opcode.DATA_OUT, handle)


@mutant("7.9", "dataout-number-01")
def data_sn_of_a_data_out_is_not_checked(plant: Plant) -> None:
    """A Data-Out with a wrong DataSN is taken."""
    _lenient(plant, data_out.PROTOCOL_SERVICE_CRC_ERROR)


@mutant("4.2.5.2", "dataout-late-01")
def data_out_behind_the_end_of_a_write_are_stored(plant: Plant) -> None:
    """A Data-Out for a write that has ended overwrites what was written."""
    ended: dict[tuple[Session | None, int], Any] = {}

    def release(original: Original, task: Task) -> None:
        ended[task.session, task.sc_itt] = (task.sc_lu, task.sc_lba) if task.is_write else (None, 0)
        original(task)

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        unit, lba = ended.get((connection.session, _fields(frame).initiator_task_tag), (None, 0))
        if unit is None or _task(connection, frame) is not None:
            original(connection, frame)
            return
        start = lba << unit.sect_shift
        unit.priv_data[start : start + len(frame.data)] = frame.data

    plant.wrap(scsi_response, "end_task", release)
    plant.received(Opcode.DATA_OUT, handle)
