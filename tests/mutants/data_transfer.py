"""Faults of data transfer: Data-In, Data-Out, R2T, immediate and unsolicited data (sections 4.2.5, 11.7 and 11.8)."""

from __future__ import annotations

from typing import Any

from chiscsi_target.core import buffers, data_in, data_out, scsi_commands, scsi_response, text
from chiscsi_target.core.connection import Connection
from chiscsi_target.core.task import W_BUFFER_READY, Task
from iscsi_wire.constants import RESERVED_TAG, Opcode, ScsiStatus
from iscsi_wire.framing import Frame
from iscsi_wire.pdus import DataIn, DataOut, ReadyToTransfer
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

    plant.wrap(data_in, "send_data", send)


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

    def send_whole(original: Original, task: Task, length: int) -> None:
        data = b"".join(gather(buffers.gather, task.phases, 0, length))
        task.phases = [(memoryview(data), 0, 0, length)]
        original(task, length)

    plant.wrap(data_in, "gather", gather)
    plant.wrap(data_in, "_send_whole", send_whole)


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

    def begin_transfer(original: Original, task: Task) -> None:
        task.state = W_BUFFER_READY
        data_out._take_unsolicited(task)
        data_out.continue_write(task)

    plant.wrap(data_out, "begin", begin)
    plant.wrap(data_out, "begin_transfer", begin_transfer)


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

    plant.wrap(scsi_commands, "_begin", deliver)
