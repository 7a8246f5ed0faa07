"""Faults of the login phase: stages, transitions, responses, failures, session handles (sections 6.3, 11.12, 11.13)."""

from __future__ import annotations

from typing import Any

from chiscsi_target.core import dispatch, login, login_identity
from chiscsi_target.core.connection import Connection
from chiscsi_target.core.connection_state import ConnectionEvent, ConnectionState
from chiscsi_target.core.login import Login
from chiscsi_target.core.login_identity import LoginIdentity
from chiscsi_target.core.login_rules import RequestText
from chiscsi_target.core.negotiation import Pairs
from chiscsi_target.core.portal import Portal
from chiscsi_target.core.registry import Registry
from chiscsi_target.core.target_node import TargetNode
from chiscsi_target.errors import LoginFailure
from iscsi_wire.constants import LoginStage, LoginStatus, Opcode
from iscsi_wire.framing import Frame
from iscsi_wire.pdus import LoginRequest, LoginResponse
from tests.mutants.planting import Original, Plant, mutant

_SECURITY = LoginStage.SECURITY_NEGOTIATION
_OPERATIONAL = LoginStage.LOGIN_OPERATIONAL_NEGOTIATION
_FULL_FEATURE = LoginStage.FULL_FEATURE_PHASE
_STRANGER = "iqn.2026-11.org.chiscsi:somebody"


def _check(plant: Plant, check: Any) -> None:
    """Have `check(request, first)` see each Login Request before it is judged; it may change it, or raise."""

    def judge(original: Original, request: LoginRequest, first: LoginRequest | None) -> None:
        check(request, first)
        original(request, first)

    plant.wrap(login, "check_request", judge)


def _refuse(reason: str) -> LoginFailure:
    return LoginFailure(LoginStatus.INITIATOR_ERROR, reason, "none")


# Who logs in to what


@mutant("6.3", "login-missing-name-01 login-missing-name-03.initiator-name login-connections-03")
def nameless_initiators_are_let_in(plant: Plant) -> None:
    """A login without InitiatorName gets a name from the target."""

    def identify(original: Original, pairs: Pairs, *rest: Any) -> LoginIdentity:
        named = any(name == "InitiatorName" for name, _ in pairs)
        result: LoginIdentity = original(pairs if named else [*pairs, ("InitiatorName", _STRANGER)], *rest)
        return result

    plant.wrap(login, "identify", identify)


@mutant("6.3", "login-missing-name-02 login-missing-name-03.target-name")
def login_without_target_name_gets_the_first_target(plant: Plant) -> None:
    """A login to a normal session without TargetName is led to the first target that there is."""

    def identify(original: Original, pairs: Pairs, isid: bytes, portal: Portal, registry: Registry) -> LoginIdentity:
        if "TargetName" not in dict(pairs) and dict(pairs).get("SessionType") != "Discovery":
            pairs = [*pairs, ("TargetName", next(iter(registry.nodes)))]
        result: LoginIdentity = original(pairs, isid, portal, registry)
        return result

    plant.wrap(login, "identify", identify)


@mutant("11.13.5", "login-unknown-target-01")
def any_target_name_leads_to_the_only_target(plant: Plant) -> None:
    """A login to a target that does not exist is led to the one that does."""

    def find(name: str, registry: Registry) -> TargetNode:
        return next(iter(registry.nodes.values()))

    plant.replace(login_identity, "_find_node", find)


@mutant("13.21", "login-session-type-01")
def unknown_session_types_are_normal(plant: Plant) -> None:
    """A SessionType that does not exist is taken for Normal."""

    def pairs(original: Original, text: RequestText) -> Pairs:
        known = ("Normal", "Discovery")
        return [
            (name, "Normal" if name == "SessionType" and value not in known else value)
            for name, value in original(text)
        ]

    plant.wrap(RequestText, "pairs", pairs)


@mutant("11.12.4", "login-unsupported-version-01")
def version_of_a_request_is_not_looked_at(plant: Plant) -> None:
    """A login that needs another version of the protocol is accepted."""
    _check(plant, lambda request, first: setattr(request, "version_min", 0))


@mutant("11.12.4.1", "login-version-range-01")
def version_range_is_not_understood(plant: Plant) -> None:
    """A login that offers later versions beside ours is refused."""

    def check(request: LoginRequest, _: LoginRequest | None) -> None:
        if request.version_max:
            raise LoginFailure(LoginStatus.UNSUPPORTED_VERSION, "Version-max", "11.12.4")

    _check(plant, check)


@mutant("11.12.4.2", "login-version-first-01")
def version_of_the_last_request_counts(plant: Plant) -> None:
    """Each Login Request is asked for its version, not the first alone."""

    def check(request: LoginRequest, _: LoginRequest | None) -> None:
        if request.version_min:
            raise LoginFailure(LoginStatus.UNSUPPORTED_VERSION, "Version-min", "11.12.4")

    _check(plant, check)


# Failures


@mutant("11.13.5", "login-failure-closes-01 login-other-pdu-01 login-other-pdu-02")
def connection_stays_open_after_a_failed_login(plant: Plant) -> None:
    """A refused login does not end its connection."""

    def close(original: Original, connection: Connection, event: ConnectionEvent, **how: Any) -> None:
        if event is not ConnectionEvent.LOGIN_FAILED:
            original(connection, event, **how)

    plant.wrap(Connection, "close", close)


