"""Commands as storage drivers see them, and their data both ways (guide 7.3.5)."""

from __future__ import annotations

from typing import Any

from chiscsi_target.api.constants import SC_FLAG_IMMEDIATE_CMD
from chiscsi_target.api.endpoints import chiscsi_tcp_endpoints
from chiscsi_target.core import buffers, data_out, scsi_commands, scsi_response
from chiscsi_target.core.command_window import CommandWindow
from chiscsi_target.core.connection import Connection
from chiscsi_target.core.task import STATUS, Task
from chiscsi_target.engine import completions
from chiscsi_target.engine.completions import Completions
from chiscsi_target.engine.hook_calls import HookCalls
from chiscsi_target.engine.inspection import InspectedStack
from chiscsi_target.offload import ulp_connection
from chiscsi_target.offload.dma import DmaMap
from chiscsi_target.offload.transfer import Transfer
from iscsi_wire.pdus import DataIn, ReadyToTransfer
from tests.mutants.planting import Original, Plant, mutant
from tests.mutants.seams import before_call, before_hook, refuse_call, repeat_hook, skip_hook

CDB, DATA, CLEANUP = "fp_scsi_cmd_cdb_rcved", "fp_scsi_cmd_data_xfer_status", "fp_scsi_cmd_cleanup"


def _change(plant: Plant, field: str, value: Any, hook: str = CDB) -> None:
    """Have a field of every command changed before a hook; `value` is a value, or what makes it of the command."""

    def change(sc: Any) -> None:
        setattr(sc, field, value(sc) if callable(value) else value)

    before_hook(plant, hook, change)


@mutant("guide, 7.3.5.1", "drv-field-01.256 drv-field-01.16383")
def lun_is_cut_to_eight_bits(plant: Plant) -> None:
    """sc_lun is the low octet of the LUN."""
    _change(plant, "sc_lun", lambda sc: sc.sc_lun & 0xFF)


@mutant("guide, 7.3.5.1", "drv-field-02")
def cdb_is_cut(plant: Plant) -> None:
    """sc_cmd is as long as the command's own CDB, ten octets."""
    _change(plant, "sc_cmd", lambda sc: sc.sc_cmd[:10])


@mutant("guide, 7.3.5.1", "drv-field-03")
def attribute_gets_lost(plant: Plant) -> None:
    """sc_attribute is 5 whatever the PDU says."""
    _change(plant, "sc_attribute", 5)


@mutant("guide, 7.3.5.1", "drv-field-04")
def direction_gets_lost(plant: Plant) -> None:
    """Neither SC_FLAG_READ nor SC_FLAG_WRITE is set."""
    _change(plant, "sc_flag", lambda sc: sc.sc_flag & ~3)


@mutant("guide, 7.3.5.1", "drv-field-05")
def immediate_flag_is_turned_round(plant: Plant) -> None:
    """SC_FLAG_IMMEDIATE_CMD is set for those that are not immediate."""
    _change(plant, "sc_flag", lambda sc: sc.sc_flag ^ SC_FLAG_IMMEDIATE_CMD)


@mutant("guide, 7.3.5.1", "drv-field-06")
def endpoints_are_swapped(plant: Plant) -> None:
    """sc_ieps has the target's end for the initiator's."""
    _change(plant, "sc_ieps", lambda sc: chiscsi_tcp_endpoints(sc.sc_ieps.taddr, sc.sc_ieps.iaddr))


@mutant("guide, 7.3.5.1", "drv-field-07")
def drivers_own_field_is_cleared(plant: Plant) -> None:
    """sc_sdev_hdl is cleared when the command is answered."""
    _change(plant, "sc_sdev_hdl", None, CLEANUP)
    _change(plant, "sc_sdev_hdl", None, DATA)


@mutant("behaviour file, 3.2", "drv-field-08")
def length_without_direction_counts(plant: Plant) -> None:
    """sc_xfer_len of a command without data is not 0."""
    _change(plant, "sc_xfer_len", lambda sc: sc.sc_xfer_len or 512)


@mutant("guide, 7.3.5.1", "drv-field-09")
def bidirectional_commands_are_forwarded(plant: Plant) -> None:
    """A command with both R and W reaches the driver."""
    plant.replace(scsi_commands, "_examine", lambda session, frame, flags, itt, cdb: cdb)


@mutant("behaviour file, 3.2", "drv-field-10")
def commands_go_on_in_the_order_of_arrival(plant: Plant) -> None:
    """What arrives acts at once, whatever its CmdSN."""

    def arrived(original: Original, window: CommandWindow, number: int, connection: Any, act: Any, *what: Any) -> None:
        act(*what)
        original(window, number, connection, lambda *_: None, *what)

    plant.wrap(CommandWindow, "arrived", arrived)


