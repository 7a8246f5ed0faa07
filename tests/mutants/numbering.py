"""Faults of CmdSN, StatSN, DataSN and R2TSN (RFC 7143 section 4.2.2)."""

from __future__ import annotations

from typing import Any

from chiscsi_target.core import command_window, data_in, data_out, login, scsi_commands, scsi_response
from chiscsi_target.core.command_window import CommandWindow
from chiscsi_target.core.connection import Connection
from chiscsi_target.core.task import Task
from iscsi_wire.constants import IMMEDIATE_BIT, Opcode
from iscsi_wire.framing import Frame
from iscsi_wire.pdus import DataIn, NopIn, ReadyToTransfer, ScsiResponse, TaskManagementResponse
from tests.mutants.planting import Handler, Original, Plant, make_immediate, mutant


@mutant("4.2.2.1", "cmdsn-window-01 cmdsn-window-03")
def window_takes_one_command_too_many(plant: Plant) -> None:
    """A command whose CmdSN is one beyond MaxCmdSN is executed."""

    def admits(original: Original, window: CommandWindow, cmd_sn: int) -> bool:
        ahead = (cmd_sn - window.max_cmd_sn) & 0xFFFFFFFF
        if ahead == 1:
            window.exp_cmd_sn = cmd_sn
        return ahead == 1 or original(window, cmd_sn)

    plant.wrap(CommandWindow, "admits", admits)


@mutant("4.2.2.1", "cmdsn-window-02 cmdsn-window-07 cmdsn-wrap-03")
def commands_below_the_window_are_executed(plant: Plant) -> None:
    """A command whose CmdSN was used before is executed once more."""

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        session = connection.session
        assert session is not None
        behind = (session.window.exp_cmd_sn - int.from_bytes(frame.header[24:28], "big")) & 0xFFFFFFFF
        if 0 < behind < 0x80000000:
            make_immediate(frame)
        original(connection, frame)

    plant.received(Opcode.SCSI_COMMAND, handle)


@mutant("4.2.2.1", "cmdsn-order-01 cmdsn-order-02 cmdsn-order-03 cmdsn-order-04")
def commands_do_not_wait_for_a_hole(plant: Plant) -> None:
    """A command is delivered on arrival, although one with a lower CmdSN is missing."""

    def admits(original: Original, window: CommandWindow, cmd_sn: int) -> bool:
        admitted = bool(original(window, cmd_sn))
        if admitted:
            window.exp_cmd_sn = cmd_sn
        return admitted

    plant.wrap(CommandWindow, "admits", admits)


@mutant("4.2.2.1", "cmdsn-window-04 cmdsn-order-04.backwards")
def two_commands_may_wait_and_no_more(plant: Plant) -> None:
    """Of the commands that wait behind a hole, all but two are lost."""

    def admits(original: Original, window: CommandWindow, cmd_sn: int) -> bool:
        return len(window._waiting) < 2 and bool(original(window, cmd_sn))

    plant.wrap(CommandWindow, "admits", admits)


@mutant("4.2.2.1", "cmdsn-window-06")
def second_command_with_a_number_replaces_the_first(plant: Plant) -> None:
    """A command with the CmdSN of one that waits is taken, and the one that waited is lost."""

    def admits(original: Original, window: CommandWindow, cmd_sn: int) -> bool:
        return cmd_sn in window._waiting or bool(original(window, cmd_sn))

    plant.wrap(CommandWindow, "admits", admits)


@mutant("4.2.2.1", "cmdsn-order-07")
def only_scsi_commands_wait_for_a_hole(plant: Plant) -> None:
    """NOP-Out, Text and task management requests are executed although a command before them is missing."""

    def arrived(original: Original, window: CommandWindow, cmd_sn: int, *call: Any) -> None:
        connection, deliver, *what = call
        if cmd_sn != window.exp_cmd_sn and deliver is not scsi_commands.deliver:
            deliver(*what)
            deliver, what = command_window._nothing, []
        original(window, cmd_sn, connection, deliver, *what)

    plant.wrap(CommandWindow, "arrived", arrived)


@mutant("4.2.2.1", "cmdsn-order-05 cmdsn-order-02")
def only_writes_wait_for_a_hole(plant: Plant) -> None:
    """A command that sends no data is executed although a command before it is missing."""

    def arrived(original: Original, window: CommandWindow, cmd_sn: int, *call: Any) -> None:
        connection, deliver, *what = call
        if cmd_sn != window.exp_cmd_sn and deliver is scsi_commands.deliver and not what[0].is_write:
            deliver(*what)
            deliver, what = command_window._nothing, []
        original(window, cmd_sn, connection, deliver, *what)

    plant.wrap(CommandWindow, "arrived", arrived)


