"""Login hooks of target classes: called wrongly, or their answers taken wrongly (guide 7.3.1)."""

from __future__ import annotations

from functools import partial
from typing import Any

from chiscsi_target.core import login
from chiscsi_target.core.connection import Connection
from chiscsi_target.core.connection_state import ConnectionEvent
from chiscsi_target.core.login import Login
from chiscsi_target.engine import directory
from chiscsi_target.engine.directory import Directory
from chiscsi_target.target_module import TargetModule
from conformance.driver_bench.bench import CLASS
from iscsi_wire.framing import Frame
from iscsi_wire.pdus import LoginResponse
from tests.mutants.planting import Original, Plant, mutant


def _classes(registry: Any) -> list[Any]:
    """The target classes of all nodes."""
    return [node.target_class for node in registry.nodes.values()]


@mutant("guide, 7.3.1.1", "drv-login-01 drv-login-02 drv-login-04 drv-login-08 drv-refusal-06 drv-tcp-04.2")
def login_hooks_are_not_called(plant: Plant) -> None:
    """Nobody asks the driver about logins."""
    plant.replace(Directory, "_ask", lambda *arguments: None)


@mutant("guide, 7.3.1.1", "drv-login-02 drv-login-03")
def login_hooks_are_called_twice(plant: Plant) -> None:
    """Each login hook is called twice."""

    def call(original: Original, directory: Directory, login: Login, hook: str, call: Any) -> None:
        original(directory, login, hook, call)
        call()

    plant.wrap(Directory, "_call_login_hook", call)


@mutant("guide, 7.3.1.1", "drv-login-05 drv-login-06 drv-login-07 drv-login-22")
def logins_do_not_wait_for_the_driver(plant: Plant) -> None:
    """A login goes on while its hooks are unanswered."""

    def ask(original: Original, directory: Directory, login: Login, *arguments: Any) -> None:
        waiting = login._answers_due
        original(directory, login, *arguments)
        login._answers_due = waiting

    plant.wrap(Directory, "_ask", ask)


@mutant("behaviour file, 2.2", "drv-login-06 drv-login-14")
def one_answer_resumes_a_login(plant: Plant) -> None:
    """Of two outstanding login hooks, one answer is enough."""

    def answered(original: Original, login: Login, *arguments: Any, **named: Any) -> None:
        login._answers_due = min(login._answers_due, 1)
        original(login, *arguments, **named)

    plant.wrap(Login, "answered", answered)


@mutant("behaviour file, 2.2", "drv-login-07")
def waiting_logins_read_on(plant: Plant) -> None:
    """A further request that comes while a login waits is taken for the driver's answer."""

    def handle(original: Original, connection: Connection, frames: list[Frame]) -> None:
        if connection._login is not None and connection._login.waiting:
            connection._login.answered()
        original(connection, frames)

    plant.replace(Connection, "wants_input", True)
    plant.wrap(Connection, "_handle_in_login", handle)


@mutant("guide, 5.1.2", "drv-login-02 drv-login-19")
def login_hooks_get_the_names_swapped(plant: Plant) -> None:
    """The login hooks get the target's name as the initiator's, and the other way round."""

    def call(original: Original, directory: Directory, login: Login, hook: str, call: Any) -> None:
        *first, initiator_name, target_name, ends = call.args
        original(directory, login, hook, partial(call.func, *first, target_name, initiator_name, ends))

    plant.wrap(Directory, "_call_login_hook", call)


@mutant("guide, 7.3.1.2", "drv-login-03")
def security_stage_is_not_checked(plant: Plant) -> None:
    """fp_login_stage_check is not called for the security stage."""

    def check(original: Original, directory: Directory, login: Login, stage: int) -> None:
        if stage:
            original(directory, login, stage)

    plant.wrap(Directory, "login_stage_check", check)


@mutant("guide, 7.3.1.2", "drv-login-04 drv-refusal-03")
def operational_stage_is_not_checked(plant: Plant) -> None:
    """fp_login_stage_check is not called for the operational stage."""

    def check(original: Original, directory: Directory, login: Login, stage: int) -> None:
        if not stage:
            original(directory, login, stage)

    plant.wrap(Directory, "login_stage_check", check)