@mutant("8.3.4", "login-failure-forgets-01")
def failed_login_keeps_its_isid(plant: Plant) -> None:
    """An ISID whose login failed cannot be used again."""
    failed: set[bytes] = set()

    def refuse(original: Original, attempt: Login, failure: LoginFailure) -> None:
        failed.add(attempt._request.isid)
        original(attempt, failure)

    def check(request: LoginRequest, _: LoginRequest | None) -> None:
        if request.isid in failed:
            raise _refuse("the ISID is in use")

    plant.wrap(Login, "_refuse", refuse)
    _check(plant, check)


@mutant("7.13", "login-again-01 reject-login-01")
def login_is_possible_in_full_feature_phase(plant: Plant) -> None:
    """A Login Request in the full feature phase is answered with success."""

    def handle(connection: Connection, frame: Frame) -> None:
        request = LoginRequest.decode(frame.header)
        response = LoginResponse.make(
            transit=1, csg=1, nsg=3, isid=request.isid, tsih=request.tsih, stat_sn=connection.next_stat_sn()
        )
        response.initiator_task_tag = request.initiator_task_tag
        response.exp_cmd_sn, response.max_cmd_sn = request.cmd_sn, request.cmd_sn
        connection.send_pdu(response)

    plant.row(dispatch.handlers_for(False), Opcode.LOGIN_REQUEST.value, handle)


@mutant("8.1.2", "login-time-out-01 login-time-out-02")
def logins_may_take_for_ever(plant: Plant) -> None:
    """A connection on which nobody logs in is never closed."""

    def handle_timer(original: Original, connection: Connection, now: float) -> float | None:
        due: float | None = original(connection, now) if connection.in_full_feature_phase else None
        return due

    plant.wrap(Connection, "handle_timer", handle_timer)


def _in_login(plant: Plant, state: ConnectionState) -> None:
    def handle(original: Original, connection: Connection, frames: list[Frame]) -> None:
        there = connection.state is state
        original(connection, [frame for frame in frames if frame.opcode == Opcode.LOGIN_REQUEST or not there])

    plant.wrap(Connection, "_handle_in_login", handle)


@mutant("4.2.4", "login-first-pdu-01 login-first-pdu-02 login-first-pdu-03")
def what_comes_before_the_login_is_ignored(plant: Plant) -> None:
    """A connection that does not begin with a Login Request is kept, and waits for one."""
    _in_login(plant, ConnectionState.XPT_UP)


@mutant("4.2.4", "login-other-pdu-01 login-other-pdu-02")
def what_comes_during_the_login_is_ignored(plant: Plant) -> None:
    """A PDU of the full feature phase that comes during a login is dropped, and the login goes on."""
    _in_login(plant, ConnectionState.IN_LOGIN)


# Responses


@mutant("11.13", "login-response-fields-01")
def login_response_repeats_half_of_the_tag(plant: Plant) -> None:
    """A Login Response has the lower 16 bits of the Initiator Task Tag alone."""

    def edit(pdu: LoginResponse, _: Connection) -> None:
        pdu.initiator_task_tag &= 0xFFFF

    plant.sent(LoginResponse, edit)


@mutant("11.13.1", "login-version-01")
def version_changes_within_a_login(plant: Plant) -> None:
    """Version-max of the responses that transit is another than before."""

    def edit(pdu: LoginResponse, _: Connection) -> None:
        pdu.version_max = pdu.transit

    plant.sent(LoginResponse, edit)


@mutant("11.13.3", "login-tsih-01")
def tsih_is_told_from_the_beginning(plant: Plant) -> None:
    """Every response to the login of a new session has a TSIH, not the last alone."""

    def edit(pdu: LoginResponse, _: Connection) -> None:
        pdu.tsih = pdu.tsih or 0x1234

    plant.sent(LoginResponse, edit)


@mutant("11.13.4", "login-stat-sn-01")
def login_responses_share_a_stat_sn(plant: Plant) -> None:
    """StatSN stays the same until the login is over."""

    def edit(pdu: LoginResponse, connection: Connection) -> None:
        if not pdu.transit:
            connection.stat_sn -= 1

    plant.sent(LoginResponse, edit)


@mutant("13.9", "login-portal-group-01")
def portal_group_is_not_told(plant: Plant) -> None:
    """No Login Response has TargetPortalGroupTag."""

    def declarations(original: Original, attempt: Login) -> Pairs:
        return [pair for pair in original(attempt) if pair[0] != "TargetPortalGroupTag"]

    plant.wrap(Login, "_declarations", declarations)


@mutant("11", "login-reserved-bits-01")
def reserved_bits_of_a_login_request_are_refused(plant: Plant) -> None:
    """A Login Request with a reserved bit that is not 0 is an initiator error."""

    def received(original: Original, attempt: Login, frame: Frame) -> None:
        header = bytes(frame.header)
        if header[0] & 0x80 or header[1] & 0x30 or any(header[22:24]) or any(header[32:48]):
            attempt._request = LoginRequest.decode(header)
            attempt._refuse(_refuse("reserved bits"))
            return
        original(attempt, frame)

    plant.wrap(Login, "received", received)