@mutant("4.2.2.1", "cmdsn-order-08")
def status_comes_before_the_acknowledgement(plant: Plant) -> None:
    """ExpCmdSN of a SCSI Response does not yet acknowledge the command."""

    def edit(pdu: ScsiResponse, _: Connection) -> None:
        pdu.exp_cmd_sn = (pdu.exp_cmd_sn - 1) & 0xFFFFFFFF

    plant.sent(ScsiResponse, edit)


@mutant("4.2.2.1", "cmdsn-connections-01 cmdsn-connections-02 login-connections-04")
def only_the_leading_connection_is_numbered(plant: Plant) -> None:
    """Commands on further connections of a session are executed as they come, and use up no CmdSN."""

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        if connection.cid:
            make_immediate(frame)
        original(connection, frame)

    plant.received(Opcode.SCSI_COMMAND, handle)


@mutant("4.2.2.1", "cmdsn-wrap-01 cmdsn-wrap-03")
def number_zero_is_skipped(plant: Plant) -> None:
    """Behind CmdSN 0xffffffff the target expects 1."""

    def arrived(original: Original, window: CommandWindow, cmd_sn: int, *call: Any) -> None:
        original(window, cmd_sn, *call)
        window.exp_cmd_sn = window.exp_cmd_sn or 1

    plant.wrap(CommandWindow, "arrived", arrived)
    # The short way for a command that is next is closed.
    plant.replace(CommandWindow, "in_turn", lambda window, cmd_sn: False)


@mutant("4.2.2.1", "cmdsn-wrap-02")
def command_zero_does_not_wait(plant: Plant) -> None:
    """CmdSN 0 is executed at once: whatever comes before it is taken to have been."""

    def admits(original: Original, window: CommandWindow, cmd_sn: int) -> bool:
        admitted = bool(original(window, cmd_sn))
        if admitted and cmd_sn == 0:
            window.exp_cmd_sn = 0
        return admitted

    plant.wrap(CommandWindow, "admits", admits)


@mutant("4.2.2.1", "cmdsn-initial-01.half cmdsn-initial-01.upper-half login-cmd-sn-01 reinstate-session-07")
def numbering_always_begins_with_one(plant: Plant) -> None:
    """ExpCmdSN of a new session is 1, whatever CmdSN the login has."""
    plant.wrap(login, "CommandWindow", lambda original, cmd_sn, size: original(1, size))


@mutant("4.2.2.1", "cmdsn-window-05")
def window_is_closed_too_far(plant: Plant) -> None:
    """MaxCmdSN of a NOP-In is lower than ExpCmdSN - 1."""

    def edit(pdu: NopIn, _: Connection) -> None:
        pdu.max_cmd_sn = (pdu.exp_cmd_sn - 3) & 0xFFFFFFFF

    plant.sent(NopIn, edit)


@mutant("4.2.2.1", "cmdsn-immediate-04")
def immediate_function_behind_an_immediate_ping_is_lost(plant: Plant) -> None:
    """An immediate task management request is dropped when an immediate NOP-Out came right before it."""
    came_before: dict[Connection, int] = {}

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        before = came_before.get(connection)
        came_before[connection] = frame.header[0]
        if frame.opcode == Opcode.NOP_OUT or before != IMMEDIATE_BIT | Opcode.NOP_OUT:
            original(connection, frame)

    plant.received(Opcode.NOP_OUT, handle)
    plant.received(Opcode.TASK_MANAGEMENT_REQUEST, handle)


@mutant("4.2.2.2", "statsn-04")
def connections_of_a_session_share_stat_sn(plant: Plant) -> None:
    """A NOP-In moves StatSN on for all connections of its session."""

    def edit(_: NopIn, connection: Connection) -> None:
        assert connection.session is not None
        for other in connection.session.connections.values():
            if other is not connection:
                other.next_stat_sn()

    plant.sent(NopIn, edit)


@mutant("4.2.2.1", "cmdsn-immediate-01 nop-ping-05.immediate")
def immediate_commands_use_up_a_cmd_sn(plant: Plant) -> None:
    """ExpCmdSN moves on for an immediate command, too."""
    for opcode in (Opcode.SCSI_COMMAND, Opcode.NOP_OUT):
        plant.received(opcode, _count_immediate)


def _count_immediate(original: Handler, connection: Connection, frame: Frame) -> None:
    session = connection.session
    assert session is not None
    if frame.header[0] & IMMEDIATE_BIT:
        session.window.exp_cmd_sn = (session.window.exp_cmd_sn + 1) & 0xFFFFFFFF
    original(connection, frame)