@mutant("guide, 7.3.1.1", "drv-login-09.1-1 drv-login-09.16-16 drv-login-09.200-200")
def drivers_max_cmd_is_ignored(plant: Plant) -> None:
    """The command window is the default, whatever max_cmd the driver gave."""

    def answered(original: Original, login: Login, status: int = 0, max_commands: int = 0, **named: Any) -> None:
        original(login, status, 0, **named)

    plant.wrap(Login, "answered", answered)


@mutant("behaviour file, 2.2", "drv-login-10")
def nodes_limit_of_commands_is_ignored(plant: Plant) -> None:
    """The command window is the driver's max_cmd, even if TargetSessionMaxCmd is less."""
    plant.wrap(Login, "_window_size", lambda original, login: login.max_commands or original(login))


@mutant("behaviour file, 2.1", "drv-login-11")
def login_time_stops_for_the_driver(plant: Plant) -> None:
    """A login that waits for its driver is never too late."""

    def timed_out(original: Original, login: Login) -> None:
        if not login.waiting:
            original(login)

    plant.wrap(Login, "timed_out", timed_out)


@mutant("behaviour file, 2.2", "drv-login-12")
def late_answer_announces_a_session(plant: Plant) -> None:
    """An answer for a login whose connection is gone has a session announced."""

    def answered(original: Original, login: Login, *arguments: Any, **named: Any) -> None:
        if login.connection.closing and login.identity.node is not None:
            login.identity.node.target_class.fp_session_added(0, b"", "", "")
        original(login, *arguments, **named)

    plant.wrap(Login, "answered", answered)


@mutant("behaviour file, 2.2", "drv-login-13")
def answers_for_nobody_are_not_logged(plant: Plant) -> None:
    """An answer under an unknown handle leaves no line in the log."""

    def answered(original: Original, directory: Directory, hndl: int, *arguments: Any) -> None:
        if hndl in directory._logins:
            original(directory, hndl, *arguments)

    plant.wrap(Directory, "_login_answered", answered)


@mutant("behaviour file, 2.2", "drv-login-14")
def answer_counts_for_any_hook(plant: Plant) -> None:
    """An answer stands for whichever hook of the login is unanswered."""

    def answered(original: Original, directory: Directory, hndl: int, hook: str, *arguments: Any) -> None:
        _, asked = directory._logins.get(hndl, (None, []))
        original(directory, hndl, asked[0] if asked else hook, *arguments)

    plant.wrap(Directory, "_login_answered", answered)


@mutant("behaviour file, 2.2", "drv-login-15")
def any_status_class_refuses(plant: Plant) -> None:
    """A driver's status class other than 0, 2 and 3 goes to the initiator."""
    plant.replace(TargetModule, "_status", lambda module, status_class, detail: (status_class << 8 | detail) & 0xFFFF)


@mutant("guide, 7.3.1.1", "drv-login-16")
def discovery_logins_are_checked(plant: Plant) -> None:
    """The driver is asked about discovery sessions, too."""

    def begin(original: Original, login: Login) -> None:
        original(login)
        if login.identity.discovery:
            for target_class in _classes(login.registry):
                target_class.fp_first_login_check(0, "", "", login.connection.endpoints)

    plant.wrap(Login, "_begin_session", begin)


@mutant("behaviour file, 2.1", "drv-login-17")
def driver_is_asked_before_the_names_are_checked(plant: Plant) -> None:
    """The driver is asked about logins to targets that do not exist."""

    def identify(original: Original, pairs: Any, isid: bytes, portal: Any, registry: Any) -> Any:
        names = dict(pairs)
        if names.get("TargetName") not in {None, *registry.nodes}:
            for target_class in _classes(registry):
                target_class.fp_first_login_check(0, "", names["TargetName"], None)
        return original(pairs, isid, portal, registry)

    plant.wrap(login, "identify", identify)


@mutant("guide, 7.3.1.1", "drv-login-18")
def further_connections_are_checked(plant: Plant) -> None:
    """fp_first_login_check is called for every connection of a session."""

    def opened(original: Original, login: Login, pairs: Any) -> None:
        original(login, pairs)
        if not login.leading:
            login.connection.agenda.call_first_login_check(login)

    plant.wrap(Login, "_open", opened)