@mutant("behaviour file, 3.2", "drv-field-11")
def every_command_number_is_admitted(plant: Plant) -> None:
    """Commands outside the window reach the driver."""

    def deliver(original: Original, window: CommandWindow, number: int) -> bool:
        return True

    plant.wrap(CommandWindow, "admits", deliver)
    plant.wrap(CommandWindow, "arrived", lambda original, window, number, connection, act, *what: act(*what))


@mutant(
    "guide, 7.3.5.2",
    "drv-read-01 drv-read-02 drv-read-03 drv-read-04 drv-read-07 drv-read-09 drv-read-12 drv-phase-04 "
    "drv-phase-08 drv-phase-09 drv-tcp-01.1 drv-tcp-03.read-short drv-phase-01.hook-short-4096-4096 "
    "drv-dma-01.read",
)
def reads_send_zeros(plant: Plant) -> None:
    """Data-In carry zeros instead of the driver's octets."""
    plant.sent(DataIn, lambda pdu, _: bytes(pdu.data_segment_length) if pdu.data_segment_length else None)


@mutant(
    "guide, 7.3.5.3",
    "drv-write-01 drv-write-04 drv-write-06 drv-write-07 drv-write-08 drv-write-13 drv-phase-06 "
    "drv-phase-10 drv-tcp-02.1 drv-phase-02.hook-short-4096-4096 drv-dma-01.write",
)
def writes_leave_zeros(plant: Plant) -> None:
    """What arrives for a write does not get into the driver's buffers."""
    plant.replace(buffers, "scatter", lambda phases, start, data: None)
    plant.replace(buffers, "place", lambda phases, start, length: None)
    plant.replace(Transfer, "views", lambda transfer, pods, offset, length: [memoryview(bytearray(length))])
    plant.replace(Transfer, "room", lambda transfer, pods, offset: None)


@mutant("behaviour file, 3.5", "drv-read-02.2 drv-read-02.16")
def vectors_are_sent_backwards(plant: Plant) -> None:
    """The vectors of a read's list are sent from the last to the first."""

    def execute(original: Original, stack: InspectedStack, task: Task, buf: Any, *rest: Any) -> int:
        turned = list(reversed(buf)) if isinstance(buf, list) and not task.is_write else buf
        return int(original(stack, task, turned, *rest))

    plant.wrap(InspectedStack, "execution_status", execute)


@mutant("behaviour file, 3.5", "drv-read-03 drv-write-05")
def linear_buffers_are_refused(plant: Plant) -> None:
    """A buffer without vectors is not taken."""
    for name in ("buffer_ready", "execution_status"):
        refuse_call(plant, name, lambda task, buf, sgcnt, *_: isinstance(buf, bytearray) and not sgcnt)


@mutant("guide, 7.3.5.1", "drv-read-04.512 drv-write-06.512")
def offset_into_a_page_is_ignored(plant: Plant) -> None:
    """sg_offset is taken for 0."""
    plant.wrap(buffers, "_part_of_page", lambda original, page, offset, length: original(page, 0, length))
    plant.wrap(DmaMap, "_map", lambda original, dma, page, offset, length: original(dma, page, 0, length))


@mutant("guide, 7.3.5.2", "drv-read-05")
def commands_are_answered_unasked(plant: Plant) -> None:
    """A command that the driver holds is answered after its first hook."""

    def received(original: Original, hooks: HookCalls, task: Task) -> None:
        original(hooks, task)
        if task.held and task.state < STATUS:
            task.sc_status = 8
            scsi_response.send_response(task)

    plant.wrap(HookCalls, "cdb_rcved", received)


@mutant("guide, 7.3.5.2", "drv-read-06 drv-read-07 drv-error-15")
def one_held_command_holds_up_all(plant: Plant) -> None:
    """While the driver holds a command, it is given no other of the session."""

    def received(original: Original, hooks: HookCalls, task: Task) -> None:
        if not any(other.held for other in task.session.tasks.values() if other is not task):
            original(hooks, task)

    plant.wrap(HookCalls, "cdb_rcved", received)


@mutant("behaviour file, 3.3", "drv-read-08")
def status_of_a_read_comes_alone(plant: Plant) -> None:
    """Good status of a read comes in a SCSI Response, with sense data that mean nothing."""

    def change(task: Task) -> None:
        task.sc_sense_buf = task.sc_sense_buf or b"\x70" + bytes(17)

    before_call(plant, "execution_status", change)


@mutant("behaviour file, 3.3", "drv-read-09")
def data_segments_are_as_long_as_can_be(plant: Plant) -> None:
    """The initiator's MaxRecvDataSegmentLength is ignored."""

    def start(original: Original, connection: Connection, **named: Any) -> None:
        original(connection, **(named | {"max_send_data": 262144}))

    plant.wrap(Connection, "start_full_feature_phase", start)


