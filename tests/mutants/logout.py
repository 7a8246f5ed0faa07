"""Faults of logout (RFC 7143 sections 11.14 and 11.15)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chiscsi_target.core import logout
from chiscsi_target.core.command_window import CommandWindow
from chiscsi_target.core.connection import Connection
from chiscsi_target.core.connection_state import ConnectionEvent
from chiscsi_target.core.registry import Registry
from chiscsi_target.core.session import Session
from chiscsi_target.core.task import Task
from chiscsi_target.scsi.device_server import DeviceServer
from iscsi_wire.constants import IMMEDIATE_BIT, LogoutReason, LogoutResponseCode, Opcode
from iscsi_wire.framing import Frame
from iscsi_wire.pdus import LogoutRequest, LogoutResponse
from tests.mutants.planting import Handler, Original, Plant, make_immediate, mutant
from tests.mutants.tasks import send_status


@mutant("11.15.1", "logout-session-01 logout-connection-01 logout-connection-02 discovery-logout-01")
def connection_stays_open_after_its_logout(plant: Plant) -> None:
    """The connection that logs out is not closed."""

    def close(original: Original, connection: Connection, event: ConnectionEvent, **how: Any) -> None:
        if event is not ConnectionEvent.LOGOUT_CONCLUDED:
            original(connection, event, **how)

    plant.wrap(Connection, "close", close)


def _before_closing(plant: Plant, change: Any) -> None:
    def close(original: Original, connection: Connection, session: Session, request: LogoutRequest) -> None:
        change(connection, session, request)
        original(connection, session, request)

    plant.wrap(logout, "_close", close)


@mutant("11.14", "logout-session-02")
def logout_of_the_session_closes_one_connection(plant: Plant) -> None:
    """Logging out the session closes the connection that asked, and no other."""

    def change(connection: Connection, _: Session, request: LogoutRequest) -> None:
        request.reason_code, request.cid = LogoutReason.CLOSE_CONNECTION, connection.cid

    _before_closing(plant, change)


@mutant("11.14", "logout-connection-02 logout-connection-03 logout-connection-04 logout-connection-06")
def logout_of_a_connection_closes_the_session(plant: Plant) -> None:
    """Logging out one connection closes all of them."""

    def change(connection: Connection, _: Session, request: LogoutRequest) -> None:
        request.reason_code = LogoutReason.CLOSE_SESSION

    _before_closing(plant, change)


@mutant("11.14", "logout-connection-03")
def logout_closes_the_connection_that_asks(plant: Plant) -> None:
    """The CID of a Logout Request is not looked at: the connection that it comes on is closed."""

    def change(connection: Connection, _: Session, request: LogoutRequest) -> None:
        request.cid = connection.cid

    _before_closing(plant, change)


@mutant("6.3.5", "logout-session-03 reinstate-time-out-01")
def tsih_outlives_its_session(plant: Plant) -> None:
    """A session that was logged out can be joined."""
    plant.replace(Registry, "remove", lambda registry, session: None)


@mutant("11.14", "logout-session-04 logout-order-02")
def tasks_are_answered_before_the_logout(plant: Plant) -> None:
    """The commands that a logout ends get a SCSI Response each."""

    def change(connection: Connection, session: Session, request: LogoutRequest) -> None:
        for task in session.tasks.values():
            send_status(task)

    _before_closing(plant, change)


@mutant("11.14", "logout-session-05 reinstate-connection-04 reinstate-session-04")
def writes_that_end_early_spoil_their_blocks(plant: Plant) -> None:
    """The blocks of a write that ends without its data are overwritten."""

    def end(original: Original, session: Session, tasks: Iterable[Task], flag: int, *rest: Any) -> list[Task]:
        tasks = list(tasks)
        for task in tasks:
            if task.is_write and task.sc_lu is not None:
                start = task.sc_lba << task.sc_lu.sect_shift
                before = bytes(task.sc_lu.priv_data[start : start + task.edtl])
                task.sc_lu.priv_data[start : start + task.edtl] = bytes(octet ^ 0xFF for octet in before)
        result: list[Task] = original(session, tasks, flag, *rest)
        return result

    plant.wrap(Session, "end_silently", end)


@mutant("4.2.2.1", "logout-order-01")
def logout_does_not_wait_for_commands(plant: Plant) -> None:
    """A Logout Request is carried out although a command before it is missing."""

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        make_immediate(frame)
        original(connection, frame)

    plant.received(Opcode.LOGOUT_REQUEST, handle)


@mutant("4.2.2.1", "logout-order-02 logout-connection-06")
def immediate_logout_waits_for_commands(plant: Plant) -> None:
    """A Logout Request for immediate delivery waits like any other."""

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        frame.header = bytes((frame.header[0] & ~IMMEDIATE_BIT, *frame.header[1:]))
        original(connection, frame)

    plant.received(Opcode.LOGOUT_REQUEST, handle)


@mutant("11.14", "logout-connection-04")
def logout_of_a_connection_ends_all_tasks(plant: Plant) -> None:
    """Logging out one connection ends the tasks of the others as well."""

    def closed(original: Original, session: Session, connection: Connection, event: ConnectionEvent) -> None:
        for task in session.tasks.values():
            task.connection = connection
        original(session, connection, event)

    plant.wrap(Session, "connection_closed", closed)


@mutant("11.14.5", "logout-connection-05")
def ended_tasks_are_not_reported(plant: Plant) -> None:
    """No unit attention condition tells that a logout ended tasks."""
    plant.replace(DeviceServer, "establish_attention", lambda server, session, lun, sense: None)


@mutant("11.14", "logout-connection-06")
def commands_outlive_their_connection(plant: Plant) -> None:
    """A command that waited on a connection that was logged out keeps its CmdSN."""
    plant.replace(CommandWindow, "discard", lambda window, connection: set())


@mutant("11.15.1", "logout-cid-01 logout-recovery-01")
def every_logout_is_successful(plant: Plant) -> None:
    """A logout that cannot be carried out is answered as though it were."""

    def respond(original: Original, connection: Connection, session: Session, request: Any, code: int) -> None:
        original(connection, session, request, LogoutResponseCode.CLOSED)

    plant.wrap(logout, "_respond", respond)


@mutant("11", "logout-reason-01")
def reserved_reasons_close_the_session(plant: Plant) -> None:
    """A Logout Request with a reserved reason closes the session."""

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        request = LogoutRequest.decode(frame.header)
        if request.reason_code not in list(LogoutReason):
            request.reason_code = LogoutReason.CLOSE_SESSION
            frame.header = request.encode()
        original(connection, frame)

    plant.received(Opcode.LOGOUT_REQUEST, handle)


@mutant("11.15.4", "logout-fields-01")
def tasks_are_said_to_be_retained(plant: Plant) -> None:
    """Time2Retain is 20 s at ErrorRecoveryLevel 0, where nothing is retained."""

    def edit(pdu: LogoutResponse, _: Connection) -> None:
        pdu.time2retain = 20

    plant.sent(LogoutResponse, edit)