@mutant("guide, 7.3.1.1", "drv-login-19")
def driver_is_asked_about_half_a_request(plant: Plant) -> None:
    """fp_first_login_check is called when the first PDU of a request is there, whatever its C bit."""

    def received(original: Original, login: Login, frame: Frame) -> None:
        if frame.header[1] & 0x40:
            for target_class in _classes(login.registry):
                target_class.fp_first_login_check(0, "", "", login.connection.endpoints)
        original(login, frame)

    plant.wrap(Login, "received", received)


@mutant("guide, 5.1.2", "drv-login-20")
def raising_login_hooks_accept(plant: Plant) -> None:
    """A login hook that raises lets the login go on."""

    def call(original: Original, directory: Directory, login: Login, hook: str, call: Any) -> None:
        try:
            call()
        except Exception:  # noqa: BLE001 - whatever the driver raises
            directory.login_answered(login.connection.handle, hook, 0)

    plant.wrap(Directory, "_call_login_hook", call)


@mutant("behaviour file, 1.1", "drv-login-21")
def absent_hooks_are_waited_for(plant: Plant) -> None:
    """A login waits for the answer to a hook that the class does not have."""

    def has(original: Original, target_class: Any, name: str) -> bool:
        return target_class.class_name == CLASS or bool(original(target_class, name))

    plant.wrap(directory, "has_hook", has)


@mutant("guide, 7.3.1.1", "drv-login-22")
def refused_connections_stay_open(plant: Plant) -> None:
    """A connection whose login was refused is not closed."""

    def close(original: Original, connection: Connection, event: ConnectionEvent, **named: Any) -> None:
        if event is not ConnectionEvent.LOGIN_FAILED:
            original(connection, event, **named)

    plant.wrap(Connection, "close", close)


@mutant("guide, 5.1.2", "drv-refusal-01 drv-refusal-02")
def status_details_get_lost(plant: Plant) -> None:
    """Every refusal has the detail 9 of its class."""

    def edit(pdu: LoginResponse, _: Connection) -> None:
        pdu.status_detail = 9 if pdu.status_class else 0

    plant.sent(LoginResponse, edit)


@mutant("guide, 7.3.1.1", "drv-refusal-01 drv-refusal-03 drv-tcp-04.2")
def drivers_refusal_is_forgotten(plant: Plant) -> None:
    """A login goes on when the driver has refused it."""

    def answered(original: Original, login: Login, status: int = 0, *arguments: Any, **named: Any) -> None:
        original(login, 0, *arguments, **named)

    plant.wrap(Login, "answered", answered)


@mutant("behaviour file, 2.2", "drv-refusal-04.then-accepted-first drv-refusal-04.then-accepted-stage drv-refusal-05")
def last_answer_decides(plant: Plant) -> None:
    """Of several answers of the driver, the last one decides."""

    def answered(original: Original, login: Login, *arguments: Any, **named: Any) -> None:
        login._status = 0
        original(login, *arguments, **named)

    plant.wrap(Login, "answered", answered)


@mutant("behaviour file, 2.2", "drv-refusal-04.after-accepted-first drv-refusal-04.after-accepted-stage")
def acceptance_takes_a_refusal_back(plant: Plant) -> None:
    """A refusal counts only if the driver has accepted nothing before it."""

    def answered(original: Original, login: Login, status: int = 0, *arguments: Any, **named: Any) -> None:
        accepted = getattr(login.connection, "accepted_before", False)
        vars(login.connection)["accepted_before"] = accepted or not status
        original(login, 0 if accepted else status, *arguments, **named)

    plant.wrap(Login, "answered", answered)


@mutant("guide, 7.3.1.1", "drv-refusal-06")
def refused_logins_are_announced_as_removed(plant: Plant) -> None:
    """fp_session_removed is called for a session that never was."""

    def refuse(original: Original, login: Login, failure: Any) -> None:
        original(login, failure)
        for target_class in _classes(login.registry):
            target_class.fp_session_removed(0, "", "")

    plant.wrap(Login, "_refuse", refuse)