@mutant("4.2.2.1", "cmdsn-immediate-02 cmdsn-immediate-03")
def immediate_commands_are_held_against_the_window(plant: Plant) -> None:
    """An immediate command outside the window is ignored like any other."""
    for opcode in (Opcode.SCSI_COMMAND, Opcode.NOP_OUT):
        plant.received(opcode, _ignore_outside)


def _ignore_outside(original: Handler, connection: Connection, frame: Frame) -> None:
    session = connection.session
    assert session is not None
    if session.window.admits(int.from_bytes(frame.header[24:28], "big")):
        original(connection, frame)


@mutant("4.2.2.1", "cmdsn-order-06.nop-out nop-ping-05.numbered")
def pings_are_not_numbered(plant: Plant) -> None:
    """A NOP-Out without immediate delivery does not move ExpCmdSN on."""

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        make_immediate(frame)
        original(connection, frame)

    plant.received(Opcode.NOP_OUT, handle)


@mutant("4.2.2.2", "statsn-01.task-management")
def function_responses_use_up_two_stat_sn(plant: Plant) -> None:
    """A task management response moves StatSN on by two."""

    def edit(pdu: TaskManagementResponse, connection: Connection) -> None:
        connection.next_stat_sn()

    plant.sent(TaskManagementResponse, edit)


@mutant("11.8.3", "statsn-02")
def r2t_uses_up_a_stat_sn(plant: Plant) -> None:
    """An R2T moves StatSN on."""

    def edit(pdu: ReadyToTransfer, connection: Connection) -> None:
        connection.next_stat_sn()

    plant.sent(ReadyToTransfer, edit)


@mutant("11.7.3", "statsn-03")
def data_without_status_use_up_a_stat_sn(plant: Plant) -> None:
    """A Data-In with S=0 moves StatSN on."""

    def edit(pdu: DataIn, connection: Connection) -> None:
        if not pdu.status_present:
            connection.next_stat_sn()

    plant.sent(DataIn, edit)


@mutant("4.2.2.4", "datasn-01")
def data_sn_begins_anew_with_each_sequence(plant: Plant) -> None:
    """DataSN is 0 again behind each Data-In with F=1."""

    def send(original: Original, task: Task, offset: int, length: int, final: int, with_status: bool) -> None:
        original(task, offset, length, final, with_status)
        if final:
            task.data_sn = 0

    plant.wrap(data_in, "_send_pdu", send)


@mutant("11.4.8", "datasn-02")
def exp_data_sn_of_a_write_counts_its_r2ts(plant: Plant) -> None:
    """ExpDataSN of a write is the number of its R2Ts, and not 0."""

    def send(original: Original, task: Task) -> None:
        task.data_sn = task.r2t_sn if task.is_write else task.data_sn
        original(task)

    plant.wrap(scsi_response, "send_response", send)


@mutant("11.8.2", "r2tsn-01")
def r2t_sn_does_not_advance(plant: Plant) -> None:
    """Every R2T has R2TSN 0."""

    def send(original: Original, task: Task, length: int) -> None:
        task.r2t_sn = 0
        original(task, length)

    plant.wrap(data_out, "_send_r2t", send)


@mutant("4.2.2.1", "cmdsn-immediate-05")
def immediate_commands_are_dropped_when_there_are_many(plant: Plant) -> None:
    """Of many immediate commands at once some are neither executed nor rejected."""
    seen: list[Task] = []

    def deliver(original: Original, task: Task) -> None:
        seen.append(task)
        if not task.is_immediate or len(seen) % 20:
            original(task)

    plant.wrap(scsi_commands, "_begin", deliver)


@mutant("4.2.2.1", "cmdsn-initial-01 login-cmd-sn-01")
def login_uses_up_a_cmd_sn(plant: Plant) -> None:
    """ExpCmdSN of a new session is one more than CmdSN of its login."""
    plant.wrap(login, "CommandWindow", lambda original, cmd_sn, size: original((cmd_sn + 1) & 0xFFFFFFFF, size))


@mutant("4.2.2.1", "cmdsn-order-06.text cmdsn-order-06.scsi-command")
def commands_and_texts_are_not_numbered(plant: Plant) -> None:
    """SCSI commands and Text Requests do not move ExpCmdSN on."""

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        make_immediate(frame)
        original(connection, frame)

    plant.received(Opcode.SCSI_COMMAND, handle)
    plant.received(Opcode.TEXT_REQUEST, handle)


@mutant("4.2.2.2", "statsn-01")
def stat_sn_7_is_left_out(plant: Plant) -> None:
    """Behind StatSN 6 comes 8."""

    def following(original: Original, connection: Connection) -> int:
        connection.stat_sn += connection.stat_sn == 7
        number: int = original(connection)
        return number

    plant.wrap(Connection, "next_stat_sn", following)
