"""Faults of data transfer: Data-In, Data-Out, R2T, immediate and unsolicited data (sections 4.2.5, 11.7 and 11.8)."""

from __future__ import annotations

from typing import Any

from chiscsi_target.core import buffers, data_in, data_out, scsi_commands, scsi_response, text
from chiscsi_target.core.connection import Connection
from chiscsi_target.core.session import Session
from chiscsi_target.core.task import Task
from chiscsi_target.engine.completions import Completions
from chiscsi_target.errors import RejectedPdu
from iscsi_wire.constants import RESERVED_TAG, Opcode, RejectReason, ScsiStatus
from iscsi_wire.framing import Frame
from iscsi_wire.pdus import DataIn, DataOut, ReadyToTransfer, ScsiResponse
from tests.mutants.planting import Handler, Original, Plant, mutant


def _fields(frame: Frame) -> DataOut:
    return DataOut.decode(frame.header)


def _change(frame: Frame, **fields: int) -> None:
    header = _fields(frame)
    for name, value in fields.items():
        setattr(header, name, value)
    frame.header = header.encode()


def _task(connection: Connection, frame: Frame) -> Task | None:
    assert connection.session is not None
    return connection.session.tasks.get(_fields(frame).initiator_task_tag)


def _not_placed(plant: Plant) -> None:
    """Have all Data-Out go through `data_out`, none straight into the driver's memory."""
    plant.replace(data_out, "place", lambda connection, frame: None)


# Data-In


@mutant("11.7.1", "datain-final-01 transfer-read-01.burst-of-many-segments")
def input_sequences_do_not_end(plant: Plant) -> None:
    """Only the last Data-In of a read has F=1, whatever MaxBurstLength is."""

    def edit(pdu: DataIn, _: Connection) -> None:
        pdu.final = pdu.status_present

    plant.sent(DataIn, edit)


@mutant("11.7.6", "datain-offset-01")
def buffer_offset_counts_from_the_sequence(plant: Plant) -> None:
    """Buffer Offset is relative to the beginning of the sequence."""

    def edit(pdu: DataIn, connection: Connection) -> None:
        assert connection.session is not None
        pdu.buffer_offset %= connection.session.keys.max_burst_length

    plant.sent(DataIn, edit)


@mutant("11.7.2", "datain-fields-01")
def data_in_ask_for_acknowledgement(plant: Plant) -> None:
    """The last Data-In of a sequence has A=1 at ErrorRecoveryLevel 0."""

    def edit(pdu: DataIn, _: Connection) -> None:
        pdu.acknowledge = not pdu.status_present and pdu.final

    plant.sent(DataIn, edit)


@mutant("13.12", "datain-segment-01 key-data-segment-01.lowest")
def data_in_are_cut_to_8192_octets(plant: Plant) -> None:
    """The initiator's MaxRecvDataSegmentLength is not looked at: Data-In hold up to 8192 octets."""

    def send(original: Original, task: Task, *rest: Any) -> None:
        connection = task.connection
        declared, connection.max_send_data = connection.max_send_data, 8192
        original(task, *rest)
        connection.max_send_data = declared

    plant.wrap(data_in, "_send_pdus", send)
    plant.replace(data_in, "_is_plain", lambda task: False)


@mutant("13.12", "datain-segment-01 text-data-segment-01")
def length_declared_later_does_not_count(plant: Plant) -> None:
    """A MaxRecvDataSegmentLength that is declared in the full feature phase changes nothing."""
    plant.replace(text, "_conclude", lambda connection, session, exchange: None)


@mutant("11.7.3", "datain-status-01 response-fields-02")
def errors_are_told_in_a_data_in(plant: Plant) -> None:
    """A read that fails ends with a Data-In with S=1, without sense data."""

    def send(original: Original, task: Task) -> None:
        if task.is_write or task.sc_status != ScsiStatus.CHECK_CONDITION or not task.edtl:
            original(task)
            return
        scsi_response.end_task(task)
        _send_status(task)

    plant.wrap(scsi_response, "send_response", send)
    plant.wrap(data_in, "send_response", send)


def _send_status(task: Task) -> None:
    connection, window = task.connection, task.session.window
    pdu = DataIn.make(final=1, status_present=1, status=task.sc_status, initiator_task_tag=task.sc_itt)
    pdu.target_transfer_tag, pdu.stat_sn, pdu.data_sn = RESERVED_TAG, connection.next_stat_sn(), task.data_sn
    pdu.exp_cmd_sn, pdu.max_cmd_sn = window.exp_cmd_sn, window.max_cmd_sn
    connection.send_pdu(pdu)


@mutant("11.7.3", "datain-status-02")
def status_is_combined_with_f_0(plant: Plant) -> None:
    """A Data-In with S=1 has F=0 if it holds 512 octets or is not the first one."""

    def edit(pdu: DataIn, _: Connection) -> None:
        pdu.final = pdu.final and not pdu.data_sn and pdu.data_segment_length != 512

    plant.sent(DataIn, edit)