@mutant("behaviour file, 3.3", "drv-read-10")
def bursts_of_reads_do_not_end(plant: Plant) -> None:
    """F=1 is on the last Data-In of a read only."""

    def edit(pdu: DataIn, _: Connection) -> None:
        pdu.final = pdu.status_present

    plant.sent(DataIn, edit)


@mutant("guide, 7.3.5.2", "drv-read-01 drv-read-11")
def buffers_of_reads_do_not_come_back(plant: Plant) -> None:
    """fp_scsi_cmd_data_xfer_status is not called for reads."""
    skip_hook(plant, DATA, lambda task: not task.is_write)


@mutant("guide, 7.3.5.3", "drv-write-01 drv-write-03 drv-write-09")
def buffers_of_writes_do_not_come_back(plant: Plant) -> None:
    """fp_scsi_cmd_data_xfer_status is not called for writes."""
    skip_hook(plant, DATA, lambda task: task.is_write)


@mutant("guide, 7.3.5.2, 7.3.5.3", "drv-read-11 drv-write-09")
def buffers_come_back_twice(plant: Plant) -> None:
    """fp_scsi_cmd_data_xfer_status is called twice."""
    repeat_hook(plant, DATA)


@mutant("behaviour file, 3.9", "drv-read-11 drv-write-09")
def commands_are_cleaned_up_twice(plant: Plant) -> None:
    """fp_scsi_cmd_cleanup is called twice."""
    repeat_hook(plant, CLEANUP)


@mutant("behaviour file, 3.9", "drv-read-11 drv-write-09 drv-node-08 drv-tcp-06")
def commands_are_not_cleaned_up(plant: Plant) -> None:
    """fp_scsi_cmd_cleanup is not called."""
    skip_hook(plant, CLEANUP)


@mutant("behaviour file, 3.3, 3.4", "drv-read-13 drv-write-11")
def refused_commands_hang(plant: Plant) -> None:
    """fp_scsi_cmd_cdb_rcved below 0 is taken for 0."""
    plant.replace(HookCalls, "_refused", lambda hooks, task: None)


@mutant("behaviour file, 3.3, 3.4", "drv-read-14 drv-write-12")
def drivers_status_is_overwritten_by_its_refusal(plant: Plant) -> None:
    """fp_scsi_cmd_cdb_rcved below 0 ends a command with sense data of the stack, whatever the driver has set."""

    def refused(original: Original, hooks: HookCalls, task: Task) -> None:
        task.sc_status = 0
        original(hooks, task)

    plant.wrap(HookCalls, "_refused", refused)


@mutant("guide, 7.3.5.3", "drv-write-02")
def data_are_asked_for_without_buffers(plant: Plant) -> None:
    """An R2T goes out before there is a buffer."""

    def received(original: Original, hooks: HookCalls, task: Task) -> None:
        original(hooks, task)
        if task.is_write and not task.phases and not task.given and task.sc_xfer_len:
            data_out._send_r2t(task, 512)

    plant.wrap(HookCalls, "cdb_rcved", received)


@mutant("guide, 7.3.5.3", "drv-write-03")
def writes_are_answered_before_they_are_executed(plant: Plant) -> None:
    """A write's status goes out when its data have arrived."""

    def handed(original: Original, hooks: HookCalls, task: Task) -> None:
        original(hooks, task)
        if task.held and task.state < STATUS and task.returned >= task.sc_xfer_len:
            scsi_response.send_response(task)

    plant.wrap(HookCalls, "data_xfer_status", handed)


@mutant("guide, 7.3.5.3", "drv-write-07 drv-phase-05 drv-residual-11")
def bursts_of_writes_are_too_long(plant: Plant) -> None:
    """R2Ts ask for more than there is."""

    def edit(pdu: ReadyToTransfer, _: Connection) -> None:
        pdu.desired_data_transfer_length += 512

    plant.sent(ReadyToTransfer, edit)


@mutant("behaviour file, 3.4", "drv-write-10 drv-error-04")
def writes_without_buffers_stay_pending(plant: Plant) -> None:
    """A write whose driver completes it without having given buffers is not answered."""

    def executed(original: Original, stack: Completions, task: Task) -> None:
        if task.given:
            original(stack, task)

    plant.wrap(Completions, "_write_executed", executed)


@mutant("guide, 7.3.5.1", "drv-write-14")
def memory_out_of_reach_is_not_named(plant: Plant) -> None:
    """The log line about memory that cannot be reached does not say what is wrong."""

    def find(original: Original, *arguments: Any) -> str:
        return "No DDP." if original(*arguments) else ""

    plant.wrap(completions, "find_unusable", find)
    plant.wrap(ulp_connection, "find_unreachable", find)