@mutant("11.2", "datain-padding-01")
def padding_is_not_zero(plant: Plant) -> None:
    """The padding of a data segment holds what happened to lie there."""
    from chiscsi_target.core import connection

    plant.replace(connection, "PADDING", (b"", b"pad", b"pa", b"p"))


@mutant("11.7.6", "transfer-zero-02")
def read_of_nothing_brings_an_octet(plant: Plant) -> None:
    """A read of no blocks is answered by a Data-In of one octet."""

    def send(original: Original, task: Task) -> None:
        if not task.is_write and not task.edtl and task.sc_cmd[0] == 0x28:
            pdu = DataIn.make(initiator_task_tag=task.sc_itt, target_transfer_tag=RESERVED_TAG)
            pdu.exp_cmd_sn, pdu.max_cmd_sn = task.session.window.exp_cmd_sn, task.session.window.max_cmd_sn
            task.connection.send_pdu(pdu, b"!")
        original(task)

    plant.wrap(data_in, "send_response", send)


@mutant(
    "4.2.5.2", "transfer-round-trip-01 transfer-read-01 transfer-parallel-01 transfer-order-01 digest-combination-01"
)
def last_octet_of_a_data_in_is_wrong(plant: Plant) -> None:
    """The last octet that a READ returns is another than the medium holds."""

    def gather(original: Original, phases: Any, start: int, end: int) -> list[bytes]:
        data = bytearray(b"".join(original(phases, start, end)))
        data[-1] ^= len(data) == end - start and end - start >= 512
        return [bytes(data)]

    plant.wrap(data_in, "gather", gather)


# R2T


@mutant("11.8.5", "r2t-fields-01")
def r2t_has_lun_0(plant: Plant) -> None:
    """The LUN of an R2T is not that of its command."""

    def edit(pdu: ReadyToTransfer, _: Connection) -> None:
        pdu.lun ^= 0x0001000000000000

    plant.sent(ReadyToTransfer, edit)


@mutant("11.8.4", "r2t-burst-01")
def r2t_asks_for_everything(plant: Plant) -> None:
    """An R2T asks for all that is missing, without regard to MaxBurstLength."""

    def send(original: Original, task: Task, length: int) -> None:
        original(task, min(task.given, task.sc_xfer_len) - task.solicited)

    plant.wrap(data_out, "_send_r2t", send)


@mutant("13.10", "r2t-unsolicited-01 r2t-unsolicited-02")
def data_that_come_unasked_are_asked_for(plant: Plant) -> None:
    """An R2T goes out at once although the command announced unsolicited data."""

    def begin(original: Original, task: Task, frame: Frame, final: bool) -> None:
        original(task, frame, True)

    plant.wrap(data_out, "begin", begin)


@mutant("11.3.1", "r2t-immediate-01 r2t-immediate-02")
def immediate_data_are_asked_for_again(plant: Plant) -> None:
    """The first R2T begins at offset 0, whatever came with the command."""

    def begin(original: Original, task: Task, frame: Frame, final: bool) -> None:
        original(task, frame, final)
        task.solicited = 0

    plant.wrap(data_out, "begin", begin)


@mutant("13.17", "r2t-outstanding-01")
def one_r2t_too_many_is_outstanding(plant: Plant) -> None:
    """MaxOutstandingR2T is exceeded by one."""

    def go_on(original: Original, task: Task) -> None:
        keys = task.session.keys
        number = keys.max_outstanding_r2t
        object.__setattr__(keys, "max_outstanding_r2t", number + 1)
        original(task)
        object.__setattr__(keys, "max_outstanding_r2t", number)

    plant.wrap(data_out, "continue_write", go_on)


@mutant("13.17", "r2t-outstanding-02")
def r2t_is_done_with_the_first_data_out(plant: Plant) -> None:
    """The next R2T goes out when the first Data-Out of a sequence has come, whether F is 0 or 1."""

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        original(connection, frame)
        task = _task(connection, frame)
        if task is not None and task.is_write and task.r2ts and not _fields(frame).final:
            outstanding, task.r2ts = task.r2ts, {}
            data_out.continue_write(task)
            task.r2ts |= outstanding

    plant.received(Opcode.DATA_OUT, handle)


@mutant("11.8.4", "transfer-zero-01")
def write_of_nothing_asks_for_nothing(plant: Plant) -> None:
    """A write of no blocks gets an R2T that asks for no octets."""

    def deliver(original: Original, task: Task) -> None:
        original(task)
        if task.sc_cmd[0] == 0x2A and not task.edtl:
            session, connection = task.session, task.connection
            pdu = ReadyToTransfer.make(initiator_task_tag=task.sc_itt, target_transfer_tag=session.new_transfer_tag())
            pdu.lun, pdu.stat_sn = task.lun_field, connection.stat_sn
            pdu.exp_cmd_sn, pdu.max_cmd_sn = session.window.exp_cmd_sn, session.window.max_cmd_sn
            connection.send_pdu(pdu)

    plant.wrap(scsi_commands, "deliver", deliver)


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
